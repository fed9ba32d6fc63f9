"""How a voice is to sound: the settings that both nodes which speak have. Source: spec builder-studio §8.4."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from builder_jupyter.nodes.generation import GenerationData, Part, clamped


class VoiceData(GenerationData):
    """Numbers beyond their bounds are clamped. An empty setting is the provider's own."""

    model: str | None = Field(default=None, title="Model", description="Empty for the provider's default.")
    voiceId: str | None = Field(  # noqa: N815 - the wire's names, here and below
        default=None, title="Voice", description="The provider's name of the voice; empty for its default."
    )
    stability: Part | None = Field(default=None, title="Stability", description="0 to 1; lower is livelier.")
    similarityBoost: Part | None = Field(  # noqa: N815
        default=None, title="Similarity", description="0 to 1; how close to the voice."
    )
    style: Part | None = Field(default=None, title="Style", description="0 to 1; how much the style is exaggerated.")
    speed: Annotated[float, clamped(0.7, 1.2)] | None = Field(
        default=None, title="Speed", description="0.7 to 1.2; 1 is the voice's own."
    )
    speakerBoost: bool | None = Field(  # noqa: N815
        default=None, title="Speaker boost", description="Closer to the speaker, at some cost in time."
    )
    seed: int | None = Field(
        default=None, ge=0, title="Seed", description="The same number gives the same sound, where a model can."
    )
