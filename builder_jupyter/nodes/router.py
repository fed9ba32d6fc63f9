"""Choose among the ways out by patterns over the newest text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from builder_jupyter.graph.model import Node, Profile
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import NodeData, NodeType, StepContext, StepResult
from builder_jupyter.nodes.patterns import Condition, compile_pattern, read_conditions

FALLBACKS = ("default", "else")
CONDITION: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"label": {"type": "string"}, "pattern": {"type": "string"}}},
    ]
}
"""One condition as JSON Schema."""


class RouterData(NodeData):
    """``conditions``: ``{label, pattern}`` in order, or plain texts; ``default``: the label when none matches."""

    conditions: tuple[Any, ...] = Field(
        default=(),
        title="Conditions",
        description="The first whose pattern is found in the newest message wins; its label names the edge to take.",
        json_schema_extra={"items": CONDITION, **forms.CONDITIONS},
    )
    default: str | None = Field(
        default=None,
        title="Otherwise",
        description="The label of the edge to take when no pattern is found.",
        json_schema_extra=forms.LABELS,
    )


class Router(NodeType):
    """Satisfies the edges of the first condition whose pattern is found; the other edges are dead.

    It reads the newest message of its predecessors. Source: spec langgraph-builder §6.4.
    """

    type = "router"
    profiles = frozenset({Profile.BUILDER})
    title = "Router"
    description = "Chooses the way by patterns over the newest message."
    color = "#f59e0b"
    icon = "◆"
    Data = RouterData

    def ways_out(self, node: Node) -> Sequence[str]:
        """Return the labels of the conditions, then the default."""
        labels = [condition.label for condition in read_conditions(node.data)]
        default = node.data.get("default")
        named = [*labels, default] if isinstance(default, str) else labels
        return tuple(dict.fromkeys(label for label in named if label.strip()))

    def decide(self, context: StepContext) -> StepResult:
        """Return the edges to take; none when nothing matches and there is no default."""
        data = RouterData.model_validate(context.node.data)
        conditions = read_conditions(context.node.data)
        text = context.state.routed_text
        chosen = next((c for c in conditions if compile_pattern(c.pattern).search(text)), None)
        taken = edges_taken(conditions, chosen, data.default, context.routes)
        return StepResult(taken=taken, result=chosen.label if chosen else data.default)


def edges_taken(
    conditions: Sequence[Condition],
    chosen: Condition | None,
    default: str | None,
    routes: Sequence[str | None],
) -> tuple[int, ...]:
    """Map the condition that won (None: none did) to positions among the outgoing edges, labelled ``routes``."""
    if chosen is not None:
        if not any(routes) and len(routes) == len(conditions):
            return (conditions.index(chosen),)
        labelled = with_label(routes, chosen.label)
        if labelled:
            return labelled
    if default is not None and (labelled := with_label(routes, default)):
        return labelled
    return with_label(routes, None) or tuple(i for i, route in enumerate(routes) if route in FALLBACKS)


def with_label(routes: Sequence[str | None], label: str | None) -> tuple[int, ...]:
    """Return the positions of the outgoing edges with this route label (None: without one)."""
    return tuple(index for index, route in enumerate(routes) if route == label)
