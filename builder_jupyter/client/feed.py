"""The events of one execution, handed over at the reader's pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from builder_jupyter.client.protocol import Wire


class Feed:
    """Collects events on the portal's loop; `take` gives out what has come, at most once in ``seconds``.

    The end is never held up: once the execution is over, the rest comes at once. Not an async generator, since one
    that is interrupted while it waits cannot be closed until it has noticed.
    """

    def __init__(self, source: AsyncGenerator[list[Wire], None], *, seconds: float) -> None:
        self._source = source
        self._seconds = seconds
        self._waiting: list[Wire] = []
        self._something = asyncio.Event()
        self._collector: asyncio.Task[None] | None = None

    async def take(self) -> list[Wire]:
        """Return the events since the last call, waiting for at least one; [] at the end.

        Raises what the source raised, after everything before that was given out.
        """
        if self._collector is None:
            self._collector = asyncio.create_task(self._collect())
        elif self._seconds:
            await asyncio.wait([self._collector], timeout=self._seconds)
        await self._something.wait()
        taken, self._waiting = self._waiting, []
        if not self._collector.done():
            self._something.clear()
        elif not taken:
            await self._collector
        return taken

    async def close(self) -> None:
        """Stop collecting."""
        if self._collector is not None:
            self._collector.cancel()
            await asyncio.gather(self._collector, return_exceptions=True)
        await self._source.aclose()

    async def _collect(self) -> None:
        try:
            async with aclosing(self._source) as batches:
                async for batch in batches:
                    self._waiting += batch
                    self._something.set()
        finally:
            self._something.set()
