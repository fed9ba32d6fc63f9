"""Who may do what with which workflow. Here alone a refusal becomes `NotFound` or `Forbidden`."""

from __future__ import annotations

from collections.abc import Iterable

from builder_jupyter.errors import Forbidden, NotFound
from builder_jupyter.identity.grants import (
    Grant,
    Permission,
    parse_permissions,
    parse_subject,
    permissions_of,
    subjects_of,
)
from builder_jupyter.identity.principal import Principal
from builder_jupyter.storage.grants import GrantStore


class AccessService:
    """Decides access to workflows, and lets owners share them."""

    def __init__(self, store: GrantStore) -> None:
        self._store = store

    async def require(self, principal: Principal, workflow_id: str, permission: Permission) -> None:
        """Let a principal through that may do this with a workflow.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``: there is none, or the principal may not even see it.
        Forbidden : ``AUTH_ACCESS_DENIED``: the principal may see it, and no more than that.
        """
        standing = await self._store.standing(workflow_id, subjects_of(principal))
        may = permissions_of(principal, standing) if standing is not None else frozenset[Permission]()
        if Permission.VIEW not in may:
            raise unknown_workflow()
        if permission not in may:
            raise Forbidden("Access denied to this workflow")

    async def grants(self, principal: Principal, workflow_id: str) -> list[Grant]:
        """Return what the owner of a workflow has granted on it. Raises as `require`."""
        await self.require(principal, workflow_id, Permission.OWN)
        return await self._store.list(workflow_id)

    async def grant(self, principal: Principal, workflow_id: str, subject: str, permissions: Iterable[str]) -> Grant:
        """Let a subject have these permissions on a workflow, and no others.

        Raises as `require`; `InvalidInput` as `identity.grants.parse_subject` and `parse_permissions`; `TooLarge`.
        """
        await self.require(principal, workflow_id, Permission.OWN)
        grant = Grant(parse_subject(subject), parse_permissions(permissions))
        if not await self._store.put(workflow_id, grant):
            raise unknown_workflow()
        return grant

    async def revoke(self, principal: Principal, workflow_id: str, subject: str) -> None:
        """Take back what a subject was granted. Raises as `require`; `NotFound` (``GRANT_NOT_FOUND``)."""
        await self.require(principal, workflow_id, Permission.OWN)
        if not await self._store.remove(workflow_id, subject):
            raise NotFound(f"Nothing was granted to {subject!r} on this workflow.", code="GRANT_NOT_FOUND")


def may_follow(principal: Principal, workspace: str, starter: str) -> bool:
    """Say whether a principal may see and steer an execution: its workspace's admins may, and who started it."""
    return workspace == principal.workspace and (principal.is_admin or starter == principal.name)


def unknown_workflow() -> NotFound:
    """Return the error for a workflow that does not exist, or that the caller may not see."""
    return NotFound("Workflow not found", code="WORKFLOW_NOT_FOUND")
