"""Providers' credentials of a workspace's own: kept encrypted, shown masked, used by its steps alone.

Source: spec builder-studio §3.5 (the route), §12.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock, epoch_ms
from builder_jupyter.errors import Conflict, InvalidInput, NotConfigured, NotFound, TooLarge, Unavailable
from builder_jupyter.identity.principal import Principal
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.services.providers import PROVIDERS, Routing, is_among, parse_routing, provider_named
from builder_jupyter.services.seats import Seats
from builder_jupyter.storage.cipher import decrypt, encrypt
from builder_jupyter.storage.connections import ACTIVE, REVOKED, Connection, ConnectionStore
from builder_jupyter.storage.encryption import EncryptionKey

MAX_NAME = 100
MAX_KEPT = 1_000

Shown = list[dict[str, Any]]
"""Things as they are shown, in order."""


class IntegrationService:
    """What can be done with connections. Unknown ids and those of other workspaces look the same.

    Parameters
    ----------
    addresses : which addresses a credential may bring, each with all below it.
    """

    def __init__(
        self, store: ConnectionStore, seats: Seats, key: EncryptionKey, clock: Clock, *, addresses: Sequence[str]
    ) -> None:
        self._store = store
        self._seats = seats
        self._key = key
        self._clock = clock
        self._addresses = tuple(addresses)
        self._lock = asyncio.Lock()

    async def list(self, principal: Principal) -> Shown:
        """Return the connections of the workspace, oldest first, without their secrets."""
        principal.require(Scope.MANAGE_INTEGRATIONS)
        return [self._shown(one) for one in self._store.of(principal.workspace)]

    async def providers(self, principal: Principal) -> Shown:
        """Return each provider: the fields of its credential, how the workspace routes to it, and who has one."""
        principal.require(Scope.MANAGE_INTEGRATIONS)
        return [
            {
                "provider": one.name,
                "title": one.title,
                "fields": [
                    {"name": field.name, "title": field.title, "secret": field.is_secret, "required": field.is_required}
                    for field in one.fields
                ],
                "mode": str(self._routing(principal.workspace, one.name)),
                "builtIn": one.is_built_in,
                "connected": self._store.active(principal.workspace, one.name) is not None,
            }
            for one in PROVIDERS.values()
        ]

    async def route(self, principal: Principal, provider: str, mode: str) -> dict[str, Any]:
        """Say whose credential the workspace's steps use for a provider.

        Raises
        ------
        NotFound : ``UNKNOWN_PROVIDER``.
        InvalidInput : ``INVALID_ROUTING``.
        """
        principal.require(Scope.MANAGE_INTEGRATIONS)
        if provider not in PROVIDERS:
            raise NotFound("There is no such provider.", code="UNKNOWN_PROVIDER")
        await self._store.route(principal.workspace, provider, str(parse_routing(mode)))
        return next(one for one in await self.providers(principal) if one["provider"] == provider)

    async def upsert(
        self,
        principal: Principal,
        *,
        workspace: str,
        provider: str,
        display_name: str,
        payload: Mapping[str, Any],
        connection_id: str | None = None,
    ) -> dict[str, Any]:
        """Connect a workspace to a provider, in the place of its connection to it if there is one.

        Raises
        ------
        Forbidden : ``WORKSPACE_DENIED``; ``MISSING_SCOPE``: it takes write access to the workspace.
        NotConfigured : ``ENCRYPTION_KEY_MISSING``, whatever else is wrong.
        InvalidInput : ``UNKNOWN_PROVIDER``, ``INVALID_DISPLAY_NAME``, ``INVALID_CREDENTIAL``, ``ADDRESS_NOT_ALLOWED``.
        NotFound : ``CONNECTION_NOT_FOUND``: no connection of this workspace has that id.
        Conflict : ``CONNECTION_OF_OTHER_PROVIDER``; ``CONNECTION_REVOKED``.
        TooLarge : the workspace has had `MAX_KEPT` connections.
        """
        me = await self._seats.enter(principal, workspace)
        me.require(Scope.MANAGE_INTEGRATIONS)
        key = await asyncio.to_thread(self._key.get)
        about = provider_named(provider)
        name = display_name.strip()
        if not name or len(name) > MAX_NAME or not name.isprintable():
            raise InvalidInput(
                f"A connection needs a name of 1 to {MAX_NAME} printable characters.", code="INVALID_DISPLAY_NAME"
            )
        fields = about.validated(payload)
        self._check_address(fields)
        async with self._lock:
            known = self._known(me.workspace, provider, connection_id)
            if known is None and len(self._store.of(me.workspace)) >= MAX_KEPT:
                raise TooLarge(f"A workspace can have {MAX_KEPT} connections at most, revoked ones included.")
            now = self._clock.now()
            one = known or Connection(
                ids.connection_id(), me.workspace, provider, name, "", {}, me.name, now, now
            )  # fmt: skip
            # Sealed with where it belongs, so that no row can be put in the place of another.
            sealed = encrypt(key, json.dumps({"workspace": one.workspace, "id": one.connection_id, "fields": fields}))
            one = replace(one, display_name=name, payload=sealed, masked=about.masked(fields), updated_at=now)
            await self._store.put(one)
        return self._shown(one) | {"created": known is None}

    async def revoke(self, principal: Principal, connection_id: str) -> dict[str, Any]:
        """Forget a credential; twice is fine. Raises `NotFound` (``CONNECTION_NOT_FOUND``)."""
        principal.require(Scope.MANAGE_INTEGRATIONS)
        async with self._lock:
            one = self._of(principal.workspace, connection_id)
            return self._shown(one if one.status == REVOKED else await self._store.revoke(one, self._clock.now()))

    async def credential(self, workspace: str, provider: str) -> Mapping[str, str] | None:
        """Return the workspace's own credential for a provider by field; None where the server's own is to be used.

        Raises
        ------
        NotConfigured : ``PROVIDER_NOT_CONNECTED``: the workspace uses nothing but its own, and has none.
        Unavailable : ``SECRET_UNREADABLE``.
        InvalidInput : ``ADDRESS_NOT_ALLOWED``.
        """
        mode = self._routing(workspace, provider)
        one = self._store.active(workspace, provider) if mode is not Routing.BUILT_IN_ONLY else None
        if one is not None:
            fields = self._opened(one, await asyncio.to_thread(self._key.get))
            self._check_address(fields)  # the server may allow less by now
            return fields
        if mode is Routing.BYO_ONLY:
            raise NotConfigured(
                f"This workspace uses {PROVIDERS[provider].title} with a credential of its own only, and has none.",
                code="PROVIDER_NOT_CONNECTED",
                hint="Connect it in the settings, or choose the mode 'auto'.",
            )
        return None

    async def forget(self, workspace: str) -> None:
        """Revoke everything of a workspace that is gone."""
        async with self._lock:
            for one in self._store.of(workspace):
                if one.status != REVOKED:
                    await self._store.revoke(one, self._clock.now())

    def _check_address(self, fields: Mapping[str, str]) -> None:
        if "baseUrl" in fields and not is_among(fields["baseUrl"], self._addresses):
            raise InvalidInput(
                "This server does not let models be asked at that address.",
                code="ADDRESS_NOT_ALLOWED",
                hint="Whoever runs it can add it to BuilderApp.provider_addresses.",
            )

    def _routing(self, workspace: str, provider: str) -> Routing:
        mode = self._store.routing(workspace, provider)
        return Routing(mode) if mode in set(Routing) else Routing.AUTO

    def _known(self, workspace: str, provider: str, connection_id: str | None) -> Connection | None:
        """Return the connection whose place is to be taken."""
        if connection_id is None:
            return self._store.active(workspace, provider)
        one = self._of(workspace, connection_id)
        if one.provider != provider:
            raise Conflict("That connection is to another provider.", code="CONNECTION_OF_OTHER_PROVIDER")
        if one.status != ACTIVE:
            raise Conflict("That connection was revoked; make a new one.", code="CONNECTION_REVOKED")
        return one

    def _of(self, workspace: str, connection_id: str) -> Connection:
        one = self._store.find(connection_id)
        if one is None or one.workspace != workspace:
            raise NotFound("There is no such connection.", code="CONNECTION_NOT_FOUND")
        return one

    def _opened(self, one: Connection, key: bytes) -> Mapping[str, str]:
        found = json.loads(decrypt(key, one.payload))
        if (found["workspace"], found["id"]) != (one.workspace, one.connection_id):
            raise Unavailable("A stored secret is not what belongs in its place.", code="SECRET_UNREADABLE")
        fields: Mapping[str, str] = found["fields"]
        return fields

    def _shown(self, one: Connection) -> dict[str, Any]:
        return {
            "connectionId": one.connection_id,
            "workspaceId": one.workspace,
            "provider": one.provider,
            "displayName": one.display_name,
            "mode": one.mode,
            "status": one.status,
            "credential": dict(one.masked),
            "createdBy": one.created_by,
            "createdAt": epoch_ms(one.created_at),
            "updatedAt": epoch_ms(one.updated_at),
        }
