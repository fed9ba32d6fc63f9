"""Invites into a workspace: one role, for whoever signs in with one e-mail address. Source: spec builder-studio §2.5.

An address is somebody's where the issuer of their token says that it has verified it, or where a hub's user name is
one. Nothing is sent: whoever invites tells the invited.
"""

from __future__ import annotations

from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock
from builder_jupyter.errors import Conflict, Forbidden, Gone, NotFound, TooLarge
from builder_jupyter.identity.principal import Principal
from builder_jupyter.identity.roles import Capability, Role, may, parse_role
from builder_jupyter.identity.workspaces import INVITE_LIFE, Invite, InviteState, Member, Workspace, parse_email
from builder_jupyter.services.seats import Seats
from builder_jupyter.storage.workspaces import WorkspaceStore

MAX_PENDING = 1_000

Shown = list[dict[str, Any]]
"""Things as they are shown, in order."""


class InviteService:
    """What can be done with invites. Unknown ids, those of other workspaces and those of others look the same."""

    def __init__(self, store: WorkspaceStore, seats: Seats, clock: Clock) -> None:
        self._store = store
        self._seats = seats
        self._clock = clock

    async def create(self, principal: Principal, email: str, role: str) -> dict[str, Any]:
        """Invite an address into the principal's workspace; an invite of it that is still open is revoked.

        Raises
        ------
        InvalidInput : ``INVALID_EMAIL``, ``INVALID_ROLE``.
        Forbidden : ``ROLE_INSUFFICIENT``: only the owner invites admins.
        TooLarge : `MAX_PENDING` invites are open.
        """
        address, wanted = parse_email(email), parse_role(role)
        principal.require_capability(Capability.MANAGE_INVITES)
        if wanted is Role.ADMIN:
            principal.require_capability(Capability.MANAGE_ADMINS)
        async with self._store.lock:
            now = self._clock.now()
            pending = [one for one in self._store.invites(principal.workspace) if one.state is InviteState.PENDING]
            same = [one for one in pending if one.email == address]
            if len(pending) - len(same) >= MAX_PENDING:
                raise TooLarge(f"A workspace can have {MAX_PENDING} open invites at most.")
            state, until = InviteState.PENDING, now + INVITE_LIFE
            made = Invite(ids.invite_id(), principal.workspace, address, wanted, state, principal.name, now, until)
            await self._store.add_invite(made, same)
        return made.to_dict(now)

    async def list(self, principal: Principal) -> Shown:
        """Return the invites into the workspace, oldest first. Raises `Forbidden` (``ROLE_INSUFFICIENT``)."""
        principal.require_capability(Capability.MANAGE_INVITES)
        now = self._clock.now()
        return [one.to_dict(now) for one in self._store.invites(principal.workspace)]

    async def revoke(self, principal: Principal, invite_id: str) -> dict[str, Any]:
        """Take an open invite back; who sent it may, and who may send such a one. Twice is fine.

        Raises
        ------
        NotFound : ``INVITE_NOT_FOUND``.
        Forbidden : ``ROLE_INSUFFICIENT``.
        Conflict : ``INVITE_NOT_PENDING``: it was accepted.
        """
        async with self._store.lock:
            invite = self._store.invite(invite_id)
            if invite is None or invite.workspace != principal.workspace:
                raise unknown_invite()
            if invite.invited_by != principal.name:
                needed = Capability.MANAGE_ADMINS if invite.role is Role.ADMIN else Capability.MANAGE_INVITES
                principal.require_capability(needed)
            if invite.state is InviteState.ACCEPTED:
                raise Conflict("This invite was accepted.", code="INVITE_NOT_PENDING")
            await self._store.revoke_invites([invite])
        return self._shown(invite_id)

    async def mine(self, principal: Principal) -> Shown:
        """Return the open invites to the principal's own address, each with the workspace's name."""
        now = self._clock.now()
        if principal.email is None:
            return []
        found = [one for one in self._store.invites(email=principal.email) if one.state_at(now) is InviteState.PENDING]
        return [one.to_dict(now) | {"workspace_name": self._name(one.workspace)} for one in found]

    async def accept(self, principal: Principal, invite_id: str) -> dict[str, Any]:
        """Let the principal be a member as an invite to its address says; who is one already gets that role.

        Raises
        ------
        NotFound : ``INVITE_NOT_FOUND``: to another address, too; a key has none.
        Forbidden : ``OWNER_IMMUTABLE``: the workspace is theirs.
        Gone : ``INVITE_EXPIRED``.
        Conflict : ``INVITE_NOT_PENDING``: it was accepted or revoked.
        """
        async with self._store.lock:
            now = self._clock.now()
            invite = self._store.invite(invite_id)
            if invite is None or principal.email is None or invite.email != principal.email:
                raise unknown_invite()
            state = invite.state_at(now)
            if state is InviteState.EXPIRED:
                raise Gone("This invite is no longer good.", code="INVITE_EXPIRED", hint="Ask for a new one.")
            if state is not InviteState.PENDING:
                raise Conflict(f"This invite was {state}.", code="INVITE_NOT_PENDING")
            seat = self._seats.by_membership(invite.workspace, principal.name)
            if seat is not None and seat.role is Role.OWNER:
                raise Forbidden("The owner of a workspace stays its owner.", code="OWNER_IMMUTABLE")
            member = Member(invite.workspace, principal.name, invite.role, invite.invited_by, now)
            await self._store.put_member(member, accepted=invite)
            if not may(invite.role, Capability.MANAGE_INVITES):
                sent = [one for one in self._store.invites(invite.workspace) if one.invited_by == principal.name]
                await self._store.revoke_invites([one for one in sent if one.state is InviteState.PENDING])
        return self._shown(invite_id)

    def _shown(self, invite_id: str) -> dict[str, Any]:
        invite = self._store.invite(invite_id)
        if invite is None:
            raise unknown_invite()
        return invite.to_dict(self._clock.now())

    def _name(self, workspace_id: str) -> str:
        return (self._store.find(workspace_id) or Workspace(workspace_id, workspace_id)).name


def unknown_invite() -> NotFound:
    """Return the error for an invite that does not exist, or that is not the caller's."""
    return NotFound("There is no such invite.", code="INVITE_NOT_FOUND")
