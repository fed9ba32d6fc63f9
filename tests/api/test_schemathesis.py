"""Schemathesis against our OpenAPI document and a real server: every check of its, in every phase.

It makes requests that keep to the document and requests that break it, follows the ids in answers, and holds each
answer to what the document says. A few ids are given to it, since no answer leads to them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import ServerProcess, chain

from builder_jupyter.identity.scopes import Scope

MAX_EXAMPLES = 6
# Sockets, an archive of the whole database, and pages for people.
LEFT_OUT = r"/(socket|worker|backup)$"
CONFIG = """
# What a schema cannot say: a graph that breaks a rule is refused with 422, a workflow of 5,001 nodes with 413.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "402", "403", "404", "409", "422"]
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "415", "422"]
[[operations]]
# No schema says which texts are Python, edits that can be made, addresses to call, bytes of a picture, which characters
# print, which times are to come, that names differ, or which nodes begin a run.
include-path-regex = "/(import|edits|assets|run|keys|(workspaces|mcp-servers)(/[^/]+)?|provider.*|estimate|register)$"
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "402", "403", "404", "409", "422"]
[[operations]]
include-path-regex = "/billing/focus-"  # no schema says that a window ends after it begins, within 365 days
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400", "401", "403"]
[parameters]
# Schemathesis fills this header with any ETags, whatever the document says of ours; test_input has the others.
"header.If-Match" = "*"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path) as running:
        running.gate.touch()
        yield running


def ids(server: ServerProcess) -> dict[str, str]:
    """An execution that is over, and one that waits."""
    over = server.run(chain({"id": "agent", "type": "agent", "data": {"prompt": "p"}}), {"message": "m"}, sync=True)
    asking = server.run(chain({"id": "ask", "type": "human", "data": {"prompt": "Well?"}}))["executionId"]
    waits: list[Any] = []
    server.until(lambda: waits.extend(server.call("GET", "api/builder/waitpoints")["waitpoints"]) or waits)
    link = f"api/builder/executions/{asking}/waitpoints/{waits[0]['waitpointId']}/link"
    return {
        "execution_id": over["executionId"],
        "waitpoint_id": waits[0]["waitpointId"],
        "token": server.call("POST", link)["token"],
        "template_id": "simple_agent",
    }


def test_the_server_does_what_its_document_says(
    server: ServerProcess, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    scopes = [str(scope) for scope in Scope]
    key = server.call("POST", "api/builder/keys", {"name": "schemathesis", "scopes": scopes})["key"]
    config = tmp_path / "schemathesis.toml"
    parameters = "".join(f'"path.{name}" = {json.dumps(value)}\n' for name, value in ids(server).items())
    config.write_text(CONFIG + parameters, encoding="utf-8")
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config), "run", "--no-color",
        f"{server.url}api/builder/openapi.json", "--header", f"Authorization: Bearer {key}", "--checks", "all",
        "--max-examples", str(MAX_EXAMPLES), "--exclude-path-regex", LEFT_OUT, "--seed", "1", "--continue-on-failure",
        "--no-shrink", "--suppress-health-check", "all",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=server.environment, check=False)
    summary = done.stdout[done.stdout.rfind("SUMMARY") :]
    record_property("schemathesis", summary)
    print(summary)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: " in summary, done.stdout
