from __future__ import annotations

import csv
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[2] / "notebooks" / "data"


@pytest.fixture(scope="module")
def tickets() -> list[dict[str, str]]:
    with (DATA / "tickets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def support() -> dict[str, Any]:
    document = json.loads((DATA / "support.workflow.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def test_thirty_whole_tickets(tickets: list[dict[str, str]]) -> None:
    assert len(tickets) == 30
    assert len({ticket["id"] for ticket in tickets}) == 30
    for ticket in tickets:
        assert list(ticket) == ["id", "created_at", "customer", "channel", "subject", "message"]
        assert all(value.strip() for value in ticket.values())
    moments = [datetime.fromisoformat(ticket["created_at"]) for ticket in tickets]
    assert moments == sorted(moments)
    assert any('"' in ticket["message"] and "," in ticket["message"] for ticket in tickets)


def test_every_branch_of_the_router_gets_tickets(tickets: list[dict[str, str]], support: dict[str, Any]) -> None:
    router = next(node for node in support["nodes"] if node["id"] == "router")
    chosen = {
        next(
            condition["label"]
            for condition in router["data"]["conditions"]
            if re.search(condition["pattern"], ticket["message"], re.IGNORECASE)
        )
        for ticket in tickets
    }
    assert chosen == {"billing", "technical", "default"}


def test_the_support_workflow_is_a_whole_graph(support: dict[str, Any]) -> None:
    ids = [node["id"] for node in support["nodes"]]
    assert ids == ["start", "router", "billing", "technical", "general", "draft", "summary", "closing", "end"]
    assert all(edge["source"] in ids and edge["target"] in ids for edge in support["edges"])
    assert {edge["label"] for edge in support["edges"] if edge["source"] == "router"} == {
        "billing",
        "technical",
        "default",
    }
    assert not any("model" in node["data"] for node in support["nodes"])
    assert support["metadata"]["tags"]
