"""Workflows that somebody publishes as the tools of an MCP server: who gets in, what runs, and what is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx2 import AsyncClient
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from server import CANVAS, START_AGENT_END, Call

from builder_jupyter.gateway import published as calls
from builder_jupyter.services.runtime import Runtime

Save = Callable[..., Awaitable[str]]
SCHEMA = {
    "type": "object",
    "properties": {"topic": {"type": "string", "maxLength": 20}},
    "required": ["topic"],
    "additionalProperties": False,
}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-06-18",
}


@asynccontextmanager
async def connected(url: str, key: str | None, mode: Any = "auto") -> AsyncIterator[Client]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with (
        AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.fixture
def publish(call: Call, full_key: str, save: Save) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Publish the canvas that writes about a topic; return the server and a key to it."""

    async def make(slug: str = "tea", **fields: Any) -> dict[str, Any]:
        tool = {"name": "write", "description": "Write about a topic.", "inputSchema": SCHEMA,
                "canvasId": await save(CANVAS), "triggerNodeId": "topic"}  # fmt: skip
        body = {"slug": slug, "title": "Tea", "tools": [tool], **fields}
        made = await call("POST", "/api/builder/mcp-servers", key=full_key, body=body)
        assert made.status == 201, made.text
        key = await call("POST", f"/api/builder/mcp-servers/{slug}/keys", key=full_key, body={"name": "k"})
        assert key.json["key"].startswith("umcp_")
        return {**made.json, "key": key.json["key"], "key_id": key.json["id"]}

    return make


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_calls_a_published_workflow(mode: str, publish: Any, runtime: Runtime, call: Call,
                                                   full_key: str) -> None:  # fmt: skip
    server = await publish()
    async with connected(server["url"], server["key"], mode) as client:
        (tool,) = (await client.list_tools()).tools
        assert (tool.name, tool.input_schema) == ("write", SCHEMA)
        answer = await client.call_tool("write", {"topic": "oolong"})
        assert not answer.is_error
        assert answer.content[0].text == "About: oolong"  # type: ignore[union-attr]
        wrong = await client.call_tool("write", {"topic": "x" * 21})
        assert wrong.is_error
        assert wrong.structured_content["code"] == "tool_arguments"
    run = await call("GET", "/api/executions", key=full_key, executionId=answer.structured_content["executionId"])
    assert (run.json["triggerType"], run.json["status"]) == ("user-mcp", "completed")


async def test_who_gets_in(publish: Any, call: Call, full_key: str, jp_auth_header: dict[str, str]) -> None:
    bearer, public = await publish(), await publish("open", auth="public")

    async def status(slug: str, **headers: str) -> int:
        answer = await call("POST", f"/api/user-mcp/default/{slug}", headers=HEADERS | headers, body=PING)
        return answer.status

    jupyter = jp_auth_header["Authorization"].split()[1]
    assert await status("tea", Authorization=f"Bearer {bearer['key']}") == 200
    assert await status("open") == 200
    assert await status("open", Authorization=f"Bearer {public['key']}") == 200
    for wrong in (full_key, jupyter, "umcp_unknown", public["key"]):
        assert await status("tea", Authorization=f"Bearer {wrong}") == 401
    # A credential that is shown must be good, even where none is needed.
    assert await status("open", Authorization=f"Bearer {full_key}") == 401
    assert await status("tea") == 401
    assert await status("tea", Authorization="Basic YTpi") == 401
    assert await status("nothing") == 404
    assert await status("tea", Origin="https://evil.example", Authorization=f"Bearer {bearer['key']}") == 403
    # Nor does such a key open anything else.
    for method, path in (("GET", "/api/canvases"), ("POST", "/api/mcp"), ("GET", "/api/verify-key")):
        assert (await call(method, path, key=bearer["key"], headers=HEADERS, body=PING)).status == 401
    revoked = await call("DELETE", f"/api/builder/mcp-servers/tea/keys/{bearer['key_id']}", key=full_key)
    assert revoked.json["revoked_at"]
    assert await status("tea", Authorization=f"Bearer {bearer['key']}") == 401
    await call("DELETE", "/api/builder/mcp-servers/open", key=full_key)
    assert await status("open") == 404


async def test_workspaces_apart(publish: Any, call: Call, full_key: str, foreign_key: str) -> None:
    server = await publish()
    assert (await call("GET", "/api/builder/mcp-servers", key=foreign_key)).json["servers"] == []
    assert (await call("DELETE", "/api/builder/mcp-servers/tea", key=foreign_key)).status == 404
    # Nobody publishes what they cannot see.
    body = {"slug": "theirs", "tools": server["tools"]}
    assert (await call("POST", "/api/builder/mcp-servers", key=foreign_key, body=body)).status == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "No"}, "slug"),
        ({"slug": "a" * 64}, "slug"),
        ({"tools": []}, "tools"),
        ({"name": "no spaces"}, "tools[0].name"),
        ({"inputSchema": {"type": "string"}}, "tools[0].inputSchema"),
        ({"inputSchema": {"type": "object", "properties": {"a": {"type": "no-such"}}}}, "tools[0].inputSchema"),
    ],
)
async def test_what_cannot_be_published(
    change: dict[str, Any], field: str, call: Call, full_key: str, save: Save
) -> None:
    tool = {"name": "write", "canvasId": await save(CANVAS), "triggerNodeId": "topic"}
    server = {
        "slug": "tea",
        "tools": [tool | {name: change[name] for name in ("name", "inputSchema") if name in change}],
    }
    server |= {name: change[name] for name in ("slug", "tools") if name in change}
    refused = await call("POST", "/api/builder/mcp-servers", key=full_key, body=server)
    assert (refused.status, refused.json["details"][0]["field"]) == (400, field)


async def test_a_run_that_takes_longer_is_pending(
    publish: Any, call: Call, full_key: str, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls.call_published, "__kwdefaults__", {"seconds": 0.2})
    nodes = [START_AGENT_END["nodes"][0], {"id": "agent", "type": "human"}, START_AGENT_END["nodes"][2]]
    asking = await save({"nodes": nodes, "edges": START_AGENT_END["edges"]})
    tool = {"name": "ask", "canvasId": asking, "triggerNodeId": "start"}
    server = await publish(tools=[tool])
    async with connected(server["url"], server["key"]) as client:
        answer = await client.call_tool("ask", {})
    pending = answer.structured_content
    assert (pending["pending"], pending["status"]) == (True, "waiting")
    assert pending["executionId"] in answer.content[0].text  # type: ignore[union-attr]


async def test_servers_and_keys_survive_a_restart(publish: Any, runtime: Runtime) -> None:
    server = await publish()
    store = type(runtime._published_store)(runtime.database)
    await runtime.portal.ask(store.open())
    found = store.find("default", "tea")
    assert found == runtime._published_store.find("default", "tea")
    assert found is not None
    assert [key.matches(server["key"]) for key in store.keys(found.server_id)] == [True]
