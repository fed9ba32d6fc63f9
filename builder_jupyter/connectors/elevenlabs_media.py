"""Voices and sounds over the routes of ElevenLabs, which others speak, too. Source: spec builder-studio §8.4."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from builder_jupyter.connectors.media_peers import Peer, as_file
from builder_jupyter.errors import ProviderError
from builder_jupyter.nodes.media import Action, Done, MediaRequest, Pending
from builder_jupyter.nodes.media_types import MAX_BYTES

DEFAULT_VOICE = "EXAVITQu4vr4xnSDxMaL"
MODELS: Mapping[Action, str] = {
    Action.SPEECH: "eleven_multilingual_v2",
    Action.VOICE: "eleven_multilingual_sts_v2",
    Action.SFX: "eleven_text_to_sound_v2",
}
_FORMAT = {"output_format": "mp3_44100_128"}
_VOICE: Mapping[str, str] = {
    "stability": "stability",
    "similarityBoost": "similarity_boost",
    "style": "style",
    "speed": "speed",
    "speakerBoost": "use_speaker_boost",
}
_SPEECH: Mapping[str, str] = {
    "languageCode": "language_code",
    "seed": "seed",
    "previousText": "previous_text",
    "nextText": "next_text",
    "previousRequestIds": "previous_request_ids",
    "nextRequestIds": "next_request_ids",
    "pronunciationDictionaries": "pronunciation_dictionary_locators",
    "textNormalization": "apply_text_normalization",
}
_SFX: Mapping[str, str] = {"duration": "duration_seconds", "promptInfluence": "prompt_influence", "loop": "loop"}


@dataclass(frozen=True, slots=True)
class ElevenLabsModel:
    """A `MediaModel` that answers at once, with MP3."""

    peer: Peer
    model: str

    @property
    def name(self) -> str:
        """The resolved name."""
        return self.peer.name

    async def submit(self, request: MediaRequest) -> Done:
        """Have it spoken or sounded."""
        voice = quote(str(request.settings.get("voiceId") or DEFAULT_VOICE), safe="")
        match request.action:
            case Action.SPEECH:
                path, content = f"v1/text-to-speech/{voice}", {"json": self._speech(request)}
            case Action.VOICE:
                path, content = f"v1/speech-to-speech/{voice}", self._voice(request)
            case _:
                body = {"text": request.prompt, "model_id": self.model, **_named(_SFX, request.settings)}
                path, content = "v1/sound-generation", {"json": body}
        sound, kind = await self.peer.send("POST", path, most=MAX_BYTES["audio"], params=_FORMAT, **content)
        return Done(as_file(sound, kind or "audio/mpeg"))

    async def poll(self, external_id: str) -> Done | Pending:
        """Raise: nothing here is ever pending."""
        raise ProviderError(f"{self.name} has begun nothing called {external_id!r}.", code="PROVIDER_FAILED")

    async def cancel(self, external_id: str) -> None:
        """Do nothing: nothing here is ever pending."""

    def _speech(self, request: MediaRequest) -> dict[str, Any]:
        body = {"text": request.prompt, "model_id": self.model, **_named(_SPEECH, request.settings)}
        voice = _named(_VOICE, request.settings)
        return body | ({"voice_settings": voice} if voice else {})

    def _voice(self, request: MediaRequest) -> dict[str, Any]:
        recording = request.files["audio"][0]
        data = {"model_id": self.model, **{name: str(value) for name, value in _named(_SEED, request.settings).items()}}
        voice = _named(_VOICE, request.settings)
        if voice:
            data["voice_settings"] = json.dumps(voice)
        return {"data": data, "files": {"audio": ("audio", recording.content, recording.mime_type)}}


_SEED: Mapping[str, str] = {"seed": "seed"}


def _named(names: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {wire: settings[own] for own, wire in names.items() if own in settings}
