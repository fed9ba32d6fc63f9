"""Delivery of outcomes: how often, when, and what survives. The clock stands still until a test moves it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from receiver import Received, Receiver, Reply

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import InvalidInput
from builder_jupyter.execution.events import Origin
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.storage.callbacks import Attempt, CallbackStore

ME = local_principal("alice")
CANVAS = {
    "name": "Canvas",
    "dialect": "direct",
    "nodes": [
        {"clientId": "topic", "type": "prompt-trigger"},
        {"clientId": "writer", "type": "text-gen", "data": {"retry": {"maxAttempts": 1}}},
    ],
    "edges": [{"source": "topic", "target": "writer"}],
}
WAITS = [1_000, 5_000, 30_000, 120_000]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_runtime(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[[], Runtime]]:
    """Open the database, after closing the runtime of before."""
    opened: list[Runtime] = []

    def make() -> Runtime:
        if opened:
            opened[-1].stop()
        models = ScriptedModels(ScriptedModel("Done."))
        opened.append(Runtime(Settings(tmp_path, outbound_loopback=True), clock=clock, models=models))
        opened[-1].callbacks._chance = lambda: 0.5
        return opened[-1]

    yield make
    opened[-1].stop()


def begin(rt: Runtime, url: str | None, inputs: dict[str, Any] | None = None) -> str:
    canvas = rt.portal.wait(rt.workflows.create(ME, Workflow.from_dict(CANVAS))).id
    inputs = {"prompt": "x"} if inputs is None else inputs
    work = rt.admissions.start(ME, canvas, inputs=inputs, about={}, origin=Origin(callback_url=url))
    return rt.portal.wait(work).execution_id


def attempts(rt: Runtime, execution_id: str, number: int) -> list[Attempt]:
    """Return the rows of a delivery once there are so many."""
    deadline = time.monotonic() + 60
    store = CallbackStore(rt.database)
    while len(found := rt.portal.wait(store.attempts(execution_id))) < number:
        assert time.monotonic() < deadline, found
        time.sleep(0.005)
    return found


def advance(rt: Runtime, clock: ManualClock, milliseconds: float) -> None:
    async def move() -> None:
        clock.advance(milliseconds / 1000)

    rt.portal.wait(move())


def answers(*replies: Reply) -> Callable[[Received], Reply]:
    left = iter(replies)
    return lambda _request: next(left)


def callback(rt: Runtime, execution_id: str) -> dict[str, Any]:
    picture: dict[str, Any] = rt.portal.wait(rt.executions.wait(ME, execution_id, seconds=30))
    return picture["callback"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_the_end(status: int, open_runtime: Callable[[], Runtime]) -> None:
    rt = open_runtime()
    with Receiver(answers(Reply(status))) as receiver:
        execution_id = begin(rt, receiver.url())
        (row,) = attempts(rt, execution_id, 1)
        assert (row.state, row.status, row.error, row.retry_at) == ("delivered", status, None, None)
        assert callback(rt, execution_id) == {"state": "delivered", "attempts": 1, "lastStatus": status}


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 410, 422])
def test_what_no_repetition_mends(status: int, open_runtime: Callable[[], Runtime]) -> None:
    rt = open_runtime()
    with Receiver() as elsewhere, Receiver(answers(Reply(status, (("Location", elsewhere.url()),)))) as receiver:
        execution_id = begin(rt, receiver.url())
        (row,) = attempts(rt, execution_id, 1)
        assert (row.state, row.status, row.retry_at) == ("failed", status, None)
        assert elsewhere.requests == []
        picture = rt.portal.wait(rt.executions.snapshot(ME, execution_id))
        assert picture["callback"] == {"state": "failed", "attempts": 1, "lastStatus": status}
        assert picture["status"] == "completed", "the execution is what it was"


def test_five_attempts_ever_further_apart(open_runtime: Callable[[], Runtime], clock: ManualClock) -> None:
    rt = open_runtime()
    with Receiver(answers(*map(Reply, (500, 503, 408, 425, 429)))) as receiver:
        execution_id = begin(rt, receiver.url())
        for number, pause in enumerate(WAITS, start=1):
            row = attempts(rt, execution_id, number)[-1]
            assert (row.attempt, row.state) == (number, "pending")
            assert row.retry_at is not None
            assert row.retry_at - row.started_at - row.ms == pause
            assert callback(rt, execution_id)["attempts"] == number
            advance(rt, clock, pause - 1)
            assert len(receiver.requests) == number, "not before its time"
            advance(rt, clock, 2)
        rows = attempts(rt, execution_id, 5)
        assert [row.state for row in rows] == ["pending"] * 4 + ["failed"]
        assert callback(rt, execution_id) == {"state": "failed", "attempts": 5, "lastStatus": 429}
        told = [request.json for request in receiver.requests]
        assert [body["attempt"] for body in told] == [1, 2, 3, 4, 5]
        assert len({body["deliveryId"] for body in told}) == 1
        assert len({request.headers["x-builderstudio-signature"] for request in receiver.requests}) == 5
        assert [body["sentAt"] for body in told] == [row.started_at for row in rows]
        advance(rt, clock, 1_000_000)
        assert len(receiver.requests) == 5


@pytest.mark.parametrize(
    ("asked", "pause"),
    [("0", 1_000), ("1", 1_000), ("100", 100_000), ("300", 300_000), ("5000", 300_000), ("soon", 1_000), ("-1", 1_000),
     ("Thu, 01 Jan 2026 00:02:00 GMT", 120_000)],
)  # fmt: skip
def test_a_receiver_may_ask_for_a_pause(asked: str, pause: int, open_runtime: Callable[[], Runtime]) -> None:
    rt = open_runtime()
    with Receiver(answers(Reply(429, (("Retry-After", asked),)))) as receiver:
        (row,) = attempts(rt, begin(rt, receiver.url()), 1)
        assert row.retry_at is not None
        assert row.retry_at - row.started_at == pause


def test_pauses_vary_by_a_fifth(open_runtime: Callable[[], Runtime]) -> None:
    service = open_runtime().callbacks
    for chance, pause in ((0.0, 800), (0.5, 1000), (1.0, 1200)):
        service._chance = lambda chance=chance: chance
        assert service._pause_ms(1, None) == pause


def test_a_receiver_that_is_not_there_is_tried_again(open_runtime: Callable[[], Runtime], clock: ManualClock) -> None:
    rt = open_runtime()
    with Receiver() as gone:
        url = gone.url()
    execution_id = begin(rt, url)
    (row,) = attempts(rt, execution_id, 1)
    assert (row.state, row.status) == ("pending", None)
    assert row.error is not None
    assert row.error.startswith("HTTP_UNREACHABLE")
    assert callback(rt, execution_id) == {"state": "pending", "attempts": 1, "lastStatus": None}


def test_an_address_that_is_refused_later_is_not_called(
    open_runtime: Callable[[], Runtime], clock: ManualClock
) -> None:
    """What was public at the admission is looked at again at each delivery."""
    rt = open_runtime()
    with Receiver(answers(Reply(500))) as receiver:
        execution_id = begin(rt, receiver.url())
        attempts(rt, execution_id, 1)
        rt.outbound._allow_loopback = False
        advance(rt, clock, 1_000)
        row = attempts(rt, execution_id, 2)[-1]
        assert (row.state, row.status) == ("failed", None)
        assert row.error is not None
        assert row.error.startswith(("ADDRESS_REFUSED", "INVALID_URL"))
        assert len(receiver.requests) == 1


@pytest.mark.parametrize(("inputs", "event"), [({}, "execution.error"), ({"prompt": "x"}, "execution.completed")])
def test_what_is_told(inputs: dict[str, Any], event: str, open_runtime: Callable[[], Runtime]) -> None:
    rt = open_runtime()
    with Receiver() as receiver:
        execution_id = begin(rt, receiver.url(), inputs)
        attempts(rt, execution_id, 1)
        (got,) = receiver.requests
        assert got.json["event"] == got.headers["x-builderstudio-event"] == event
        picture = rt.portal.wait(rt.executions.snapshot(ME, execution_id))
        assert {**got.json["execution"], "callback": None} == {**picture, "callback": None}


def test_a_cancelled_execution_is_told_of_once_and_a_waiting_one_not(
    open_runtime: Callable[[], Runtime],
) -> None:
    rt = open_runtime()
    nodes = [{"id": "start", "type": "start"}, {"id": "ask", "type": "human"}, {"id": "end", "type": "end"}]
    edges = [{"source": "start", "target": "ask"}, {"source": "ask", "target": "end"}]
    stored = rt.portal.wait(rt.workflows.create(ME, Workflow.from_dict({"name": "w", "nodes": nodes, "edges": edges})))
    with Receiver() as receiver:
        work = rt.admissions.start(ME, stored.id, about={}, origin=Origin(callback_url=receiver.url()))
        execution_id = rt.portal.wait(work).execution_id
        for batch in rt.portal.iterate(rt.executions.events(ME, execution_id)):
            if any(event.get("status") == "waiting" and event["kind"] == "status" for event in batch):
                break
        assert receiver.requests == []
        rt.portal.wait(rt.executions.cancel(ME, execution_id))
        rt.portal.wait(rt.executions.cancel(ME, execution_id))
        attempts(rt, execution_id, 1)
        assert [request.json["event"] for request in receiver.requests] == ["execution.cancelled"]


def test_a_replay_sends_nothing(open_runtime: Callable[[], Runtime]) -> None:
    rt = open_runtime()
    with Receiver() as receiver:
        execution_id = begin(rt, receiver.url())
        attempts(rt, execution_id, 1)
        run, _ = rt.portal.wait(rt.executions.replay(ME, execution_id))
        assert callback(rt, run.execution_id) is None
        assert len(receiver.requests) == 1


def test_a_restart_goes_on_where_it_was(open_runtime: Callable[[], Runtime], clock: ManualClock) -> None:
    rt = open_runtime()
    with Receiver(answers(Reply(500), Reply(500), Reply(200))) as receiver:
        execution_id = begin(rt, receiver.url())
        attempts(rt, execution_id, 1)
        advance(rt, clock, 1_000)
        attempts(rt, execution_id, 2)
        rt = open_runtime()
        assert callback(rt, execution_id) == {"state": "pending", "attempts": 2, "lastStatus": 500}
        assert len(receiver.requests) == 2, "its time has not come"
        advance(rt, clock, 5_000)
        assert attempts(rt, execution_id, 3)[-1].state == "delivered"
        rt = open_runtime()
        assert rt.callbacks._under_way == {}
        ids = {request.json["deliveryId"] for request in receiver.requests}
        assert (len(receiver.requests), len(ids)) == (3, 1)


def test_purging_an_execution_takes_its_attempts_along(open_runtime: Callable[[], Runtime], clock: ManualClock) -> None:
    rt = open_runtime()
    with Receiver() as receiver:
        execution_id = begin(rt, receiver.url())
        attempts(rt, execution_id, 1)
        rt.portal.wait(rt.executions.settle())
        advance(rt, clock, 3_600_000)
        purged = rt.portal.wait(rt.upkeep.purge(older_than_seconds=60))
        assert purged["executions"] == 1
        assert rt.portal.wait(CallbackStore(rt.database).attempts(execution_id)) == []
        assert rt.portal.wait(CallbackStore(rt.database).undelivered()) == []


def test_without_the_setting_loopback_is_refused_at_admission(tmp_path: Path) -> None:
    with Runtime(Settings(tmp_path), models=ScriptedModels(ScriptedModel("x"))) as rt:
        for url in ("https://127.0.0.1/", "https://localhost/", "http://hooks.example/"):
            with pytest.raises(InvalidInput):
                begin(rt, url)
        assert rt.portal.wait(rt.executions.list(ME)) == []
