"""Where a builder workflow ends, and what it gives back."""

from __future__ import annotations

from pydantic import Field

from builder_jupyter.graph.model import PortType, Profile
from builder_jupyter.graph.templates import as_text, evaluate_output
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import NodeData, NodeType, PortValue, StepContext, StepResult


class EndData(NodeData):
    """``output``: a state expression, e.g. ``state.messages[-1]``."""

    output: str = Field(
        default="",
        title="Output",
        description="What the run gives back, e.g. state.messages[-1]; nothing when empty.",
        json_schema_extra=forms.EXPRESSION,
    )


class End(NodeType):
    """An exit of a builder workflow; several are allowed.

    Without ``output`` it sets none; its port has the last message all the same.
    """

    type = "end"
    profiles = frozenset({Profile.BUILDER})
    title = "End"
    description = "Where a run ends; its output expression is what the run gives back."
    color = "#64748b"
    icon = "■"
    Data = EndData

    def decide(self, context: StepContext) -> StepResult:
        """Evaluate the output expression. A message becomes its text."""
        data = EndData.model_validate(context.node.data)
        state = context.state.as_mapping()
        output = evaluate_output(data.output.strip() or "state.messages[-1]", state)
        return StepResult(
            outputs={"text-out": PortValue(PortType.TEXT, as_text(output))},
            output=output,
            has_output=bool(data.output.strip()),
        )
