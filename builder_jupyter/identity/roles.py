"""What somebody may do in a workspace: two tables, from role to capabilities and from role to scopes.

Source: spec builder-studio §2.3 (ceilings), §2.4 (capabilities).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from builder_jupyter.errors import InvalidInput
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope


class Role(StrEnum):
    """A standing in a workspace. Its owner is not a member, and stays its owner."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


GIVEN = (Role.ADMIN, Role.EDITOR, Role.VIEWER)
"""What members can be; nobody is made an owner."""


class Capability(StrEnum):
    """One thing that roles differ in. `MANAGE_ADMINS` comes on top of the others, for what is about admins."""

    VIEW = "view"
    EDIT_CANVASES = "edit canvases"
    DELETE_CANVASES = "delete canvases"
    MANAGE_INVITES = "manage invites"
    RENAME_WORKSPACE = "rename the workspace"
    MANAGE_MEMBERS = "manage members"
    MANAGE_KEYS = "manage keys"
    MANAGE_ADMINS = "invite or manage admins"
    DELETE_WORKSPACE = "delete the workspace"


_VIEWERS = frozenset({Capability.VIEW})
_EDITORS = _VIEWERS | {Capability.EDIT_CANVASES}
_ADMINS = _EDITORS | {
    Capability.DELETE_CANVASES,
    Capability.MANAGE_INVITES,
    Capability.RENAME_WORKSPACE,
    Capability.MANAGE_MEMBERS,
    Capability.MANAGE_KEYS,
}
CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.VIEWER: _VIEWERS,
    Role.EDITOR: _EDITORS,
    Role.ADMIN: _ADMINS,
    Role.OWNER: frozenset(Capability),
}

_READING = frozenset({Scope.READ_CANVASES, Scope.READ_ASSETS})
CEILINGS: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: _READING,
    Role.EDITOR: _READING | {Scope.RUN_WORKFLOWS, Scope.WRITE_CANVAS, Scope.WRITE_ASSETS, Scope.MANAGE_INTEGRATIONS},
    Role.ADMIN: ALL_SCOPES,
    Role.OWNER: ALL_SCOPES,
}
"""The most that a credential of somebody in a role can do, whatever it says itself."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where somebody stands in a workspace. ``sees_all``: others' workflows too, as far as role and scopes go."""

    role: Role
    scopes: frozenset[Scope]
    sees_all: bool = True


UNRESOLVED = Seat(Role.VIEWER, CEILINGS[Role.VIEWER], sees_all=False)
"""The seat of those about whom nothing is known: a viewer's, of what is their own or was granted to them."""


def seat_of(role: Role) -> Seat:
    """Return the seat of a member in a role, or of the owner."""
    return Seat(role, CEILINGS[role])


def may(role: Role | None, capability: Capability) -> bool:
    """Say whether a role has a capability; who has no role has a viewer's."""
    return capability in CAPABILITIES[role or Role.VIEWER]


def stored_role(name: str) -> Role:
    """Return a role as it was stored; one that no longer exists is a viewer's. Source: spec builder-studio §2.4."""
    return Role(name) if name in set(Role) else Role.VIEWER


def parse_role(name: str) -> Role:
    """Return a role that can be given. Raises `InvalidInput` (``INVALID_ROLE``)."""
    if name not in GIVEN:
        raise InvalidInput(
            f"There is no role {name!r} to give.", code="INVALID_ROLE", hint=f"Known: {', '.join(GIVEN)}."
        )
    return Role(name)
