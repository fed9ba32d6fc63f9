"""What lies in which frame, and how large it is; odd parents are no parents."""

from __future__ import annotations

from builder_jupyter.graph.frames import Box, around, boxes, children, inside, parent
from builder_jupyter.graph.layout import NODE_HEIGHT, NODE_WIDTH
from builder_jupyter.graph.model import FrozenDict, Node, Position, Profile, Workflow


def node(name: str, held_by: object = None, **extra: object) -> Node:
    held = {} if held_by is None else {"parentId": held_by}
    return Node(name, "text-gen", position=Position(10, 20), extra=FrozenDict({**held, **extra}))


def test_sizes() -> None:
    flow = Workflow(nodes=(node("a"), node("b", width=40, height="tall")), profile=Profile.DIRECT)
    assert boxes(flow) == {"a": Box(10, 20, NODE_WIDTH, NODE_HEIGHT), "b": Box(10, 20, 40, NODE_HEIGHT)}
    assert (boxes(flow)["b"].left, boxes(flow)["b"].top) == (-10, 20 - NODE_HEIGHT / 2)


def test_around() -> None:
    assert around([]) is None
    assert around([Box(0, 0, 10, 10), Box(100, 0, 10, 30)]) == Box(50, 0, 110, 30)


def test_what_holds_what() -> None:
    flow = Workflow(nodes=(node("f"), node("g", "f"), node("a", "g"), node("b", "nobody"), node("c", 7)))
    assert children(flow) == {None: ["f", "b", "c"], "f": ["g"], "g": ["a"]}
    assert inside(flow, "f") == ["g", "a"]
    assert parent(flow.nodes_by_id["c"]) is None


def test_nodes_that_hold_one_another() -> None:
    flow = Workflow(nodes=(node("a", "b"), node("b", "c"), node("c", "b"), node("d", "d")))
    held = children(flow)
    assert sorted(name for names in held.values() for name in names) == ["a", "b", "c", "d"]
    assert held[None] == ["b", "d"]
    assert inside(flow, "b") == ["a", "c"]
