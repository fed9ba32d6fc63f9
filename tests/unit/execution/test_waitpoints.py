"""What a waitpoint is, who may end it and how; the matrix of kinds and places is in test_waitpoint_matrix.

==========================================  ==================================================================
rule (specification §7.4, §7.6, §7.7)       test
==========================================  ==================================================================
what it records                             test_what_is_recorded_of_a_waitpoint
persisted, a restart resumes                test_waitpoint_matrix: test_the_process_dies_while_it_waits
resolving twice is a no-op                  test_waitpoint_matrix: test_answered_twice
expired: its own way, or an error           test_waitpoint_matrix: test_expired_with_a_way_for_it, …_without_one
poll, then poll again, one deadline         test_a_provider_is_looked_at_again_until_the_deadline
`waiting` only while nothing runs           test_a_run_waits_only_while_nothing_runs
late results discarded                      test_an_answer_after_the_end_changes_nothing
==========================================  ==================================================================
"""

import pytest
from scenes import POLL, SECONDS, flow, gate, live, look, scene, statuses, steps

from builder_jupyter.errors import Conflict, InvalidInput, NotFound
from builder_jupyter.execution.events import StepWaiting, WaitpointEnded
from builder_jupyter.execution.records import to_wire
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.execution.waitpoints import ANSWERABLE, WaitKind, check_answer, check_schema
from builder_jupyter.nodes.base import AnswerKind, StepResult, Wait

COMPLETED, WAITING, RUNNING = ExecutionStatus.COMPLETED, ExecutionStatus.WAITING, ExecutionStatus.RUNNING


def waiting(kind="human", **request):
    return StepWaiting("w", 1, 1, "wp_1", kind, request)


def test_what_is_recorded_of_a_waitpoint():
    async def work(life):
        run = await life.run(flow("start>human>end", human={"prompt": "ok?", "options": ["y", "n"], "timeout": 60}))
        point = snapshot(run.state)["waitingOn"]
        assert point.pop("waitpointId").startswith("wp_")
        assert point == {
            "executionId": run.execution_id, "stepId": "human", "visit": 1, "kind": "human",
            "request": {"prompt": "ok?", "options": ["y", "n"]},
            "deadlineAt": run.state.started_at + 60_000, "pollAt": None, "provider": None,
        }  # fmt: skip
        wire = to_wire(next(r for r in run.published() if isinstance(r.event, StepWaiting)))
        assert (wire["kind"], wire["status"], wire["waitsFor"]) == ("waitpoint", "waiting", "human")
        await life.answer_all("y")
        assert snapshot(run.state)["waitingOn"] is None
        ended = to_wire(next(r for r in run.published() if isinstance(r.event, WaitpointEnded)))
        assert (ended["ended"], ended["answer"], ended["by"]) == ("answered", "y", "me")

    live(work)


def test_which_kinds_can_be_answered():
    assert {kind: ANSWERABLE[kind] for kind in WaitKind} == {
        "human": True, "callback": True, "user-turn": True, "provider-poll": True, "timer": False, "execution": False,
    }  # fmt: skip
    for kind, answerable in ANSWERABLE.items():
        if answerable:
            check_answer(waiting(kind), "anything")
        else:
            with pytest.raises(Conflict) as refused:
                check_answer(waiting(kind), "anything")
            assert refused.value.code == "NOT_ANSWERABLE"


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    [
        ({"type": "integer", "minimum": 1}, [1, 5], [0, "1", None, 1.5]),
        ({"enum": ["a", "b"]}, ["a"], ["c"]),
        ({"type": "object", "required": ["x"], "additionalProperties": False}, [], [{}, {"x": 1, "y": 2}]),
        ({}, [1, None, {}], []),
        (True, [1], []),
    ],
)
def test_an_answer_has_to_fit_the_schema(schema, fits, does_not):
    for answer in fits:
        check_answer(waiting(schema=schema), answer)
    for answer in does_not:
        with pytest.raises(InvalidInput) as refused:
            check_answer(waiting(schema=schema), answer)
        assert refused.value.code == "INVALID_ANSWER"


def test_faults_of_an_answer_are_named_by_field():
    schema = {"type": "object", "properties": {"a": {"properties": {"b": {"type": "string"}}}, "c": {"minimum": 1}}}
    with pytest.raises(InvalidInput) as refused:
        check_answer(waiting(schema=schema), {"a": {"b": 1}, "c": 0})
    assert [fault["field"] for fault in refused.value.details] == ["a.b", "c"]


def test_a_schema_that_cannot_be_used_is_said_to_be_so():
    assert check_schema({"type": "object"}) is None
    assert "nonsense" in check_schema({"type": "nonsense"})


def test_an_unknown_waitpoint_is_not_found():
    async def work(life):
        run = await life.admit(scene("human", "plain"))
        with pytest.raises(NotFound) as missing:
            life.engine.answer(run, "wp_nothing", "x", by="me")
        assert missing.value.code == "WAITPOINT_NOT_FOUND"
        assert run.status is WAITING

    live(work)


def test_a_kind_that_nobody_knows_fails_the_step():
    async def odd(_context):
        return Wait("godot", {})

    async def work(life):
        run = await life.run(flow("start>a>end"))
        assert run.state.error["code"] == "OUTPUT_INVALID"

    live(work, {"a": odd})


def test_a_provider_is_looked_at_again_until_the_deadline():
    async def work(life):
        run = await life.run(flow("start>w>end"))
        point = snapshot(run.state)["waitingOn"]
        begun = run.state.started_at
        assert (point["pollAt"], point["deadlineAt"]) == (begun + 1000 * POLL, begun + 1000 * SECONDS)
        await life.advance(POLL)
        after = snapshot(run.state)["waitingOn"]
        assert after == {**point, "pollAt": begun + 2000 * POLL}
        assert (run.status, steps(run)["w"]["attempt"]) == (WAITING, 1)
        for _ in range(7):
            await life.advance(POLL)
        await life.advance(SECONDS)
        assert run.state.error["code"] == "provider_timeout"
        how = [r.event.how for r in run.published() if isinstance(r.event, WaitpointEnded)]
        assert how == [AnswerKind.POLL] * (SECONDS // POLL) + [AnswerKind.EXPIRED]

    live(work, {"w": look})


def test_a_provider_may_call_back_before_the_next_look():
    async def work(life):
        run = await life.run(flow("start>w>end"))
        await life.advance(POLL + 1)
        assert await life.answer_all("the video") == 1
        assert (run.status, run.state.visit("w", 1).result.result) == (COMPLETED, "the video")

    live(work, {"w": look})


def test_a_step_may_wait_for_one_thing_after_another():
    async def two_questions(context):
        if context.answer is None:
            return Wait("human", {"prompt": "first"}, timeout_seconds=10)
        if context.answer.request["prompt"] == "first":
            return Wait("callback", {"prompt": "second", "so far": context.answer.value}, timeout_seconds=10)
        return StepResult(result=[context.answer.request["so far"], context.answer.value])

    async def work(life):
        run = await life.run(flow("start>a>end"))
        first = life.ids()
        await life.advance(9)
        ((_, visit),) = life.open()
        life.engine.answer(run, visit.waitpoint.waitpoint_id, 1, by="me")
        await life.quiet()
        assert life.ids() != first, "another question is another waitpoint"
        await life.advance(9)
        assert run.status is WAITING, "with a deadline of its own"
        await life.answer_all(2)
        assert (run.status, run.state.visit("a", 1).result.result) == (COMPLETED, [1, 2])

    live(work, {"a": two_questions})


def test_a_run_waits_only_while_nothing_runs():
    b = gate()

    async def work(life):
        run = await life.run(flow("start>human>end start>b>end"))
        assert (run.status, statuses(run)["human"]) == (RUNNING, "waiting")
        b.open.set()
        await life.quiet()
        assert run.status is WAITING
        await life.answer_all()
        assert run.status is COMPLETED

    live(work, {"b": b})


def test_an_answer_after_the_end_changes_nothing():
    async def work(life):
        run = await life.admit(scene("callback", "plain"))
        ((_, visit),) = life.open()
        name = visit.waitpoint.waitpoint_id
        await life.answer_all("first")
        seq = run.state.seq
        assert life.engine.answer(run, name, "second", by="me") is False
        loaded = await life.begin().load(run.execution_id)
        assert life.engine.answer(loaded, name, "third", by="me") is False
        assert run.state.seq == seq

    live(work)


def test_a_waitpoint_without_a_deadline_waits_for_ever():
    async def work(life):
        run = await life.run(flow("start>human>end"))
        await life.advance(400 * 24 * 3600)
        assert run.status is WAITING
        assert await life.answer_all() == 1
        assert run.status is COMPLETED

    live(work)


def test_a_deadline_that_is_over_at_once_is_over_at_once():
    async def work(life):
        run = await life.run(flow("start>human>end", human={"timeout": 0}))
        assert run.state.error["code"] == "human_timeout"

    live(work)


def test_a_step_that_waits_for_its_children_cannot_be_answered():
    async def work(life):
        run = await life.admit(scene("human", "sub-workflow"))
        (visit,) = run.state.waiting
        assert visit.waitpoint.waits_for == "execution"
        with pytest.raises(Conflict):
            life.engine.answer(run, visit.waitpoint.waitpoint_id, "x", by="me")
        assert run.status is WAITING

    live(work)
