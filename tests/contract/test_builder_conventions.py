"""What the Builder API takes from clients of other habits, and what it ignores. Source: spec §0.1, §1, §2.1."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from server import START_AGENT_END, Answer, Call

Save = Callable[..., Awaitable[str]]

WORKFLOWS, VALIDATE = "/api/builder/workflows", "/api/builder/validate"
NO_START = {"nodes": START_AGENT_END["nodes"][1:], "edges": START_AGENT_END["edges"][1:]}
OLD_ENDS = [{"from": "start", "to": "agent", "condition": "x"}, {"from": "agent", "to": "end", "label": "y"}]


def found(answer: Answer) -> list[str]:
    """The types of all findings, errors first."""
    assert answer.status == 200, answer.text
    return [finding["type"] for finding in answer.json["errors"] + answer.json["warnings"]]


async def test_a_graph_under_workflow_is_judged_like_a_flat_one(call: Call, full_key: str) -> None:
    for graph in (START_AGENT_END, NO_START):
        flat = await call("POST", VALIDATE, key=full_key, body=graph)
        wrapped = await call("POST", VALIDATE, key=full_key, body={"workflow": graph})
        assert flat.json == wrapped.json
        assert flat.json["valid"] is (graph is START_AGENT_END)


async def test_from_and_to_are_taken_and_source_and_target_given(call: Call, full_key: str) -> None:
    body = {"name": "old", "nodes": START_AGENT_END["nodes"], "edges": OLD_ENDS}
    made = await call("POST", WORKFLOWS, key=full_key, body=body)
    assert made.status == 201, made.text
    assert [{name: value for name, value in edge.items() if name != "id"} for edge in made.json["edges"]] == [
        {"source": "start", "target": "agent", "condition": "x"},
        {"source": "agent", "target": "end", "label": "y"},
    ]
    assert found(await call("POST", VALIDATE, key=full_key, body=body)) == []


@pytest.mark.parametrize("type_name", ["llm", "conditional", "approval", "custom", "Agent", "AGENT", "agent "])
async def test_only_the_types_of_the_page_are_known(type_name: str, call: Call, full_key: str) -> None:
    start, agent, end = START_AGENT_END["nodes"]
    graph = {"nodes": [start, {**agent, "type": type_name}, end], "edges": START_AGENT_END["edges"]}
    assert found(await call("POST", VALIDATE, key=full_key, body=graph)) == ["UNKNOWN_NODE_TYPE"]


async def test_the_entry_is_the_start_node_and_no_field(call: Call, full_key: str) -> None:
    answer = await call("POST", VALIDATE, key=full_key, body={**NO_START, "entry_point": "agent"})
    assert found(answer) == ["MISSING_START_NODE"]


async def test_any_number_of_ends_is_fine(call: Call, full_key: str) -> None:
    ends = [{"id": f"end{n}", "type": "end"} for n in range(5)]
    wires = [{"source": "agent", "target": end["id"]} for end in ends]
    graph = {"nodes": START_AGENT_END["nodes"] + ends, "edges": START_AGENT_END["edges"] + wires}
    assert found(await call("POST", VALIDATE, key=full_key, body=graph)) == []


async def test_nothing_at_all_is_judged_and_not_saved(call: Call, full_key: str) -> None:
    empty: dict[str, Any] = {"nodes": [], "edges": []}
    answer = await call("POST", VALIDATE, key=full_key, body=empty)
    assert found(answer) == ["MISSING_START_NODE", "MISSING_END_NODE"]
    assert (await call("POST", WORKFLOWS, key=full_key, body={"name": "x", **empty})).status == 400


async def test_the_fields_of_a_workflow_and_their_defaults(call: Call, full_key: str) -> None:
    nodes = [{"id": node["id"], "type": node["type"], "own": [1, None]} for node in START_AGENT_END["nodes"]]
    wires = [
        {"source": "start", "target": "agent", "own": {"x": 1}},
        {"id": "mine", "source": "agent", "target": "end"},
    ]
    metadata = {"environment": "staging", "own": {"deep": [1]}}
    body = {"name": "x", "nodes": nodes, "edges": wires, "metadata": metadata, "colour": "red"}
    made = (await call("POST", WORKFLOWS, key=full_key, body=body)).json
    assert "colour" not in made
    assert (made["description"], made["nodes"]) == ("", nodes)
    assert made["edges"][1] == wires[1]
    assert made["edges"][0].items() >= wires[0].items()
    assert made["metadata"] == {"tags": [], "deployed": False, **metadata}


async def test_methods_that_a_path_does_not_have(call: Call, full_key: str, save: Save) -> None:
    for method, path in (("PUT", WORKFLOWS), ("POST", f"{WORKFLOWS}/{await save()}"), ("GET", VALIDATE)):
        answer = await call(method, path, key=full_key)
        assert answer.status == 405
        assert set(answer.json) == {"error", "message", "code"}
        assert (answer.json["error"], answer.json["code"]) == ("method_not_allowed", "METHOD_NOT_ALLOWED")


async def test_an_update_sets_nothing_that_is_the_servers(call: Call, full_key: str, save: Save) -> None:
    path = f"{WORKFLOWS}/{await save()}"
    before = (await call("GET", path, key=full_key)).json
    theirs = {"id": "wf_000000000000", "version": 9, "created_at": "x", "updated_at": 1, "created_by": "root"}
    answer = await call("PUT", path, key=full_key, body={"description": "new", **theirs})
    assert answer.status == 200
    after = (await call("GET", path, key=full_key)).json
    changed = {"description": "new", "version": 2, "updated_at": answer.json["updated_at"]}
    assert after == before | changed


@pytest.mark.parametrize("media_type", [None, "application/json", "application/json; charset=utf-8"])
async def test_a_body_is_json_whatever_it_is_called(media_type: str | None, server_url: str, full_key: str) -> None:
    def send() -> tuple[int, str, Any]:
        url = urlsplit(server_url)
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=30)
        headers = {"Authorization": f"Bearer {full_key}"} | ({"Content-Type": media_type} if media_type else {})
        connection.request("POST", url.path + VALIDATE, json.dumps(START_AGENT_END).encode(), headers)
        response = connection.getresponse()
        read = response.status, response.headers["Content-Type"], json.loads(response.read())
        connection.close()
        return read

    status, answered, verdict = await asyncio.to_thread(send)
    assert (status, verdict) == (200, {"valid": True, "errors": [], "warnings": []})
    assert answered.lower().replace(" ", "") in {"application/json", "application/json;charset=utf-8"}
