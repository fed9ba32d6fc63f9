"""Python nodes on a server: in the notebook that starts the run, else in a fresh kernel, and never elsewhere."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from notebook_kernel import HANG_SECONDS, Notebook, notebook, python_graph
from server import Answer, Call
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from builder_jupyter.rest.worker import WorkerSocket
from builder_jupyter.services.runtime import Runtime
from builder_jupyter.storage.frames import from_parquet

Save = Callable[..., Awaitable[str]]
Picture = dict[str, Any]

STARTED = "import builder_jupyter as bj\nfrom pathlib import Path\nclient = bj.connect()\n"


@pytest.fixture
def models() -> None:
    """No model is asked for anything."""


@pytest.fixture
def open_notebook(server_url: str, full_key: str, jp_asyncio_loop: Any) -> Iterator[Callable[[], Awaitable[Notebook]]]:
    """Start notebooks of this server; all end with the test."""
    environment = {"BUILDER_JUPYTER_URL": server_url + "/", "BUILDER_JUPYTER_KEY": full_key}
    stack = AsyncExitStack()

    async def start() -> Notebook:
        opened = await stack.enter_async_context(notebook(environment))
        await opened.run(STARTED)
        return opened

    yield start
    jp_asyncio_loop.run_until_complete(stack.aclose())


@pytest.fixture
def begin(call: Call, save: Save, full_key: str) -> Callable[..., Awaitable[str]]:
    """Save a graph, run it by REST and return the execution's id."""

    async def start(graph: dict[str, Any], inputs: dict[str, Any] | None = None, **headers: str) -> str:
        run = {"canvasId": await save(graph), "triggerNodeId": "start", "inputs": inputs or {}}
        answer = await call("POST", "/api/run", key=full_key, body=run, headers=headers)
        assert answer.status == 202, answer.text
        return answer.json["executionId"]

    return start


@pytest.fixture
def over(runtime: Runtime, call: Call, full_key: str) -> Callable[[str], Awaitable[Picture]]:
    """Wait for an execution to end and return its picture."""

    async def wait(execution_id: str) -> Picture:
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                picture = (await call("GET", f"/api/builder/executions/{execution_id}", key=full_key)).json
                if picture["finishedAt"]:
                    return picture
                await asyncio.sleep(0.05)

    return wait


def step(picture: Picture, name: str) -> Picture:
    return next(one for one in picture["steps"] if one["stepId"] == name)


def is_running(pid: object) -> bool:
    return Path(f"/proc/{pid}").exists()


async def streamed(call: Call, key: str, execution_id: str, text: str) -> None:
    """Wait until a step has streamed a text."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            answer = await call("GET", f"/api/builder/executions/{execution_id}/events", key=key)
            if any(text in event.get("text", "") for event in answer.json["events"]):
                return
            await asyncio.sleep(0.05)


# -- fresh kernels ---------------------------------------------------------------------------------------------


async def test_without_a_notebook_code_runs_in_one_fresh_kernel(
    begin: Any, over: Any, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUILDER_JUPYTER_KEY", "builder_secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PLAIN", "there")
    look = (
        "import os\nkept = os.getpid()\nprint('in', os.getcwd())\n"
        "secret = [name for name in os.environ if 'KEY' in name or 'TOKEN' in name or name.startswith('JUPYTERHUB')]\n"
        "{'pid': kept, 'secret': secret, 'plain': os.environ.get('PLAIN'), 'n': state['n']}"
    )
    picture = await over(await begin(python_graph(look, "os.getpid() == state['results']['p0']['pid']"), {"n": 3}))
    assert picture["status"] == "completed", picture["error"]
    found = step(picture, "p0")["result"]
    assert found["pid"] != __import__("os").getpid()
    assert (found["secret"], found["plain"], found["n"]) == ([], "there", 3)
    assert step(picture, "p0")["display"] == [{"application/vnd.jupyter.stdout": f"in {jp_root_dir}\n"}]
    assert step(picture, "p1")["result"] is True
    assert step(picture, "p1")["outputs"]["text-out"]["value"] == "true"


async def test_a_fresh_kernel_ends_with_its_execution(begin: Any, over: Any, runtime: Runtime) -> None:
    picture = await over(await begin(python_graph("import os\nos.getpid()")))
    pid = step(picture, "p0")["result"]
    async with asyncio.timeout(HANG_SECONDS):
        while is_running(pid):
            await asyncio.sleep(0.05)


async def test_dataframes_and_displays_of_a_fresh_kernel(
    begin: Any, over: Any, call: Call, full_key: str, foreign_key: str, make_key: Callable[..., str]
) -> None:
    make = (
        "import pandas as pd\nfrom IPython.display import HTML, display\n"
        "print('a'); print('b'); display(HTML('<b>c</b>')); print('d')\n"
        "pd.DataFrame({'n': range(1000)})"
    )
    picture = await over(await begin(python_graph(make, "int(state['results']['p0'].n.sum())")))
    assert picture["status"] == "completed", picture["error"]
    assert step(picture, "p1")["result"] == 499500
    reference = step(picture, "p0")["result"]
    assert (reference["kind"], reference["rows"], reference["columns"]) == ("dataframe", 1000, ["n"])
    assert reference["preview"][:2] == [{"n": 0}, {"n": 1}]
    shown = step(picture, "p0")["display"]
    assert [next(iter(bundle)) for bundle in shown[:3]] == [
        "application/vnd.jupyter.stdout", "text/plain", "application/vnd.jupyter.stdout",
    ]  # fmt: skip
    assert shown[0] == {"application/vnd.jupyter.stdout": "a\nb\n"}
    assert shown[1]["text/html"] == "<b>c</b>"
    assert "text/html" in shown[3], "a dataframe is shown as a notebook shows it"

    async def read(key: str, digest: str = reference["$artefact"]) -> Answer:
        return await call("GET", f"/api/builder/artefacts/{digest}", key=key)

    assert (await read(make_key("read:canvases"))).status == 403
    foreign, unknown = await read(foreign_key), await read(full_key, "0" * 64)
    assert (foreign.status, foreign.text) == (unknown.status, unknown.text) == (404, unknown.text)
    for name in ("x", "..%2f..%2fbuilder.duckdb", reference["$artefact"].upper()):
        assert (await read(full_key, name)).status == 404


async def test_an_artefact_is_parquet(begin: Any, over: Any, server_url: str, full_key: str) -> None:
    from tornado.httpclient import AsyncHTTPClient

    picture = await over(await begin(python_graph("import pandas as pd\npd.DataFrame({'n': [1, 2]})")))
    response = await AsyncHTTPClient().fetch(
        f"{server_url}/api/builder/artefacts/{step(picture, 'p0')['result']['$artefact']}",
        headers={"Authorization": f"Bearer {full_key}"},
    )
    assert response.headers["Content-Type"] == "application/vnd.apache.parquet"
    assert from_parquet(response.body).n.tolist() == [1, 2]


async def test_a_foreign_reference_in_the_inputs_opens_nothing(begin: Any, over: Any, runtime: Runtime) -> None:
    digest = runtime.artefacts.put("elsewhere", b"theirs")
    stolen = {"$artefact": digest, "kind": "dataframe"}
    picture = await over(await begin(python_graph("state['stolen']"), {"stolen": stolen}))
    assert picture["error"]["code"] == "ARTEFACT_NOT_FOUND"


async def test_an_exception_is_the_steps_and_not_the_logs(
    begin: Any, over: Any, caplog: pytest.LogCaptureFixture
) -> None:
    picture = await over(await begin(python_graph("x = 1\nprint('before')\nraise ValueError('all is lost')")))
    assert picture["error"] == {
        "message": "ValueError: all is lost (line 3)", "code": "PYTHON_ERROR", "retryable": False, "stepId": "p0",
    }  # fmt: skip
    failed = step(picture, "p0")
    assert failed["error"]["message"] == "ValueError: all is lost (line 3)"
    assert failed["display"][0] == {"application/vnd.jupyter.stdout": "before\n"}
    assert "raise ValueError('all is lost')" in failed["display"][1]["text/plain"]
    assert "builder_jupyter" not in failed["display"][1]["text/plain"], "our own frames are nobody's business"
    assert "all is lost" not in caplog.text


async def test_cancelling_stops_an_endless_loop_of_a_fresh_kernel(
    begin: Any, over: Any, call: Call, full_key: str
) -> None:
    execution_id = await begin(python_graph("import os\nprint(os.getpid())\nwhile True:\n    pass"))
    await streamed(call, full_key, execution_id, "\n")
    events = (await call("GET", f"/api/builder/executions/{execution_id}/events", key=full_key)).json["events"]
    pid = "".join(event["text"] for event in events if event["kind"] == "token").strip()
    assert is_running(pid)
    await call("POST", f"/api/builder/executions/{execution_id}/cancel", key=full_key)
    assert (await over(execution_id))["status"] == "cancelled"
    async with asyncio.timeout(HANG_SECONDS):
        while is_running(pid):
            await asyncio.sleep(0.05)


async def test_a_fresh_kernel_that_dies(begin: Any, over: Any) -> None:
    picture = await over(await begin(python_graph("import os\nos._exit(1)")))
    assert (picture["error"]["code"], picture["error"]["retryable"]) == ("WORKER_LOST", True)


async def test_a_time_limit(begin: Any, over: Any) -> None:
    picture = await over(await begin(python_graph("import time\nwhile True:\n    time.sleep(0.01)", timeout=5)))
    assert picture["error"]["code"] == "STEP_TIMEOUT"


# -- the notebook's kernel -------------------------------------------------------------------------------------


def workflow_cell(*codes: str, name: str = "nb") -> str:
    """Return a cell that makes ``wf``."""
    return f"wf = bj.Workflow.from_dict({ ({'name': name, **python_graph(*codes)})!r})\n"


async def test_a_notebooks_dataframe_goes_into_the_graph_and_back(open_notebook: Any) -> None:
    nb: Notebook = await open_notebook()
    # The cell blocks until the run is over, and the node runs meanwhile, in the same namespace.
    cell = workflow_cell(
        "import threading\nwhere = threading.current_thread() is threading.main_thread()\nprint('live')\n"
        "sales[sales.n > state['least']]",
        "state['results']['p0'].n.sum()",
    )
    said = await nb.run(
        cell + "import pandas as pd, os\nsales = pd.DataFrame({'n': [1, 2, 3], 'who': ['a', 'b', 'c']})\n"
        "run = client.run(wf, least=1, show=False)\n"
        "frame = run['p0'].result\n"
        "print(run.status, type(frame).__name__, frame.n.tolist(), run['p1'].result, where)\n"
        "run['p0'].display()"
    )
    assert said.splitlines()[:2] == ["completed DataFrame [2, 3] 5 False", "live"]
    assert "state" not in (await nb.run("print([name for name in globals() if name == 'state'])"))


async def test_only_the_kernel_that_starts_a_run_runs_it(open_notebook: Any, begin: Any, over: Any) -> None:
    one, other = await open_notebook(), await open_notebook()
    cell = workflow_cell("import os\nos.getpid()")
    ask = "import os\nrun = client.run(wf, show=False)\nprint(run['p0'].result == os.getpid(), run['p0'].result)"
    assert (await other.run(cell + ask)).startswith("True")
    assert (await one.run(cell + ask)).startswith("True")
    pids = {await nb.run("print(os.getpid())") for nb in (one, other)}
    # What somebody else starts goes to neither, whatever they claim.
    for headers in ({}, {"Builder-Worker": "0" * 32}, {"Builder-Worker": ""}):
        picture = await over(await begin(python_graph("import os\nos.getpid()"), **headers))
        assert str(step(picture, "p0")["result"]) not in pids


async def test_a_kernel_may_take_everything(open_notebook: Any, begin: Any, over: Any) -> None:
    nb: Notebook = await open_notebook()
    await nb.run("client.attach(everything=True)\nfound = 'in the notebook'")
    picture = await over(await begin(python_graph("found")))
    assert step(picture, "p0")["result"] == "in the notebook"
    # What it starts itself changes nothing in that.
    assert await nb.run(workflow_cell("found") + "print(client.run(wf, show=False).status)") == "completed"
    assert step(await over(await begin(python_graph("found"))), "p0")["result"] == "in the notebook"
    await nb.run("client.detach()")
    assert (await over(await begin(python_graph("found"))))["error"]["code"] == "PYTHON_ERROR"


async def test_a_foreign_key_gets_nothing_run_in_a_notebook(
    open_notebook: Any, call: Call, foreign_key: str, over: Any, server_url: str
) -> None:
    nb: Notebook = await open_notebook()
    token = await nb.run(
        "from builder_jupyter.portal import Portal\n"
        "print(client.transport.portal.wait(client.transport.attach(everything=True)))"
    )
    graph = python_graph("import os\nos.getpid()")
    saved = await call("POST", "/api/builder/workflows", key=foreign_key, body={"name": "theirs", **graph})
    run = {"canvasId": saved.json["id"], "triggerNodeId": "start", "inputs": {}, "sync": True, "timeoutSeconds": 55}
    answer = await call("POST", "/api/run", key=foreign_key, body=run, headers={"Builder-Worker": token})
    assert answer.json["status"] == "completed", answer.text
    assert str(step(answer.json, "p0")["result"]) != await nb.run("import os\nprint(os.getpid())")


async def test_a_holder_of_the_token_starts_runs_in_the_notebook(open_notebook: Any, begin: Any, over: Any) -> None:
    """The canvas: its button calls the server from the browser, with the token that the widget gave it."""
    nb: Notebook = await open_notebook()
    token = await nb.run(workflow_cell("1") + "found = 7\nprint(client.attach_for(wf))")
    picture = await over(await begin(python_graph("found"), **{"Builder-Worker": token}))
    assert step(picture, "p0")["result"] == 7


async def test_cancelling_stops_an_endless_loop_in_the_notebook_and_no_cell(open_notebook: Any) -> None:
    nb: Notebook = await open_notebook()
    said = await nb.run(
        workflow_cell("count = 0\nwhile True:\n    count += 1") + "import time\nrun = client.start(wf)\n"
        "while 'count' not in globals():\n    time.sleep(0.01)\n"
        "run.cancel()\nprint(run.status)\n"
        "import threading\n"
        "[t.join(30) for t in threading.enumerate() if t.name.startswith('builder-step')]\n"
        "before = count\ntime.sleep(0.05)\nprint(before == count)"
    )
    assert said.splitlines() == ["cancelled", "True"]
    # The kernel goes on as if nothing had been.
    assert (
        await nb.run(workflow_cell("40 + 2", name="again") + "print(client.run(wf, show=False)['p0'].result)") == "42"
    )


async def test_output_is_streamed_while_the_code_runs(
    open_notebook: Any, call: Call, full_key: str, tmp_path: Path, over: Any
) -> None:
    nb: Notebook = await open_notebook()
    flag = tmp_path / "go"
    code = f"import time\nprint('early')\nwhile not Path({str(flag)!r}).exists():\n    time.sleep(0.01)\nprint('late')"
    said = await nb.run(workflow_cell(code) + "run = client.start(wf)\nprint('cell')\nprint(run.id)")
    assert said.splitlines()[0] == "cell", "the node's output is not the cell's"
    execution_id = said.splitlines()[1]
    await streamed(call, full_key, execution_id, "early")
    flag.touch()
    picture = await over(execution_id)
    assert step(picture, "p0")["display"] == [{"application/vnd.jupyter.stdout": "early\nlate\n"}]
    assert step(picture, "p0")["result"] is None


async def test_a_display_in_the_notebook_goes_to_the_step(open_notebook: Any, over: Any) -> None:
    nb: Notebook = await open_notebook()
    code = (
        "import sys\nfrom IPython.display import HTML, display\n"
        "display(HTML('<i>x</i>'))\nprint('e', file=sys.stderr)\nHTML('<b>y</b>')"
    )
    said = await nb.run(
        workflow_cell(code) + "run = client.run(wf, show=False)\nprint(run.id, type(sys.stdout).__name__)"
    )
    assert said.endswith("OutStream"), "sys.stdout is put back"
    shown = step(await over(said.split()[0]), "p0")["display"]
    assert shown[0]["text/html"] == "<i>x</i>"
    assert shown[1] == {"application/vnd.jupyter.stderr": "e\n"}
    assert shown[2]["text/html"] == "<b>y</b>"
    assert "HTML" in shown[3]["text/plain"], "the note says that the repr was kept"


async def test_a_notebook_that_dies_in_the_middle_of_a_step(open_notebook: Any, over: Any) -> None:
    nb: Notebook = await open_notebook()
    execution_id = await nb.run(
        workflow_cell("import time\nwhile not globals().get('go'):\n    time.sleep(0.01)\nimport os\nos._exit(1)")
        + "run = client.start(wf)\nprint(run.id)"
    )
    await nb.begin("go = True")
    picture = await over(execution_id)
    assert (picture["error"]["code"], picture["error"]["retryable"]) == ("WORKER_LOST", True)
    assert "not known" in picture["error"]["message"]


async def test_a_worker_that_disconnects_and_its_late_result(open_notebook: Any, over: Any, tmp_path: Path) -> None:
    nb: Notebook = await open_notebook()
    execution_id = await nb.run(
        workflow_cell(
            "import time\nbegun = True\ntry:\n    while True:\n        time.sleep(0.01)\n"
            "except KeyboardInterrupt:\n    pass\n'late'"
        )
        + "run = client.start(wf)\nimport time\nwhile 'begun' not in globals():\n    time.sleep(0.01)\n"
        "client.detach()\nprint(run.id)"
    )
    picture = await over(execution_id)
    assert picture["error"]["code"] == "WORKER_LOST"
    assert step(picture, "p0")["result"] is None


async def test_large_values_both_ways(open_notebook: Any) -> None:
    """Larger than one frame of the socket, and than what one may carry."""
    nb: Notebook = await open_notebook()
    said = await nb.run(
        workflow_cell("['x' * 1000] * 9000", "len(state['results']['p0'])", "'y' * 51_000_000")
        + "run = client.run(wf, show=False)\nprint(run['p1'].result)\nprint(run.error['code'], run.error['message'])"
    )
    first, second = said.splitlines()
    assert first == "9000"
    assert second.startswith("OUTPUT_INVALID The result is 51 MB of JSON; 50 MB is the most.")
    assert "dataframe" in second


async def test_a_canvas_offers_its_kernel_to_the_button(open_notebook: Any, begin: Any, over: Any) -> None:
    nb: Notebook = await open_notebook()
    quiet = "import warnings\nwarnings.simplefilter('ignore')\n"
    token = await nb.run(quiet + workflow_cell("found") + "found = 9\ncanvas = bj.Canvas(wf)\nprint(canvas.worker)")
    picture = await over(await begin(python_graph("found"), **{"Builder-Worker": token}))
    assert step(picture, "p0")["result"] == 9
    plain = "{'name': 'x', 'nodes': [{'id': 'start', 'type': 'start'}], 'edges': []}"
    assert await nb.run(f"print(repr(bj.Canvas(bj.Workflow.from_dict({plain})).worker))") == "''"


async def test_a_connection_that_breaks_is_made_anew(open_notebook: Any, runtime: Runtime) -> None:
    nb: Notebook = await open_notebook()
    await nb.run(workflow_cell("found") + "found = 1\nclient.attach()")
    (before,) = runtime.workers._attached.values()
    for handler in gc.get_objects():
        if isinstance(handler, WorkerSocket):
            handler.close()
    async with asyncio.timeout(HANG_SECONDS):
        while list(runtime.workers._attached.values()) in ([], [before]):
            await asyncio.sleep(0.05)
    assert await nb.run("found = 2\nprint(client.run(wf, show=False)['p0'].result)") == "2"


async def test_a_worker_that_talks_nonsense_is_let_go(server_url: str, full_key: str, runtime: Runtime) -> None:
    url = f"{server_url.replace('http', 'ws', 1)}/api/builder/worker"
    headers = {"Authorization": f"Bearer {full_key}"}
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(HTTPRequest(url, headers={**headers, "Builder-Worker": "short"}))
    assert refused.value.code == 400
    connection = await websocket_connect(HTTPRequest(url, headers={**headers, "Builder-Worker": "ab" * 16}))
    await connection.write_message('{"do": "done", "job": "nobody\'s", "attached": []}')
    await connection.write_message("nonsense")
    assert await connection.read_message() is None
    assert connection.close_code == 1003
    connection.close()
    async with asyncio.timeout(HANG_SECONDS):
        while runtime.workers._attached:
            await asyncio.sleep(0.01)
