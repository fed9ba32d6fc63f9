"""Providers' credentials of a workspace's own. None is ever answered. Source: spec builder-studio §3.5, §12."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderHandler
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route
from builder_jupyter.services.integrations import MAX_NAME
from builder_jupyter.services.providers import PROVIDERS, Routing

NAMES: Any = {"enum": list(PROVIDERS)}
MODES: Any = {"enum": [str(mode) for mode in Routing]}
PAYLOAD: Any = {
    "required": ["apiKey"],
    "properties": {"apiKey": {"type": "string", "pattern": "^[!-~]+$", "maxLength": 4096}},
}


class ConnectionBody(Loose):
    """A credential for a provider, by the fields that ``GET /api/integrations/providers`` tells.

    ``workspaceId`` is one that the caller belongs to. Without ``connectionId`` the connection to that provider is
    replaced if there is one.
    """

    workspaceId: str  # noqa: N815 - the wire's names, here and below
    provider: str = Field(json_schema_extra=NAMES)
    displayName: str = Field(json_schema_extra={"pattern": r"\S", "maxLength": MAX_NAME})  # noqa: N815
    credentialPayload: dict[str, Any] = Field(json_schema_extra=PAYLOAD)  # noqa: N815
    connectionId: str | None = None  # noqa: N815


class ConnectionShown(BaseModel):
    """A connection. ``credential`` has its fields, secrets as their last characters. Times are epoch milliseconds."""

    connectionId: str  # noqa: N815
    workspaceId: str  # noqa: N815
    provider: str
    displayName: str  # noqa: N815
    mode: str
    status: str
    credential: dict[str, str]
    createdBy: str  # noqa: N815
    createdAt: int  # noqa: N815
    updatedAt: int  # noqa: N815


class ConnectionKept(ConnectionShown):
    """A connection that was made, or whose credential was replaced."""

    created: bool


class ConnectionList(BaseModel):
    """The workspace's connections, oldest first."""

    connections: list[ConnectionShown]


class ProviderShown(BaseModel):
    """A provider: what its credential is made of, whose is used (``mode``), and who has one."""

    provider: str
    title: str
    fields: list[dict[str, Any]]
    mode: str = Field(json_schema_extra=MODES)
    builtIn: bool  # noqa: N815
    connected: bool


class ProviderList(BaseModel):
    """The providers there are."""

    providers: list[ProviderShown]


class RoutingBody(Loose):
    """Whose credential is used: the workspace's own if there is one, nothing else, or the server's."""

    mode: str = Field(json_schema_extra=MODES)


class ConnectionsHandler(BuilderHandler):
    """All connections of a workspace."""

    path = "/api/integrations/provider-connections"

    @route(Scope.MANAGE_INTEGRATIONS, answer=ConnectionList)
    async def get(self) -> None:
        """List the workspace's connections, without their secrets."""
        self.answer({"connections": await self.call(self.runtime.integrations.list(self.caller))})

    @route(Scope.MANAGE_INTEGRATIONS, body=ConnectionBody, answer=ConnectionKept, refuses=(404, 409))
    async def post(self) -> None:
        """Connect a workspace to a provider."""
        wanted = await self.model(ConnectionBody)
        work = self.runtime.integrations.upsert(
            self.caller,
            workspace=wanted.workspaceId,
            provider=wanted.provider,
            display_name=wanted.displayName,
            payload=wanted.credentialPayload,
            connection_id=wanted.connectionId,
        )
        self.answer(await self.call(work))


class ConnectionHandler(BuilderHandler):
    """One connection."""

    path = "/api/integrations/provider-connections/{connection_id}"

    @route(Scope.MANAGE_INTEGRATIONS, answer=ConnectionShown)
    async def delete(self, connection_id: str) -> None:
        """Revoke a connection: its credential is forgotten."""
        self.answer(await self.call(self.runtime.integrations.revoke(self.caller, connection_id)))


class ProvidersHandler(BuilderHandler):
    """All providers."""

    path = "/api/integrations/providers"

    @route(Scope.MANAGE_INTEGRATIONS, answer=ProviderList)
    async def get(self) -> None:
        """List the providers, and whose credentials the workspace uses for them."""
        self.answer({"providers": await self.call(self.runtime.integrations.providers(self.caller))})


class ProviderHandler(BuilderHandler):
    """One provider."""

    path = "/api/integrations/providers/{provider}"

    @route(Scope.MANAGE_INTEGRATIONS, body=RoutingBody, answer=ProviderShown)
    async def put(self, provider: str) -> None:
        """Say whose credential the workspace uses for a provider."""
        wanted = await self.model(RoutingBody)
        self.answer(await self.call(self.runtime.integrations.route(self.caller, provider, wanted.mode)))


HANDLERS = (ConnectionsHandler, ConnectionHandler, ProvidersHandler, ProviderHandler)
