"""Which providers of media there are: those that are built in, and ``BuilderApp.media_providers``, read and checked.

``${NAME}`` in a key stands for an environment variable of our own server, looked up for each request, so that no
secret needs to be in a configuration file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from builder_jupyter.connectors import elevenlabs_media
from builder_jupyter.nodes.media import Action

OPENAI, QUEUE, ELEVENLABS, ESPEAK, LOCAL = "openai", "queue", "elevenlabs", "espeak", "local"
ABILITIES: Mapping[str, tuple[Action, ...]] = {
    OPENAI: (Action.IMAGE, Action.SPEECH),
    QUEUE: tuple(Action),
    ELEVENLABS: (Action.SPEECH, Action.VOICE, Action.SFX),
    ESPEAK: (Action.SPEECH,),
    LOCAL: (Action.IMAGE, Action.VIDEO, Action.SFX),
}
"""What can be made over each protocol."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_REFERENCE = re.compile(r"\$\{(\w+)\}")
_KNOWN = frozenset({"kind", "url", "key", "models"})


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """How one provider is reached.

    Parameters
    ----------
    kind : the protocol, one of `ABILITIES`.
    key : with references to environment variables as they are written; ``variables`` are asked where it is empty.
    models : the model of each action, where a node names none.
    needs_key : whether nothing can be made without one.
    """

    name: str
    kind: str
    url: str = ""
    key: str = field(default="", repr=False)
    variables: tuple[str, ...] = ()
    models: Mapping[Action, str] = field(default_factory=dict)
    needs_key: bool = True

    def own_key(self) -> str | None:
        """Return the server's own key; None where it, or an environment variable in it, is not set."""
        if not self.key:
            return next(filter(None, map(os.environ.get, self.variables)), None)
        if any(not os.environ.get(name) for name in _REFERENCE.findall(self.key)):
            return None
        return _REFERENCE.sub(lambda found: os.environ[found[1]], self.key)

    @property
    def where_the_key_is_set(self) -> str:
        """What a person has to set."""
        named = _REFERENCE.findall(self.key) or self.variables
        return f"the environment variable {named[0]}" if named else f"BuilderApp.media_providers[{self.name!r}]['key']"


BUILT_IN = (
    ProviderSettings(
        "google", OPENAI, "https://generativelanguage.googleapis.com/v1beta/openai",
        variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    ),
    ProviderSettings(
        "fal", QUEUE, "https://queue.fal.run", variables=("FAL_KEY",),
        models={Action.IMAGE: "fal-ai/flux-2", Action.VIDEO: "bytedance/seedance-2.0/reference-to-video"},
    ),
    ProviderSettings(
        "openai", OPENAI, "https://api.openai.com/v1", variables=("OPENAI_API_KEY",),
        models={Action.IMAGE: "gpt-image-2.5-flare", Action.SPEECH: "gpt-4o-mini-tts"},
    ),
    ProviderSettings(
        "elevenlabs", ELEVENLABS, "https://api.elevenlabs.io", variables=("ELEVENLABS_API_KEY",),
        models=elevenlabs_media.MODELS,
    ),
    ProviderSettings("espeak", ESPEAK, models={Action.SPEECH: "espeak-ng"}, needs_key=False),
    ProviderSettings(
        "local", LOCAL, models=dict.fromkeys(ABILITIES[LOCAL], "placeholder"), needs_key=False
    ),
)  # fmt: skip
"""The providers that need no more than a key; the first that can do what is asked and has one does it."""


def read_providers(configured: Mapping[str, Any]) -> tuple[dict[str, ProviderSettings], list[str]]:
    """Return the providers by name, the configured ones first, and a sentence for each entry that is none.

    Values are not repeated: one may be a secret.
    """
    built_in = {one.name: one for one in BUILT_IN}
    providers: dict[str, ProviderSettings] = {}
    faults = []
    for name, entry in configured.items():
        try:
            providers[str(name)] = _read(str(name), entry, built_in.get(str(name)))
        except ValueError as error:
            faults.append(f"The media provider {str(name)[:40]!r} is left out: {error}.")
    return providers | {name: one for name, one in built_in.items() if name not in providers}, faults


def read_defaults(
    configured: Mapping[str, Any], providers: Mapping[str, ProviderSettings]
) -> tuple[dict[Action, str], list[str]]:
    """Return the provider of each action for which one was named, and a sentence for each entry that names none."""
    defaults: dict[Action, str] = {}
    faults = []
    for action, name in configured.items():
        known = action in set(Action) and name in providers and Action(action) in ABILITIES[providers[name].kind]
        if known:
            defaults[Action(action)] = name
        else:
            faults.append(f"BuilderApp.media_defaults[{str(action)[:40]!r}] names no provider that can do that.")
    return defaults, faults


def _read(name: str, entry: Any, known: ProviderSettings | None) -> ProviderSettings:
    if not _NAME.fullmatch(name):
        raise ValueError("a name is at most 40 letters, digits, _ and -")
    if not isinstance(entry, Mapping) or not all(isinstance(entry.get(key, ""), str) for key in ("kind", "url", "key")):
        raise ValueError("kind, url and key are texts")
    if unknown := sorted(set(map(str, entry)) - _KNOWN):
        raise ValueError(f"it has unknown settings: {', '.join(unknown)}; known are {', '.join(sorted(_KNOWN))}")
    base = known or ProviderSettings(name, entry.get("kind", ""))
    if base.kind not in ABILITIES or entry.get("kind", base.kind) != base.kind:
        raise ValueError(f"kind is one of {', '.join(ABILITIES)}")
    url = entry.get("url", base.url)
    if base.kind in {OPENAI, QUEUE, ELEVENLABS} and not _is_url(url):
        raise ValueError("url starts with http:// or https://")
    return replace(
        base,
        url=url,
        key=entry.get("key", base.key),
        models={**base.models, **_models(entry.get("models", {}), base.kind)},
        needs_key=base.needs_key and "url" not in entry,
    )


def _models(given: Any, kind: str) -> dict[Action, str]:
    actions = {str(action) for action in ABILITIES[kind]}
    if not isinstance(given, Mapping) or not all(
        key in actions and isinstance(model, str) and model for key, model in given.items()
    ):
        raise ValueError(f"models are names by action: {', '.join(sorted(actions))}")
    return {Action(action): model for action, model in given.items()}


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
