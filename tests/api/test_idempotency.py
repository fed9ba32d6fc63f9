"""One request, one execution: races, refusals, workspaces, ids of the caller's choice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from server import CANVAS, START_AGENT_END, Answer, Call

from builder_jupyter.services.runtime import Runtime

MANUAL = {"X-Trigger-Type": "manual"}
Save = Callable[..., Awaitable[str]]


@pytest.fixture
def builder_settings() -> dict[str, Any]:
    return {"unlimited_credits": True}  # a workspace beside the owner's begins with none


async def executions(call: Call, key: str) -> list[str]:
    return [r["executionId"] for r in (await call("GET", "/api/builder/executions", key=key)).json["executions"]]


def begun(answers: list[Answer]) -> set[str]:
    """Return the ids of what was begun, after a look at the statuses: one beginning for each, the rest are replays."""
    assert {answer.status for answer in answers} == {202}
    fresh = Counter(a.json["executionId"] for a in answers if "X-Idempotent-Replay" not in a.headers)
    assert set(fresh.values()) == {1}
    assert set(fresh) == {answer.json["executionId"] for answer in answers}
    return set(fresh)


@pytest.mark.parametrize("keyed", [True, False], ids=["key", "derived"])
async def test_duplicates_at_the_same_time(keyed: bool, call: Call, full_key: str, save: Save) -> None:
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "topic", "inputs": {"topic": "x"}}
    headers = {"Idempotency-Key": "once"} if keyed else {}
    answers = await asyncio.gather(
        *(call("POST", "/api/run", key=full_key, headers=headers, body=run) for _ in range(20))
    )
    assert begun(list(answers)) == set(await executions(call, full_key))
    assert len(await executions(call, full_key)) == 1


async def test_starts_at_the_same_time(call: Call, full_key: str, save: Save) -> None:
    body = {"canvasId": await save(CANVAS), "executionId": "chosen-by-me"}
    sent = [{}, {"Idempotency-Key": "a"}, {"Idempotency-Key": "b"}] * 5
    answers = await asyncio.gather(
        *(call("POST", "/api/execute/start", key=full_key, headers=MANUAL | more, body=body) for more in sent)
    )
    assert begun(list(answers)) == {"chosen-by-me"}
    assert await executions(call, full_key) == ["chosen-by-me"]


async def test_without_key_and_id_a_start_is_a_new_run(call: Call, full_key: str, save: Save) -> None:
    body = {"canvasId": await save(CANVAS)}
    answers = [await call("POST", "/api/execute/start", key=full_key, headers=MANUAL, body=body) for _ in range(2)]
    assert len(begun(answers)) == 2


async def test_an_id_is_taken_once(
    call: Call, full_key: str, foreign_key: str, runtime: Runtime, *, save: Save
) -> None:
    canvas = await save(CANVAS)
    mine = {"canvasId": canvas, "executionId": "exec_of_mine"}

    async def start(body: dict[str, Any], key: str = full_key, **more: str) -> Answer:
        return await call("POST", "/api/execute/start", key=key, headers=MANUAL | more, body=body)

    assert (await start(mine)).status == 202
    assert (await start(mine)).headers["X-Idempotent-Replay"] == "true"
    other = await start(mine | {"inputs": {"topic": "other"}})
    theirs = (await call("POST", "/api/builder/workflows", key=foreign_key, body={"name": "x", **CANVAS})).json["id"]
    foreign = await start(mine | {"canvasId": theirs}, foreign_key)
    assert (other.status, foreign.status) == (409, 409)
    assert other.json == foreign.json, "whose it is shows in nothing"
    assert foreign.json["code"] == "execution_id_taken"
    assert (await call("GET", "/api/executions", key=foreign_key, executionId="exec_of_mine")).status == 404
    # An execution that the server named itself is nobody's to begin again.
    run = {"canvasId": canvas, "triggerNodeId": "topic"}
    named = (await call("POST", "/api/run", key=full_key, body=run)).json["executionId"]
    assert (await start({"canvasId": canvas, "executionId": named})).status == 409
    # The plan lies in the journal under an id of its own.
    work = runtime.executions._engine.load("exec_of_mine")
    plan = runtime.portal.wait(work).state.plan.plan_id
    for bad in (plan, "short", "x" * 65, "with blank", "a/b/c/d/e", "äöüäöüäö", "exec.1234", ""):
        refused = await start({"canvasId": canvas, "executionId": bad})
        assert (refused.status, refused.json["code"]) == (400, "invalid_execution_id")


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "auto:mine", "na\u00efve"])
async def test_keys_that_are_none(key: str, call: Call, full_key: str, save: Save) -> None:
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "topic", "idempotencyKey": key}
    answer = await call("POST", "/api/run", key=full_key, body=run)
    assert (answer.status, answer.json["code"]) == (400, "invalid_idempotency_key")
    assert await executions(call, full_key) == []


async def test_a_refused_request_does_not_keep_its_key(call: Call, full_key: str, save: Save) -> None:
    header = {"Idempotency-Key": "k"}
    canvas = await save(nodes=START_AGENT_END["nodes"][:2], edges=[], draft=True)
    run = {"canvasId": canvas, "triggerNodeId": "start", "sync": True}
    bad = await call("POST", "/api/run", key=full_key, headers=header, body=run | {"triggerNodeId": "nobody"})
    assert bad.status == 404
    refused = await asyncio.gather(
        *(call("POST", "/api/run", key=full_key, headers=header, body=run) for _ in range(3))
    )
    assert {answer.status for answer in refused} == {400}
    path = f"/api/builder/workflows/{canvas}"
    assert (await call("PUT", path, key=full_key, body=START_AGENT_END)).status == 200
    answer = await call("POST", "/api/run", key=full_key, headers=header, body=run)
    assert (answer.status, answer.json["status"]) == (200, "completed")


async def test_a_key_belongs_to_its_workspace_and_its_route(
    call: Call, full_key: str, foreign_key: str, save: Save
) -> None:
    header = {"Idempotency-Key": "same"}
    made = await call("POST", "/api/builder/workflows", key=foreign_key, body={"name": "x", **CANVAS})
    canvas = await save(CANVAS)
    answers = [
        await call("POST", "/api/run", key=key, headers=header, body={"canvasId": id_, "triggerNodeId": "topic"})
        for key, id_ in ((full_key, canvas), (foreign_key, made.json["id"]))
    ]
    started = await call("POST", "/api/execute/start", key=full_key, headers=MANUAL | header, body={"canvasId": canvas})
    assert len(begun([*answers, started])) == 3
