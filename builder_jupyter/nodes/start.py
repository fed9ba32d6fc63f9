"""Where a builder workflow begins: the run's inputs become the state."""

from __future__ import annotations

from pydantic import ConfigDict

from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import NodeData, NodeType, StepContext, StepResult


class StartData(NodeData):
    """``inputs`` may name the inputs of a run; validation then warns of reading others."""

    model_config = ConfigDict(
        json_schema_extra=forms.also(
            inputs={
                "title": "Inputs",
                "description": "The names of what a run brings. Without any, every name may be read.",
                "x-form": "texts",
            }
        )
    )


class Start(NodeType):
    """The entry of a builder workflow. The run's inputs are the state."""

    type = "start"
    profiles = frozenset({Profile.BUILDER})
    title = "Start"
    description = "Where a run begins; its inputs become the state."
    color = "#10b981"
    icon = "▶"
    is_trigger = True
    Data = StartData

    def decide(self, context: StepContext) -> StepResult:
        """Leave everything as it is: the inputs are in the state already."""
        del context
        return StepResult()
