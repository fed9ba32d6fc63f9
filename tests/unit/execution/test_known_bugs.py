"""Faults that durable engines are known for, one test each. In brackets: the kind of engine that had it."""

import asyncio
import json

import pytest
from engine_kit import HeldJournal, Walk, check_history, plan_of, say, until
from scenes import SECONDS, Life, failing, flow, gate, live, look, scene, statuses, steps

from builder_jupyter.errors import Conflict, InvalidInput, StepError
from builder_jupyter.execution.decide import Start, decide
from builder_jupyter.execution.events import (
    Admitted,
    Delta,
    StepCompleted,
    StepRetrying,
    StepStarted,
    StepWaiting,
    WaitpointEnded,
)
from builder_jupyter.execution.ports import Entry
from builder_jupyter.execution.replay import plan_replay
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.model import Node
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.nodes.base import AnswerKind, StepResult, Wait
from builder_jupyter.planning.planner import plan_trigger
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.journal import DuckDBJournal

COMPLETED, WAITING, ERROR = ExecutionStatus.COMPLETED, ExecutionStatus.WAITING, ExecutionStatus.ERROR
CANCELLED, RUNNING = ExecutionStatus.CANCELLED, ExecutionStatus.RUNNING
RETRY = {"retry": {"maxAttempts": 3, "initialDelayMs": 1000, "jitter": 0}}


def one(life):
    """The only open waitpoint and who has it."""
    ((run, visit),) = life.open()
    return run, visit.waitpoint.waitpoint_id


# -- crashes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", range(1, 9))
def test_stuck_after_a_crash_between_two_steps(written):
    """Whatever prefix of the history is on disk, the execution goes on from it. (task queues with a result back-end)"""

    async def work(life):
        run = await life.run(flow("start>a>quick>b>end"))
        assert run.status is COMPLETED
        entries = life.journal.entries[run.execution_id]
        del entries[written:]
        await life.dies()
        assert life.again(run).status is COMPLETED

    live(work)


def test_a_run_that_waits_is_not_taken_for_crashed():
    """(engines that call a run dead when its worker sends no heartbeat)"""

    async def work(life):
        run = await life.admit(scene("human", "plain"))
        _, name = one(life)
        for _ in range(3):
            await life.dies(downtime=5)
        assert life.again(run).status is WAITING
        assert one(life)[1] == name
        assert steps(life.again(run))["w"]["attempt"] == 1

    live(work)


def test_a_timer_that_fires_during_recovery_fires_once():
    """(schedulers that reload their timers while they fire)"""

    async def work(life):
        run = await life.admit(scene("timer", "plain"))
        await life.dies(downtime=SECONDS)
        await life.advance(SECONDS)
        run = life.again(run)
        assert run.status is COMPLETED
        assert len([r for r in run.published() if isinstance(r.event, WaitpointEnded)]) == 1
        assert len([r for r in run.published() if isinstance(r.event, StepCompleted) and r.event.step == "w"]) == 1

    live(work)


def test_a_crash_after_the_answer_was_acknowledged_keeps_it():
    """(graph engines that write their checkpoint after the step that was resumed)"""

    async def work(life):
        run = await life.admit(scene("human", "plain"))
        holder, name = one(life)
        assert life.engine.answer(holder, name, "yes", by="me")
        entries = life.journal.entries[run.execution_id]
        kinds = [entry.kind for entry in entries]
        del entries[kinds.index("waitpoint_ended") + 1 :]
        await life.dies()
        run = life.again(run)
        assert run.status is COMPLETED
        assert run.state.visit("w", 1).result.result == "yes"

    live(work)


def test_a_pause_before_a_retry_survives_a_crash():
    """(engines whose retries live in a worker's memory)"""
    a = failing(2)

    async def work(life):
        run = await life.run(flow("start>a>end", a=RETRY))
        await life.advance(0.6)
        await life.dies()
        assert a.calls == 1
        await life.advance(0.5)
        assert a.calls == 2
        await life.dies(downtime=100)
        assert a.calls == 3
        assert life.again(run).status is COMPLETED

    live(work, {"a": a})


def test_an_attempt_that_ended_with_its_process_is_made_again_and_is_no_failure():
    """(engines that count a crash as one of the attempts)"""

    async def work(life):
        run = await life.run(flow("start>a>end"))
        for _ in range(4):
            await life.dies()
        blocked.open.set()
        await life.quiet()
        run = life.again(run)
        assert (run.status, steps(run)["a"]["attempt"]) == (COMPLETED, 5)

    blocked = gate()
    live(work, {"a": blocked})


def test_a_child_whose_parent_ended_before_the_crash_is_cancelled(tmp_path):
    """(sub-workflows that outlive their parent for ever)"""
    me = local_principal("alice")

    def runtime():
        return Runtime(Settings(data_dir=tmp_path))

    with runtime() as rt:
        inner = rt.portal.wait(rt.workflows.create(me, flow("start>human>end")))
        made = flow("start>workflow>end", workflow={"workflow": inner.id})
        outer = rt.portal.wait(rt.workflows.create(me, made))
        parent = rt.portal.wait(rt.executions.start(me, outer.id)).execution_id
        for batch in rt.portal.iterate(rt.executions.events(me, parent)):
            if any(event["kind"] == "status" and event["status"] == "waiting" for event in batch):
                break
        child = rt.portal.wait(rt.executions.snapshot(me, parent))["waitingOn"]["executionId"]
        assert child != parent

    async def end_the_parent_alone(database):
        journal = DuckDBJournal(database)
        await journal.open()
        last = (await journal.read(parent))[-1]
        await journal.append([Entry(parent, last.seq + 1, last.at, "status", '{"status": "cancelled"}')])

    with Database(tmp_path) as database:
        asyncio.run(end_the_parent_alone(database))
    with runtime() as rt:
        picture = rt.portal.wait(rt.executions.wait(me, child, seconds=30))
        assert picture["status"] == "cancelled"
        assert picture["parent"]["executionId"] == parent


# -- answers ---------------------------------------------------------------------------------------------------


def test_a_resume_that_is_answered_twice_counts_once():
    """(graph engines whose `resume` starts a second run of the same node)"""

    async def work(life):
        run = await life.admit(scene("human", "plain"))
        holder, name = one(life)
        assert [life.engine.answer(holder, name, word, by="me") for word in ("a", "b", "c")] == [True, False, False]
        await life.quiet()
        assert run.state.visit("w", 1).result.result == "a"
        assert not life.engine.answer(holder, name, "d", by="me")

    live(work)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_people_asked_side_by_side_answer_in_either_order(order):
    """(graph engines that number interrupts by their order in a step)"""

    async def work(life):
        run = await life.run(flow("start>human1>join>end start>human2>join"))
        waiting = {visit.waitpoint.step: visit.waitpoint.waitpoint_id for _, visit in life.open()}
        for place in order:
            name = ("human1", "human2")[place]
            life.engine.answer(run, waiting[name], f"from {name}", by="me")
            await life.quiet()
        assert run.status is COMPLETED
        for name in waiting:
            assert run.state.visit(name, 1).result.result == f"from {name}"
        assert statuses(run)["join"] == "completed"

    live(work)


def test_a_person_inside_a_loop_is_asked_anew_each_time():
    """(graph engines that replay the answer of the first turn)"""

    async def work(life):
        run = await life.admit(scene("human", "loop"))
        names = []
        for word in ("first", "second"):
            names.append(one(life)[1])
            life.engine.answer(run, names[-1], word, by="me")
            await life.quiet()
        assert len(set(names)) == 2
        assert [run.state.visit("w", n).result.result for n in (1, 2)] == ["first", "second"]
        assert not life.engine.answer(run, names[0], "late", by="me")

    live(work)


def test_an_answer_after_the_deadline_is_too_late_even_before_the_alarm():
    """(engines that let a late click win against a timer that is late itself)"""

    async def work(life):
        run = await life.admit(scene("human", "plain"))
        _, name = one(life)
        life.clock.set_back(-2 * SECONDS)  # a laptop that slept: nothing has rung
        assert run.status is WAITING
        assert life.engine.answer(run, name, "yes", by="me") is False
        await life.quiet()
        assert run.state.error["code"] == "human_timeout"

    live(work)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object(), [[float("inf")]]])
def test_an_answer_that_cannot_be_written_changes_nothing(value):
    """(engines that take the answer and lose the run when they save it)"""

    async def work(life):
        run = await life.admit(scene("callback", "plain"))
        holder, name = one(life)
        with pytest.raises(InvalidInput) as refused:
            life.engine.answer(holder, name, value, by="me")
        assert refused.value.code == "INVALID_ANSWER"
        assert life.engine.answer(holder, name, "better", by="me")
        await life.quiet()
        assert run.status is COMPLETED

    live(work)


def test_an_answer_that_does_not_fit_the_form_is_refused_and_the_form_stays_open():
    """(form engines that validate after they have resumed)"""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    async def work(life):
        run = await life.run(flow("start>human>end", human={"schema": schema}))
        holder, name = one(life)
        for wrong, field in (({"n": "x"}, "n"), ({}, "answer"), ("n", "answer")):
            with pytest.raises(InvalidInput) as refused:
                life.engine.answer(holder, name, wrong, by="me")
            assert (refused.value.code, refused.value.details[0]["field"]) == ("INVALID_ANSWER", field)
        assert run.status is WAITING
        assert life.engine.answer(holder, name, {"n": 1}, by="me")

    live(work)


def test_a_form_that_no_answer_can_be_held_against_fails_its_step_and_not_the_person_who_answers():
    """(form engines that find out when the form is sent)"""

    async def work(life):
        run = await life.run(flow("start>human>end", human={"schema": {"type": "nonsense"}}))
        assert (run.status, run.state.error["code"]) == (ERROR, "OUTPUT_INVALID")

    live(work)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_form_fetches_nothing_from_elsewhere(tmp_path):
    """(validators that follow every reference)"""
    elsewhere = tmp_path / "schema.json"
    elsewhere.write_text("{}")

    async def work(life):
        run = await life.run(flow("start>human>end", human={"schema": {"$ref": elsewhere.as_uri()}}))
        with pytest.raises(InvalidInput, match="not in it"):
            life.engine.answer(run, one(life)[1], "x", by="me")

    live(work)


# -- cancelling ------------------------------------------------------------------------------------------------


def test_cancelling_during_a_pause_before_a_retry():
    """(task queues whose revoked task is retried all the same)"""
    a = failing(9)

    async def work(life):
        run = await life.run(flow("start>a>end", a=RETRY))
        assert steps(run)["a"]["retryAt"] is not None
        life.engine.cancel(run, by="me")
        await life.advance(100)
        assert (run.status, a.calls) == (CANCELLED, 1)

    live(work, {"a": a})


def test_cancelling_a_run_that_waits_settles_it_at_once():
    """(engines where a suspended run only notices when it wakes up)"""

    async def work(life):
        run = await life.admit(scene("callback", "plain"))
        life.engine.cancel(run, by="me")
        await life.quiet()
        assert run.status is CANCELLED

    live(work)


def test_a_result_that_a_provider_sends_after_the_cancellation_is_refused():
    """(media engines that bring a cancelled run back to life)"""

    async def work(life):
        run = await life.admit(scene("provider-poll", "plain"))
        holder, name = one(life)
        life.engine.cancel(run, by="me")
        assert not life.engine.answer(holder, name, "a video", by="provider")
        await life.quiet()
        assert (run.status, statuses(run)["w"]) == (CANCELLED, "skipped")

    live(work)


def test_a_step_that_swallows_its_cancellation_keeps_its_place_and_holds_up_nobody_else():
    """(thread pools that count a task as gone when it was told to go)"""
    stop = asyncio.Event()
    told = []

    async def stubborn(context):
        while not stop.is_set():
            try:
                await stop.wait()
            except asyncio.CancelledError:
                told.append(context.node.id)
        return await say(context)

    async def work(life):
        first = await life.run(flow("start>a>end"))
        life.engine.cancel(first, by="me")
        await life.quiet()
        assert (first.status, told) == (CANCELLED, ["a"])
        second = await life.run(flow("start>b>end"))
        assert statuses(second)["b"] == "pending", "the place is still taken: the work goes on"
        stop.set()
        await life.quiet()
        assert (second.status, statuses(first)["a"]) == (COMPLETED, "skipped")

    live(work, {"a": stubborn}, limits={"workspace": 1})


def test_a_step_that_is_cancelled_before_its_first_turn_gives_its_place_back():
    """(semaphores that are released in the body of a task that never began)"""

    async def work(life):
        plan = plan_trigger(flow("start>a>end"), "start", registry=life.registry)
        for _ in range(3):
            admitting = life.engine.admit(plan, workspace="default", principal="me", trigger="api", inputs={})
            admitted = asyncio.ensure_future(admitting)
            await asyncio.sleep(0)
            run = list(life.engine.runs.values())[-1]
            assert run.slots
            life.engine.cancel(run, by="me")
            await admitted
            await life.quiet()
        assert (await life.run(flow("start>b>end"))).status is COMPLETED

    live(work, limits={"workspace": 1})


def test_a_queued_step_of_a_cancelled_run_never_starts_and_its_place_goes_to_the_next():
    """(queues that hand a place to a dead waiter)"""
    a, b = gate(), gate()

    async def work(life):
        first = await life.run(flow("start>a>end"))
        second = await life.run(flow("start>b>end"))
        third = await life.run(flow("start>c>end"))
        life.engine.cancel(second, by="me")
        a.open.set()
        await life.quiet()
        assert [run.status for run in (first, second, third)] == [COMPLETED, CANCELLED, COMPLETED]
        assert b.entered == 0

    live(work, {"a": a, "b": b}, limits={"workspace": 1})


def test_a_step_whose_turn_came_just_before_its_run_was_cancelled_gives_the_place_on():
    """(the same, a moment later)"""
    a = gate()

    async def work(life):
        first = await life.run(flow("start>a>end"))
        second = await life.run(flow("start>b>end"))
        third = await life.run(flow("start>c>end"))
        a.open.set()
        await until(lambda: second.slots, "it is the turn of b")
        life.engine.cancel(second, by="me")
        await life.quiet()
        assert [run.status for run in (first, second, third)] == [COMPLETED, CANCELLED, COMPLETED]

    live(work, {"a": a}, limits={"workspace": 1})


def test_five_thousand_queued_steps_are_cancelled_without_recursion():
    """(queues that call the next waiter from within the last)"""
    a = gate()

    async def work(life):
        wide = " ".join(f"start>b{i}" for i in range(5_000))
        first = await life.run(flow("start>a>end"))
        second = await life.run(flow(wide))
        third = await life.run(flow("start>c>end"))
        assert len(second.state.queued) == 5_000
        life.engine.cancel(second, by="me")
        a.open.set()
        await life.quiet()
        assert [run.status for run in (first, second, third)] == [COMPLETED, CANCELLED, COMPLETED]

    live(work, {"a": a}, limits={"workspace": 1})


# -- retries ---------------------------------------------------------------------------------------------------


def test_a_retry_after_half_a_stream_does_not_double_the_text():
    """(chat engines that append the second answer to the first half of the first)"""
    done = asyncio.Event()

    async def talk(context):
        context.emit("Once upon ")
        if not done.is_set():
            done.set()
            raise StepError("connection lost", retryable=True)
        context.emit("a time")
        return StepResult(outputs={}, result="Once upon a time")

    async def work(life):
        run = await life.run(flow("start>a>end", a=RETRY))
        assert steps(run)["a"]["text"] is None
        await life.advance(1)
        pieces = [r.event for r in run.published() if isinstance(r.event, Delta)]
        assert [(p.offset, p.text) for p in pieces] == [(0, "Once upon "), (0, "Once upon "), (10, "a time")]
        assert run.state.visit("a", 1).result.result == "Once upon a time"

    live(work, {"a": talk})


def test_what_an_earlier_attempt_still_sends_after_a_timeout_is_refused():
    """(workers without fencing)"""
    first = []

    async def slow_then_quick(context):
        if not first:
            first.append(context)
            await asyncio.Event().wait()
        first[0].emit("from the grave")
        await asyncio.sleep(0)
        return await say(context)

    async def work(life):
        run = await life.run(flow("start>a>end", a={**RETRY, "timeout": 0.01}))
        await until_paused(run)
        await life.advance(1)
        assert run.status is COMPLETED
        assert steps(run)["a"]["attempt"] == 2
        assert not [r for r in run.published() if isinstance(r.event, Delta)]
        failure = next(r.event for r in run.published() if isinstance(r.event, StepRetrying))
        assert failure.error["code"] == "STEP_TIMEOUT"

    live(work, {"a": slow_then_quick})


async def until_paused(run):
    while not run.state.paused:
        await run.changed()


def test_a_pause_that_a_peer_asks_for_is_kept_beyond_the_longest_of_the_policy():
    """(clients that come back too early, and are locked out)"""
    a = failing(1, details={"retry_after": 100})

    async def work(life):
        run = await life.run(flow("start>a>end", a={"retry": {"maxDelayMs": 2000}}))
        await life.advance(99)
        assert a.calls == 1
        await life.advance(1)
        assert (run.status, a.calls) == (COMPLETED, 2)

    live(work, {"a": a})


@pytest.mark.parametrize("asked", ["soon", float("nan"), float("inf"), -5, 1e308, {"s": 1}, None])
def test_a_pause_that_makes_no_sense_hangs_nothing(asked):
    """(clients that sleep for what a header says)"""
    a = failing(1, details={"retry_after": asked})

    async def work(life):
        run = await life.run(flow("start>a>end", a=RETRY))
        await life.advance(1)
        if asked in (float("inf"), 1e308):
            assert run.state.visit("a", 1).due > run.state.deadline
            await life.advance(30 * 60)
            assert run.state.error["code"] == "run_timeout"
        else:
            assert (run.status, a.calls) == (COMPLETED, 2)

    live(work, {"a": a})


def test_a_retry_without_a_pause_is_made_once():
    """(schedulers with two entries for the same moment)"""

    async def work(life):
        run = await life.run(flow("start>a>b>end", a={"retry": {"maxAttempts": 4, "initialDelayMs": 0}}))
        assert run.status is COMPLETED
        assert a.calls == 4
        started = [r.event.attempt for r in run.published() if isinstance(r.event, StepStarted) and r.event.step == "a"]
        assert started == [1, 2, 3, 4]

    a = failing(3)
    live(work, {"a": a})


def test_a_poll_that_is_due_at_once_is_looked_at_once():
    """(the same for a provider that wants to be asked again immediately)"""
    looks = []

    async def eager(context):
        looks.append(context.answer)
        if len(looks) > 5:
            return StepResult()
        return Wait("provider-poll", {}, timeout_seconds=SECONDS, poll_seconds=0)

    async def work(life):
        run = await life.run(flow("start>a>end"))
        assert (run.status, len(looks)) == (COMPLETED, 6)
        assert [answer and answer.kind for answer in looks] == [None, *[AnswerKind.POLL] * 5]
        waits = [r.event.waitpoint_id for r in run.published() if isinstance(r.event, StepWaiting)]
        assert (len(waits), len(set(waits))) == (5, 1)

    live(work, {"a": eager})


def test_a_run_times_out_while_a_step_pauses_but_not_while_it_waits():
    """(engines that fail a run because nobody came to work over the weekend)"""

    async def work(life):
        waits = await life.admit(scene("callback", "plain"))
        endless = flow("start>wait>end", wait={"for": "callback"})
        for_ever = await life.run(endless)
        retries = await life.run(
            flow("start>a>end", a={"retry": {"initialDelayMs": 3_600_000, "maxDelayMs": 86400000}})
        )
        await life.advance(30 * 60 - 1)
        assert retries.status is RUNNING
        await life.advance(1)
        assert (retries.status, retries.state.error["code"]) == (ERROR, "run_timeout")
        assert statuses(retries) == {"start": "completed", "a": "skipped", "end": "skipped"}
        await life.advance(7 * 24 * 3600)
        assert (for_ever.status, waits.state.error["code"]) == (WAITING, "wait_timeout")
        assert await life.answer_all() == 1
        assert for_ever.status is COMPLETED

    live(work, {"a": failing(9)})


# -- time ------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_backwards_delays_nothing():
    """(schedulers on the wall clock, at the end of summer time)"""
    a = failing(1)

    async def work(life):
        timer = await life.admit(scene("timer", "plain"))
        retry = await life.run(flow("start>a>end", a=RETRY))
        life.clock.set_back(3600)
        await life.advance(1)
        assert retry.status is COMPLETED
        await life.advance(SECONDS - 1)
        assert timer.status is COMPLETED
        for run in (timer, retry):
            times = [recorded.at for recorded in run.published()]
            assert times == sorted(times)

    live(work, {"a": a})


def test_a_clock_that_jumps_forward_is_noticed():
    """(timers that sleep for the whole of a long time while the machine was asleep)"""

    async def work(life):
        long = await life.run(flow("start>wait>end", wait={"seconds": 7 * 24 * 3600}))
        life.clock.set_back(-7 * 24 * 3600)
        await life.advance(30)
        assert long.status is COMPLETED

    live(work)


def test_two_alarms_at_the_same_millisecond():
    """(heaps that compare what cannot be compared, or keep one of two)"""

    async def work(life):
        runs = [await life.admit(scene("timer", place)) for place in ("plain", "parallel", "plain")]
        await life.advance(SECONDS)
        assert [run.status for run in runs] == [COMPLETED] * 3

    live(work)


# -- graphs ----------------------------------------------------------------------------------------------------


def test_a_join_behind_a_branch_that_was_not_taken():
    """(engines whose join counts edges and waits for all of them)"""
    condition = {"conditions": [{"label": "x", "pattern": "^x"}, {"label": "y", "pattern": "^y"}]}

    async def work(life):
        run = await life.run(flow("start>router>a>join router>b>c>join>end", router=condition), {"message": "x"})
        assert run.status is COMPLETED
        assert {n for n, s in statuses(run).items() if s == "skipped"} == {"b", "c"}
        assert steps(run)["b"]["skipReason"] == "branch_not_taken"

    live(work)


def test_a_loop_of_ten_thousand_visits():
    """(graph engines with a recursion limit of 25)"""
    count = 10_000

    async def decide_to(context):
        return StepResult(taken=(1 if int(context.key.rsplit("/", 1)[1]) == count else 0,))

    async def work(life):
        run = await life.run(flow("start>quick>again>quick again>end"))
        await run.wait()
        assert run.status is COMPLETED
        assert run.state.last_visits()[run.state.plan.positions["quick"]].number == count

    live(work, {"again": decide_to})


def test_a_fan_out_five_thousand_wide_and_the_join_behind_it():
    """(engines that admit a wide graph step by step on the loop that others wait for)"""

    async def work(life):
        width = 5_000
        wide = " ".join(f"start>quick{i}>join" for i in range(width))
        run = await life.run(flow(f"{wide} join>end"))
        await run.wait()
        assert run.status is COMPLETED
        assert len(run.state.visit("join", 1).parents) == width

    live(work)


def test_an_output_of_fifty_megabytes(tmp_path):
    """(stores with a limit on a row, a message or a blob)"""
    size = 50 << 20

    async def big(_context):
        return StepResult(result="x" * size)

    async def work(database):
        journal = DuckDBJournal(database)
        await journal.open()
        life = Life({"a": big}, journal=journal)
        run = await life.run(flow("start>a>end"))
        await run.wait()
        again = await life.begin().load(run.execution_id)
        assert len(again.state.visit("a", 1).result.result) == size
        await life.stop()

    with Database(tmp_path) as database:
        asyncio.run(work(database))


def test_editing_the_workflow_during_a_run_changes_nothing():
    """(engines that look up the definition when they resume)"""

    async def work(life):
        made = flow("start>human>a>end", human={"prompt": "old"})
        run = await life.run(made)
        made = made.with_nodes(Node(n.id, n.type, {"prompt": "new"}) for n in made.nodes if n.id != "a")
        await life.dies()
        run = life.again(run)
        assert snapshot(run.state)["waitingOn"]["request"]["prompt"] == "old"
        await life.answer_all()
        assert statuses(run)["a"] == "completed"

    live(work)


def test_a_step_that_has_begun_twice_in_the_same_moment_does_not_exist():
    """Deciding gives each visit one start, however many timers it had. (schedulers that are at least once)"""
    walk = Walk(plan_of("a>b"))
    walk.advance()
    for attempt in (1, 2, 3):
        walk.record(StepRetrying("a", 1, attempt, {"message": "no", "code": "NO"}, due=5))
        starts = [command for command in decide(walk.state, 5) if isinstance(command, Start)]
        assert len(starts) == 1
        walk.record(StepStarted("a", 1, attempt + 1))


# -- children --------------------------------------------------------------------------------------------------


def parts(life, outer, inner):
    """The plan of a workflow whose nodes run another."""
    child = plan_trigger(inner, "start", registry=life.registry)
    return plan_trigger(outer, "start", registry=life.registry, children={"inner": child})


def test_a_workflow_inside_another_is_cancelled_with_it():
    """(engines with a parent-close policy of `abandon`)"""

    async def work(life):
        await life.admit(scene("human", "sub-workflow in a loop"))
        parent, child = life.engine.runs.values()
        life.engine.cancel(parent, by="me")
        await life.quiet()
        assert (parent.status, child.status) == (CANCELLED, CANCELLED)

    live(work)


def test_a_child_that_is_being_admitted_when_its_parent_is_cancelled_goes_too():
    """(the same, a moment earlier)"""

    async def work():
        journal = HeldJournal()
        life = Life({}, journal=journal)
        plan = parts(life, flow("start>workflow>end", workflow={"workflow": "inner"}), flow("start>human>end"))
        admitting = asyncio.ensure_future(life.admit(plan))
        await until(lambda: len(journal.held) == 1)
        journal.release()
        await until(lambda: len(life.engine.runs) == 2, "the child is under way to the disk")
        parent, child = life.engine.runs.values()
        life.engine.cancel(parent, by="me")
        await until(lambda: child.state.status.is_terminal)
        while journal.held:
            journal.release(len(journal.held))
            await asyncio.sleep(0)
        await admitting
        assert (parent.status, child.status) == (CANCELLED, CANCELLED)
        await life.stop()

    asyncio.run(work())


def test_a_parent_that_is_cancelled_right_after_recovery_takes_its_children_along():
    """(the same, after a restart)"""

    async def work(life):
        await life.admit(scene("human", "sub-workflow"))
        await life.engine.stop()
        life.engine = life.begin()
        for name in await life.journal.unfinished():
            life.engine.resume(await life.engine.load(name))
        parent, child = life.engine.runs.values()
        life.engine.cancel(parent, by="me")
        await life.quiet()
        assert (parent.status, child.status) == (CANCELLED, CANCELLED)

    live(work)


def test_a_map_one_of_whose_items_fails_while_the_others_wait_comes_to_an_end():
    """(engines whose parent sleeps until all its children have spoken)"""

    async def work(life):
        outer = flow("start>map>end", map={"workflow": "inner", "items": ["x", "y"]})
        run = await life.admit(parts(life, outer, flow("start>human>a>end")))
        holder, visit = life.open()[0]
        life.engine.answer(holder, visit.waitpoint.waitpoint_id, "go", by="me")
        await life.quiet()
        assert (run.status, run.state.error["code"]) == (ERROR, "CHILD_FAILED")
        assert {r.status for r in life.engine.runs.values()} == {ERROR, CANCELLED}

    live(work, {"a": failing(9, retryable=False)})


@pytest.mark.parametrize("place", ["map", "sub-workflow"])
def test_cancelling_a_child_alone_fails_its_step(place):
    """(the same when a child goes from waiting to its end)"""

    async def work(life):
        run = await life.admit(scene("callback", place))
        child, _ = life.open()[0]
        life.engine.cancel(child, by="me")
        await life.quiet()
        assert (run.status, run.state.error["code"]) == (ERROR, "CHILD_FAILED")

    live(work)


@pytest.mark.parametrize(
    ("policy", "status", "output"),
    [
        ("fail", ERROR, None),
        ("skip", COMPLETED, ["y", "y"]),
        ("collect", COMPLETED, ["y", {"code": "BROKE"}, "y"]),
    ],
)
def test_a_map_with_one_item_that_fails(policy, status, output):
    """(fan-outs that lose the good results, or the order)"""

    async def picky(context):
        if context.inputs["index"] == 1:
            raise StepError("not this one", code="BROKE")
        return StepResult(output="y", has_output=True)

    async def work(life):
        data = {"workflow": "inner", "items": [1, 2, 3], "onFailure": policy}
        run = await life.admit(parts(life, flow("start>map>end", map=data), flow("start>a")))
        assert run.status is status
        if output is not None:
            found = run.state.visit("map", 1).result.result
            assert [{"code": f["error"]["code"]} if isinstance(f, dict) else f for f in found] == output

    live(work, {"a": picky})


def test_a_step_that_waits_for_children_does_not_take_the_place_that_they_need():
    """(worker pools in which every worker waits for a sub-task that waits for a worker)"""

    async def work(life):
        outer = flow("start>map>end", map={"workflow": "inner", "items": ["x", "y", "z"]})
        runs = [await life.admit(parts(life, outer, flow("start>a>end"))) for _ in range(3)]
        await life.quiet()
        assert [run.status for run in runs] == [COMPLETED] * 3

    live(work, limits={"workspace": 1})


# -- replay ----------------------------------------------------------------------------------------------------


def test_a_replay_from_a_step_inside_a_loop():
    """(engines that replay a step and mean all its visits)"""

    async def work(life):
        run = await life.admit(scene("human", "loop"))
        await life.answer_all()
        replay = await life.admit(run.state.plan, replay=plan_replay(run.state, from_step="w", visit=2))
        assert {n: s["reused"] for n, s in steps(replay).items() if s["status"] == "completed"} == {
            "start": True, "w": True, "again": True,
        }  # fmt: skip
        assert statuses(replay)["w#2"] == "waiting"
        await life.answer_all("other")
        assert replay.status is COMPLETED
        assert [replay.state.visit("w", n).result.result for n in (1, 2)] == ["yes", "other"]

    live(work)


def test_a_replay_of_a_cancelled_run():
    """(engines that only replay what succeeded)"""

    async def work(life):
        run = await life.run(flow("start>a>human>b>end"))
        life.engine.cancel(run, by="me")
        await life.quiet()
        replay = await life.admit(run.state.plan, replay=plan_replay(run.state, from_step="human"))
        assert steps(replay)["a"]["reused"] is True
        await life.answer_all()
        assert replay.status is COMPLETED
        with pytest.raises(Conflict) as refused:
            plan_replay(run.state, from_step="b")
        assert refused.value.code == "NOT_REPLAYABLE"

    live(work)


def test_an_edit_that_cannot_be_written_leaves_no_half_begun_replay():
    """(forks that exist before they are valid)"""

    async def work(life):
        run = await life.run(flow("start>a>b>end"))
        with pytest.raises(InvalidInput) as refused:
            await life.admit(run.state.plan, replay=plan_replay(run.state, edits={"a": {"result": float("nan")}}))
        assert refused.value.code == "INVALID_EDIT"
        assert list(life.engine.runs) == [run.execution_id]

    live(work)


# -- the queue, the store --------------------------------------------------------------------------------------


def test_a_busy_workspace_does_not_starve_another():
    """(first come, first served, with a tenant who comes with thousands)"""
    order, a = [], gate()

    async def noted(context):
        order.append(context.node.id)
        return await say(context)

    async def work(life):
        blocker = await life.run(flow("start>a>end"))
        names = [f"b{i}" for i in range(20)]
        busy = plan_trigger(flow(" ".join(f"start>{n}" for n in names)), "start", registry=life.registry)
        small = plan_trigger(flow("start>c>end"), "start", registry=life.registry)
        for plan, workspace in ((busy, "busy"), (small, "small")):
            await life.engine.admit(plan, workspace=workspace, principal="me", trigger="api", inputs={})
        a.open.set()
        await life.quiet()
        assert blocker.status is COMPLETED
        assert order.index("c") == 1
        assert len(order) == 21

    behaviours = {"a": a, "c": noted} | {f"b{i}": noted for i in range(20)}

    async def limited():
        life = Life(behaviours, limits={"all": 1})
        for node_type in life.registry._types.values():
            if node_type.type == "do":
                node_type.limited_by = lambda _node, _models: ("all",)
        await work(life)
        await life.check()
        await life.stop()

    asyncio.run(limited())


def test_a_store_that_fails_under_a_run_that_waits_does_not_make_its_alarm_ring_for_ever(caplog):
    """(timers that are due, cannot be handled, and are due again)"""
    from builder_jupyter.errors import Unavailable

    async def work():
        journal = HeldJournal()
        life = Life({}, journal=journal)
        admitting = asyncio.ensure_future(life.admit(scene("human", "plain")))
        await until(lambda: len(journal.held) == 1)
        (run,) = life.engine.runs.values()
        assert run.state.waiting
        journal.fail(Unavailable("the disk is full"))
        await until(lambda: run.broken)
        life.clock.advance(10 * SECONDS)
        with pytest.raises(Unavailable):
            await admitting
        assert run.is_over
        await life.stop()

    asyncio.run(work())


def test_a_fault_in_what_a_node_type_says_of_its_limits_fails_its_step_alone():
    """(plugins that take the scheduler down)"""

    async def work():
        life = Life({})
        for node_type in life.registry._types.values():
            if node_type.type == "do":
                node_type.limited_by = lambda _node, _models: 1 / 0
        life.kwargs = {"limits": {"workspace": 1}}
        life.engine = life.begin()
        run = await life.run(flow("start>a>end"))
        assert (run.status, run.state.error["code"]) == (ERROR, "INTERNAL")
        await life.stop()

    asyncio.run(work())


def test_a_listener_that_reads_the_journal_and_one_that_was_there_agree():
    """(engines whose live events and stored events are two things)"""

    async def work(life):
        run = await life.admit(scene("human", "plain"))
        await life.answer_all()
        loaded = await life.begin().load(run.execution_id)
        kept = [r for r in run.published() if not isinstance(r.event, Delta)]
        assert [json.dumps(r.event.body(), sort_keys=True) for r in kept] == [
            json.dumps(r.event.body(), sort_keys=True) for r in loaded.published()
        ]
        assert isinstance(kept[0].event, Admitted)
        assert len({(e.event.step, e.event.visit) for e in kept if isinstance(e.event, StepCompleted)}) == 3
        check_history(loaded.published(), loaded.state.plan)

    live(work)


def test_a_look_that_is_late_still_keeps_the_deadline():
    """(pollers whose deadline moves with every poll)"""

    async def work(life):
        run = await life.run(flow("start>w>end"))
        for _ in range(8):
            await life.advance(7)
        assert run.status is WAITING
        await life.advance(4)
        assert run.state.error["code"] == "provider_timeout"

    live(work, {"w": look})
