"""A journal in memory: for tests, and to measure what the engine costs without a store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from builder_jupyter.execution.ports import Entry
from builder_jupyter.execution.status import ExecutionStatus


class MemoryJournal:
    """`execution.ports.Journal` on dictionaries; every append is durable at once."""

    def __init__(self) -> None:
        self.entries: dict[str, list[Entry]] = {}

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        """Store entries and return a future that is done."""
        for entry in entries:
            self.entries.setdefault(entry.subject, []).append(entry)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def room(self) -> None:
        """Return at once: memory is not bounded here."""

    async def read(self, subject: str, *, after: int = 0) -> list[Entry]:
        """Return the entries of a subject with ``seq > after``."""
        return [entry for entry in self.entries.get(subject, ()) if entry.seq > after]

    async def unfinished(self) -> list[str]:
        """Return the ids of executions without a terminal status, oldest first."""
        return [subject for subject, entries in self.entries.items() if _is_open(entries)]


def _is_open(entries: list[Entry]) -> bool:
    statuses = [json.loads(entry.body)["status"] for entry in entries if entry.kind == "status"]
    admitted = any(entry.kind == "admitted" for entry in entries)
    return admitted and not any(ExecutionStatus(status).is_terminal for status in statuses)
