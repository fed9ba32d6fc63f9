"""The routes of the page "Running Workflows": the manual start, the internal worker, the retired route; and idempotency
as the page "REST API" tells it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from server import CANVAS, Answer, Call

MANUAL = {"X-Trigger-Type": "manual"}
Save = Callable[..., Awaitable[str]]


async def start(call: Call, key: str, body: dict[str, Any], **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await call("POST", "/api/execute/start", key=key, headers=MANUAL | named, body=body)


async def test_the_example(call: Call, make_key: Callable[..., str], save: Save) -> None:
    canvas, key = await save(CANVAS), make_key("run:workflows")
    body = {"canvasId": canvas, "executionId": "my-execution-1"}
    first = await start(call, key, body, Idempotency_Key="stable-key")
    assert first.status == 202
    assert set(first.json) == {"ok", "executionId", "status"}
    assert (first.json["ok"], first.json["executionId"]) == (True, "my-execution-1")
    assert "X-Idempotent-Replay" not in first.headers
    again = await start(call, key, body, Idempotency_Key="stable-key")
    assert (again.status, again.json["executionId"]) == (202, "my-execution-1")
    assert again.headers["X-Idempotent-Replay"] == "true"
    done = await call("GET", "/api/executions", key=key, executionId="my-execution-1")
    assert (done.json["triggerType"], done.json["canvasId"]) == ("manual", canvas)
    listed = await call("GET", "/api/builder/executions", key=key)
    assert [row["executionId"] for row in listed.json["executions"]] == ["my-execution-1"]


@pytest.mark.parametrize("trigger", ["api", "webhook", "mcp", "user-mcp", "replay", "Manual", "", None])
async def test_only_manual_runs_start_here(trigger: str | None, call: Call, full_key: str, save: Save) -> None:
    headers = {} if trigger is None else {"X-Trigger-Type": trigger}
    body = {"canvasId": await save(CANVAS)}
    answer = await call("POST", "/api/execute/start", key=full_key, headers=headers, body=body)
    assert answer.status == 400
    assert "X-Trigger-Type" in answer.json["error"]


async def test_what_of_a_canvas_runs(call: Call, full_key: str, save: Save) -> None:
    nodes = [*CANVAS["nodes"], {"clientId": "second", "type": "text-gen", "data": {}}]
    more = {"source": "topic", "target": "second", "sourcePort": "text-out", "targetPort": "prompt-in"}
    canvas = await save(CANVAS, nodes=nodes, edges=[*CANVAS["edges"], more])
    for named, steps in (
        ({}, {"topic", "writer", "second"}),
        ({"targetNodeId": "writer"}, {"topic", "writer"}),
        ({"triggerNodeId": "topic", "inputs": {"topic": "x"}}, {"topic", "writer", "second"}),
    ):
        started = await start(call, full_key, {"canvasId": canvas, **named})
        seen = await call("GET", "/api/executions", key=full_key, executionId=started.json["executionId"])
        assert {step["stepId"] for step in seen.json["steps"]} == steps
    both = await start(call, full_key, {"canvasId": canvas, "targetNodeId": "writer", "triggerNodeId": "topic"})
    assert both.status == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_the_combined_route_is_retired(method: str, call: Call, extension: Any) -> None:
    answer = await call(method, "/api/execute")
    assert answer.status == 410
    if method != "HEAD":
        assert "/api/execute/start" in answer.json["error"]


async def test_the_worker_is_internal(call: Call, full_key: str, jp_auth_header: dict[str, str]) -> None:
    assert (await call("POST", "/api/execute/worker")).status == 401
    for sent in ({"key": full_key}, {"headers": jp_auth_header}):
        answer = await call("POST", "/api/execute/worker", body={"executionId": "x", "stepId": "y"}, **sent)
        assert answer.status == 403
        assert "internal" in answer.json["error"]
    assert (await call("POST", "/api/execute/other", key=full_key)).status == 404


async def test_a_run_is_replayed_by_its_key(call: Call, make_key: Callable[..., str], save: Save) -> None:
    canvas, key = await save(CANVAS), make_key("run:workflows")
    run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": "launch announcement"}}
    header = {"Idempotency-Key": "launch-1"}
    first = await call("POST", "/api/run", key=key, headers=header, body=run)
    assert (first.status, "X-Idempotent-Replay" in first.headers) == (202, False)
    again = await call("POST", "/api/run", key=key, headers=header, body=run)
    assert (again.status, again.json) == (202, first.json)
    assert again.headers["X-Idempotent-Replay"] == "true"
    # The field of the body is the same key; the way of waiting is no other request.
    waited = await call("POST", "/api/run", key=key, body=run | {"idempotencyKey": "launch-1", "sync": True})
    assert (waited.status, waited.json["executionId"]) == (200, first.json["executionId"])
    assert waited.headers["X-Idempotent-Replay"] == "true"
    # The header wins over the field.
    fresh = await call(
        "POST", "/api/run", key=key, headers={"Idempotency-Key": "b"}, body=run | {"idempotencyKey": "launch-1"}
    )
    assert fresh.json["executionId"] != first.json["executionId"]
    other = await call("POST", "/api/run", key=key, headers=header, body=run | {"inputs": {"topic": "other"}})
    assert other.status == 409
    assert isinstance(other.json["error"], str)


async def test_without_a_key_one_is_derived(call: Call, make_key: Callable[..., str], save: Save) -> None:
    canvas, key = await save(CANVAS), make_key("run:workflows")
    run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": "launch announcement"}}
    first, second = [await call("POST", "/api/run", key=key, body=run) for _ in range(2)]
    assert first.json["executionId"] == second.json["executionId"]
    assert second.headers["X-Idempotent-Replay"] == "true"
    other = await call("POST", "/api/run", key=key, body=run | {"inputs": {"topic": "other"}})
    assert other.json["executionId"] != first.json["executionId"]
