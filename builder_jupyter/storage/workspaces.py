"""Workspaces, members, invites and seats in DuckDB, with all of them in memory: every request asks for them.

Our process owns the file, so the copy in memory is never behind. Whoever decides on what is there and then writes
holds `lock` meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb

from builder_jupyter.identity.roles import Seat, stored_role
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.identity.workspaces import Invite, InviteState, Member, Workspace
from builder_jupyter.storage.database import Database, aware_utc, naive_utc, queries

SQL = queries("workspaces")

Statement = tuple[str, Sequence[Any]]


class WorkspaceStore:
    """Saves and finds workspaces and who is in them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._workspaces: dict[str, Workspace] = {}
        self._members: dict[tuple[str, str], Member] = {}
        self._invites: dict[str, Invite] = {}
        self._seats: dict[tuple[str, str], Seat] = {}
        self.lock = asyncio.Lock()

    async def open(self) -> None:
        """Read everything into memory. Call once before use."""
        names = "workspaces", "members", "invites", "seats"
        found = await self._database.read(lambda c: [c.execute(SQL[name]).fetchall() for name in names])
        workspaces, members, invites, seats = found
        self._workspaces = {row[0]: _workspace(row) for row in workspaces}
        self._members = {row[:2]: _member(row) for row in members}
        self._invites = {row[0]: _invite(row) for row in invites}
        self._seats = {
            row[:2]: Seat(stored_role(row[2]), frozenset(Scope(name) for name in row[3] if name in set(Scope)), row[4])
            for row in seats
        }

    def find(self, workspace_id: str) -> Workspace | None:
        """Return a workspace that has a row, deleted or not."""
        return self._workspaces.get(workspace_id)

    def all(self) -> list[Workspace]:
        """Return every workspace that has a row and is not deleted, oldest first."""
        return [one for one in self._workspaces.values() if one.deleted_at is None]

    async def put(self, workspace: Workspace) -> None:
        """Store a workspace as it is now."""
        at, gone = _time(workspace.created_at), _time(workspace.deleted_at)
        row = (workspace.workspace_id, workspace.name, workspace.owner, at, gone)
        await self._write(("remove", [workspace.workspace_id]), ("insert", row))
        self._workspaces[workspace.workspace_id] = workspace

    async def delete(self, workspace: Workspace, at: datetime) -> bool:
        """Let a workspace be no more, with everybody in it, its keys and its connections; not while it has workflows.

        Say whether it is gone. The copies in memory of keys and connections are for whoever keeps them to mend.
        """
        gone, key = replace(workspace, deleted_at=at), workspace.workspace_id
        emptied = ("empty_members", [key]), ("empty_invites", [key]), ("empty_connections", [key])
        row = (key, gone.name, gone.owner, _time(gone.created_at), naive_utc(at))

        def work(connection: duckdb.DuckDBPyConnection) -> bool:
            count = connection.execute(SQL["workflows"], [key]).fetchone()
            if count is not None and count[0]:
                return False
            keys = ("empty_keys", [naive_utc(at), key])
            _run(connection, (*emptied, keys, ("remove", [key]), ("insert", row)))
            return True

        if not await self._database.write(work):
            return False
        self._workspaces[key] = gone
        self._members = {place: member for place, member in self._members.items() if place[0] != key}
        for invite in self.invites(key):
            if invite.state is InviteState.PENDING:
                self._invites[invite.invite_id] = replace(invite, state=InviteState.REVOKED)
        return True

    def member(self, workspace_id: str, name: str) -> Member | None:
        """Return somebody as a member of a workspace; None for its owner and for strangers."""
        return self._members.get((workspace_id, name))

    def members(self, workspace_id: str) -> list[Member]:
        """Return the members of a workspace, in the order in which they came."""
        return [member for member in self._members.values() if member.workspace == workspace_id]

    def of(self, name: str) -> list[str]:
        """Return the ids of the workspaces that somebody owns or is a member of, oldest first."""
        return [
            one.workspace_id
            for one in self.all()
            if name and (one.owner == name or (one.workspace_id, name) in self._members)
        ]

    async def put_member(self, member: Member, *, accepted: Invite | None = None) -> None:
        """Let somebody be a member in this role and no other; with the invite that they accept, if they do."""
        row = (member.workspace, member.name, str(member.role), member.added_by, naive_utc(member.added_at))
        steps: list[Statement] = [("remove_member", row[:2]), ("insert_member", row)]
        if accepted is not None:
            steps.append(("decide_invite", [str(InviteState.ACCEPTED), accepted.invite_id]))
        await self._write(*steps)
        self._members[member.workspace, member.name] = member
        if accepted is not None:
            self._invites[accepted.invite_id] = replace(accepted, state=InviteState.ACCEPTED)

    async def remove_member(self, member: Member) -> None:
        """Let somebody be no member any more."""
        await self._write(("remove_member", [member.workspace, member.name]))
        self._members.pop((member.workspace, member.name), None)

    def token_seat(self, workspace_id: str, name: str) -> Seat | None:
        """Return what somebody's last token let them do in a workspace."""
        return self._seats.get((workspace_id, name))

    async def note_token_seat(self, workspace_id: str, name: str, seat: Seat, at: datetime) -> None:
        """Remember what somebody's token lets them do; nothing is written where that is known."""
        if self._seats.get((workspace_id, name)) == seat:
            return
        self._seats[workspace_id, name] = seat
        scopes = [str(scope) for scope in Scope if scope in seat.scopes]
        row = (workspace_id, name, str(seat.role), scopes, seat.sees_all, naive_utc(at))
        await self._write(("remove_seat", row[:2]), ("insert_seat", row))

    def invite(self, invite_id: str) -> Invite | None:
        """Return an invite, however it stands."""
        return self._invites.get(invite_id)

    def invites(self, workspace_id: str | None = None, *, email: str | None = None) -> list[Invite]:
        """Return the invites of a workspace, or to an address, oldest first."""
        return [
            one
            for one in self._invites.values()
            if workspace_id in (None, one.workspace) and email in (None, one.email)
        ]

    async def add_invite(self, invite: Invite, replaced: Sequence[Invite]) -> None:
        """Store a new invite, and revoke those that it replaces."""
        row = (
            invite.invite_id, invite.workspace, invite.email, str(invite.role), str(invite.state), invite.invited_by,
            naive_utc(invite.created_at), naive_utc(invite.expires_at),
        )  # fmt: skip
        await self._write(*(("decide_invite", [str(InviteState.REVOKED), old.invite_id]) for old in replaced),
                          ("insert_invite", row))  # fmt: skip
        for old in replaced:
            self._invites[old.invite_id] = replace(old, state=InviteState.REVOKED)
        self._invites[invite.invite_id] = invite

    async def revoke_invites(self, invites: Sequence[Invite]) -> None:
        """Let invites be good for nothing."""
        await self._write(*(("decide_invite", [str(InviteState.REVOKED), one.invite_id]) for one in invites))
        for one in invites:
            self._invites[one.invite_id] = replace(one, state=InviteState.REVOKED)

    async def _write(self, *statements: Statement) -> None:
        """Do all of it in one transaction."""
        if statements:
            await self._database.write(lambda connection: _run(connection, statements))


def _run(connection: duckdb.DuckDBPyConnection, statements: Sequence[Statement]) -> None:
    for name, parameters in statements:
        connection.execute(SQL[name], list(parameters))


def _time(moment: datetime | None) -> datetime | None:
    return None if moment is None else naive_utc(moment)


def _workspace(row: tuple[Any, ...]) -> Workspace:
    created, deleted = (None if moment is None else aware_utc(moment) for moment in row[3:])
    return Workspace(row[0], row[1], row[2], created, deleted)


def _member(row: tuple[Any, ...]) -> Member:
    workspace, name, role, added_by, added_at = row
    return Member(workspace, name, stored_role(role), added_by, aware_utc(added_at))


def _invite(row: tuple[Any, ...]) -> Invite:
    invite_id, workspace, email, role, state, invited_by, created_at, expires_at = row
    state = InviteState(state) if state in set(InviteState) else InviteState.REVOKED
    times = aware_utc(created_at), aware_utc(expires_at)
    return Invite(invite_id, workspace, email, stored_role(role), state, invited_by, *times)
