"""Make, list, revoke and recognise API keys."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from builder_jupyter import ids
from builder_jupyter.clock import Clock, Timer
from builder_jupyter.errors import Forbidden, InvalidInput, NotFound, TooLarge, Unauthenticated
from builder_jupyter.identity.api_keys import ApiKey, display_prefix, hash_key, new_secret
from builder_jupyter.identity.principal import CredentialKind, Principal, key_principal
from builder_jupyter.identity.roles import Capability
from builder_jupyter.identity.scopes import DEFAULT_SCOPES, Scope, parse_scopes
from builder_jupyter.services.seats import Seats
from builder_jupyter.storage.keys import KeyStore

MAX_NAME = 255
MAX_KEYS = 1_000
LOOK_EVERY_SECONDS = 30.0


class KeyService:
    """What can be done with API keys. Only owners and admins of a workspace make and revoke them.

    A key may do what it says as far as the seat goes that its maker has in the workspace now: it outlives neither a
    role that ended nor one that shrank.
    """

    def __init__(self, store: KeyStore, seats: Seats, clock: Clock) -> None:
        self._store = store
        self._seats = seats
        self._clock = clock
        self._lent: dict[str, Principal] = {}
        self._watchers: dict[str, set[asyncio.Future[None]]] = {}

    @property
    def is_shared(self) -> bool:
        """Whether there have been keys of more than one workspace."""
        return len(self._store.workspaces) > 1

    async def create(
        self,
        principal: Principal,
        name: str,
        scopes: Iterable[str] | None = None,
        *,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """Return a new key of the principal's workspace and its secret, which nobody can read again.

        Raises
        ------
        InvalidInput : ``INVALID_KEY_NAME``, ``UNKNOWN_SCOPE``, ``NO_SCOPES``, ``INVALID_EXPIRY``.
        Forbidden : ``ROLE_INSUFFICIENT``; ``SCOPE_EXCEEDED``: a key may not make a key that may do more.
        TooLarge : there are `MAX_KEYS` that are good.
        """
        if not name.strip() or len(name) > MAX_NAME:
            raise InvalidInput(f"A key needs a name of 1 to {MAX_NAME} characters.", code="INVALID_KEY_NAME")
        wanted = DEFAULT_SCOPES if scopes is None else parse_scopes(scopes)
        if not wanted:
            raise InvalidInput("A key needs at least one scope.", code="NO_SCOPES", hint=f"Known: {', '.join(Scope)}.")
        if expires_at is not None and (expires_at.tzinfo is None or expires_at <= self._clock.now()):
            raise InvalidInput("A key expires at a time to come, with its zone.", code="INVALID_EXPIRY")
        principal.require_capability(Capability.MANAGE_KEYS)
        beyond = [str(scope) for scope in wanted if not principal.may(scope)]
        if beyond:
            raise Forbidden(f"Your own credential lacks {', '.join(beyond)}.", code="SCOPE_EXCEEDED")
        if sum(key.is_valid(self._clock.now()) for key in await self.list(principal)) >= MAX_KEYS:
            raise TooLarge(f"A workspace can have {MAX_KEYS} keys that are good, at most.")
        secret = new_secret()
        key = ApiKey(
            key_id=ids.key_id(),
            workspace=principal.workspace,
            name=name.strip(),
            prefix=display_prefix(secret),
            sha256=hash_key(secret),
            scopes=wanted,
            created_by=principal.name,
            created_at=self._clock.now(),
            expires_at=expires_at,
            maker=principal.maker,
        )
        await self._store.add(key)
        return key, secret

    def lend(self, principal: Principal) -> str:
        """Return a key for this process's own children, which stands for the principal until the process ends."""
        secret = new_secret()
        self._lent[hash_key(secret)] = replace(
            principal, credential=CredentialKind.API_KEY, origin=principal.credential
        )
        return secret

    async def list(self, principal: Principal) -> list[ApiKey]:
        """Return the keys of the principal's workspace, oldest first."""
        return [key for key in self._store.all() if key.workspace == principal.workspace]

    async def revoke(self, principal: Principal, key_id: str) -> ApiKey:
        """Make a key open nothing; revoking twice is fine.

        Raises
        ------
        NotFound : ``KEY_NOT_FOUND``.
        Forbidden : ``ROLE_INSUFFICIENT``.
        """
        for key in await self.list(principal):
            if key.key_id == key_id:
                principal.require_capability(Capability.MANAGE_KEYS)
                return await self._revoke(key)
        raise NotFound(f"There is no key {key_id!r}.", code="KEY_NOT_FOUND")

    async def revoke_all(self, workspace: str, maker: str | None = None) -> None:
        """Make all keys of a workspace, or those that somebody made there, open nothing."""
        for key in self._store.all():
            if key.workspace == workspace and maker in (None, key.created_by):
                await self._revoke(key)

    async def _revoke(self, key: ApiKey) -> ApiKey:
        if key.revoked_at is not None:
            return key
        now = self._clock.now()
        await self._store.revoke(key, now)
        for over in self._watchers.get(key.key_id, ()):
            if not over.done():
                over.set_result(None)
        return replace(key, revoked_at=now)

    async def authenticate(self, secret: str) -> Principal:
        """Return who a key stands for: the person who made it, within its workspace, its scopes and their seat now.

        Raises
        ------
        Unauthenticated : unknown, expired and revoked look the same.
        Forbidden : ``NO_WORKSPACE``: the key belongs to no workspace.
        """
        principal = self.glance(secret)
        if principal is None:
            key, principal = self._known(secret)
            await self._store.touch(key, self._clock.now())
        return principal

    def glance(self, secret: str) -> Principal | None:
        """Return who a key stands for; None when its use is yet to be noted, which `authenticate` does.

        It may be called from any thread, so that most requests need not change theirs to learn who asks. Raises as
        `authenticate`.
        """
        lent = self._lent.get(hash_key(secret))
        if lent is not None:
            return lent
        key, principal = self._known(secret)
        return principal if self._store.is_touched(key, self._clock.now()) else None

    def _known(self, secret: str) -> tuple[ApiKey, Principal]:
        key = self._store.find(secret)
        if key is None or not key.is_valid(self._clock.now()):
            raise Unauthenticated("Invalid or expired token")
        if not key.workspace:
            raise Forbidden("This key belongs to no workspace.", code="NO_WORKSPACE")
        seat = self._seats.of_maker(key.workspace, key.created_by, key.maker)
        return key, key_principal(
            key.created_by, key.workspace, key.scopes, seat,
            origin=key.maker, key_id=key.key_id, expires_at=key.expires_at,
        )  # fmt: skip

    async def ended(self, principal: Principal) -> None:
        """Return once what a caller has shown is no longer good; for people at the server themselves that is never."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer: Timer | None = None

        def look() -> None:
            nonlocal timer
            left = math.inf
            if principal.expires_at is not None:
                left = (principal.expires_at - self._clock.now()).total_seconds()
            if left <= 0 and not over.done():
                over.set_result(None)
            elif left < math.inf:  # the date may be put forward meanwhile
                timer = self._clock.call_later(min(left, LOOK_EVERY_SECONDS), look)

        watchers = self._watchers.setdefault(principal.credential_id, set())
        watchers.add(over)
        try:
            look()
            known = next((key for key in self._store.all() if key.key_id == principal.credential_id), None)
            if known is None or known.revoked_at is None:
                await over
        finally:
            if timer is not None:
                timer.cancel()
            watchers.discard(over)
            if not watchers:
                self._watchers.pop(principal.credential_id, None)


def require_key(principal: Principal) -> None:
    """Let API keys through and nothing else. Source: seed "REST API", verify-key."""
    if principal.credential is not CredentialKind.API_KEY:
        raise Unauthenticated("This request carries no API key.", hint="Send 'Authorization: Bearer builder_…'.")
