"""A Jupyter server in a process of its own, for what only a whole process shows: its log, its end, its lock."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import httpx

TOKEN = "only-for-this-test"
PATIENCE_SECONDS = 60.0

# Read by the server as its configuration: the models of `scripted_models`, wherever it would ask a provider.
SCRIPTED = """
import asyncio, pathlib
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.services import runtime

class Gated(ScriptedModels):
    \"\"\"Answers once there is a file named `open` in the server's folder.\"\"\"

    async def get(self, name):
        while not pathlib.Path(GATE).exists():
            await asyncio.sleep(0.02)
        return await super().get(name)

runtime.ModelHub = lambda **_: Gated(ScriptedModel(lambda request: "Done."))
"""


class ServerProcess:
    """A server in ``folder``. Use it as a context manager: it is there until it ends by itself or the block does.

    Parameters
    ----------
    options : more command-line options.
    config : more Python for its configuration file, which may use ``c`` and ``GATE``.
    """

    def __init__(self, folder: Path, *options: str, config: str = "") -> None:
        self.root = folder / "root"
        self.data = folder / "data"
        self.gate = folder / "open"
        self._log = folder / "server.log"
        self._runtime_dir = folder / "runtime"
        self.root.mkdir(exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        settings = folder / "config.py"
        settings.write_text(f"GATE = {str(self.gate)!r}\n{SCRIPTED}\n{config}", encoding="utf-8")
        self._command = [
            sys.executable, "-m", "jupyter_server", "--allow-root", f"--port={self.port}", f"--config={settings}",
            "--ServerApp.port_retries=0", "--ServerApp.open_browser=False", f"--ServerApp.root_dir={self.root}",
            f"--IdentityProvider.token={TOKEN}", f"--BuilderApp.data_dir={self.data}",
            "--ServerApp.jpserver_extensions=builder_jupyter=True", *options,
        ]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """The environment of processes that are to find this server, and none other."""
        own = {k: v for k, v in os.environ.items() if not k.startswith(("BUILDER_", "JPY_", "JUPYTER"))}
        places = {"JUPYTER_RUNTIME_DIR": self._runtime_dir, "JUPYTER_CONFIG_DIR": self.root.parent / "none"}
        return own | {name: str(place) for name, place in places.items()}

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return self._log.read_text(encoding="utf-8")

    def __enter__(self) -> Self:
        with self._log.open("a") as out:
            self.process = subprocess.Popen(
                self._command, stdout=out, stderr=out, env=self.environment, cwd=self.root.parent
            )
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"token {TOKEN}"}, timeout=PATIENCE_SECONDS, trust_env=False
        )
        self.until(self._answers)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self) -> int:
        """Wait until the server has ended; return its exit code."""
        try:
            return self.process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the server does not end; it wrote:\n{self.log}") from None

    def until(self, condition: Any) -> None:
        """Wait until something holds, at most so long that it must be broken; fail when the server ends meanwhile."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert self.process.poll() is None, f"the server has ended; it wrote:\n{self.log}"
            assert time.monotonic() < deadline, f"it never came about; the server wrote:\n{self.log}"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return self.http.get("api/builder/health").status_code == 200
        except httpx.TransportError:
            return False

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send a request with the server's token and return the JSON of its answer, which must be a success."""
        answer = self.http.request(method, path, json=body, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def run(self, graph: dict[str, Any], inputs: dict[str, Any] | None = None, *, sync: bool = False) -> dict[str, Any]:
        """Save a graph, run it from its node ``start``, and return the answer."""
        saved = self.call("POST", "api/builder/workflows", {"name": "Test", **graph})
        body = {"canvasId": saved["id"], "triggerNodeId": "start", "inputs": inputs or {}, "sync": sync}
        started: dict[str, Any] = self.call("POST", "api/run", body)
        return started


def chain(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Return a graph that goes through these nodes, from ``start`` to ``end``."""
    every = [{"id": "start", "type": "start"}, *nodes, {"id": "end", "type": "end"}]
    ids = [node["id"] for node in every]
    edges = [{"source": source, "target": target} for source, target in pairwise(ids)]
    return {"nodes": every, "edges": edges}
