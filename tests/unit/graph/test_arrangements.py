"""The numbers of the import's layouts. Source: spec langgraph-builder §7."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from builder_jupyter.graph.arrangements import ARRANGEMENTS, arrange
from builder_jupyter.graph.model import Edge, Node, Position, Workflow


def graph(*edges: str, alone: str = "") -> Workflow:
    names = dict.fromkeys("".join(edges).replace(">", "") + alone)
    return Workflow("w", tuple(Node(name, "agent") for name in names), tuple(Edge(*edge.split(">")) for edge in edges))


def places(workflow: Workflow, arrangement: str) -> dict[str, tuple[float, float]]:
    found = arrange(workflow, arrangement)
    return {node.id: (node.position.x, node.position.y) for node in found.nodes if node.position is not None}


def test_hierarchical_rows_are_centred() -> None:
    assert places(graph("a>b", "a>c", "b>d", "c>d"), "hierarchical") == {
        "a": (600, 50), "b": (475, 200), "c": (725, 200), "d": (600, 350),
    }  # fmt: skip


def test_hierarchical_depth_is_the_longest_path_and_loops_are_no_paths() -> None:
    found = places(graph("a>b", "b>c", "a>c", "c>b"), "hierarchical")
    assert {name: y for name, (_, y) in found.items()} == {"a": 50, "b": 200, "c": 350}


def test_grid_has_as_many_columns_as_the_root_of_the_nodes() -> None:
    found = places(graph(alone="abcde"), "grid")
    assert list(found.values()) == [(100, 100), (350, 100), (600, 100), (100, 250), (350, 250)]


def test_force_is_the_same_twice_within_the_canvas_and_keeps_nodes_apart() -> None:
    ring = graph("a>b", "b>c", "c>d", "d>e", "e>a")
    found = places(ring, "force")
    assert found == places(ring, "force")
    assert all(50 <= x <= 1150 and 50 <= y <= 750 for x, y in found.values())
    spots = list(found.values())
    assert min(math.dist(p, q) for i, p in enumerate(spots) for q in spots[:i]) > 60
    near = sum(math.dist(found[edge.source], found[edge.target]) for edge in ring.edges) / 5
    far = math.dist(found["a"], found["c"])
    assert near < far


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_nothing_is_arranged_like_anything_else(arrangement: str) -> None:
    assert arrange(Workflow("w"), arrangement).nodes == ()
    assert len(places(graph(alone="a"), arrangement)) == 1
    many = Workflow("w", tuple(Node(str(i), "agent") for i in range(400)))
    assert len(places(many, arrangement)) == 400


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_a_place_that_a_node_has_is_kept(arrangement: str) -> None:
    workflow = graph("a>b")
    kept = replace(workflow.nodes[0], position=Position(7, 8))
    found = places(workflow.with_nodes([kept, workflow.nodes[1]]), arrangement)
    assert found["a"] == (7, 8)
    assert "b" in found
