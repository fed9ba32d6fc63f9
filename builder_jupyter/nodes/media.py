"""What a node asks of those who make pictures, films and sounds, and what comes back: the port for media.

Like `chat` for language models. A provider may answer at once (`Done`) or take the work and be asked again later
(`Pending`). Adapters live in `connectors`; a step reaches them through `Media`, which also keeps what was made.
Source: spec builder-studio §8.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Action(StrEnum):
    """What can be made. ``voice`` is speech to speech: the same words in another voice."""

    IMAGE = "image"
    VIDEO = "video"
    SPEECH = "speech"
    VOICE = "voice"
    SFX = "sfx"


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A whole file and its MIME type."""

    content: bytes = field(repr=False)
    mime_type: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to make something: a provider and a model by name, or None for what the server is set up with."""

    action: Action
    provider: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """One piece of work.

    Parameters
    ----------
    prompt : what is to be seen, heard or spoken.
    files : by role (``reference``, ``start_frame``, ``last_frame``, ``reference_images``, ``reference_videos``,
        ``reference_audio``, ``audio``), in the order of the edges.
    settings : by the names of the node's data; an adapter takes those that its provider knows.
    key : names this piece of work; the same for every attempt at it.
    """

    action: Action
    prompt: str = field(default="", repr=False)
    files: Mapping[str, Sequence[MediaFile]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """It is made."""

    file: MediaFile


@dataclass(frozen=True, slots=True)
class Pending:
    """It is being made; ``external_id`` is what the provider calls the work."""

    external_id: str


class MediaModel(Protocol):
    """One model of one provider, ready to be asked.

    All three raise `ProviderError`; ``retryable`` says whether trying again can help. Cancelling the task that awaits
    closes the connection.
    """

    @property
    def name(self) -> str:
        """The resolved name, e.g. ``fal:fal-ai/flux-2``."""
        ...

    async def submit(self, request: MediaRequest) -> Done | Pending:
        """Make it, or have it begun."""
        ...

    async def poll(self, external_id: str) -> Done | Pending:
        """Look whether work that was begun is done."""
        ...

    async def cancel(self, external_id: str) -> None:
        """Tell the provider that nobody waits for the work any more. What it makes all the same is lost."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """Work that a provider has begun; ``provider`` and ``model`` are the names that were chosen for it."""

    action: Action
    provider: str
    model: str
    external_id: str

    def to_dict(self) -> dict[str, str]:
        """Return the shape in which a waitpoint keeps it."""
        return {
            "action": str(self.action),
            "provider": self.provider,
            "model": self.model,
            "externalId": self.external_id,
        }

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> Job:
        """Read back what `to_dict` wrote."""
        return cls(Action(wire["action"]), wire["provider"], wire["model"], wire["externalId"])


class Media(Protocol):
    """What a step that makes or takes media is given. Every file belongs to the step's workspace."""

    async def submit(self, wanted: Wanted, request: MediaRequest, *, workspace: str) -> Done | Job:
        """Have it made, or begun.

        Raises
        ------
        NotConfigured : nobody is set up to do it; the hint names the setting.
        ProviderError : as `MediaModel`.
        """
        ...

    async def poll(self, job: Job, *, workspace: str) -> Done | Job:
        """Look whether it is done. Raises as `submit`."""
        ...

    async def keep(
        self, file: MediaFile, action: Action, *, workspace: str, canvas_id: str, key: str
    ) -> dict[str, Any]:
        """Keep what was made and return it as the value of a port: ``{url, mimeType, assetId, …}``.

        ``key`` names the step's visit, so that an attempt that is made again keeps nothing twice.

        Raises
        ------
        OutputInvalid : ``OUTPUT_NOT_MEDIA``: it is empty, too large, or not what the action makes.
        """
        ...

    async def load(self, value: Mapping[str, Any], kind: str, *, workspace: str) -> MediaFile:
        """Return the file behind the value of a port. ``kind`` is ``image``, ``video`` or ``audio``.

        Raises
        ------
        StepError : ``MEDIA_UNREADABLE``: unknown, another workspace's, too large, of another kind, or at an address
            that may not be called.
        """
        ...
