"""Drawings that would be a mere thread are folded: to a shape that can be seen at once.

A chain of a thousand nodes would be 4,000 times as wide as high, a tree's last layer 66,000 pixels high. A drawing of
few nodes is left as it is, and so is one whose shape is bearable.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from builder_jupyter.graph.model import Position

if TYPE_CHECKING:
    from collections.abc import Mapping

FROM = 60
"""Parts of fewer nodes are never folded."""

SHAPE = 1.6
"""Width to height of what comes of it, about that of the room in which it is drawn."""

SLENDER = 5.0
"""How much wider or higher than `SHAPE` a drawing has to be to be folded."""

_GAP = 80.0  # between two bands: what leads from one to the next runs there


def folded(places: Mapping[int, Position], layer: list[int], column: float, row: float) -> Mapping[int, Position]:
    """Return other places for the nodes of one part of a layered drawing where it is too slender, else the same.

    Parameters
    ----------
    places : by node; ``layer`` has the layer of each node, from left to right.
    column, row : the distances of two layers, and of two nodes of a layer.
    """
    if len(places) < FROM:
        return places
    width = max(place.x for place in places.values()) - min(place.x for place in places.values()) + column
    height = max(place.y for place in places.values()) - min(place.y for place in places.values()) + row
    if width > height * SHAPE * SLENDER:
        return _in_bands(places, layer, width, height + _GAP)
    if height > width / SHAPE * SLENDER:
        return _in_columns(places, layer, column, row)
    return places


def _in_bands(places: Mapping[int, Position], layer: list[int], width: float, band: float) -> Mapping[int, Position]:
    """Cut a long drawing between layers and put the pieces below one another, as lines of a text."""
    lines = max(1, round(math.sqrt(width / (band * SHAPE))))
    left = min(place.x for place in places.values())
    of_layer = {layer[node]: place.x - left for node, place in places.items()}
    # A layer belongs whole to one line.
    line_of = {number: min(int(x / (width / lines)), lines - 1) for number, x in of_layer.items()}
    begins: dict[int, float] = {}
    for number, line in line_of.items():
        begins[line] = min(begins.get(line, math.inf), of_layer[number])
    return {
        node: Position(place.x - begins[line_of[layer[node]]], round(place.y + line_of[layer[node]] * band))
        for node, place in places.items()
    }


def _in_columns(places: Mapping[int, Position], layer: list[int], column: float, row: float) -> Mapping[int, Position]:
    """Put the nodes of high layers side by side, in columns of one height: from top to bottom, then to the right."""
    layers: dict[int, list[int]] = {}
    for node in sorted(places, key=lambda one: (layer[one], places[one].y)):
        layers.setdefault(layer[node], []).append(node)
    highest = _rows([len(nodes) for nodes in layers.values()], column / row)
    x = min(place.x for place in places.values())
    top = min(place.y for place in places.values())
    found: dict[int, Position] = {}
    for number in sorted(layers):
        nodes = layers[number]
        columns = math.ceil(len(nodes) / highest)
        high = math.ceil(len(nodes) / columns)
        start = top + (highest - high) / 2 * row
        for i, node in enumerate(nodes):
            found[node] = Position(x + i // high * column, round(start + i % high * row))
        x += columns * column + (column / 2 if columns > 1 else 0.0)
    return found


def _rows(sizes: list[int], aspect: float) -> int:
    """Return how many nodes a column has at most, so that the whole is of the shape that is wished."""
    low, high = 1, max(sizes)
    while low < high:
        rows = (low + high) // 2
        columns = sum(math.ceil(size / rows) for size in sizes)
        if columns * aspect > rows * SHAPE:
            low = rows + 1
        else:
            high = rows
    return low
