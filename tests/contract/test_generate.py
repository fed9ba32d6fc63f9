"""Code generation over REST: the example of the page "Builder API", options, and its errors."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from server import Call

GENERATE = "/api/builder/generate"
SUPPORT: dict[str, Any] = {
    "name": "CustomerSupport",
    "nodes": [
        {"id": "start", "type": "start"},
        {"id": "agent", "type": "agent", "data": {"name": "Support", "prompt": "You are helpful"}},
        {"id": "end", "type": "end"},
    ],
    "edges": [{"source": "start", "target": "agent"}, {"source": "agent", "target": "end"}],
    "options": {"include_types": True, "include_docstrings": True},
}


async def test_generate(call: Call, full_key: str) -> None:
    answer = await call("POST", GENERATE, key=full_key, body=SUPPORT)
    assert answer.status == 200
    assert set(answer.json) == {"code", "filename", "language", "dependencies"}
    assert answer.json["filename"] == "customer_support.py"
    assert answer.json["language"] == "python"
    assert answer.json["dependencies"][:2] == ["langgraph>=1.0.0", "langchain-core>=0.3.0"]
    lines = answer.json["code"].splitlines()
    for line in (
        "Generated workflow: CustomerSupport", "class AgentState(TypedDict):", '    """Support agent node."""',
        "workflow = StateGraph(AgentState)", 'workflow.add_node("support", support)',
        'workflow.add_edge(START, "support")', 'workflow.add_edge("support", END)', "app = workflow.compile()",
    ):  # fmt: skip
        assert line in lines


async def test_code_without_tools_imports_none_and_is_whole(call: Call, full_key: str) -> None:
    answer = await call("POST", GENERATE, key=full_key, body={**SUPPORT, "options": {"include_mcp_tools": True}})
    code = answer.json["code"]
    assert "mcp" not in code.lower()
    assert answer.json["dependencies"] == ["langgraph>=1.0.0", "langchain-core>=0.3.0", "langchain>=1.0.0"]
    assert code.endswith("\n")
    assert not code.endswith("\n\n")
    assert [line for line in code.splitlines() if line != line.rstrip()] == []


async def test_the_same_request_gives_the_same_bytes(call: Call, full_key: str) -> None:
    first = await call("POST", GENERATE, key=full_key, body=SUPPORT)
    again = await call("POST", GENERATE, key=full_key, body=SUPPORT)
    assert first.json == again.json


async def test_a_graph_under_workflow_and_unknown_options_are_read(call: Call, full_key: str) -> None:
    graph = {name: SUPPORT[name] for name in ("name", "nodes", "edges")}
    body = {"workflow": graph, "options": {"async_mode": True, "output_format": False}}
    answer = await call("POST", GENERATE, key=full_key, body=body)
    assert answer.status == 200
    assert "async def support(" in answer.json["code"]


async def test_without_a_name(call: Call, full_key: str) -> None:
    body = {name: SUPPORT[name] for name in ("nodes", "edges")}
    answer = await call("POST", GENERATE, key=full_key, body=body)
    assert answer.json["filename"] == "workflow.py"


async def test_tools_on_offer_are_described(call: Call, full_key: str) -> None:
    nodes = [*SUPPORT["nodes"]]
    nodes[1] = {"id": "agent", "type": "agent", "data": {"prompt": "p", "tools": ["web_search", "mine"]}}
    answer = await call("POST", GENERATE, key=full_key, body={**SUPPORT, "nodes": nodes})
    tools = next(
        ast.literal_eval(one.value)
        for one in ast.parse(answer.json["code"]).body
        if isinstance(one, ast.Assign) and one.targets[0].id == "TOOLS"
    )
    assert tools["web_search"]["parameters"]["required"] == ["query"]
    assert tools["mine"]["name"] == "mine"
    assert answer.json["dependencies"][2:] == ["langchain>=1.0.0", "langchain-mcp-adapters>=0.1.0"]


async def test_an_invalid_graph(call: Call, full_key: str) -> None:
    answer = await call("POST", GENERATE, key=full_key, body={**SUPPORT, "edges": SUPPORT["edges"][:1]})
    assert answer.status == 422
    assert answer.json["error"] == "validation_error"
    assert answer.json["code"] == "VALIDATION_FAILED"
    assert answer.json["message"].startswith("Workflow validation failed")
    assert answer.json["details"]["valid"] is False
    assert [one["type"] for one in answer.json["details"]["errors"]] == ["UNREACHABLE_END"]


async def test_duplicate_ids_are_refused(call: Call, full_key: str) -> None:
    body = {**SUPPORT, "nodes": [*SUPPORT["nodes"], SUPPORT["nodes"][1]]}
    answer = await call("POST", GENERATE, key=full_key, body=body)
    assert answer.status == 422
    assert answer.json["details"]["errors"][0]["type"] == "DUPLICATE_NODE_ID"


async def test_a_node_without_a_counterpart(call: Call, full_key: str) -> None:
    nodes = [*SUPPORT["nodes"]]
    nodes[1] = {"id": "agent", "type": "python", "data": {"code": "1"}}
    answer = await call("POST", GENERATE, key=full_key, body={**SUPPORT, "nodes": nodes})
    assert (answer.status, answer.json["code"]) == (422, "NOT_EXPORTABLE")
    assert answer.json["details"] == {"node_ids": ["agent"]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"options": {"async_mode": "yes"}}, "options.async_mode"),
        ({"options": {"include_types": 1}}, "options.include_types"),
        ({"options": {"checkpoint_config": None}}, "options.checkpoint_config"), ({"options": []}, "options"),
        ({"name": 5}, "name"), ({"name": " "}, "name"), ({"nodes": None}, "nodes"), ({"edges": {}}, "edges"),
        ({"description": []}, "description"),
    ],
)  # fmt: skip
async def test_faults_name_their_field(call: Call, full_key: str, change: dict[str, Any], field: str) -> None:
    answer = await call("POST", GENERATE, key=full_key, body={**SUPPORT, **change})
    assert answer.status == 400
    assert (answer.json["error"], answer.json["code"]) == ("bad_request", "INVALID_WORKFLOW")
    assert [fault["field"] for fault in answer.json["details"]] == [field]


@pytest.mark.parametrize("body", ["", "null", "[]", '"x"', "{", "nonsense"])
async def test_a_body_that_is_none(call: Call, full_key: str, body: str) -> None:
    answer = await call("POST", GENERATE, key=full_key, body=body)
    assert answer.status == 400
    assert (answer.json["error"], answer.json["code"]) == ("bad_request", "INVALID_WORKFLOW")
    assert [fault["field"] for fault in answer.json["details"]] == ["body"]


async def test_nobody_may_generate_without_a_credential(call: Call) -> None:
    answer = await call("POST", GENERATE, body=SUPPORT)
    assert (answer.status, answer.json["code"]) == (401, "AUTH_INVALID_TOKEN")
