"""Providers with a queue: submit, ask how it stands, fetch the result, cancel. The protocol is fal's.

``POST {url}/{model}`` answers ``{"request_id"}``; below ``{url}/{owner}/{app}/requests/{request_id}``, ``GET …/status``
answers ``{"status": "IN_QUEUE" | "IN_PROGRESS" | "COMPLETED"}``, ``GET`` the result and ``PUT …/cancel`` ends it. The
addresses in the answers are not used: ours are made from the settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from builder_jupyter.connectors import provider_errors
from builder_jupyter.connectors.media_peers import Fetch, Peer, failed, to_data_url
from builder_jupyter.errors import ProviderError
from builder_jupyter.nodes.media import Action, Done, MediaRequest, Pending

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_WAITS = frozenset({"IN_QUEUE", "IN_PROGRESS", "QUEUED", "PROCESSING", "PENDING"})
_SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")
_SIZES: Mapping[str, str] = {
    "1:1": "square_hd", "4:3": "landscape_4_3", "16:9": "landscape_16_9", "3:4": "portrait_4_3",
    "9:16": "portrait_16_9",
}  # fmt: skip
_FILES: Mapping[str, str] = {
    "reference": "image_url",
    "start_frame": "image_url",
    "last_frame": "end_image_url",
    "audio": "audio_url",
}
_LISTS: Mapping[str, str] = {
    "reference_images": "image_urls",
    "reference_videos": "video_urls",
    "reference_audio": "audio_urls",
}
_SETTINGS: Mapping[str, str] = {
    "seed": "seed",
    "resolution": "resolution",
    "duration": "duration",
    "loop": "loop",
    "promptInfluence": "prompt_influence",
    "voiceId": "voice",
    "speed": "speed",
}


@dataclass(frozen=True, slots=True)
class QueueModel:
    """A `MediaModel` behind a queue. ``model`` is a path, ``owner/app`` and maybe more."""

    peer: Peer
    model: str
    fetch: Fetch

    @property
    def name(self) -> str:
        """The resolved name."""
        return self.peer.name

    async def submit(self, request: MediaRequest) -> Pending:
        """Put the work into the queue."""
        headers = {"Idempotency-Key": request.key} if request.key else {}
        answer = await self.peer.ask("POST", self.model, json=_body(request), headers=headers)
        found = answer.get("request_id") if isinstance(answer, Mapping) else None
        if not isinstance(found, str) or not _ID.fullmatch(found):
            raise provider_errors.bad_answer(self.name, "a request id")
        return Pending(found)

    async def poll(self, external_id: str) -> Done | Pending:
        """Ask how the work stands, and fetch what it came to."""
        place = self._place(external_id)
        answer = await self.peer.ask("GET", f"{place}/status")
        status = answer.get("status") if isinstance(answer, Mapping) else None
        if status in _WAITS:
            return Pending(external_id)
        if status != "COMPLETED":
            raise failed(self.name, status)
        url, declared = _first_file(await self.peer.ask("GET", place))
        if url is None:
            raise provider_errors.bad_answer(self.name, "a result")
        return Done(await self.peer.file_at(url, self.fetch, declared=declared))

    async def cancel(self, external_id: str) -> None:
        """Take the work out of the queue. What is over already stays so."""
        try:
            await self.peer.send("PUT", f"{self._place(external_id)}/cancel")
        except ProviderError as error:
            details = error.details if isinstance(error.details, Mapping) else {}
            if details.get("status") not in {400, 404, 409}:
                raise

    def _place(self, external_id: str) -> str:
        if not _ID.fullmatch(external_id):
            raise provider_errors.bad_answer(self.name, "a request id")
        return f"{'/'.join(self.model.strip('/').split('/')[:2])}/requests/{external_id}"


def _body(request: MediaRequest) -> dict[str, Any]:
    body: dict[str, Any] = {name: request.settings[own] for own, name in _SETTINGS.items() if own in request.settings}
    if request.prompt:
        body["text" if request.action is Action.SPEECH else "prompt"] = request.prompt
    body |= _shape(request)
    for role, name in _FILES.items():
        for file in request.files.get(role, ())[:1]:
            body[name] = to_data_url(file)
    for role, name in _LISTS.items():
        if role in request.files:
            body[name] = [to_data_url(file) for file in request.files[role]]
    return body


def _shape(request: MediaRequest) -> dict[str, Any]:
    """Return how large it is to be. Pictures have ``image_size``, a name or pixels; films an ``aspect_ratio``."""
    size, ratio = request.settings.get("size"), request.settings.get("aspectRatio")
    if request.action is not Action.IMAGE:
        return {"aspect_ratio": ratio} if ratio else {}
    pixels = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if pixels:
        return {"image_size": {"width": int(pixels[1]), "height": int(pixels[2])}}
    if size:
        return {"image_size": size}
    named = _SIZES.get(str(ratio))
    if named:
        return {"image_size": named}
    return {"aspect_ratio": ratio} if ratio else {}


def _first_file(result: Any) -> tuple[str | None, str | None]:
    """Return the address and the type of the first file in a result, whatever it is called there."""
    names = ("images", "image", "video", "audio", "audio_file", "files", "file", "output")
    look: Callable[[Any], tuple[str | None, str | None]] = _first_file
    if isinstance(result, str):
        return (result, None) if result.startswith(("http://", "https://", "data:")) else (None, None)
    if isinstance(result, list):
        return look(result[0]) if result else (None, None)
    if isinstance(result, Mapping):
        if isinstance(result.get("url"), str):
            kind = result.get("content_type")
            return result["url"], kind if isinstance(kind, str) else None
        found = (look(result[name]) for name in names if name in result)
        return next((one for one in found if one[0] is not None), (None, None))
    return None, None
