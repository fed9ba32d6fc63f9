"""A FOCUS dataset in DuckDB: loaded when it is first asked, then asked by SQL and by ready-made questions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from shutil import rmtree
from threading import RLock
from typing import Any
from weakref import finalize

import duckdb

from builder_jupyter.costs.focus.check import Fault, check
from builder_jupyter.costs.focus.columns import all_columns, version_of
from builder_jupyter.costs.focus.files import check_file
from builder_jupyter.errors import InvalidInput
from builder_jupyter.storage.focus.breakdown import condition, query
from builder_jupyter.storage.focus.cases import Case
from builder_jupyter.storage.focus.places import Files, Kind
from builder_jupyter.storage.focus.reading import has_gaps, raw, select_list, types_of
from builder_jupyter.storage.scratch import answer, first_lines

TABLE = "focus"
"""The name of the charges in SQL. `focus_data_table`, as published questions call it, is the same."""

ALIAS = "focus_data_table"
ROWS_AT_A_TIME = 10_000
Moment = str | date | datetime | None
_SETTINGS: dict[str, Any] = {"python_enable_replacements": False, "preserve_insertion_order": False}

# DuckDB's own way to write times ends in +00, which FOCUS does not allow.
_TIMES = "TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%SZ'"
FORMATS = {".csv": f"FORMAT csv, HEADER, {_TIMES}", ".jsonl": f"FORMAT json, {_TIMES}", ".parquet": "FORMAT parquet"}
"""How charges can be written, by the ending of the file."""

_TAG_KEYS = """
SELECT key FROM (SELECT unnest(json_keys(Tags)) AS key FROM focus WHERE Tags IS NOT NULL)
GROUP BY key ORDER BY count(*) DESC, key
"""

# A charge belongs to a window when it begins in it. Ends are exclusive: to compare them with "<" loses the last hour
# of a window, and of billing periods the whole last month.
_WINDOWS = """
charges AS (SELECT * FROM focus WHERE
    ($start::TIMESTAMP IS NULL OR ChargePeriodStart >= $start::TIMESTAMP)
    AND ($end::TIMESTAMP IS NULL OR ChargePeriodStart < $end::TIMESTAMP)),
invoiced AS (SELECT * FROM focus WHERE
    ($start::TIMESTAMP IS NULL OR BillingPeriodStart >= date_trunc('month', $start::TIMESTAMP))
    AND ($end::TIMESTAMP IS NULL OR BillingPeriodStart < $end::TIMESTAMP))
"""


class Dataset:
    """Charges of one or several files. Thread-safe: one question at a time.

    ``unread`` is what could not be read of the texts in the files: column to how many cells and one of them.
    """

    def __init__(self, files: Sequence[Files]) -> None:
        self._files = files
        self._lock = RLock()
        self._connection = duckdb.connect(config=_SETTINGS)
        self._connection.execute("SET TimeZone = 'UTC'")
        self._loaded = False
        self.version = ""
        self.unread: dict[str, tuple[int, str]] = {}

    def keep(self, folder: Path) -> None:
        """Remove a temporary folder, in which the files lie, when nobody can ask any more."""
        finalize(self, rmtree, folder, ignore_errors=True)

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def sql(self, query: str, parameters: Mapping[str, Any] | None = None, *, to: str = "pandas", **frames: Any) -> Any:
        """Return what one query over the table ``focus`` gives.

        Parameters
        ----------
        parameters : values of ``$name`` in the query.
        to : ``pandas``, ``polars`` or ``arrow``.
        frames : dataframes of the caller's, as tables under their names.

        Raises
        ------
        InvalidInput : ``INVALID_SQL``, ``NOT_A_QUERY``, ``INVALID_FOCUS_FILE``.
        NotConfigured : ``NO_LIBRARY``.
        """
        with self._lock:
            self.load()
            given = []
            try:
                statements = self._connection.extract_statements(query)
                if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
                    raise InvalidInput("One query is taken, and nothing that changes anything.", code="NOT_A_QUERY")
                for name, frame in frames.items():
                    self._connection.register(name, frame)
                    given.append(name)
                wanted = {name: (parameters or {}).get(name) for name in statements[0].named_parameters}
                return answer(self._connection.sql(query, params=wanted or None), to)
            except duckdb.Error as error:
                raise InvalidInput(f"The database says: {first_lines(error)}", code="INVALID_SQL") from error
            finally:
                for name in given:
                    self._connection.unregister(name)

    def ask(
        self, case: Case, parameters: Mapping[str, Any], *, start: Moment, end: Moment, to: str, **frames: Any
    ) -> Any:
        """Return the answer to a ready-made question about a window; arguments and errors are those of `sql`.

        Its SQL reads ``charges``, those whose charge period begins in the window, or ``invoiced``, those whose billing
        period does.
        """
        # Comments and WITH of the question's own stand behind the windows.
        own = re.sub(r"\A((?:--[^\n]*\n)*)WITH\b", r", \1", case.sql)
        query = f"WITH {_WINDOWS.strip()}{own if own.startswith(',') else chr(10) + own}"
        return self.sql(query, {**parameters, "start": start, "end": end}, to=to, **frames)

    def add_up(
        self, by: Sequence[str], measure: str, where: Mapping[str, str | None], *, start: Moment, end: Moment, to: str
    ) -> Any:
        """Return charges of a window added up (`breakdown.query`); errors are those of that and of `sql`."""
        text, given = query(by, measure, where)
        return self.sql(f"WITH {_WINDOWS.strip()} {text}", {**given, "start": start, "end": end}, to=to)

    def write(self, path: Path, where: Mapping[str, str | None], *, start: Moment, end: Moment) -> int:
        """Write the charges of a window as CSV, JSON Lines or Parquet, by the file's ending; return how many.

        Raises
        ------
        InvalidInput : ``UNKNOWN_FORMAT``; ``FILE_NOT_WRITABLE``; as `sql`.
        """
        options = FORMATS.get(path.suffix)
        if options is None:
            raise InvalidInput(f"{path.name} ends in none of {', '.join(FORMATS)}.", code="UNKNOWN_FORMAT")
        given: dict[str, Any] = {}
        kept = condition(where, given)
        given |= {"start": start, "end": end}
        target = str(path).replace("'", "''")
        with self._lock:
            self.load()
            rows = f"WITH {_WINDOWS.strip()} SELECT * FROM charges WHERE {kept}"  # noqa: S608 - made by `condition`
            try:
                done = self._connection.execute(f"COPY ({rows}) TO '{target}' ({options})", given).fetchone()
            except duckdb.IOException as error:
                raise InvalidInput(f"{path} cannot be written.", code="FILE_NOT_WRITABLE") from error
        return int(done[0]) if done else 0

    def tag_keys(self) -> list[str]:
        """Return the keys of the charges' tags, the most frequent first."""
        with self._lock:
            self.load()
            found = self._connection.execute(_TAG_KEYS).fetchall()
        return [key for (key,) in found]

    def load(self) -> None:
        """Read the files, once. Raises `InvalidInput` (``INVALID_FOCUS_FILE``)."""
        with self._lock:
            if self._loaded:
                return
            try:
                self._load()
            except duckdb.Error as error:
                raise _unreadable(self._files, error) from error
            self._loaded = True

    def _load(self) -> None:
        parts, versions = [], []
        for at, files in enumerate(self._files):
            source = f"source_{at}"
            relation = raw(self._connection, files)
            types = types_of(relation)
            versions.append(version_of(types))
            relation.create_view(source)
            self._find_gaps(source, has_gaps(types))
            made = f"SELECT {select_list(types)} FROM {source}"  # noqa: S608 - names are quoted
            if files.kind is not Kind.PARQUET:  # texts would be read again by every question
                self._connection.execute(f"CREATE TABLE read_{at} AS {made}")
                made = f"SELECT * FROM read_{at}"  # noqa: S608
            parts.append(made)
        self.version = max(versions)
        whole = " UNION ALL BY NAME ".join(parts)
        self._connection.execute(f"CREATE VIEW {TABLE} AS {whole}")
        self._connection.execute(f"CREATE VIEW {ALIAS} AS SELECT * FROM {TABLE}")  # noqa: S608
        self._check_columns()

    def _find_gaps(self, source: str, counts: str) -> None:
        """Count the cells that are not empty and cannot be read: they must not vanish unsaid."""
        if not counts:
            return
        found = self._connection.sql(f"SELECT {counts} FROM {source}")  # noqa: S608
        (row,) = found.fetchall()
        pairs = zip(found.columns[::2], row[::2], row[1::2], strict=True)
        for column, lost, sample in pairs:
            if lost:
                self.unread[column] = (lost + self.unread.get(column, (0, ""))[0], str(sample))

    def _check_columns(self) -> None:
        """Refuse a file that is none of FOCUS: it would answer every question with nothing."""
        counts = "count(BilledCost), count(EffectiveCost), count(*)"
        ((billed, effective, rows),) = self._connection.sql(f"SELECT {counts} FROM {TABLE}").fetchall()  # noqa: S608
        if rows and not billed and not effective:
            raise InvalidInput(
                "These files have neither BilledCost nor EffectiveCost: they are no FOCUS Cost and Usage.",
                code="INVALID_FOCUS_FILE",
                hint="Export FOCUS from the vendor's billing console, or rename the columns.",
            )

    def faults(self) -> Iterator[Fault]:
        """Yield what breaks the rules of FOCUS in the files as they are written.

        Raises `InvalidInput` (``INVALID_FOCUS_FILE``).
        """
        for files in self._files:
            if files.kind is Kind.PARQUET:
                try:
                    yield from self._check_parquet(files)
                except duckdb.Error as error:
                    raise _unreadable([files], error) from error
            else:
                for path in files.paths:
                    yield from check_file(path)

    def _check_parquet(self, files: Files) -> Iterator[Fault]:
        types = types_of(raw(self._connection, files))
        names = list(types)
        texts = ", ".join(_as_written(name, kind) for name, kind in types.items())
        with self._connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            result = cursor.execute(
                f"SELECT {texts} FROM read_parquet($paths, union_by_name = true)",  # noqa: S608 - names are quoted
                {"paths": list(files.paths)},
            )
            rows = iter(lambda: result.fetchmany(ROWS_AT_A_TIME), [])
            yield from check(names, (dict(zip(names, row, strict=True)) for batch in rows for row in batch))

    def columns(self) -> list[tuple[str, str]]:
        """Return the names of the columns and their types in DuckDB."""
        with self._lock:
            self.load()
            return list(types_of(self._connection.table(TABLE)).items())

    def filled(self) -> dict[str, int]:
        """Return in how many rows each column of FOCUS is not empty."""
        names = [name for name, _ in self.columns()]
        counts = ", ".join(f'count("{name}")' for name in names)
        with self._lock:
            (row,) = self._connection.sql(f"SELECT {counts} FROM {TABLE}").fetchall()  # noqa: S608
        return dict(zip(names, row, strict=True))

    def meanings(self) -> list[dict[str, Any]]:
        """Return what each column is: name, type, level, in which versions, meaning, and how many rows have it."""
        filled = self.filled()
        known = {column.name: column for column in all_columns()}
        return [
            {
                "column": name,
                "type": str(known[name].type) if name in known else "",
                "level": known[name].level if name in known else "of this file",
                "since": known[name].since if name in known and not known[name].is_custom else "",
                "rows": filled[name],
                "meaning": known[name].meaning if name in known else "",
            }
            for name in filled
        ]


def _unreadable(places: Sequence[Files], error: duckdb.Error) -> InvalidInput:
    names = ", ".join(repr(path) for files in places for path in files.paths[:1])
    return InvalidInput(f"{names} cannot be read: {first_lines(error)}", code="INVALID_FOCUS_FILE")


def _as_written(name: str, kind: str) -> str:
    """Return what makes a typed value the text, number or object that the checker reads."""
    here = '"' + name.replace('"', '""') + '"'
    if kind.startswith("TIMESTAMP") or kind == "DATE":
        return f"strftime({here}::TIMESTAMP, '%Y-%m-%dT%H:%M:%SZ')"
    if kind.startswith(("MAP", "STRUCT")):
        return f"CASE WHEN {here} IS NOT NULL THEN to_json({here})::VARCHAR END"
    if kind in {"DOUBLE", "FLOAT"}:
        return f"{here}::DECIMAL(38, 15)"
    return here
