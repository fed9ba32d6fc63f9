"""kill -9 between the end of an execution and the delivery of its outcome: the next process delivers it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

from receiver import Received, Receiver, Reply

CHILD = """
import sys
from pathlib import Path

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.execution.events import Origin
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.runtime import Runtime, Settings

place, url = sys.argv[1:]
me = local_principal("alice")
canvas = {"name": "c", "dialect": "direct", "nodes": [{"clientId": "topic", "type": "prompt-trigger"}], "edges": []}
rt = Runtime(Settings(Path(place), outbound_loopback=True), models=ScriptedModels(ScriptedModel("x")))
if url:
    stored = rt.portal.wait(rt.workflows.create(me, Workflow.from_dict(canvas)))
    work = rt.admissions.start(
        me, stored.id, inputs={"prompt": "x"}, about={}, origin=Origin(callback_url=url)
    )
    print(rt.portal.wait(work).execution_id, flush=True)
sys.stdin.read()
"""


def process(place: Path, url: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(place), url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def end(child: subprocess.Popen[str], how: signal.Signals) -> None:
    child.send_signal(how)
    child.wait(60)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    child.stdout.close()


def test_an_outcome_that_was_not_taken_is_sent_after_a_kill(tmp_path: Path) -> None:
    """The first process is killed while the receiver holds its request: sent, but never answered."""
    hold = threading.Event()

    def answer(_request: Received) -> Reply:
        if len(receiver.requests) == 1:
            hold.wait(60)
        return Reply()

    with Receiver(answer) as receiver:
        first = process(tmp_path, receiver.url())
        assert first.stdout is not None
        execution_id = first.stdout.readline().strip()
        receiver.wait(1)
        end(first, signal.SIGKILL)
        hold.set()
        second = process(tmp_path)
        before, after = receiver.wait(2)
        end(second, signal.SIGKILL)
        assert json.loads(after.body)["execution"]["executionId"] == execution_id
        assert after.json["deliveryId"] == before.json["deliveryId"]
        assert after.json["event"] == "execution.completed"
