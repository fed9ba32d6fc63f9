"""Start a canvas with an event from outside. The endpoint that receives it is a surface's business."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from builder_jupyter.graph.model import Port, PortType, Profile, thaw
from builder_jupyter.nodes.base import NodeData, NodeType, PortValue, StepContext, StepResult


class WebhookTriggerData(NodeData):
    """``testPayload`` stands in for the event's body in a run that brings no inputs."""

    testPayload: Any = Field(  # noqa: N815 - the wire's name
        default=None, title="Test event", description="Used as the event's body where a run brings none."
    )


class WebhookTrigger(NodeType):
    """An entry: the event's body as text on ``body-out``, all that is known of it on ``context-out``.

    A run that was started otherwise has the run's inputs as body, or the test event where it brings none; another
    trigger's run has the test event. Source: spec builder-studio §8.4.
    """

    type = "webhook-trigger"
    profiles = frozenset({Profile.DIRECT})
    title = "Webhook Trigger"
    description = "Starts a run when an event arrives."
    color = "#10b981"
    icon = "⚡"
    Data = WebhookTriggerData
    is_trigger = True
    outputs = (Port("body-out", PortType.TEXT), Port("context-out", PortType.CONTEXT))

    def decide(self, context: StepContext) -> StepResult:
        """Hand the event on."""
        inputs = thaw(dict(context.inputs)) if context.is_entry else {}
        about = self._event(context, inputs)
        body = about["body"]
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        return StepResult(
            outputs={
                "body-out": PortValue(PortType.TEXT, text),
                "context-out": PortValue(PortType.CONTEXT, {**about, "inputs": inputs}),
            }
        )

    def _event(self, context: StepContext, inputs: dict[str, Any]) -> Mapping[str, Any]:
        if context.event is not None and context.event.get("nodeId") == context.node.id:
            return {name: value for name, value in context.event.items() if name != "nodeId"}
        test = thaw(WebhookTriggerData.model_validate(context.node.data).testPayload)
        return {"body": inputs if inputs or test is None else test}
