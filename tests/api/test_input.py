"""What comes in: hostile, wrong, at the limit, and unusual but right."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from server import CANVAS, START_AGENT_END, Call

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest
from builder_jupyter.rest.handler import MAX_BODY_BYTES

Save = Callable[..., Awaitable[str]]

WORKFLOWS = "/api/builder/workflows"
BODIES = [
    ("POST", WORKFLOWS),
    ("PUT", f"{WORKFLOWS}/ID"),
    ("POST", "/api/builder/validate"),
    ("POST", "/api/builder/keys"),
    ("POST", "/api/run"),
]
NOT_OBJECTS = {
    "empty": b"",
    "blank": b" \n",
    "null": b"null",
    "list": b"[]",
    "text": b'"nodes"',
    "number": b"1",
    "cut off": b'{"name": "x"',
    "two values": b"{}{}",
    "single quotes": b"{'name': 'x'}",
    "not UTF-8": b'{"name": "\xff"}',
    "huge integer": b"9" * 5000,
    "deep": b"[" * 200_000,
    "form": b"name=x&nodes=1",
}
# Inside a value that each route would otherwise keep.
NOT_VALUES = {
    "NaN": b"NaN",
    "infinity": b"-Infinity",
    "beyond double": b"1e999",
    "nested 101 deep": b'{"a":' * 101 + b"1" + b"}" * 101,
    "nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "lone surrogate": rb'"\ud800"',
    "lone surrogate as key": rb'{"\udfff": 1}',
    "integer of 5,000 digits": b"9" * 5000,
}
HOSTILE = {
    "unicode": "naïve 日本語 🧪 \u202eright to left",
    "control": "a\x00b\x1b[31m\x7f\r\n\t",
    "markup": "<script>alert(1)</script> &amp; </textarea>",
    "sql": "'; DROP TABLE workflows; --",
    "template": "{{state.query}} ${HOME} %s {0} {{{{",
    "long": "x" * 255,
    "combining": "e\u0301 is not \u00e9",
    "nonchars": "\ufffe\uffff\U0010ffff",
}


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_bodies_that_are_no_object(method: str, path: str, call: Call, full_key: str, save: Save) -> None:
    path = path.replace("ID", await save())
    for name, raw in NOT_OBJECTS.items():
        answer = await call(method, path, key=full_key, raw=raw)
        assert answer.status == 400, (name, answer.text)
        assert answer.json["details"][0]["field"] == "body", name
    too_large = b'{"name": "' + b"x" * MAX_BODY_BYTES + b'"}'
    answer = await call(method, path, key=full_key, raw=too_large)
    assert (answer.status, answer.json["code"].lower()) == (413, "payload_too_large")


async def test_values_that_are_no_json(call: Call, full_key: str, save: Save) -> None:
    canvas = await save(CANVAS)
    graph = json.dumps(START_AGENT_END)[1:-1].encode()
    around = {
        ("POST", WORKFLOWS): b'{"name": "x", %b, "metadata": {"odd": VALUE}}' % graph,
        ("PUT", f"{WORKFLOWS}/{canvas}"): b'{"metadata": {"odd": VALUE}}',
        ("POST", "/api/builder/validate"): b'{%b, "odd": VALUE}' % graph,
        ("POST", "/api/builder/keys"): b'{"name": "x", "odd": VALUE}',
        ("POST", "/api/run"): b'{"canvasId": "%b", "triggerNodeId": "topic", "inputs": {"topic": VALUE}}'
        % canvas.encode(),
    }
    for (method, path), template in around.items():
        for name, value in NOT_VALUES.items():
            answer = await call(method, path, key=full_key, raw=template.replace(b"VALUE", value))
            assert answer.status == 400, (path, name, answer.text)
    assert len((await call("GET", WORKFLOWS, key=full_key)).json) == 1, "something was saved all the same"


async def test_numbers_are_kept_to_the_last_digit(call: Call, full_key: str, save: Save) -> None:
    odd = {"int": 2**64 + 1, "long": 10**400, "float": 0.1 + 0.2, "minus zero": -0.0, "big": 1.7976931348623157e308}
    workflow_id = await save(metadata=odd)
    found = await call("GET", f"{WORKFLOWS}/{workflow_id}", key=full_key)
    kept = {name: found.json["metadata"][name] for name in odd}
    assert json.dumps(kept) == json.dumps(odd)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_texts_come_back_as_sent(text: str, call: Call, full_key: str) -> None:
    nodes = [
        {"id": text, "type": "start", text: text},
        {"id": "a", "type": "agent", "data": {"prompt": text, text: [text]}},
        {"id": "end", "type": "end"},
    ]
    wires = [{"source": text, "target": "a", "label": text, "id": text}, {"source": "a", "target": "end", "id": "e"}]
    sent = {
        "name": text,
        "description": text,
        "nodes": nodes,
        "edges": wires,
        "metadata": {"tags": [text[:64]], text: {text: text}},
    }
    made = await call("POST", WORKFLOWS, key=full_key, body=sent | {"message": text})
    assert made.status == 201, made.text
    found = (await call("GET", f"{WORKFLOWS}/{made.json['id']}", key=full_key)).json
    assert {name: found[name] for name in sent} == sent | {"metadata": {"deployed": False, **sent["metadata"]}}
    for query in ({"name": text}, {"tag": text[:64]}):
        listed = await call("GET", WORKFLOWS, key=full_key, **query)
        assert [row["name"] for row in listed.json] == [text], query
    run = {"canvasId": found["id"], "triggerNodeId": text, "inputs": {text: text, "query": text}, "sync": True}
    done = await call("POST", "/api/run", key=full_key, body=run)
    assert (done.status, done.json["status"], done.json["inputs"]) == (200, "completed", run["inputs"])


@pytest.mark.parametrize(
    "path",
    [
        "/api/builder/workflows/%ff",
        "/api/builder/workflows/%00",
        "/api/builder/workflows/%2e%2e%2f%2e%2e",
        "/api/builder/workflows/%ED%A0%80",
        "/api/builder/workflows/'%20OR%201=1--",
        "/api/builder/workflows/%2e%2e",
        "/api/builder/workflows/..",
        "/api/builder/../builder/workflows/wf_0",
        "/api/builder/workflows/%252e%252e%252f",
        "/api/builder/workflows/a%2Fversions%2F1",
        "/api/builder/workflows//versions",
        "/api/builder/workflows/%20/versions",
        "/api/builder/workflows/wf_0;x=1/versions/%00",
        "/api/builder/workflows/" + "x" * 30_000,
        "/api/builder/workflows/" + "x" * 30_000 + "/versions/1",
        "/api/builder/templates/" + "%F0%9F%A7%AA" * 2_000,
        "/api/builder/executions/%00",
        "/api/builder/executions/%ff/events",
        "/api/executions?executionId=%ff%00",
        "/api/builder/workflows?name=%ff%ED%A0%80&tag=%00",
    ],
)
async def test_odd_urls(path: str, call: Call, full_key: str) -> None:
    answer = await call("GET", path, key=full_key)
    assert answer.status in {200, 400, 404}
    assert answer.json == [] if answer.status == 200 else answer.json["error"]


# -- workflows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "nodes", "edges"}),
        ({"name": "", "nodes": [], "edges": []}, {"name", "nodes"}),
        ({"name": " \n", **START_AGENT_END}, {"name"}),
        ({"name": "x" * 256, **START_AGENT_END}, {"name"}),
        ({"name": 1, "description": None, "nodes": {}, "edges": "e"}, {"name", "description", "nodes", "edges"}),
        ({"name": "x", "nodes": [1, None], "edges": [[]]}, {"nodes[0]", "nodes[1]", "edges[0]"}),
        ({"name": "x", "nodes": [{}], "edges": []}, {"nodes[0].id", "nodes[0].type"}),
        ({"name": "x", "nodes": [], "edges": [{}]}, {"nodes", "edges[0].source", "edges[0].target"}),
        ({"name": "x", "nodes": [{"id": "", "type": 7}], "edges": []}, {"nodes[0].id", "nodes[0].type"}),
        (
            {"name": "x", "nodes": [{"id": "a", "type": "agent", "data": [], "position": 1}], "edges": []},
            {"nodes[0].data", "nodes[0].position"},
        ),
        (
            {"name": "x", "nodes": [{"id": "a", "type": "agent", "data": {"prompt": 1, "model": 2}}], "edges": []},
            {"nodes[0].data.prompt", "nodes[0].data.model"},
        ),
        ({"name": "x", **START_AGENT_END, "metadata": []}, {"metadata"}),
        ({"name": "x", **START_AGENT_END, "metadata": {"tags": ["x" * 65]}}, {"metadata.tags[0]"}),
        ({"name": "x", **START_AGENT_END, "metadata": {"tags": ["t"] * 51}}, {"metadata.tags"}),
        ({"name": "x", **START_AGENT_END, "message": 1}, {"message"}),
        ({"name": "x", **START_AGENT_END, "draft": "yes"}, {"draft"}),
        ({"name": "x", **START_AGENT_END, "dialect": "klingon"}, {"dialect"}),
        ({"name": "x", **START_AGENT_END, "dialect": ["builder"]}, {"dialect"}),
    ],
)  # fmt: skip
async def test_every_fault_is_reported(body: dict[str, Any], fields: set[str], call: Call, full_key: str) -> None:
    answer = await call("POST", WORKFLOWS, key=full_key, body=body)
    assert answer.status == 400
    assert {fault["field"] for fault in answer.json["details"]} == fields
    assert answer.json["code"] == "INVALID_WORKFLOW"
    if "name" in body and fields <= set(body):
        update = await call("PUT", f"{WORKFLOWS}/wf_0", key=full_key, body=body)
        assert update.status == 404, "whether it exists comes before what is in the body"


async def test_what_a_client_may_not_set_is_ignored(call: Call, full_key: str) -> None:
    theirs = {"id": "wf_000000000000", "version": 9, "created_at": "x", "updated_at": 1, "created_by": "root"}
    made = await call("POST", WORKFLOWS, key=full_key, body={"name": "x", **START_AGENT_END, **theirs})
    assert made.status == 201
    assert all(made.json[name] != value for name, value in theirs.items())


async def test_size_limits(call: Call, full_key: str) -> None:
    def chain(n: int) -> dict[str, Any]:
        ids = ["s", *(f"a{i}" for i in range(n - 2)), "e"]
        nodes = [{"id": node_id, "type": "agent", "data": {"prompt": "p"}} for node_id in ids]
        nodes[0], nodes[-1] = {"id": "s", "type": "start"}, {"id": "e", "type": "end"}
        wires = [{"source": a, "target": b} for a, b in zip(ids, ids[1:], strict=False)]  # noqa: RUF007
        return {"nodes": nodes, "edges": wires}

    most, more = chain(5_000), chain(5_001)
    made = await call("POST", WORKFLOWS, key=full_key, body={"name": "x", **most})
    assert made.status == 201, made.text[:300]
    assert (await call("POST", "/api/builder/validate", key=full_key, body=most)).json["valid"] is True
    for method, path in (
        ("POST", WORKFLOWS),
        ("PUT", f"{WORKFLOWS}/{made.json['id']}"),
        ("POST", "/api/builder/validate"),
    ):
        answer = await call(method, path, key=full_key, body={"name": "x", **more})
        assert (answer.status, answer.json["error"], answer.json["code"]) == (413, "too_large", "PAYLOAD_TOO_LARGE")


async def test_unknown_node_types_are_no_workflow(call: Call, full_key: str) -> None:
    nodes = [{"id": "s", "type": "Start"}, *START_AGENT_END["nodes"]]
    body = {"name": "x", "nodes": nodes, "edges": START_AGENT_END["edges"]}
    answer = await call("POST", WORKFLOWS, key=full_key, body=body)
    assert answer.status == 422
    assert "UNKNOWN_NODE_TYPE" in {finding["type"] for finding in answer.json["details"]["errors"]}


async def test_drafts(call: Call, full_key: str, save: Save) -> None:
    unfinished = {"nodes": START_AGENT_END["nodes"][:2], "edges": []}
    made = await call("POST", WORKFLOWS, key=full_key, body={"name": "x", **unfinished, "draft": True})
    assert (made.status, made.json["metadata"]["draft"]) == (201, True)
    path = f"{WORKFLOWS}/{made.json['id']}"
    # A rename is a save too, and what is saved must be sound.
    assert (await call("PUT", path, key=full_key, body={"name": "y"})).status == 422
    assert (await call("PUT", path, key=full_key, body={"name": "y", "draft": True})).json["version"] == 2
    run = {"canvasId": made.json["id"], "triggerNodeId": "start", "sync": True}
    refused = await call("POST", "/api/run", key=full_key, body=run)
    assert refused.status == 400
    assert (await call("PUT", path, key=full_key, body=START_AGENT_END)).json["version"] == 3
    assert "draft" not in (await call("GET", path, key=full_key)).json["metadata"]
    assert (await call("POST", "/api/run", key=full_key, body=run)).json["status"] == "completed"
    # Even a draft has a shape.
    assert (await call("PUT", path, key=full_key, body={"nodes": [{}], "draft": True})).status == 400


async def test_if_match(call: Call, full_key: str, save: Save) -> None:
    path = f"{WORKFLOWS}/{await save()}"

    async def rename(name: str, match: str | None) -> Any:
        return await call("PUT", path, key=full_key, body={"name": name}, headers={"If-Match": match} if match else {})

    first = await rename("a", '"1"')
    assert (first.status, first.headers["ETag"]) == (200, '"2"')
    stale = await rename("b", '"1"')
    assert (stale.status, stale.json["error"], stale.json["code"]) == (409, "conflict", "VERSION_CONFLICT")
    assert stale.json["details"] == {"expected": 1, "current": 2}
    assert (await rename("c", "*")).json["version"] == 3
    assert (await rename("d", None)).json["version"] == 4
    for garbage in ("abc", '"x"', '"-1"', '"1.0"', 'W/"4"', '"4", "5"', '"' + "9" * 400 + '"', '""'):
        answer = await rename("e", garbage)
        assert (answer.status, answer.json["details"][0]["field"]) == (400, "If-Match"), garbage
        refused = await call("DELETE", path, key=full_key, headers={"If-Match": garbage})
        assert refused.status == 400, garbage
    assert (await call("DELETE", path, key=full_key, headers={"If-Match": '"3"'})).status == 409
    found = await call("GET", path, key=full_key)
    assert (found.json["name"], found.headers["ETag"]) == ("d", '"4"')
    assert (await call("DELETE", path, key=full_key, headers={"If-Match": found.headers["ETag"]})).status == 200


async def test_list_pages_and_filters(call: Call, full_key: str, save: Save, foreign_key: str) -> None:
    ids = [await save(name=f"n{i % 2}", metadata={"tags": ["all", f"t{i % 3}"]}) for i in range(25)]
    ids.reverse()

    async def listed(**query: Any) -> list[str]:
        answer = await call("GET", WORKFLOWS, key=full_key, **query)
        assert answer.status == 200, answer.text
        return [row["id"] for row in answer.json]

    assert await listed() == ids[:20]
    assert await listed(limit=100) == ids
    assert await listed(limit=0) == []
    assert await listed(limit=10, offset=20) == ids[20:]
    assert await listed(offset=25) == await listed(offset=2**53) == []
    assert await listed(tag="t1", limit=100) == [i for n, i in enumerate(reversed(ids)) if n % 3 == 1][::-1]
    assert await listed(tag="t") == await listed(name="N0") == await listed(tag="") == []
    assert await listed(name="n1", tag="all", limit=3) == [i for n, i in enumerate(reversed(ids)) if n % 2][::-1][:3]
    assert (await call("GET", WORKFLOWS, key=foreign_key)).json == []
    await call("POST", f"{WORKFLOWS}/{ids[3]}/publish", key=full_key, body={})
    assert await listed(published="true") == [ids[3]]
    assert await listed(published="false", limit=100) == [one for one in ids if one != ids[3]]
    await call("DELETE", f"{WORKFLOWS}/{ids[3]}/publish", key=full_key)
    assert await listed(published="true") == []
    assert (await call("GET", WORKFLOWS, key=full_key, published="yes")).status == 400
    # A change makes a workflow the newest.
    await call("PUT", f"{WORKFLOWS}/{ids[-1]}", key=full_key, body={"description": "new"})
    assert (await listed(limit=1)) == [ids[-1]]


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize("value", ["", "x", "-1", "1.0", "1e1", " 1", "+1", "0x1", "1_0", "٣", "²", "9" * 400, "true"])
async def test_paging_is_plain_digits(name: str, value: str, call: Call, full_key: str) -> None:
    answer = await call("GET", WORKFLOWS, key=full_key, **{name: value})
    assert answer.status == 400
    assert answer.json["error"] == "bad_request"
    assert [fault["field"] for fault in answer.json["details"]] == [name]


async def test_limits_of_paging(call: Call, full_key: str) -> None:
    for query, status in (({"limit": 100}, 200), ({"limit": 101}, 400), ({"offset": 2**53 + 1}, 400)):
        assert (await call("GET", WORKFLOWS, key=full_key, **query)).status == status


# -- runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("canvasId", (None, 1, "", [], {})),
        ("triggerNodeId", (None, 1, "", [], {})),
        ("inputs", (None, 1, "x", [], [["topic", "x"]])),
        ("sync", (None, 1, "true", "yes", [])),
        ("timeoutSeconds", (None, 0, 56, -1, 1.5, "30", True, 2**70, [])),
    ],
)
async def test_fields_of_a_run(field: str, values: tuple[Any, ...], call: Call, full_key: str, save: Save) -> None:
    good = {"canvasId": await save(CANVAS), "triggerNodeId": "topic", "inputs": {"topic": "x"}, "sync": True}
    for value in values:
        answer = await call("POST", "/api/run", key=full_key, body=good | {field: value})
        assert answer.status == 400, value
        assert field in answer.json["error"]
    if field in {"canvasId", "triggerNodeId"}:
        missing = await call("POST", "/api/run", key=full_key, body={k: v for k, v in good.items() if k != field})
        assert missing.status == 400
    assert (await call("GET", "/api/builder/executions", key=full_key)).json == {"executions": []}


@pytest.mark.parametrize("seconds", [1, 55])
async def test_accepted_timeouts(seconds: int, call: Call, full_key: str, save: Save) -> None:
    run = {"canvasId": await save(CANVAS), "triggerNodeId": "topic", "inputs": {"topic": "x"}, "sync": True}
    assert (await call("POST", "/api/run", key=full_key, body=run | {"timeoutSeconds": seconds})).status == 200


async def test_what_cannot_be_run(call: Call, full_key: str, save: Save) -> None:
    canvas = await save(CANVAS)
    for run, status, code in (
        ({"canvasId": "wf_0", "triggerNodeId": "topic"}, 404, "workflow_not_found"),
        ({"canvasId": canvas, "triggerNodeId": "nobody"}, 404, "node_not_found"),
        ({"canvasId": canvas, "triggerNodeId": "writer"}, 400, "not_a_trigger"),
    ):
        answer = await call("POST", "/api/run", key=full_key, body=run)
        assert (answer.status, answer.json["code"]) == (status, code)


async def test_executions_are_found_by_their_id(call: Call, full_key: str) -> None:
    for query, status in (({}, 400), ({"executionId": ""}, 400), ({"executionId": "x" * 4000}, 404)):
        assert (await call("GET", "/api/executions", key=full_key, **query)).status == status


def between(node: dict[str, Any]) -> dict[str, Any]:
    """A workflow whose one step is this node."""
    nodes = [{"id": "start", "type": "start"}, {"id": "step", **node}, {"id": "end", "type": "end"}]
    return {"nodes": nodes, "edges": [{"source": "start", "target": "step"}, {"source": "step", "target": "end"}]}


async def run(call: Call, key: str, canvas: str, **fields: Any) -> Any:
    body = {"canvasId": canvas, "triggerNodeId": "start", "inputs": {"query": "x"}, "sync": True, **fields}
    return await call("POST", "/api/run", key=key, body=body)


async def test_a_missing_tool_is_named(call: Call, full_key: str, save: Save) -> None:
    canvas = await save(between({"type": "tool", "data": {"tool_name": "time_machine"}}))
    answer = await run(call, full_key, canvas)
    assert (answer.status, answer.json["status"]) == (200, "error")
    assert "time_machine" in answer.json["error"]["message"]


async def test_a_person_is_not_waited_for(call: Call, full_key: str, save: Save) -> None:
    canvas = await save(between({"type": "human", "data": {"prompt": "Well?", "options": ["yes"]}}))
    answer = await run(call, full_key, canvas, timeoutSeconds=1)
    assert answer.status == 202
    assert (answer.json["pending"], answer.json["status"]) == (True, "waiting")
    seen = await call("GET", "/api/executions", key=full_key, executionId=answer.json["executionId"])
    assert seen.json["waitingOn"]["request"] == {"prompt": "Well?", "options": ["yes"]}
    path = f"/api/builder/executions/{answer.json['executionId']}/cancel"
    for _ in range(2):  # cancelling what is over changes nothing
        assert (await call("POST", path, key=full_key)).json["status"] == "cancelled"


class HalfAnAnswer:
    """A model that hangs up in the middle of a word."""

    name = "half"

    async def stream(self, _request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        yield ChatChunk("Half an ans")
        raise ConnectionResetError("hung up")


async def test_a_model_that_breaks_breaks_its_run_only(
    call: Call, full_key: str, save: Save, models: ScriptedModels, scripted: ScriptedModel
) -> None:
    canvas = await save()
    models.default = HalfAnAnswer()
    answer = await run(call, full_key, canvas)
    assert (answer.status, answer.json["status"]) == (200, "error")
    assert answer.json["error"]["stepId"] == "agent"
    assert {step["nodeId"]: step["status"] for step in answer.json["steps"]}["agent"] == "error"
    models.default = scripted
    again = await run(call, full_key, canvas, idempotencyKey="again")  # else it is the run of before
    assert again.json["status"] == "completed"
    assert (await call("GET", "/api/builder/health")).json["status"] == "healthy"
