"""Money: held at admission, spent by completed steps, given back at the end; all of it in the journal, once."""

import asyncio
import json
from decimal import Decimal

import pytest
from engine_kit import MemoryJournal, admit, engine_of, registry_of, until, workflow_of

from builder_jupyter.clock import ManualClock
from builder_jupyter.errors import StepError
from builder_jupyter.execution.charges import Account, balances
from builder_jupyter.execution.events import CreditsHeld, CreditsMoved, CreditsSpent, StepCompleted
from builder_jupyter.execution.replay import plan_replay
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.money import credits_of
from builder_jupyter.nodes.base import StepResult


def priced(behaviours=None):
    """`do` costs 2 credits."""
    registry = registry_of(behaviours)
    type(registry.get("builder", "do")).credits = credits_of(2)
    return registry


async def fail(_context):
    raise StepError("it broke", code="BROKE")


async def hang(_context):
    await asyncio.Event().wait()


def moves(run):
    return [recorded.event for recorded in run.published() if isinstance(recorded.event, CreditsMoved)]


def left(run):
    return {account: int(amount) for account, amount in balances(moves(run)).items()}


def run_of(text, behaviours=None, *, then=None):
    async def work():
        engine = engine_of(priced(behaviours))
        run = await admit(engine, workflow_of(text))
        if then is not None:
            await until(lambda: run.state.active)
            then(engine, run)
        await asyncio.wait_for(run.wait(), 20)
        return run

    return asyncio.run(work())


def test_a_run_that_completes_spends_what_it_held():
    run = run_of("start>a>b>end")
    assert [event.kind for event in moves(run)] == ["credits_held", "credits_spent", "credits_spent"]
    assert left(run) == {Account.AVAILABLE: -4, Account.HELD: 0, Account.SPENT: 4}
    assert snapshot(run.state)["credits"] == {"charged": 4, "refunded": 0}


def test_a_run_that_fails_gives_back_what_its_steps_did_not_use():
    run = run_of("start>a>b>c>end", {"b": fail})
    assert left(run) == {Account.AVAILABLE: -2, Account.HELD: 0, Account.SPENT: 2}
    assert snapshot(run.state)["credits"] == {"charged": 6, "refunded": 4}


def test_a_run_that_is_cancelled_gives_back_what_its_steps_did_not_use():
    run = run_of("start>a>end start>b>end", {"b": hang, "a": hang}, then=lambda e, r: e.cancel(r, by="me"))
    assert snapshot(run.state)["credits"] == {"charged": 4, "refunded": 4}
    assert left(run) == {Account.AVAILABLE: 0, Account.HELD: 0, Account.SPENT: 0}


def test_a_branch_that_is_not_taken_costs_nothing():
    async def to_a(_context):
        return StepResult(taken=(0,))

    run = run_of("start>choose>a>end choose>b>end", {"choose": to_a})
    assert snapshot(run.state)["credits"] == {"charged": 4, "refunded": 0}
    assert left(run)[Account.HELD] == 0


def test_a_loop_holds_for_each_visit_beyond_the_first():
    times = 0

    async def again(_context):
        nonlocal times
        times += 1
        return StepResult(taken=(0,) if times < 3 else (1,))

    run = run_of("start>b>c>b c>end", {"c": again})
    assert snapshot(run.state)["credits"] == {"charged": 12, "refunded": 0}
    assert left(run) == {Account.AVAILABLE: -12, Account.HELD: 0, Account.SPENT: 12}
    assert sum(isinstance(event, CreditsHeld) for event in moves(run)) == 5


def test_attempts_cost_nothing_a_visit_does():
    clock, tries = ManualClock(), 0

    async def flaky(_context):
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StepError("not yet", retryable=True)
        return StepResult()

    async def work():
        engine = engine_of(priced({"a": flaky}), clock=clock)
        run = await admit(engine, workflow_of("start>a>end", a={"retry": {"maxAttempts": 5}}))
        for attempt in (1, 2):
            await until(lambda attempt=attempt: run.state.paused and tries == attempt)
            clock.advance(60)
        await asyncio.wait_for(run.wait(), 20)
        return run

    run = asyncio.run(work())
    assert tries == 3
    assert snapshot(run.state)["credits"] == {"charged": 2, "refunded": 0}


def test_a_replay_pays_for_what_it_carries_out():
    async def work():
        engine = engine_of(priced())
        first = await admit(engine, workflow_of("start>a>b>c>end"))
        await first.wait()
        replay = plan_replay(first.state, from_step="c")
        assert replay.saved == 4
        second = await engine.admit(
            first.state.plan, workspace="default", principal="me", trigger=TriggerType.REPLAY, inputs={}, replay=replay
        )
        await second.wait()
        return second

    run = asyncio.run(work())
    assert [event.amount for event in moves(run)] == ["2", "2"]
    assert snapshot(run.state)["credits"] == {"charged": 2, "refunded": 0, "saved": 4}


def test_a_free_run_moves_nothing():
    run = run_of("start>end")
    assert moves(run) == []


def test_what_a_step_costs_is_in_the_same_batch_as_its_completion():
    class Batches(MemoryJournal):
        def __init__(self):
            super().__init__()
            self.batches = []

        def append(self, entries):
            self.batches.append([(entry.kind, json.loads(entry.body).get("step")) for entry in entries])
            return super().append(entries)

    async def work():
        journal = Batches()
        engine = engine_of(priced(), journal=journal)
        await (await admit(engine, workflow_of("start>a>b>end"))).wait()
        return journal.batches

    for batch in asyncio.run(work()):
        spent = {step for kind, step in batch if kind == "credits_spent"}
        done = {step for kind, step in batch if kind == "step_completed"} & {"a", "b"}
        assert spent == done


@pytest.mark.parametrize("event", [CreditsHeld("2"), CreditsSpent("1.25", "a", 1)])
def test_amounts_are_exact(event):
    assert type(event).from_body(json.loads(json.dumps(event.body()))) == event
    assert sum(balances([event]).values()) == Decimal(0)


def test_completions_and_payments_pair_up():
    run = run_of("start>a>b>end start>c>end")
    done = {(r.event.step, r.event.visit) for r in run.published() if isinstance(r.event, StepCompleted)}
    paid = [(event.step, event.visit) for event in moves(run) if isinstance(event, CreditsSpent)]
    assert len(paid) == len(set(paid))
    assert set(paid) == {(step, visit) for step, visit in done if step in "abc"}
