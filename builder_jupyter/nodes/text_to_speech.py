"""Speak a text."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node, Port, PortType
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import StepContext
from builder_jupyter.nodes.generation import PRICES, Generates
from builder_jupyter.nodes.media import Action
from builder_jupyter.nodes.voices import VoiceData


class TextToSpeechData(VoiceData):
    """``text``, or ``prompt`` where a tool wrote there instead, is spoken when nothing is wired in."""

    text: str = Field(
        default="", title="Text", description="Spoken when nothing is wired in.", json_schema_extra=forms.PROMPT
    )
    prompt: str = Field(
        default="", title="Prompt", description="Spoken where the text is empty.", json_schema_extra=forms.PROMPT
    )
    languageCode: str | None = Field(  # noqa: N815 - the wire's names, here and below
        default=None, title="Language", description="ISO 639-1, e.g. de; empty to let the voice tell."
    )
    previousText: str | None = Field(  # noqa: N815
        default=None, title="Text before", description="What was said before, for the flow of speech."
    )
    nextText: str | None = Field(  # noqa: N815
        default=None, title="Text after", description="What will be said next, for the flow of speech."
    )
    previousRequestIds: list[str] | None = Field(  # noqa: N815
        default=None, max_length=3, title="Requests before", description="Ids of what was spoken before."
    )
    nextRequestIds: list[str] | None = Field(  # noqa: N815
        default=None, max_length=3, title="Requests after", description="Ids of what is spoken next."
    )
    pronunciationDictionaries: list[dict[str, Any]] | None = Field(  # noqa: N815
        default=None, max_length=3, title="Dictionaries", description="Which of the provider's dictionaries to use."
    )
    textNormalization: Literal["auto", "on", "off"] | None = Field(  # noqa: N815
        default=None, title="Spell out", description="Whether numbers and abbreviations are spelt out."
    )


class TextToSpeech(Generates):
    """The text as sound. Source: spec builder-studio §8.4."""

    type = "text-to-speech"
    title = "Text to Speech"
    description = "A voice speaks the text."
    color = "#14b8a6"
    icon = "◖"
    Data = TextToSpeechData
    action = Action.SPEECH
    credits = PRICES[Action.SPEECH]
    timeout_seconds = 120.0
    inputs = (Port("prompt-in", PortType.TEXT, required=True),)
    outputs = (Port("audio-out", PortType.AUDIO),)

    def own_input(self, node: Node, port: str) -> bool:
        """Say whether the node's own text stands in for the wire."""
        return port == "prompt-in" and any(str(node.data.get(name) or "").strip() for name in ("text", "prompt"))

    def prompt_of(self, data: Any, context: StepContext) -> str:
        """Return what is wired in, else the node's own text. Raises `StepError` (``EMPTY_PROMPT``)."""
        texts = (context.text_in("prompt-in"), data.text, data.prompt)
        found = next((text.strip() for text in texts if text.strip()), None)
        if found is None:
            raise StepError(f"Node {context.node.id!r} has nothing to say.", code="EMPTY_PROMPT")
        return found
