"""Workspaces, members and invites through a client: the same over HTTP and in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from builder_jupyter.client.address import path_of
from builder_jupyter.client.protocol import Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from builder_jupyter.identity.principal import Principal
    from builder_jupyter.services.runtime import Runtime

WORKSPACES = "api/builder/workspaces"


class Team(Protocol):
    """What can be done with workspaces. Methods raise what the services raise; objects are as the Builder API has them.

    ``workspace`` is the id of the one that is meant.
    """

    async def workspaces(self) -> list[Wire]:
        """Return the workspaces that one may act in."""
        ...

    async def create(self, name: str) -> Wire:
        """Make a workspace."""
        ...

    async def rename(self, workspace: str, name: str) -> Wire:
        """Give a workspace another name."""
        ...

    async def delete(self, workspace: str) -> None:
        """Delete a workspace that has no workflows."""
        ...

    async def members(self, workspace: str) -> list[Wire]:
        """Return who is in a workspace."""
        ...

    async def put_member(self, workspace: str, name: str, role: str) -> Wire:
        """Let somebody be a member in a role."""
        ...

    async def remove_member(self, workspace: str, name: str) -> None:
        """Let somebody be no member any more."""
        ...

    async def invites(self, workspace: str) -> list[Wire]:
        """Return the invites into a workspace."""
        ...

    async def invite(self, workspace: str, email: str, role: str) -> Wire:
        """Invite an e-mail address."""
        ...

    async def revoke_invite(self, workspace: str, invite: str) -> Wire:
        """Take an invite back."""
        ...


class TeamThere:
    """A `Team` over HTTP. ``ask`` sends a method, a path and a body, and returns the answer."""

    def __init__(self, ask: Callable[[str, str, Wire | None], Awaitable[Wire]]) -> None:
        self._ask = ask

    async def workspaces(self) -> list[Wire]:
        """Return the workspaces that one may act in."""
        return await self._list("workspaces", WORKSPACES)

    async def create(self, name: str) -> Wire:
        """Make a workspace."""
        return await self._ask("POST", WORKSPACES, {"name": name})

    async def rename(self, workspace: str, name: str) -> Wire:
        """Give a workspace another name."""
        return await self._ask("PUT", path_of(WORKSPACES, workspace), {"name": name})

    async def delete(self, workspace: str) -> None:
        """Delete a workspace that has no workflows."""
        await self._ask("DELETE", path_of(WORKSPACES, workspace), None)

    async def members(self, workspace: str) -> list[Wire]:
        """Return who is in a workspace."""
        return await self._list("members", path_of(WORKSPACES, workspace, "members"))

    async def put_member(self, workspace: str, name: str, role: str) -> Wire:
        """Let somebody be a member in a role."""
        return await self._ask("PUT", path_of(WORKSPACES, workspace, "members", name), {"role": role})

    async def remove_member(self, workspace: str, name: str) -> None:
        """Let somebody be no member any more."""
        await self._ask("DELETE", path_of(WORKSPACES, workspace, "members", name), None)

    async def invites(self, workspace: str) -> list[Wire]:
        """Return the invites into a workspace."""
        return await self._list("invites", path_of(WORKSPACES, workspace, "invites"))

    async def invite(self, workspace: str, email: str, role: str) -> Wire:
        """Invite an e-mail address."""
        return await self._ask("POST", path_of(WORKSPACES, workspace, "invites"), {"email": email, "role": role})

    async def revoke_invite(self, workspace: str, invite: str) -> Wire:
        """Take an invite back."""
        return await self._ask("DELETE", path_of(WORKSPACES, workspace, "invites", invite), None)

    async def _list(self, name: str, path: str) -> list[Wire]:
        found: list[Wire] = (await self._ask("GET", path, None))[name]
        return found


class TeamHere:
    """A `Team` over a runtime in this process."""

    def __init__(self, runtime: Runtime, me: Principal) -> None:
        self._service = runtime.workspaces
        self._invites = runtime.invites
        self._me = me

    async def workspaces(self) -> list[Wire]:
        """Return the workspaces that one may act in."""
        return await self._service.list(self._me)

    async def create(self, name: str) -> Wire:
        """Make a workspace."""
        return await self._service.create(self._me, name)

    async def rename(self, workspace: str, name: str) -> Wire:
        """Give a workspace another name."""
        return await self._service.rename(await self._at(workspace), name)

    async def delete(self, workspace: str) -> None:
        """Delete a workspace that has no workflows."""
        await self._service.delete(await self._at(workspace))

    async def members(self, workspace: str) -> list[Wire]:
        """Return who is in a workspace."""
        return await self._service.members(await self._at(workspace))

    async def put_member(self, workspace: str, name: str, role: str) -> Wire:
        """Let somebody be a member in a role."""
        return await self._service.put_member(await self._at(workspace), name, role)

    async def remove_member(self, workspace: str, name: str) -> None:
        """Let somebody be no member any more."""
        await self._service.remove_member(await self._at(workspace), name)

    async def invites(self, workspace: str) -> list[Wire]:
        """Return the invites into a workspace."""
        return await self._invites.list(await self._at(workspace))

    async def invite(self, workspace: str, email: str, role: str) -> Wire:
        """Invite an e-mail address."""
        return await self._invites.create(await self._at(workspace), email, role)

    async def revoke_invite(self, workspace: str, invite: str) -> Wire:
        """Take an invite back."""
        return await self._invites.revoke(await self._at(workspace), invite)

    async def _at(self, workspace: str) -> Principal:
        at, refusal = await self._service.place(self._me, workspace, is_named=True)
        if refusal is not None:
            raise refusal
        return at
