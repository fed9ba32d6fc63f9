"""What importing the package and loading the extension cost. Run by hand; prints a table.

The yardsticks are measured in the same run: an import of the standard library's ``json``, and a Jupyter server without
the extension.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile

ROUNDS = 7

IMPORT = "import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
LOAD = """
import time
from jupyter_server.serverapp import ServerApp
app = ServerApp()
t = time.perf_counter()
app.initialize(argv=["--ServerApp.jpserver_extensions={extensions}", "--ServerApp.root_dir={root}",
    "--BuilderApp.data_dir={root}-data", "--allow-root", "--port=0"], new_httpserver=False)
print(time.perf_counter() - t)
import os; os._exit(0)
"""


def seconds(code: str) -> float:
    """Run code in a fresh interpreter and return the number on its last line."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measure, interleaved, and print medians."""
    with tempfile.TemporaryDirectory() as root:
        cases = {
            "import json": IMPORT.format(module="json"),
            "import builder_jupyter": IMPORT.format(module="builder_jupyter"),
            "server without the extension": LOAD.format(extensions="{'builder_jupyter': False}", root=root),
            "server with the extension": LOAD.format(extensions="{'builder_jupyter': True}", root=root),
        }
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, code in cases.items():
                times[name].append(seconds(code))
    for name, values in times.items():
        print(f"{name:32} {statistics.median(values) * 1000:8.1f} ms")
    added = statistics.median(times["server with the extension"]) - statistics.median(
        times["server without the extension"]
    )
    print(f"{'the extension adds':32} {added * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
