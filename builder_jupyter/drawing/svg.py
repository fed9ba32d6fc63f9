"""A workflow as a picture: one self-contained SVG text that is the same whenever its content is the same.

Inline it follows the notebook's theme (CSS variables of JupyterLab and VS Code), alone the system's light or
dark scheme, and it stays legible where neither is known: cards and labels bring their own ground. It has no
element ids, so any number of pictures can stand on one page; its styles are scoped by a class that is the
hash of the content.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from builder_jupyter.drawing.groups import box_svg, group_boxes
from builder_jupyter.drawing.lettering import escape, ink_on, shorten, text_width
from builder_jupyter.drawing.routes import HALF_H, HALF_W, Route, Router
from builder_jupyter.graph.layout import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builder_jupyter.graph.model import Node, Position, Profile, Workflow
    from builder_jupyter.nodes.registry import Registry

HUGE = 300
"""Above this number of nodes a picture does without captions, tooltips and detours around cards."""


class Look(NamedTuple):
    """How nodes of one type look: ``color`` is ``#rrggbb``, ``icon`` one glyph, ``title`` the type's name."""

    color: str
    icon: str
    title: str


class Drawing(NamedTuple):
    """A picture with its natural size in pixels and its content in words."""

    svg: str
    width: float
    height: float
    description: str


class _Mark(NamedTuple):
    """How a status looks: colour, width and dashes of the border, strokes of the icon around 0,0."""

    color: str
    width: float
    dashes: str
    icon: str


_MARKS = {
    "pending": _Mark("#7c8798", 1.5, "2 4", "M0-3.6V0L2.6 1.8"),
    "running": _Mark("#2563eb", 2.5, "", "M-2-3.6L3.6 0L-2 3.6Z"),
    "streaming": _Mark("#0e7490", 2.5, "10 4", "M-4.5-1.6q2.25-3 4.5 0t4.5 0M-4.5 2.6q2.25-3 4.5 0t4.5 0"),
    "waiting": _Mark("#b45309", 2.5, "5 4", "M-1.9-3.4V3.4M1.9-3.4V3.4"),
    "completed": _Mark("#15803d", 1.75, "", "M-4 .4L-1.2 3.2L4.2-2.8"),
    "error": _Mark("#dc2626", 3.0, "", "M-3.2-3.2L3.2 3.2M3.2-3.2L-3.2 3.2"),
    "skipped": _Mark("#7c8798", 1.5, "7 5", "M-4-3L-.6 0L-4 3M.6-3L4 0L.6 3"),
    "added": _Mark("#15803d", 2.5, "", "M-4 0H4M0-4V4"),
    "removed": _Mark("#dc2626", 2.5, "5 4", "M-4 0H4"),
    "changed": _Mark("#b45309", 2.5, "", "M-4 1.4q2-3.4 4-1.4t4-1.4"),
    "moved": _Mark("#7c8798", 1.5, "2 4", "M-4 0H3.4M.6-3L3.6 0L.6 3"),
}
_FADED = frozenset({"skipped", "removed"})

PALETTES = {
    "light": {"card": "#fff", "text": "#1f2937", "dim": "#5b6676", "line": "#b6c0cd"},
    "dark": {"card": "#20262f", "text": "#e8ecf2", "dim": "#a9b4c3", "line": "#4d596a"},
}
"""Colours where no page around the picture has a theme, by the system's scheme."""

_VARIABLES = {scheme: ";".join(f"--{k}:{v}" for k, v in colors.items()) for scheme, colors in PALETTES.items()}
_SCHEMES = f"""
.SCOPE{{{_VARIABLES["light"]};\
font-family:var(--jp-ui-font-family,system-ui,sans-serif)}}
@media(prefers-color-scheme:dark){{.SCOPE{{{_VARIABLES["dark"]}}}}}"""
_STYLE = """
.SCOPE .card{fill:var(--jp-layout-color1,var(--vscode-editor-background,var(--card)));\
stroke:var(--jp-border-color1,var(--vscode-panel-border,var(--line)))}
.SCOPE .name{fill:var(--jp-ui-font-color1,var(--vscode-foreground,var(--text)));\
font-size:13px;font-weight:600}
.SCOPE .type{fill:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,var(--dim)));font-size:11px}
.SCOPE .when{fill:var(--jp-ui-font-color1,var(--vscode-foreground,var(--text)));\
font-size:11px;text-anchor:middle}
.SCOPE .group{fill:#8390a3;fill-opacity:.1;stroke:#8390a3;stroke-opacity:.55;stroke-width:1.25}
.SCOPE .heading{fill:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,var(--dim)));\
font-size:12px;font-weight:600}
.SCOPE .icon{font-size:16px;text-anchor:middle}
.SCOPE .edge{fill:none;stroke:#8390a3;stroke-width:1.6}
.SCOPE .back{stroke-dasharray:6 4}
.SCOPE .head{fill:#8390a3;stroke:#8390a3;stroke-width:1.2;stroke-linejoin:round}
.SCOPE .mark{fill:none;stroke:#fff;stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round}
"""

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def looks_of(registry: Registry, profile: Profile) -> dict[str, Look]:
    """Return how the node types of one profile look, by type name."""
    return {kind.type: Look(kind.color, kind.icon, kind.title) for kind in registry.of(profile)}


def workflow_svg(workflow: Workflow, *, looks: Mapping[str, Look], statuses: Mapping[str, str] | None = None) -> str:
    """Return the workflow as an SVG text.

    Parameters
    ----------
    looks : by node type name, see `looks_of`; other types are drawn grey, under their own name.
    statuses : by node id; shown by icon, border and word, not by colour alone. Unknown ones: as words.

    Returns
    -------
    A picture as wide as its content at most, narrower where there is less room; deterministic.
    """
    return draw(workflow, looks=looks, statuses=statuses).svg


def draw(
    workflow: Workflow,
    *,
    looks: Mapping[str, Look],
    statuses: Mapping[str, str] | None = None,
    places: Mapping[str, Position] | None = None,
    ways: Mapping[tuple[str, str], str] | None = None,
) -> Drawing:
    """Return what `workflow_svg` returns, with the size and the description a page needs beside it.

    ``places`` are the positions of the nodes, computed here when None. ``ways`` are words about what leads from one
    node to another, by the ids of the two; known ones colour the line.
    """
    statuses = statuses or {}
    known = workflow.nodes_by_id
    positions = layout(workflow) if places is None else places
    is_huge = len(positions) > HUGE
    router = Router(positions.values(), around_cards=not is_huge)
    frame = _Frame()
    boxes = group_boxes(workflow, positions)
    for box in boxes:
        frame.add(box.x, box.y)
        frame.add(box.x + box.width, box.y + box.height)
    edges, labels = _edges(workflow, positions, router, frame, ways or {})
    cards = []
    for node_id, position in positions.items():
        frame.add(position.x - HALF_W, position.y - HALF_H)
        frame.add(position.x + HALF_W, position.y + HALF_H)
        look = looks.get(known[node_id].type) or Look("#6b7280", "●", known[node_id].type)
        cards.append(_card(known[node_id], position, look, statuses.get(node_id), is_plain=is_huge))
    description = _describe(workflow, statuses)
    heading = f"<title>{escape(workflow.name)}</title><desc>{escape(description)}</desc>"
    body = "".join((heading, *map(box_svg, boxes), *edges, *cards, *labels))
    left, top, width, height = frame.box()
    scope = "wf-" + hashlib.sha256(body.encode()).hexdigest()[:12]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" class="{scope}" width="{_n(width)}" '
        f'height="{_n(height)}" viewBox="{_n(left)} {_n(top)} {_n(width)} {_n(height)}" '
        f'font-family="system-ui,sans-serif" style="max-width:100%;height:auto">'
        f"<style>{(_SCHEMES + _STYLE).replace('SCOPE', scope).strip()}</style>{body}</svg>"
    )
    return Drawing(svg, width, height, description)


class _Frame:
    """The smallest box around everything that was added."""

    def __init__(self) -> None:
        self._xs: list[float] = []
        self._ys: list[float] = []

    def add(self, x: float, y: float) -> None:
        self._xs.append(x)
        self._ys.append(y)

    def box(self, padding: float = 16.0) -> tuple[float, float, float, float]:
        """Return left, top, width and height."""
        if not self._xs:
            return 0.0, 0.0, 320.0, 60.0
        left, top = min(self._xs) - padding, min(self._ys) - padding
        return left, top, max(self._xs) + padding - left, max(self._ys) + padding - top


def _edges(
    workflow: Workflow,
    positions: Mapping[str, Position],
    router: Router,
    frame: _Frame,
    ways: Mapping[tuple[str, str], str],
) -> tuple[list[str], list[str]]:
    """Return the strokes of the edges and, apart, the pills with their labels, which lie above the cards."""
    ends_of: dict[tuple[str, str], None] = {}
    labels: dict[tuple[str, str], list[str]] = {}
    shown = edge_labels(workflow)
    for edge, label in zip(workflow.edges, shown, strict=True):
        ends = (edge.source, edge.target)
        if edge.source not in positions or edge.target not in positions:
            continue
        ends_of[ends] = None
        if label and label not in labels.setdefault(ends, []):
            labels[ends].append(label)
    forward_first = sorted(ends_of, key=lambda ends: positions[ends[0]].x >= positions[ends[1]].x)
    routes = {(a, b): router.route(positions[a], positions[b]) for a, b in forward_first}
    strokes = [_stroke(route, _MARKS.get(ways.get(ends, ""))) for ends, route in routes.items()]
    for route in routes.values():
        if not route.stays_between:  # else it lies within the box around the cards
            for x, y in route.points():
                frame.add(x, y)
    taken: list[tuple[float, float, float]] = []
    pills = [_pill(routes[ends], " · ".join(texts), router, taken, frame) for ends, texts in labels.items() if texts]
    return strokes, pills


def status_color(status: str) -> str | None:
    """Return the colour of a status, None for a word that is none."""
    mark = _MARKS.get(status)
    return mark.color if mark else None


def edge_labels(workflow: Workflow) -> list[str | None]:
    """Return what each edge shows: label, condition, or its port where the source has several."""
    ports: dict[str, set[str | None]] = {}
    for edge in workflow.edges:
        ports.setdefault(edge.source, set()).add(edge.source_port)
    return [
        edge.label or edge.condition or (edge.source_port if len(ports[edge.source]) > 1 else None)
        for edge in workflow.edges
    ]


def _stroke(route: Route, mark: _Mark | None) -> str:
    x, y = route.tip
    dx, dy = route.heading
    bx, by = x - dx * 8, y - dy * 8
    first = route.curves[0][0]
    course = f"M{_n(first[0])} {_n(first[1])}" + "".join(
        f"C{_n(b[0])} {_n(b[1])} {_n(c[0])} {_n(c[1])} {_n(d[0])} {_n(d[1])}" for _, b, c, d in route.curves
    )
    head = f"M{_n(x - dx)} {_n(y - dy)}L{_n(bx - dy * 4)} {_n(by + dx * 4)}L{_n(bx + dy * 4)} {_n(by - dx * 4)}Z"
    kind = "edge back" if route.back else "edge"
    line = f' style="stroke:{mark.color};stroke-dasharray:{mark.dashes or "none"};stroke-width:2.4"' if mark else ""
    tip = f' style="fill:{mark.color};stroke:{mark.color}"' if mark else ""
    return (
        f'<path class="{kind}" fill="none" stroke="#8390a3"{line} d="{course}"/>'
        f'<path class="head" fill="#8390a3"{tip} d="{head}"/>'
    )


def _pill(route: Route, label: str, router: Router, taken: list[tuple[float, float, float]], frame: _Frame) -> str:
    """Place a label on its edge: as near to the middle as cards and other labels allow."""
    text = shorten(label, 130.0, 11.0)
    half = text_width(text, 11.0) / 2 + 8
    points = route.points()
    order = sorted(range(len(points)), key=lambda i: abs(i - (len(points) - 1) * 0.58))
    x, y = points[order[0]]
    for i in order:
        px, py = points[i]
        is_clear = not router.covers(px, py, margin_x=half, margin_y=10.0) and not any(
            abs(px - qx) < half + width + 4 and abs(py - qy) < 22 for qx, qy, width in taken
        )
        if is_clear:
            x, y = px, py
            break
    taken.append((x, y, half))
    frame.add(x - half, y - 9)
    frame.add(x + half, y + 9)
    return (
        f'<rect class="card" fill="#fff" stroke="#b6c0cd" x="{_n(x - half)}" y="{_n(y - 9)}" '
        f'width="{_n(2 * half)}" height="18" rx="9"/>'
        f'<text class="when" font-size="11" text-anchor="middle" x="{_n(x)}" y="{_n(y + 3.8)}">'
        f"{escape(text)}</text>"
    )


def _card(node: Node, position: Position, look: Look, status: str | None, *, is_plain: bool) -> str:
    x, y = position.x - HALF_W, position.y - HALF_H
    title = "" if look.title.casefold() == node.label.casefold() else look.title
    caption = " · ".join(word for word in (title, status) if word and not is_plain)
    body, badge = _face(look, status or "")
    parts = [
        f'<g transform="translate({_n(x)} {_n(y)})">',
        "" if is_plain else f"<title>{escape(f'{node.label} ({caption})' if caption else node.label)}</title>",
        body,
        _line("name", 13.0, node.label, 27.0 if caption else 34.6),
        _line("type", 11.0, caption, 44.0) if caption else "",
        badge,
    ]
    return "".join(parts)


@lru_cache(maxsize=256)
def _face(look: Look, status: str) -> tuple[str, str]:
    """Return what cards of one look and status have in common: what lies below the words, and what comes after."""
    color = look.color if _COLOR.fullmatch(look.color) else "#6b7280"
    mark = _MARKS.get(status)
    border = (
        f' style="stroke:{mark.color};stroke-width:{mark.width};stroke-dasharray:{mark.dashes or "none"}"'
        if mark
        else ""
    )
    faded = ' opacity=".6"' if status in _FADED else ""
    body = (
        f'<rect class="card" fill="#fff" stroke="#b6c0cd" width="180" height="60" rx="12"{border}/>'
        f'<g{faded}><rect x="12" y="14" width="32" height="32" rx="9" fill="{color}"/>'
        f'<text class="icon" font-size="16" text-anchor="middle" x="28" y="35.6" fill="{ink_on(color)}">'
        f"{escape(look.icon[:2])}</text>"
    )
    return body, f"</g>{_badge(mark) if mark else ''}</g>"


def _line(kind: str, size: float, text: str, y: float) -> str:
    shown = escape(shorten(text, 116.0, size))
    return f'<text class="{kind}" font-size="{_n(size)}" x="54" y="{_n(y)}">{shown}</text>'


def _badge(mark: _Mark) -> str:
    return (
        f'<g transform="translate(172 4)"><circle class="card" style="stroke:none" fill="#fff" r="12"/>'
        f'<circle r="10" fill="{mark.color}"/>'
        f'<path class="mark" fill="none" stroke="#fff" d="{mark.icon}"/></g>'
    )


def _describe(workflow: Workflow, statuses: Mapping[str, str]) -> str:
    """Return the picture in words, for those who cannot see it; long ones are cut."""
    names = {node_id: node.label for node_id, node in workflow.nodes_by_id.items()}
    steps = [
        f"{names[edge.source]} to {names[edge.target]}" + (f" when {label}" if label else "")
        for edge, label in zip(workflow.edges, edge_labels(workflow), strict=True)
        if edge.source in names and edge.target in names
    ]
    states = [f"{names[node_id]} {status}" for node_id, status in statuses.items() if node_id in names]
    return f"{_sentence(steps, 'Edges')} {_sentence(states, 'Status')}".strip() or "A workflow without edges."


def _sentence(items: list[str], heading: str, limit: int = 40) -> str:
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return f"{heading}: {'; '.join(items[:limit])}{more}." if items else ""


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
