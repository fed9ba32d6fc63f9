"""A server that is to stop when nothing happens: not while executions run, but then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from processes import ServerProcess, chain

# Jupyter looks once a minute whether it is idle; here more often, from when the test has begun, and it writes down that
# it looked.
IMPATIENT = """
from tornado import ioloop
from jupyter_server import serverapp

looks, armed = (pathlib.Path(GATE).with_name(name) for name in ("looks", "armed"))
idle_check = serverapp.ServerApp.shutdown_no_activity

def noted(self):
    if armed.exists():
        with looks.open("a") as file:
            file.write("x")
        idle_check(self)

serverapp.ServerApp.shutdown_no_activity = noted
begin = ioloop.PeriodicCallback

def often(callback, milliseconds, *more, **options):
    return begin(callback, 100 if getattr(callback, "__name__", "") == "noted" else milliseconds, *more, **options)

ioloop.PeriodicCallback = often
"""
AGENT = {"id": "agent", "type": "agent", "data": {"name": "Support", "prompt": "You are helpful"}}
HUMAN = {"id": "ask", "type": "human"}
STOPPED = "shutting down"


@pytest.mark.parametrize("node", [AGENT, HUMAN], ids=["runs", "waits for a person"])
def test_a_server_with_a_small_timeout(tmp_path: Path, node: dict[str, Any]) -> None:
    looks = tmp_path / "looks"

    def looked() -> int:
        return looks.stat().st_size if looks.exists() else 0

    with ServerProcess(tmp_path, "--ServerApp.shutdown_no_activity_timeout=2", config=IMPATIENT) as server:
        server.run(chain(node))
        (tmp_path / "armed").touch()
        if node is AGENT:  # which is not answered before the gate is open
            server.until(lambda: looked() > 40)  # twice the timeout
            assert STOPPED not in server.log
            server.gate.touch()
        assert server.wait() == 0
        assert "No kernels for" in server.log
    with ServerProcess(tmp_path, config="") as server:
        expected = "completed" if node is AGENT else "waiting"
        (execution,) = server.call("GET", "api/builder/executions")["executions"]
        assert execution["status"] == expected
