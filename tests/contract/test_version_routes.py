"""The version history of the page "Builder API", going back, and what is published. Source: §2, §8 and issue text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from server import START_AGENT_END, Call

from builder_jupyter import ids

Save = Callable[..., Awaitable[str]]
SaveThree = Callable[[], Awaitable[str]]
Ask = Callable[..., Awaitable[Any]]

WORKFLOWS = "/api/builder/workflows"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
UNFINISHED: dict[str, Any] = {"nodes": START_AGENT_END["nodes"][:2], "edges": []}


@pytest.fixture
def ask(call: Call, full_key: str) -> Ask:
    """Send a request about workflows with a key that may do everything."""

    async def send(method: str, path: str, **kwargs: Any) -> Any:
        return await call(method, f"{WORKFLOWS}/{path}", key=full_key, **kwargs)

    return send


@pytest.fixture
def save_three(ask: Ask, save: Save) -> Callable[[], Awaitable[str]]:
    """Save the workflow of the page's example: three versions with the messages that it prints."""

    async def create() -> str:
        workflow_id = await save(name="one", description="first", metadata={"tags": ["a"], "kept": {"x": 1}})
        second = {"name": "two", "description": "second", "metadata": {"tags": []}, "message": "Updated prompts"}
        assert (await ask("PUT", workflow_id, body=second)).json["version"] == 2
        nodes = [*START_AGENT_END["nodes"], {"id": "billing", "type": "agent", "data": {"prompt": "p"}}]
        edges = [*START_AGENT_END["edges"], {"source": "start", "target": "billing", "id": "e3"}]
        third = {"nodes": nodes, "edges": edges, "message": "Added billing agent"}
        assert (await ask("PUT", workflow_id, body=third)).json["version"] == 3
        return workflow_id

    return create


async def test_history(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    answer = await ask("GET", f"{three}/versions")
    assert answer.status == 200
    assert [(entry["version"], entry["created_by"], entry["message"]) for entry in answer.json] == [
        (3, "alice", "Added billing agent"),
        (2, "alice", "Updated prompts"),
        (1, "alice", "Initial version"),
    ]
    for entry in answer.json:
        assert set(entry) == {"version", "created_at", "created_by", "message"}
        assert TIME.fullmatch(entry["created_at"])
    times = [entry["created_at"] for entry in answer.json]
    assert times == sorted(times, reverse=True)
    current = (await ask("GET", three)).json
    assert (current["created_at"], current["updated_at"]) == (times[2], times[0])


async def test_messages(ask: Ask, save: Save) -> None:
    workflow_id = await save(message="In the beginning")
    await ask("PUT", workflow_id, body={})  # a version of its own, though nothing has changed
    await ask("PUT", workflow_id, body={"message": "Why"})
    await ask("POST", f"{workflow_id}/rollback", body={"version": 1})
    history = (await ask("GET", f"{workflow_id}/versions")).json
    assert [entry["message"] for entry in history] == [
        "Rolled back to version 1",
        "Why",
        "Updated workflow",
        "In the beginning",
    ]


async def test_one_version(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    answer = await ask("GET", f"{three}/versions/1")
    assert answer.status == 200
    old, current = answer.json, (await ask("GET", three)).json
    assert set(old) == {*current, "message"}
    assert (old["id"], old["name"], old["description"], old["version"]) == (three, "one", "first", 1)
    assert (old["message"], old["created_by"]) == ("Initial version", "alice")
    assert old["metadata"] == {"tags": ["a"], "kept": {"x": 1}, "deployed": False}
    assert {name: old[name] for name in START_AGENT_END} == START_AGENT_END
    assert old["created_at"] == old["updated_at"] == current["created_at"]
    newest = (await ask("GET", f"{three}/versions/3")).json
    assert newest == current | {"message": "Added billing agent"}
    assert (await ask("GET", f"{three}/versions/003")).json == newest, "plain digits all the same"


async def test_versions_that_are_not_there(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    for version in ["0", "4", "999999999", "9" * 30, "9" * 5000]:
        answer = await ask("GET", f"{three}/versions/{version}")
        assert (answer.status, answer.json["error"], answer.json["code"]) == (404, "not_found", "VERSION_NOT_FOUND")


async def test_versions_that_are_no_number(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    for version in ["x", "-1", "1.0", "1e1", "%201", "+1", "0x1", "1_0", "%D9%A3", "%C2%B2", "latest"]:
        answer = await ask("GET", f"{three}/versions/{version}")
        assert answer.status == 400
        assert answer.json["code"] == "INVALID_WORKFLOW"
        assert [fault["field"] for fault in answer.json["details"]] == ["version"]


async def test_rollback(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    first = (await ask("GET", f"{three}/versions/1")).json
    answer = await ask("POST", f"{three}/rollback", body={"version": 1})
    assert answer.status == 200
    assert answer.json == {"id": three, "version": 4, "message": "Rolled back to version 1"}
    assert answer.headers["ETag"] == '"4"'
    now = (await ask("GET", three)).json
    same = ("name", "description", "nodes", "edges", "metadata", "created_at", "created_by")
    assert {name: now[name] for name in same} == {name: first[name] for name in same}
    assert now["version"] == 4
    assert now["updated_at"] > first["updated_at"]
    entries = (await ask("GET", f"{three}/versions")).json
    assert next((entry["version"], entry["message"]) for entry in entries) == (4, "Rolled back to version 1")
    # What was before stays what it was, and to the current version one may go back too.
    assert (await ask("GET", f"{three}/versions/3")).json["message"] == "Added billing agent"
    again = await ask("POST", f"{three}/rollback", raw=b'{"version": 4.0}')  # to JSON the same number
    assert again.json == {"id": three, "version": 5, "message": "Rolled back to version 4"}


async def test_rollbacks_to_no_number(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    for version in [True, False, 1.5, "1", None, [1], {}]:
        answer = await ask("POST", f"{three}/rollback", body={"version": version})
        assert (answer.status, answer.json["code"]) == (400, "INVALID_WORKFLOW")
        assert answer.json["message"] == "Invalid workflow definition"
        assert [fault["field"] for fault in answer.json["details"]] == ["version"]
        assert (await ask("GET", three)).json["version"] == 3


async def test_rollbacks_without_a_version(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    for raw, field in ((b"{}", "version"), (b"", "body"), (b"null", "body"), (b"[1]", "body"), (b"1", "body")):
        answer = await ask("POST", f"{three}/rollback", raw=raw)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, field)


async def test_rollbacks_to_what_is_not_there(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    for version in [0, -1, 4, 2**31, 2**63, 10**400]:
        answer = await ask("POST", f"{three}/rollback", body={"version": version})
        assert (answer.status, answer.json["code"]) == (404, "VERSION_NOT_FOUND")
        assert (await ask("GET", three)).json["version"] == 3


async def test_rollback_to_a_draft_is_a_draft(ask: Ask, save: Save) -> None:
    workflow_id = await save(UNFINISHED, draft=True)
    await ask("PUT", workflow_id, body=START_AGENT_END)
    assert (await ask("POST", f"{workflow_id}/rollback", body={"version": 1})).status == 200
    assert (await ask("GET", workflow_id)).json["metadata"]["draft"] is True


async def test_rollback_honours_if_match(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    back = {"version": 1}
    stale = await ask("POST", f"{three}/rollback", body=back, headers={"If-Match": '"2"'})
    assert (stale.status, stale.json["error"], stale.json["code"]) == (409, "conflict", "VERSION_CONFLICT")
    assert stale.json["details"] == {"expected": 2, "current": 3}
    assert (await ask("POST", f"{three}/rollback", body=back, headers={"If-Match": "soon"})).status == 400
    assert (await ask("GET", three)).json["version"] == 3
    for match, version in (('"3"', 4), ("*", 5)):
        answer = await ask("POST", f"{three}/rollback", body=back, headers={"If-Match": match})
        assert answer.json["version"] == version


async def test_etags(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    assert (await ask("GET", three)).headers["ETag"] == '"3"'
    assert (await ask("PUT", three, body={})).headers["ETag"] == '"4"'


async def test_forty_at_once_get_forty_versions(ask: Ask, save: Save) -> None:
    workflow_id = await save()
    writes = [ask("PUT", workflow_id, body={"name": f"n{i}"}) for i in range(40)]
    answers = await asyncio.gather(*writes)
    assert [answer.status for answer in answers] == [200] * 40
    assert sorted(answer.json["version"] for answer in answers) == list(range(2, 42))
    history = (await ask("GET", f"{workflow_id}/versions")).json
    assert [entry["version"] for entry in history] == list(range(41, 0, -1))
    names = {answer.json["version"]: answer.json["name"] for answer in answers}
    for version in (2, 20, 41):
        assert (await ask("GET", f"{workflow_id}/versions/{version}")).json["name"] == names[version]
    same = {"If-Match": '"41"'}
    rivals = await asyncio.gather(*(ask("PUT", workflow_id, body={}, headers=same) for _ in range(10)))
    assert sorted(answer.status for answer in rivals) == [200] + [409] * 9


async def test_nothing_is_left_of_what_was_deleted(
    ask: Ask, save: Save, save_three: SaveThree, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = await save_three()
    await ask("POST", f"{three}/publish", body={})
    assert (await ask("DELETE", three)).status == 200
    for method, path in (
        ("GET", three),
        ("PUT", three),
        ("DELETE", three),
        ("GET", f"{three}/versions"),
        ("GET", f"{three}/versions/1"),
        ("POST", f"{three}/rollback"),
        ("POST", f"{three}/publish"),
        ("DELETE", f"{three}/publish"),
    ):
        answer = await ask(method, path)
        assert (answer.status, answer.json["code"]) == (404, "WORKFLOW_NOT_FOUND"), path
    drawn = iter([three, three, "wf_ffffffffffff"])
    monkeypatch.setattr(ids, "workflow_id", lambda: next(drawn))
    assert await save() == "wf_ffffffffffff", "an id is never given again"


async def test_a_foreign_workflow_has_no_history(call: Call, foreign_key: str, save_three: SaveThree) -> None:
    three = await save_three()
    unknown = "wf_000000000000"
    for method, path, body in (
        ("GET", "versions", None),
        ("GET", "versions/1", None),
        ("GET", "versions/x", None),
        ("POST", "rollback", {"version": 1}),
        ("POST", "rollback", {}),
        ("POST", "publish", {}),
        ("DELETE", "publish", None),
    ):
        answers = [
            await call(method, f"{WORKFLOWS}/{name}/{path}", key=foreign_key, body=body) for name in (three, unknown)
        ]
        assert [answer.status for answer in answers] == [404, 404], path
        assert answers[0].body == answers[1].body


# -- what is published ----------------------------------------------------------------------------------------------


async def test_publish(ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    before = (await ask("GET", three)).json
    answer = await ask("POST", f"{three}/publish", body={"version": 2})
    assert answer.status == 200
    assert set(answer.json) == {"id", "version", "deployed_at", "message"}
    assert (answer.json["id"], answer.json["version"]) == (three, 2)
    assert answer.json["message"] == "Published version 2"
    assert TIME.fullmatch(answer.json["deployed_at"])
    after = (await ask("GET", three)).json
    marks = {"deployed": True, "deployed_at": answer.json["deployed_at"], "deployed_version": 2}
    assert after == before | {"metadata": before["metadata"] | marks}, "no new version, and nothing else changed"
    seen = {n: (await ask("GET", f"{three}/versions/{n}")).json["metadata"]["deployed"] for n in (1, 2, 3)}
    assert seen == {1: False, 2: True, 3: False}
    # Without a version it is the current one, and the last word counts.
    assert (await ask("POST", f"{three}/publish", body={})).json["version"] == 3
    gone = await ask("DELETE", f"{three}/publish")
    assert (gone.status, gone.json) == (200, {"id": three, "message": "Workflow unpublished"})
    assert (await ask("GET", three)).json == before
    assert (await ask("DELETE", f"{three}/publish")).status == 200, "twice changes nothing"


async def test_marks_that_a_client_sends_back_are_not_kept(ask: Ask, save: Save) -> None:
    workflow_id = await save(metadata={"tags": ["t"]})
    await ask("POST", f"{workflow_id}/publish", body={})
    read = (await ask("GET", workflow_id)).json
    assert (await ask("PUT", workflow_id, body={"metadata": read["metadata"]})).json["version"] == 2
    assert (await ask("GET", workflow_id)).json["metadata"] == read["metadata"]
    await ask("DELETE", f"{workflow_id}/publish")
    assert (await ask("PUT", workflow_id, body={"metadata": read["metadata"]})).status == 200
    assert (await ask("GET", workflow_id)).json["metadata"] == {"tags": ["t"], "deployed": False}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"version": True}, 400, "INVALID_WORKFLOW"),
        ({"version": "1"}, 400, "INVALID_WORKFLOW"),
        ([], 400, "INVALID_WORKFLOW"),
        ({"version": 0}, 404, "VERSION_NOT_FOUND"),
        ({"version": 4}, 404, "VERSION_NOT_FOUND"),
    ],
)
async def test_what_cannot_be_published(body: Any, status: int, code: str, ask: Ask, save_three: SaveThree) -> None:
    three = await save_three()
    answer = await ask("POST", f"{three}/publish", body=body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert (await ask("GET", three)).json["metadata"]["deployed"] is False


async def test_a_draft_is_not_published(ask: Ask, save: Save) -> None:
    workflow_id = await save(UNFINISHED, draft=True)
    answer = await ask("POST", f"{workflow_id}/publish", body={})
    assert (answer.status, answer.json["code"]) == (422, "VALIDATION_FAILED")
    assert answer.json["details"]["valid"] is False


async def test_triggers_run_what_is_published_and_people_what_is_there(
    call: Call, full_key: str, save_three: SaveThree
) -> None:
    three = await save_three()
    ran = {"inputs": {"message": "hi"}, "canvasId": three}

    async def by_api(**fields: Any) -> Any:
        run = ran | {"triggerNodeId": "start", "sync": True, **fields}
        answer = await call("POST", "/api/run", key=full_key, body=run)
        assert answer.status == 200, answer.text
        return answer.json

    async def by_hand() -> Any:
        headers = {"X-Trigger-Type": "manual"}
        started = await call("POST", "/api/execute/start", key=full_key, body=ran, headers=headers)
        path = f"/api/builder/executions/{started.json['executionId']}"
        return (await call("GET", path, key=full_key)).json

    assert (await by_api(idempotencyKey="1"))["workflowVersion"] == 3
    await call("POST", f"{WORKFLOWS}/{three}/publish", key=full_key, body={"version": 1})
    picture = await by_api(idempotencyKey="2")
    assert (picture["workflowVersion"], picture["workflowName"], picture["status"]) == (1, "one", "completed")
    assert {step["stepId"] for step in picture["steps"]} == {"start", "agent", "end"}
    by_person = await by_hand()
    assert (by_person["workflowVersion"], by_person["workflowName"]) == (3, "two")
    assert "billing" in {step["stepId"] for step in by_person["steps"]}
    await call("DELETE", f"{WORKFLOWS}/{three}/publish", key=full_key)
    assert (await by_api(idempotencyKey="3"))["workflowVersion"] == 3
    listed = (await call("GET", "/api/builder/executions", key=full_key)).json["executions"]
    assert sorted((run["triggerType"], run["workflowVersion"]) for run in listed) == [
        ("api", 1),
        ("api", 3),
        ("api", 3),
        ("manual", 3),
    ]
