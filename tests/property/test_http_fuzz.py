"""Whatever is sent, the server answers and does not break: 1,000 bodies to each route that takes one.

The bodies are made beforehand, always the same ones, and go over kept-alive connections to one running server.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from server import CANVAS, START_AGENT_END, Call

from builder_jupyter.rest.app import ROUTES
from builder_jupyter.rest.routing import Access, routes_of

EXAMPLES = 1_000
ASKING: dict[str, Any] = {
    "nodes": [START_AGENT_END["nodes"][0], {"id": "agent", "type": "human"}, START_AGENT_END["nodes"][2]],
    "edges": START_AGENT_END["edges"],
}
EVENTS: dict[str, Any] = {"dialect": "direct", "nodes": [{"clientId": "event", "type": "webhook-trigger"}], "edges": []}
CONNECTIONS = 2

FOR_PEOPLE = {"/api/builder/workspaces"}  # a key belongs to one
ROUTES_WITH_BODIES = [
    (verb.upper(), handler.path, about.access is Access.JUPYTER or handler.path in FOR_PEOPLE)
    for handler in ROUTES
    for verb, about in routes_of(handler)
    if verb in {"post", "put", "patch"}
    and about.stream is None  # which answers no JSON, and reads none
    and not about.uploads  # which reads files; test_assets_api has those
    and about.access is not Access.INTERNAL
    and not handler.path.endswith("/accept")  # which reads none, and nobody has invited us
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.sampled_from(["", "start", "direct", "a" * 2000, "\x00", "\ud800", 10**30, 10**4000, [], {}, [[]], {"": {}}]),
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here] + [path for step, item in items for path in paths(item, (*here, step))]


@st.composite
def mutated(draw: st.DrawFn, valid: Any) -> bytes:
    """A valid body in which up to three places are replaced, removed, doubled, or cut in the bytes."""
    value = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(0, 3))):
        places = paths(value)[1:]
        if not places:
            break
        *parents, step = draw(st.sampled_from(places))
        target = value
        for parent in parents:
            target = target[parent]
        action = draw(st.sampled_from(["replace", "remove", "add", "double"]))
        if action == "replace":
            target[step] = copy.deepcopy(draw(ODD))
        elif action == "add" and isinstance(target, dict):
            target[draw(st.text(max_size=4))] = copy.deepcopy(draw(ODD))
        elif action == "double" and isinstance(target, list):
            target.append(target[step])
        else:
            del target[step]
    raw = json.dumps(value).encode()
    if draw(st.booleans()):
        return raw
    at = draw(st.integers(0, len(raw)))
    return raw[:at] + draw(st.binary(max_size=4)) + raw[at + draw(st.integers(0, 4)) :]


def examples(valid: Any) -> list[bytes]:
    """The same bodies each time: hypothesis only makes them up, the test sends them."""
    made: list[bytes] = []

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.one_of(mutated(valid), mutated(valid), st.binary(max_size=200)))
    def collect(body: bytes) -> None:
        made.append(body)

    collect()
    return made


async def post_all(host: str, head: str, bodies: list[bytes]) -> list[tuple[bytes, int, bytes]]:
    """Send bodies one after another over one connection; return each one's status and answer."""
    reader, writer = await asyncio.open_connection(*host.split(":"))
    answers = []
    for body in bodies:
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answered = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answered.partition("content-length: ")[2].partition("\r\n")[0])
        answers.append((body, int(answered.split(" ", 2)[1]), await reader.readexactly(length)))
    writer.close()
    await writer.wait_closed()
    return answers


@pytest.mark.parametrize(("method", "path", "is_owners"), ROUTES_WITH_BODIES)
async def test_no_body_breaks_the_server(
    method: str,
    path: str,
    *,
    is_owners: bool,
    server_url: str,
    call: Call,
    full_key: str,
    save: Callable[..., Awaitable[str]],
    jp_auth_header: dict[str, str],
) -> None:
    canvas = await save(CANVAS)
    run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": "x"}, "timeoutSeconds": 1}
    execution_id = (await call("POST", "/api/run", key=full_key, body=run)).json["executionId"]
    nodes = [
        *START_AGENT_END["nodes"],
        {"id": "r", "type": "router", "data": {"conditions": [{"label": "a", "pattern": "x+"}], "default": "a"}},
        {"id": "h", "type": "human", "data": {"prompt": "?", "timeout": 1.5, "options": ["a"]}},
        {"id": "t", "type": "tool", "data": {"tool_name": "calculator", "arguments": {"expression": "{{state.q}}"}}},
    ]
    graph = {"nodes": nodes, "edges": START_AGENT_END["edges"], "draft": True, "message": "m"}
    answer = {"answer": {"a": 1}}
    tool = {"name": "write", "description": "d", "canvasId": canvas, "triggerNodeId": "topic", "outputStepId": "writer",
            "inputSchema": {"type": "object", "properties": {"topic": {"type": "string"}}}}  # fmt: skip
    published = {"slug": "tea", "title": "Tea", "auth": "public", "tools": [tool]}
    made = await call("POST", "/api/builder/mcp-servers", key=full_key, body=published)
    assert made.status == 201, made.text
    if path == "/api/builder/mcp-servers":
        published = published | {"slug": "other"}
    events = await save(EVENTS)
    valid = {
        "/api/run": run,
        "/api/execute/start": {"canvasId": canvas, "targetNodeId": "writer", "inputs": {"topic": "x"}},
        "/api/builder/executions/{execution_id}/replay": {"fromStepId": "writer", "visit": 1, "edits": {"topic": "y"}},
        "/api/builder/waitpoints/{waitpoint_id}/complete": answer,
        "/api/builder/answer/{token}": answer,
        "/api/builder/keys": {"name": "x", "scopes": ["read:canvases"], "expires_at": "2999-01-01T00:00:00Z"},
        "/api/builder/workspaces": {"name": "x"},
        "/api/builder/workspaces/{workspace_id}": {"name": "x"},
        "/api/builder/workspaces/{workspace_id}/members/{name}": {"role": "viewer"},
        "/api/builder/workspaces/{workspace_id}/invites": {"email": "a@b.c", "role": "viewer"},
        "/api/integrations/provider-connections": {
            "workspaceId": "default",
            "provider": "openai",
            "displayName": "x",
            "credentialPayload": {"apiKey": "sk-1", "organization": "org"},
            "connectionId": None,
        },
        "/api/integrations/providers/{provider}": {"mode": "auto"},
        "/api/builder/budget": {"creditsPerMonth": 100},
        "/api/builder/credits": {"credits": 5, "paidUsd": "0.04", "pack": "p", "note": "n"},
        "/api/builder/credits/refund": {"id": execution_id, "note": "n"},
        "/api/builder/workflows/{workflow_id}/rollback": {"version": 1},
        "/api/builder/workflows/{workflow_id}/publish": {"version": 1},
        "/api/builder/workflows/{workflow_id}/grants/{subject}": {"permissions": ["view", "edit"]},
        "/api/builder/purge": {"olderThanSeconds": 60, "dryRun": True},
        "/api/builder/edits": {
            "workflow": START_AGENT_END,
            "changes": [
                {"op": "add_node", "node": nodes[3], "index": 1},
                {"op": "set_data", "node_id": "r", "field": "default", "value": "a"},
                {"op": "move_node", "index": 0, "position": {"x": 1, "y": 2.5}},
                {"op": "remove_edge", "index": 0},
            ],
            "arrange": "grid",
            "version": 3,
        },
        "/api/builder/mcp-servers": published,
        "/api/builder/mcp-servers/{slug}": published,
        "/api/builder/mcp-servers/{slug}/keys": {"name": "x"},
        "/api/mcp/tools/{tool_name}": {"canvasId": canvas, "type": "text-gen", "data": {"prompt": "p"}, "x": 1, "y": 2},
        "/api/builder/estimate": START_AGENT_END,
        "/api/builder/generate": {"name": "x", **START_AGENT_END, "options": {"async_mode": True}},
        "/webhook/trigger": {"topic": "x", "more": [1, {"a": None}], "callbackUrl": None},
        "/api/mcp/webhooks/register": {"canvasId": events, "triggerNodeId": "event", "rotate": True},
        "/api/builder/import": {"code": "def f(state):\n    return {'x': [1, *state]}\n", "layout": "grid"},
    }.get(path, {"name": "x", "description": "d", "metadata": {"tags": ["t"]}, **graph})
    asking = {**run, "canvasId": await save(ASKING), "triggerNodeId": "start"}
    execution = (await call("POST", "/api/run", key=full_key, body=asking)).json["executionId"]
    waitpoint = (await call("GET", "/api/builder/waitpoints", key=full_key)).json["waitpoints"][0]["waitpointId"]
    link = f"/api/builder/executions/{execution}/waitpoints/{waitpoint}/link"
    token = (await call("POST", link, key=full_key)).json["token"]
    host, _, prefix = server_url.removeprefix("http://").partition("/")
    ids = {"waitpoint_id": waitpoint, "token": token, "workflow_id": canvas, "subject": "user:bob", "slug": "tea"}
    ids |= {"workspace_id": "default", "name": "bob", "provider": "openai", "tool_name": "add_node"}
    target = path.format(execution_id=execution if "waitpoint" in path else execution_id, **ids)
    endpoint = {"canvasId": events, "triggerNodeId": "event"}
    secret = (await call("POST", "/api/mcp/webhooks/register", key=full_key, body=endpoint)).json["webhookSecret"]
    key = secret if path == "/webhook/trigger" else full_key
    credential = jp_auth_header["Authorization"] if is_owners else f"Bearer {key}"
    head = f"{method} {prefix}{target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {credential}\r\n"
    head += "X-Trigger-Type: manual\r\nContent-Type: application/json\r\n"
    bodies = examples(valid)
    assert len(bodies) >= EXAMPLES
    shares = [post_all(host, head, bodies[i::CONNECTIONS]) for i in range(CONNECTIONS)]
    statuses = set()
    for answers in await asyncio.gather(*shares):
        for body, status, said in answers:
            assert status < 500, (body, said)
            assert json.loads(said), "JSON whatever happens"
            statuses.add(status)
    assert min(statuses) < 300, "nothing got past the first check"
    assert (await call("GET", "/api/builder/health")).json["status"] == "healthy"
    # What was kept can be read again.
    assert (await call("GET", "/api/builder/workflows", key=full_key, limit=100)).status == 200
    assert (await call("GET", "/api/canvases", key=full_key)).status == 200
