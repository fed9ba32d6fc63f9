"""Positions for drawing: a layered layout, left to right.

The method is Sugiyama's: break cycles, give each node the layer of its longest path, order each layer so that
few edges cross, then choose heights that keep edges straight. It is deterministic (request order breaks
ties), has no recursion and accepts every graph, valid or not. It draws nothing: `drawing.svg` does.

Source: Sugiyama, Tagawa, Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981).
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from itertools import pairwise
from typing import TYPE_CHECKING

from builder_jupyter.graph.folding import SHAPE, folded
from builder_jupyter.graph.model import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from builder_jupyter.graph.model import Workflow

NODE_WIDTH = 180.0
NODE_HEIGHT = 60.0
COLUMN = 240.0
ROW = 110.0
LABEL_ROOM = 60.0
"""Added to a column's width when a labelled edge leaves it."""
ORIGIN = Position(120.0, 80.0)

_BEND_ROW = 56.0  # a long edge passing through a layer needs less height than a node
_SWEEPS = 8
_FARTHEST = 1e6  # positions beyond this are a client's accident; drawing them would shrink the rest to a dot

_Links = list[list[int]]


def layout(workflow: Workflow, *, fresh: bool = False) -> dict[str, Position]:
    """Return a position (the node's centre) for every node id.

    Parameters
    ----------
    fresh : place every node anew; otherwise nodes keep the position they have, the others are fitted around.

    Returns
    -------
    One entry per distinct id, in request order. Parts of the graph that are not connected are stacked below
    one another; nodes without any edge come last, in rows.
    """
    known = workflow.nodes_by_id
    order = list(dict.fromkeys(node.id for node in workflow.nodes))
    given = [] if fresh else [(node_id, known[node_id].position) for node_id in order]
    kept = {node_id: position for node_id, position in given if position is not None and _usable(position)}
    if len(kept) == len(order):
        return kept
    placed = dict(zip(order, _place_all(order, workflow), strict=True))
    return _fit_around(placed, kept) if kept else placed


def back_edges(count: int, edges: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return the edges that close a cycle, as a depth-first walk from the sources meets them.

    ``edges`` are pairs of indices below ``count``. What is left when they are taken away has no cycle.
    """
    after, before = _links(count, edges)
    state = bytearray(count)  # 0 new, 1 on the path, 2 done
    back: set[tuple[int, int]] = set()
    roots = [i for i in range(count) if not before[i]]
    for root in [*roots, *range(count)]:
        if state[root]:
            continue
        state[root] = 1
        path = [(root, iter(after[root]))]
        while path:
            node, targets = path[-1]
            for target in targets:
                if state[target] == 1:
                    back.add((node, target))
                elif state[target] == 0:
                    state[target] = 1
                    path.append((target, iter(after[target])))
                    break
            else:
                state[node] = 2
                path.pop()
    return back


def _usable(position: Position) -> bool:
    return all(math.isfinite(value) and abs(value) <= _FARTHEST for value in (position.x, position.y))


def _links(count: int, edges: Iterable[tuple[int, int]]) -> tuple[_Links, _Links]:
    after: _Links = [[] for _ in range(count)]
    before: _Links = [[] for _ in range(count)]
    for source, target in edges:
        after[source].append(target)
        before[target].append(source)
    return after, before


def _place_all(ids: list[str], workflow: Workflow) -> list[Position]:
    index = {node_id: i for i, node_id in enumerate(ids)}
    known = [e for e in workflow.edges if e.source in index and e.target in index and e.source != e.target]
    pairs = list(dict.fromkeys((index[e.source], index[e.target]) for e in known))
    back = back_edges(len(ids), pairs)
    edges = [pair for pair in pairs if pair not in back]
    layer = _layers(len(ids), edges)
    labelled = {layer[index[e.source]] for e in known if e.label or e.condition}
    columns = [ORIGIN.x]
    for number in range(max(layer, default=0)):
        columns.append(columns[-1] + COLUMN + (LABEL_ROOM if number in labelled else 0.0))

    result = [ORIGIN] * len(ids)
    top = ORIGIN.y
    parts = _components(len(ids), pairs)
    for part in (part for part in parts if len(part) > 1):
        heights = _heights(part, layer, edges)
        straight = {node: Position(columns[layer[node]], round(top + heights[node])) for node in part}
        places = folded(straight, layer, COLUMN, ROW)
        for node in part:
            result[node] = places[node]
        top = max(place.y for place in places.values()) + ROW
    alone = [part[0] for part in parts if len(part) == 1]
    per_row = max(len(columns), 4, round(math.sqrt(len(alone) * SHAPE * ROW / COLUMN)))
    for place, node in enumerate(alone):
        row, column = divmod(place, per_row)
        result[node] = Position(ORIGIN.x + column * COLUMN, round(top + row * ROW))
    return result


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from a source; a source that feeds only late layers moves next to what it feeds."""
    after, before = _links(count, edges)
    waiting = [len(sources) for sources in before]
    layer = [0] * count
    ready = [i for i in range(count) if not waiting[i]]
    for node in ready:  # grows while it is walked: Kahn's order
        for target in after[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for node in range(count):
        if not before[node] and after[node]:
            layer[node] = min(layer[target] for target in after[node]) - 1
    return layer


def _components(count: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    after, before = _links(count, edges)
    seen = bytearray(count)
    parts = []
    for first in range(count):
        if seen[first]:
            continue
        seen[first] = 1
        part = [first]
        for node in part:
            for other in (*after[node], *before[node]):
                if not seen[other]:
                    seen[other] = 1
                    part.append(other)
        parts.append(sorted(part))
    return parts


def _heights(part: list[int], layer: list[int], edges: Sequence[tuple[int, int]]) -> dict[int, float]:
    """Return the height of each node of one connected part, the topmost at 0.

    Edges over several layers are cut by bends, one a layer, so that ordering sees them and rows keep room for
    them. A graph of many long edges would have far more bends than nodes; then the longest go without.
    """
    local = {node: i for i, node in enumerate(part)}
    lowest = min(layer[node] for node in part)
    level = [layer[node] - lowest for node in part]
    own = [(local[source], local[target]) for source, target in edges if source in local]
    own.sort(key=lambda pair: level[pair[1]] - level[pair[0]])
    budget = 2 * len(part) + 100
    cut: list[tuple[int, int]] = []
    for source, target in own:
        gap = level[target] - level[source] - 1
        if gap > budget:
            continue
        budget -= gap
        last = source
        for step in range(gap):
            level.append(level[source] + step + 1)
            cut.append((last, len(level) - 1))
            last = len(level) - 1
        cut.append((last, target))

    after, before = _links(len(level), cut)
    rows: _Links = [[] for _ in range(max(level) + 1)]
    for node, number in enumerate(level):
        rows[number].append(node)
    rows = _fewest_crossings(rows, after, before)
    y = _straighten(rows, after, before, real=len(part))
    top = min(y[: len(part)])
    return {node: y[i] - top for i, node in enumerate(part)}


def _fewest_crossings(rows: _Links, after: _Links, before: _Links) -> _Links:
    """Sort layers by the mean place of their neighbours, forth and back, and keep the best order met."""
    best, fewest = rows, _crossings(rows, after)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        forth = sweep % 2 == 0
        rows = [list(row) for row in rows]
        place = {node: float(i) for row in rows for i, node in enumerate(row)}
        for row in rows if forth else reversed(rows):
            _sort_by_mean(row, before if forth else after, place)
        found = _crossings(rows, after)
        if found < fewest:
            best, fewest = rows, found
    return best


def _sort_by_mean(row: list[int], links: _Links, place: dict[int, float]) -> None:
    for node in row:
        if links[node]:
            place[node] = sum(place[other] for other in links[node]) / len(links[node])
    row.sort(key=place.__getitem__)
    for i, node in enumerate(row):
        place[node] = float(i)


def _crossings(rows: _Links, after: _Links) -> int:
    place = {node: i for row in rows for i, node in enumerate(row)}
    total = 0
    for row in rows:
        seen: list[int] = []
        for node in row:
            targets = sorted(place[target] for target in after[node])
            total += sum(len(seen) - bisect_right(seen, target) for target in targets)
            for target in targets:
                insort(seen, target)
    return total


def _straighten(rows: _Links, after: _Links, before: _Links, *, real: int) -> list[float]:
    """Pull each node to the mean height of its neighbours as far as the order and the spacing allow."""
    y = [0.0] * len(after)
    for row in rows:
        offsets = _offsets(row, real)
        for node, offset in zip(row, offsets, strict=True):
            y[node] = offset - offsets[-1] / 2
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        for row in rows if forth else reversed(rows):
            wish = [_wish(node, before if forth else after, after if forth else before, y) for node in row]
            offsets = _offsets(row, real)
            flat = _isotonic([w - offset for w, offset in zip(wish, offsets, strict=True)])
            for node, height, offset in zip(row, flat, offsets, strict=True):
                y[node] = height + offset
    return y


def _wish(node: int, first: _Links, second: _Links, y: list[float]) -> float:
    others = first[node] or second[node]
    return sum(y[other] for other in others) / len(others) if others else y[node]


def _offsets(row: list[int], real: int) -> list[float]:
    offsets = [0.0]
    for upper, lower in pairwise(row):
        offsets.append(offsets[-1] + (ROW if upper < real and lower < real else (ROW + _BEND_ROW) / 2))
    return offsets


def _isotonic(wish: list[float]) -> list[float]:
    """Return the non-decreasing sequence nearest to ``wish`` (least squares, pool adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in wish:
        total, size = value, 1
        while pools and pools[-1][0] * size > total * pools[-1][1]:
            last_total, last_size = pools.pop()
            total, size = total + last_total, size + last_size
        pools.append((total, size))
    return [total / size for total, size in pools for _ in range(size)]


def _fit_around(placed: dict[str, Position], kept: dict[str, Position]) -> dict[str, Position]:
    """Move the computed drawing over the kept positions, then let new nodes sink until they cover nothing."""
    dx = sum(kept[i].x - placed[i].x for i in kept) / len(kept)
    dy = sum(kept[i].y - placed[i].y for i in kept) / len(kept)
    taken: dict[tuple[int, int], list[Position]] = {}

    def cell(position: Position) -> tuple[int, int]:
        return int(position.x // COLUMN), int(position.y // ROW)

    def is_free(position: Position) -> bool:
        column, row = cell(position)
        return not any(
            abs(other.x - position.x) < NODE_WIDTH + 20 and abs(other.y - position.y) < NODE_HEIGHT + 20
            for i in (column - 1, column, column + 1)
            for j in (row - 1, row, row + 1)
            for other in taken.get((i, j), ())
        )

    for position in kept.values():
        taken.setdefault(cell(position), []).append(position)
    result = {}
    for node_id, computed in placed.items():
        if node_id in kept:
            result[node_id] = kept[node_id]
            continue
        position = Position(round(computed.x + dx), round(computed.y + dy))
        while not is_free(position):
            position = Position(position.x, position.y + ROW)
        taken.setdefault(cell(position), []).append(position)
        result[node_id] = position
    return result
