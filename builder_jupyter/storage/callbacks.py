"""Attempts to send the outcomes of executions, in DuckDB. What is still to be sent follows from the journal."""

from __future__ import annotations

from typing import NamedTuple

from builder_jupyter.storage.database import Database, queries

SQL = queries("callbacks")


class Attempt(NamedTuple):
    """One attempt. Times are epoch milliseconds; ``state`` is that of the delivery after it."""

    execution_id: str
    delivery_id: str
    attempt: int
    state: str
    started_at: int
    ms: int
    status: int | None
    error: str | None
    retry_at: int | None


class CallbackStore:
    """Saves and finds attempts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, attempt: Attempt) -> None:
        """Store an attempt; return when it is on disk."""
        await self._database.append("callback_attempts", [tuple(attempt)])

    async def attempts(self, execution_id: str) -> list[Attempt]:
        """Return the attempts to send an execution's outcome, in order."""
        rows = await self._database.read(lambda c: c.execute(SQL["attempts"], [execution_id]).fetchall())
        return [Attempt(*row) for row in rows]

    async def undelivered(self) -> list[str]:
        """Return the executions that asked for a callback and had none for good, oldest first, over or not."""
        rows = await self._database.read(lambda c: c.execute(SQL["undelivered"]).fetchall())
        return [row[0] for row in rows]
