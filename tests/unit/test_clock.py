"""A clock that tests move, and a time that never goes back."""

import asyncio
from datetime import UTC, datetime

from builder_jupyter.clock import ManualClock, SteadyTime, SystemClock, epoch_ms, iso_z

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_manual_clock_stands_still_until_it_is_moved():
    clock = ManualClock()
    assert (clock.now(), clock.monotonic()) == (START, 0)
    clock.advance(1.5)
    assert (epoch_ms(clock.now()) - epoch_ms(START), clock.monotonic()) == (1500, 1.5)


def test_timers_ring_at_their_time_in_order_and_not_when_they_are_cancelled():
    clock, rung = ManualClock(), []
    for seconds in (3, 1, 2, 2, 9):
        clock.call_later(seconds, lambda seconds=seconds: rung.append((seconds, clock.monotonic())))
    gone = clock.call_later(1, lambda: rung.append("cancelled"))
    gone.cancel()
    gone.cancel()
    clock.advance(5)
    assert rung == [(1, 1), (2, 2), (2, 2), (3, 3)]
    assert clock.monotonic() == 5


def test_a_timer_may_set_another_that_is_due_in_the_same_move():
    clock, rung = ManualClock(), []

    def again():
        rung.append(clock.monotonic())
        if len(rung) < 3:
            clock.call_later(1, again)

    clock.call_later(1, again)
    clock.advance(10)
    assert rung == [1, 2, 3]


def test_the_date_may_go_back_and_the_counter_does_not():
    clock = ManualClock()
    clock.advance(10)
    clock.set_back(3600)
    assert (clock.now() < START, clock.monotonic()) == (True, 10)


def test_steady_time_goes_on_where_the_date_goes_back_and_jumps_with_it_forward():
    clock = ManualClock()
    time = SteadyTime(clock)
    before = time.now_ms()
    assert before == epoch_ms(START)
    clock.set_back(3600)
    assert time.now_ms() == before
    clock.advance(1)
    assert time.now_ms() == before + 1000
    clock.set_back(-7200)
    assert time.now_ms() == before + 1000 + 3_600_000
    clock.set_back(7200)
    assert time.now_ms() == before + 1000 + 3_600_000


def test_the_clock_of_the_machine_rings_on_the_loop():
    async def work():
        clock, rung = SystemClock(), asyncio.Event()
        assert clock.now().tzinfo is UTC
        never = clock.call_later(0, lambda: 1 / 0)
        never.cancel()
        clock.call_later(0, rung.set)
        first = clock.monotonic()
        await rung.wait()
        assert clock.monotonic() >= first

    asyncio.run(work())


def test_how_times_are_written():
    assert iso_z(datetime(2025, 12, 6, 10, tzinfo=UTC)) == "2025-12-06T10:00:00Z"
    assert epoch_ms(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1000
