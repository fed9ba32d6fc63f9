"""One timer for all: who is rung for, when, and who is not."""

import pytest

from builder_jupyter.clock import ManualClock, SteadyTime
from builder_jupyter.execution.alarms import LONGEST_SLEEP_SECONDS, SPARE_ENTRIES, Alarms


class Bells:
    def __init__(self, on_ring=lambda _bells, _name: None):
        self.clock = ManualClock()
        self.time = SteadyTime(self.clock)
        self.begin = self.time.now_ms()
        self.rung = []
        self.on_ring = on_ring
        self.alarms = Alarms(self.clock, self.time, self.ring)

    def ring(self, name):
        self.rung.append((name, self.time.now_ms() - self.begin))
        self.on_ring(self, name)

    def set(self, name, due):
        self.alarms.set(name, None if due is None else self.begin + due)

    @property
    def armed(self):
        return sum(timer.callback is not None for _, _, timer in self.clock._timers)


def test_each_is_rung_for_at_its_time_once():
    bells = Bells()
    for name, due in (("b", 2000), ("a", 1000), ("c", 2000)):
        bells.set(name, due)
    bells.clock.advance(0.999)
    assert bells.rung == []
    bells.clock.advance(100)
    assert bells.rung == [("a", 1000), ("b", 2000), ("c", 2000)]
    assert bells.armed == 0, "nothing is left to wait for"


def test_only_the_latest_time_that_was_set_counts():
    bells = Bells()
    for due in (5000, 1000, 3000):
        bells.set("a", due)
    bells.set("gone", 2000)
    bells.set("gone", None)
    bells.set("never", None)
    bells.clock.advance(10)
    assert bells.rung == [("a", 3000)]


def test_there_is_one_timer_however_many_alarms():
    bells = Bells()
    for number in range(100):
        bells.set(f"exec_{number}", 10_000 - number)
    assert bells.armed == 1


def test_what_is_overdue_is_rung_for_at_the_next_turn():
    bells = Bells()
    bells.set("a", -5000)
    assert bells.rung == [], "never from within"
    bells.clock.advance(0)
    assert bells.rung == [("a", 0)]


def test_a_ring_may_set_the_next():
    bells = Bells(lambda bells, name: bells.set(name, len(bells.rung) * 1000 + 1000) if len(bells.rung) < 3 else None)
    bells.set("a", 1000)
    bells.clock.advance(60)
    assert bells.rung == [("a", 1000), ("a", 2000), ("a", 3000)]


def test_what_is_due_again_at_once_does_not_keep_the_others_waiting():
    def on_ring(bells, name):
        if name == "busy" and len(bells.rung) < 10:
            bells.set("busy", 1000)

    bells = Bells(on_ring)
    bells.set("busy", 1000)
    bells.set("other", 1000)
    bells.clock.advance(1)
    assert [name for name, _ in bells.rung[:3]] == ["busy", "other", "busy"]


def test_a_fault_while_ringing_does_not_silence_the_rest():
    def on_ring(_bells, name):
        if name == "broken":
            raise RuntimeError("a fault")

    bells = Bells(on_ring)
    bells.set("broken", 1000)
    bells.set("later", 2000)
    with pytest.raises(RuntimeError):
        bells.clock.advance(1)
    bells.clock.advance(5)
    assert ("later", 2000) in bells.rung


def test_a_jump_of_the_date_is_noticed_after_the_longest_sleep():
    bells = Bells()
    bells.set("a", 86_400_000)
    bells.clock.set_back(-86_400)
    bells.clock.advance(LONGEST_SLEEP_SECONDS - 1)
    assert bells.rung == []
    bells.clock.advance(1)
    assert [name for name, _ in bells.rung] == ["a"]


def test_a_date_that_is_put_back_delays_nothing():
    bells = Bells()
    bells.set("a", 1000)
    bells.clock.set_back(86_400)
    bells.clock.advance(1)
    assert bells.rung == [("a", 1000)]


def test_entries_that_are_no_longer_true_do_not_pile_up():
    bells = Bells()
    bells.set("soon", 1)
    for number in range(5 * SPARE_ENTRIES):
        bells.set("a", 10_000 + number)
    assert len(bells.alarms._heap) <= 2 * 2 + SPARE_ENTRIES + 1
    bells.clock.advance(100)
    assert bells.rung == [("soon", 1), ("a", 10_000 + 5 * SPARE_ENTRIES - 1)]


def test_nothing_rings_after_the_end():
    bells = Bells()
    bells.set("a", 1000)
    bells.alarms.close()
    bells.clock.advance(10)
    assert bells.rung == []
    Bells().alarms.close()
