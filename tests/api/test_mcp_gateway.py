"""The gateway: who may list and call what, the same by MCP and by plain HTTP, and what the protocol asks of us."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from gateway_examples import CALLS, filled, steady, walk
from httpx2 import AsyncClient
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from server import START_AGENT_END, Call

from builder_jupyter.gateway.table import TABLE
from builder_jupyter.gateway.tool import READ
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.services.runtime import Runtime

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@asynccontextmanager
async def connected(url: str, key: str | None, mode: Any = "auto") -> AsyncIterator[Client]:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    async with (
        AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.fixture
def builder_settings() -> dict[str, Any]:
    return {"unlimited_credits": True}  # workspaces but the owner's own begin with nothing


@pytest.fixture
def gateway(server_url: str) -> str:
    return f"{server_url}/api/mcp"


@pytest.fixture
def workspace_key(runtime: Runtime) -> Callable[..., str]:
    """Make a key in a workspace of its own."""

    def make(workspace: str, *scopes: str) -> str:
        owner = replace(local_principal("alice"), workspace=workspace)
        return runtime.portal.wait(runtime.keys.create(owner, "test", scopes or None))[1]

    return make


def by_http(call: Call, key: str) -> Any:
    async def do(name: str, arguments: dict[str, Any]) -> Any:
        answer = await call("POST", f"/api/mcp/tools/{name}", key=key, body=arguments)
        assert answer.status == 200, (name, answer.text)
        return answer.json

    return do


def by_mcp(client: Client) -> Any:
    async def do(name: str, arguments: dict[str, Any]) -> Any:
        answer = await client.call_tool(name, arguments)
        assert not answer.is_error, (name, answer.content)
        return answer.structured_content

    return do


def test_every_tool_has_an_example() -> None:
    assert {name for name, _ in CALLS} == set(TABLE)


def test_the_table_says_what_clients_need() -> None:
    for tool in TABLE.values():
        assert tool.input_schema["type"] == tool.output_schema["type"] == "object", tool.name
        assert tool.input_schema["additionalProperties"] is False
        assert tool.description.endswith("."), tool.name
        assert tool.scopes, tool.name
        # What only reads needs no more than a scope for reading, or that of what it reads.
        if tool.hints == READ:
            assert not {Scope.WRITE_CANVAS, Scope.DELETE_CANVAS} & set(tool.scopes) or tool.name == "list_webhooks"
        else:
            assert not {Scope.READ_CANVASES, Scope.READ_ASSETS, Scope.READ_BILLING} & set(tool.scopes), tool.name


async def test_both_ways_give_the_same(
    call: Call, gateway: str, workspace_key: Callable[..., str], foreign_key: str
) -> None:
    """The whole table by plain HTTP in one workspace and by MCP in another: the same results, ids and times apart."""
    plain, _ = await walk(by_http(call, foreign_key))
    async with connected(gateway, workspace_key("third", *Scope)) as client:
        spoken, _ = await walk(by_mcp(client))
    for name in TABLE:
        there = json.loads(json.dumps(steady(plain[name])).replace("elsewhere", "third").replace("mallory", "alice"))
        assert steady(spoken[name]) == there, name


async def test_both_ways_refuse_the_same(call: Call, gateway: str, full_key: str, make_key: Callable[..., str]) -> None:
    poor = make_key("delete:assets")
    async with connected(gateway, full_key) as client, connected(gateway, poor) as stranger:
        for name, tool in TABLE.items():
            wrong = {"nonsense": 1}
            plain = await call("POST", f"/api/mcp/tools/{name}", key=full_key, body=wrong)
            spoken = await client.call_tool(name, wrong)
            assert (plain.status, spoken.is_error) == (400, True), name
            assert spoken.structured_content == plain.json, name
            assert plain.json["code"] == "invalid_arguments"
            if Scope.DELETE_ASSETS in tool.scopes:
                continue
            plain = await call("POST", f"/api/mcp/tools/{name}", key=poor, body={})
            spoken = await stranger.call_tool(name, {})
            assert (plain.status, spoken.is_error) == (403, True), name
            assert spoken.structured_content == plain.json, name
            assert name in plain.json["error"]
            assert plain.json["requiredScopes"] == [str(scope) for scope in tool.scopes]
            assert "Re-issue" in plain.json["error"]


async def test_scopes_and_workspaces(
    call: Call, gateway: str, full_key: str, workspace_key: Callable[..., str], make_key: Callable[..., str]
) -> None:
    """Every tool with a key of every single scope, in its workspace and in another."""
    _, names = await walk(by_http(call, full_key), until="archive_canvas")
    examples = {name: filled(arguments, names) for name, arguments in CALLS}
    harmless = [name for name in TABLE if name != "delete_canvas"]
    for scope in Scope:
        own, foreign = make_key(scope), workspace_key("elsewhere", scope)
        async with connected(gateway, own) as client:
            listed = {tool.name for tool in (await client.list_tools()).tools}
        assert listed == {name for name, tool in TABLE.items() if scope in tool.scopes}
        for name in harmless:
            answer = await call("POST", f"/api/mcp/tools/{name}", key=own, body=examples[name])
            allowed = scope in TABLE[name].scopes
            refused = (answer.status, answer.json.get("code")) == (403, "missing_scope")
            assert refused is not allowed, (scope, name, answer.text)
            if refused:
                assert name in answer.json["error"]
                continue
            elsewhere = await call("POST", f"/api/mcp/tools/{name}", key=foreign, body=examples[name])
            if any(value in names.values() for value in examples[name].values()):
                assert elsewhere.status == 404 or [] in elsewhere.json.values(), (name, elsewhere.text)
            sent = examples[name].values()
            assert not any(one in elsewhere.text for one in names.values() if one not in sent), name


async def test_a_key_that_reads_canvases_lists_what_reads(gateway: str, make_key: Callable[..., str]) -> None:
    async with connected(gateway, make_key("read:canvases")) as client:
        tools = (await client.list_tools()).tools
    assert "get_canvas_state" in {tool.name for tool in tools}
    for tool in tools:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint, tool.name


async def test_no_credential_and_bad_ones(call: Call, server_url: str, make_key: Callable[..., str]) -> None:
    for headers in ({}, {"Authorization": "Bearer builder_unknown"}, {"Authorization": "Bearer umcp_unknown"}):
        for method in ("POST", "GET", "DELETE"):
            answer = await call(method, "/api/mcp", headers=ACCEPT | headers, body=HELLO)
            assert answer.status == 401
            assert answer.json["error"] == "Invalid or expired token"
            where = f"{server_url}/.well-known/oauth-protected-resource"
            assert answer.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{where}"'
    told = await call("GET", "/.well-known/oauth-protected-resource")
    assert told.json["resource"] == f"{server_url}/api/mcp"
    assert told.json["authorization_servers"] == []
    again = await call("GET", "/.well-known/oauth-protected-resource/api/mcp")
    assert again.json == told.json


async def test_pages_of_other_origins(call: Call, full_key: str, server_url: str) -> None:
    for origin, status in (("https://evil.example", 403), ("null", 403), (server_url, 200)):
        answer = await call("POST", "/api/mcp", key=full_key, headers=ACCEPT | {"Origin": origin}, body=HELLO)
        assert answer.status == status, (origin, answer.text)
    assert (await call("OPTIONS", "/api/mcp")).status == 200


@pytest.mark.parametrize("server_settings", [{"allow_origin": "https://app.example"}])
async def test_pages_of_an_allowed_origin(call: Call, full_key: str) -> None:
    headers = ACCEPT | {"Origin": "https://app.example"}
    answer = await call("POST", "/api/mcp", key=full_key, headers=headers, body=HELLO)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://app.example")
    assert "Mcp-Session-Id" in answer.headers["Access-Control-Expose-Headers"]


async def open_session(call: Call, key: str) -> dict[str, str]:
    begun = await call("POST", "/api/mcp", key=key, headers=ACCEPT, body=HELLO)
    assert begun.status == 200, begun.text
    return ACCEPT | {"Mcp-Session-Id": begun.headers["Mcp-Session-Id"], "MCP-Protocol-Version": "2025-06-18"}


async def test_a_session_is_its_credentials(call: Call, full_key: str, make_key: Callable[..., str]) -> None:
    headers = await open_session(call, full_key)
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    other = make_key(*Scope)
    assert (await call("POST", "/api/mcp", key=full_key, headers=headers, body=ping)).status == 200
    assert (await call("POST", "/api/mcp", key=other, headers=headers, body=ping)).status == 404
    assert (await call("DELETE", "/api/mcp", key=other, headers=headers)).status == 404
    assert (await call("DELETE", "/api/mcp", key=full_key, headers=headers)).status in {200, 204}
    assert (await call("POST", "/api/mcp", key=full_key, headers=headers, body=ping)).status == 404


async def test_a_session_does_not_outlive_its_key(call: Call, runtime: Runtime, full_key: str) -> None:
    headers = await open_session(call, full_key)
    alice = local_principal("alice")
    for key in await runtime.portal.ask(runtime.keys.list(alice)):
        await runtime.portal.ask(runtime.keys.revoke(alice, key.key_id))
    ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
    assert (await call("POST", "/api/mcp", key=full_key, headers=headers, body=ping)).status == 401


async def test_malformed_messages(call: Call, full_key: str) -> None:
    for raw, status in ((b"{", 400), (b"[]", 400), (b'{"jsonrpc": "2.0"}', 400)):
        answer = await call("POST", "/api/mcp", key=full_key, headers=ACCEPT, raw=raw)
        assert answer.status == status, answer.text
        assert "error" in answer.json
    headers = ACCEPT | {"MCP-Protocol-Version": "1999-01-01"}
    assert (await call("POST", "/api/mcp", key=full_key, headers=headers, body=HELLO)).status == 400


async def test_tools_that_fail_and_tools_there_are_not(gateway: str, full_key: str, call: Call) -> None:
    async with connected(gateway, full_key) as client:
        failed = await client.call_tool("get_canvas_state", {"canvasId": "wf_0"})
        assert failed.is_error
        assert failed.structured_content == {"error": "Workflow not found", "code": "workflow_not_found"}
        assert failed.content[0].text == "Workflow not found"  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="There is no tool 'no_such'") as raised:
            await client.call_tool("no_such", {})
        assert raised.value.code == -32602
        with pytest.raises(MCPError) as raised:
            await client.read_resource("builder://canvases/wf_0")
        assert raised.value.data["code"] == "workflow_not_found"
    assert (await call("POST", "/api/mcp/tools/no_such", key=full_key, body={})).status == 404
    assert (await call("GET", "/api/mcp/nothing", key=full_key)).json["code"] == "not_found"


async def test_refused_connections(call: Call, full_key: str) -> None:
    do = by_http(call, full_key)
    canvas = {"canvasId": (await do("create_canvas", {"name": "x"}))["id"]}
    for kind, node_id in (("prompt", "p"), ("text-gen", "t"), ("text-gen", "u"), ("webhook-trigger", "w")):
        await do("add_node", {**canvas, "type": kind, "nodeId": node_id})
    await do("add_edge", {**canvas, "sourceNodeId": "p", "targetNodeId": "t"})
    await do("add_edge", {**canvas, "sourceNodeId": "t", "targetNodeId": "u"})
    cases: list[tuple[tuple[str, str, str | None, str | None], str]] = [
        (("p", "p", None, None), "self_connection"),
        (("p", "nobody", None, None), "unknown_node"),
        (("p", "t", "text-out", "no-such"), "unknown_port"),
        (("p", "t", "prompt-in", None), "wrong_direction"),
        (("w", "t", "context-out", "prompt-in"), "incompatible_types"),
        (("p", "t", None, None), "duplicate_edge"),
        (("u", "t", None, None), "cycle"),
    ]
    for (source, target, source_port, target_port), code in cases:
        wanted = {**canvas, "sourceNodeId": source, "targetNodeId": target, "sourcePort": source_port,
                  "targetPort": target_port}  # fmt: skip
        verdict = await do("validate_connection", wanted)
        assert (verdict["valid"], verdict["code"]) == (False, code)
        refused = await call("POST", "/api/mcp/tools/add_edge", key=full_key, body=wanted)
        assert (refused.status, refused.json["code"]) == (409, code)


async def test_a_call_that_is_cancelled_leaves_the_run_alone(
    gateway: str, full_key: str, call: Call, runtime: Runtime
) -> None:
    graph = {**START_AGENT_END, "nodes": [
        START_AGENT_END["nodes"][0], {"id": "agent", "type": "human", "data": {"prompt": "?"}},
        START_AGENT_END["nodes"][2],
    ]}  # fmt: skip
    saved = await call("POST", "/api/builder/workflows", key=full_key, body={"name": "asks", **graph})
    heard = asyncio.Event()

    async def hear(*_news: Any) -> None:
        heard.set()

    async with connected(gateway, full_key) as client:
        wanted = {"canvasId": saved.json["id"], "sync": True, "timeoutSeconds": 55}
        calling = asyncio.create_task(client.call_tool("trigger_workflow", wanted, progress_callback=hear))
        await heard.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        (run,) = (await client.call_tool("list_executions", {})).structured_content["executions"]
        assert run["status"] in {"running", "waiting"}
        done = await client.call_tool("cancel_execution", {"executionId": run["executionId"]})
        assert done.structured_content["status"] == "cancelled"


async def test_edits_side_by_side_are_all_kept(call: Call, full_key: str) -> None:
    do = by_http(call, full_key)
    canvas = (await do("create_canvas", {"name": "busy"}))["id"]
    added = [do("add_node", {"canvasId": canvas, "type": "prompt", "nodeId": f"p{i}"}) for i in range(10)]
    await asyncio.gather(*added)
    state = await do("get_canvas_state", {"canvasId": canvas})
    assert {node["nodeId"] for node in state["nodes"]} == {f"p{i}" for i in range(10)}
    assert state["canvas"]["version"] == 11


async def test_archived_canvases_are_left_out(call: Call, full_key: str) -> None:
    do = by_http(call, full_key)
    canvas = (await do("create_canvas", {"name": "old"}))["id"]
    await do("archive_canvas", {"canvasId": canvas})
    assert (await call("GET", "/api/canvases", key=full_key)).json["canvases"] == []
    listed = await call("GET", "/api/canvases", key=full_key, includeArchived="true")
    assert [one["id"] for one in listed.json["canvases"]] == [canvas]
