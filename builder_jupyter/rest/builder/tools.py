"""Tools and resources that workflows may use. Source: seed "Builder API", spec langgraph-builder §2.3."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.routing import route


class ToolShown(BaseModel):
    """A tool; ``parameters`` by name: ``{type, required?, default?, description?}``, the type ``any`` for several."""

    name: str
    description: str
    parameters: dict[str, dict[str, Any]]


class ResourceShown(BaseModel):
    """A resource of an MCP server."""

    uri: str
    name: str
    mimeType: str | None  # noqa: N815 - the wire's name


class ToolsHandler(BuilderFamily):
    """All tools."""

    path = "/api/builder/tools"

    @route(Scope.READ_CANVASES, answer=list[ToolShown])
    async def get(self) -> None:
        """List the tools: built-in ones, those of MCP servers, and those of the workspace's notebooks."""
        self.answer(await self.call(self.runtime.tools.listing(self.caller)))


class ResourcesHandler(BuilderFamily):
    """All resources."""

    path = "/api/builder/resources"

    @route(Scope.READ_CANVASES, answer=list[ResourceShown])
    async def get(self) -> None:
        """List the resources of MCP servers."""
        self.answer(await self.call(self.runtime.tools.resource_listing(self.caller)))


HANDLERS = (ToolsHandler, ResourcesHandler)
