"""Time as something that is handed in, so that tests decide what it is. Always aware, always UTC."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Two readings: the date for people, a rising counter for durations."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never go back."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never go back."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the time that was last set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that `advance` has added up to."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Move both readings on."""
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds


def epoch_ms(moment: datetime) -> int:
    """Return milliseconds since 1970, the time format of the direct API."""
    return round(moment.timestamp() * 1000)


def iso_z(moment: datetime) -> str:
    """Return ISO 8601 with ``Z``, the time format of the Builder API, e.g. ``2025-12-06T10:00:00Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
