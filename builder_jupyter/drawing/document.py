"""A workflow as the canvas draws it: one JSON value with everything in it, positions and looks included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder_jupyter.drawing.inputs import triggers_of
from builder_jupyter.drawing.names import state_names
from builder_jupyter.drawing.sockets import Ends, Sockets, socket_list
from builder_jupyter.drawing.svg import edge_labels
from builder_jupyter.graph.groups import groups_of
from builder_jupyter.graph.layout import layout
from builder_jupyter.money import as_number
from builder_jupyter.nodes.registry import default_registry

if TYPE_CHECKING:
    from builder_jupyter.graph.model import Node, Position, Workflow
    from builder_jupyter.nodes.registry import Registry


def canvas_document(workflow: Workflow, *, version: int = 1, registry: Registry | None = None) -> dict[str, Any]:
    """Return what the canvas needs to draw a workflow and to run it without the kernel.

    Parameters
    ----------
    version : rises with every document that one canvas sends.

    Returns
    -------
    ``nodes`` with their centres in pixels, one entry for each id, those that choose with the labels of their
    ways out in ``routes``; ``edges``, one for each pair of nodes, with the ``sockets`` that it joins if any;
    ``groups``; ``looks`` by node type, with the ports of types that have any;
    ``triggers`` with the fields of their forms; ``names`` that expressions can read;
    ``document``, the workflow's own wire shape.
    """
    known = default_registry() if registry is None else registry
    nodes = workflow.nodes_by_id
    sockets = Sockets(workflow, known)
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
                **sockets.ports_of(kind),
            }
            for kind in known.of(workflow.profile)
        },
        "nodes": [
            _drawn_node(nodes[node_id], place, sockets.ways_out(nodes[node_id]))
            for node_id, place in layout(workflow).items()
        ],
        "edges": drawn_edges(workflow, sockets),
        "groups": [{"id": group.id, "title": group.title, "nodes": list(group.nodes)} for group in groups_of(workflow)],
        "triggers": triggers_of(workflow, known),
        "names": state_names(workflow),
        "document": workflow.to_dict(),
    }


def _drawn_node(node: Node, place: Position, routes: tuple[str, ...]) -> dict[str, Any]:
    drawn = {"id": node.id, "label": node.label, "type": node.type, "x": place.x, "y": place.y}
    return {**drawn, "routes": list(routes)} if routes else drawn


def drawn_edges(workflow: Workflow, sockets: Sockets) -> list[dict[str, Any]]:
    """Return one edge for all that run between the same two nodes, with their labels joined."""
    nodes = workflow.nodes_by_id
    labels: dict[tuple[str, str], list[str]] = {}
    ends: dict[tuple[str, str], dict[Ends, None]] = {}
    for edge, label in zip(workflow.edges, edge_labels(workflow), strict=True):
        if edge.source in nodes and edge.target in nodes:
            texts = labels.setdefault((edge.source, edge.target), [])
            ends.setdefault((edge.source, edge.target), {})[sockets.ends_of(edge)] = None
            if label and label not in texts:
                texts.append(label)
    return [
        {"source": pair[0], "target": pair[1], "label": " · ".join(texts), **socket_list(ends[pair])}
        for pair, texts in labels.items()
    ]
