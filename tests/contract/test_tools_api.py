"""The page's examples of tools and resources. The resources are those of a real MCP server, which offers the page's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from server import Call

PEER = Path(__file__).parents[1] / "mcp_peer.py"


@pytest.fixture
def models() -> None:
    """No model is asked for anything."""


@pytest.fixture
def builder_settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    if "with_a_server" not in request.node.name:
        return {}
    for limit in ("CONNECT_SECONDS", "LIST_SECONDS"):  # a busy machine takes its time
        monkeypatch.setattr(f"builder_jupyter.connectors.mcp_servers.{limit}", 60.0)
    return {"mcp_servers": {"files": {"command": sys.executable, "args": [str(PEER)]}}}


async def test_the_two_tools_of_the_page(call: Call, full_key: str) -> None:
    answer = await call("GET", "/api/builder/tools", key=full_key)
    assert answer.status == 200
    assert answer.json == [
        {
            "name": "web_search",
            "description": "Search the web for information",
            "parameters": {
                "query": {"type": "string", "required": True},
                "max_results": {"type": "integer", "default": 10},
            },
        },
        {
            "name": "calculator",
            "description": "Perform mathematical calculations",
            "parameters": {"expression": {"type": "string", "required": True}},
        },
    ]


async def test_no_resources_without_servers(call: Call, full_key: str) -> None:
    answer = await call("GET", "/api/builder/resources", key=full_key)
    assert (answer.status, answer.json) == (200, [])


async def test_the_resources_of_the_page_with_a_server(call: Call, full_key: str, runtime: Any) -> None:
    runtime.portal.wait(runtime.tools._servers.settled(60))
    answer = await call("GET", "/api/builder/resources", key=full_key)
    assert answer.json == [
        {"uri": "file:///data/knowledge_base.txt", "name": "Knowledge Base", "mimeType": "text/plain"},
        {"uri": "db://customers", "name": "Customer Database", "mimeType": "application/json"},
    ]
    tools = (await call("GET", "/api/builder/tools", key=full_key)).json
    assert [tool["name"] for tool in tools][:4] == ["web_search", "calculator", "add", "who"]
    assert {"name": "dies", "description": "", "parameters": {}} in tools


@pytest.mark.parametrize("path", ["/api/builder/tools", "/api/builder/resources"])
async def test_nobody_is_told_without_a_credential(call: Call, path: str) -> None:
    answer = await call("GET", path)
    assert (answer.status, answer.json["code"]) == (401, "AUTH_INVALID_TOKEN")
