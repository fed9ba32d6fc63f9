"""A workflow as the canvas draws it: one JSON value with everything in it, positions and looks included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder_jupyter.drawing.inputs import triggers_of
from builder_jupyter.drawing.names import state_names
from builder_jupyter.drawing.svg import edge_labels
from builder_jupyter.graph.layout import layout
from builder_jupyter.money import as_number
from builder_jupyter.nodes.registry import default_registry

if TYPE_CHECKING:
    from builder_jupyter.graph.model import Workflow
    from builder_jupyter.nodes.registry import Registry


def canvas_document(workflow: Workflow, *, version: int = 1, registry: Registry | None = None) -> dict[str, Any]:
    """Return what the canvas needs to draw a workflow and to run it without the kernel.

    Parameters
    ----------
    version : rises with every document that one canvas sends.

    Returns
    -------
    ``nodes`` with their centres in pixels, one entry for each id; ``edges``, one for each pair of nodes;
    ``looks`` by node type; ``triggers`` with the fields of their forms; ``names`` that expressions can read;
    ``document``, the workflow's own wire shape.
    """
    known = default_registry() if registry is None else registry
    nodes = workflow.nodes_by_id
    return {
        "version": version,
        "name": workflow.name,
        "workflowId": workflow.id,
        "looks": {
            kind.type: {
                "color": kind.color,
                "icon": kind.icon,
                "title": kind.title,
                "credits": as_number(kind.credits),
            }
            for kind in known.of(workflow.profile)
        },
        "nodes": [
            {"id": node_id, "label": nodes[node_id].label, "type": nodes[node_id].type, "x": place.x, "y": place.y}
            for node_id, place in layout(workflow).items()
        ],
        "edges": drawn_edges(workflow),
        "triggers": triggers_of(workflow, known),
        "names": state_names(workflow),
        "document": workflow.to_dict(),
    }


def drawn_edges(workflow: Workflow) -> list[dict[str, str]]:
    """Return one edge for all that run between the same two nodes, with their labels joined."""
    nodes = workflow.nodes_by_id
    labels: dict[tuple[str, str], list[str]] = {}
    for edge, label in zip(workflow.edges, edge_labels(workflow), strict=True):
        if edge.source in nodes and edge.target in nodes:
            texts = labels.setdefault((edge.source, edge.target), [])
            if label and label not in texts:
                texts.append(label)
    return [
        {"source": source, "target": target, "label": " · ".join(texts)} for (source, target), texts in labels.items()
    ]
