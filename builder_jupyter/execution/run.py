"""One execution in memory: its state, its running attempts, and the history that listeners follow."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator

from builder_jupyter.errors import BuilderError, StepTimeout
from builder_jupyter.execution.calls import Calls
from builder_jupyter.execution.events import Delta, Event
from builder_jupyter.execution.ports import Entry
from builder_jupyter.execution.queue import Slot
from builder_jupyter.execution.records import Recorded
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.execution.visit import Visit


class AttemptLimit:
    """How long an attempt may take, and how long it may be silent once it has streamed something.

    One timer serves both: it is put off with each piece, but never beyond the end.
    """

    __slots__ = ("_end", "idle_seconds", "seconds", "timer")

    def __init__(self, seconds: float | None, idle_seconds: float | None) -> None:
        self.seconds = seconds
        self.idle_seconds = idle_seconds
        self._end = None if seconds is None else asyncio.get_running_loop().time() + seconds
        self.timer = asyncio.timeout_at(self._end)

    def heard(self) -> None:
        """Put the timer off: the attempt has just streamed a piece."""
        if self.idle_seconds is not None:
            silent_at = asyncio.get_running_loop().time() + self.idle_seconds
            self.timer.reschedule(silent_at if self._end is None else min(silent_at, self._end))

    def error(self) -> StepTimeout:
        """Return why the timer went off."""
        if self.idle_seconds is not None and self.timer.when() != self._end:
            return StepTimeout(
                f"The step sent nothing for {self.idle_seconds:g} seconds.", code="STREAM_IDLE", retryable=True
            )
        return StepTimeout(f"The step took longer than {self.seconds:g} seconds.", retryable=True)


class Run:
    """A live (or recently finished) execution.

    An event is *published* once it is durable, and in ``seq`` order: a piece of streamed text waits behind an earlier
    event that is still being written. Listeners see published events only. ``root_id`` is the execution that somebody
    started, of which this one may be a child.
    """

    def __init__(self, state: ExecutionState) -> None:
        self.state = state
        self.tasks: dict[Visit, asyncio.Task[None]] = {}
        self.slots: dict[Visit, Slot] = {}
        self.limits: dict[Visit, AttemptLimit] = {}
        self.calls: dict[Visit, Calls] = {}
        self.children: dict[Visit, list[Run]] = {}
        self.unwritten: list[Entry] = []
        self.written: asyncio.Future[None] | None = None
        self.flushed_seq = state.seq
        self.next_seq = state.seq + 1
        self.is_due = False
        self.root_id = state.execution_id
        self.broken: BuilderError | None = None
        self.status: ExecutionStatus = state.status
        self._outbox: deque[Recorded] = deque()
        self._durable_seq = 0
        self._history: list[Recorded] = []
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def execution_id(self) -> str:
        """The id of the execution."""
        return self.state.execution_id

    @property
    def is_over(self) -> bool:
        """Whether the terminal status is on disk, or can never be."""
        return self.status.is_terminal or self.broken is not None

    def record(self, event: Event, at: int) -> Recorded:
        """Give an event its place in the history and take it into the state; it is not published yet."""
        recorded = Recorded(self.execution_id, self.next_seq, at, event)
        self.next_seq += 1
        self.state.evolve(recorded)
        self.enqueue(recorded)
        return recorded

    def enqueue(self, recorded: Recorded) -> None:
        """Line an event up for publication."""
        self._outbox.append(recorded)
        if isinstance(recorded.event, Delta):
            self._publish()

    def durable_up_to(self, seq: int) -> None:
        """Publish everything up to ``seq``, which is now on disk."""
        self._durable_seq = seq
        self._publish()

    def fail(self, error: BuilderError) -> None:
        """Give up: the journal takes no more. Listeners get the error; what was published stays true."""
        self.broken = error
        for task in self.tasks.values():
            task.cancel()
        self._wake()

    def restore(self, history: list[Recorded]) -> None:
        """Take over a history that was read from the journal."""
        self._history = history
        self.status = self.state.status
        self._durable_seq = self.flushed_seq = self.state.seq

    def _publish(self) -> None:
        before = len(self._history)
        if self._outbox and self._outbox[-1].seq <= self._durable_seq:
            self._history.extend(self._outbox)
            self._outbox.clear()
        while self._outbox:
            head = self._outbox[0]
            if head.seq > self._durable_seq and not isinstance(head.event, Delta):
                break
            self._history.append(self._outbox.popleft())
        if len(self._history) > before:
            if not self._outbox:
                self.status = self.state.status
            self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def published(self, after: int = 0) -> list[Recorded]:
        """Return the published events with ``seq > after``."""
        return self._history[bisect_right(self._history, after, key=lambda recorded: recorded.seq) :]

    def compact(self) -> None:
        """Drop the streamed pieces: the texts are in the completions."""
        self._history = [recorded for recorded in self._history if not isinstance(recorded.event, Delta)]

    async def on_disk(self) -> None:
        """Wait until all recorded by now is on disk and published. Raises `Unavailable` when it never will be."""
        wanted = self.flushed_seq
        while self._durable_seq < wanted and self.broken is None:
            await self.changed()
        if self.broken is not None:
            raise self.broken

    async def changed(self) -> None:
        """Wait for the next publication, or for the end."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            self._waiters = [other for other in self._waiters if other is not waiter]
            raise

    async def follow(self, after: int = 0) -> AsyncIterator[list[Recorded]]:
        """Yield published events in batches, whatever has piled up at a time, until the execution is over.

        Raises
        ------
        Unavailable : the journal failed and the execution cannot go on.
        """
        while True:
            batch = self.published(after)
            if batch:
                after = batch[-1].seq
                yield batch
            elif self.broken is not None:
                raise self.broken
            elif self.is_over:
                return
            else:
                await self.changed()

    async def wait(self) -> None:
        """Wait until the execution is over. Raises as `follow`."""
        while not self.is_over:
            await self.changed()
        if self.broken is not None:
            raise self.broken
