"""Where nodes lie, how large they are and what holds them: the geometry of a canvas.

Sizes and parents are fields of the wire (``width``, ``height``, ``parentId``) that the core keeps in ``Node.extra``.
All numbers are world coordinates in pixels, y downwards; a node's position is its centre.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from builder_jupyter.graph.layout import NODE_HEIGHT, NODE_WIDTH, layout
from builder_jupyter.graph.model import Node, Position, Workflow

FRAMES = frozenset({"frame", "artboard"})


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its centre and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        """The x of its left side."""
        return self.x - self.width / 2

    @property
    def top(self) -> float:
        """The y of its upper side."""
        return self.y - self.height / 2


def box(node: Node, place: Position) -> Box:
    """Return the rectangle of a node that is drawn at a place; one without a size has that of a card."""
    return Box(place.x, place.y, _size(node, "width", NODE_WIDTH), _size(node, "height", NODE_HEIGHT))


def boxes(workflow: Workflow) -> dict[str, Box]:
    """Return the rectangle of every node, by id; nodes without a position lie where they are drawn."""
    nodes = workflow.nodes_by_id
    return {node_id: box(nodes[node_id], place) for node_id, place in layout(workflow).items()}


def around(found: Iterable[Box]) -> Box | None:
    """Return the smallest rectangle around others; None around nothing."""
    given = list(found)
    if not given:
        return None
    left, top = min(one.left for one in given), min(one.top for one in given)
    right, bottom = max(one.left + one.width for one in given), max(one.top + one.height for one in given)
    return Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def parent(node: Node) -> str | None:
    """Return the id of the node that holds this one; None when none does."""
    held = node.extra.get("parentId")
    return held if isinstance(held, str) and held else None


def children(workflow: Workflow) -> dict[str | None, list[str]]:
    """Return the ids of the nodes that each node holds, in request order; under None those that nothing holds.

    A parent that does not exist counts as none, and of nodes that hold one another the first counts as held by none.
    """
    nodes = workflow.nodes_by_id
    held: dict[str | None, list[str]] = {}
    for node_id, node in nodes.items():
        above = parent(node)
        held.setdefault(above if above in nodes and not _is_above(nodes, node_id, above) else None, []).append(node_id)
    return held


def inside(workflow: Workflow, node_id: str) -> list[str]:
    """Return the ids of all nodes that a node holds, directly or not, outer ones first."""
    held = children(workflow)
    found: list[str] = []
    waiting = list(held.get(node_id, ()))
    while waiting:
        found.append(waiting.pop(0))
        waiting.extend(held.get(found[-1], ()))
    return found


def _is_above(nodes: Mapping[str, Node], node_id: str, above: str | None) -> bool:
    """Say whether a walk from ``above`` to its parents comes back to the node, which must then be a root."""
    seen: set[str] = set()
    while above is not None and above in nodes and above not in seen:
        if above == node_id:
            return min(_ring(nodes, node_id), key=list(nodes).index) == node_id
        seen.add(above)
        above = parent(nodes[above])
    return False


def _ring(nodes: Mapping[str, Node], node_id: str) -> list[str]:
    ring = [node_id]
    while (above := parent(nodes[ring[-1]])) is not None and above != node_id:
        ring.append(above)
    return ring


def _size(node: Node, field: str, default: float) -> float:
    value: Any = node.extra.get(field)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return float(value) if is_number else default
