"""Time as something that is handed in, so that tests decide what it is. Always aware, always UTC."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Protocol


class Timer(Protocol):
    """Something that is to happen."""

    def cancel(self) -> None:
        """Do not let it happen. Idempotent."""
        ...


class Clock(Protocol):
    """The date for people, a rising counter for durations, and a bell."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        ...

    def timestamp(self) -> float:
        """Return the same as seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never go back."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running event loop after so many seconds of `monotonic`."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        return datetime.now(UTC)

    def timestamp(self) -> float:
        """Return the same as seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never go back."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the running event loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)


class _ManualTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._seconds = 0.0
        self._timers: list[tuple[float, int, _ManualTimer]] = []
        self._order = count()

    def now(self) -> datetime:
        """Return the time that was last set."""
        return self._now

    def timestamp(self) -> float:
        """Return the same as seconds since 1970."""
        return self._now.timestamp()

    def monotonic(self) -> float:
        """Return the seconds that `advance` has added up to."""
        return self._seconds

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back when `advance` comes past that time."""
        timer = _ManualTimer(callback)
        heappush(self._timers, (self._seconds + seconds, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move both readings on; what falls due on the way is called at its time, in order."""
        end = self._seconds + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heappop(self._timers)
            if timer.callback is not None:
                self._move(max(0.0, due - self._seconds))
                timer.callback()
        self._move(end - self._seconds)

    def set_back(self, seconds: float) -> None:
        """Put the date back, as a person or a time server may; the counter goes on."""
        self._now -= timedelta(seconds=seconds)

    def _move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds


class SteadyTime:
    """The date in epoch milliseconds, which never goes back while the process lives.

    When the machine's date is put back, this one goes on from where it was, so that a pause of a second stays one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = clock.timestamp() - clock.monotonic()

    def now_ms(self) -> int:
        """Return milliseconds since 1970."""
        counted = self._clock.monotonic()
        offset = self._clock.timestamp() - counted
        self._offset = max(self._offset, offset)
        return round((counted + self._offset) * 1000)


def epoch_ms(moment: datetime) -> int:
    """Return milliseconds since 1970, the time format of the direct API."""
    return round(moment.timestamp() * 1000)


def iso_z(moment: datetime) -> str:
    """Return ISO 8601 with ``Z``, the time format of the Builder API, e.g. ``2025-12-06T10:00:00Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
