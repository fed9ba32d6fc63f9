"""Every kind of waiting, in every place a step can stand, with everything that can become of it."""

import asyncio

import pytest
from scenes import CODES, KINDS, PLACES, POLL, SECONDS, Life, live, scene, statuses, steps

from builder_jupyter.errors import Conflict
from builder_jupyter.execution.events import StepWaiting, WaitpointEnded
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.nodes.base import AnswerKind
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.journal import DuckDBJournal

HOW_MANY = {"plain": 1, "loop": 2, "parallel": 2, "map": 3, "sub-workflow": 1, "sub-workflow in a loop": 2}
AT_ONCE = {"parallel": 2, "map": 2}

matrix = pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind in KINDS for place in PLACES], ids=lambda word: word.replace(" ", "-")
)


def ended(life):
    """How the waitpoints of all executions ended."""
    events = [recorded.event for run in life.engine.runs.values() for recorded in run.published()]
    return [event.how for event in events if isinstance(event, WaitpointEnded)]


def asked(life):
    events = [recorded.event for run in life.engine.runs.values() for recorded in run.published()]
    return {event.waitpoint_id for event in events if isinstance(event, StepWaiting) and event.waits_for in KINDS}


async def begin(life, kind, place, **kwargs):
    run = await life.admit(scene(kind, place, **kwargs))
    assert run.status is ExecutionStatus.WAITING
    assert len(life.open()) == AT_ONCE.get(place, 1)
    assert {visit.waitpoint.waits_for for _, visit in life.open()} == {kind}
    return run


async def let_time_pass(life):
    for _ in range(2 * len(PLACES)):
        if not life.open():
            return
        await life.advance(SECONDS)


@matrix
def test_answered(kind, place):
    async def work(life):
        run = await begin(life, kind, place)
        if kind == "timer":
            for holder, visit in life.open():
                with pytest.raises(Conflict) as refused:
                    life.engine.answer(holder, visit.waitpoint.waitpoint_id, "yes", by="me")
                assert refused.value.code == "NOT_ANSWERABLE"
            assert run.status is ExecutionStatus.WAITING
            await let_time_pass(life)
        else:
            assert await life.answer_all() == HOW_MANY[place]
            assert ended(life) == [AnswerKind.ANSWERED] * HOW_MANY[place]
        assert run.status is ExecutionStatus.COMPLETED
        assert len(asked(life)) == HOW_MANY[place]
        assert set(statuses(run).values()) == {"completed"}

    live(work)


@matrix
def test_expired_with_a_way_for_it(kind, place):
    async def work(life):
        run = await begin(life, kind, place, timeout_edge=True)
        await let_time_pass(life)
        assert run.status is ExecutionStatus.COMPLETED
        assert ended(life).count(AnswerKind.EXPIRED) == HOW_MANY[place]
        holders = [r for r in life.engine.runs.values() if "w" in statuses(r)]
        assert {statuses(r)["late"] for r in holders} == {"completed"}
        assert {statuses(r)["end"] for r in holders} == {"completed"}

    live(work)


@matrix
def test_expired_without_one(kind, place):
    async def work(life):
        run = await begin(life, kind, place)
        await life.advance(SECONDS - 1)
        assert run.status is ExecutionStatus.WAITING, "not a moment before"
        await let_time_pass(life)
        if kind == "timer":
            assert run.status is ExecutionStatus.COMPLETED
            return
        assert run.status is ExecutionStatus.ERROR
        if place in ("map", "sub-workflow", "sub-workflow in a loop"):
            assert (run.state.error["code"], run.state.error["stepId"]) == ("CHILD_FAILED", "s")
            children = [r for r in life.engine.runs.values() if r is not run]
            assert {r.status for r in children} <= {ExecutionStatus.ERROR, ExecutionStatus.CANCELLED}
            assert children[0].state.error["code"] == CODES[kind]
        else:
            assert run.state.error["code"] == CODES[kind]
            assert statuses(run)["end"] == "skipped"
        assert not life.open()

    live(work)


@matrix
def test_cancelled_while_waiting(kind, place):
    async def work(life):
        run = await begin(life, kind, place)
        waited = life.open()
        life.engine.cancel(run, by="me")
        await life.quiet()
        assert {r.status for r in life.engine.runs.values()} == {ExecutionStatus.CANCELLED}
        assert statuses(run)["end"] == "skipped"
        assert {s["skipReason"] for s in steps(run).values()} <= {None, "cancelled"}
        for holder, visit in waited:
            assert life.engine.answer(holder, visit.waitpoint.waitpoint_id, "too late", by="me") is False
        seqs = [r.state.seq for r in life.engine.runs.values()]
        await life.advance(10 * SECONDS)
        assert [r.state.seq for r in life.engine.runs.values()] == seqs, "nothing rings for it any more"

    live(work)


async def survive(life, kind, place):
    run = await begin(life, kind, place)
    waiting = life.ids()
    await life.advance(POLL - 1)
    await life.dies()
    run = life.again(run)
    assert run.status is ExecutionStatus.WAITING
    assert life.ids() == waiting, "the waitpoints are the same"
    if kind == "timer":
        await life.advance(SECONDS - POLL)
        assert run.status is ExecutionStatus.WAITING, "the deadline is the one it had"
        await life.advance(1)
        assert life.ids() != waiting
        await let_time_pass(life)
    else:
        assert await life.answer_all() == HOW_MANY[place]
    assert run.status is ExecutionStatus.COMPLETED
    return run


@matrix
def test_the_process_dies_while_it_waits(kind, place):
    async def work(life):
        await survive(life, kind, place)

    live(work)


class OnFile(DuckDBJournal):
    """``reading`` is how many reads are under way, so that a test can wait for them."""

    reading = 0

    async def read(self, subject, *, after=0):
        self.reading += 1
        try:
            return await super().read(subject, after=after)
        finally:
            self.reading -= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["plain", "map"])
def test_the_process_dies_while_it_waits_and_the_journal_is_a_file(kind, place, tmp_path):
    async def work(database):
        journal = OnFile(database)
        await journal.open()
        life = Life(journal=journal)
        await survive(life, kind, place)
        await life.check()
        await life.stop()

    with Database(tmp_path) as database:
        asyncio.run(work(database))


@matrix
def test_the_process_is_dead_when_the_time_is_up(kind, place):
    async def work(life):
        run = await begin(life, kind, place)
        await life.dies(downtime=SECONDS + 1)
        run = life.again(run)
        await let_time_pass(life)
        assert run.status is (ExecutionStatus.COMPLETED if kind == "timer" else ExecutionStatus.ERROR)

    live(work)


@matrix
def test_answered_twice(kind, place):
    async def work(life):
        run = await begin(life, kind, place)
        if kind == "timer":
            for holder, visit in life.open() * 2:
                with pytest.raises(Conflict):
                    life.engine.answer(holder, visit.waitpoint.waitpoint_id, "yes", by="me")
            await let_time_pass(life)
        else:
            while waiting := life.open():
                for holder, visit in waiting:
                    name = visit.waitpoint.waitpoint_id
                    assert life.engine.answer(holder, name, "first", by="me") is True
                    assert life.engine.answer(holder, name, "second", by="you") is False
                await life.quiet()
            answers = [
                recorded.event
                for r in life.engine.runs.values()
                for recorded in r.published()
                if isinstance(recorded.event, WaitpointEnded)
            ]
            assert [(event.answer, event.by) for event in answers] == [("first", "me")] * HOW_MANY[place]
        assert run.status is ExecutionStatus.COMPLETED

    live(work)
