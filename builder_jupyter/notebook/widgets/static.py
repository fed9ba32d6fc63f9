"""A workflow in a plain ipycytoscape widget: to look at, where our extension of its view is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipycytoscape import CytoscapeWidget, Edge, Node

from builder_jupyter.drawing.document import canvas_document
from builder_jupyter.drawing.lettering import ink_on
from builder_jupyter.drawing.svg import status_color
from builder_jupyter.graph.layout import NODE_HEIGHT, NODE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builder_jupyter.graph.model import Workflow

_STYLE: list[dict[str, Any]] = [
    {
        "selector": "node",
        "style": {
            "shape": "round-rectangle",
            "width": NODE_WIDTH,
            "height": NODE_HEIGHT,
            "background-color": "data(color)",
            "border-width": 4,
            "border-color": "data(border)",
            "label": "data(caption)",
            "color": "data(ink)",
            "font-size": 14,
            "text-wrap": "wrap",
            "text-max-width": f"{NODE_WIDTH - 20:.0f}px",
            "text-halign": "center",
            "text-valign": "center",
        },
    },
    {
        "selector": ":parent",
        "style": {
            "background-color": "#8390a3",
            "background-opacity": 0.1,
            "border-width": 1,
            "border-color": "#8390a3",
            "padding": 22,
            "color": "#5b6676",
            "text-valign": "top",
            "text-margin-y": 18,
        },
    },
    {
        "selector": "edge",
        "style": {
            "curve-style": "bezier",
            "width": 2,
            "line-color": "#8390a3",
            "target-arrow-color": "#8390a3",
            "target-arrow-shape": "triangle",
            "label": "data(label)",
            "font-size": 12,
            "text-background-color": "#ffffff",
            "text-background-opacity": 1,
        },
    },
]


def static_graph(workflow: Workflow, statuses: Mapping[str, str] | None = None) -> CytoscapeWidget:
    """Return a plain widget with the workflow's nodes at their places, coloured by type, bordered by status."""
    known = statuses or {}
    document = canvas_document(workflow)
    looks = document["looks"]
    widget = CytoscapeWidget(cytoscape_layout={"name": "preset"}, cytoscape_style=_STYLE, auto_ungrabify=True)
    nodes = []
    parents: dict[str, str] = {}
    for at, group in enumerate(document["groups"]):
        parents.update(dict.fromkeys(group["nodes"], f"{at} "))
        nodes.append(Node(data={"id": f"{at} ", "caption": group["title"]}))
    for node in document["nodes"]:
        color = looks.get(node["type"], {}).get("color", "#6b7280")
        status = known.get(node["id"], "")
        caption = f"{node['label']}\n{status}".strip()
        border = status_color(status) or color
        data = {"id": node["id"], "caption": caption, "color": color, "border": border, "ink": ink_on(color)}
        if node["id"] in parents:
            data["parent"] = parents[node["id"]]
        nodes.append(Node(data=data, position={"x": node["x"], "y": node["y"]}))
    widget.graph.add_nodes(nodes)
    edges = [Edge(data={"id": f"{index} ", **edge}) for index, edge in enumerate(document["edges"])]
    widget.graph.add_edges(edges, directed=True)
    return widget
