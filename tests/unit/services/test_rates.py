"""Buckets: as a token bucket counts them, whoever asks, with a clock that stands still."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder_jupyter.clock import ManualClock
from builder_jupyter.errors import NotConfigured, RateLimited
from builder_jupyter.identity.principal import Principal, jupyter_principal, key_principal, local_principal
from builder_jupyter.identity.roles import Role, seat_of
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.services import rates
from builder_jupyter.services.rates import RATES, Bucket, Mode, RateService, rates_of, subject_of_address

OWNER = seat_of(Role.OWNER)
KEY = key_principal("alice", "ours", Scope, OWNER, key_id="key_1")


def service(clock: ManualClock | None = None, mode: Mode = Mode.ON, **changes: Any) -> RateService:
    return RateService(clock or ManualClock(), mode=mode, changes=changes)


def burst(counter: RateService, bucket: Bucket, subject: Principal | str) -> int:
    """How many requests are let through at once."""
    count = 0
    while True:
        try:
            counter.check(bucket, subject)
        except RateLimited:
            return count
        count += 1


@pytest.mark.parametrize("bucket", [bucket for bucket in Bucket if bucket is not Bucket.ACTIVE])
def test_the_table(bucket: Bucket) -> None:
    """So many at once, and so many a minute for ever. Source: spec builder-studio §4.2."""
    published = {
        "mcp": (120, 120), "run": (20, 60), "read": (60, 300), "billing": (5, 10), "webhook": (20, 60),
        "webhook-failed": (20, 20), "write": (60, 120),
    }  # fmt: skip
    most, per_minute = published[bucket]
    clock = ManualClock()
    counter = service(clock)
    assert burst(counter, bucket, KEY) == most
    clock.advance(60)
    assert burst(counter, bucket, KEY) == min(most, per_minute)
    through = 0
    for _ in range(600):
        clock.advance(0.1)
        through += burst(counter, bucket, KEY)
    assert through == per_minute


def test_what_a_caller_is_told() -> None:
    clock = ManualClock()
    counter = service(clock, run={"burst": 3, "per_minute": 6})
    now = round(clock.timestamp())
    told = [counter.check(Bucket.RUN, KEY) for _ in range(3)]
    assert [(s.limit, s.remaining, s.reset - now) for s in told if s] == [(3, 2, 10), (3, 1, 20), (3, 0, 30)]
    with pytest.raises(RateLimited) as refused:
        counter.check(Bucket.RUN, KEY)
    assert refused.value.retry_after == 10
    assert refused.value.standing == told[-1]
    clock.advance(9.5)
    with pytest.raises(RateLimited) as refused:
        counter.check(Bucket.RUN, KEY)
    assert refused.value.retry_after == 1, "whole seconds, and never 0"
    clock.advance(0.5)
    assert counter.look(Bucket.RUN, KEY) == replace(told[1], reset=now + 30)  # type: ignore[type-var]
    assert counter.check(Bucket.RUN, KEY) == replace(told[2], reset=now + 40)  # type: ignore[type-var]
    clock.advance(1000)
    assert counter.look(Bucket.RUN, KEY) == rates.Standing(3, 3, now + 1010)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 8)), max_size=30),
    st.integers(1, 10),
    st.sampled_from([1, 7, 60, 300, 1000]),
)
def test_it_is_a_token_bucket(steps: list[tuple[int, int]], most: int, per_minute: int) -> None:
    clock = ManualClock()
    counter = service(clock, read={"burst": most, "per_minute": per_minute})
    tokens = float(most)
    for pause, asked in steps:
        clock.advance(pause / 8)
        tokens = min(most, tokens + pause / 8 * per_minute / 60)
        for _ in range(asked):
            if math.isclose(tokens % 1, 1, abs_tol=1e-6) or math.isclose(tokens % 1, 0, abs_tol=1e-6):
                tokens = float(round(tokens))  # the two sums are rounded differently
            if tokens < 1:
                with pytest.raises(RateLimited) as refused:
                    counter.check(Bucket.READ, KEY)
                assert refused.value.retry_after == max(1, math.ceil((1 - tokens) * 60 / per_minute - 1e-6))
            else:
                tokens -= 1
                standing = counter.check(Bucket.READ, KEY)
                assert standing is not None
                assert standing.remaining == math.floor(tokens + 1e-6)


def test_callers_and_buckets_have_nothing_to_do_with_each_other() -> None:
    counter = service(run={"burst": 1, "per_minute": 1}, read={"burst": 1, "per_minute": 1})
    others = [
        KEY, replace(KEY, workspace="theirs"), replace(KEY, credential_id="key_2"), local_principal("bob"),
        jupyter_principal("carol"), "address 192.0.2.1",
    ]  # fmt: skip
    for bucket in (Bucket.RUN, Bucket.READ):
        for subject in others:
            assert burst(counter, bucket, subject) == 1


def test_for_whom_requests_are_counted() -> None:
    callers = {
        "key": KEY,
        "lent key": key_principal("alice", "default", Scope, OWNER),
        "jupyter": jupyter_principal("alice"),
        "local": local_principal("alice"),
        "address": "address 192.0.2.1",
    }

    def counted(mode: Mode, *, shared: bool) -> set[str]:
        counter = RateService(ManualClock(), mode=mode, is_shared=lambda: shared)
        assert {n for n, who in callers.items() if counter.look(Bucket.READ, who)} == {
            n for n, who in callers.items() if counter.check(Bucket.READ, who)
        }
        return {name for name, who in callers.items() if counter.look(Bucket.READ, who)}

    for shared in (True, False):
        assert counted(Mode.OFF, shared=shared) == set()
        assert counted(Mode.ON, shared=shared) == set(callers)
    assert counted(Mode.AUTO, shared=False) == set()
    assert counted(Mode.AUTO, shared=True) == {"key", "address"}


def test_runs_at_a_time() -> None:
    counter = service(active={"burst": 2})
    active = {"ours": 1, "theirs": 2}
    counter.admit(KEY, active.__getitem__)
    with pytest.raises(RateLimited) as refused:
        counter.admit(replace(KEY, workspace="theirs"), active.__getitem__)
    assert (refused.value.code, refused.value.standing.limit, refused.value.standing.remaining) == (
        "TOO_MANY_RUNS",
        2,
        0,
    )
    assert refused.value.retry_after >= 1
    service(mode=Mode.OFF).admit(KEY, lambda _: 10**6)


def test_millions_of_callers_take_no_more_room_than_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_SUBJECTS", 100)
    clock = ManualClock()
    counter = service(clock)
    known = counter._full_at[Bucket.READ]
    for number in range(1000):
        counter.check(Bucket.READ, f"address {number}")
        assert len(known) <= 100
    # Those who came last are still known, and who keeps asking is not forgotten for others.
    assert counter.look(Bucket.READ, "address 999") != counter.look(Bucket.READ, "nobody yet")
    clock.advance(3600)
    for number in range(200):
        counter.check(Bucket.READ, f"later {number}")
        clock.advance(1)
    assert len(known) <= 2, "a full bucket is no longer kept"


def test_addresses() -> None:
    assert subject_of_address("192.0.2.1") == subject_of_address("::ffff:192.0.2.1") == "address 192.0.2.1"
    assert subject_of_address("2001:db8::1") == subject_of_address("2001:db8::ffff:1%eth0")
    assert subject_of_address("2001:db8:0:1::1") != subject_of_address("2001:db8::1")
    assert subject_of_address("a socket of a file system") == "address a socket of a file system"


@pytest.mark.parametrize(
    "changes",
    [
        {"runs": {"burst": 1}},
        {"run": {"burst": 0}},
        {"run": {"per_minute": 0}},
        {"run": {"burst": "20"}},
        {"run": {"burst": math.inf}},
        {"run": {"bursts": 1}},
        {"active": {"burst": 0}},
    ],
)
def test_what_is_no_rate(changes: dict[str, Any]) -> None:
    with pytest.raises(NotConfigured) as refused:
        rates_of(changes)
    assert refused.value.code == "RATE_LIMITS"


def test_changes_leave_the_rest() -> None:
    changed = rates_of({"run": {"per_minute": 30}})
    assert changed[Bucket.RUN] == rates.Rate(20, 30)
    assert {b: r for b, r in changed.items() if b is not Bucket.RUN} == {
        b: r for b, r in RATES.items() if b is not Bucket.RUN
    }
