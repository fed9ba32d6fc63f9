"""Make a picture from a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from builder_jupyter.graph.model import Port, PortType
from builder_jupyter.nodes.generation import PRICES, Generates, PromptedData
from builder_jupyter.nodes.media import Action


class GenerateImageData(PromptedData):
    """``size`` is written as the provider wants it (``1024x1024``, ``landscape_16_9``), or ``aspectRatio`` instead."""

    model: str | None = Field(default=None, title="Model", description="Empty for the provider's default.")
    size: str | None = Field(default=None, title="Size", description="As the provider writes it, e.g. 1024x1024.")
    aspectRatio: str | None = Field(  # noqa: N815 - the wire's name
        default=None, title="Aspect ratio", description="Width to height, e.g. 16:9.", pattern=r"^\d{1,3}:\d{1,3}$"
    )
    seed: int | None = Field(
        default=None, ge=0, title="Seed", description="The same number gives the same picture, where a model can."
    )


class GenerateImage(Generates):
    """One picture; one picture that is wired in is the reference, if the model takes one.

    Source: spec builder-studio §8.4.
    """

    type = "generate-image"
    title = "Image Generation"
    description = "A picture from the prompt."
    color = "#ec4899"
    icon = "◩"
    Data = GenerateImageData
    action = Action.IMAGE
    credits = PRICES[Action.IMAGE]
    timeout_seconds = 180.0
    inputs = (Port("prompt-in", PortType.TEXT, required=True, multiple=True), Port("reference-in", PortType.IMAGE))
    outputs = (Port("image-out", PortType.IMAGE),)
    roles: ClassVar[Mapping[str, tuple[str, str]]] = {"reference-in": ("reference", "image")}
