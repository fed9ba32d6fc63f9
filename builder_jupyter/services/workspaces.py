"""Workspaces and their members: who may do what there is the table `identity.roles.CAPABILITIES`.

Whoever calls has been let into the workspace before (`Seats.enter`), so ``principal.workspace`` is the one at hand and
``principal.role`` their standing in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock
from builder_jupyter.errors import BuilderError, Conflict, Forbidden, NotFound, TooLarge
from builder_jupyter.identity.principal import Principal
from builder_jupyter.identity.roles import Capability, Role, may, parse_role
from builder_jupyter.identity.workspaces import InviteState, Member, Workspace, parse_member, parse_name
from builder_jupyter.services.keys import KeyService
from builder_jupyter.services.seats import Seats
from builder_jupyter.storage.workspaces import WorkspaceStore

MAX_OWNED = 100
MAX_MEMBERS = 1_000

Leave = Callable[[str], Awaitable[None]]

Shown = list[dict[str, Any]]
"""Things as they are shown, in order."""


class WorkspaceService:
    """What can be done with workspaces and their members.

    Parameters
    ----------
    on_delete : told the id of a workspace that is gone.
    """

    def __init__(
        self, store: WorkspaceStore, seats: Seats, keys: KeyService, clock: Clock, *, on_delete: Leave
    ) -> None:
        self._store = store
        self._seats = seats
        self._keys = keys
        self._clock = clock
        self._on_delete = on_delete

    async def enter(self, principal: Principal, wanted: str | None) -> Principal:
        """Return a principal as it stands in the workspace it wants to act in. Raises as `Seats.enter`."""
        return await self._seats.enter(principal, wanted)

    async def place(
        self, principal: Principal, wanted: str | None, *, is_named: bool
    ) -> tuple[Principal, BuilderError | None]:
        """Return a principal where it wants to act; or as it is, with the error for acting there.

        What is refused to it wherever it acts can be said first, then. ``is_named`` says that the workspace is the
        thing that is asked for: one that is not theirs looks like one that does not exist.
        """
        try:
            return await self._seats.enter(principal, wanted), None
        except Forbidden as error:
            unknown = NotFound("There is no such workspace.", code="WORKSPACE_NOT_FOUND")
            return principal, unknown if is_named else error

    async def list(self, principal: Principal) -> Shown:
        """Return the workspaces that the principal may act in, each with its ``role`` there."""
        found = []
        for workspace_id in self._seats.reach(principal):
            role = (await self._seats.enter(principal, workspace_id)).role
            found.append(self._about(workspace_id).to_dict() | {"role": str(role or Role.VIEWER)})
        return found

    async def get(self, principal: Principal) -> dict[str, Any]:
        """Return the workspace that the principal acts in, with its ``role`` there."""
        return self._about(principal.workspace).to_dict() | {"role": str(principal.role or Role.VIEWER)}

    async def create(self, principal: Principal, name: str) -> dict[str, Any]:
        """Return a new workspace, which is the principal's for good.

        Raises
        ------
        InvalidInput : ``INVALID_WORKSPACE_NAME``.
        Forbidden : ``PERSON_NEEDED``: a key belongs to one workspace.
        Conflict : ``WORKSPACE_NAME_TAKEN``: by another of theirs, in any case.
        TooLarge : they have `MAX_OWNED`.
        """
        name = parse_name(name)
        require_person(principal)
        async with self._store.lock:
            owned = [one for one in self._store.all() if one.owner == principal.name]
            _check_name(name, owned)
            if len(owned) >= MAX_OWNED:
                raise TooLarge(f"Nobody can own more than {MAX_OWNED} workspaces.")
            made = Workspace(ids.workspace_id(), name, principal.name, self._clock.now())
            await self._store.put(made)
        return made.to_dict() | {"role": str(Role.OWNER)}

    async def rename(self, principal: Principal, name: str) -> dict[str, Any]:
        """Give the workspace another name. Raises as `create`, and `Forbidden` (``ROLE_INSUFFICIENT``)."""
        name = parse_name(name)
        principal.require_capability(Capability.RENAME_WORKSPACE)
        async with self._store.lock:
            one = self._about(principal.workspace)
            others = [other for other in self._store.all() if other.owner == one.owner and one.owner]
            _check_name(name, [other for other in others if other.workspace_id != one.workspace_id])
            await self._store.put(replace(one, name=name, created_at=one.created_at or self._clock.now()))
        return await self.get(principal)

    async def delete(self, principal: Principal) -> None:
        """Delete the workspace, with its members, invites, keys and connections.

        Raises
        ------
        Forbidden : ``ROLE_INSUFFICIENT``, ``PERSON_NEEDED``.
        Conflict : ``WORKSPACE_KEPT``: it is nobody's in particular; ``WORKSPACE_NOT_EMPTY``: it has workflows.
        """
        principal.require_capability(Capability.DELETE_WORKSPACE)
        require_person(principal)
        async with self._store.lock:
            one = self._about(principal.workspace)
            if not one.owner:
                raise Conflict("This workspace is nobody's in particular, and stays.", code="WORKSPACE_KEPT")
            if not await self._store.delete(one, self._clock.now()):
                raise Conflict("This workspace has workflows; delete those first.", code="WORKSPACE_NOT_EMPTY")
        await self._keys.revoke_all(one.workspace_id)
        await self._on_delete(one.workspace_id)

    async def members(self, principal: Principal) -> Shown:
        """Return who is in the workspace: its owner, if there is one in particular, then its members."""
        one = self._about(principal.workspace)
        owner = {"name": one.owner, "role": str(Role.OWNER), "added_by": None, "added_at": one.to_dict()["created_at"]}
        members = [member.to_dict() for member in self._store.members(one.workspace_id)]
        return [*([owner] if one.owner else []), *members]

    async def put_member(self, principal: Principal, name: str, role: str) -> dict[str, Any]:
        """Let somebody be a member in this role and no other.

        Raises
        ------
        InvalidInput : ``INVALID_MEMBER``, ``INVALID_ROLE``.
        Forbidden : ``ROLE_INSUFFICIENT``: what is about admins is the owner's; ``OWNER_IMMUTABLE``.
        TooLarge : there are `MAX_MEMBERS`.
        """
        name, wanted = parse_member(name), parse_role(role)
        async with self._store.lock:
            known = self._changeable(principal, name, wanted)
            if known is None and len(self._store.members(principal.workspace)) >= MAX_MEMBERS:
                raise TooLarge(f"A workspace can have {MAX_MEMBERS} members at most.")
            member = Member(principal.workspace, name, wanted, principal.name, self._clock.now())
            if known is not None:
                member = replace(known, role=wanted)
            await self._store.put_member(member)
            if not may(wanted, Capability.MANAGE_INVITES):
                await self._withdraw(principal.workspace, name)
        return member.to_dict()

    async def remove_member(self, principal: Principal, name: str) -> None:
        """Let somebody be no member any more: the keys that they made there open nothing, their invites are off.

        Raises as `put_member`, and `NotFound` (``MEMBER_NOT_FOUND``).
        """
        async with self._store.lock:
            known = self._changeable(principal, name, None)
            if known is None:
                raise NotFound(f"{name!r} is no member of this workspace.", code="MEMBER_NOT_FOUND")
            await self._store.remove_member(known)
            await self._withdraw(principal.workspace, name)
        await self._keys.revoke_all(principal.workspace, name)

    def _changeable(self, principal: Principal, name: str, wanted: Role | None) -> Member | None:
        """Return the member that is to change, None where there is none yet; or raise why nothing changes."""
        principal.require_capability(Capability.MANAGE_MEMBERS)
        if name and name == self._about(principal.workspace).owner:
            raise Forbidden("The owner of a workspace stays its owner.", code="OWNER_IMMUTABLE")
        known = self._store.member(principal.workspace, name)
        if Role.ADMIN in (wanted, known.role if known is not None else None):
            principal.require_capability(Capability.MANAGE_ADMINS)
        return known

    async def _withdraw(self, workspace: str, name: str) -> None:
        """Take back the open invites of somebody who may invite nobody any more."""
        sent = [one for one in self._store.invites(workspace) if one.invited_by == name]
        await self._store.revoke_invites([one for one in sent if one.state is InviteState.PENDING])

    def _about(self, workspace_id: str) -> Workspace:
        """Return a workspace; one that is known from a token alone, or ``default``, may have no row yet."""
        return self._store.find(workspace_id) or Workspace(workspace_id, workspace_id)


def require_person(principal: Principal) -> None:
    """Let whoever has signed in through, and no key.

    Raises `Forbidden` (``PERSON_NEEDED``).
    """
    if not principal.is_person:
        raise Forbidden("A key belongs to one workspace; sign in to do this.", code="PERSON_NEEDED")


def _check_name(name: str, others: Iterable[Workspace]) -> None:
    if any(other.name.casefold() == name.casefold() for other in others):
        raise Conflict("There is a workspace of that name already.", code="WORKSPACE_NAME_TAKEN")
