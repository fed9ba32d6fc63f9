"""Workflows inside workflows: once, and once for each item of a list."""

import pytest
from engine_kit import say
from scenes import failing, flow, gate, live, statuses, steps

from builder_jupyter.errors import StepError
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.nodes.base import StepResult
from builder_jupyter.planning.plan import Plan
from builder_jupyter.planning.planner import plan_trigger

COMPLETED, WAITING, ERROR = ExecutionStatus.COMPLETED, ExecutionStatus.WAITING, ExecutionStatus.ERROR
CANCELLED, RUNNING = ExecutionStatus.CANCELLED, ExecutionStatus.RUNNING
SUB = flow("start>workflow>end", workflow={"workflow": "inner"})


def over(*items, **data):
    return flow("start>map>end", map={"workflow": "inner", "items": list(items), **data})


def nest(life, *flows):
    """The plan of the first workflow, which runs the second, which runs the third."""
    plan = None
    for made in reversed(flows):
        plan = plan_trigger(made, "start", registry=life.registry, children={"inner": plan} if plan else {})
    return plan


def children(life, run):
    return [r for r in life.engine.runs.values() if (r.state.admitted.parent or [None])[0] == run.execution_id]


async def item(context):
    return StepResult(output=context.inputs["message"] * 2, has_output=True)


def test_a_workflow_leaves_its_output():
    async def work(life):
        run = await life.admit(nest(life, SUB, flow("start>a")), {"message": "x"})
        (child,) = children(life, run)
        assert (run.status, child.status) == (COMPLETED, COMPLETED)
        assert run.state.visit("workflow", 1).result.result == "xx"
        assert list(child.state.admitted.parent) == [run.execution_id, "workflow", 1]
        picture = snapshot(child.state)
        assert picture["parent"] == {"executionId": run.execution_id, "stepId": "workflow", "visit": 1}
        assert picture["triggerType"] == "api"
        assert (child.state.admitted.workspace, child.state.admitted.principal) == ("default", "me")

    live(work, {"a": item})


def test_a_map_keeps_the_order_of_its_items_whoever_is_faster():
    gates = {str(n): gate() for n in range(4)}

    async def wait_for_turn(context):
        await gates[context.inputs["message"]].open.wait()
        return await item(context)

    async def work(life):
        run = await life.admit(nest(life, over("0", "1", "2", "3"), flow("start>a")))
        for n in "3120":
            gates[n].open.set()
            await life.quiet()
        assert run.state.visit("map", 1).result.result == ["00", "11", "22", "33"]

    live(work, {"a": wait_for_turn})


@pytest.mark.parametrize("concurrency", [1, 3, 10])
def test_a_map_runs_as_many_at_a_time_as_it_may(concurrency):
    async def work(life):
        run = await life.admit(nest(life, over(*range(6), concurrency=concurrency), flow("start>human>end")))
        counts = []
        while life.open():
            counts.append(len(life.open()))
            await life.answer_one()
        assert max(counts) == min(concurrency, 6)
        assert (run.status, len(children(life, run))) == (COMPLETED, 6)

    async def with_one(life):
        async def answer_one():
            holder, visit = life.open()[0]
            life.engine.answer(holder, visit.waitpoint.waitpoint_id, "x", by="me")
            await life.quiet()

        life.answer_one = answer_one
        await work(life)

    live(with_one)


def test_a_parent_waits_only_while_all_that_is_left_of_its_children_waits():
    a = gate(item)

    async def work(life):
        inner = flow("start>router>a router>human", router={"conditions": ["x", "h"]})
        run = await life.admit(nest(life, over("x", "h"), inner))
        assert (run.status, statuses(run)["map"]) == (RUNNING, "running")
        a.open.set()
        await life.quiet()
        assert (run.status, statuses(run)["map"]) == (WAITING, "waiting")
        assert snapshot(run.state)["waitingOn"]["kind"] == "execution"
        await life.answer_all()
        assert run.status is COMPLETED
        assert steps(run)["map"]["attempt"] == 1

    live(work, {"a": a})


def test_a_parent_waits_for_a_grandchild():
    async def work(life):
        run = await life.admit(nest(life, SUB, SUB, flow("start>human>end")))
        assert {r.status for r in life.engine.runs.values()} == {WAITING}
        await life.dies()
        assert {r.status for r in life.engine.runs.values()} == {WAITING}
        await life.answer_all()
        assert {r.status for r in life.engine.runs.values()} == {COMPLETED}
        assert len(life.engine.runs) == 3
        assert life.again(run).status is COMPLETED

    live(work)


def test_a_child_that_fails_fails_its_step_and_says_which():
    async def work(life):
        run = await life.admit(nest(life, over("x", "y"), flow("start>a")))
        error = run.state.error
        assert (run.status, error["code"], error["stepId"]) == (ERROR, "CHILD_FAILED", "map")
        assert "item 1 of 2" in error["message"]
        assert "failure 1" in error["message"]
        assert statuses(run)["end"] == "skipped"

    live(work, {"a": failing(1, retryable=False)})


def test_what_still_runs_of_a_map_that_failed_is_cancelled():
    b = gate()

    async def picky(context):
        if context.inputs["message"] == "bad":
            raise StepError("no")
        return await b(context)

    async def work(life):
        run = await life.admit(nest(life, over("good", "bad", "never", concurrency=2), flow("start>a")))
        assert run.status is ERROR
        assert [r.status for r in children(life, run)] == [CANCELLED, ERROR]
        assert b.cancelled == 1

    live(work, {"a": picky})


def test_inputs_that_cannot_be_written_fail_the_step_by_their_name():
    async def work(life):
        run = await life.admit(nest(life, over("x", inputs={"n": "{{state.n}}"}), flow("start>a")), {"n": 1})
        assert run.status is COMPLETED
        made = flow("start>map", map={"workflow": "inner", "items": [float("nan")]})
        plan = nest(life, made, flow("start>a"))
        assert isinstance(plan, Plan)
        failed = await life.admit(plan)
        assert (failed.status, failed.state.error["code"]) == (ERROR, "INVALID_INPUTS")

    live(work)


def test_children_that_were_done_before_a_crash_are_not_done_again():
    b = gate(item)
    begun = []

    async def second_waits(context):
        begun.append(context.inputs["message"])
        return await (b if context.inputs["message"] == "y" else item)(context)

    async def work(life):
        run = await life.admit(nest(life, over("x", "y"), flow("start>a")))
        await life.dies()
        b.open.set()
        await life.quiet()
        run = life.again(run)
        assert run.state.visit("map", 1).result.result == ["xx", "yy"]
        assert begun == ["x", "y", "y"]
        assert len({name for name in life.journal.entries if name.startswith("exec_")}) == 3

    live(work, {"a": second_waits})


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_crash_anywhere_in_a_parent_begins_no_child_twice(cut):
    async def work(life):
        run = await life.admit(nest(life, over("x", "y", "z"), flow("start>a")))
        assert run.status is COMPLETED
        del life.journal.entries[run.execution_id][cut:]
        await life.dies()
        assert life.again(run).state.visit("map", 1).result.result == ["xx", "yy", "zz"]
        executions = [name for name in life.journal.entries if name.startswith("exec_")]
        assert len(executions) == 4

    live(work, {"a": item})


def test_a_loop_begins_a_new_child_each_time():
    async def work(life):
        made = flow("start>workflow>again>workflow again>end", workflow={"workflow": "inner"})
        run = await life.admit(nest(life, made, flow("start>a")), {"message": "x"})
        assert run.status is COMPLETED
        assert sorted(r.state.admitted.parent[2] for r in children(life, run)) == [1, 2]

    async def again(context):
        return StepResult(taken=(1,) if context.key.endswith("/2") else (0,))

    live(work, {"a": say, "again": again})


def test_cancelling_reaches_every_generation():
    a = gate()

    async def work(life):
        run = await life.admit(nest(life, over("x", "y"), SUB, flow("start>a>end")))
        assert len(life.engine.runs) == 5
        life.engine.cancel(run, by="me")
        await life.quiet()
        assert {r.status for r in life.engine.runs.values()} == {CANCELLED}
        assert a.cancelled == 2

    live(work, {"a": a})


def test_a_failure_beside_it_cancels_a_child():
    async def work(life):
        made = flow("start>workflow>end start>a>end", workflow={"workflow": "inner"})
        run = await life.admit(nest(life, made, flow("start>human>end")))
        await life.advance(1)
        assert run.status is ERROR
        assert {r.status for r in children(life, run)} <= {CANCELLED}

    live(work, {"a": failing(2)})


def test_the_time_that_children_wait_is_not_the_parents():
    async def work(life):
        run = await life.admit(nest(life, SUB, flow("start>human>end")))
        await life.advance(24 * 3600)
        assert run.status is WAITING
        await life.answer_all()
        assert run.status is COMPLETED

    live(work)
