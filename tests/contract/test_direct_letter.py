"""The direct API to the letter: each row of spec builder-studio §3.1, §3.2, §3.5 and each field of §7.7."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from server import CANVAS, START_AGENT_END, Answer, Call

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import ProviderError
from builder_jupyter.rest.handler import MAX_BODY_BYTES

Save = Callable[..., Awaitable[str]]
MANUAL = {"X-Trigger-Type": "manual"}
ROUTES = {"/api/run": "POST", "/api/execute/start": "POST", "/api/canvases": "GET", "/api/executions": "GET",
          "/api/verify-key": "GET"}  # fmt: skip
WITH_BODIES = ["/api/run", "/api/execute/start"]


@pytest.fixture
def jp_base_url() -> str:
    """Elsewhere the other tests of the contract look; one place is enough for the letter."""
    return "/"


def check_error(answer: Answer, status: int, code: str) -> dict[str, Any]:
    assert answer.status == status, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(answer.json) <= {"error", "code", "requiredScopes", "details"}
    assert isinstance(answer.json["error"], str)
    assert answer.json["code"] == code
    return answer.json


async def test_how_long_one_can_wait(call: Call, full_key: str, save: Save) -> None:
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "topic", "inputs": {"topic": "x"}, "sync": True}
    for seconds in (0, 56, -1, 1.5, "30", None, True, 10**30):
        answer = await call("POST", "/api/run", key=full_key, body=run | {"timeoutSeconds": seconds})
        assert check_error(answer, 400, "invalid_request")["details"][0]["field"] == "timeoutSeconds"
    assert (await call("GET", "/api/builder/executions", key=full_key)).json == {"executions": []}
    for seconds in (1, 55, 2.0):
        answer = await call("POST", "/api/run", key=full_key, body=run | {"timeoutSeconds": seconds})
        assert (answer.status, answer.json["status"]) == (200, "completed")


async def test_what_a_run_must_name(call: Call, full_key: str) -> None:
    names = ("canvasId", "triggerNodeId")
    for missing, value in ((name, value) for name in names for value in ({}, {name: ""}, {name: 1}, {name: None})):
        body = {"canvasId": "wf_0", "triggerNodeId": "topic"}
        del body[missing]
        said = check_error(await call("POST", "/api/run", key=full_key, body=body | value), 400, "invalid_request")
        assert said["details"][0]["field"] == missing
        assert missing in said["error"]


async def test_a_node_that_is_no_trigger(call: Call, full_key: str, save: Save) -> None:
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "writer"}
    check_error(await call("POST", "/api/run", key=full_key, body=run), 400, "not_a_trigger")


async def test_unknown_and_foreign_look_the_same(call: Call, full_key: str, foreign_key: str, save: Save) -> None:
    canvas = await save(CANVAS)
    run = {"canvasId": canvas, "triggerNodeId": "topic"}
    execution = (await call("POST", "/api/run", key=full_key, body=run)).json["executionId"]
    foreign = await call("POST", "/api/run", key=foreign_key, body=run)
    unknown = await call("POST", "/api/run", key=full_key, body=run | {"canvasId": "wf_0"})
    assert check_error(foreign, 404, "workflow_not_found") == unknown.json
    check_error(await call("POST", "/api/run", key=full_key, body=run | {"triggerNodeId": "no"}), 404, "node_not_found")
    for name in ("triggerNodeId", "targetNodeId"):
        body = {"canvasId": canvas, name: "no"}
        answer = await call("POST", "/api/execute/start", key=full_key, headers=MANUAL, body=body)
        check_error(answer, 404, "node_not_found")
    started = await call("POST", "/api/execute/start", key=foreign_key, headers=MANUAL, body={"canvasId": canvas})
    assert check_error(started, 404, "workflow_not_found") == unknown.json
    theirs = await call("GET", "/api/executions", key=foreign_key, executionId=execution)
    none = await call("GET", "/api/executions", key=full_key, executionId="exec_0")
    assert check_error(theirs, 404, "execution_not_found") == none.json


async def test_methods(call: Call, full_key: str) -> None:
    for path, allowed in ROUTES.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - {allowed}:
            answer = await call(method, path, key=full_key)
            check_error(answer, 405, "method_not_allowed")
            assert answer.headers["Allow"] == allowed


async def test_bodies(call: Call, full_key: str) -> None:
    for path in WITH_BODIES:
        await check_bodies(path, call, full_key)


async def check_bodies(path: str, call: Call, full_key: str) -> None:
    async def send(raw: bytes, media_type: str = "application/json") -> Answer:
        return await call("POST", path, key=full_key, headers=MANUAL | {"Content-Type": media_type}, raw=raw)

    check_error(await send(b"{"), 400, "invalid_workflow")
    check_error(await send(b""), 400, "invalid_workflow")
    check_error(await send(b"[]"), 400, "invalid_workflow")
    check_error(await send(b" " * (MAX_BODY_BYTES + 1)), 413, "payload_too_large")
    form = "application/x-www-form-urlencoded"
    for media_type in (form, "text/plain; charset=utf-8", "multipart/mixed", "application/jsonp", "nonsense", ""):
        said = check_error(await send(b'{"canvasId": "wf_0"}', media_type), 415, "unsupported_media_type")
        assert "application/json" in said["error"]
    body = b'{"canvasId": "wf_0", "triggerNodeId": "topic"}'
    for media_type in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        check_error(await send(body, media_type), 404, "workflow_not_found")


async def test_a_missing_scope_is_named(call: Call, make_key: Callable[..., str]) -> None:
    answer = await call("POST", "/api/run", key=make_key("read:canvases"), body={})
    said = check_error(answer, 403, "missing_scope")
    assert said["requiredScopes"] == ["run:workflows"]
    assert "'run:workflows'" in said["error"]


async def test_reading_one_execution_is_not_reading_canvases(
    call: Call, make_key: Callable[..., str], save: Save, full_key: str
) -> None:
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "topic", "sync": True}
    done = await call("POST", "/api/run", key=full_key, body=run)
    where = {"executionId": done.json["executionId"]}
    check_error(await call("GET", "/api/executions", key=make_key("read:canvases"), **where), 403, "missing_scope")
    assert (await call("GET", "/api/executions", key=make_key("run:workflows"), **where)).json == done.json


async def test_which_execution_must_be_said(call: Call, full_key: str) -> None:
    for query in ({}, {"executionId": ""}):
        check_error(await call("GET", "/api/executions", key=full_key, **query), 400, "invalid_request")


async def test_what_is_answered_is_not_kept_by_others(call: Call, full_key: str, save: Save) -> None:
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "topic"}
    begun = await call("POST", "/api/run", key=full_key, body=run)
    answers = [
        begun,
        await call("POST", "/api/run", key=full_key, body=run | {"sync": True}),
        await call("POST", "/api/execute/start", key=full_key, headers=MANUAL, body={"canvasId": run["canvasId"]}),
        await call("GET", "/api/canvases", key=full_key),
        await call("GET", "/api/executions", key=full_key, executionId=begun.json["executionId"]),
        await call("GET", "/api/verify-key", key=full_key),
    ]
    for answer in answers:
        assert answer.status < 300
        assert answer.headers["Cache-Control"] == "no-store"


async def test_archived_canvases(call: Call, full_key: str, save: Save) -> None:
    old, new = await save(CANVAS, name="Old", metadata={"archived": True}), await save(CANVAS, name="New")

    async def listed(**query: Any) -> list[str]:
        return [one["id"] for one in (await call("GET", "/api/canvases", key=full_key, **query)).json["canvases"]]

    assert await listed() == await listed(includeArchived="false") == [new]
    assert await listed(includeArchived="true") == [new, old], "newest change first"
    check_error(await call("GET", "/api/canvases", key=full_key, includeArchived="some"), 400, "invalid_request")


async def test_the_retired_route_is_gone_for_all(call: Call, full_key: str, foreign_key: str) -> None:
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    senders: list[dict[str, Any]] = [
        {},
        {"key": full_key},
        {"key": foreign_key},
        {"key": "builder_bad"},
        {"raw": b"no"},
    ]
    for method, sent in ((method, sent) for method in methods for sent in senders):
        answer = await call(method, "/api/execute", **sent)
        assert answer.status == 410
        if method != "HEAD":
            check_error(answer, 410, "retired")


# -- the snapshot ---------------------------------------------------------------------------------------------------

TIME = int
SNAPSHOT: dict[str, tuple[type, ...]] = {
    "executionId": (str,), "canvasId": (str,), "workspaceId": (str,), "status": (str,), "triggerType": (str,),
    "triggerNodeId": (str,), "inputs": (dict,), "createdAt": (TIME,), "startedAt": (TIME,),
    "finishedAt": (TIME, type(None)), "error": (dict, type(None)), "steps": (list,), "outputs": (dict,),
    "waitingOn": (dict, type(None)), "credits": (dict,), "replayOf": (str, type(None)),
    "replayFromStepId": (str, type(None)), "callback": (dict, type(None)),
}  # fmt: skip
STEP: dict[str, tuple[type, ...]] = {
    "stepId": (str,), "nodeId": (str,), "nodeType": (str,), "status": (str,), "group": (int,), "attempt": (int,),
    "startedAt": (TIME, type(None)), "finishedAt": (TIME, type(None)), "credits": (int, float), "reused": (bool,),
    "outputs": (dict,), "error": (dict, type(None)), "skipReason": (str, type(None)),
}  # fmt: skip
STEP_STATUSES = {"pending", "running", "streaming", "waiting", "completed", "error", "skipped"}


def check_snapshot(picture: dict[str, Any]) -> None:
    for name, kinds in SNAPSHOT.items():
        assert type(picture[name]) in kinds, name
    assert set(picture["credits"]) >= {"charged", "refunded"}
    for step in picture["steps"]:
        for name, kinds in STEP.items():
            assert type(step[name]) in kinds, name
        assert step["status"] in STEP_STATUSES
        for value in step["outputs"].values():
            assert set(value) >= {"type", "value"}
    error = picture["error"]
    assert (error is not None) is (picture["status"] == "error")
    assert error is None or set(error) >= {"message", "code", "stepId"}


async def test_the_snapshot_of_a_run_that_is_over(call: Call, full_key: str, save: Save) -> None:
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "topic", "inputs": {"topic": "x"}, "sync": True}
    picture = (await call("POST", "/api/run", key=full_key, body=run)).json
    check_snapshot(picture)
    assert [(s["stepId"], s["nodeType"], s["group"], s["attempt"], s["credits"]) for s in picture["steps"]] == [
        ("topic", "prompt-trigger", 0, 1, 0),
        ("writer", "text-gen", 1, 1, 1),
    ]
    assert picture["outputs"] == {"writer": {"text-out": {"type": "text", "value": "About: x"}}}
    assert picture["credits"] == {"charged": 1, "refunded": 0}
    assert picture["replayOf"] is picture["replayFromStepId"] is picture["callback"] is picture["waitingOn"] is None


async def test_the_snapshot_of_a_run_that_failed(
    call: Call, full_key: str, save: Save, scripted: ScriptedModel
) -> None:
    def refuse(_request: Any) -> str:
        raise ProviderError("The provider refuses.")

    scripted.script = refuse
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "topic", "inputs": {"topic": "x"}, "sync": True}
    picture = (await call("POST", "/api/run", key=full_key, body=run)).json
    check_snapshot(picture)
    assert (picture["status"], picture["error"]["stepId"]) == ("error", "writer")
    assert (picture["error"]["code"], picture["error"]["message"]) == ("PROVIDER_ERROR", "The provider refuses.")
    assert picture["credits"] == {"charged": 1, "refunded": 1}


async def test_the_snapshot_of_a_run_that_waits(call: Call, full_key: str, save: Save) -> None:
    human = [START_AGENT_END["nodes"][0], {"id": "agent", "type": "human", "data": {"timeout": 600}}]
    canvas = await save(nodes=[*human, START_AGENT_END["nodes"][2]])
    run = {"canvasId": canvas, "triggerNodeId": "start", "sync": True, "timeoutSeconds": 1}
    pending = await call("POST", "/api/run", key=full_key, body=run)
    assert pending.status == 202
    assert (pending.json["pending"], pending.json["status"]) == (True, "waiting"), "a waiting run is not over"
    picture = (await call("GET", "/api/executions", key=full_key, executionId=pending.json["executionId"])).json
    check_snapshot(picture)
    waits = picture["waitingOn"]
    assert set(waits) >= {"waitpointId", "stepId", "kind", "provider", "deadlineAt"}
    assert (waits["stepId"], waits["kind"], waits["provider"]) == ("agent", "human", None)
    assert waits["deadlineAt"] > picture["createdAt"]
