"""Run a command while a Jupyter server with the extension is up, as a kernel of that server would see it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TOKEN = "only-for-this-run"


def main(command: list[str]) -> int:
    """Start the server, run the command with its address in the environment, stop the server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        log = Path(folder) / "server.log"
        with log.open("w") as out:
            server = subprocess.Popen(
                [
                    sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root", f"--port={port}",
                    "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={root}",
                    f"--BuilderApp.data_dir={folder}/data", "--ServerApp.base_url=/a%40b/",
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        url = f"http://127.0.0.1:{port}/a%40b/"
        try:
            wait_for(url, server, log)
            return subprocess.call(
                command, env=os.environ | {"BUILDER_JUPYTER_URL": url, "BUILDER_JUPYTER_KEY": key(url)}
            )
        finally:
            server.terminate()
            server.wait(20)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the extension answers."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}api/builder/health", timeout=1):
                return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    sys.exit(f"the server did not come up:\n{log.read_text()}")


def key(url: str) -> str:
    """Make a key that may do what a kernel's may."""
    scopes = ["read:canvases", "write:canvas", "delete:canvas", "run:workflows", "manage:integrations", "read:billing"]
    request = urllib.request.Request(
        f"{url}api/builder/keys",
        data=json.dumps({"name": "notebooks", "scopes": scopes}).encode(),
        headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        made: str = json.load(answer)["key"]
        return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
