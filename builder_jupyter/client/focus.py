"""`bj.billing` and `bj.focus`: our own billing data, and that of any vendor, in cells, as dataframes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from builder_jupyter.clock import iso_z
from builder_jupyter.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

    from builder_jupyter.client.client import Client
    from builder_jupyter.storage.focus.dataset import Dataset

Moment = str | date | datetime | None

LONGEST = timedelta(days=365)
"""The longest window of one export."""

MOST_FAULTS = 1000
"""How many faults `FocusData.validate` lists; a file that is wrong all through has one in each row."""


def focus(*paths: str | Path) -> FocusData:
    """Return FOCUS billing files as a dataset: CSV, Parquet or JSON Lines, of any vendor and version.

    Parameters
    ----------
    paths : files, patterns such as ``export/**/*.parquet``, folders, or a delivery's ``manifest.json``. Several are
        read as one dataset.

    Raises
    ------
    NotFound : ``FILE_NOT_FOUND``.
    InvalidInput : ``INVALID_FOCUS_FILE``: no path, or several kinds of files in one place. What is in the files is
        looked at when the dataset is first asked.

    Examples
    --------
    >>> import builder_jupyter as bj
    >>> costs = bj.focus("focus_export.csv")  # doctest: +SKIP
    >>> costs.by_service()  # doctest: +SKIP
    """
    from builder_jupyter.storage.focus.dataset import Dataset
    from builder_jupyter.storage.focus.places import files_of

    if not paths:
        raise InvalidInput("Say which files.", code="INVALID_FOCUS_FILE", hint="bj.focus('export/*.parquet')")
    return FocusData(Dataset([files_of(path) for path in paths]), ", ".join(map(str, paths)))


def billing(start: Moment = None, end: Moment = None, *, client: Client | None = None) -> FocusData:
    """Return what this workspace's runs have cost, in FOCUS, as `focus` returns files.

    Parameters
    ----------
    start, end : when it was posted, ``end`` exclusive: days or times, UTC. By default the 365 days up to now; a longer
        window is fetched in parts.
    client : whose workspace; that of the process's own client when None.

    Raises
    ------
    InvalidInput : ``INVALID_WINDOW``.
    Forbidden : ``MISSING_SCOPE``: the client's key lacks ``read:billing``.
    """
    from builder_jupyter.client.default import default_client
    from builder_jupyter.storage.focus.dataset import Dataset
    from builder_jupyter.storage.focus.places import Files, files_of

    transport = (client or default_client()).transport
    last = _moment(end) or datetime.now(UTC) + timedelta(seconds=1)
    first = _moment(start) or last - LONGEST
    folder, files = Path(mkdtemp(prefix="builder-")), list[Files]()
    dataset = Dataset(files)
    dataset.keep(folder)
    while first < last:
        stop = min(first + LONGEST, last)
        place = folder / f"{len(files)}.parquet"
        transport.portal.wait(transport.credits.export(place, iso_z(first), iso_z(stop), fmt="parquet"))
        files.append(files_of(place))
        first = stop
    if not files:
        raise InvalidInput("The end must come after the start.", code="INVALID_WINDOW")
    return FocusData(dataset, f"the charges of {transport.where}")


def questions() -> dict[str, tuple[str, ...]]:
    """Return the names of the ready-made questions, each with those of its parameters; `FocusData.use_cases` says more.

    Nothing is read for it.
    """
    from builder_jupyter.storage.focus.cases import cases

    return {case.name: tuple(parameter.name for parameter in case.parameters) for case in cases().values()}


def _moment(given: Moment) -> datetime | None:
    """Return a time, UTC; what has no zone is meant so."""
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = datetime.fromisoformat(given)
        except ValueError:
            raise InvalidInput(f"{given!r} is no time.", code="INVALID_WINDOW", hint="Write 2026-01-31.") from None
    moment = given if isinstance(given, datetime) else datetime(given.year, given.month, given.day)  # noqa: DTZ001
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class FocusData:
    """Charges as a table ``focus``, in FOCUS's columns, to be asked by SQL, by ready-made use cases and by methods.

    Nothing is read before the first question. Costs are in the data's own BillingCurrency. Answers are pandas
    dataframes, or what ``to`` says: ``pandas``, ``polars`` or ``arrow``. A window [``start``, ``end``) is one of charge
    periods, or of billing periods where the use case is about invoices; both ends may be dates, ``2026-01-31``, or
    times, UTC; None leaves a side open.
    """

    _dataset: Dataset
    _title: str
    _start: Moment = None
    _end: Moment = None

    def between(self, start: Moment = None, end: Moment = None) -> FocusData:
        """Return the same data with a window that its use cases and methods are about, unless they are told another."""
        return replace(self, _start=start, _end=end)

    def sql(self, query: str, parameters: Mapping[str, Any] | None = None, *, to: str = "pandas", **frames: Any) -> Any:
        """Return what a query over the table ``focus`` gives; windows do not apply to it.

        Parameters
        ----------
        parameters : values of ``$name`` in the query.
        frames : dataframes of yours as further tables: ``sql("… JOIN budgets USING (SubAccountId)", budgets=df)``.

        Raises
        ------
        InvalidInput : ``INVALID_SQL``, ``NOT_A_QUERY``, ``INVALID_FOCUS_FILE``.
        NotConfigured : ``NO_LIBRARY``: what it is to be is not installed.
        """
        return self._dataset.sql(query, parameters, to=to, **frames)

    def use_cases(self) -> pd.DataFrame:
        """Return the ready-made questions: name, family, title, question, parameters, and whether they fit this data.

        ``fits`` is False where a column that the question reads is empty throughout.
        """
        import pandas as pd

        from builder_jupyter.storage.focus.cases import cases

        filled = self._dataset.filled()
        rows = [
            {
                "name": case.name,
                "family": case.family,
                "title": case.title,
                "question": case.question,
                "parameters": ", ".join(f"{p.name}={p.default!r}" for p in case.parameters),
                "columns": ", ".join(case.columns),
                "fits": all(filled.get(column) for column in case.columns),
            }
            for case in cases().values()
        ]
        return pd.DataFrame(rows).set_index("name")

    def use_case(
        self, name: str, *, start: Moment = None, end: Moment = None, to: str = "pandas", **parameters: Any
    ) -> Any:
        """Return the answer to a ready-made question; `use_cases` lists them.

        Raises
        ------
        NotFound : ``UNKNOWN_USE_CASE``.
        InvalidInput : ``UNKNOWN_PARAMETER``, ``MISSING_PARAMETER``; as `sql`.
        """
        from builder_jupyter.storage.focus.cases import case_of

        case = case_of(name)
        known = {parameter.name: parameter.default for parameter in case.parameters}
        unknown = sorted(set(parameters) - set(known))
        if unknown:
            raise InvalidInput(
                f"The use case {name!r} has no parameter {', '.join(unknown)}.",
                code="UNKNOWN_PARAMETER",
                hint=f"It has: {', '.join(known) or 'none'} (and start, end).",
            )
        given = {**known, **parameters}
        missing = sorted(parameter for parameter, value in given.items() if value is None)
        if missing:
            meanings = "; ".join(f"{p.name}: {p.meaning}" for p in case.parameters if p.name in missing)
            raise InvalidInput(f"The use case {name!r} needs {meanings}.", code="MISSING_PARAMETER")
        first, last = self._window(start, end)
        return self._dataset.ask(case, given, start=first, end=last, to=to)

    def breakdown(
        self,
        *by: str,
        measure: str = "effective",
        where: Mapping[str, str | None] | None = None,
        start: Moment = None,
        end: Moment = None,
        to: str = "pandas",
    ) -> Any:
        """Return charges added up by what you choose, the most first: a column for each ``by``, Amount, Charges.

        Parameters
        ----------
        by : ``month``, ``day``, ``service``, ``category``, ``provider``, ``account``, ``region``, ``workflow``,
            ``model``, ``trigger``, ``execution``, ``step``, ``resource``, ``sku``, ``charge``, ``currency``,
            ``tag:KEY``.
        measure : ``effective``, ``billed`` or ``list`` cost, ``credits`` or ``tokens``.
        where : only charges of this value of a dimension; None is for those that have none.

        Raises
        ------
        InvalidInput : ``UNKNOWN_DIMENSION``, ``UNKNOWN_MEASURE``.

        Examples
        --------
        >>> costs.breakdown("month", "step", where={"workflow": "support"}, measure="credits")  # doctest: +SKIP
        """
        first, last = self._window(start, end)
        return self._dataset.add_up(by, measure, where or {}, start=first, end=last, to=to)

    def save(
        self,
        path: str | Path,
        *,
        where: Mapping[str, str | None] | None = None,
        start: Moment = None,
        end: Moment = None,
    ) -> int:
        """Write the charges into a file, ``.csv``, ``.jsonl`` or ``.parquet``, over what is there; return how many.

        ``where`` is as in `breakdown`.

        Raises
        ------
        InvalidInput : ``UNKNOWN_FORMAT``, ``FILE_NOT_WRITABLE``.
        """
        first, last = self._window(start, end)
        return self._dataset.write(Path(path), where or {}, start=first, end=last)

    def dimensions(self) -> dict[str, str]:
        """Return what of `breakdown` these charges have, by name how it is called; tags by frequency at the end."""
        from builder_jupyter.storage.focus.breakdown import DIMENSIONS, TAG, title_of

        filled = self._dataset.filled()
        found = [name for name, one in DIMENSIONS.items() if any(filled.get(column) for column in one.columns)]
        return {name: title_of(name) for name in (*found, *(TAG + key for key in self._dataset.tag_keys()))}

    def measures(self) -> dict[str, str]:
        """Return what of these charges can be added up, by name how it is called; credits come first."""
        from builder_jupyter.storage.focus.breakdown import MEASURES

        filled = self._dataset.filled()
        return {name: one.title for name, one in MEASURES.items() if filled.get(one.column)}

    def _window(self, start: Moment, end: Moment) -> tuple[Moment, Moment]:
        return self._start if start is None else start, self._end if end is None else end

    def by_service(self, **options: Any) -> Any:
        """Return what each service cost. ``options`` here and below are those of `use_case`."""
        return self.use_case("costs-by-service", **options)

    def by_month(self, **options: Any) -> Any:
        """Return what each month cost: as used, as billed, and at list prices."""
        return self.use_case("costs-by-month", **options)

    def by_tag(self, key: str, **options: Any) -> Any:
        """Return what each value of a tag cost."""
        return self.use_case("costs-by-tag", key=key, **options)

    def by_workflow(self, **options: Any) -> Any:
        """Return the credits that each workflow used."""
        return self.use_case("credits-by-workflow", **options)

    def by_model(self, **options: Any) -> Any:
        """Return the credits that each model used."""
        return self.use_case("credits-by-model", **options)

    def credits_used(self, **options: Any) -> Any:
        """Return how much virtual currency each billing period used."""
        return self.use_case("virtual-currency-consumption", **options)

    def credits_left(self, **options: Any) -> Any:
        """Return the balance of credits and for how many days it lasts."""
        return self.use_case("credits-left", **options)

    def burn_down(self, **options: Any) -> Any:
        """Return the balance of credits day by day."""
        return self.use_case("burn-down", **options)

    def invoices(self, **options: Any) -> Any:
        """Return the invoices and what they come to."""
        return self.use_case("invoice-totals", **options)

    def anomalies(self, **options: Any) -> Any:
        """Return the days on which a service cost far more than it usually does."""
        return self.use_case("unusual-days", **options)

    def savings(self, **options: Any) -> Any:
        """Return how much less than the public price was paid, by service."""
        return self.use_case("effective-savings-rate-by-service", **options)

    def forecast(self, **options: Any) -> Any:
        """Return the months so far and those to come if the trend goes on."""
        return self.use_case("forecast-effective", **options)

    def columns(self) -> pd.DataFrame:
        """Return what each column is, and in how many rows it is not empty."""
        import pandas as pd

        return pd.DataFrame(self._dataset.meanings()).set_index("column")

    def unread(self) -> pd.DataFrame:
        """Return what could not be read of the files' texts: column, cells, and one of them; mostly nothing."""
        import pandas as pd

        self._dataset.load()
        rows = [(name, cells, sample) for name, (cells, sample) in self._dataset.unread.items()]
        return pd.DataFrame(rows, columns=["column", "cells", "sample"])

    def validate(self) -> pd.DataFrame:
        """Return what breaks the rules of FOCUS: row, column, message; at most `MOST_FAULTS`.

        The rules are those of exports of ours: exact products of price and quantity, every column there. Files of
        vendors break many of them and can be worked with all the same.
        """
        from itertools import islice

        import pandas as pd

        found = islice(self._dataset.faults(), MOST_FAULTS)
        rows = [(fault.row, fault.column, fault.message) for fault in found]
        return pd.DataFrame(rows, columns=["row", "column", "message"])

    def __repr__(self) -> str:
        window = f", from {self._start or '…'} to {self._end or '…'}" if self._start or self._end else ""
        return f"<FocusData of {self._title}{window}>"
