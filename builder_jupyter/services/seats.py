"""Who stands where: the seat that somebody has in a workspace now, whatever a key or a token says.

Membership decides where there is any; a token's claims speak of the workspace that they name and of no other.
"""

from __future__ import annotations

from builder_jupyter.clock import Clock
from builder_jupyter.errors import Forbidden
from builder_jupyter.identity.principal import CredentialKind, Principal, seated
from builder_jupyter.identity.roles import UNRESOLVED, Role, Seat, seat_of
from builder_jupyter.storage.workspaces import WorkspaceStore

OWNERS = frozenset({CredentialKind.JUPYTER, CredentialKind.LOCAL})
"""Whoever signs in like this has the server itself, and so every workspace that is nobody's in particular."""


class Seats:
    """Looks up seats, and puts principals into them."""

    def __init__(self, store: WorkspaceStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def is_deleted(self, workspace_id: str) -> bool:
        """Say whether a workspace is no more."""
        found = self._store.find(workspace_id)
        return found is not None and found.deleted_at is not None

    def by_membership(self, workspace_id: str, name: str) -> Seat | None:
        """Return the seat of the owner or a member of a workspace; None for all others."""
        found = self._store.find(workspace_id)
        if found is not None and found.owner and found.owner == name:
            return seat_of(Role.OWNER)
        member = self._store.member(workspace_id, name)
        return None if member is None else seat_of(member.role)

    def of_maker(self, workspace_id: str, name: str, maker: CredentialKind | None) -> Seat:
        """Return the seat, now, of somebody who made a key in a workspace.

        What a token said last is what is known of those who come with tokens. A key of an older version does not say
        how its maker came: if that name has come with a token since, it is the token's.
        """
        found = self._store.find(workspace_id)
        is_nobodys = found is None or not found.owner
        known = self._store.token_seat(workspace_id, name)
        if is_nobodys and (maker in OWNERS or (maker is None and known is None)):
            return seat_of(Role.OWNER)
        return self.by_membership(workspace_id, name) or known or UNRESOLVED

    async def enter(self, principal: Principal, wanted: str | None = None) -> Principal:
        """Return a principal as it stands in the workspace it wants to act in, its own where it names none.

        Raises
        ------
        Forbidden : ``WORKSPACE_DENIED``: it does not belong there, or there is no such workspace.
        """
        me = principal.signed_in or principal
        if me.credential is CredentialKind.JWT:
            seen = Seat(me.role or Role.VIEWER, me.scopes, me.is_admin)
            await self._store.note_token_seat(me.workspace, me.name, seen, self._clock.now())
        workspace = wanted if wanted is not None else principal.workspace
        is_home = workspace == me.workspace
        if self.is_deleted(workspace) or not (is_home or me.is_person):
            raise denied()
        if is_home and (me.credential in OWNERS or not me.is_person):
            return me
        seat = self.by_membership(workspace, me.name)
        if seat is None and not is_home:
            raise denied()
        return me if seat is None else seated(me, workspace, seat)

    def reach(self, principal: Principal) -> list[str]:
        """Return the ids of the workspaces that a principal may act in, the one that it signed in to first."""
        me = principal.signed_in or principal
        return list(dict.fromkeys([me.workspace, *(self._store.of(me.name) if me.is_person else ())]))


def denied() -> Forbidden:
    """Return the error for a workspace that is not the caller's, or that does not exist: the two look the same."""
    return Forbidden("You do not belong to this workspace.", code="WORKSPACE_DENIED")
