"""Workspaces: those of whoever asks. The path's workspace is the one that the caller acts in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.identity.roles import Role
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.identity.workspaces import MAX_NAME
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route

ROLES: Any = {"enum": [str(role) for role in Role]}


class WorkspaceBody(Loose):
    """The name of a workspace; its owner has no other of it, in any case."""

    name: str = Field(json_schema_extra={"pattern": r"\S", "maxLength": MAX_NAME})


class WorkspaceShown(BaseModel):
    """A workspace, and the caller's ``role`` there. ``owner_id`` is null where it is nobody's in particular."""

    id: str
    name: str
    owner_id: str | None
    created_at: str | None
    role: str = Field(json_schema_extra=ROLES)


class WorkspaceList(BaseModel):
    """The workspaces that the caller may act in, the one that they signed in to first."""

    workspaces: list[WorkspaceShown]


class WorkspaceGone(BaseModel):
    """That it is deleted."""

    message: str


class WorkspacesHandler(BuilderFamily):
    """All workspaces of whoever asks."""

    path = "/api/builder/workspaces"

    @route(Scope.READ_CANVASES, answer=WorkspaceList)
    async def get(self) -> None:
        """List the workspaces that the caller may act in."""
        self.answer({"workspaces": await self.call(self.runtime.workspaces.list(self.caller))})

    @route(Scope.WRITE_CANVAS, body=WorkspaceBody, answer=WorkspaceShown, status=201, refuses=(409,))
    async def post(self) -> None:
        """Make a workspace, which is the caller's for good."""
        wanted = await self.model(WorkspaceBody)
        self.answer(await self.call(self.runtime.workspaces.create(self.caller, wanted.name)))


class WorkspaceHandler(BuilderFamily):
    """One workspace."""

    path = "/api/builder/workspaces/{workspace_id}"

    @route(Scope.READ_CANVASES, answer=WorkspaceShown)
    async def get(self, workspace_id: str) -> None:
        """Read a workspace."""
        del workspace_id
        self.answer(await self.call(self.runtime.workspaces.get(self.caller)))

    @route(Scope.MANAGE_INTEGRATIONS, body=WorkspaceBody, answer=WorkspaceShown, refuses=(409,))
    async def put(self, workspace_id: str) -> None:
        """Rename a workspace."""
        del workspace_id
        wanted = await self.model(WorkspaceBody)
        self.answer(await self.call(self.runtime.workspaces.rename(self.caller, wanted.name)))

    @route(Scope.MANAGE_INTEGRATIONS, answer=WorkspaceGone, refuses=(409,))
    async def delete(self, workspace_id: str) -> None:
        """Delete a workspace that has no workflows."""
        del workspace_id
        await self.call(self.runtime.workspaces.delete(self.caller))
        self.answer({"message": "Workspace deleted"})


HANDLERS = (WorkspacesHandler, WorkspaceHandler)
