"""What a real server writes about executions."""

from __future__ import annotations

import json
from pathlib import Path

from processes import ServerProcess, chain

SECRET = "the-caller's-own-business"
FAILING = chain({"id": "sums", "type": "tool", "data": {"tool_name": "calculator", "arguments": {"expression": "1 +"}}})


def lines_about(log: str, execution_id: str) -> list[str]:
    return [line for line in log.splitlines() if execution_id in line]


def test_a_failed_step_is_logged_with_its_ids(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        ended = server.run(FAILING, {"message": SECRET}, sync=True)
        assert ended["status"] == "error"
    (line,) = lines_about(server.log, ended["executionId"])
    assert line.startswith("[I ")
    assert "builder_jupyter.execution" in line
    assert f" execution_id={ended['executionId']} step_id=sums" in line
    assert SECRET not in server.log


def test_as_json(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--BuilderApp.log_json=True") as server:
        ended = server.run(FAILING, {"message": SECRET}, sync=True)
    (line,) = lines_about(server.log, ended["executionId"])
    record = json.loads(line)
    assert {name: record[name] for name in ("level", "execution_id", "step_id")} == {
        "level": "INFO",
        "execution_id": ended["executionId"],
        "step_id": "sums",
    }
    assert set(record) == {"time", "level", "logger", "message", "execution_id", "step_id"}
    assert "[I " in server.log, "the rest of the server keeps its own format"
    assert SECRET not in server.log
