"""A thread with an event loop of its own, and the doors to it: for other loops, and for code that has none.

A notebook cell runs inside a loop, so a blocking call cannot use that one; the server's loop must not be held up by a
run. Both talk to a portal. Streams are pulled: what piles up while the reader is busy comes in one piece, and a reader
that stops reading holds up nobody.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator
from typing import Any, Final, TypeVar

T = TypeVar("T")


class _End:
    """Marks the end of a stream: StopAsyncIteration cannot travel through a future."""


_END: Final = _End()


class Portal:
    """A running event loop in a daemon thread. `close` it."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self._end_all()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self._end_all()

    def _end_all(self) -> None:
        """Cancel all tasks: whoever still waits for something on this loop must hear that it will not come."""
        # What ends may begin something, and so may a write that comes back from disk meanwhile.
        while left := asyncio.all_tasks(self.loop):
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    @property
    def is_open(self) -> bool:
        """Whether the loop is running."""
        return self._thread.is_alive()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the loop and block until it is done. An interrupt cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    async def ask(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the loop and await it on the caller's. Cancelling the caller cancels it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    async def stream(self, source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Yield on the caller's loop what a generator of this loop yields; it is closed with the caller's."""
        try:
            while not isinstance(item := await self.ask(_next(source)), _End):
                yield item
        finally:
            await self.ask(_close(source))

    def iterate(self, source: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """Yield, blocking, what a generator of this loop yields."""
        try:
            while not isinstance(item := self.wait(_next(source)), _End):
                yield item
        finally:
            self.wait(_close(source))

    def close(self) -> None:
        """Stop the loop and wait for the thread. Idempotent."""
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()


async def _next(source: AsyncIterator[T]) -> T | _End:
    async for item in source:
        return item
    return _END


async def _close(source: AsyncGenerator[Any, None]) -> None:
    await source.aclose()
