"""Grants: what the owner of a workflow lets others do with it. Only its owner and admins see and change them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.identity.grants import GRANTABLE, Grant, Permission
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route

OFFERED: Any = {"minItems": 1, "items": {"enum": [str(permission) for permission in GRANTABLE]}}


class GrantBody(Loose):
    """What the subject may do: ``view``, ``edit`` (and view), ``deploy`` (and view); these and no others."""

    permissions: list[str] = Field(max_length=10, json_schema_extra=OFFERED)


class GrantShown(BaseModel):
    """What a user or a team may do."""

    subject: str
    permissions: list[str]


class GrantList(BaseModel):
    """Everything that was granted on a workflow, by subject."""

    grants: list[GrantShown]


class GrantTaken(BaseModel):
    """That it is taken back."""

    message: str


class GrantsHandler(BuilderFamily):
    """All grants on a workflow."""

    path = "/api/builder/workflows/{workflow_id}/grants"

    @route(Scope.READ_CANVASES, answer=GrantList)
    async def get(self, workflow_id: str) -> None:
        """List what was granted on a workflow."""
        found = await self.call(self.runtime.access.grants(self.caller, workflow_id))
        self.answer({"grants": [shown(grant) for grant in found]})


class GrantHandler(BuilderFamily):
    """What one subject, ``user:<name>`` or ``team:<name>``, was granted on a workflow."""

    path = "/api/builder/workflows/{workflow_id}/grants/{subject}"
    shape_code = "INVALID_WORKFLOW"

    @route(Scope.WRITE_CANVAS, body=GrantBody, answer=GrantShown)
    async def put(self, workflow_id: str, subject: str) -> None:
        """Let a user or a team have these permissions and no others."""
        access = self.runtime.access
        # Before the body is looked at: whoever may not do this hears so, whatever they send.
        await self.call(access.require(self.caller, workflow_id, Permission.OWN))
        wanted = await self.model(GrantBody)
        self.answer(shown(await self.call(access.grant(self.caller, workflow_id, subject, wanted.permissions))))

    @route(Scope.WRITE_CANVAS, answer=GrantTaken)
    async def delete(self, workflow_id: str, subject: str) -> None:
        """Take back what a user or a team was granted."""
        await self.call(self.runtime.access.revoke(self.caller, workflow_id, subject))
        self.answer({"message": "Grant removed"})


HANDLERS = (GrantsHandler, GrantHandler)


def shown(grant: Grant) -> dict[str, Any]:
    """Return a grant as it is shown."""
    return {"subject": grant.subject, "permissions": [str(permission) for permission in grant.permissions]}
