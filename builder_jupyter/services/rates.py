"""How often may a caller ask? A table of buckets, and for each caller how full theirs is.

The generic cell rate algorithm keeps one number a caller: the time at which their bucket will be full again. A caller
who has been quiet for that long is like one who never came, so forgetting them loses nothing and memory is bounded.
The library ``limits`` has no clock that could be handed in. Source: spec builder-studio §4.2.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from builder_jupyter.clock import Clock
from builder_jupyter.errors import NotConfigured, RateLimited
from builder_jupyter.identity.principal import Principal

MAX_SUBJECTS = 100_000
"""Of each bucket. Beyond it whoever has been quiet for longest is forgotten, and has a full bucket again."""

ACTIVE_RETRY_SECONDS = 5.0
"""Nobody knows when a run will end; this is when to ask again whether one may begin."""


class Bucket(StrEnum):
    """What is counted together. Each route names one."""

    MCP = "mcp"
    RUN = "run"
    READ = "read"
    WRITE = "write"
    BILLING = "billing"
    WEBHOOK = "webhook"
    WEBHOOK_FAILED = "webhook-failed"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests may come at once, and how many a minute for ever."""

    burst: int
    per_minute: float = 0.0

    @property
    def interval(self) -> float:
        """Seconds in which one more request becomes possible."""
        return 60.0 / self.per_minute


RATES: Mapping[Bucket, Rate] = {
    Bucket.MCP: Rate(120, 120),
    Bucket.RUN: Rate(20, 60),
    Bucket.READ: Rate(60, 300),
    Bucket.WRITE: Rate(60, 120),
    Bucket.BILLING: Rate(5, 10),
    Bucket.WEBHOOK: Rate(20, 60),
    Bucket.WEBHOOK_FAILED: Rate(20, 20),
    Bucket.ACTIVE: Rate(10),
}
"""The usual rates. `WRITE` is ours: §4.2 has no row for it. `ACTIVE` is no rate: runs of a workspace at a time."""


class Mode(StrEnum):
    """Whom the rates are for."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Standing:
    """How full a bucket is. ``reset`` is when it will be full again, in seconds since 1970."""

    limit: int
    remaining: int
    reset: int


class RateService:
    """Counts requests by bucket and caller. May be asked from any thread.

    Parameters
    ----------
    mode : `AUTO` counts for keys and tokens alone, and only on a server that several people share.
    is_shared : says whether several people share this server.
    changes : rates by the name of their bucket, in place of the usual ones, as in `rates_of`.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        mode: Mode = Mode.AUTO,
        is_shared: Callable[[], bool] = lambda: False,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self._clock = clock
        self._mode = mode
        self._is_shared = is_shared
        self._rates = rates_of(changes or {})
        self._full_at: dict[Bucket, OrderedDict[str, float]] = {bucket: OrderedDict() for bucket in Bucket}
        self._lock = threading.Lock()

    def check(self, bucket: Bucket, subject: Principal | str) -> Standing | None:
        """Count a request; return how full the caller's bucket is after it, None where nobody counts.

        ``subject`` is the caller, or where nobody is known a text that stands for one: see `subject_of_address`.

        Raises
        ------
        RateLimited : the bucket is empty. The request was not counted.
        """
        if not self._counts(subject):
            return None
        rate, full_at, now = self._rates[bucket], self._full_at[bucket], self._clock.monotonic()
        name = _name(subject)
        with self._lock:
            full = max(full_at.get(name, now), now) + rate.interval
            wait = full - rate.burst * rate.interval - now
            if wait <= 1e-9:
                full_at[name] = full
                full_at.move_to_end(name)
                _forget(full_at, now)
                return self._standing(rate, full - now)
        standing = self._standing(rate, full - rate.interval - now)
        raise limited("Too many requests.", standing, wait)

    def look(self, bucket: Bucket, subject: Principal | str) -> Standing | None:
        """Return how full a caller's bucket is without counting anything, None where nobody counts."""
        if not self._counts(subject):
            return None
        now = self._clock.monotonic()
        return self._standing(self._rates[bucket], max(0.0, self._full_at[bucket].get(_name(subject), now) - now))

    def admit(self, principal: Principal, active: Callable[[str], int]) -> None:
        """Let a run begin if its workspace has room. ``active`` tells how many runs of a workspace are under way.

        Raises `RateLimited` (``TOO_MANY_RUNS``).
        """
        if not self._counts(principal):
            return
        most = self._rates[Bucket.ACTIVE].burst
        if active(principal.workspace) >= most:
            reset = math.ceil(self._clock.timestamp() + ACTIVE_RETRY_SECONDS)
            message = f"This workspace has {most} runs under way, which is the most."
            raise limited(message, Standing(most, 0, reset), ACTIVE_RETRY_SECONDS, code="TOO_MANY_RUNS")

    def _counts(self, subject: Principal | str) -> bool:
        if self._mode is not Mode.AUTO:
            return self._mode is Mode.ON
        # The key that kernels are lent has no name of its own: it is the person at the server.
        is_remote = isinstance(subject, str) or bool(subject.credential_id)
        return is_remote and self._is_shared()

    def _standing(self, rate: Rate, debt: float) -> Standing:
        remaining = rate.burst - math.ceil(debt / rate.interval - 1e-9)
        return Standing(rate.burst, max(0, remaining), math.ceil(self._clock.timestamp() + debt))


def limited(message: str, standing: Standing, wait: float, **about: Any) -> RateLimited:
    """Return the error for a caller who is to wait so many seconds."""
    seconds = max(1, math.ceil(wait))
    hint = f"Try again in {seconds} second{'s' if seconds > 1 else ''}."
    return RateLimited(message, retry_after=seconds, standing=standing, hint=hint, **about)


def rates_of(changes: Mapping[str, Any]) -> dict[Bucket, Rate]:
    """Return the usual rates with some changed: ``{"run": {"burst": 5, "per_minute": 30}, "active": {"burst": 2}}``.

    Raises `NotConfigured` (``RATE_LIMITS``) for a bucket that does not exist, or a rate that lets nobody through.
    """
    rates = dict(RATES)
    for name, change in changes.items():
        if name not in {str(bucket) for bucket in Bucket}:
            known = ", ".join(Bucket)
            raise NotConfigured(f"There is no rate limit {name!r}.", code="RATE_LIMITS", hint=f"Known: {known}.")
        bucket = Bucket(name)
        given: dict[str, Any] = {"burst": rates[bucket].burst, "per_minute": rates[bucket].per_minute} | dict(change)
        numbers = [value for value in given.values() if isinstance(value, int | float) and math.isfinite(value)]
        least = 0 if bucket is Bucket.ACTIVE else 1e-6
        if set(given) != {"burst", "per_minute"} or len(numbers) != 2 or numbers[0] < 1 or numbers[1] < least:
            raise NotConfigured(
                f"The rate limit {name!r} is no rate.",
                code="RATE_LIMITS",
                hint="It has a 'burst' of 1 or more, and but for 'active' a 'per_minute' above 0.",
            )
        rates[bucket] = Rate(int(given["burst"]), float(given["per_minute"]))
    return rates


def subject_of_address(address: str) -> str:
    """Return the text that stands for whoever calls from an IP address.

    Of an IPv6 address the first 64 bits count: the rest is the caller's to choose.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"address {address}"
    if isinstance(parsed, ipaddress.IPv4Address):
        return f"address {parsed}"
    return f"address {parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), 64), strict=False)}"


def _name(subject: Principal | str) -> str:
    if isinstance(subject, str):
        return subject
    return f"{subject.workspace}\n{subject.credential_id or subject.name}"


def _forget(full_at: OrderedDict[str, float], now: float) -> None:
    """Drop callers whose buckets are full again, two a call so that no call takes long, and those beyond the most."""
    for _ in range(2):
        oldest = next(iter(full_at))
        if full_at[oldest] <= now or len(full_at) > MAX_SUBJECTS:
            del full_at[oldest]
