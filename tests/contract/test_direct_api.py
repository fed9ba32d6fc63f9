"""Each direct endpoint of the page "REST API" that exists."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from server import CANVAS, START_AGENT_END, Call

from builder_jupyter.connectors.fakes import ScriptedModel

EXECUTION_ID = re.compile(r"exec_[0-9a-f]{20}")
INPUTS = {"topic": "launch announcement"}
SNAPSHOT = {
    "executionId", "canvasId", "workflowName", "workflowVersion", "workspaceId", "status", "triggerType",
    "triggerNodeId", "inputs", "createdAt", "startedAt", "finishedAt", "error", "steps", "outputs", "output",
    "waitingOn", "waitpoints", "credits", "parent", "replayOf", "replayFromStepId", "callback",
}  # fmt: skip


async def until(call: Call, key: str, execution_id: str, status: str) -> dict[str, Any]:
    """Poll, as the page says, until the execution has a status."""
    while True:
        answer = await call("GET", "/api/executions", key=key, executionId=execution_id)
        assert answer.status == 200
        if answer.json["status"] == status:
            return answer.json
        assert answer.json["status"] in {"planning", "running"}
        await asyncio.sleep(0)


async def test_run_without_sync_is_polled(
    call: Call, make_key: Callable[..., str], save: Callable[..., Awaitable[str]]
) -> None:
    canvas, key = await save(CANVAS), make_key("run:workflows")
    answer = await call(
        "POST", "/api/run", key=key, body={"canvasId": canvas, "triggerNodeId": "topic", "inputs": INPUTS}
    )
    assert answer.status == 202
    assert set(answer.json) == {"ok", "executionId", "message"}
    assert answer.json["ok"] is True
    assert answer.json["message"] == "Execution triggered"
    assert EXECUTION_ID.fullmatch(answer.json["executionId"])
    done = await until(call, key, answer.json["executionId"], "completed")
    assert set(done) == SNAPSHOT
    assert done["executionId"] == answer.json["executionId"]
    assert (done["canvasId"], done["triggerNodeId"], done["triggerType"]) == (canvas, "topic", "api")
    assert done["inputs"] == INPUTS
    assert done["error"] is None
    assert [type(done[name]) for name in ("createdAt", "startedAt", "finishedAt")] == [int] * 3
    assert done["createdAt"] <= done["startedAt"] <= done["finishedAt"]


async def test_run_with_sync_answers_the_terminal_snapshot(
    call: Call, make_key: Callable[..., str], save: Callable[..., Awaitable[str]]
) -> None:
    canvas, key = await save(CANVAS), make_key("run:workflows")
    body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": INPUTS, "sync": True, "timeoutSeconds": 30}
    answer = await call("POST", "/api/run", key=key, body=body)
    assert answer.status == 200
    assert set(answer.json) == SNAPSHOT
    assert answer.json["status"] == "completed"
    assert [(step["nodeId"], step["status"]) for step in answer.json["steps"]] == [
        ("topic", "completed"),
        ("writer", "completed"),
    ]
    assert answer.json["outputs"]["writer"]["text-out"]["value"] == "About: launch announcement"
    again = await call("GET", "/api/executions", key=key, executionId=answer.json["executionId"])
    assert again.json == answer.json


async def test_run_with_sync_that_is_not_done_in_time(
    call: Call, make_key: Callable[..., str], save: Callable[..., Awaitable[str]], scripted: ScriptedModel
) -> None:
    scripted.gate = asyncio.Event()  # never set: the model thinks for ever
    canvas, key = await save(CANVAS), make_key("run:workflows")
    body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": INPUTS, "sync": True, "timeoutSeconds": 1}
    answer = await call("POST", "/api/run", key=key, body=body)
    assert answer.status == 202
    assert set(answer.json) == {"ok", "executionId", "status", "pending", "message"}
    assert (answer.json["ok"], answer.json["pending"], answer.json["status"]) == (True, True, "running")


async def test_canvases(
    call: Call, make_key: Callable[..., str], save: Callable[..., Awaitable[str]], foreign_key: str
) -> None:
    key = make_key("read:canvases")
    assert (await call("GET", "/api/canvases", key=key)).json == {"canvases": []}
    first, second = await save(CANVAS, name="First"), await save(START_AGENT_END, name="Second")
    answer = await call("GET", "/api/canvases", key=key)
    assert answer.status == 200
    assert set(answer.json) == {"canvases"}
    for canvas in answer.json["canvases"]:
        assert set(canvas) == {"id", "name", "workspaceId", "updatedAt"}
        assert canvas["workspaceId"] == "default"
        assert type(canvas["updatedAt"]) is int
    assert [(c["id"], c["name"]) for c in answer.json["canvases"]] == [(second, "Second"), (first, "First")]
    assert (await call("GET", "/api/canvases", key=foreign_key)).json == {"canvases": []}


async def test_verify_key(call: Call, make_key: Callable[..., str], foreign_key: str) -> None:
    answer = await call("GET", "/api/verify-key", key=make_key())
    assert answer.status == 200
    # Those of a new key, in published order.
    assert answer.json == {"ok": True, "workspaceId": "default", "scopes": ["read:canvases", "run:workflows"]}
    assert (await call("GET", "/api/verify-key", key=foreign_key)).json["workspaceId"] == "elsewhere"


# -- errors ---------------------------------------------------------------------------------------------------------

ROUTES = [
    ("POST", "/api/run", {"canvasId": "wf_1", "triggerNodeId": "topic"}, "run:workflows"),
    ("GET", "/api/canvases", None, "read:canvases"),
    ("GET", "/api/executions?executionId=exec_1", None, "run:workflows"),
]


@pytest.mark.parametrize(("method", "path", "body"), [*(r[:3] for r in ROUTES), ("GET", "/api/verify-key", None)])
async def test_bad_key(method: str, path: str, body: Any, call: Call, extension: Any) -> None:
    for key in (None, "builder_unknown"):
        answer = await call(method, path, key=key, body=body)
        assert answer.status == 401
        assert isinstance(answer.json["error"], str)


@pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES)
async def test_missing_scope_is_named(
    method: str, path: str, body: Any, scope: str, *, call: Call, make_key: Callable[..., str]
) -> None:
    answer = await call(method, path, key=make_key("read:billing"), body=body)
    assert answer.status == 403
    assert scope in answer.json["error"]


async def test_not_found(
    call: Call, make_key: Callable[..., str], foreign_key: str, save: Callable[..., Awaitable[str]]
) -> None:
    canvas, key = await save(CANVAS), make_key("run:workflows")
    run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": INPUTS, "sync": True}
    execution_id = (await call("POST", "/api/run", key=key, body=run)).json["executionId"]
    answers = [
        await call("POST", "/api/run", key=key, body=run | {"canvasId": "wf_abc123def456"}),
        await call("POST", "/api/run", key=key, body=run | {"triggerNodeId": "nobody"}),
        await call("POST", "/api/run", key=foreign_key, body=run),
        await call("GET", "/api/executions", key=key, executionId="exec_0"),
        await call("GET", "/api/executions", key=foreign_key, executionId=execution_id),
    ]
    for answer in answers:
        assert answer.status == 404
        assert isinstance(answer.json["error"], str)
