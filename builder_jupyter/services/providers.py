"""The providers that a workspace can connect with credentials of its own, as a table.

Source: spec builder-studio §12.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from builder_jupyter.errors import InvalidInput

MAX_VALUE = 4_096
SHOWN_CHARACTERS = 4
LONG_ENOUGH = 16
_WORD = re.compile(r"[!-~]+")
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._~-]*")


class Routing(StrEnum):
    """Whose credential a workspace's steps use for a provider.

    `AUTO`: its own if there is one, else the server's. `BYO_ONLY`: its own or none. `BUILT_IN_ONLY`: the server's.
    """

    AUTO = "auto"
    BYO_ONLY = "byo-only"
    BUILT_IN_ONLY = "built-in-only"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a credential, a text. A secret is shown as its last characters, if it is long enough."""

    name: str
    title: str
    is_secret: bool = True
    is_required: bool = True
    is_url: bool = False

    def masked(self, value: str) -> str:
        """Return what may be shown of a value."""
        if not self.is_secret:
            return value
        return f"…{value[-SHOWN_CHARACTERS:]}" if len(value) >= LONG_ENOUGH else "…"


@dataclass(frozen=True, slots=True)
class ConnectionProvider:
    """A provider: what a credential for it is made of, and which environment variables hold the server's own."""

    name: str
    title: str
    fields: tuple[Field, ...]
    environment: tuple[str, ...] = ()

    @property
    def is_built_in(self) -> bool:
        """Whether the server has a credential of its own."""
        return any(os.environ.get(name) for name in self.environment)

    def validated(self, payload: Mapping[str, Any]) -> dict[str, str]:
        """Return a credential's fields.

        Raises `InvalidInput` (``INVALID_CREDENTIAL``) with a ``{field, error}`` for each fault; values are not told.
        """
        known = {field.name: field for field in self.fields}
        strange = {"field": "credentialPayload", "error": "has a field that is not known"}
        faults = [strange] if payload.keys() - known else []
        for field in self.fields:
            fault = _fault(field, payload.get(field.name))
            if fault:
                faults.append({"field": f"credentialPayload.{field.name}", "error": fault})
        if faults:
            raise InvalidInput(
                f"This is no credential for {self.title}: {faults[0]['field']} {faults[0]['error']}.",
                code="INVALID_CREDENTIAL",
                details=faults,
                hint=f"Fields: {', '.join(known)}.",
            )
        return {name: str(payload[name]).strip() for name in known if payload.get(name) is not None}

    def masked(self, payload: Mapping[str, str]) -> dict[str, str]:
        """Return what may be shown of a credential."""
        return {field.name: field.masked(payload[field.name]) for field in self.fields if field.name in payload}


ADDRESSES = (
    "https://api.deepseek.com",
    "https://api.groq.com/openai",
    "https://api.mistral.ai",
    "https://api.together.xyz",
    "https://openrouter.ai/api",
)
"""Where models of a provider with an address of the workspace's may be asked, if nobody says otherwise.

Any public address would do no harm in itself, but a name can come to mean another address from one call to the next.
"""

API_KEY = Field("apiKey", "API key")

PROVIDERS: dict[str, ConnectionProvider] = {
    one.name: one
    for one in (
        ConnectionProvider(
            "openai",
            "OpenAI",
            (API_KEY, Field("organization", "Organization", is_secret=False, is_required=False)),
            ("OPENAI_API_KEY",),
        ),
        ConnectionProvider("google", "Google AI Studio", (API_KEY,), ("GOOGLE_API_KEY", "GEMINI_API_KEY")),
        ConnectionProvider("anthropic", "Anthropic", (API_KEY,), ("ANTHROPIC_API_KEY",)),
        ConnectionProvider("elevenlabs", "ElevenLabs", (API_KEY,), ("ELEVENLABS_API_KEY",)),
        ConnectionProvider("fal", "fal", (API_KEY,), ("FAL_KEY",)),
        ConnectionProvider(
            "generic",
            "Another, which speaks OpenAI's protocol",
            (API_KEY, Field("baseUrl", "Base URL", is_secret=False, is_url=True)),
        ),
    )
}


def provider_named(name: str) -> ConnectionProvider:
    """Return a provider. Raises `InvalidInput` (``UNKNOWN_PROVIDER``)."""
    if name not in PROVIDERS:
        raise InvalidInput(
            "There is no such provider.", code="UNKNOWN_PROVIDER", hint=f"Known: {', '.join(PROVIDERS)}."
        )
    return PROVIDERS[name]


def parse_routing(name: str) -> Routing:
    """Return a way of routing. Raises `InvalidInput` (``INVALID_ROUTING``)."""
    if name not in set(Routing):
        raise InvalidInput("There is no such mode.", code="INVALID_ROUTING", hint=f"Known: {', '.join(Routing)}.")
    return Routing(name)


def is_among(url: str, addresses: Iterable[str]) -> bool:
    """Say whether an address is one of these or lies below one."""
    if not _PLAIN_PATH.fullmatch(urlsplit(url).path) or ".." in url:
        return False
    place = _place(url)
    return any(place[:2] == one[:2] and f"{place[2]}/".startswith(f"{one[2]}/") for one in map(_place, addresses))


def _place(url: str) -> tuple[str, tuple[str, int | None], str]:
    parts = urlsplit(url.lower())
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "", port), urlsplit(url).path.rstrip("/")


def _fault(field: Field, value: Any) -> str | None:
    """Say what is wrong with a field's value, without the value."""
    if value is None:
        return "is missing" if field.is_required else None
    if not isinstance(value, str) or len(value) > MAX_VALUE or not _WORD.fullmatch(value.strip()):
        return f"must be a text of 1 to {MAX_VALUE} printable ASCII characters without spaces"
    return (
        None
        if not field.is_url or _is_url(value.strip())
        else "must be an address that begins with https:// or http://"
    )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
    return parts.scheme in {"https", "http"} and bool(host) and is_plain
