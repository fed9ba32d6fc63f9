"""Limits, and whose turn it is."""

import pytest
from engine_kit import say
from scenes import flow, gate, live, scene, statuses

from builder_jupyter.execution.queue import Slot, StepQueue
from builder_jupyter.execution.status import ExecutionStatus


class Line:
    """A queue whose waiters write down that it is their turn."""

    def __init__(self, **limits):
        self.queue = StepQueue({name.replace("_", ":"): number for name, number in limits.items()})
        self.begun = []

    def come(self, who, workspace="w", *names, wanted=True):
        slot = Slot(workspace, names)
        if self.queue.take(slot):
            self.begun.append(who)
        else:
            self.queue.wait(slot, lambda: wanted and (self.begun.append(who) or True))
        return slot


def test_without_limits_nobody_waits_and_nothing_is_counted():
    line = Line()
    for number in range(1000):
        line.queue.release(line.come(number))
    assert len(line.begun) == 1000
    assert not line.queue._running


def test_as_many_as_the_limit_says_and_then_in_order():
    line = Line(workspace=2)
    slots = [line.come(name) for name in "abcde"]
    assert line.begun == ["a", "b"]
    for slot in slots:
        line.queue.release(slot)
    assert line.begun == list("abcde")
    assert not line.queue._running
    assert not line.queue._waiting


def test_each_workspace_has_its_own_number():
    line = Line(workspace=1)
    for workspace in ("x", "y"):
        line.come(workspace, workspace)
    assert line.begun == ["x", "y"]


def test_a_limit_of_its_own_goes_before_that_of_its_kind():
    line = Line(model=1, model_big=2)
    for number in range(3):
        line.come(f"big{number}", "w", "model:big")
        line.come(f"small{number}", "w", "model:small")
        line.come(f"free{number}", "w", "other:x")
    assert line.begun == ["big0", "small0", "free0", "big1", "free1", "free2"]


def test_a_step_counts_in_each_of_its_limits():
    line = Line(model=2, provider=1)
    first = line.come("a", "w", "model:m", "provider:p")
    line.come("b", "w", "model:m", "provider:p")
    line.come("c", "w", "model:m", "provider:q")
    assert line.begun == ["a", "c"]
    line.queue.release(first)
    assert line.begun == ["a", "c", "b"]


def test_workspaces_take_turns():
    line = Line(model=1)
    slots = [line.come("first", "busy", "model:m")]
    for number in range(4):
        line.come(f"busy{number}", "busy", "model:m")
    for number in range(2):
        line.come(f"small{number}", "small", "model:m")
    while len(line.begun) < 7:
        line.queue.release(slots[0])
    assert line.begun == ["first", "busy0", "small0", "busy1", "small1", "busy2", "busy3"]


def test_who_comes_later_does_not_overtake_who_waits_for_the_same():
    line = Line(workspace=1)
    slot = line.come("a")
    line.come("b")
    line.queue._count(slot, -1)  # a place is free, and b has not been told yet
    line.come("c")
    assert line.begun == ["a"]
    line.queue._count(slot, 1)
    line.queue.release(slot)
    line.queue.release(slot)
    assert line.begun == ["a", "b", "c"]


def test_one_that_waits_for_a_full_model_does_not_hold_up_the_rest_of_its_workspace():
    line = Line(model=1, workspace=2)
    first = line.come("a", "w", "model:m")
    line.come("b", "w", "model:m")
    second = line.come("c", "w", "model:n")
    line.come("d", "w", "model:n")
    assert line.begun == ["a", "c"]
    line.queue.release(second)
    assert line.begun == ["a", "c", "d"]
    line.queue.release(first)
    assert line.begun == ["a", "c", "d", "b"]


def test_a_place_that_is_not_wanted_any_more_goes_to_the_next():
    line = Line(workspace=1)
    slot = line.come("a")
    for name in "bcd":
        line.come(name, wanted=False)
    line.come("e")
    line.queue.release(slot)
    assert line.begun == ["a", "e"]
    line.queue.release(slot)
    assert not line.queue._running


def test_thousands_that_are_not_wanted_any_more():
    line = Line(workspace=1)
    slot = line.come("a")
    for number in range(20_000):
        line.come(number, wanted=False)
    line.queue.release(slot)
    assert line.begun == ["a"]
    assert not line.queue._running


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_engine_never_runs_more_than_the_limit(limit):
    running, most = [], []

    async def counted(context):
        running.append(context.node.id)
        most.append(len(running))
        await free.open.wait()
        running.remove(context.node.id)
        return await say(context)

    free = gate()

    async def work(life):
        run = await life.run(flow(" ".join(f"start>a{i}>end" for i in range(8))))
        assert len(running) == limit
        assert list(statuses(run).values()).count("pending") == 8 - limit + 1
        assert run.status is ExecutionStatus.RUNNING
        free.open.set()
        await life.quiet()
        assert (run.status, max(most)) == (ExecutionStatus.COMPLETED, limit)

    live(work, {f"a{i}": counted for i in range(8)}, limits={"workspace": limit})


def test_a_step_that_waits_takes_no_place():
    async def work(life):
        waits = await life.admit(scene("provider-poll", "plain"))
        assert (await life.run(flow("start>a>end"))).status is ExecutionStatus.COMPLETED
        assert await life.answer_all() == 1
        assert waits.status is ExecutionStatus.COMPLETED

    live(work, limits={"workspace": 1})


def test_a_step_that_goes_on_after_waiting_queues_again():
    a = gate()

    async def work(life):
        waits = await life.admit(scene("provider-poll", "plain"))
        blocker = await life.run(flow("start>a>end"))
        await life.answer_all()
        assert statuses(waits)["w"] == "waiting"
        assert waits.state.status is ExecutionStatus.RUNNING
        a.open.set()
        await life.quiet()
        assert (blocker.status, waits.status) == (ExecutionStatus.COMPLETED, ExecutionStatus.COMPLETED)

    live(work, {"a": a}, limits={"workspace": 1})


def test_a_run_with_a_step_in_the_queue_does_not_wait_for_the_world():
    a = gate()

    async def work(life):
        await life.run(flow("start>a>end"))
        run = await life.run(flow("start>human>end start>b>end"))
        assert (run.status, statuses(run)["b"]) == (ExecutionStatus.RUNNING, "pending")
        a.open.set()
        await life.quiet()
        assert (run.status, statuses(run)["b"]) == (ExecutionStatus.WAITING, "completed")

    live(work, {"a": a}, limits={"workspace": 1})


def test_what_was_queued_when_the_process_died_runs_in_the_next():
    a = gate()

    async def work(life):
        first, second = await life.run(flow("start>a>end")), await life.run(flow("start>b>end"))
        await life.dies()
        a.open.set()
        await life.quiet()
        assert [life.again(run).status for run in (first, second)] == [ExecutionStatus.COMPLETED] * 2

    live(work, {"a": a}, limits={"workspace": 1})
