"""Each example of the page "Builder API", as far as its routes exist: the same requests, the shapes it prints."""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from server import START_AGENT_END, Answer, Call

WORKFLOW_ID = re.compile(r"wf_[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
WORKFLOWS = "/api/builder/workflows"

SUPPORT = {"name": "Customer Support Agent", "description": "Multi-agent support workflow", **START_AGENT_END}
TAGS = {"tags": ["support", "production"]}

AGENT = {"id": "a", "type": "agent", "data": {"prompt": "p"}}
START, END = {"id": "s", "type": "start"}, {"id": "e", "type": "end"}


def edges(*pairs: str) -> list[dict[str, str]]:
    """``"ab"`` is an edge from a to b."""
    return [{"source": source, "target": target} for source, target in pairs]


# A graph for each row of the rule table, which must find it there with the severity of the table.
RULES: dict[str, tuple[str, list[dict[str, Any]], list[dict[str, str]]]] = {
    "MISSING_START_NODE": ("error", [AGENT, END], edges("ae")),
    "MULTIPLE_START_NODES": ("error", [START, {"id": "t", "type": "start"}, AGENT, END], edges("sa", "ta", "ae")),
    "MISSING_END_NODE": ("error", [START, AGENT], edges("sa")),
    "ORPHAN_NODE": ("error", [START, AGENT, END], edges("se")),
    "UNREACHABLE_END": ("error", [START, AGENT, END], edges("sa")),
    "CYCLE_DETECTED": ("error", [START, AGENT, {**AGENT, "id": "b"}, END], edges("sa", "ab", "ba", "be")),
    "DUPLICATE_NODE_ID": ("error", [START, AGENT, AGENT, END], edges("sa", "ae")),
    "EMPTY_PROMPT": ("warning", [START, {"id": "a", "type": "agent"}, END], edges("sa", "ae")),
    "UNUSED_EDGE": ("warning", [START, AGENT, END], edges("sa", "ae", "ax")),
}

NODE_REFERENCE: list[dict[str, Any]] = [
    {"id": "start", "type": "start", "position": {"x": 100, "y": 100}},
    {
        "id": "agent_1",
        "type": "agent",
        "position": {"x": 300, "y": 100},
        "data": {
            "name": "AssistantAgent",
            "prompt": "You are a helpful assistant...",
            "model": "gemini-2.5-flash",
            "tools": ["web_search", "calculator"],
            "temperature": 0.7,
        },
    },
    {
        "id": "router_1",
        "type": "router",
        "position": {"x": 500, "y": 100},
        "data": {
            "conditions": [
                {"label": "billing", "pattern": "billing|payment|invoice"},
                {"label": "technical", "pattern": "error|bug|issue"},
                {"label": "default", "pattern": ".*"},
            ]
        },
    },
    {
        "id": "tool_1",
        "type": "tool",
        "position": {"x": 700, "y": 100},
        "data": {"tool_name": "web_search", "arguments": {"query": "{{state.query}}", "max_results": 5}},
    },
    {
        "id": "human_1",
        "type": "human",
        "position": {"x": 900, "y": 100},
        "data": {
            "prompt": "Please review this response:",
            "timeout": 3600,
            "options": ["approve", "reject", "revise"],
        },
    },
    {"id": "end", "type": "end", "position": {"x": 1100, "y": 100}, "data": {"output": "state.messages[-1]"}},
]


def is_json(answer: Answer) -> bool:
    return answer.headers["Content-Type"].partition(";")[0] == "application/json"


async def test_health(call: Call, extension: Any) -> None:
    answer = await call("GET", "/api/builder/health")
    assert (answer.status, answer.json) == (200, {"status": "healthy", "version": "1.0.0"})
    assert is_json(answer)


async def test_create_workflow(call: Call, full_key: str) -> None:
    answer = await call("POST", WORKFLOWS, key=full_key, body=SUPPORT, headers={"Content-Type": "application/json"})
    assert answer.status == 201
    assert is_json(answer)
    made = answer.json
    assert set(made) == {
        "id", "name", "description", "version", "created_at", "updated_at", "created_by", "nodes", "edges", "metadata",
    }  # fmt: skip
    assert WORKFLOW_ID.fullmatch(made["id"])
    assert {name: made[name] for name in SUPPORT} == SUPPORT
    assert type(made["version"]) is int
    assert made["version"] == 1
    assert TIME.fullmatch(made["created_at"])
    assert made["updated_at"] == made["created_at"]
    assert made["created_by"] == "alice"
    assert answer.headers["ETag"] == '"1"'


async def test_list_workflows(call: Call, full_key: str, save: Callable[..., Awaitable[str]]) -> None:
    first = await save(name="Customer Support Agent", description="Multi-agent support workflow", metadata=TAGS)
    second = await save(name="Data Pipeline", description="ETL workflow", metadata={"tags": ["data"]})
    answer = await call("GET", WORKFLOWS, key=full_key, limit=10)
    assert answer.status == 200
    assert isinstance(answer.json, list)
    newest, oldest = answer.json
    for row in (newest, oldest):
        assert set(row) == {
            "id", "name", "description", "version", "created_at", "updated_at", "node_count", "tags",
        }  # fmt: skip
        assert TIME.fullmatch(row["created_at"])
        assert TIME.fullmatch(row["updated_at"])
        assert (type(row["version"]), type(row["node_count"])) == (int, int)
    named = ("id", "name", "description", "version", "node_count", "tags")
    assert [tuple(row[name] for name in named) for row in (newest, oldest)] == [
        (second, "Data Pipeline", "ETL workflow", 1, 3, ["data"]),
        (first, "Customer Support Agent", "Multi-agent support workflow", 1, 3, TAGS["tags"]),
    ]
    # A change makes a workflow the newest, with another version and another time.
    await call("PUT", f"{WORKFLOWS}/{first}", key=full_key, body={"nodes": SUPPORT["nodes"]})
    changed, rest = (await call("GET", WORKFLOWS, key=full_key, limit=10)).json
    assert rest == newest
    assert changed["updated_at"] > oldest["updated_at"]
    assert changed == oldest | {"version": 2, "updated_at": changed["updated_at"]}


async def test_get_workflow(call: Call, full_key: str, save: Callable[..., Awaitable[str]]) -> None:
    metadata = {**TAGS, "deployed": True, "deployed_at": "2025-12-05T14:00:00Z"}
    workflow_id = await save(SUPPORT, metadata=metadata)
    answer = await call("GET", f"{WORKFLOWS}/{workflow_id}", key=full_key)
    assert answer.status == 200
    found = answer.json
    assert set(found) == {
        "id", "name", "description", "version", "created_at", "updated_at", "created_by", "nodes", "edges", "metadata",
    }  # fmt: skip
    assert (found["id"], found["version"], found["created_by"]) == (workflow_id, 1, "alice")
    assert type(found["version"]) is int
    assert TIME.fullmatch(found["created_at"])
    assert TIME.fullmatch(found["updated_at"])
    assert {name: found[name] for name in SUPPORT} == SUPPORT
    assert found["metadata"] == metadata


async def test_metadata_is_there_when_none_was_sent(
    call: Call, full_key: str, save: Callable[..., Awaitable[str]]
) -> None:
    answer = await call("GET", f"{WORKFLOWS}/{await save()}", key=full_key)
    assert answer.json["metadata"] == {"tags": [], "deployed": False}


async def test_update_workflow(call: Call, full_key: str, save: Callable[..., Awaitable[str]]) -> None:
    workflow_id = await save(SUPPORT, metadata=TAGS)
    before = (await call("GET", f"{WORKFLOWS}/{workflow_id}", key=full_key)).json
    change = {"name": "Customer Support Agent v2", **START_AGENT_END}
    answer = await call("PUT", f"{WORKFLOWS}/{workflow_id}", key=full_key, body=change)
    assert answer.status == 200
    assert set(answer.json) == {"id", "name", "version", "updated_at"}
    assert answer.json["id"] == workflow_id
    assert answer.json["name"] == "Customer Support Agent v2"
    assert answer.json["version"] == 2
    assert TIME.fullmatch(answer.json["updated_at"])
    after = (await call("GET", f"{WORKFLOWS}/{workflow_id}", key=full_key)).json
    assert after == before | {
        "name": "Customer Support Agent v2",
        "version": 2,
        "updated_at": answer.json["updated_at"],
    }


async def test_delete_workflow(call: Call, full_key: str, save: Callable[..., Awaitable[str]]) -> None:
    workflow_id = await save()
    answer = await call("DELETE", f"{WORKFLOWS}/{workflow_id}", key=full_key)
    assert (answer.status, answer.json) == (200, {"message": "Workflow deleted successfully"})
    assert (await call("GET", f"{WORKFLOWS}/{workflow_id}", key=full_key)).status == 404
    assert (await call("GET", WORKFLOWS, key=full_key)).json == []


async def test_validate_valid(call: Call, full_key: str) -> None:
    graph = {
        "nodes": [
            {"id": "start", "type": "start"},
            {"id": "agent", "type": "agent", "data": {"name": "Test"}},
            {"id": "end", "type": "end"},
        ],
        "edges": [{"source": "start", "target": "agent"}, {"source": "agent", "target": "end"}],
    }
    answer = await call("POST", "/api/builder/validate", key=full_key, body=graph)
    assert answer.status == 200
    assert (answer.json["valid"], answer.json["errors"]) == (True, [])
    # The page contradicts itself: its sample shows no warning, its rule table warns of an agent without a prompt.
    assert [finding["type"] for finding in answer.json["warnings"]] == ["EMPTY_PROMPT"]
    graph["nodes"][1]["data"] = {"name": "Test", "prompt": "Be brief."}
    answer = await call("POST", "/api/builder/validate", key=full_key, body=graph)
    assert answer.json == {"valid": True, "errors": [], "warnings": []}


async def test_validate_invalid(call: Call, full_key: str) -> None:
    graph = {
        "nodes": [
            {"id": "start", "type": "start"},
            {"id": "agent_2", "type": "agent", "data": {"name": "Test"}},
            {"id": "agent_3", "type": "agent", "data": {"name": "Test", "prompt": "p"}},
        ],
        "edges": [{"source": "start", "target": "agent_2"}],
    }
    answer = await call("POST", "/api/builder/validate", key=full_key, body=graph)
    assert answer.status == 200
    verdict = answer.json
    assert set(verdict) == {"valid", "errors", "warnings"}
    assert verdict["valid"] is False
    missing_end, orphan = verdict["errors"]
    assert set(missing_end) == {"type", "message", "severity"}
    assert (missing_end["type"], missing_end["severity"]) == ("MISSING_END_NODE", "error")
    assert set(orphan) == {"type", "message", "node_id", "severity"}
    assert (orphan["type"], orphan["node_id"], orphan["severity"]) == ("ORPHAN_NODE", "agent_3", "error")
    assert "agent_3" in orphan["message"]
    empty = next(finding for finding in verdict["warnings"] if finding["type"] == "EMPTY_PROMPT")
    assert set(empty) == {"type", "message", "node_id", "severity"}
    assert (empty["node_id"], empty["severity"]) == ("agent_2", "warning")


async def test_fixes_come_on_request_only(call: Call, full_key: str) -> None:
    graph = {"nodes": [START, AGENT], "edges": edges("sa")}
    plain = (await call("POST", "/api/builder/validate", key=full_key, body=graph)).json
    asked = (await call("POST", "/api/builder/validate?fixes=true", key=full_key, body=graph)).json
    assert (await call("POST", "/api/builder/validate?fixes=false", key=full_key, body=graph)).json == plain
    [missing] = asked["errors"]
    changes = [
        {"op": "add_node", "node": {"id": "end", "type": "end"}},
        {"op": "add_edge", "edge": {"source": "a", "target": "end"}},
    ]
    assert missing.pop("fixes") == [{"title": "Add an end node after 'a'", "changes": changes}]
    assert [missing] == plain["errors"]
    assert [finding["fixes"] for finding in asked["warnings"]] == [[]]
    refused = await call("POST", "/api/builder/validate?fixes=perhaps", key=full_key, body=graph)
    assert (refused.status, refused.json["code"], refused.json["details"][0]["field"]) == (
        400,
        "INVALID_WORKFLOW",
        "fixes",
    )


@pytest.mark.parametrize("rule", RULES)
async def test_validation_rule(rule: str, call: Call, full_key: str) -> None:
    severity, nodes, wires = RULES[rule]
    answer = await call("POST", "/api/builder/validate", key=full_key, body={"nodes": nodes, "edges": wires})
    found = [finding for finding in answer.json[f"{severity}s"] if finding["type"] == rule]
    assert [finding["severity"] for finding in found] == [severity]
    assert answer.json["valid"] is (severity == "warning")


async def test_every_node_of_the_reference_is_kept_as_sent(call: Call, full_key: str) -> None:
    ids = [node["id"] for node in NODE_REFERENCE]
    wires = [{"id": f"e{i}", "source": a, "target": b} for i, (a, b) in enumerate(itertools.pairwise(ids))]
    # A single edge out of the router and the human is enough: both have one that is taken whatever happens.
    body = {"name": "All types", "nodes": NODE_REFERENCE, "edges": wires}
    made = await call("POST", WORKFLOWS, key=full_key, body=body)
    assert made.status == 201
    found = await call("GET", f"{WORKFLOWS}/{made.json['id']}", key=full_key)
    assert found.json["nodes"] == NODE_REFERENCE
    assert found.json["edges"] == wires


# -- errors ---------------------------------------------------------------------------------------------------------


async def test_bad_request(call: Call, full_key: str) -> None:
    answer = await call("POST", WORKFLOWS, key=full_key, body={"name": "Empty", "nodes": [], "edges": []})
    assert answer.status == 400
    assert answer.json == {
        "error": "bad_request",
        "message": "Invalid workflow definition",
        "details": [{"field": "nodes", "error": "must not be empty"}],
        "code": "INVALID_WORKFLOW",
    }


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer builder_wrong"}, {"Authorization": "Bearer eyJ.e.s"}]
)
async def test_unauthorized(headers: dict[str, str], call: Call, extension: Any) -> None:
    answer = await call("GET", WORKFLOWS, headers=headers)
    assert answer.status == 401
    assert answer.json == {
        "error": "unauthorized",
        "message": "Invalid or expired token",
        "code": "AUTH_INVALID_TOKEN",
    }
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_forbidden(call: Call, make_key: Callable[..., str], save: Callable[..., Awaitable[str]]) -> None:
    reader = make_key("read:canvases")
    answer = await call("PUT", f"{WORKFLOWS}/{await save()}", key=reader, body={"name": "Mine now"})
    assert answer.status == 403
    assert {name: answer.json[name] for name in ("error", "code")} == {
        "error": "forbidden",
        "code": "AUTH_ACCESS_DENIED",
    }
    assert "write:canvas" in answer.json["message"]
    assert set(answer.json) == {"error", "message", "code", "details"}
    assert answer.json["details"] == {"requiredScopes": ["write:canvas"]}


async def test_not_found(call: Call, full_key: str, foreign_key: str, save: Callable[..., Awaitable[str]]) -> None:
    # Somebody else's looks just like none at all.
    unknown = await call("GET", f"{WORKFLOWS}/wf_abc123def456", key=full_key)
    foreign = await call("GET", f"{WORKFLOWS}/{await save()}", key=foreign_key)
    for answer in (unknown, foreign):
        assert answer.status == 404
        assert answer.json == {
            "error": "not_found",
            "message": "Workflow not found",
            "code": "WORKFLOW_NOT_FOUND",
        }


async def test_unprocessable(call: Call, full_key: str) -> None:
    body = {"name": "No end", "nodes": START_AGENT_END["nodes"][:2], "edges": START_AGENT_END["edges"][:1]}
    answer = await call("POST", WORKFLOWS, key=full_key, body=body)
    assert answer.status == 422
    assert set(answer.json) == {"error", "message", "details", "code"}
    assert answer.json["error"] == "validation_error"
    assert answer.json["message"] == "Workflow validation failed"
    assert answer.json["code"] == "VALIDATION_FAILED"
    assert answer.json["details"]["valid"] is False
    verdict = await call("POST", "/api/builder/validate", key=full_key, body=body)
    assert answer.json["details"] == verdict.json
