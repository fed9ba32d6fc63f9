"""One timer for all executions: who is to be looked at next, and when."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from builder_jupyter.clock import Clock, SteadyTime, Timer

LONGEST_SLEEP_SECONDS = 30.0
"""A laptop that slept, or a date that was put forward, is noticed after this long at the latest."""
SPARE_ENTRIES = 1_000


class Alarms:
    """Calls ``ring`` with an execution's id when its time has come.

    Entries that are no longer true stay in the heap until they come up, or until they are the better part of it.
    """

    def __init__(self, clock: Clock, time: SteadyTime, ring: Callable[[str], None]) -> None:
        self._clock = clock
        self._time = time
        self._ring = ring
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        self._timer: Timer | None = None
        self._armed_for: int | None = None

    def set(self, execution_id: str, due: int | None) -> None:
        """Ring for an execution at ``due`` (epoch milliseconds) and at no other time; None for never."""
        if self._due.get(execution_id) == due:
            return
        if due is None:
            del self._due[execution_id]
        else:
            self._due[execution_id] = due
            heappush(self._heap, (due, execution_id))
            if len(self._heap) > 2 * len(self._due) + SPARE_ENTRIES:
                self._heap = [(moment, name) for name, moment in self._due.items()]
                heapify(self._heap)
            if self._armed_for is None or due < self._armed_for:
                self._arm()

    def close(self) -> None:
        """Ring no more."""
        self._due.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._armed_for = None
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        if self._heap:
            self._armed_for = self._heap[0][0]
            seconds = max(0.0, (self._armed_for - self._time.now_ms()) / 1000)
            self._timer = self._clock.call_later(min(seconds, LONGEST_SLEEP_SECONDS), self._awake)

    def _awake(self) -> None:
        now = self._time.now_ms()
        ripe = []  # each is rung for once: what is due again at once has to wait for the loop's next turn
        while self._heap and self._heap[0][0] <= now:
            due, execution_id = heappop(self._heap)
            if self._due.get(execution_id) == due:
                del self._due[execution_id]
                ripe.append(execution_id)
        try:
            for execution_id in ripe:
                self._ring(execution_id)
        finally:
            self._arm()
