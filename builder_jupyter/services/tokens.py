"""Recognise the bearers of JSON Web Tokens."""

from __future__ import annotations

from typing import Protocol

from builder_jupyter.errors import Unauthenticated
from builder_jupyter.identity.principal import Principal


class Verifier(Protocol):
    """Decides whether a token is good; `identity.jwt.JwtVerifier` is one."""

    async def verify(self, token: str) -> Principal:
        """Return whom a token stands for. Raises `Unauthenticated`."""
        ...

    async def close(self) -> None:
        """Ask the issuer nothing any more."""
        ...


class TokenService:
    """Recognises bearers of tokens; without a verifier none is good."""

    def __init__(self, verifier: Verifier | None) -> None:
        self._verifier = verifier

    @property
    def is_configured(self) -> bool:
        """Whether there are settings for tokens."""
        return self._verifier is not None

    async def authenticate(self, token: str) -> Principal:
        """Return whom a token stands for. Raises `Unauthenticated`, whatever is wrong with it."""
        if self._verifier is None:
            raise Unauthenticated("Invalid or expired token")
        return await self._verifier.verify(token)

    async def close(self) -> None:
        """Ask the issuer nothing any more."""
        if self._verifier is not None:
            await self._verifier.close()
