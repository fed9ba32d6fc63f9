"""Make a sound from a prompt."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from builder_jupyter.graph.model import Port, PortType
from builder_jupyter.nodes.generation import PRICES, Generates, Part, PromptedData, clamped
from builder_jupyter.nodes.media import Action


class GenerateSfxData(PromptedData):
    """Numbers beyond their bounds are clamped. The model is the provider's one for sounds."""

    duration: Annotated[float, clamped(0.5, 30)] = Field(
        default=5.0, title="Seconds", description="0.5 to 30.", json_schema_extra={"minimum": 0.5, "maximum": 30}
    )
    loop: bool | None = Field(default=None, title="Loop", description="Whether it can be played in a circle.")
    promptInfluence: Part | None = Field(  # noqa: N815 - the wire's name
        default=None, title="Prompt influence", description="0 to 1; how closely the prompt is followed."
    )


class GenerateSfx(Generates):
    """A sound effect. Source: spec builder-studio §8.4."""

    type = "generate-sfx"
    title = "Sound Effects"
    description = "A sound from the prompt."
    color = "#84cc16"
    icon = "♪"
    Data = GenerateSfxData
    action = Action.SFX
    credits = PRICES[Action.SFX]
    timeout_seconds = 120.0
    inputs = (Port("prompt-in", PortType.TEXT, required=True, multiple=True),)
    outputs = (Port("audio-out", PortType.AUDIO),)
