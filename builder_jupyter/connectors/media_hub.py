"""Who makes what: providers of media by name, with the key that is the workspace's own, or else the server's."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder_jupyter.connectors.elevenlabs_media import ElevenLabsModel
from builder_jupyter.connectors.espeak import EspeakModel, is_installed
from builder_jupyter.connectors.local_media import LocalModel
from builder_jupyter.connectors.media_peers import Fetch, Peer
from builder_jupyter.connectors.media_settings import (
    ABILITIES,
    ELEVENLABS,
    ESPEAK,
    LOCAL,
    OPENAI,
    QUEUE,
    ProviderSettings,
)
from builder_jupyter.connectors.openai_media import OpenAIMediaModel
from builder_jupyter.connectors.queue_media import QueueModel
from builder_jupyter.errors import NotConfigured, StepError
from builder_jupyter.nodes.media import Action, MediaModel, Wanted

Credential = Callable[[str, str], Awaitable[Mapping[str, str] | None]]
"""Returns what a workspace has stored for a provider, None where it has nothing."""

WORDS: Mapping[Action, str] = {
    Action.IMAGE: "an image",
    Action.VIDEO: "a video",
    Action.SPEECH: "speech",
    Action.VOICE: "speech from speech",
    Action.SFX: "a sound effect",
}
_KEYS = ("apiKey", "api_key", "key", "token")
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+")


async def no_credential(workspace: str, provider: str) -> None:
    """Return nothing: no workspace has a key of its own."""
    del workspace, provider


@dataclass(frozen=True, slots=True)
class MediaHub:
    """Finds the model for a piece of work.

    Parameters
    ----------
    providers : by name, in the order in which they are asked.
    defaults : the provider of an action, where a node names none.
    fetch : fetches files from addresses that a provider's answer names.
    credential : looks up the workspace's own key, which goes before the server's.
    """

    providers: Mapping[str, ProviderSettings]
    defaults: Mapping[Action, str]
    fetch: Fetch
    credential: Credential = no_credential

    async def get(self, wanted: Wanted, workspace: str) -> tuple[Wanted, MediaModel]:
        """Return the model, and what was wanted with the provider and the model that were chosen.

        Raises
        ------
        NotConfigured : nobody, or not the one that was named, is set up for it; the hint names the setting.
        StepError : ``UNKNOWN_PROVIDER``, ``UNKNOWN_MODEL``, ``NOT_ABLE``.
        """
        settings, key = await self._chosen(wanted, workspace)
        model = wanted.model or settings.models.get(wanted.action)
        if not model:
            raise NotConfigured(
                f"{settings.name} has no default model for {WORDS[wanted.action]}.",
                hint=f"Name one in the node, or in BuilderApp.media_providers[{settings.name!r}]['models'].",
            )
        if settings.kind == QUEUE and not _PATH.fullmatch(model):
            raise StepError(
                f"A model of {settings.name} is written owner/app, not {model[:80]!r}.", code="UNKNOWN_MODEL"
            )
        chosen = replace(wanted, provider=settings.name, model=model)
        return chosen, self._model(settings, model, key or "")

    async def _chosen(self, wanted: Wanted, workspace: str) -> tuple[ProviderSettings, str | None]:
        named = wanted.provider or self.defaults.get(wanted.action)
        if named is not None:
            return await self._named(named, wanted.action, workspace)
        for settings in self.providers.values():
            if wanted.action not in ABILITIES[settings.kind] or settings.kind == LOCAL:
                continue
            if not wanted.model and wanted.action not in settings.models:
                continue
            try:
                key = await self._key(settings, workspace)
            except NotConfigured:  # the workspace uses its own credential for this provider only, and has none
                continue
            if key or (not settings.needs_key and self._is_there(settings)):
                return settings, key
        able = [one for one in self.providers.values() if wanted.action in ABILITIES[one.kind] and one.kind != LOCAL]
        keys = " or ".join(one.where_the_key_is_set for one in able if one.needs_key and wanted.action in one.models)
        local = f" BuilderApp.media_defaults = {{{str(wanted.action)!r}: 'local'}} makes placeholders."
        raise NotConfigured(
            f"Nobody is set up here to make {WORDS[wanted.action]}.",
            hint=f"Set {keys or 'BuilderApp.media_providers'}."
            + (local if wanted.action in ABILITIES[LOCAL] else "")
            + (" Or run: pip install 'builder_jupyter[speech]'" if wanted.action is Action.SPEECH else ""),
        )

    async def _named(self, name: str, action: Action, workspace: str) -> tuple[ProviderSettings, str | None]:
        settings = self.providers.get(name)
        if settings is None:
            known = ", ".join(self.providers)
            raise StepError(f"There is no provider {name[:40]!r} of media.", code="UNKNOWN_PROVIDER", hint=known)
        if action not in ABILITIES[settings.kind]:
            raise StepError(f"{name} does not make {WORDS[action]}.", code="NOT_ABLE")
        key = await self._key(settings, workspace)
        if settings.needs_key and not key:
            raise NotConfigured(f"{name} needs a key.", hint=f"Set {settings.where_the_key_is_set}.")
        return settings, key

    async def _key(self, settings: ProviderSettings, workspace: str) -> str | None:
        if settings.kind in {ESPEAK, LOCAL}:
            return None
        stored: Mapping[str, Any] | None = await self.credential(workspace, settings.name)
        own = next((stored[name] for name in _KEYS if stored.get(name)), None) if stored else None
        return own or settings.own_key()

    def _is_there(self, settings: ProviderSettings) -> bool:
        return settings.kind != ESPEAK or is_installed()

    def _model(self, settings: ProviderSettings, model: str, key: str) -> MediaModel:
        name = f"{settings.name}:{model}"
        match settings.kind:
            case str(kind) if kind == OPENAI:
                return OpenAIMediaModel(Peer(name, settings.url), model, key, self.fetch)
            case str(kind) if kind == QUEUE:
                headers = {"Authorization": f"Key {key}"} if key else {}
                return QueueModel(Peer(name, settings.url, headers, 60.0), model, self.fetch)
            case str(kind) if kind == ELEVENLABS:
                headers = {"xi-api-key": key} if key else {}
                return ElevenLabsModel(Peer(name, settings.url, headers, 120.0), model)
            case str(kind) if kind == ESPEAK:
                return EspeakModel(name)
            case _:
                return LocalModel(name)
