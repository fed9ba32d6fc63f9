"""MCP servers that people publish, and the keys that open them. A key is shown in the answer that makes it only."""

from __future__ import annotations

from typing import Any

from jupyter_server.utils import url_path_join
from pydantic import BaseModel, Field

from builder_jupyter.clock import iso_z
from builder_jupyter.identity.published import SLUG, TOOL_NAME, Door, PublishedServer, PublishedTool, ServerKey
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route
from builder_jupyter.services.keys import MAX_NAME
from builder_jupyter.services.published import MAX_TOOLS, Definition

DOORS: Any = {"enum": [str(door) for door in Door]}


class ToolBody(Loose):
    """A workflow as a tool. ``inputSchema`` is the JSON Schema of its arguments, which become the run's inputs."""

    name: str = Field(json_schema_extra={"pattern": f"^{TOOL_NAME}$"})
    description: str = Field(default="", max_length=2_000)
    inputSchema: dict[str, Any] = Field(  # noqa: N815 - the wire's names, here and below
        default_factory=dict, json_schema_extra={"maxProperties": 0}
    )
    canvasId: str = Field(min_length=1)  # noqa: N815
    triggerNodeId: str = Field(min_length=1)  # noqa: N815
    outputStepId: str | None = Field(default=None, min_length=1)  # noqa: N815
    outputPort: str | None = Field(default=None, min_length=1)  # noqa: N815

    @property
    def tool(self) -> PublishedTool:
        """What is to be published."""
        return PublishedTool(
            self.name, self.description, self.canvasId, self.triggerNodeId, self.inputSchema,
            self.outputStepId, self.outputPort,
        )  # fmt: skip


class ServerBody(Loose):
    """A server: ``auth`` says whether a key is needed to call it."""

    slug: str = Field(json_schema_extra={"pattern": f"^{SLUG}$"})
    title: str = Field(default="", max_length=MAX_NAME)
    auth: str = Field(default=str(Door.BEARER), json_schema_extra=DOORS, pattern="^(public|bearer)$")
    tools: list[ToolBody] = Field(min_length=1, max_length=MAX_TOOLS)

    @property
    def definition(self) -> Definition:
        """What is to be published."""
        tools = tuple(tool.tool for tool in self.tools)
        return Definition(self.slug, self.title or self.slug, Door(self.auth), tools)


class ServerShown(BaseModel):
    """A published server and where it is."""

    slug: str
    title: str
    auth: str
    url: str
    owner: str
    tools: list[dict[str, Any]]
    created_at: str
    updated_at: str


class ServerList(BaseModel):
    """The workspace's published servers, oldest first."""

    servers: list[ServerShown]


class ServerGone(BaseModel):
    """That it is gone."""

    message: str


class ServerKeyBody(Loose):
    """A new key."""

    name: str = Field(json_schema_extra={"pattern": r"\S", "maxLength": MAX_NAME})


class ServerKeyShown(BaseModel):
    """What may be shown of a key to a server."""

    id: str
    name: str
    prefix: str
    created_by: str
    created_at: str
    revoked_at: str | None


class ServerKeyMade(ServerKeyShown):
    """A new key, with the key itself."""

    key: str


class ServerKeyList(BaseModel):
    """The keys of a server, oldest first."""

    keys: list[ServerKeyShown]


class ServersHandler(BuilderFamily):
    """All published servers."""

    path = "/api/builder/mcp-servers"

    @route(Scope.MANAGE_INTEGRATIONS, answer=ServerList)
    async def get(self) -> None:
        """List the workspace's published MCP servers."""
        found = await self.call(self.runtime.published.list(self.caller))
        self.answer({"servers": [_shown(self, server) for server in found]})

    @route(Scope.MANAGE_INTEGRATIONS, body=ServerBody, answer=ServerShown, status=201, refuses=(404, 409))
    async def post(self) -> None:
        """Publish workflows as the tools of an MCP server."""
        wanted = await self.model(ServerBody)
        self.answer(_shown(self, await self.call(self.runtime.published.create(self.caller, wanted.definition))))


class ServerHandler(BuilderFamily):
    """One published server."""

    path = "/api/builder/mcp-servers/{slug}"

    @route(Scope.MANAGE_INTEGRATIONS, answer=ServerShown)
    async def get(self, slug: str) -> None:
        """Return a published MCP server."""
        self.answer(_shown(self, await self.call(self.runtime.published.get(self.caller, slug))))

    @route(Scope.MANAGE_INTEGRATIONS, body=ServerBody, answer=ServerShown)
    async def put(self, slug: str) -> None:
        """Put another definition in a published MCP server's place; its address and its keys stay."""
        wanted = await self.model(ServerBody)
        self.answer(_shown(self, await self.call(self.runtime.published.update(self.caller, slug, wanted.definition))))

    @route(Scope.MANAGE_INTEGRATIONS, answer=ServerGone)
    async def delete(self, slug: str) -> None:
        """Take a published MCP server and its keys away."""
        await self.call(self.runtime.published.delete(self.caller, slug))
        self.answer({"message": "MCP server deleted"})


class ServerKeysHandler(BuilderFamily):
    """The keys of one published server."""

    path = "/api/builder/mcp-servers/{slug}/keys"

    @route(Scope.MANAGE_INTEGRATIONS, answer=ServerKeyList)
    async def get(self, slug: str) -> None:
        """List the keys of a published MCP server."""
        found = await self.call(self.runtime.published.keys(self.caller, slug))
        self.answer({"keys": [_key_shown(key) for key in found]})

    @route(Scope.MANAGE_INTEGRATIONS, body=ServerKeyBody, answer=ServerKeyMade, status=201)
    async def post(self, slug: str) -> None:
        """Make a key to a published MCP server."""
        wanted = await self.model(ServerKeyBody)
        key, secret = await self.call(self.runtime.published.make_key(self.caller, slug, wanted.name))
        self.answer(_key_shown(key) | {"key": secret})


class ServerKeyHandler(BuilderFamily):
    """One key of a published server."""

    path = "/api/builder/mcp-servers/{slug}/keys/{key_id}"

    @route(Scope.MANAGE_INTEGRATIONS, answer=ServerKeyShown)
    async def delete(self, slug: str, key_id: str) -> None:
        """Revoke a key to a published MCP server."""
        self.answer(_key_shown(await self.call(self.runtime.published.revoke_key(self.caller, slug, key_id))))


def _shown(handler: BuilderFamily, server: PublishedServer) -> dict[str, Any]:
    place = url_path_join(handler.settings["base_url"], "api/user-mcp", server.workspace, server.slug)
    return {
        "slug": server.slug,
        "title": server.title,
        "auth": str(server.door),
        "url": f"{handler.request.protocol}://{handler.request.host}{place}",
        "owner": server.owner,
        "tools": [tool.to_dict() for tool in server.tools],
        "created_at": iso_z(server.created_at),
        "updated_at": iso_z(server.updated_at),
    }


def _key_shown(key: ServerKey) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "name": key.name,
        "prefix": key.prefix,
        "created_by": key.created_by,
        "created_at": iso_z(key.created_at),
        "revoked_at": None if key.revoked_at is None else iso_z(key.revoked_at),
    }


HANDLERS = (ServersHandler, ServerHandler, ServerKeysHandler, ServerKeyHandler)
