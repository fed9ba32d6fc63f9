"""Python nodes over a restart: what was kept is there, and the code goes on in a fresh kernel."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from notebook_kernel import python_graph

from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal

HANG_SECONDS = 120
ME = local_principal("me")


def wait_for(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < end, "it hangs"
        time.sleep(0.02)


def test_a_step_goes_on_in_a_fresh_kernel_after_a_restart(tmp_path: Path, builder_runtime: Callable[..., Any]) -> None:
    log, flag = tmp_path / "log", tmp_path / "flag"
    log.touch()
    code = (
        "import os, time\nfrom pathlib import Path\n"
        f"with open({str(log)!r}, 'a') as log:\n    log.write(f'{{os.getpid()}}\\n')\n"
        f"while not Path({str(flag)!r}).exists():\n    time.sleep(0.01)\n"
        "int(state['results']['p0'].n.sum())"
    )
    graph = {"name": "w", **python_graph("import pandas as pd\npd.DataFrame({'n': [1, 2]})", code)}
    runtime = builder_runtime(data_dir=tmp_path / "data")
    saved = runtime.portal.wait(runtime.workflows.create(ME, Workflow.from_dict(graph)))
    execution_id = runtime.portal.wait(runtime.executions.start(ME, saved.id)).execution_id
    wait_for(lambda: log.read_text().count("\n") == 1)
    runtime.stop()
    wait_for(lambda: not Path(f"/proc/{log.read_text().split()[0]}").exists())
    again = builder_runtime(data_dir=tmp_path / "data")
    assert again.resumed == 1
    wait_for(lambda: log.read_text().count("\n") == 2)
    flag.touch()
    picture = again.portal.wait(again.executions.wait(ME, execution_id, seconds=HANG_SECONDS))
    assert picture["status"] == "completed", picture["error"]
    assert [step["result"] for step in picture["steps"] if step["stepId"] == "p1"] == [3]
    assert len(set(log.read_text().split())) == 2
