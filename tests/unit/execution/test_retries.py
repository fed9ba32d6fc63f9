"""Retries, limits of time, and what becomes of a run when they are used up.

==========================================  ==================================================================
rule (specification §7.5, §7.6)             test
==========================================  ==================================================================
per-step policy, back-off, then `error`     test_an_attempt_that_fails_is_made_again_after_a_pause
retry only what can be mended               test_only_an_error_that_says_so_is_tried_again
`attempt` counted in the step               test_an_attempt_that_fails_is_made_again_after_a_pause
predicate over the output                   test_an_output_that_is_not_accepted_is_a_failure
step timeout is retryable                   test_a_step_that_takes_too_long_is_tried_again
silence is a timeout                        test_a_stream_that_falls_silent_is_tried_again
run timeout is `run_timeout`                test_a_run_that_takes_too_long_ends_in_error
sibling and later steps skipped             test_siblings_wait_for_the_last_attempt_before_they_are_skipped
cancel aborts a pause                       test_known_bugs: test_cancelling_during_a_pause_before_a_retry
charge of completed steps only              test_what_failed_costs_nothing
==========================================  ==================================================================
"""

import asyncio

import pytest
from engine_kit import say
from scenes import failing, flow, gate, live, statuses, steps

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import ProviderError, StepError
from builder_jupyter.execution.decide import pause_before_retry
from builder_jupyter.execution.events import StepFailed, StepRetrying, StepStarted
from builder_jupyter.execution.records import to_wire
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.nodes.base import StepResult
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.retry import ONCE, RetryPolicy

COMPLETED, ERROR, RUNNING = ExecutionStatus.COMPLETED, ExecutionStatus.ERROR, ExecutionStatus.RUNNING
THREE = {"retry": {"jitter": 0}}


def events(run, kind):
    return [recorded.event for recorded in run.published() if isinstance(recorded.event, kind)]


def test_whether_and_when_there_is_another_attempt():
    policy = RetryPolicy(jitter=0)
    mends, final = {"retryable": True}, {"retryable": False}
    assert [pause_before_retry(policy, n, mends, chance=0.5) for n in (1, 2, 3, 4)] == [1000, 2000, None, None]
    assert pause_before_retry(policy, 1, final, chance=0.5) is None
    assert pause_before_retry(policy, 1, {}, chance=0.5) is None
    assert pause_before_retry(ONCE, 1, mends, chance=0.5) is None
    assert pause_before_retry(policy, 1, {**mends, "retryAfter": 9}, chance=0.5) == 9000


def test_an_attempt_that_fails_is_made_again_after_a_pause():
    a = failing(2)

    async def work(life):
        run = await life.run(flow("start>a>end", a=THREE))
        begun = run.state.started_at
        assert run.status is RUNNING
        assert steps(run)["a"] | {"status": "pending", "attempt": 1, "retryAt": begun + 1000} == steps(run)["a"]
        assert steps(run)["a"]["error"]["message"] == "failure 1"
        await life.advance(0.999)
        assert a.calls == 1
        await life.advance(0.001)
        assert (a.calls, steps(run)["a"]["retryAt"]) == (2, begun + 3000)
        await life.advance(2)
        assert (run.status, a.calls, steps(run)["a"]["attempt"]) == (COMPLETED, 3, 3)
        assert (steps(run)["a"]["error"], steps(run)["a"]["retryAt"]) == (None, None)
        retry = to_wire(next(r for r in run.published() if isinstance(r.event, StepRetrying)))
        assert (retry["status"], retry["retryAt"], retry["attempt"]) == ("pending", begun + 1000, 1)

    live(work, {"a": a})


def test_after_the_last_attempt_the_step_and_the_run_fail():
    a = failing(9)

    async def work(life):
        run = await life.run(flow("start>a>end", a=THREE))
        for _ in range(3):
            await life.advance(30)
        assert (run.status, a.calls) == (ERROR, 3)
        assert run.state.error == {"message": "failure 3", "code": "BROKE", "retryable": True, "stepId": "a"}
        assert [event.attempt for event in events(run, StepFailed)] == [3]

    live(work, {"a": a})


@pytest.mark.parametrize(
    "error",
    [
        StepError("refused", code="CONTENT_REFUSED"),
        ProviderError("who are you?", code="AUTH"),
        ValueError("a fault of the node"),
        StepError("no retry asked for"),
    ],
)
def test_only_an_error_that_says_so_is_tried_again(error):
    calls = []

    async def fails(context):
        calls.append(context)
        raise error

    async def work(life):
        run = await life.run(flow("start>a>end", a=THREE))
        await life.advance(100)
        assert (run.status, len(calls)) == (ERROR, 1)

    live(work, {"a": fails})


def test_without_a_policy_of_its_own_a_step_has_that_of_its_type():
    async def work(life):
        run = await life.run(flow("start>a>end start>agent>end"))
        assert run.status is ERROR
        assert [event.step for event in events(run, StepFailed)] == ["a"]
        planned = {step.node_id: step.retry.max_attempts for step in run.state.plan.steps}
        assert planned == {"start": 1, "a": 1, "agent": 3, "end": 1}

    live(work, {"a": failing(1)})


def test_an_agent_asks_its_model_again():
    model = ScriptedModel([ProviderError("busy", code="RATE_LIMITED", retryable=True), "hello"])

    async def work(life):
        run = await life.run(flow("start>agent>end"), {"message": "hi"})
        await life.advance(2)
        assert run.status is COMPLETED
        assert snapshot(run.state)["credits"] == {"charged": 1, "refunded": 0}
        assert len(model.requests) == 2

    live(work, {}, model=model)


@pytest.mark.parametrize("policy", [{"rejectIf": "sorry"}, {"acceptIf": "^fine"}])
def test_an_output_that_is_not_accepted_is_a_failure(policy):
    said = iter(["sorry", "so sorry", "fine"])

    async def moody(context):
        return StepResult(messages=(Message("assistant", next(said)),))

    async def work(life):
        run = await life.run(flow("start>a>end", a={"retry": {"jitter": 0, **policy}}))
        assert steps(run)["a"]["error"]["code"] == "OUTPUT_REJECTED"
        await life.advance(1)
        await life.advance(2)
        assert (run.status, steps(run)["a"]["attempt"]) == (COMPLETED, 3)
        assert run.state.visit("a", 1).result.text == "fine"

    live(work, {"a": moody})


def test_outputs_that_are_never_accepted_end_the_run():
    async def work(life):
        run = await life.run(flow("start>a>end", a={"retry": {"maxAttempts": 2, "rejectIf": "."}}))
        await life.advance(5)
        assert (run.status, run.state.error["code"]) == (ERROR, "OUTPUT_REJECTED")

    live(work)


async def until_paused(run):
    while not run.state.paused:
        await run.changed()


def test_a_step_that_takes_too_long_is_tried_again():
    calls = []

    async def slow(context):
        calls.append(context.key)
        if len(calls) == 1:
            await asyncio.Event().wait()
        return await say(context)

    async def work(life):
        run = await life.run(flow("start>a>end", a={**THREE, "timeout": 0.01}))
        await until_paused(run)
        error = steps(run)["a"]["error"]
        assert (error["code"], error["retryable"]) == ("STEP_TIMEOUT", True)
        await life.advance(1)
        assert run.status is COMPLETED
        assert len(set(calls)) == 1, "every attempt has the same key"

    live(work, {"a": slow})


def test_a_stream_that_falls_silent_is_tried_again():
    calls = []

    async def stalls(context):
        calls.append(context)
        for _ in range(5):
            context.emit("x")
            await asyncio.sleep(0)
        if len(calls) == 1:
            await asyncio.Event().wait()
        return await say(context)

    async def work(life):
        type(life.registry.get("builder", "do")).idle_seconds = 0.01
        run = await life.run(flow("start>a>end", a=THREE))
        await until_paused(run)
        assert steps(run)["a"]["error"]["code"] == "STREAM_IDLE"
        await life.advance(1)
        assert run.status is COMPLETED

    live(work, {"a": stalls})


def test_a_run_that_takes_too_long_ends_in_error():
    a, done = gate(), []

    async def work(life):
        run = await life.run(flow("start>b>end start>a>end"))
        await life.advance(30 * 60 - 0.001)
        assert run.status is RUNNING
        await life.advance(0.001)
        assert (run.status, run.state.error["code"]) == (ERROR, "run_timeout")
        assert statuses(run) == {"start": "completed", "b": "completed", "a": "skipped", "end": "skipped"}
        assert {s["skipReason"] for s in steps(run).values()} == {None, "run_timeout"}
        assert a.cancelled == 1
        done.append(run)

    live(work, {"a": a})
    assert done


def test_the_time_before_and_after_waiting_counts_and_that_between_does_not():
    a, b = gate(), gate()

    async def work(life):
        run = await life.run(flow("start>a>human>b>end"))
        begun = run.state.started_at
        await life.advance(10 * 60)
        a.open.set()
        await life.quiet()
        await life.advance(24 * 3600)
        await life.answer_all()
        assert statuses(run)["b"] == "running"
        await life.advance(20 * 60 - 0.001)
        assert (run.status, snapshot(run.state)["startedAt"]) == (RUNNING, begun)
        await life.advance(0.001)
        assert run.state.error["code"] == "run_timeout"

    live(work, {"a": a, "b": b})


def test_siblings_wait_for_the_last_attempt_before_they_are_skipped():
    slow = gate()

    async def work(life):
        run = await life.run(flow("start>a>end start>b>c>end", a={"retry": {"maxAttempts": 2}}))
        assert statuses(run) == {"start": "completed", "a": "pending", "b": "running", "c": "pending", "end": "pending"}
        await life.advance(2)
        assert (run.status, run.state.error["stepId"]) == (ERROR, "a")
        reasons = {name: step["skipReason"] for name, step in steps(run).items() if step["skipReason"]}
        assert reasons == {"b": "sibling_failed", "c": "upstream_failed", "end": "upstream_failed"}

    live(work, {"a": failing(9), "b": slow})


def test_while_one_step_pauses_the_others_go_on():
    async def work(life):
        run = await life.run(flow("start>a>end start>b>c>end", a=THREE))
        assert statuses(run) == {
            "start": "completed", "a": "pending", "b": "completed", "c": "completed", "end": "pending",
        }  # fmt: skip
        assert run.status is RUNNING, "pausing is not waiting"
        await life.advance(1)
        assert run.status is COMPLETED

    live(work, {"a": failing(1)})


def test_while_one_step_pauses_and_another_waits_the_run_is_running():
    async def work(life):
        run = await life.run(flow("start>a>end start>human>end", a=THREE))
        assert run.status is RUNNING
        await life.advance(1)
        assert run.status is ExecutionStatus.WAITING
        await life.answer_all()
        assert run.status is COMPLETED

    live(work, {"a": failing(1)})


def test_a_step_that_fails_after_an_answer_keeps_the_answer_for_its_next_attempt():
    seen = []

    async def work(life):
        run = await life.run(flow("start>w>end", w=THREE))
        await life.answer_all("yes")
        assert run.status is RUNNING
        await life.advance(1)
        assert (run.status, seen) == (COMPLETED, ["yes", "yes"])
        assert [event.attempt for event in events(run, StepStarted) if event.step == "w"] == [1, 1, 2]

    async def look_then_fail(context):
        from scenes import look

        if context.answer is not None:
            seen.append(context.answer.value)
            if len(seen) == 1:
                raise StepError("lost it", retryable=True)
        return await look(context)

    live(work, {"w": look_then_fail})


def test_what_failed_costs_nothing():
    model = ScriptedModel(lambda _request: ProviderError("no", code="NO"))

    async def work(life):
        run = await life.run(flow("start>agent>agent2>end"))
        assert run.status is ERROR
        assert snapshot(run.state)["credits"] == {"charged": 2, "refunded": 2}

    live(work, {}, model=model)
