"""The ledger as a FOCUS file, made in DuckDB chunk by chunk, in posting order, in bounded memory.

Every value is made once, as text, by the database: a row is one string when it reaches Python. One ledger gives the
same bytes; what is posted while an export runs is not in it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb

from builder_jupyter.costs.focus.check import STAND_INS
from builder_jupyter.costs.focus.columns import VERSION, Column, DataType, all_columns, columns_of
from builder_jupyter.costs.focus.vendor import CREDITS, SERVICES, STEPS, Vendor
from builder_jupyter.errors import InvalidInput
from builder_jupyter.storage.database import Database

ROWS_AT_A_TIME = 20_000
FIRST_ROWS = 1_000
"""The first rows come by themselves, so that a reader sees soon that something comes."""

FILLED = "charges.sql"
VISIBLE = r"[^\p{Z}\p{C}]"
"""What a text has that is not blank; a word such as ``NULL`` that people write for nothing is none either."""


class Format(StrEnum):
    """How an export is written."""

    JSON_LINES = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which charges of a workspace, and how.

    Parameters
    ----------
    start_ms, end_ms : the window of posting times [start, end), epoch milliseconds.
    columns : those of the file, in its order.
    safe : put ``'`` before texts that a spreadsheet would run as formulas.
    """

    workspace: str
    start_ms: int
    end_ms: int
    columns: tuple[Column, ...]
    safe: bool = False


def columns_for(version: str = VERSION, chosen: Sequence[str] = ()) -> tuple[Column, ...]:
    """Return the columns of an export: all of a version, or those that somebody chose, in the specification's order.

    Raises
    ------
    InvalidInput : ``INVALID_VERSION``, ``UNKNOWN_COLUMN``.
    """
    if version not in ("1.2", "1.3", "1.4"):
        raise InvalidInput(
            f"There is no export in FOCUS {version}.", code="INVALID_VERSION", hint="Use 1.2, 1.3 or 1.4."
        )
    there = columns_of(version)
    unknown = sorted(set(chosen).difference(column.name for column in there))
    if unknown:
        raise InvalidInput(f"FOCUS {version} has no column {', '.join(unknown)}.", code="UNKNOWN_COLUMN")
    return tuple(column for column in there if column.name in chosen) if chosen else there


class FocusStore:
    """Reads the ledger as charges."""

    def __init__(self, database: Database, vendor: Vendor) -> None:
        self._database = database
        self._vendor = vendor

    async def lines(self, wanted: Wanted, fmt: Format) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a CSV or JSON Lines file: the header of a CSV first, then some thousand rows at a time."""
        if fmt is Format.CSV:
            yield (",".join(column.name for column in wanted.columns) + "\r\n").encode()
        written = _csv_line(wanted) if fmt is Format.CSV else _json_line(wanted)
        query = f"SELECT {written} FROM ({_charges()}) ORDER BY position, part"  # noqa: S608 - names of our own
        for after, upto in await self._chunks(wanted):
            given = self._given(wanted, after, upto)
            rows = await self._database.read(lambda c, given=given: c.execute(query, given).fetchall())  # type: ignore[misc]
            yield "".join([row[0] for row in rows]).encode()

    async def write_parquet(self, wanted: Wanted, place: Path) -> None:
        """Write the charges as one Parquet file."""
        typed = ", ".join(f"{_value(column)} AS {column.name}" for column in wanted.columns)
        chunks = await self._chunks(wanted)
        given = self._given(wanted, 0, chunks[-1][1] if chunks else 0)
        query = f"COPY (SELECT {typed} FROM ({_charges()}) ORDER BY position, part) TO $place (FORMAT parquet)"  # noqa: S608

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(query, {**given, "place": str(place)})

        await self._database.read(work)

    async def last_posted(
        self, workspace: str, start_ms: int, end_ms: int, *, by_month: bool
    ) -> dict[datetime, datetime]:
        """Return by day or month of the charges, UTC, when one of them was posted last, of those posted in a window."""
        query = """
            SELECT epoch_ms(date_trunc($unit, make_timestamp(coalesce(o.posted_at, l.posted_at) * 1000))::TIMESTAMP),
                   max(l.posted_at)
            FROM ledger l LEFT JOIN ledger o ON o.entry_id = l.undoes AND o.workspace = $workspace
            WHERE l.workspace = $workspace AND l.kind NOT IN ('hold', 'release')
              AND l.posted_at >= $start AND l.posted_at < $end
            GROUP BY ALL
        """
        given = {"unit": "month" if by_month else "day", "workspace": workspace, "start": start_ms, "end": end_ms}
        rows = await self._database.read(lambda c: c.execute(query, given).fetchall())
        return {_moment(begin): _moment(posted) for begin, posted in rows}

    async def _chunks(self, wanted: Wanted) -> list[tuple[int, int]]:
        """Return spans (after, upto] of positions that hold some thousand entries each; no entry is split."""
        query = """
            SELECT position FROM (
                SELECT position, row_number() OVER (ORDER BY position, part) AS number, count(*) OVER () AS entries
                FROM ledger
                WHERE workspace = $workspace AND kind NOT IN ('hold', 'release')
                  AND posted_at >= $start AND posted_at < $end
            ) WHERE number % $rows = 0 OR number IN ($first, entries) ORDER BY position
        """
        given = {
            "workspace": wanted.workspace, "start": wanted.start_ms, "end": wanted.end_ms, "rows": ROWS_AT_A_TIME,
            "first": FIRST_ROWS,
        }  # fmt: skip
        found = await self._database.read(lambda c: c.execute(query, given).fetchall())
        ends = sorted({row[0] for row in found})
        return list(zip([0, *ends], ends, strict=False))

    def _given(self, wanted: Wanted, after: int, upto: int) -> dict[str, Any]:
        vendor = self._vendor
        return {
            "workspace": wanted.workspace,
            "start": wanted.start_ms,
            "end": wanted.end_ms,
            "after": after,
            "upto": upto,
            "services": [list(service) for service in SERVICES],
            "step": list(STEPS),
            "credits": list(CREDITS),
            "vendor": vendor.name,
            "account": vendor.account_name,
            "currency": vendor.currency,
            "credit_currency": vendor.credit_currency,
            "list": vendor.list_price,
            "visible": VISIBLE,
            "stand_ins": sorted(STAND_INS),
        }


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


@cache
def _charges() -> str:
    return (resources.files(__package__) / FILLED).read_text("utf-8")


@cache
def _filled() -> set[str]:
    """Return the columns that the ledger says something of; the others are empty in every row."""
    names = {column.name for column in all_columns()}
    return names & set(re.findall(r"\bAS (\w+),?$", _charges(), re.MULTILINE))


def _value(column: Column) -> str:
    """Return a value as Parquet has it: times with their zone, objects as texts, which more readers take for JSON."""
    name = column.name if column.name in _filled() else "NULL"
    if column.type is DataType.DATETIME:
        return f"{name}::TIMESTAMP AT TIME ZONE 'UTC'"
    return f"{name}::{'DECIMAL(28, 10)' if column.type is DataType.DECIMAL else 'VARCHAR'}"


def _text(column: Column) -> str:
    """Return what makes a value its text; that of a decimal lacks a last ``0`` behind the point, see `_parts`."""
    if column.type is DataType.DECIMAL:
        return f"rtrim({column.name}::VARCHAR, '0')"
    if column.type is DataType.DATETIME:
        return f"strftime({column.name}, '%Y-%m-%dT%H:%M:%SZ')"
    return column.name


def _parts(column: Column, text: str) -> list[str]:
    """Return what a cell is joined from: a decimal keeps one place, since `1` looks like an integer."""
    if column.type is DataType.DECIMAL:
        return [text, f"CASE WHEN ends_with({_text(column)}, '.') THEN '0' END"]
    return [text]


def _csv_line(wanted: Wanted) -> str:
    parts: list[str] = []
    for column in wanted.columns:
        parts.append("','")
        if column.name not in _filled():
            continue
        text = _text(column)
        if column.type in {DataType.STRING, DataType.JSON}:
            if wanted.safe and column.type is DataType.STRING:
                text = f"CASE WHEN regexp_matches({text}, '^[=+@\\t\\r-]') THEN chr(39) || {text} ELSE {text} END"
            odd = " OR ".join(f"contains({text}, {mark})" for mark in ("'\"'", "','", "chr(10)", "chr(13)"))
            text = f"CASE WHEN {odd} THEN '\"' || replace({text}, '\"', '\"\"') || '\"' ELSE {text} END"
        parts += _parts(column, text)
    return _joined([*parts[1:], "chr(13)", "chr(10)"])


def _json_line(wanted: Wanted) -> str:
    parts: list[str] = []
    for column in wanted.columns:
        parts.append(f"',\"{column.name}\":'")
        if column.name not in _filled():
            parts.append("'null'")
            continue
        text = _text(column)
        if column.type is DataType.STRING:
            text = f"to_json({text})::VARCHAR"
        elif column.type is DataType.DATETIME:
            text = f"'\"' || {text} || '\"'"
        parts += _parts(column, f"coalesce({text}, 'null')")
    return _joined(["'{'", parts[0].replace(",", "", 1), *parts[1:], "'}'", "chr(10)"])


def _joined(parts: list[str]) -> str:
    """Return one concat of all parts, literals beside each other made one.

    It takes NULL for nothing. A chain of ``||`` would copy the row once for each cell.
    """
    joined: list[str] = []
    for part in parts:
        if joined and _LITERAL.fullmatch(part) and _LITERAL.fullmatch(joined[-1]):
            joined[-1] = joined[-1][:-1] + part[1:]
        else:
            joined.append(part)
    return f"concat({', '.join(joined)})"


_LITERAL = re.compile(r"'[^']*'")
