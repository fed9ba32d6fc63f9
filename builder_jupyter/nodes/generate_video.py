"""Make a film from a prompt. Films take minutes: the step waits for its provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from builder_jupyter.graph.model import Port, PortType
from builder_jupyter.nodes.generation import PRICES, Generates, PromptedData
from builder_jupyter.nodes.media import Action


class GenerateVideoData(PromptedData):
    """What a provider does not know of it, it is not told."""

    model: str | None = Field(default=None, title="Model", description="Empty for the provider's default.")
    aspectRatio: str | None = Field(  # noqa: N815 - the wire's name
        default=None, title="Aspect ratio", description="Width to height, e.g. 16:9.", pattern=r"^\d{1,3}:\d{1,3}$"
    )
    resolution: str | None = Field(
        default=None, title="Resolution", description="As the provider writes it, e.g. 720p."
    )
    duration: float | None = Field(default=None, gt=0, title="Seconds", description="How long the film is to be.")
    seed: int | None = Field(
        default=None, ge=0, title="Seed", description="The same number gives the same film, where a model can."
    )


class GenerateVideo(Generates):
    """One film: submit, look again until it is there, keep it. Source: spec builder-studio §8.4."""

    type = "generate-video"
    title = "Video Generation"
    description = "A film from the prompt."
    color = "#f97316"
    icon = "▣"
    Data = GenerateVideoData
    action = Action.VIDEO
    credits = PRICES[Action.VIDEO]
    timeout_seconds = 60.0
    inputs = (
        Port("prompt-in", PortType.TEXT, required=True, multiple=True),
        Port("start-frame-in", PortType.IMAGE),
        Port("last-frame-in", PortType.IMAGE),
        Port("reference-images-in", PortType.IMAGE, multiple=True),
        Port("reference-videos-in", PortType.VIDEO, multiple=True),
        Port("reference-audio-in", PortType.AUDIO, multiple=True),
    )
    outputs = (Port("video-out", PortType.VIDEO),)
    roles: ClassVar[Mapping[str, tuple[str, str]]] = {
        "start-frame-in": ("start_frame", "image"),
        "last-frame-in": ("last_frame", "image"),
        "reference-images-in": ("reference_images", "image"),
        "reference-videos-in": ("reference_videos", "video"),
        "reference-audio-in": ("reference_audio", "audio"),
    }
