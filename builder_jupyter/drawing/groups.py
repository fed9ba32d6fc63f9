"""The boxes around groups: as large as their members need, with a line for the title."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from builder_jupyter.drawing.lettering import escape, shorten
from builder_jupyter.drawing.routes import HALF_H, HALF_W
from builder_jupyter.graph.groups import groups_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builder_jupyter.graph.model import Position, Workflow

PADDING = 22.0
HEADING = 28.0
"""Room above the members' padding, for the title. Both are those of the canvas (``labextension/src/groups.ts``)."""


class Box(NamedTuple):
    """A box in pixels; ``x`` and ``y`` are its left upper corner."""

    title: str
    x: float
    y: float
    width: float
    height: float


def group_boxes(workflow: Workflow, places: Mapping[str, Position]) -> list[Box]:
    """Return a box for each group, largest first, so that a smaller one lies before it. Linear in the members."""
    boxes = []
    for group in groups_of(workflow):
        members = [places[node_id] for node_id in group.nodes]
        left = min(place.x for place in members) - HALF_W - PADDING
        right = max(place.x for place in members) + HALF_W + PADDING
        top = min(place.y for place in members) - HALF_H - PADDING - HEADING
        bottom = max(place.y for place in members) + HALF_H + PADDING
        boxes.append(Box(group.title, left, top, right - left, bottom - top))
    return sorted(boxes, key=lambda box: -box.width * box.height)


def box_svg(box: Box) -> str:
    """Return a box as SVG; the style sheet of the picture colours the classes ``group`` and ``heading``."""
    title = escape(shorten(box.title, box.width - 32, 12.0))
    return (
        f'<rect class="group" fill="#8390a3" fill-opacity=".1" stroke="#8390a3" x="{box.x:.0f}" y="{box.y:.0f}" '
        f'width="{box.width:.0f}" height="{box.height:.0f}" rx="16"/>'
        f'<text class="heading" font-size="12" font-weight="600" x="{box.x + 16:.0f}" y="{box.y + 24:.0f}">'
        f"{title}</text>"
    )
