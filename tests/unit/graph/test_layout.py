from __future__ import annotations

import random
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from builder_jupyter.graph.layout import COLUMN, NODE_HEIGHT, NODE_WIDTH, layout
from builder_jupyter.graph.model import Edge, Node, Position, Workflow


def graph(ids: str | list[str], *edges: str) -> Workflow:
    """Nodes from a list (or one letter each), edges from texts like ``a>b``."""
    pairs = (edge.split(">") for edge in edges)
    return Workflow(
        nodes=tuple(Node(i, "agent") for i in ids),
        edges=tuple(Edge(source, target) for source, target in pairs),
    )


def random_graph(count: int, edges: int, *, seed: int) -> Workflow:
    rng = random.Random(seed)
    ids = [f"n{i}" for i in range(count)]
    return graph(ids, *(f"{rng.choice(ids)}>{rng.choice(ids)}" for _ in range(edges)))


def overlaps(positions: dict[str, Position]) -> list[tuple[str, str]]:
    items = list(positions.items())
    return [
        (a, b)
        for i, (a, p) in enumerate(items)
        for b, q in items[i + 1 :]
        if abs(p.x - q.x) < NODE_WIDTH and abs(p.y - q.y) < NODE_HEIGHT
    ]


def test_edges_go_from_left_to_right() -> None:
    at = layout(graph("abcd", "a>b", "a>c", "b>d", "c>d"))
    assert at["a"].x < at["b"].x == at["c"].x < at["d"].x
    assert at["a"].y == at["d"].y == (at["b"].y + at["c"].y) / 2


def test_a_chain_is_straight_and_evenly_spaced() -> None:
    at = layout(graph("abc", "a>b", "b>c"))
    assert at["b"].x - at["a"].x == at["c"].x - at["b"].x == COLUMN
    assert len({p.y for p in at.values()}) == 1


def test_branches_keep_the_order_in_which_they_are_written() -> None:
    at = layout(graph("rxyz", "r>x", "r>y", "r>z"))
    assert at["x"].y < at["y"].y < at["z"].y


def test_crossings_are_undone() -> None:
    at = layout(graph("sabcd", "s>a", "s>b", "a>d", "b>c"))
    assert (at["a"].y < at["b"].y) == (at["d"].y < at["c"].y)


def test_an_edge_past_a_node_leaves_room_beside_it() -> None:
    at = layout(graph("abc", "a>b", "b>c", "a>c"))
    assert at["a"].x < at["b"].x < at["c"].x
    assert abs(at["b"].y - (at["a"].y + at["c"].y) / 2) > 20


def test_back_edges_do_not_move_layers() -> None:
    plain = layout(graph("abc", "a>b", "b>c"))
    assert layout(graph("abc", "a>b", "b>c", "c>b", "b>b")) == plain


def test_a_late_source_stands_beside_what_it_feeds() -> None:
    at = layout(graph("abcx", "a>b", "b>c", "x>c"))
    assert at["x"].x == at["b"].x


def test_parts_are_stacked_and_lone_nodes_come_last() -> None:
    at = layout(graph("labcd", "a>b", "c>d"))
    assert at["a"].y < at["c"].y < at["l"].y
    assert not overlaps(at)


@pytest.mark.parametrize(
    "workflow",
    [
        Workflow(),
        graph("a"),
        graph("aab", "a>b"),
        graph("ab", "a>nowhere", "nowhere>b", "ghost>ghost"),
        graph("ab", "a>b", "b>a", "a>a", "a>b"),
        graph([""], ">"),
        Workflow(nodes=(Node("a", "agent", position=Position(float("nan"), 1e300)),)),
    ],
)
def test_invalid_graphs_are_drawn_too(workflow: Workflow) -> None:
    at = layout(workflow)
    assert list(at) == list(dict.fromkeys(node.id for node in workflow.nodes))
    assert all(abs(p.x) < 1e5 and abs(p.y) < 1e5 for p in at.values())


def test_given_positions_are_kept_unless_fresh() -> None:
    here = Position(1000.0, 700.0)
    workflow = Workflow(
        nodes=(
            Node("a", "agent", position=here),
            Node("b", "agent"),
            Node("c", "agent", position=Position(1240, 700)),
        ),
        edges=(Edge("a", "b"), Edge("b", "c")),
    )
    at = layout(workflow)
    assert at["a"] == here
    assert not overlaps(at)
    assert layout(workflow, fresh=True)["a"] != here


def test_new_nodes_do_not_cover_kept_ones() -> None:
    kept = layout(graph("abcdef", "a>b", "a>c", "a>d", "d>e"))
    nodes = tuple(Node(i, "agent", position=kept.get(i)) for i in "abcdef") + tuple(Node(i, "agent") for i in "xyz")
    at = layout(Workflow(nodes=nodes, edges=(Edge("a", "x"), Edge("x", "y"), Edge("a", "b"), Edge("a", "z"))))
    assert {i: at[i] for i in kept} == kept
    assert not overlaps(at)


@pytest.mark.parametrize("seed", range(8))
def test_nodes_never_overlap_and_the_result_is_repeatable(seed: int) -> None:
    workflow = random_graph(60, 80, seed=seed)
    at = layout(workflow)
    assert not overlaps(at)
    assert at == layout(workflow)


def test_a_chain_deeper_than_the_stack() -> None:
    ids = [f"n{i}" for i in range(5000)]
    at = layout(graph(ids, *(f"{a}>{b}" for a, b in pairwise(ids))))
    assert len(set(at.values())) == 5000


def test_a_chain_of_middle_length_is_one_line() -> None:
    ids = [f"n{i}" for i in range(50)]
    at = layout(graph(ids, *(f"{a}>{b}" for a, b in pairwise(ids))))
    assert at["n49"] == Position(at["n0"].x + 49 * COLUMN, at["n0"].y)


@pytest.mark.parametrize("parent", [lambda i: i - 1, lambda i: i // 3, lambda i: (i - 1) // 2, lambda _: 0])
def test_a_thousand_nodes_keep_a_shape_that_can_be_seen_at_once(parent: Callable[[int], int]) -> None:
    at = layout(graph([f"n{i}" for i in range(1000)], *(f"n{parent(i)}>n{i}" for i in range(1, 1000))))
    width = max(place.x for place in at.values()) - min(place.x for place in at.values())
    height = max(place.y for place in at.values()) - min(place.y for place in at.values())
    assert 1 < width / height < 2.5
    assert max(width, height) < 10_000
    assert not overlaps(at)


def test_a_thousand_nodes_without_edges_do_too() -> None:
    at = layout(graph([f"n{i}" for i in range(1000)]))
    assert max(place.y for place in at.values()) < 6_000
    assert not overlaps(at)


@pytest.mark.parametrize("edges", [999, 1500, 3000])
def test_a_thousand_nodes_are_quick(edges: int) -> None:
    workflow = random_graph(1000, edges, seed=1)
    begun = time.process_time()
    layout(workflow)
    assert time.process_time() - begun < 1.5  # about 0.2 s when idle; the bound is for loaded machines
