"""The ledger in DuckDB: made from the journal in the background, and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from builder_jupyter.clock import epoch_ms
from builder_jupyter.costs.book import Book, JournalRow, Lot, WorkspaceBook
from builder_jupyter.costs.entry import COLUMNS, LedgerEntry, entry_of
from builder_jupyter.costs.purse import Purse
from builder_jupyter.money import ZERO
from builder_jupyter.storage.database import Database, Row, queries

SQL = queries("ledger")

AT_A_TIME = 2_000
"""Rows of the journal that become entries in one go."""


class LedgerStore:
    """The table ``ledger`` and what it is made from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last_position(self) -> int:
        """Return up to which position of the journal the ledger has been made."""
        return await self._database.read(lambda c: int(_one(c, "last_position")[0]))

    async def book(self) -> Book:
        """Return what the entries so far have left: open lots and posted balances."""

        def work(connection: duckdb.DuckDBPyConnection) -> Book:
            posted = {row[0]: row[5] for row in connection.execute(SQL["purses"], [0]).fetchall()}
            lots: dict[str, list[Lot]] = {}
            for workspace, position, lot_id, rate, left in connection.execute(SQL["lots"]).fetchall():
                lots.setdefault(workspace, []).append(Lot(position, lot_id, rate, left))
            return Book({name: WorkspaceBook(lots.get(name, ()), sum_) for name, sum_ in posted.items()})

        return await self._database.read(work)

    async def extend(self, book: Book, position: int) -> tuple[int, bool]:
        """Make the next entries, after a position of the journal; return up to where they reach, and if there are more.

        The entries of a row appear together, or not at all.
        """

        def post(connection: duckdb.DuckDBPyConnection) -> tuple[list[Row], int, bool]:
            tail = connection.execute(SQL["tail"], [position, AT_A_TIME]).fetchall()
            rows = [entry.row() for found in tail for entry in book.post(JournalRow(*found))]
            return rows, tail[-1][0] if tail else position, len(tail) == AT_A_TIME

        def append(connection: duckdb.DuckDBPyConnection) -> None:
            appender = connection.appender("ledger")
            appender.append_rows(rows)
            appender.flush()

        rows, reached, is_more = await self._database.read(post)
        if rows:
            await self._database.write(append)
        return reached, is_more

    async def purses(self, month: datetime) -> dict[str, Purse]:
        """Return by workspace what can be spent, and what was since a month began."""

        def work(connection: duckdb.DuckDBPyConnection) -> dict[str, Purse]:
            rows = connection.execute(SQL["purses"], [epoch_ms(month)]).fetchall()
            found = {
                name: Purse(available, held, used, f"{month:%Y-%m}", updated_at=at)
                for name, available, held, used, at, _ in rows
            }
            for subject, seq, budget in connection.execute(SQL["own"]).fetchall():
                purse = found.setdefault(subject.partition("/")[2], Purse())
                purse.seq = seq
                limit = None if budget is None else json.loads(budget)["limit"]
                purse.budget = None if limit is None else Decimal(limit)
            return found

        return await self._database.read(work)

    async def page(
        self, workspace: str, start_ms: int, end_ms: int, after: tuple[int, int], limit: int
    ) -> list[LedgerEntry]:
        """Return entries of a workspace posted in ``[start, end)``, after a (position, part), in posting order."""
        wanted = {
            "workspace": workspace, "start": start_ms, "end": end_ms, "position": after[0], "part": after[1],
            "limit": limit,
        }  # fmt: skip
        rows = await self._database.read(lambda c: c.execute(SQL["page"], wanted).fetchall())
        return [entry_of(row) for row in rows]

    async def usages(self, workspace: str, entry_or_execution: str) -> list[tuple[LedgerEntry, Decimal]]:
        """Return usage by the id of the entry or of its execution, and how much of each was given back."""
        return await self._found("usages", workspace, entry_or_execution)

    async def purchase(self, workspace: str, entry_id: str) -> tuple[LedgerEntry, Decimal] | None:
        """Return a purchase, and how much of its lot is left."""
        return next(iter(await self._found("purchase", workspace, entry_id)), None)

    async def _found(self, query: str, workspace: str, wanted: str) -> list[tuple[LedgerEntry, Decimal]]:
        about = {"workspace": workspace, "id": wanted}
        rows = await self._database.read(lambda c: c.execute(SQL[query], about).fetchall())
        return [(entry_of(row[: len(COLUMNS)]), row[len(COLUMNS)] or ZERO) for row in rows]

    async def has_receipt(self, receipt: str) -> bool:
        """Say whether something with this receipt has been posted, in whatever workspace."""
        return await self._database.read(lambda c: c.execute(SQL["receipt"], [receipt]).fetchone()) is not None

    async def transactions(self, workspace: str, limit: int) -> list[dict[str, Any]]:
        """Return the newest transactions of a workspace: see `services.credits.CreditService.transactions`."""

        def work(connection: duckdb.DuckDBPyConnection) -> tuple[list[Row], list[Row]]:
            found = connection.execute(SQL["transactions"], {"workspace": workspace, "limit": limit}).fetchall()
            runs = [row[5] for row in found if row[2] == "deduction"]
            about = {"workspace": workspace, "executions": runs}
            return found, connection.execute(SQL["actions"], about).fetchall() if runs else []

        rows, actions = await self._database.read(work)
        done: dict[str, dict[str, tuple[int, Decimal]]] = {}
        for execution, node_type, count, cost in actions:
            done.setdefault(execution, {})[node_type] = (count, cost)
        return [_transaction(row, done) for row in rows]


_TRANSACTION = (
    "id", "at", "kind", "amount", "balance", "execution_id", "workflow_id", "trigger_type", "usd", "note", "undoes",
)  # fmt: skip


def _transaction(row: Sequence[Any], done: Mapping[str, dict[str, tuple[int, Decimal]]]) -> dict[str, Any]:
    found = dict(zip(_TRANSACTION, row, strict=True))
    return found | {"actions": done.get(row[5], {}) if row[2] == "deduction" else {}}


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Row:
    row = connection.execute(SQL[query]).fetchone()
    if row is None:
        raise TypeError(f"{query} gives no row")
    return row
