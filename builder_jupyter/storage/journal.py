"""The journal of executions in DuckDB, and the projections that SQL users read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb

from builder_jupyter.execution.ports import Entry
from builder_jupyter.storage.database import Database, Row, queries

SQL = queries("journal")

PROJECT_EVERY = 0.1
LAST = 2**63 - 1


class DuckDBJournal:
    """`execution.ports.Journal` on the events table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position: int | None = None
        # Where the entries of a subject begin: rows lie in the order of positions, so a range of them is found at once.
        self._first: dict[str, int] = {}
        self._to_project: list[tuple[Row, Sequence[Row]]] = []
        self._projecting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Find the end of the journal. Call once before the first append."""
        self._position = await self._database.read(lambda c: _one(c, SQL["last_position"]))
        self._first = dict(await self._database.read(lambda c: c.execute(SQL["plans"]).fetchall()))

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        """Queue entries and return a future that is done when they are on disk."""
        if self._position is None:
            raise RuntimeError("open() the journal before appending to it")
        rows: list[Row] = []
        for entry in entries:
            self._position += 1
            self._first.setdefault(entry.subject, self._position)
            rows.append((self._position, *entry))
        return self._database.append("events", rows)

    async def room(self) -> None:
        """Wait while too much is queued."""
        await self._database.room()

    async def read(self, subject: str, *, after: int = 0) -> list[Entry]:
        """Return the durable entries of a subject with ``seq > after``, in order."""

        def work(connection: duckdb.DuckDBPyConnection) -> list[Row]:
            span: Row | None = (begins, None) if begins is not None else None
            span = span or connection.execute(SQL["span"], [subject]).fetchone() or (0, None)
            # Bounds that are not known stand there as numbers: a condition with OR would keep DuckDB from skipping.
            bounds = [span[0] or 0, LAST if span[1] is None else span[1]]
            return connection.execute(SQL["read"], [*bounds, subject, after]).fetchall()

        begins = self._first.get(subject)
        return [Entry(*row) for row in await self._database.read(work)]

    async def unfinished(self) -> list[str]:
        """Return the ids of executions without a terminal status, oldest first."""
        rows = await self._database.read(lambda c: c.execute(SQL["unfinished"]).fetchall())
        return [row[0] for row in rows]

    async def requests(self, *, since: int) -> list[tuple[str, int, str, str, str, str]]:
        """Return (execution, time, workspace, trigger, key, fingerprint) of admissions with a request, oldest first."""
        return await self._database.read(lambda c: c.execute(SQL["requests"], [since]).fetchall())

    async def waiting(self, waitpoint_id: str) -> str | None:
        """Return the id of the execution that has, or had, a waitpoint. Looks through all that ever waited."""
        row = await self._database.read(lambda c: c.execute(SQL["waiting"], [waitpoint_id]).fetchone())
        return None if row is None else str(row[0])

    async def unsettled(self) -> list[list[Entry]]:
        """Return all entries of each execution that the projections lack, oldest first: what a start has to look at.

        An execution that is not over is not projected, so they are among these.
        """
        rows = await self._database.read(lambda c: c.execute(SQL["unsettled"]).fetchall())
        histories: list[list[Entry]] = []
        for subject, position, *row in rows:
            if not histories or histories[-1][0].subject != subject:
                histories.append([])
                self._first.setdefault(subject, position)
            histories[-1].append(Entry(subject, *row))
        return histories

    async def plans(self, plan_ids: Iterable[str]) -> dict[str, str]:
        """Return the bodies of stored plans by id; those that are not there are left out."""
        wanted = list(plan_ids)
        found = await self._database.read(lambda c: c.execute(SQL["plan_bodies"], [wanted]).fetchall())
        return dict(found)

    async def project(self, execution: Row, steps: Sequence[Row]) -> None:
        """Append a finished execution to the projections; return when it is there.

        Two tables in a transaction cost twice a commit of the journal, which the live executions wait for, so those
        that end within `PROJECT_EVERY` of one another share one.
        """
        self._to_project.append((execution, steps))
        if self._projecting is None or self._projecting.done():
            self._projecting = asyncio.get_running_loop().create_task(self._project())
        await asyncio.shield(self._projecting)

    async def _project(self) -> None:
        await asyncio.sleep(PROJECT_EVERY)
        while self._to_project:
            batch, self._to_project = self._to_project, []
            last = self._position
            # In the order of the columns: the parent came later than the positions.
            executions = [(*row, self._first.get(row[0]), last, parent) for (*row, parent), _ in batch]
            steps = [row for _, rows in batch for row in rows]

            def work(
                connection: duckdb.DuckDBPyConnection, executions: list[Row] = executions, steps: list[Row] = steps
            ) -> None:
                for table, rows in (("executions", executions), ("steps", steps)):
                    appender = connection.appender(table)
                    appender.append_rows(rows)
                    appender.flush()

            await self._database.write(work)
            for execution, _ in batch:
                self._first.pop(execution[0], None)

    async def finished(
        self,
        workspace: str,
        workflow_id: str | None,
        limit: int,
        *,
        starter: str | None = None,
        status: str | None = None,
        text: str = "",
    ) -> list[dict[str, Any]]:
        """Return the newest finished executions of a workspace as rows by column name.

        Those of a starter and in a status, if given. ``text``, in whatever case, is part of the workflow's name, of
        the execution's id or of its error.
        """
        wanted = {
            "workspace": workspace, "workflow_id": workflow_id, "starter": starter, "status": status,
            "text": text.lower(), "limit": limit,
        }  # fmt: skip

        def work(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
            found = connection.execute(SQL["executions"], wanted)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

        return await self._database.read(work)


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
