"""Functions of a notebook as tools on a server: in the kernel that starts the run, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from notebook_kernel import HANG_SECONDS, Notebook, notebook
from server import Call

from builder_jupyter.services.runtime import Runtime

STARTED = "import builder_jupyter as bj\nimport os\nclient = bj.connect()\n"
OFFERED = """
@bj.tool
def price(article: str, amount: int = 1) -> float:
    "What some of an article cost."
    print("asked for", article)
    return prices[article] * amount

@bj.tool
async def where() -> int:
    return os.getpid()

prices = {"pen": 1.5}
"""


def tool_graph(name: str, **arguments: Any) -> dict[str, Any]:
    return {
        "name": "shop",
        "nodes": [
            {"id": "start", "type": "start"},
            {"id": "t", "type": "tool", "data": {"tool_name": name, "arguments": arguments}},
            {"id": "end", "type": "end"},
        ],
        "edges": [{"source": "start", "target": "t"}, {"source": "t", "target": "end"}],
    }


def run_cell(name: str, show: str, **arguments: Any) -> str:
    """Return a cell that runs a workflow of one tool."""
    return f"run = client.run(bj.Workflow.from_dict({tool_graph(name, **arguments)!r}), show=False)\nprint({show})"


@pytest.fixture
def models() -> None:
    """No model is asked for anything."""


@pytest.fixture
def open_notebook(server_url: str, full_key: str, jp_asyncio_loop: Any) -> Iterator[Callable[..., Awaitable[Notebook]]]:
    """Start notebooks of this server, with a key of any workspace; all end with the test."""
    stack = AsyncExitStack()

    async def start(key: str = full_key) -> Notebook:
        environment = {"BUILDER_JUPYTER_URL": server_url + "/", "BUILDER_JUPYTER_KEY": key}
        opened = await stack.enter_async_context(notebook(environment))
        await opened.run(STARTED)
        return opened

    yield start
    jp_asyncio_loop.run_until_complete(stack.aclose())


@pytest.fixture
def names(call: Call) -> Callable[[str], Awaitable[list[str]]]:
    async def listed(key: str) -> list[str]:
        return [tool["name"] for tool in (await call("GET", "/api/builder/tools", key=key)).json]

    return listed


async def ran(call: Call, save: Any, key: str, name: str, **arguments: Any) -> dict[str, Any]:
    """Run a workflow of one tool by REST, to its end."""
    run = {"canvasId": await save(tool_graph(name, **arguments)), "triggerNodeId": "start", "sync": True}
    answer = await call("POST", "/api/run", key=key, body=run)
    assert answer.status == 200, answer.text
    return dict(answer.json)


async def test_a_run_calls_the_function_of_its_notebook(
    open_notebook: Any, names: Any, call: Call, save: Any, full_key: str, foreign_key: str
) -> None:
    nb: Notebook = await open_notebook()
    await nb.run(OFFERED)
    said = await nb.run(run_cell("price", "run['t'].result, run.trace['name'][0]", article="pen", amount=4))
    assert said.splitlines()[-1] == "6.0 price"
    # What a tool prints is the notebook's, and no part of the step.
    assert "asked for pen" in said
    assert await nb.run(run_cell("where", "run['t'].result == os.getpid()")) == "True"
    # Its workspace sees it, others do not.
    assert await names(full_key) == ["web_search", "calculator", "price", "where"]
    assert await names(foreign_key) == ["web_search", "calculator"]
    # A run that somebody else starts does not get at the notebook.
    picture = await ran(call, save, full_key, "price", article="pen")
    assert (picture["status"], picture["error"]["code"]) == ("error", "UNKNOWN_TOOL")
    # The same name again, with the worker attached: the next run calls the new function.
    await nb.run("@bj.tool\ndef price(article: str) -> str:\n    return 'new ' + article")
    assert (await nb.run(run_cell("price", "run['t'].result", article="pen"))) == "new pen"


async def test_errors_are_the_steps(open_notebook: Any) -> None:
    nb: Notebook = await open_notebook()
    await nb.run(OFFERED)
    assert await nb.run(run_cell("price", "run.error['code'], run.error['message']", article="cup")) == (
        "asked for cup\nTOOL_FAILED The tool 'price' failed: KeyError: 'cup'"
    )
    wrong = await nb.run(run_cell("price", "run.error['code'], run.error['message']", article=7, other=1))
    assert wrong.startswith("TOOL_ARGUMENTS The arguments of the tool 'price' are wrong: ")


async def test_validation_in_the_notebook_knows_its_tools(open_notebook: Any) -> None:
    nb: Notebook = await open_notebook()
    await nb.run(OFFERED)
    found = "print([w['type'] for w in client.validate(bj.Workflow.from_dict({}))['warnings']])"
    for name, known in (("price", False), ("prize", True)):
        cell = found.replace("{}", repr(tool_graph(name, article="x")))
        assert ("UNKNOWN_TOOL" in await nb.run(cell)) is known


async def test_a_notebook_that_takes_everything_serves_runs_of_its_workspace_only(
    open_notebook: Any, call: Call, save: Any, full_key: str, foreign_key: str, names: Any, runtime: Runtime
) -> None:
    nb: Notebook = await open_notebook()
    await nb.run(OFFERED + "client.attach(everything=True)")
    picture = await ran(call, save, full_key, "price", article="pen", amount=2)
    assert picture["steps"][1]["result"] == 3.0
    assert picture["steps"][1]["calls"][0]["arguments"] == {"article": "pen", "amount": 2}
    foreign = {"name": "f", **tool_graph("price", article="pen")}
    made = await call("POST", "/api/builder/workflows", key=foreign_key, body=foreign)
    run = {"canvasId": made.json["id"], "triggerNodeId": "start", "sync": True}
    answer = await call("POST", "/api/run", key=foreign_key, body=run)
    assert answer.json["error"]["code"] == "UNKNOWN_TOOL"
    await nb.run("client.detach()")
    assert await names(full_key) == ["web_search", "calculator"]


async def test_what_a_workspace_offers_is_known_to_its_own_workflows_only(
    open_notebook: Any, call: Call, full_key: str, foreign_key: str
) -> None:
    nb: Notebook = await open_notebook()
    await nb.run(OFFERED + "client.attach()")
    graph = tool_graph("price", article="x")
    graph["nodes"][1] = {"id": "t", "type": "agent", "data": {"prompt": "p", "tools": ["price"]}}
    for key, is_known in ((full_key, True), (foreign_key, False)):
        verdict = (await call("POST", "/api/builder/validate", key=key, body=graph)).json
        assert ("UNKNOWN_TOOL" in {finding["type"] for finding in verdict["warnings"]}) is not is_known
        module = (await call("POST", "/api/builder/generate", key=key, body=graph)).json
        assert ("What some of an article cost." in module["code"]) is is_known


async def test_a_notebook_that_dies_fails_the_call_and_takes_its_tools_along(
    open_notebook: Any, call: Call, save: Any, full_key: str, names: Any, runtime: Runtime
) -> None:
    nb: Notebook = await open_notebook()
    await nb.run("@bj.tool\ndef dies() -> None:\n    os._exit(1)\nclient.attach(everything=True)")
    picture = await ran(call, save, full_key, "dies")
    assert picture["error"]["code"] == "WORKER_LOST"
    assert await names(full_key) == ["web_search", "calculator"]


async def test_a_tool_that_is_cancelled_is_interrupted(
    open_notebook: Any, call: Call, save: Any, full_key: str
) -> None:
    nb: Notebook = await open_notebook()
    await nb.run(
        "stopped = False\n@bj.tool\ndef endless() -> None:\n    global stopped\n    import time\n    try:\n"
        "        while True:\n            time.sleep(0.01)\n    finally:\n        stopped = True\n"
        "client.attach(everything=True)"
    )
    run = {"canvasId": await save(tool_graph("endless")), "triggerNodeId": "start"}
    execution = (await call("POST", "/api/run", key=full_key, body=run)).json["executionId"]
    path = f"/api/builder/executions/{execution}"
    async with asyncio.timeout(HANG_SECONDS):
        while (await call("GET", path, key=full_key)).json["steps"][1]["status"] != "running":
            await asyncio.sleep(0.05)
        await call("POST", f"{path}/cancel", key=full_key)
        while await nb.run("print(stopped)") != "True":
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("given", [b"{", b"[1]", b'[{"name": "a b"}]', b'[{"name":"x","description":"","schema":[]}]'])
async def test_offers_that_make_no_sense_are_no_tools(
    runtime: Runtime, names: Any, full_key: str, given: bytes
) -> None:
    from builder_jupyter.identity.principal import local_principal

    sent: list[Any] = []
    work = runtime.workers.attach(local_principal("alice"), "t" * 32, lambda *parcel: sent.append(parcel))
    worker = runtime.portal.wait(work)
    worker.receive({"do": "tools", "job": "1"}, [given])
    assert sent == [({"do": "tools", "job": "1"}, [])]
    assert await names(full_key) == ["web_search", "calculator"]
