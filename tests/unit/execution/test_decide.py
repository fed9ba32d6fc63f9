"""Decisions are pure: they change nothing and depend on nothing but the state."""

import copy
import random

import pytest
from engine_kit import Walk, plan_of

from builder_jupyter.execution.decide import Abort, SetStatus, Skip, Start, decide
from builder_jupyter.execution.events import CancelRequested, StepFailed, StepWaiting
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import ExecutionStatus, SkipReason

GRAPHS = ["a>b>c", "a>b>d a>c>d", "a>work>check>work check>end", "a>b>check>b check>work>check work>end"]


class Watched(Walk):
    """Asks for every decision three times."""

    def advance(self):
        while True:
            before = copy.deepcopy(snapshot(self.state))
            first, second = decide(self.state, 0), decide(self.state, 0)
            assert first == second
            assert snapshot(self.state) == before
            if not first:
                return
            super().advance()
            assert decide(self.state, 0) == []


@pytest.mark.parametrize("text", GRAPHS)
def test_deciding_twice_gives_the_same_and_changes_nothing(text):
    def routes(step, visit):
        leaves = ("end",) if "check>end" in text else ("work",)
        again = ("work",) if "check>end" in text else ("b",)
        return {"check": again if visit < 3 else leaves, "work": ("end",) if "work>end" in text else None}.get(step)

    choose = random.Random(7)
    walk = Watched(plan_of(text), routes, pick=choose.choice).run()
    assert walk.state.status is ExecutionStatus.COMPLETED


def begun(text, *done):
    """A walk whose first steps are completed, the rest of what is ready under way."""
    walk = Walk(plan_of(text))
    walk.advance()
    for name in done:
        walk.complete(next(visit for visit in walk.state.active if walk.name(visit) == name))
        walk.advance()
    return walk


def named(walk, commands, kind):
    return sorted(walk.plan.steps[command.step].node_id for command in commands if isinstance(command, kind))


def test_the_first_decision_is_to_run():
    walk = Walk(plan_of("a>b"))
    assert decide(walk.state, 0) == [SetStatus(ExecutionStatus.RUNNING)]


def test_a_failure_stops_the_rest_and_says_why():
    walk = begun("a>b>d a>c>d x>y", "a", "x")
    visit = next(visit for visit in walk.state.active if walk.name(visit) == "b")
    walk.record(StepFailed("b", 1, visit.attempt, {"message": "no", "code": "NO"}))
    commands = decide(walk.state, 0)
    aborted = sorted(walk.name(command.visit) for command in commands if isinstance(command, Abort))
    assert aborted == ["c", "y"]
    reasons = {walk.plan.steps[c.step].node_id: c.reason for c in commands if isinstance(c, Skip)}
    assert reasons == {
        "c": SkipReason.SIBLING_FAILED, "y": SkipReason.SIBLING_FAILED, "d": SkipReason.UPSTREAM_FAILED,
    }  # fmt: skip
    assert commands[-1] == SetStatus(ExecutionStatus.ERROR, {"message": "no", "code": "NO", "stepId": "b"})


def test_of_two_failures_the_first_is_the_error():
    walk = begun("a>b>d a>c>d", "a")
    for name in ("c", "b"):
        walk.record(StepFailed(name, 1, 1, {"message": name, "code": "NO"}))
    assert decide(walk.state, 0)[-1].error["stepId"] == "c"


def test_a_slower_step_of_an_earlier_wave_is_upstream():
    walk = begun("slow>end a>b>c>end", "a", "b")
    visit = next(visit for visit in walk.state.active if walk.name(visit) == "c")
    walk.record(StepFailed("c", 1, visit.attempt, {"message": "no", "code": "NO"}))
    reasons = {walk.plan.steps[c.step].node_id: c.reason for c in decide(walk.state, 0) if isinstance(c, Skip)}
    assert reasons["slow"] is SkipReason.UPSTREAM_FAILED


def test_a_request_to_cancel_stops_everything():
    walk = begun("a>b>d a>c>d", "a")
    walk.record(CancelRequested("me"))
    commands = decide(walk.state, 0)
    assert named(walk, commands, Skip) == ["b", "c", "d"]
    assert {command.reason for command in commands if isinstance(command, Skip)} == {SkipReason.CANCELLED}
    assert commands[-1] == SetStatus(ExecutionStatus.CANCELLED)


def test_waiting_is_for_when_nothing_else_can_be_done():
    walk = begun("a>b a>c", "a")
    walk.record(StepWaiting("b", 1, 1, "wp_1", "human", {}))
    assert decide(walk.state, 0) == [], "c is still running"
    walk.complete(next(iter(walk.state.active)))
    assert decide(walk.state, 0) == [SetStatus(ExecutionStatus.WAITING)]
    walk.advance()
    walk.complete(next(iter(walk.state.waiting)))
    assert decide(walk.state, 0) == [SetStatus(ExecutionStatus.COMPLETED)]


def test_an_answer_that_makes_work_sets_it_running_before_it_starts_a_step():
    walk = begun("a>b")
    walk.record(StepWaiting("a", 1, 1, "wp_1", "human", {}))
    walk.advance()
    assert walk.state.status is ExecutionStatus.WAITING
    walk.complete(next(iter(walk.state.waiting)))
    first, second = decide(walk.state, 0)
    assert first == SetStatus(ExecutionStatus.RUNNING)
    assert isinstance(second, Start)


def test_nothing_is_decided_after_the_end():
    walk = begun("a", "a")
    assert walk.state.status is ExecutionStatus.COMPLETED
    walk.record(CancelRequested("me"))
    assert decide(walk.state, 0) == []
