"""Secrets of webhooks, and signatures over what is sent with them. Source: spec builder-studio §5.2, §6.1.

A signature is ``t=<epoch seconds>,v1=<hex>``: an HMAC-SHA256, keyed by the secret, over ``<t>.<raw body>``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from builder_jupyter.errors import Unauthenticated
from builder_jupyter.identity.principal import CredentialKind, Principal
from builder_jupyter.identity.scopes import Scope

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300
REMEMBERED_SECONDS = 600
"""How long a signature is remembered so that it counts once: longer than it is good for, on either side of now."""

SIGNATURE_HEADER = "X-BuilderStudio-Signature"
REDACTED = frozenset({"authorization", "x-webhook-secret", "cookie", "proxy-authorization"})

_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Webhook:
    """The endpoint of one trigger node. ``sealed`` is its secret, encrypted; ``last_triggered_at`` epoch ms.

    Its runs act for who registered it, with what that person could do then (``is_admin``, ``teams``).
    """

    canvas_id: str
    node_id: str
    workspace: str
    created_by: str
    is_admin: bool
    teams: frozenset[str]
    sha256: str
    sealed: str
    require_signature: bool
    created_at: datetime
    last_triggered_at: int | None = None
    last_execution_id: str | None = None

    @property
    def principal(self) -> Principal:
        """In whose name its runs are started: they may be, and nothing else."""
        scopes = frozenset({Scope.RUN_WORKFLOWS})
        return Principal(
            self.created_by, self.workspace, scopes, CredentialKind.WEBHOOK, is_admin=self.is_admin, teams=self.teams
        )


def new_secret() -> str:
    """Return a new secret: 49 characters, 256 bits of randomness."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Return the hex SHA-256 by which a secret is found. It is random, so nothing needs stretching."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def sign(secret: str, body: bytes, at_seconds: int) -> str:
    """Return the signature over a body that is sent now."""
    return f"t={at_seconds},v1={_mac(secret, body, str(at_seconds))}"


def verified(secret: str, body: bytes, signature: str | None, now_seconds: float) -> str:
    """Return the code of a good signature, by which its second coming is known.

    Raises `Unauthenticated`: ``SIGNATURE_REQUIRED``, ``SIGNATURE_INVALID``, ``SIGNATURE_EXPIRED``.
    """
    if signature is None:
        raise Unauthenticated(f"This webhook wants the header {SIGNATURE_HEADER}.", code="SIGNATURE_REQUIRED")
    found = _SIGNATURE.fullmatch(signature.strip())
    if found is None or not hmac.compare_digest(found[2], _mac(secret, body, found[1])):
        raise Unauthenticated("The signature does not match the body.", code="SIGNATURE_INVALID")
    if abs(now_seconds - int(found[1])) > TOLERANCE_SECONDS:
        raise Unauthenticated(
            f"The signature is more than {TOLERANCE_SECONDS} seconds off our clock.", code="SIGNATURE_EXPIRED"
        )
    return found[2]


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers, names in small letters, without those that hold credentials."""
    return {name.lower(): value for name, value in headers.items() if name.lower() not in REDACTED}


def _mac(secret: str, body: bytes, at: str) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
