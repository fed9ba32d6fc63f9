"""Start a canvas with a text: the entry for API callers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Port, PortType, Profile
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import NodeData, NodeType, PortValue, StepContext, StepResult


class PromptTriggerData(NodeData):
    """``inputKey`` names the input that is the text; ``prompt`` is used when the run brings none."""

    prompt: str = Field(
        default="",
        title="Prompt",
        description="Used when the run brings none.",
        json_schema_extra=forms.PROMPT,
    )
    inputKey: str = Field(  # noqa: N815 - the wire's name
        default="prompt", title="Input", description="The name of the input that is the text."
    )


class PromptTrigger(NodeType):
    """An entry: one text of the run's inputs on ``text-out``, all of them on ``context-out``."""

    type = "prompt-trigger"
    profiles = frozenset({Profile.DIRECT})
    title = "Prompt Trigger"
    description = "Starts a run with a text from the caller."
    color = "#10b981"
    icon = "▶"
    Data = PromptTriggerData
    is_trigger = True
    outputs = (Port("text-out", PortType.TEXT), Port("context-out", PortType.CONTEXT))

    def decide(self, context: StepContext) -> StepResult:
        """Return the text, or fail when neither the run nor the node has one."""
        data = PromptTriggerData.model_validate(context.node.data)
        inputs = context.inputs if context.is_entry else {}
        given: Any = inputs.get(data.inputKey)
        text = given if isinstance(given, str) and given.strip() else data.prompt
        if not text.strip():
            raise StepError(
                f"The run has no text in its input {data.inputKey!r} and the trigger has none of its own.",
                code="EMPTY_PROMPT",
            )
        return StepResult(
            outputs={
                "text-out": PortValue(PortType.TEXT, text),
                "context-out": PortValue(PortType.CONTEXT, dict(inputs)),
            }
        )
