"""A workflow as a Mermaid flowchart: text that GitHub, GitLab and Markdown cells draw.

Mermaid places the nodes itself. Its own words and signs in names are of no effect: ids are numbers, names are quoted
and what could end the quotation is written as an entity. Source: mermaid.js.org, "Flowcharts - Basic Syntax".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder_jupyter.drawing.lettering import ink_on, visible
from builder_jupyter.drawing.svg import edge_labels, status_color
from builder_jupyter.graph.groups import groups_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builder_jupyter.drawing.svg import Look
    from builder_jupyter.graph.model import Workflow

_SHAPES = {
    "start": ("([", "])"),
    "end": ("([", "])"),
    "router": ("{", "}"),
    "human": ("{{", "}}"),
    "tool": ("[[", "]]"),
    "python": ("[[", "]]"),
}
_BOX = ("(", ")")
_MEANING = frozenset('"#&<>`|;\\{}[]()*_~')


def workflow_mermaid(
    workflow: Workflow, *, looks: Mapping[str, Look], statuses: Mapping[str, str] | None = None
) -> str:
    """Return the text of a flowchart, from left to right; the same for the same workflow.

    Parameters
    ----------
    looks : colours by node type name; other types are drawn in Mermaid's own.
    statuses : by node id; written below the names and drawn as borders.
    """
    numbers = {node_id: f"n{at}" for at, node_id in enumerate(workflow.nodes_by_id)}
    known = statuses or {}
    lines = ["flowchart LR"]
    for node_id, node in workflow.nodes_by_id.items():
        opening, closing = _SHAPES.get(node.type, _BOX)
        status = known.get(node_id, "")
        text = _quoted(node.label) + (f"<br>{_quoted(status)}" if status else "")
        lines.append(f'    {numbers[node_id]}{opening}"{text}"{closing}')
    for edge, label in zip(workflow.edges, edge_labels(workflow), strict=True):
        if edge.source in numbers and edge.target in numbers:
            arrow = f'-->|"{_quoted(label)}"|' if label else "-->"
            lines.append(f"    {numbers[edge.source]} {arrow} {numbers[edge.target]}")
    for at, group in enumerate(groups_of(workflow)):
        lines += [f'    subgraph g{at}["{_quoted(group.title)}"]', *(f"        {numbers[one]}" for one in group.nodes)]
        lines.append("    end")
    lines += _classes(workflow, numbers, looks)
    for node_id, status in known.items():
        if node_id in numbers and (color := status_color(status)):
            lines.append(f"    style {numbers[node_id]} stroke:{color},stroke-width:3px")
    return "\n".join(lines) + "\n"


def _classes(workflow: Workflow, numbers: Mapping[str, str], looks: Mapping[str, Look]) -> list[str]:
    """Return a class for each node type that is there, and the nodes that have it."""
    of_type: dict[str, list[str]] = {}
    for node_id, node in workflow.nodes_by_id.items():
        if node.type in looks:
            of_type.setdefault(node.type, []).append(numbers[node_id])
    lines = []
    for at, (type_name, members) in enumerate(of_type.items()):
        color = looks[type_name].color
        lines.append(f"    classDef t{at} fill:{color},stroke:{color},color:{ink_on(color)}")
        lines.append(f"    class {','.join(members)} t{at}")
    return lines


def _quoted(text: str) -> str:
    """Return a text for between quotes: whatever means something there is written as Mermaid's entity of it."""
    shown = visible(text) or " "
    return "".join(f"#{ord(char)};" if char in _MEANING else char for char in shown)
