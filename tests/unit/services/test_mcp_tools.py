"""Real MCP servers, one over HTTP and two as programs, behind a runtime: what is listed, and what calls come to."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter.client.client import Client
from builder_jupyter.client.embedded import EmbeddedTransport
from builder_jupyter.client.steps import Steps
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.connectors.mcp_servers import McpServer
from builder_jupyter.errors import OutputInvalid, ProviderError, StepError, StepTimeout
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.nodes.chat import ChatReply, ToolCall
from builder_jupyter.services.runtime import Runtime, Settings

PEER = Path(__file__).parents[2] / "mcp_peer.py"
TOKEN = "sesame-4711"
ME = local_principal("alice")


def program(name: str, **more: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(PEER), "stdio", "0", name], **more}


class Web:
    """A server over HTTP that can be killed and started again at the same address."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PEER), "http", str(self.port), "web"], env={**os.environ, "MCP_PEER_TOKEN": TOKEN}
        )
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionError:
                assert self.process.poll() is None
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    server = Web()
    server.start()
    yield server
    server.kill()


def tool_call(name: str, **arguments: Any) -> Any:
    def reply(request: Any) -> Any:
        last = request.messages[-1]
        return f"It says {last.content}" if last.role == "tool" else ChatReply("", (ToolCall("c1", name, arguments),))

    return reply


SCRIPT: dict[str, Any] = {"reply": lambda _request: "hello"}


@pytest.fixture(scope="module")
def runtime(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    os.environ["MCP_TEST_TOKEN"] = TOKEN
    nonsense = "import sys\nsys.stdin.readline()\nprint('" + TOKEN + " is no JSON', flush=True)"
    servers = {
        "web": {"url": web.url, "headers": {"Authorization": "Bearer ${MCP_TEST_TOKEN}"}, "timeout": 5},
        "first": program("first", timeout=50),
        "second": program("second", env={"SHOWN": "${MCP_TEST_TOKEN}"}),
        "locked": {"url": web.url, "headers": {"Authorization": "Bearer wrong"}},
        "unset": {"url": web.url, "headers": {"Authorization": "Bearer ${MCP_TEST_UNSET}"}},
        "nothing": {"command": "/no/such/program"},
        "nonsense": {"command": sys.executable, "args": ["-c", nonsense]},
        "both": {"url": web.url, "command": "x"},
    }
    models = ScriptedModels(
        ScriptedModel(
            lambda request: SCRIPT["reply"](request)  # noqa: PLW0108 - looked up anew each time
        )
    )
    with pytest.MonkeyPatch.context() as patch:
        for limit in ("CONNECT_SECONDS", "LIST_SECONDS"):  # a busy machine takes its time
            patch.setattr(f"builder_jupyter.connectors.mcp_servers.{limit}", 60.0)
        rt = Runtime(Settings(mcp_servers=servers), models=models, worker=Steps(), notice=lambda _text: None)
        rt.portal.wait(rt.tools._servers.settled(90))
        yield rt
        rt.stop()
    del os.environ["MCP_TEST_TOKEN"]


@pytest.fixture
def client(runtime: Runtime) -> Client:
    return Client(EmbeddedTransport(runtime, ME))


def server(runtime: Runtime, name: str) -> McpServer:
    return next(one for one in runtime.tools._servers.servers if one.name == name)


def call(runtime: Runtime, name: str, /, **arguments: Any) -> Any:
    return runtime.portal.wait(runtime.tools.call(name, arguments))


def run_tool(client: Client, name: str, **arguments: Any) -> Any:
    data = {"tool_name": name, "arguments": arguments}
    return client.run(graph({"id": "t", "type": "tool", "data": data}), show=False)


def graph(node: dict[str, Any]) -> Workflow:
    return Workflow.from_dict({
        "name": "mcp",
        "nodes": [{"id": "start", "type": "start"}, node, {"id": "end", "type": "end"}],
        "edges": [{"source": "start", "target": node["id"]}, {"source": node["id"], "target": "end"}],
    })  # fmt: skip


def test_built_in_tools_come_first_and_clashes_have_the_server_before_them(runtime: Runtime) -> None:
    listed = {tool["name"]: tool for tool in runtime.portal.wait(runtime.tools.listing(ME))}
    assert list(listed)[:2] == ["web_search", "calculator"]
    assert listed["calculator"]["description"] == "Perform mathematical calculations"
    assert {"web.calculator", "first.calculator", "second.calculator", "first.add", "second.add"} <= set(listed)
    assert "add" not in listed  # three servers offer it: none takes the place of another
    assert all("strange" not in name and not name.startswith(("locked", "nonsense")) for name in listed)
    assert listed["first.add"]["parameters"] == {
        "a": {"type": "integer", "required": True},
        "b": {"type": "integer", "default": 1, "description": "the other"},
    }
    assert listed["first.locate"]["parameters"] == {
        "place": {"type": "object", "required": True}, "tags": {"type": "array"},
    }  # fmt: skip
    full = next(spec for spec in runtime.tools.specs() if spec.name == "first.locate").json_schema()
    assert full["$defs"]["Place"]["required"] == ["street"]


def test_resources_are_listed_once(runtime: Runtime) -> None:
    assert runtime.portal.wait(runtime.tools.resource_listing(ME)) == [
        {"uri": "file:///data/knowledge_base.txt", "name": "Knowledge Base", "mimeType": "text/plain"},
        {"uri": "db://customers", "name": "Customer Database", "mimeType": "application/json"},
    ]


@pytest.mark.parametrize("name", ["web", "first"])
def test_results(runtime: Runtime, name: str) -> None:
    assert call(runtime, f"{name}.add", a=40.0, b=2) == {"result": 42}
    assert call(runtime, f"{name}.add", a=1) == {"result": 2}
    assert call(runtime, f"{name}.blocks") == "one\ntwo"
    assert call(runtime, f"{name}.picture") == "[image image/png, 102 bytes]"
    assert call(runtime, f"{name}.locate", place={"street": "x"}, tags=None)["place"] == {"street": "x", "number": None}
    with pytest.raises(StepError, match="Error executing tool fails") as caught:
        call(runtime, f"{name}.fails", reason="because")
    assert (caught.value.code, caught.value.retryable) == ("TOOL_FAILED", False)


def test_arguments_are_checked_before_the_call(runtime: Runtime) -> None:
    with pytest.raises(StepError) as caught:
        call(runtime, "first.locate", place={"number": "a secret"})
    assert caught.value.details == [
        {"field": "place.street", "error": "is required"},
        {"field": "place.number", "error": "does not fit 'anyOf' of its schema"},
    ] or {fault["field"] for fault in caught.value.details} == {"place.street", "place.number"}
    assert "secret" not in str(caught.value)
    with pytest.raises(StepError, match="b does not satisfy maximum 1000"):
        call(runtime, "first.add", a=1, b=5000)


def test_a_tool_node_and_its_trace(client: Client) -> None:
    run = run_tool(client, "web.add", a=1, b=2)
    assert run["t"].result == {"result": 3}
    row = run.trace.iloc[0]
    assert (row.kind, row["name"], row.arguments, row.result) == ("tool", "web.add", {"a": 1, "b": 2}, '{"result": 3}')
    assert row.seconds >= 0
    assert str(row.started_at.tz) == "UTC"


def test_an_agent_calls_a_servers_tool_by_a_name_that_providers_take(client: Client) -> None:
    SCRIPT["reply"] = tool_call("second_add", a=1, b=2)
    run = client.run(graph({"id": "a", "type": "agent", "data": {"prompt": "p", "tools": ["second.add"]}}), show=False)
    assert run.text == 'It says {"result": 3}'
    rows = [(row.kind, row["name"], row.result) for _, row in run.trace.iterrows()]
    assert rows[1] == ("tool", "second.add", '{"result": 3}')
    assert [kind for kind, _, _ in rows] == ["model", "tool", "model"]
    assert run.trace.arguments[0]["tools"] == ["second_add"]


def test_unknown_tools_are_told_from_those_on_offer(client: Client) -> None:
    def warned(name: str) -> list[str]:
        node = {"id": "t", "type": "tool", "data": {"tool_name": name, "arguments": {}}}
        return [finding["type"] for finding in client.validate(graph(node))["warnings"]]

    assert "UNKNOWN_TOOL" not in warned("web.add")
    assert "UNKNOWN_TOOL" in warned("web.subtract")
    assert run_tool(client, "web.subtract").error["code"] == "UNKNOWN_TOOL"


def test_a_slow_call_ends_in_time_and_the_session_goes_on(runtime: Runtime, client: Client) -> None:
    with pytest.raises(StepTimeout) as caught:
        call(runtime, "web.slow", seconds=60)
    assert caught.value.retryable
    assert call(runtime, "web.add", a=1) == {"result": 2}


def test_a_program_that_dies_is_started_again(runtime: Runtime, client: Client) -> None:
    before = call(runtime, "first.who")
    run = run_tool(client, "first.dies")
    assert run.error["code"] == "MCP_SERVER_LOST"
    assert run.trace.error[0] == "The MCP server 'first' cannot be reached."
    after = call(runtime, "first.who")
    assert after["result"].startswith("first ")
    assert after != before


def test_a_server_over_http_dies_and_comes_back(runtime: Runtime, web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="builder_jupyter")
    assert call(runtime, "web.add", a=1) == {"result": 2}
    web.kill()
    for _ in range(2):
        with pytest.raises(ProviderError) as caught:
            call(runtime, "web.add", a=1)
        assert caught.value.retryable
    assert "web.add" not in {tool["name"] for tool in runtime.portal.wait(runtime.tools.listing(ME))}
    assert "first.add" in {tool["name"] for tool in runtime.portal.wait(runtime.tools.listing(ME))}
    web.start()
    assert call(runtime, "web.add", a=1) == {"result": 2}
    assert [r.getMessage() for r in caplog.records if "again" in r.getMessage()] == ["MCP server web can be used again"]
    assert "web.add" in {tool["name"] for tool in runtime.portal.wait(runtime.tools.listing(ME))}


def test_a_listing_is_made_anew_when_it_is_old(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    one = server(runtime, "first")
    monkeypatch.setattr("builder_jupyter.connectors.mcp_servers.LIFETIME_SECONDS", 0.0)
    before = one._listed_at

    async def refreshed() -> None:
        one.refresh_soon()
        async with asyncio.timeout(60):
            while one._listed_at == before:
                await asyncio.sleep(0.01)

    runtime.portal.wait(refreshed())
    assert one.is_up


def test_the_log_names_each_problem_once_and_nothing_that_was_said(
    web: Web, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCP_TEST_WRONG", "wrong-4712")
    monkeypatch.setattr("builder_jupyter.connectors.mcp_servers.FIRST_PAUSE_SECONDS", 0.01)
    caplog.set_level("DEBUG")
    caplog.clear()
    locked = {"url": web.url, "headers": {"Authorization": "Bearer ${MCP_TEST_WRONG}"}}
    told: list[str] = []
    with Runtime(
        Settings(mcp_servers={"locked": locked, "both": {"url": "x", "command": TOKEN}}), notice=told.append
    ) as rt:

        async def tried_again() -> None:
            one = server(rt, "locked")
            async with asyncio.timeout(60):
                while one._failures < 3:
                    await asyncio.sleep(0.01)

        rt.portal.wait(tried_again())
        assert [tool["name"] for tool in rt.portal.wait(rt.tools.listing(ME))] == ["web_search", "calculator"]
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "locked" in line]) == 1
    assert told == ["The MCP server 'both' is left out: it needs either a url or a command."]
    assert not [line for line in [*lines, *told] if TOKEN in line or "4712" in line]


def test_an_answer_that_cannot_be_read(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builder_jupyter.connectors.mcp_tools.MAX_RESULT_BYTES", 3)
    with pytest.raises(OutputInvalid):
        call(runtime, "first.blocks")


def test_closing(runtime: Runtime) -> None:
    """The last test: what stopping leaves behind is looked at by the fixture, and by pytest's own warnings."""
    assert server(runtime, "second").is_up


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("x", "either a url or a command"),
        ({"url": "ftp://x"}, "starts with http"),
        ({"url": "http://x", "args": []}, "unknown settings: args"),
        ({"url": "http://x", "headers": {"A": 1}}, "headers are texts"),
        ({"url": "http://x", "timeout": True}, "timeout is a number"),
        ({"command": ""}, "command is a text"),
        ({"command": "x", "args": "y"}, "args is a list"),
    ],
)
def test_settings_that_are_none(entry: Any, fault: str) -> None:
    from builder_jupyter.connectors.mcp_settings import read_servers

    servers, faults = read_servers({"one": entry, "notebook": {"url": "http://x"}})
    assert servers == []
    assert fault in faults[0]
    assert "a name is" in faults[1]
