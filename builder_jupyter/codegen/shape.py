"""How a workflow maps onto LangGraph's primitives. Knows sequential graphs; everything else is dispatched for now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder_jupyter.graph.model import Workflow
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation.facts import Facts


@dataclass(frozen=True)
class Shape:
    """What of a workflow LangGraph's own primitives express.

    Parameters
    ----------
    dispatched : plain edges cannot express it; one ``dispatch`` node decides what runs next.
    joins : target node id -> groups of source ids that enter it by one list edge.
    beside : node id -> ids of nodes whose messages and results it must not see although LangGraph shows them.
    """

    dispatched: bool
    joins: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    beside: Mapping[str, frozenset[str]] = field(default_factory=dict)


def shape_of(workflow: Workflow) -> Shape:
    """Return the shape of a valid workflow: sequential when never two nodes run at a time."""
    facts = Facts(workflow, registry=default_registry(), tool_names=None)
    for node_id, edges in facts.outgoing.items():
        ways: dict[str | None, set[str]] = {}
        for edge in edges:
            label = edge.route_label if facts.nodes[node_id].type in {"router", "human"} else None
            ways.setdefault(label, set()).add(edge.target)
        if any(len(targets) > 1 for targets in ways.values()):
            return Shape(dispatched=True)
    return Shape(dispatched=False)
