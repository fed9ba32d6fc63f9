"""The engine: barriers, publication, failure, cancellation, recovery of nothing but what was written."""

import asyncio
import json
import logging

import pytest
from engine_kit import (
    HeldJournal,
    MemoryJournal,
    admit,
    check_history,
    engine_of,
    rebuilt,
    registry_of,
    say,
    until,
    workflow_of,
)

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import InvalidInput, StepError, Unavailable
from builder_jupyter.execution.events import Delta, StepCompleted
from builder_jupyter.execution.records import to_wire
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import ExecutionStatus, StepStatus
from builder_jupyter.graph.model import PortType
from builder_jupyter.nodes.base import PortValue, StepResult, Wait

LOST = Unavailable("the disk is full", code="STORE_FAILED")


def steps(run):
    return {step["stepId"]: step for step in snapshot(run.state)["steps"]}


def statuses(run):
    return {name: step["status"] for name, step in steps(run).items()}


def finish(text, behaviours=None, *, data=None, inputs=None, **kwargs):
    """Run a workflow to its end; return the run and its published history, checked."""

    async def work():
        engine = engine_of(registry_of(behaviours), **kwargs)
        run = await admit(engine, workflow_of(text, **(data or {})), inputs)
        await asyncio.wait_for(run.wait(), 20)
        check_history(run.published(), run.state.plan)
        return run

    return asyncio.run(work())


class Gate:
    """A behaviour that waits until it is let through; ``entered`` counts how often it was begun."""

    def __init__(self, then=say):
        self.open, self.then, self.entered, self.cancelled = asyncio.Event(), then, 0, 0

    async def __call__(self, context):
        self.entered += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await self.then(context)


async def ask(_context):
    return Wait("human", {"prompt": "?"})


async def fail(_context):
    raise StepError("it broke", code="BROKE")


def test_a_run_from_start_to_end():
    over = []
    run = finish("start>a>b>end", inputs={"message": "hi"}, on_over=over.append)
    assert run.state.status is ExecutionStatus.COMPLETED
    assert set(statuses(run).values()) == {"completed"}
    assert steps(run)["end"]["outputs"]["text-out"]["value"] == "b"
    assert over == [run]


# -- the barrier -----------------------------------------------------------------------------------------------


def test_a_step_that_touches_the_world_waits_for_the_disk():
    async def work():
        journal, gate = HeldJournal(), Gate()
        gate.open.set()
        engine = engine_of(registry_of({"a": gate, "b": say}), journal=journal)
        admitting = asyncio.ensure_future(admit(engine, workflow_of("start>a>b>end")))
        await until(lambda: len(journal.held) == 1, "admission and the pure start are queued, in one piece")
        assert not admitting.done()
        for _ in range(20):
            await asyncio.sleep(0)
        assert gate.entered == 0, "the start of a is recorded, and not on disk"
        journal.release()
        run = await admitting
        await until(lambda: gate.entered == 1)
        while not run.is_over:
            await until(lambda: journal.held or run.is_over)
            if journal.held:
                journal.release()
        check_history(run.published(), run.state.plan)

    asyncio.run(work())


def test_steps_without_effects_run_ahead_of_the_disk():
    async def work():
        journal = HeldJournal()
        engine = engine_of(journal=journal)
        flow = workflow_of("start>router>end", router={"conditions": ["x"], "default": None})
        admitting = asyncio.ensure_future(admit(engine, flow, {"message": "x"}))
        await until(lambda: journal.held)
        run = next(iter(engine.runs.values()))
        assert run.state.status is ExecutionStatus.COMPLETED
        assert run.published() == []
        assert not run.is_over
        journal.release(len(journal.held))
        await admitting
        await run.wait()
        assert run.is_over

    asyncio.run(work())


def test_nothing_is_published_before_it_is_on_disk():
    async def work():
        journal, seen = HeldJournal(), []
        engine = engine_of(journal=journal)
        admitting = asyncio.ensure_future(admit(engine, workflow_of("start>a>end")))
        await until(lambda: len(journal.held) == 1)
        run = next(iter(engine.runs.values()))

        async def listen():
            async for batch in run.follow():
                seen.extend(batch)

        listening = asyncio.ensure_future(listen())
        while not run.is_over:
            await until(lambda: journal.held or run.is_over)
            await asyncio.sleep(0)
            durable = {entry.seq for entry in journal.entries.get(run.execution_id, ())}
            assert {recorded.seq for recorded in seen} <= durable
            if journal.held:
                journal.release()
        await listening
        await admitting
        assert [recorded.seq for recorded in seen] == [e.seq for e in journal.entries[run.execution_id]]

    asyncio.run(work())


def test_streamed_text_waits_behind_what_is_not_on_disk_yet():
    async def work():
        journal, go = HeldJournal(), asyncio.Event()

        async def talk(context):
            context.emit("one")
            await go.wait()
            context.emit("two")
            return StepResult()

        engine = engine_of(registry_of({"a": talk, "b": Gate()}), journal=journal)
        admitting = asyncio.ensure_future(admit(engine, workflow_of("start>a>end start>b>end start>c>end")))
        await until(lambda: len(journal.held) == 1)
        journal.release()
        run = await admitting
        await until(lambda: len(journal.held) == 1, "c is done, and that is not on disk")
        assert Delta("a", 1, 0, "one") in [recorded.event for recorded in run.published()]
        go.set()
        await until(lambda: run.state.visit("a", 1).status is StepStatus.COMPLETED)
        assert Delta("a", 1, 3, "two") not in [recorded.event for recorded in run.published()]
        journal.release()
        await until(lambda: Delta("a", 1, 3, "two") in [recorded.event for recorded in run.published()])
        engine.cancel(run, by="me")
        journal.release(len(journal.held))
        await run.wait()
        seqs = [recorded.seq for recorded in run.published()]
        assert seqs == sorted(set(seqs))

    asyncio.run(work())


# -- failure ---------------------------------------------------------------------------------------------------


def test_a_failure_names_itself_keeps_what_is_done_and_skips_the_rest():
    async def work():
        slow = Gate()
        engine = engine_of(registry_of({"b": fail, "c": slow}))
        run = await admit(engine, workflow_of("start>a>b>d>end a>c>d"))
        await run.wait()
        check_history(run.published(), run.state.plan)
        assert run.state.error == {"message": "it broke", "code": "BROKE", "retryable": False, "stepId": "b"}
        reasons = {name: step["skipReason"] for name, step in steps(run).items() if step["skipReason"]}
        assert reasons == {"c": "sibling_failed", "d": "upstream_failed", "end": "upstream_failed"}
        assert statuses(run)["a"] == "completed"
        await until(lambda: slow.cancelled == slow.entered)

    asyncio.run(work())


def test_of_two_failures_the_first_is_named():
    run = finish("start>a>end start>b>end", {"a": fail, "b": fail})
    assert run.state.error["stepId"] == "a"
    assert sorted(statuses(run).values()) == ["completed", "error", "skipped", "skipped"]


async def raise_plain(_context):
    raise KeyError("oops")


async def not_a_number(_context):
    return StepResult(result=float("nan"))


async def a_set(_context):
    return StepResult(outputs={"x": PortValue(PortType.TEXT, {1, 2})})


async def bottomless(_context):
    value = []
    for _ in range(5_000):
        value = [value]
    return StepResult(result=value)


async def no_result(_context):
    return None


async def wrong_ports(_context):
    return StepResult(outputs={"x": "not a PortValue"})


async def wait_for_ever(_context):
    return Wait("human", {}, timeout_seconds=float("inf"))


async def wait_for_a_set(_context):
    return Wait("human", {"of": {1}})


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (raise_plain, "INTERNAL"),
        (not_a_number, "OUTPUT_INVALID"),
        (a_set, "OUTPUT_INVALID"),
        (bottomless, "OUTPUT_INVALID"),
        (no_result, "OUTPUT_INVALID"),
        (wrong_ports, "OUTPUT_INVALID"),
        (wait_for_ever, "OUTPUT_INVALID"),
        (wait_for_a_set, "OUTPUT_INVALID"),
    ],
)
def test_a_fault_of_a_node_type_fails_its_step_and_hangs_nothing(behaviour, code):
    journal = MemoryJournal()
    run = finish("start>a>end", {"a": behaviour}, journal=journal)
    assert run.state.error["code"] == code
    assert run.state.error["stepId"] == "a"
    again = asyncio.run(rebuilt(journal, run.execution_id))
    assert snapshot(again) == snapshot(run.state)


def test_inputs_that_are_not_json_are_refused_at_admission():
    async def work():
        engine = engine_of()
        with pytest.raises(InvalidInput):
            await admit(engine, workflow_of("start>end"), {"x": float("nan")})
        assert engine.runs == {}

    asyncio.run(work())


def test_a_step_that_takes_too_long():
    async def for_ever(_context):
        await asyncio.Event().wait()

    run = finish("start>a>end", {"a": for_ever}, data={"a": {"timeout": 0.01}})
    assert run.state.error["code"] == "STEP_TIMEOUT"
    assert run.state.error["retryable"] is True


def test_a_timeout_inside_a_step_is_the_steps_own_fault():
    async def impatient(_context):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    assert finish("start>a>end", {"a": impatient}).state.error["code"] == "INTERNAL"


# -- cancellation ----------------------------------------------------------------------------------------------


def test_cancelling_what_runs_what_waits_and_what_is_to_come():
    async def work():
        running = Gate()
        engine = engine_of(registry_of({"a": running, "b": ask}))
        run = await admit(engine, workflow_of("start>a>end start>b>end start>c>end"))
        await until(lambda: run.state.waiting and running.entered and len(run.state.active) == 1)
        engine.cancel(run, by="somebody")
        engine.cancel(run, by="somebody else")
        await run.wait()
        check_history(run.published(), run.state.plan)
        assert statuses(run) == {
            "start": "completed", "a": "skipped", "b": "skipped", "c": "completed", "end": "skipped",
        }  # fmt: skip
        assert {step["skipReason"] for step in steps(run).values()} == {None, "cancelled"}
        assert snapshot(run.state)["waitingOn"] is None
        asked = [to_wire(r) for r in run.published() if to_wire(r)["kind"] == "cancel"]
        assert [event["by"] for event in asked] == ["somebody"]
        await until(lambda: running.cancelled == 1)

    asyncio.run(work())


def test_cancelling_before_anything_touched_the_world():
    async def work():
        journal, gate = HeldJournal(), Gate()
        engine = engine_of(registry_of({"a": gate}), journal=journal)
        admitting = asyncio.ensure_future(admit(engine, workflow_of("start>a>end")))
        await until(lambda: len(journal.held) == 1)
        run = next(iter(engine.runs.values()))
        engine.cancel(run, by="me")
        journal.release(len(journal.held))
        await admitting
        await run.wait()
        assert run.state.status is ExecutionStatus.CANCELLED
        assert gate.entered == 0

    asyncio.run(work())


def test_cancelling_what_is_over_changes_nothing():
    async def work():
        journal = MemoryJournal()
        engine = engine_of(journal=journal)
        run = await admit(engine, workflow_of("start>a>end"))
        await run.wait()
        before = list(journal.entries[run.execution_id])
        engine.cancel(run, by="me")
        assert journal.entries[run.execution_id] == before
        assert run.state.status is ExecutionStatus.COMPLETED

    asyncio.run(work())


def test_a_late_result_is_refused():
    async def work():
        came = asyncio.Event()

        async def stubborn(context):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                context.emit("still here")
                came.set()
            return await say(context)

        journal = MemoryJournal()
        engine = engine_of(registry_of({"a": stubborn}), journal=journal)
        run = await admit(engine, workflow_of("start>a>end"))
        await until(lambda: run.tasks)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        engine.cancel(run, by="me")
        await came.wait()
        await until(lambda: not engine._tasks)
        assert statuses(run)["a"] == "skipped"
        check_history(run.published(), run.state.plan)
        assert not [r for r in run.published() if isinstance(r.event, Delta)]

    asyncio.run(work())


def test_stopping_the_engine_records_nothing_and_starts_nothing_even_if_a_step_will_not_stop():
    async def work():
        begun = asyncio.Event()

        async def stubborn(context):
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return await say(context)

        after = Gate()
        journal = MemoryJournal()
        engine = engine_of(registry_of({"a": stubborn, "b": after}), journal=journal)
        run = await admit(engine, workflow_of("start>a>b>end"))
        await begun.wait()
        before = list(journal.entries[run.execution_id])
        await engine.stop()
        assert journal.entries[run.execution_id] == before
        assert not engine._tasks
        assert after.entered == 0

    asyncio.run(work())


# -- a store that fails ----------------------------------------------------------------------------------------


def test_an_admission_that_cannot_be_written_is_refused(caplog):
    async def work():
        journal = HeldJournal()
        engine = engine_of(journal=journal)
        admitting = asyncio.ensure_future(admit(engine, workflow_of("start>a>end")))
        await until(lambda: journal.held)
        journal.fail(LOST)
        with pytest.raises(Unavailable) as refused:
            await admitting
        assert refused.value.code == "STORE_FAILED"
        assert engine.runs == {}

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(work())


def test_a_store_that_fails_under_a_run_ends_every_wait():
    async def work():
        journal, gate = HeldJournal(), Gate()
        engine = engine_of(registry_of({"a": gate}), journal=journal)
        admitting = asyncio.ensure_future(admit(engine, workflow_of("start>a>end start>b>end")))
        await until(lambda: len(journal.held) == 1)
        journal.release()
        run = await admitting

        async def listen():
            return [recorded async for batch in run.follow() for recorded in batch]

        listening, waiting = asyncio.ensure_future(listen()), asyncio.ensure_future(run.wait())
        await until(lambda: gate.entered and journal.held, "b is done and to be written")
        published = len(run.published())
        journal.fail(LOST)
        for ended in await asyncio.gather(listening, waiting, return_exceptions=True):
            assert isinstance(ended, Unavailable)
            assert ended.code == "STORE_FAILED"
        assert len(run.published()) == published, "what was published stays, and nothing is added"
        await until(lambda: not engine._tasks, "attempts are stopped")
        assert gate.cancelled == 1
        engine.cancel(run, by="me")
        journal.fail(LOST)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(run.wait(), 5)

    asyncio.run(work())


# -- waiting ---------------------------------------------------------------------------------------------------


def test_a_run_waits_only_when_nothing_else_is_left_to_do():
    async def work():
        other = Gate()
        engine = engine_of(registry_of({"a": other}))
        run = await admit(engine, workflow_of("start>human>end start>a>end", human={"prompt": "ok?", "options": ["y"]}))
        await until(lambda: run.state.waiting and other.entered)
        assert run.state.status is ExecutionStatus.RUNNING
        assert snapshot(run.state)["waitingOn"]["stepId"] == "human"
        other.open.set()
        await until(lambda: run.state.status is ExecutionStatus.WAITING)
        check_history(run.published(), run.state.plan, over=False)
        picture = snapshot(run.state)["waitingOn"]
        assert {"waitpointId", "stepId", "kind", "deadlineAt"} <= picture.keys()
        assert (picture["kind"], picture["request"]) == ("human", {"prompt": "ok?", "options": ["y"]})
        assert not run.is_over
        engine.cancel(run, by="me")
        await run.wait()
        check_history(run.published(), run.state.plan)

    asyncio.run(work())


def test_a_step_may_speak_before_it_waits():
    async def speak_and_ask(context):
        context.emit("Which one?")
        return Wait("human", {})

    async def work():
        engine = engine_of(registry_of({"a": speak_and_ask}))
        run = await admit(engine, workflow_of("start>a>end"))
        await until(lambda: run.state.status is ExecutionStatus.WAITING)
        check_history(run.published(), run.state.plan, over=False)

    asyncio.run(work())


# -- histories -------------------------------------------------------------------------------------------------


@pytest.fixture
def talkative():
    """A run with streamed text, a loop, a join and a branch not taken."""
    model = ScriptedModel(lambda request: "x" * 12)
    return finish(
        "start>agent>router>agent router>end start>agent2>end",
        data={"router": {"conditions": [{"label": "no", "pattern": "^y"}, {"label": "yes", "pattern": "x"}]}},
        model=model,
    )


def test_a_listener_resumes_anywhere_without_gaps_or_repeats(talkative):
    whole = talkative.published()
    assert [recorded.seq for recorded in whole] == list(range(1, len(whole) + 1))
    assert any(isinstance(recorded.event, Delta) for recorded in whole)

    async def tail(after):
        return [recorded async for batch in talkative.follow(after) for recorded in batch]

    for after in range(len(whole) + 2):
        assert asyncio.run(tail(after)) == whole[after:]


def test_a_listener_that_was_there_all_along_saw_the_same():
    async def work():
        engine = engine_of()
        run = await admit(engine, workflow_of("start>agent>agent2>end", agent={"prompt": "p"}), {"message": "a b c"})
        live = [recorded async for batch in run.follow() for recorded in batch]
        assert live == run.published()
        streamed = "".join(r.event.text for r in live if isinstance(r.event, Delta) and r.event.step == "agent")
        assert streamed == "a b c"
        for recorded in live:
            json.dumps(to_wire(recorded), allow_nan=False)

    asyncio.run(work())


def test_a_listener_that_gives_up_leaves_nothing_behind():
    async def work():
        gate = Gate()
        engine = engine_of(registry_of({"a": gate}))
        run = await admit(engine, workflow_of("start>a>end"))
        await until(lambda: gate.entered)
        for _ in range(50):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(run.wait(), 0.0001)
        assert len(run._waiters) <= 1
        await engine.stop()

    asyncio.run(work())


def test_compacting_keeps_everything_but_the_pieces(talkative):
    whole = talkative.published()
    talkative.compact()
    assert talkative.published() == [recorded for recorded in whole if not isinstance(recorded.event, Delta)]


def test_the_snapshot_has_the_published_shape(talkative):
    picture = snapshot(talkative.state)
    assert {
        "executionId", "canvasId", "workspaceId", "status", "triggerType", "triggerNodeId", "inputs", "createdAt",
        "startedAt", "finishedAt", "error", "steps", "outputs", "waitingOn", "credits", "replayOf", "replayFromStepId",
        "callback",
    } <= picture.keys()  # fmt: skip
    for step in picture["steps"]:
        assert {
            "stepId", "nodeId", "nodeType", "status", "group", "attempt", "startedAt", "finishedAt", "credits",
            "reused", "outputs", "error", "skipReason",
        } <= step.keys()  # fmt: skip
    assert picture["credits"].keys() == {"charged", "refunded"}
    assert picture["outputs"].keys() == {"end"}
    json.dumps(picture, allow_nan=False)


def test_the_journal_alone_gives_the_same_picture():
    journal = MemoryJournal()
    run = finish("start>agent>agent2>end start>a>end", journal=journal, inputs={"message": "hello there"})
    assert snapshot(asyncio.run(rebuilt(journal, run.execution_id))) == snapshot(run.state)


def test_an_execution_is_loaded_from_the_journal_and_cancelling_it_is_nothing():
    async def work():
        journal = MemoryJournal()
        first = engine_of(journal=journal)
        run = await admit(first, workflow_of("start>a>end"))
        await run.wait()
        second = engine_of(journal=journal)
        again = await second.load(run.execution_id)
        assert again.is_over
        assert [to_wire(r) for r in again.published()] == [to_wire(r) for r in run.published()]
        second.cancel(again, by="me")
        assert again.state.status is ExecutionStatus.COMPLETED
        assert await second.load("exec_nothing") is None
        assert await second.load(run.state.plan.plan_id) is None, "a plan is not an execution"

    asyncio.run(work())


def test_an_unfinished_execution_goes_on_in_another_engine():
    async def work():
        journal, gate = MemoryJournal(), Gate()
        first = engine_of(registry_of({"b": gate}), journal=journal)
        run = await admit(first, workflow_of("start>a>b>c>end"))
        await until(lambda: gate.entered)
        seen = run.published()[-1].seq
        await first.stop()
        assert await journal.unfinished() == [run.execution_id]
        second = engine_of(journal=journal)
        again = await second.load(run.execution_id)
        second.resume(again)
        await again.wait()
        check_history(again.published(), again.state.plan)
        assert steps(again)["b"]["attempt"] == 2
        assert steps(again)["a"]["attempt"] == 1, "what was done is not done again"
        new = [recorded.seq for recorded in again.published(seen)]
        assert min(new) > seen + 1000, "numbers that were given to streamed pieces are not given again"
        assert snapshot(await rebuilt(journal, run.execution_id)) == snapshot(again.state)

    asyncio.run(work())


def test_thousands_of_quick_steps_leave_turns_to_others():
    async def work():
        names = [f"quick{i}" for i in range(3_000)]
        text = ">".join(["start", *names, "end"])
        flow = workflow_of(text)
        flow = flow.with_nodes(type(n)(n.id, "quick") if n.id.startswith("quick") else n for n in flow.nodes)
        engine = engine_of()
        run = await admit(engine, flow)
        assert not run.is_over, "admission does not wait for the whole of it"
        await run.wait()
        done = [r.event.step for r in run.published() if isinstance(r.event, StepCompleted)]
        assert done == ["start", *names, "end"]

    asyncio.run(work())
