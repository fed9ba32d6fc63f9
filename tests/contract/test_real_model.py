"""What the two pages promise together: saved through one, run through the other, by a real language model."""

from __future__ import annotations

from typing import Any

import pytest
from server import Call

from builder_jupyter.connectors.local_model import LOCAL_MODEL_NAME
from builder_jupyter.connectors.model_files import cache_folder

# Known before pytest-jupyter moves HOME to an empty folder: the weights are not to be downloaded for each test.
WEIGHTS_FOLDER = cache_folder()


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the real models in place."""
    monkeypatch.setenv("BUILDER_MODEL_CACHE", str(WEIGHTS_FOLDER))


@pytest.fixture
def jp_base_url() -> str:
    return "/"


async def test_saved_workflow_runs_to_the_end(call: Call, full_key: str) -> None:
    agent: dict[str, Any] = {"name": "Support", "prompt": "Answer in one short sentence."}
    graph = {
        "nodes": [
            {"id": "start", "type": "start"},
            {"id": "agent", "type": "agent", "data": agent},
            {"id": "which", "type": "router", "data": {"conditions": [{"label": "any", "pattern": ".*"}]}},
            {"id": "end", "type": "end", "data": {"output": "state.messages[-1]"}},
            {"id": "other", "type": "agent", "data": {"prompt": "Never asked."}},
        ],
        "edges": [
            {"source": "start", "target": "agent"},
            {"source": "agent", "target": "which"},
            {"source": "which", "target": "end", "label": "any"},
            {"source": "which", "target": "other", "label": "never"},
            {"source": "other", "target": "end"},
        ],
    }
    made = await call("POST", "/api/builder/workflows", key=full_key, body={"name": "Support", **graph})
    assert made.status == 201
    run = {
        "canvasId": made.json["id"],
        "triggerNodeId": "start",
        "inputs": {"query": "How do I reset my password?"},
        "sync": True,
        "timeoutSeconds": 55,
    }
    answer = await call("POST", "/api/run", key=full_key, body=run)
    assert answer.status == 200
    assert answer.json["status"] == "completed"
    steps = {step["nodeId"]: step for step in answer.json["steps"]}
    assert {name: step["status"] for name, step in steps.items()} == {
        "start": "completed", "agent": "completed", "which": "completed", "end": "completed", "other": "skipped",
    }  # fmt: skip
    assert steps["agent"]["usage"]["model"] == LOCAL_MODEL_NAME
    text = steps["agent"]["outputs"]["text-out"]["value"]
    assert len(text.split()) > 1
    assert answer.json["output"] == text
