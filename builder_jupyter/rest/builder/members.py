"""Members of a workspace. The path's workspace is the one that the caller acts in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.identity.roles import GIVEN
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.builder.workspaces import ROLES
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route

OFFERED: Any = {"enum": [str(role) for role in GIVEN]}


class MemberBody(Loose):
    """What the member is to be."""

    role: str = Field(json_schema_extra=OFFERED)


class MemberShown(BaseModel):
    """Somebody in a workspace, by the name that they sign in with."""

    name: str
    role: str = Field(json_schema_extra=ROLES)
    added_by: str | None
    added_at: str | None


class MemberList(BaseModel):
    """The owner, if there is one in particular, then the members in the order in which they came."""

    members: list[MemberShown]


class MemberGone(BaseModel):
    """That somebody is no member any more."""

    message: str


class MembersHandler(BuilderFamily):
    """All members of a workspace."""

    path = "/api/builder/workspaces/{workspace_id}/members"

    @route(Scope.READ_CANVASES, answer=MemberList)
    async def get(self, workspace_id: str) -> None:
        """List who is in a workspace."""
        del workspace_id
        self.answer({"members": await self.call(self.runtime.workspaces.members(self.caller))})


class MemberHandler(BuilderFamily):
    """One member of a workspace."""

    path = "/api/builder/workspaces/{workspace_id}/members/{name}"

    @route(Scope.MANAGE_INTEGRATIONS, body=MemberBody, answer=MemberShown)
    async def put(self, workspace_id: str, name: str) -> None:
        """Let somebody be a member in this role."""
        del workspace_id
        wanted = await self.model(MemberBody)
        self.answer(await self.call(self.runtime.workspaces.put_member(self.caller, name, wanted.role)))

    @route(Scope.MANAGE_INTEGRATIONS, answer=MemberGone)
    async def delete(self, workspace_id: str, name: str) -> None:
        """Let somebody be no member any more; the keys that they made there open nothing."""
        del workspace_id
        await self.call(self.runtime.workspaces.remove_member(self.caller, name))
        self.answer({"message": "Member removed"})


HANDLERS = (MembersHandler, MemberHandler)
