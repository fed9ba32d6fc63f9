"""Tools for the workspace's own credentials at providers. None is ever answered."""

from __future__ import annotations

from typing import Any

from builder_jupyter.gateway.keys import NoArgs
from builder_jupyter.gateway.shapes import Id, Name, part
from builder_jupyter.gateway.tool import REMOVE, WRITE, Args, Call, Result, tool
from builder_jupyter.identity.scopes import Scope


class ConnectionShown(Result):
    """A connection. ``credential`` has secrets as their last characters; times are epoch milliseconds."""

    connection_id: str
    workspace_id: str
    provider: str
    display_name: str
    mode: str
    status: str
    credential: dict[str, str]
    created_at: int
    updated_at: int


class Connections(Result):
    """Connections, oldest first."""

    connections: list[ConnectionShown]


@tool("List integrations", Scope.MANAGE_INTEGRATIONS)
async def list_integrations(call: Call, args: NoArgs) -> Connections:
    """List the workspace's connections to providers, without their secrets."""
    del args
    found = await call.runtime.integrations.list(call.principal)
    return Connections(connections=[part(ConnectionShown, one) for one in found])


class UpsertArgs(Args):
    """The provider and the fields of its credential, e.g. ``{"apiKey": …}``; the caller's workspace when left out."""

    provider: Id
    display_name: Name
    credential_payload: dict[str, Any]
    workspace_id: Id | None = None
    connection_id: Id | None = None


class ConnectionKept(ConnectionShown):
    """A connection that was made, or whose credential was replaced."""

    created: bool


@tool("Connect a provider", Scope.MANAGE_INTEGRATIONS, hints=WRITE)
async def upsert_integration(call: Call, args: UpsertArgs) -> ConnectionKept:
    """Connect the workspace to a provider with a credential of its own, in place of the one it has."""
    made = await call.runtime.integrations.upsert(
        call.principal,
        workspace=args.workspace_id or call.principal.workspace,
        provider=args.provider,
        display_name=args.display_name,
        payload=args.credential_payload,
        connection_id=args.connection_id,
    )
    return part(ConnectionKept, made)


class ConnectionArgs(Args):
    """Which connection."""

    connection_id: Id


@tool("Revoke an integration", Scope.MANAGE_INTEGRATIONS, hints=REMOVE)
async def revoke_integration(call: Call, args: ConnectionArgs) -> ConnectionShown:
    """Forget a credential for a provider, for good."""
    return part(ConnectionShown, await call.runtime.integrations.revoke(call.principal, args.connection_id))


TOOLS = (list_integrations, upsert_integration, revoke_integration)
