"""API keys: ``builder_`` and 43 characters of base64url. Shown once; stored as a hash.

Keys are random, so a plain SHA-256 is the right hash: there is nothing to guess that stretching would slow down.
Source: spec builder-studio §2.2.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from builder_jupyter.identity.principal import CredentialKind
from builder_jupyter.identity.scopes import Scope

PREFIX = "builder_"
DISPLAY_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key. ``prefix`` is its first characters, for people to tell keys apart.

    ``maker`` is how whoever made it had signed in; None for keys of older versions.
    """

    key_id: str
    workspace: str
    name: str
    prefix: str
    sha256: str
    scopes: tuple[Scope, ...]
    created_by: str
    created_at: datetime
    last_used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    maker: CredentialKind | None = None

    def is_valid(self, at: datetime) -> bool:
        """Say whether the key opens anything at this time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def matches(self, secret: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.sha256, hash_key(secret))


def new_secret(prefix: str = PREFIX) -> str:
    """Return a new key: its prefix and 43 characters, which are 256 bits of randomness."""
    return prefix + secrets.token_urlsafe(32)


def hash_key(secret: str) -> str:
    """Return the hex SHA-256 of the whole key, prefix included."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def display_prefix(secret: str) -> str:
    """Return the part of a key that may be shown."""
    return secret[:DISPLAY_CHARACTERS]
