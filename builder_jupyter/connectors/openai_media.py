"""Pictures and speech over the OpenAI protocol, by its own SDK: OpenAI itself, Google, and whoever else speaks it."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder_jupyter.connectors import provider_errors
from builder_jupyter.connectors.media_peers import Fetch, Peer, as_file, refusal
from builder_jupyter.connectors.peers import is_loopback
from builder_jupyter.errors import NotConfigured, ProviderError
from builder_jupyter.nodes.media import Action, Done, MediaFile, MediaRequest, Pending
from builder_jupyter.nodes.media_types import MAX_BYTES, extension_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI

DEFAULT_VOICE = "alloy"
_SIZES: Mapping[str, str] = {"1:1": "1024x1024", "3:2": "1536x1024", "16:9": "1536x1024", "2:3": "1024x1536",
                             "9:16": "1024x1536"}  # fmt: skip
_ALWAYS_BASE64 = ("gpt-image", "chatgpt-image")


@dataclass(frozen=True, slots=True)
class OpenAIMediaModel:
    """A `MediaModel` that answers at once.

    Parameters
    ----------
    peer : the server; the SDK makes the requests, the peer fetches files that an answer names.
    api_key : sent as a bearer token; never shown.
    """

    peer: Peer
    model: str
    api_key: str
    fetch: Fetch

    def __repr__(self) -> str:
        return f"OpenAIMediaModel({self.name!r})"

    @property
    def name(self) -> str:
        """The resolved name."""
        return self.peer.name

    async def submit(self, request: MediaRequest) -> Done:
        """Have it drawn or spoken."""
        client = await asyncio.to_thread(self._client)  # the first call imports the SDK for a second
        import openai

        try:
            async with client:
                if request.action is Action.SPEECH:
                    return Done(await self._speech(client, request))
                return Done(await self._image(client, request))
        except openai.APIStatusError as error:
            raise refusal(self.name, error.status_code, error.response.headers, {"error": error.body}) from error
        except openai.APIConnectionError as error:
            raise provider_errors.unreachable(self.name, error) from error
        except (openai.OpenAIError, ValueError) as error:
            raise provider_errors.bad_answer(self.name, "an answer") from error

    async def poll(self, external_id: str) -> Done | Pending:
        """Raise: nothing here is ever pending."""
        raise ProviderError(f"{self.name} has begun nothing called {external_id!r}.", code="PROVIDER_FAILED")

    async def cancel(self, external_id: str) -> None:
        """Do nothing: nothing here is ever pending."""

    def _client(self) -> AsyncOpenAI:
        try:
            import openai
        except ImportError as error:
            raise NotConfigured(
                "Media over the OpenAI protocol need the package openai, which is not installed.",
                hint="Run: pip install 'builder_jupyter[openai]'",
            ) from error
        # A proxy cannot reach our loopback, and must not see its key.
        own = openai.DefaultAsyncHttpxClient(trust_env=False) if is_loopback(self.peer.url) else None
        return openai.AsyncOpenAI(
            api_key=self.api_key or "none",
            base_url=self.peer.url,
            max_retries=0,  # the step's own policy says when to try again
            timeout=self.peer.seconds,
            http_client=own,
        )

    async def _image(self, client: AsyncOpenAI, request: MediaRequest) -> MediaFile:
        asked: dict[str, Any] = {"model": self.model, "prompt": request.prompt, "n": 1}
        size = request.settings.get("size") or _SIZES.get(request.settings.get("aspectRatio", ""))
        if size:
            asked["size"] = size
        if not self.model.startswith(_ALWAYS_BASE64):
            asked["response_format"] = "b64_json"
        reference = request.files.get("reference", ())[:1]
        headers = {"Idempotency-Key": request.key} if request.key else {}
        if reference:
            image = (f"reference.{extension_of(reference[0].mime_type)}", reference[0].content, reference[0].mime_type)
            answer = await client.images.edit(image=image, extra_headers=headers, **asked)
        else:
            answer = await client.images.generate(extra_headers=headers, **asked)
        first = answer.data[0] if getattr(answer, "data", None) else None
        if first is not None and first.b64_json:
            try:
                return as_file(base64.b64decode(first.b64_json, validate=True), "image/png")
            except binascii.Error as error:
                raise provider_errors.bad_answer(self.name, "Base64") from error
        if first is not None and first.url:
            return await self.peer.file_at(first.url, self.fetch)
        raise provider_errors.bad_answer(self.name, "a picture")

    async def _speech(self, client: AsyncOpenAI, request: MediaRequest) -> MediaFile:
        asked: dict[str, Any] = {"model": self.model, "input": request.prompt, "response_format": "mp3"}
        asked["voice"] = request.settings.get("voiceId") or DEFAULT_VOICE
        if "speed" in request.settings:
            asked["speed"] = request.settings["speed"]
        headers = {"Idempotency-Key": request.key} if request.key else {}
        answer = await client.audio.speech.create(extra_headers=headers, **asked)
        content = answer.content
        if len(content) > MAX_BYTES["audio"]:
            raise provider_errors.bad_answer(self.name, "a sound that is too long")
        return as_file(content, "audio/mpeg")
