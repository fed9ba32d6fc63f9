"""Where a builder workflow begins: the run's inputs become the state."""

from __future__ import annotations

from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes.base import NodeType, StepContext, StepResult


class Start(NodeType):
    """The entry of a builder workflow. It has no data; the run's inputs are the state."""

    type = "start"
    profiles = frozenset({Profile.BUILDER})
    title = "Start"
    description = "Where a run begins; its inputs become the state."
    color = "#10b981"
    icon = "▶"
    is_trigger = True

    def decide(self, context: StepContext) -> StepResult:
        """Leave everything as it is: the inputs are in the state already."""
        del context
        return StepResult()
