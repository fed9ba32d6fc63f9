"""``POST /api/builder/import``. Source: spec langgraph-builder §7."""

from __future__ import annotations

from typing import Any

import pytest
from server import START_AGENT_END, Call

from builder_jupyter.codegen.generate import generate
from builder_jupyter.graph.model import Workflow

IMPORT = "/api/builder/import"
CODE = '''\
"""Answers tickets."""
from langgraph.graph import END, START, StateGraph

def answer(state):
    return {"messages": [llm.invoke(state["messages"])]}

def create_ticket_agent():
    graph = StateGraph(State)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    graph.add_edge("answer", "ghost")
    return graph.compile()
'''


async def test_code_becomes_a_workflow(call: Call, full_key: str) -> None:
    answer = await call("POST", IMPORT, key=full_key, body={"code": CODE})
    assert answer.status == 200
    assert set(answer.json) == {"workflow", "validation", "message", "report"}
    assert answer.json["message"] == "Code imported successfully"
    workflow = answer.json["workflow"]
    assert (workflow["name"], workflow["description"]) == ("ticket", "Answers tickets.")
    assert workflow["nodes"] == [
        {"id": "start", "type": "start", "position": {"x": 600, "y": 50}},
        {"id": "answer", "type": "agent", "position": {"x": 600, "y": 200}, "data": {"name": "answer"}},
        {"id": "end", "type": "end", "position": {"x": 600, "y": 350}},
    ]
    assert workflow["edges"] == [{"source": "start", "target": "answer"}, {"source": "answer", "target": "end"}]
    assert answer.json["validation"]["valid"] is True
    assert [finding["type"] for finding in answer.json["validation"]["warnings"]] == ["EMPTY_PROMPT"]
    by_what = {note["what"]: note for note in answer.json["report"]}
    assert set(by_what) == {"model", "ghost"}
    assert set(by_what["ghost"]) == {"line", "what", "why"}
    assert by_what["ghost"]["line"] == 12


async def test_what_is_imported_can_be_saved(call: Call, full_key: str) -> None:
    imported = (await call("POST", IMPORT, key=full_key, body={"code": CODE})).json["workflow"]
    saved = await call("POST", "/api/builder/workflows", key=full_key, body=imported)
    assert saved.status == 201
    assert saved.json["nodes"] == imported["nodes"]


async def test_nothing_is_saved_by_importing(call: Call, full_key: str) -> None:
    await call("POST", IMPORT, key=full_key, body={"code": CODE})
    assert (await call("GET", "/api/builder/workflows", key=full_key)).json == []


async def test_generated_code_comes_back(call: Call, full_key: str) -> None:
    workflow = Workflow.from_dict({"name": "Support", **START_AGENT_END})
    answer = await call("POST", IMPORT, key=full_key, body={"code": generate(workflow).code})
    assert answer.json["workflow"] == workflow.to_dict()
    assert answer.json["report"] == []


@pytest.mark.parametrize("layout", ["hierarchical", "force", "grid"])
async def test_layouts(call: Call, full_key: str, layout: str) -> None:
    answer = await call("POST", IMPORT, key=full_key, body={"code": CODE, "layout": layout})
    assert all(set(node["position"]) == {"x", "y"} for node in answer.json["workflow"]["nodes"])


async def test_code_without_a_graph_is_an_empty_workflow(call: Call, full_key: str) -> None:
    answer = await call("POST", IMPORT, key=full_key, body={"code": "x = 1\n", "layout": "force"})
    assert answer.status == 200
    assert answer.json["workflow"]["nodes"] == []
    assert answer.json["validation"]["valid"] is False
    assert answer.json["report"][0]["why"].startswith("No graph is built here")


BAD: dict[str, tuple[Any, str]] = {
    "a syntax error": ({"code": "def :"}, "code"),
    "NUL": ({"code": "x\0"}, "code"),
    "no text": ({"code": 5}, "code"),
    "no code": ({}, "code"),
    "deep nesting": ({"code": "-" * 50_000 + "1"}, "code"),
    "another layout": ({"code": "x = 1", "layout": "circle"}, "layout"),
    "no object": ([], "body"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD)
async def test_what_cannot_be_read_is_a_bad_request(call: Call, full_key: str, body: Any, field: str) -> None:
    answer = await call("POST", IMPORT, key=full_key, body=body)
    assert answer.status == 400
    assert answer.json["error"] == "bad_request"
    assert [fault["field"] for fault in answer.json["details"]] == [field]


async def test_nobody_imports_without_a_key(call: Call, extension: Any) -> None:
    assert (await call("POST", IMPORT, body={"code": CODE})).status == 401
