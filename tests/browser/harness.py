"""A real JupyterLab or Notebook, a real Chromium, and a second client on the kernel: what the browser tests drive."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HERE = Path(__file__).parent
SESSION_READY = """async () => {
  const app = window.jupyterapp; await app.restored;
  let w = app.shell.currentWidget;
  if (!w?.sessionContext) w = [...app.shell.widgets('main')].find(x => x.sessionContext && x.content?.model);
  if (!w?.sessionContext) return false;
  await w.context.ready; await w.sessionContext.ready;
  const k = w.sessionContext.session?.kernel; window.nbw = w;
  return !!k && k.status === 'idle' && k.connectionStatus === 'connected'; }"""


@dataclass
class Jupyter:
    """A running server: ``app`` is ``lab`` or ``notebook``."""

    url: str
    root: Path
    runtime: Path
    app: str
    token: str
    command: list[str]
    env: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, once more if it was killed, and wait until it answers."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(self.command, env=self.env, stdout=out, stderr=subprocess.STDOUT)
        for _ in range(1200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/api/builder/health", timeout=1)
                return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        pytest.fail(f"The server does not answer:\n{self.log.read_text()}")

    def kill(self) -> None:
        """End it in an instant, as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)


def ask(server: Jupyter, method: str, path: str, body: Any = None) -> Any:
    """Call the server's ``/api/``, as somebody by hand: the same request twice is two."""
    sent = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "X-Trigger-Type": "manual"}
    request = urllib.request.Request(f"{server.url}/api/{path}", sent, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or "null")


@contextlib.contextmanager
def jupyter(folder: Path, app: str = "lab", *options: str, token: str = "") -> Iterator[Jupyter]:
    """Run a server in folders of its own.

    With a token it is as anybody starts it: the token and the XSRF check are on. Without one nothing is checked, and
    the model is that of `scripted.py`; so it is with a token where ``scripted`` stands before the options.
    """
    is_scripted = not token or options[:1] == ("scripted",)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {
        name: folder / name for name in ("root", "runtime", "config", "settings", "workspaces", "ipython", "data")
    }
    for place in places.values():
        place.mkdir()
    news = places["settings"] / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    env = {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(places["runtime"]),
        "JUPYTER_CONFIG_DIR": str(places["config"]),
        "IPYTHONDIR": str(places["ipython"]),
        "JUPYTERLAB_SETTINGS_DIR": str(places["settings"]),
        "JUPYTERLAB_WORKSPACES_DIR": str(places["workspaces"]),
        "PYTHONPATH": str(HERE),
    }
    cls = "LabApp" if app == "lab" else "JupyterNotebookApp"
    launch = [str(HERE / "serve.py"), app] if is_scripted else ["-m", "jupyter", app]
    command = [
        sys.executable, *launch, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
        f"--ServerApp.disable_check_xsrf={not token}",
        f"--ServerApp.root_dir={places['root']}", f"--{cls}.expose_app_in_browser=True",
        f"--BuilderApp.data_dir={places['data']}", *(option for option in options if option != "scripted"),
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    server = Jupyter(url, places["root"], places["runtime"], app, token, command, env, folder / "server.log")
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            # What a test asked for last is answered first: a Jupyter server that is stopped while a thread of its
            # own saves a file waits for that thread for ever.
            time.sleep(1)
            server.process.terminate()
            server.process.wait(60)


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells_ = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells_, metadata={"kernelspec": kernel}), path)


def open_notebook(page: Any, server: Jupyter, name: str) -> None:
    """Open a notebook and wait for its kernel."""
    page.goto(f"{server.url}/{'lab/tree' if server.app == 'lab' else 'notebooks'}/{name}?reset&token={server.token}")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function(SESSION_READY)


def open_lab(page: Any, server: Jupyter) -> None:
    """Open JupyterLab, and wait for its launcher to take the focus, which it does a while after all else is there."""
    page.goto(f"{server.url}/lab?reset")
    page.wait_for_selector(".jp-Launcher:focus-within")


def open_file(page: Any, server: Jupyter, name: str) -> None:
    """Open a file by its name in the file browser, as a person does."""
    open_lab(page, server)
    # Jupyter looks then whether the file has a checkpoint, and makes one: not to be taken for that of a save.
    with page.expect_response(lambda answer: "/checkpoints" in answer.url):
        page.locator(".jp-DirListing-item", has_text=name).dblclick()
    wait_for_editor(page)


def shows(page: Any, expression: str, wanted: Any) -> None:
    """Wait until an expression has a value on the page."""
    text = json.dumps(wanted, separators=(",", ":"), ensure_ascii=False)
    try:
        page.wait_for_function(f"text => JSON.stringify({expression}) === text", arg=text)
    except PlaywrightTimeoutError:
        assert page.evaluate(f"() => {expression}") == wanted  # says what it is instead
        raise


def save_file(page: Any) -> None:
    """Press Ctrl+S and wait until the file is written and its checkpoint made: Jupyter hears no Ctrl+S before that."""
    written: list[str] = []

    def begins_checkpoint(event: Any) -> bool:
        # A checkpoint is made when a file is opened too, and that one says nothing about this save.
        if "/api/contents/" in event.url and event.method == "PUT":
            written.append(event.url)
        return bool(written) and event.method == "POST" and "/checkpoints" in event.url

    with page.expect_request(begins_checkpoint) as checkpoint:
        page.keyboard.press("Control+s")
    assert checkpoint.value.response().ok
    shows(page, "window.jupyterapp.shell.currentWidget.context.model.dirty", False)


def run_all(page: Any) -> None:
    """Run all cells; do not wait for them."""
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")


def wait_for_canvas(page: Any, count: int = 1) -> None:
    """Wait until canvases are drawn, and give the page ``CANVAS(i)`` (the view) and ``AT(id, i)`` (a node's place).

    ``STILL(i)`` says whether the view has its final size and nothing moves in it or is about to: places are good then.
    """
    page.wait_for_function(
        "count => [...document.querySelectorAll('.jp-bj-canvas')]"
        ".filter(e => e.canvas?.graph.hasFitted && e.canvas.graph.core.nodes().length).length >= count",
        arg=count,
    )
    page.evaluate("""() => {
      window.CANVAS = (i = 0) => [...document.querySelectorAll('.jp-bj-canvas')][i].canvas;
      window.AT = (id, i = 0) => { const { core, stage } = CANVAS(i).graph, n = CANVAS(i).graph.node(id);
        const r = core.container().getBoundingClientRect(), p = n.renderedPosition();
        return { x: r.left + p.x, y: r.top + p.y }; };
      window.STILL = (i = 0) => { const { core } = CANVAS(i).graph, { current, queue } = core._private.animation;
        return !current.length && !queue.length && core.width() === core.container().clientWidth; }
      window.STATUS = (id, i = 0) => CANVAS(i).graph.node(id).data('status'); }""")


def wait_for_editor(page: Any, index: int = 0) -> None:
    """Wait until a canvas is drawn and takes edits, after which nothing moves any more."""
    wait_for_canvas(page, index + 1)
    page.wait_for_function("i => CANVAS(i).editor && CANVAS(i).edits.catalogue.length > 0", arg=index)


def place(page: Any, node_id: str, index: int = 0) -> tuple[float, float]:
    """Wait until nothing moves, and return where a node is on the page."""
    page.wait_for_function("i => STILL(i)", arg=index)
    at = page.evaluate("([id, i]) => AT(id, i)", [node_id, index])
    return at["x"], at["y"]


def click_node(page: Any, node_id: str, index: int = 0) -> None:
    """Click a node."""
    page.mouse.click(*place(page, node_id, index))


class Kernel:
    """A second client on the newest kernel: Python's side of the story."""

    def __init__(self, server: Jupyter) -> None:
        from jupyter_client import BlockingKernelClient

        newest = max(server.runtime.glob("kernel-*.json"), key=lambda path: path.stat().st_mtime)
        self.client = BlockingKernelClient(connection_file=str(newest))
        self.client.load_connection_file()
        self.client.start_channels()
        self.client.wait_for_ready(30)

    def _reply(self, sent: str) -> Any:
        while (reply := self.client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != sent:
            pass
        return reply["content"]

    def run(self, code: str) -> None:
        """Run code beside the notebook's cells."""
        content = self._reply(self.client.execute(code, store_history=False))
        assert content["status"] == "ok", "\n".join(content.get("traceback", []))

    def value(self, expression: str) -> Any:
        """Return the value of an expression."""
        wanted = {"x": f"__import__('json').dumps({expression})"}
        found = self._reply(self.client.execute("", silent=True, user_expressions=wanted))["user_expressions"]["x"]
        assert found["status"] == "ok", found
        return json.loads(ast.literal_eval(found["data"]["text/plain"]))
