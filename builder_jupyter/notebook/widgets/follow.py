"""Follow one execution and tell what has become of it, at a pace that a front end can take."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from builder_jupyter.client.feed import Feed
from builder_jupyter.errors import BuilderError
from builder_jupyter.notebook.widgets.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from builder_jupyter.client.protocol import Transport

log = logging.getLogger(__name__)

LIVE_SECONDS = 0.034
"""At most about 30 messages a second: above 1,000 a kernel is cut off, and nobody sees more than this."""

HEALING_SECONDS = 0.5
"""Between messages where the browser follows the execution itself."""


class Following:
    """One execution, followed on the loop of its transport until it is over or `stop` is called.

    ``tell`` is called on that loop: it must not wait.
    """

    def __init__(
        self, transport: Transport, execution_id: str, tell: Callable[[Progress], None], *, seconds: float
    ) -> None:
        self.execution_id = execution_id
        self._transport = transport
        self._tell = tell
        self._seconds = seconds
        self._task: Future[None] = asyncio.run_coroutine_threadsafe(self._follow(), transport.portal.loop)

    def stop(self) -> None:
        """Follow no more."""
        self._task.cancel()

    async def _follow(self) -> None:
        transport = self._transport
        try:
            progress = Progress(await transport.snapshot(self.execution_id))
            self._tell(progress)
            if not progress.is_over:
                await self._follow_events(progress)
                progress.replace(await transport.snapshot(self.execution_id))
                self._tell(progress)
        except BuilderError as error:
            log.warning("the execution %s cannot be followed any more: %s", self.execution_id, error)

    async def _follow_events(self, progress: Progress) -> None:
        feed = Feed(self._transport.events(self.execution_id), seconds=self._seconds)
        try:
            while events := await feed.take():
                progress.update(events)
                self._tell(progress)
        finally:
            await feed.close()
