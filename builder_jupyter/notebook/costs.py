"""What a billing panel shows, without the panel: charges grouped and narrowed down, as a table, a chart and a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder_jupyter.notebook.charts import NONE, Chart, bars, columns

if TYPE_CHECKING:
    import pandas as pd

    from builder_jupyter.client.focus import FocusData

MOST_ROWS = 12
"""Rows of the table; what is beyond them is one row more."""

MOST_DAYS = 62
"""Up to so long a time is drawn day by day."""

INNER = ("execution", "step", "resource", "sku")
"""Where one gets to from any other group, in this order, as far as the charges have it."""

TIMES = ("month", "day")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. ``value`` is what a step down keeps; None for charges that have none."""

    label: str
    value: str | None
    amount: float
    share: float | None
    charges: int
    is_rest: bool = False


@dataclass(frozen=True)
class Costs:
    """A view of charges that never changes: moving about gives another.

    Parameters
    ----------
    by, measure : as in `FocusData.breakdown`.
    first, last : days, both included; None leaves a side open.
    path : how one came here: dimension and value of each step down.
    budget : what a month may cost, in the measure ``budgeted``.
    """

    data: FocusData
    by: str
    measure: str
    first: date | None = None
    last: date | None = None
    path: tuple[tuple[str, str | None], ...] = ()
    budget: float | None = None
    budgeted: str = "credits"

    @property
    def where(self) -> dict[str, str | None]:
        """What the path keeps."""
        return dict(self.path)

    @property
    def unit(self) -> str:
        """What amounts are in: credits, tokens, the currency; ``mixed currencies`` where there are several."""
        if self.measure in ("credits", "tokens"):
            return self.measure
        found = self._breakdown("currency")["Currency"].dropna().tolist()
        return found[0] if len(found) == 1 else "mixed currencies" if found else ""

    @property
    def title(self) -> str:
        """What is measured, with its unit."""
        name = self.data.measures()[self.measure]
        return name if self.measure in ("credits", "tokens") else f"{name}, {self.unit}"

    def rows(self) -> list[Row]:
        """Return the table: times in their order, else the most first, and what is beyond `MOST_ROWS` as one."""
        frame = self._breakdown(self.by)
        label = frame.columns[0]
        if self.by in TIMES:
            frame = frame.sort_values(label, kind="stable")
        else:  # what was taken back matters as much as what was charged
            frame = frame.sort_values("Amount", key=abs, ascending=False, kind="stable")
        total = float(frame["Amount"].sum())
        found = [
            Row(
                label=_word(name),
                value=None if _is_none(name) else str(name),
                amount=float(amount),
                share=float(amount) / total if total > 0 else None,
                charges=int(charges),
            )
            for name, amount, charges in frame.itertuples(index=False)
            if amount or charges
        ]
        if len(found) <= MOST_ROWS + 1 or self.by in TIMES:
            return found
        rest = found[MOST_ROWS:]
        amount = sum(row.amount for row in rest)
        share = amount / total if total > 0 else None
        name = f"{len(rest)} others"
        return [*found[:MOST_ROWS], Row(name, None, amount, share, sum(row.charges for row in rest), is_rest=True)]

    def chart(self) -> Chart | None:
        """Return the chart of the table; None where there is nothing. Raises `NotConfigured` (``NO_LIBRARY``)."""
        if self.by in INNER:
            frame = _named(self._breakdown(self.by))
            return bars(frame, frame.columns[0], "Amount", title=self.title) if len(frame) else None
        time = self._time()
        parts = () if self.by in TIMES else (self.by,)
        frame = _named(self._breakdown(time, *parts))
        if not len(frame):
            return None
        part = frame.columns[1] if parts else None
        is_budget = self.budget is not None and time == "month" and self.measure == self.budgeted and not self.path
        return columns(
            frame.sort_values(frame.columns[0]), frame.columns[0], "Amount",
            title=self.title, part=part, limit=self.budget if is_budget else None,
        )  # fmt: skip

    def inner(self) -> str | None:
        """Return what a row is divided into: executions, then steps; of what has none, resources, then SKUs."""
        done = {self.by, *self.where}
        known = self.data.dimensions()
        deepest = max((INNER.index(name) for name in done if name in INNER), default=-1)
        return next(
            (name for at, name in enumerate(INNER) if at > deepest and name in known and self._leads(name)), None
        )

    def down(self, row: Row) -> Costs:
        """Return what is behind a row; the same view where nothing is."""
        inner = self.inner()
        if inner is None or row.is_rest:
            return self
        return replace(self, by=inner, path=(*self.path, (self.by, row.value)))

    def up(self, level: int) -> Costs:
        """Return the view of some steps down the path, 0 for the whole."""
        return replace(self, by=self.path[level][0], path=self.path[:level]) if level < len(self.path) else self

    def export(self, folder: Path, ending: str) -> tuple[Path, int]:
        """Write the charges that are shown into a new file of a folder; return it, and how many charges it has.

        Raises
        ------
        InvalidInput : ``FILE_NOT_WRITABLE``.
        """
        days = [day.isoformat() for day in (self.first, self.last) if day is not None]
        stem = "-".join(["billing", *days])
        names = (f"{stem}{'' if at == 1 else f'-{at}'}{ending}" for at in range(1, 10_000))
        path = next(folder / name for name in names if not (folder / name).exists())
        return path, self.data.save(path, where=self.where, start=self.first, end=self._end())

    def _leads(self, name: str) -> bool:
        """Say whether one may go there from here: charges with executions lead to them, and not on to resources."""
        has_runs = "execution" in self.data.dimensions()
        return name in ("execution", "step") if has_runs else name in ("resource", "sku")

    def _time(self) -> str:
        if self.by in TIMES:
            return self.by
        days = self._breakdown("day")["Day"].dropna()
        if not len(days):
            return "month"
        length = date.fromisoformat(days.max()) - date.fromisoformat(days.min())
        # A budget is a month's: beside it, days would say nothing.
        has_budget = self.budget is not None and self.measure == self.budgeted and not self.path
        return "month" if has_budget or length.days > MOST_DAYS else "day"

    def _breakdown(self, *by: str) -> pd.DataFrame:
        found: pd.DataFrame = self.data.breakdown(
            *by, measure=self.measure, where=self.where, start=self.first, end=self._end()
        )
        if self.measure == "credits":  # grants and purchases use none
            found = found[found["Amount"] != 0]
        return found.astype({"Amount": "float64"})

    def _end(self) -> date | None:
        return None if self.last is None else self.last + timedelta(days=1)


def first_view(data: FocusData, *, budget: float | None, budgeted: str) -> Costs:
    """Return the view to begin with: credits where charges have them, by service or workflow."""
    known, measures = data.dimensions(), data.measures()
    by = next((name for name in ("workflow", "service", "month") if name in known), "month")
    return Costs(data, by, next(iter(measures), "effective"), budget=budget, budgeted=budgeted)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in frame.columns if name not in ("Amount", "Charges")]
    return frame.assign(**{name: frame[name].map(_word) for name in names})


def _word(value: Any) -> str:
    return NONE if _is_none(value) else str(value)


def _is_none(value: Any) -> bool:
    return not isinstance(value, str)
