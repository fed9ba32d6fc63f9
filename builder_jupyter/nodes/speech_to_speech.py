"""Say what was said in another voice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node, Port, PortType
from builder_jupyter.nodes.base import PortValue, StepContext, StepResult, Wait
from builder_jupyter.nodes.generation import PRICES, Generates
from builder_jupyter.nodes.media import Action
from builder_jupyter.nodes.voices import VoiceData


class SpeechToSpeechData(VoiceData):
    """``audioBase64`` or ``audioUrl`` (public HTTPS) is used when nothing is wired in."""

    audioUrl: str | None = Field(  # noqa: N815 - the wire's name
        default=None, title="Address", description="A recording at a public https address."
    )
    audioBase64: str | None = Field(  # noqa: N815
        default=None, title="Recording", description="A recording in Base64, or as a data: address."
    )


class SpeechToSpeech(Generates):
    """A recording in another voice. Source: spec builder-studio §8.4."""

    type = "speech-to-speech"
    title = "Speech to Speech"
    description = "The same words in another voice."
    color = "#0d9488"
    icon = "⇄"
    Data = SpeechToSpeechData
    action = Action.VOICE
    credits = PRICES[Action.VOICE]
    timeout_seconds = 120.0
    inputs = (Port("audio-in", PortType.AUDIO, required=True),)
    outputs = (Port("audio-out", PortType.AUDIO),)
    roles: ClassVar[Mapping[str, tuple[str, str]]] = {"audio-in": ("audio", "audio")}

    def own_input(self, node: Node, port: str) -> bool:
        """Say whether the node has a recording of its own."""
        return port == "audio-in" and bool(node.data.get("audioUrl") or node.data.get("audioBase64"))

    async def run(self, context: StepContext) -> StepResult | Wait:
        """Take the node's own recording where nothing is wired in."""
        if context.answer is None and not context.ports.get("audio-in"):
            data = SpeechToSpeechData.model_validate(context.node.data)
            url = data.audioUrl or (_data_url(data.audioBase64) if data.audioBase64 else None)
            if url is None:
                raise StepError(f"Node {context.node.id!r} has no recording.", code="EMPTY_AUDIO")
            context.ports = {**context.ports, "audio-in": [PortValue(PortType.AUDIO, {"url": url})]}
        return await super().run(context)

    def prompt_of(self, data: Any, context: StepContext) -> str:
        """Return nothing: the recording says what is to be said."""
        del data, context
        return ""


def _data_url(text: str) -> str:
    return text if text.startswith("data:") else f"data:;base64,{text}"
