from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter.client.client import Client
from builder_jupyter.client.embedded import open_embedded
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.graph.model import Workflow

SUPPORT = Path(__file__).parents[3] / "notebooks" / "data" / "support.workflow.json"


@pytest.fixture
def support() -> Workflow:
    return Workflow.load(SUPPORT)


@pytest.fixture
def open_client() -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def open_(script: Any = lambda request: f"About: {request.messages[-1].content}", **model: Any) -> Client:
        client = Client(open_embedded(models=ScriptedModels(ScriptedModel(script, **model))))
        opened.append(client)
        return client

    yield open_
    for client in opened:
        client.close()


@pytest.fixture
def client(open_client: Callable[..., Client]) -> Client:
    return open_client()


@pytest.fixture
def chain() -> Callable[..., Workflow]:
    def make(*middle: dict[str, Any], name: str = "chain") -> Workflow:
        nodes = [{"id": "start", "type": "start"}, *middle, {"id": "end", "type": "end"}]
        edges = [{"source": a["id"], "target": b["id"]} for a, b in pairwise(nodes)]
        return Workflow.from_dict({"name": name, "nodes": nodes, "edges": edges})

    return make
