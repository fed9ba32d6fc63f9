"""Connections are refused with the first code that applies, in the order of the specification."""

from __future__ import annotations

import pytest

from builder_jupyter.graph.model import Edge, Node, Profile, Workflow
from builder_jupyter.nodes.connections import REFUSALS, connect
from builder_jupyter.nodes.ports import Refusal
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation import result, validate

REGISTRY = default_registry()
NODES = tuple(
    Node(name, kind)
    for name, kind in (("p", "prompt"), ("q", "prompt"), ("r", "prompt"), ("t", "text-gen"), ("w", "webhook-trigger"))
)
CANVAS = Workflow(
    nodes=NODES,
    edges=(Edge("p", "t", source_port="text-out", target_port="prompt-in"), Edge("q", "r"), Edge("r", "t")),
    profile=Profile.DIRECT,
)

CASES: list[tuple[tuple[str, str, str | None, str | None], str]] = [
    (("p", "p", "no-such", None), "SELF_CONNECTION"),
    (("p", "nobody", "no-such", None), "UNKNOWN_NODE"),
    (("p", "t", "prompt-in", "no-such"), "UNKNOWN_PORT"),  # before the wrong direction at the other end
    (("t", "p", "prompt-in", None), "WRONG_DIRECTION"),
    (("w", "t", "context-out", "prompt-in"), "INCOMPATIBLE_TYPES"),
    (("p", "t", None, None), "DUPLICATE_EDGE"),
    (("q", "r", None, None), "DUPLICATE_EDGE"),
    (("p", "r", None, None), "INPUT_OCCUPIED"),
    (("t", "q", None, None), "CYCLE"),
    (("q", "t", None, None), "LOCKED"),
]


@pytest.mark.parametrize(("ends", "code"), CASES)
def test_refusals_in_their_order(ends: tuple[str, str, str | None, str | None], code: str) -> None:
    source, target, source_port, target_port = ends
    refused = connect(
        CANVAS, REGISTRY, source, target, source_port=source_port, target_port=target_port, may_edit=False
    )
    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_every_refusal_is_tried() -> None:
    assert list(dict.fromkeys(code for _, code in CASES)) == list(REFUSALS)


def test_ports_that_are_not_named_are_chosen() -> None:
    assert connect(CANVAS, REGISTRY, "q", "t") == ("q", "text-out", "t", "prompt-in")


def test_edges_of_control_have_no_ports() -> None:
    graph = Workflow(
        nodes=(Node("a", "start"), Node("b", "router"), Node("c", "end")), edges=(Edge("b", "c", label="x"),)
    )
    assert connect(graph, REGISTRY, "b", "c", source_port="y") == ("b", "y", "c", None)
    again = connect(graph, REGISTRY, "b", "c", source_port="x")
    assert isinstance(again, Refusal)
    assert again.code == "DUPLICATE_EDGE"


def test_validation_says_the_same() -> None:
    twice = CANVAS.with_nodes(NODES)
    edges = (*CANVAS.edges, Edge("p", "t"), Edge("p", "r"))
    verdict = result(validate(Workflow(nodes=twice.nodes, edges=edges, profile=Profile.DIRECT), registry=REGISTRY))
    assert [one["type"] for one in verdict["errors"]] == ["INPUT_OCCUPIED"]
    assert [one["type"] for one in verdict["warnings"]] == ["DUPLICATE_EDGE"]
