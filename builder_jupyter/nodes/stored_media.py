"""Pictures, films and sounds that lie on a canvas: they hand on what is wired in, else what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Port, PortType, Profile
from builder_jupyter.nodes.base import NodeData, NodeType, PortValue, StepContext, StepResult


class StoredMediaData(NodeData):
    """``mediaRef`` is the id of an asset; ``src`` an address, used where there is no asset.

    Whatever else a client keeps with the node (crop, preview, ratio) is the client's.
    """

    mediaRef: str | None = Field(  # noqa: N815 - the wire's names, here and below
        default=None, title="Asset", description="The id of a file that was uploaded or made."
    )
    src: str | None = Field(default=None, title="Address", description="Where the file is, if it is no asset.")
    fileName: str | None = Field(default=None, title="File", description="What the file is called.")  # noqa: N815
    mimeType: str | None = Field(default=None, title="Type", description="Its MIME type.")  # noqa: N815


class ImageData(StoredMediaData):
    """A picture."""

    naturalWidth: int | None = Field(default=None, ge=1, title="Width", description="In pixels.")  # noqa: N815
    naturalHeight: int | None = Field(default=None, ge=1, title="Height", description="In pixels.")  # noqa: N815


class SoundData(StoredMediaData):
    """A film or a sound."""

    duration: float | None = Field(default=None, ge=0, title="Seconds", description="How long it is.")


class StoredMedia(NodeType):
    """Emits the port value of a file, without reading it. Source: spec builder-studio §8.4, media nodes."""

    profiles = frozenset({Profile.DIRECT})
    fallback: ClassVar[str]
    measures: ClassVar[Mapping[str, str]] = {"duration": "durationSeconds"}

    def decide(self, context: StepContext) -> StepResult:
        """Hand on what came in, else the node's own file. Raises `StepError` (``NO_MEDIA``)."""
        port = self.outputs[0]
        arrived = context.ports.get(self.inputs[0].name, ())
        value = arrived[0].value if arrived else self._own(context.node.data)
        if value is None:
            raise StepError(f"Node {context.node.id!r} has no {port.type}.", code="NO_MEDIA")
        return StepResult(outputs={port.name: PortValue(port.type, value)})

    def _own(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        data: Any = self.Data.model_validate(given)
        url = asset_url(data.mediaRef) if data.mediaRef else data.src
        if not url:
            return None
        measured = {to: getattr(data, name) for name, to in self.measures.items()}
        value = {"url": url, "mimeType": data.mimeType or self.fallback, "assetId": data.mediaRef, **measured}
        return {name: item for name, item in value.items() if item is not None}


class ImageNode(StoredMedia):
    """A picture."""

    type = "image"
    title = "Image"
    description = "A picture that other nodes can use."
    color = "#f472b6"
    icon = "▨"
    Data = ImageData
    inputs = (Port("image-in", PortType.IMAGE),)
    outputs = (Port("image-out", PortType.IMAGE),)
    fallback = "image/png"
    measures: ClassVar[Mapping[str, str]] = {"naturalWidth": "width", "naturalHeight": "height"}


class VideoNode(StoredMedia):
    """A film."""

    type = "video"
    title = "Video"
    description = "A film that other nodes can use."
    color = "#fb923c"
    icon = "▤"
    Data = SoundData
    inputs = (Port("video-in", PortType.VIDEO),)
    outputs = (Port("video-out", PortType.VIDEO),)
    fallback = "video/mp4"


class AudioNode(StoredMedia):
    """A sound."""

    type = "audio"
    title = "Audio"
    description = "A sound that other nodes can use."
    color = "#2dd4bf"
    icon = "♫"
    Data = SoundData
    inputs = (Port("audio-in", PortType.AUDIO),)
    outputs = (Port("audio-out", PortType.AUDIO),)
    fallback = "audio/mpeg"


def asset_url(asset_id: str) -> str:
    """Return the address of an asset, below the server's base URL."""
    return f"/api/builder/assets/{asset_id}"
