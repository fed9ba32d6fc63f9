"""Keep the table ``ledger`` up with the journal: in the background, after what moves credits is on disk."""

from __future__ import annotations

import asyncio
import logging

from builder_jupyter.costs.book import Book
from builder_jupyter.errors import Unavailable
from builder_jupyter.storage.ledger import LedgerStore

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
"""How long entries wait for others: a second table costs the writer as much as the journal itself. Who reads the ledger
catches up first, so nobody sees that it is behind."""


class LedgerKeeper:
    """Makes entries out of the journal, one batch at a time. A process that dies in between loses none of them."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._turn = asyncio.Lock()
        self._book: Book | None = None
        self._position = 0
        self._work: asyncio.Task[None] | None = None

    async def catch_up(self) -> None:
        """Make the entries of everything that is in the journal by now."""
        async with self._turn:
            book, self._book = self._book, None
            if book is None:  # at the start, and when the last batch was not written: its lots are drawn all the same
                self._position = await self._store.last_position()
                book = await self._store.book()
            is_behind = True
            while is_behind:
                self._position, is_behind = await self._store.extend(book, self._position)
            self._book = book

    def wake(self) -> None:
        """Catch up soon."""
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._later())

    async def _later(self) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            await self.catch_up()
        except Unavailable as error:
            log.warning("the ledger is behind and will be made at the next start: %s", error)

    async def stop(self) -> None:
        """Make no more entries: what is missing is made at the next start."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
