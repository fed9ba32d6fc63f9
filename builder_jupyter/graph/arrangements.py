"""Ways to place the nodes of an imported workflow, with the numbers of its specification.

`layout` draws better; these are what the Builder API's import promises by name. Source: spec langgraph-builder §7.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from builder_jupyter.graph.layout import back_edges
from builder_jupyter.graph.model import Position

if TYPE_CHECKING:
    from builder_jupyter.graph.model import Workflow

WIDTH, HEIGHT = 1200.0, 800.0
COLUMN, ROW = 250.0, 150.0
TOP = 50.0
MARGIN = 50.0
CORNER = Position(100.0, 100.0)
ROUNDS = 50
SEED = 20251206

_Pairs = list[tuple[int, int]]


def arrange(workflow: Workflow, arrangement: str) -> Workflow:
    """Return the workflow with a position for every node that has none. ``arrangement`` is of `ARRANGEMENTS`."""
    if all(node.position is not None for node in workflow.nodes):
        return workflow
    index: dict[str, int] = {}
    for i, node in enumerate(workflow.nodes):
        index.setdefault(node.id, i)
    known = ((e.source, e.target) for e in workflow.edges if e.source in index and e.target in index)
    pairs = list(dict.fromkeys((index[source], index[target]) for source, target in known if source != target))
    places = ARRANGEMENTS[arrangement](len(workflow.nodes), pairs)
    return workflow.with_nodes(
        node if node.position is not None else replace(node, position=place)
        for node, place in zip(workflow.nodes, places, strict=True)
    )


def hierarchical(count: int, pairs: _Pairs) -> list[Position]:
    """Place each node in the row of its longest path from a source, the rows centred; edges that close a loop apart."""
    rows: dict[int, list[int]] = {}
    for node, depth in enumerate(_depths(count, pairs)):
        rows.setdefault(depth, []).append(node)
    places = [CORNER] * count
    for depth, row in rows.items():
        left = WIDTH / 2 - COLUMN * (len(row) - 1) / 2
        for i, node in enumerate(row):
            places[node] = Position(left + i * COLUMN, TOP + depth * ROW)
    return places


def grid(count: int, pairs: _Pairs) -> list[Position]:
    """Place the nodes in rows of ``ceil(sqrt(count))``, in their order."""
    del pairs
    columns = max(1, math.ceil(math.sqrt(count)))
    return [Position(CORNER.x + i % columns * COLUMN, CORNER.y + i // columns * ROW) for i in range(count)]


def force(count: int, pairs: _Pairs) -> list[Position]:
    """Let edges pull and nodes push for `ROUNDS` rounds, from a fixed seed, within the canvas.

    Nodes push only as far as two ideal lengths, which a grid of that size finds in linear time. Source: Fruchterman,
    Reingold, "Graph Drawing by Force-directed Placement" (1991).
    """
    if not count:
        return []
    chance = random.Random(SEED)  # noqa: S311 - a drawing, not a secret
    ideal = math.sqrt(WIDTH * HEIGHT / count)
    spots = [
        complex(chance.uniform(MARGIN, WIDTH - MARGIN), chance.uniform(MARGIN, HEIGHT - MARGIN)) for _ in range(count)
    ]
    for round_number in range(ROUNDS):
        push = _pushes(spots, ideal)
        for source, target in pairs:
            way = spots[target] - spots[source]
            pull = way * abs(way) / ideal
            push[source] += pull
            push[target] -= pull
        heat = WIDTH / 10 * (1 - round_number / ROUNDS)
        spots = [_clamped(spot + _at_most(move, heat)) for spot, move in zip(spots, push, strict=True)]
    return [Position(round(spot.real, 1), round(spot.imag, 1)) for spot in spots]


ARRANGEMENTS: Mapping[str, Callable[[int, _Pairs], list[Position]]] = {
    "hierarchical": hierarchical,
    "force": force,
    "grid": grid,
}
"""Arrangements by name; each takes the number of nodes and the edges as pairs of their places."""


def _depths(count: int, pairs: _Pairs) -> list[int]:
    back = back_edges(count, pairs)
    after: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in pairs:
        if (source, target) not in back:
            after[source].append(target)
            waiting[target] += 1
    depth = [0] * count
    ready = [node for node in range(count) if not waiting[node]]
    for node in ready:  # grows while it is walked
        for target in after[node]:
            depth[target] = max(depth[target], depth[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return depth


def _pushes(spots: list[complex], ideal: float) -> list[complex]:
    reach = 2 * ideal
    cells: dict[tuple[int, int], list[int]] = {}
    for node, spot in enumerate(spots):
        cells.setdefault((int(spot.real // reach), int(spot.imag // reach)), []).append(node)
    push = [0j] * len(spots)
    for (column, row), inside in cells.items():
        around = [n for i in (-1, 0, 1) for j in (-1, 0, 1) for n in cells.get((column + i, row + j), ())]
        for node in inside:
            for other in around:
                way = spots[node] - spots[other]
                far = abs(way)
                if node != other and far < reach:
                    # Two on one spot part along a direction that follows from their places in the list.
                    push[node] += way * ideal * ideal / (far * far) if far > 0.01 else complex(node - other, 1)
    return push


def _at_most(move: complex, length: float) -> complex:
    return move if abs(move) <= length else move / abs(move) * length


def _clamped(spot: complex) -> complex:
    x = min(max(spot.real, MARGIN), WIDTH - MARGIN)
    return complex(x, min(max(spot.imag, MARGIN), HEIGHT - MARGIN))
