"""Invites: those into a workspace, for who may invite; and those to the caller's own address."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.identity.workspaces import MAX_EMAIL, InviteState
from builder_jupyter.rest.builder.members import OFFERED
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route

STATES: Any = {"enum": [str(state) for state in InviteState]}
ADDRESS: Any = {"pattern": r"^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+$", "maxLength": MAX_EMAIL}


class InviteBody(Loose):
    """Who is to be what. The address is kept trimmed and in lower case."""

    email: str = Field(json_schema_extra=ADDRESS)
    role: str = Field(json_schema_extra=OFFERED)


class InviteShown(BaseModel):
    """An invite; pending ones are good until ``expires_at``."""

    id: str
    workspace_id: str
    email: str
    role: str = Field(json_schema_extra=OFFERED)
    state: str = Field(json_schema_extra=STATES)
    invited_by: str
    created_at: str
    expires_at: str


class InviteOffered(InviteShown):
    """An invite to the caller."""

    workspace_name: str


class InviteList(BaseModel):
    """The invites into a workspace, oldest first."""

    invites: list[InviteShown]


class OfferedList(BaseModel):
    """The invites that the caller can accept, oldest first."""

    invites: list[InviteOffered]


class InvitesHandler(BuilderFamily):
    """All invites into a workspace."""

    path = "/api/builder/workspaces/{workspace_id}/invites"

    @route(Scope.MANAGE_INTEGRATIONS, answer=InviteList)
    async def get(self, workspace_id: str) -> None:
        """List the invites into a workspace."""
        del workspace_id
        self.answer({"invites": await self.call(self.runtime.invites.list(self.caller))})

    @route(Scope.MANAGE_INTEGRATIONS, body=InviteBody, answer=InviteShown, status=201)
    async def post(self, workspace_id: str) -> None:
        """Invite an e-mail address; its invite that is still open is revoked."""
        del workspace_id
        wanted = await self.model(InviteBody)
        self.answer(await self.call(self.runtime.invites.create(self.caller, wanted.email, wanted.role)))


class InviteHandler(BuilderFamily):
    """One invite into a workspace."""

    path = "/api/builder/workspaces/{workspace_id}/invites/{invite_id}"

    @route(Scope.MANAGE_INTEGRATIONS, answer=InviteShown, refuses=(409,))
    async def delete(self, workspace_id: str, invite_id: str) -> None:
        """Take an open invite back."""
        del workspace_id
        self.answer(await self.call(self.runtime.invites.revoke(self.caller, invite_id)))


class OfferedHandler(BuilderFamily):
    """The invites to whoever asks."""

    path = "/api/builder/invites"

    @route(Scope.READ_CANVASES, answer=OfferedList)
    async def get(self) -> None:
        """List the open invites to the caller's own address."""
        self.answer({"invites": await self.call(self.runtime.invites.mine(self.caller))})


class AcceptHandler(BuilderFamily):
    """Accepting an invite."""

    path = "/api/builder/invites/{invite_id}/accept"

    @route(Scope.READ_CANVASES, answer=InviteShown, refuses=(409, 410))
    async def post(self, invite_id: str) -> None:
        """Accept an invite to the caller's own address."""
        self.answer(await self.call(self.runtime.invites.accept(self.caller, invite_id)))


HANDLERS = (InvitesHandler, InviteHandler, OfferedHandler, AcceptHandler)
