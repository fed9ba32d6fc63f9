"""A text on the canvas that feeds generation nodes."""

from __future__ import annotations

from pydantic import Field, field_validator

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Port, PortType, Profile
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import NodeData, NodeType, PortValue, StepContext, StepResult

MAX_PROMPT_CHARACTERS = 1_000


class PromptData(NodeData):
    """``prompt``, at most 1,000 characters; ``text`` is read where a tool wrote there instead."""

    prompt: str = Field(
        default="",
        title="Prompt",
        description="The text that goes out, at most 1,000 characters.",
        json_schema_extra={**forms.PROMPT, "maxLength": MAX_PROMPT_CHARACTERS},
    )
    text: str = Field(
        default="",
        title="Text",
        description="Used where the prompt is empty.",
        json_schema_extra=forms.PROMPT,
    )

    @field_validator("prompt", "text")
    @classmethod
    def _is_short_enough(cls, text: str) -> str:
        if len(text.strip()) > MAX_PROMPT_CHARACTERS:
            raise ValueError(f"has {len(text.strip()):,} characters; {MAX_PROMPT_CHARACTERS:,} is the most")
        return text


class Prompt(NodeType):
    """Emits its text, trimmed: what is wired in, else the run's ``prompt`` when it is the trigger, else its own.

    Source: spec builder-studio §8.4.
    """

    type = "prompt"
    profiles = frozenset({Profile.DIRECT})
    title = "Prompt"
    description = "A text that feeds the nodes behind it."
    color = "#0ea5e9"
    icon = "¶"
    Data = PromptData
    is_trigger = True
    inputs = (Port("prompt-in", PortType.TEXT),)
    outputs = (Port("text-out", PortType.TEXT),)

    def decide(self, context: StepContext) -> StepResult:
        """Return the text, or fail when there is none."""
        own = context.node.data
        given = context.inputs.get("prompt") if context.is_entry else None
        texts = (context.text_in("prompt-in"), given, own.get("prompt"), own.get("text"))
        text = next(filter(None, (text.strip() for text in texts if isinstance(text, str))), "")
        if not text:
            raise StepError("Prompt node has no text content.", code="EMPTY_PROMPT")
        if len(text) > MAX_PROMPT_CHARACTERS:
            raise StepError(
                f"The prompt has {len(text)} characters; {MAX_PROMPT_CHARACTERS} is the most.",
                code="PROMPT_TOO_LONG",
            )
        return StepResult(outputs={"text-out": PortValue(PortType.TEXT, text)})
