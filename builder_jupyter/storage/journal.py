"""The journal of executions in DuckDB, and the projections that SQL users read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import duckdb

from builder_jupyter.execution.ports import Entry
from builder_jupyter.storage.database import Database, Row, queries

SQL = queries("journal")


class DuckDBJournal:
    """`execution.ports.Journal` on the events table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position: int | None = None

    async def open(self) -> None:
        """Find the end of the journal. Call once before the first append."""
        self._position = await self._database.read(lambda c: _one(c, SQL["last_position"]))

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        """Queue entries and return a future that is done when they are on disk."""
        if self._position is None:
            raise RuntimeError("open() the journal before appending to it")
        rows: list[Row] = []
        for entry in entries:
            self._position += 1
            rows.append((self._position, entry.subject, entry.seq, entry.at, entry.kind, entry.body))
        return self._database.append("events", rows)

    async def room(self) -> None:
        """Wait while too much is queued."""
        await self._database.room()

    async def read(self, subject: str, *, after: int = 0) -> list[Entry]:
        """Return the durable entries of a subject with ``seq > after``, in order."""
        rows = await self._database.read(lambda c: c.execute(SQL["read"], [subject, after]).fetchall())
        return [Entry(*row) for row in rows]

    async def unfinished(self) -> list[str]:
        """Return the ids of executions without a terminal status, oldest first."""
        return await self._subjects("unfinished")

    async def unprojected(self) -> list[str]:
        """Return the ids of finished executions that the projections lack, oldest first."""
        return await self._subjects("unprojected")

    async def requests(self, *, since: int) -> list[tuple[str, int, str, str, str, str]]:
        """Return (execution, time, workspace, trigger, key, fingerprint) of admissions with a request, oldest first."""
        return await self._database.read(lambda c: c.execute(SQL["requests"], [since]).fetchall())

    async def waiting(self, waitpoint_id: str) -> str | None:
        """Return the id of the execution that has, or had, a waitpoint. Looks through all that ever waited."""
        row = await self._database.read(lambda c: c.execute(SQL["waiting"], [waitpoint_id]).fetchone())
        return None if row is None else str(row[0])

    async def _subjects(self, query: str) -> list[str]:
        rows = await self._database.read(lambda c: c.execute(SQL[query]).fetchall())
        return [row[0] for row in rows]

    async def project(self, execution: Row, steps: Sequence[Row]) -> None:
        """Append a finished execution to the projections, in one transaction."""

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            for table, rows in (("executions", [execution]), ("steps", steps)):
                appender = connection.appender(table)
                appender.append_rows(rows)
                appender.flush()

        await self._database.write(work)

    async def finished(self, workspace: str, workflow_id: str | None, limit: int) -> list[dict[str, Any]]:
        """Return the newest finished executions of a workspace as rows by column name."""

        def work(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
            found = connection.execute(SQL["executions"], [workspace, workflow_id, workflow_id, limit])
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

        return await self._database.read(work)


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
