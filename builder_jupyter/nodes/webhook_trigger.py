"""Start a canvas with an event from outside. The endpoint that receives it is a surface's business."""

from __future__ import annotations

import json

from builder_jupyter.graph.model import Port, PortType, Profile
from builder_jupyter.nodes.base import NodeType, PortValue, StepContext, StepResult


class WebhookTrigger(NodeType):
    """An entry: the event's body as text on ``body-out``, all that is known of it on ``context-out``."""

    type = "webhook-trigger"
    profiles = frozenset({Profile.DIRECT})
    title = "Webhook Trigger"
    description = "Starts a run when an event arrives."
    color = "#10b981"
    icon = "⚡"
    is_trigger = True
    outputs = (Port("body-out", PortType.TEXT), Port("context-out", PortType.CONTEXT))

    def decide(self, context: StepContext) -> StepResult:
        """Hand the event on."""
        inputs = dict(context.inputs)
        return StepResult(
            outputs={
                "body-out": PortValue(PortType.TEXT, json.dumps(inputs, ensure_ascii=False)),
                "context-out": PortValue(PortType.CONTEXT, {"inputs": inputs, "body": inputs}),
            }
        )
