"""The gateway over HTTP, driven by the official client in both eras of the protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx2 import AsyncClient
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

ERAS = ["auto", "legacy"]


@asynccontextmanager
async def connected(url: str, key: str, mode: Any = "auto") -> AsyncIterator[Client]:
    async with (
        AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
        Client(streamable_http_client(f"{url}/api/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_makes_a_workflow_from_nothing(mode: str, server_url: str, full_key: str) -> None:
    async with connected(server_url, full_key, mode) as client:
        print(client.protocol_version)

        async def do(name: str, /, **arguments: Any) -> Any:
            answer = await client.call_tool(name, arguments)
            assert not answer.is_error, answer
            return answer.structured_content

        listed = (await client.list_tools()).tools
        assert {"create_canvas", "add_node", "trigger_workflow"} <= {tool.name for tool in listed}
        canvas = (await do("create_canvas", name="Tea"))["id"]
        await do("add_node", canvasId=canvas, type="prompt-trigger", nodeId="topic", data={"inputKey": "topic"})
        await do("add_node", canvasId=canvas, type="text-gen", nodeId="writer")
        await do("add_edge", canvasId=canvas, sourceNodeId="topic", targetNodeId="writer")
        verdict = await do("validate_workflow", canvasId=canvas)
        assert (verdict["valid"], verdict["totalCredits"]) == (True, 1)
        heard: list[Any] = []

        async def hear(*news: Any) -> None:
            heard.append(news)

        run = await client.call_tool(
            "trigger_workflow", {"canvasId": canvas, "inputs": {"topic": "tea"}, "sync": True}, progress_callback=hear
        )
        done = run.structured_content
        assert (done["status"], done["pending"]) == ("completed", False)
        assert heard[-1][:2] == (2, 2)
        outputs = await do("get_execution_outputs", executionId=done["executionId"])
        assert outputs["outputs"]["writer"]["text-out"]["value"] == "About: tea"
        resources = (await client.list_resources()).resources
        assert {str(one.uri) for one in resources} == {
            f"builder://canvases/{canvas}",
            f"builder://executions/{done['executionId']}",
        }
        read = await client.read_resource(f"builder://executions/{done['executionId']}")
        assert json.loads(read.contents[0].text)["triggerType"] == "mcp"
