"""Workspaces, their members, and invites: frozen values, and the names that they may have.

Source: spec builder-studio §1, §2.4, §2.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from builder_jupyter.clock import iso_z
from builder_jupyter.errors import InvalidInput
from builder_jupyter.identity.roles import Role

MAX_NAME = 100
MAX_EMAIL = 254
MAX_MEMBER = 255
INVITE_LIFE = timedelta(days=7)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A container of workflows, members, keys and connections.

    ``owner`` is empty where it is nobody in particular: ``default`` is whoever's the Jupyter server is, and others may
    be known from tokens alone. ``deleted_at`` stays, so that its id is never good again.
    """

    workspace_id: str
    name: str
    owner: str = ""
    created_at: datetime | None = None
    deleted_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as the Builder API shows it."""
        return {
            "id": self.workspace_id,
            "name": self.name,
            "owner_id": self.owner or None,
            "created_at": None if self.created_at is None else iso_z(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody whom a workspace has let in; never its owner."""

    workspace: str
    name: str
    role: Role
    added_by: str
    added_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return it as the Builder API shows it."""
        return {
            "name": self.name,
            "role": str(self.role),
            "added_by": self.added_by,
            "added_at": iso_z(self.added_at),
        }


class InviteState(StrEnum):
    """How an invite stands. `EXPIRED` is not stored: it is `PENDING` past its time."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Invite:
    """An offer of one role to whoever signs in with one e-mail address."""

    invite_id: str
    workspace: str
    email: str
    role: Role
    state: InviteState
    invited_by: str
    created_at: datetime
    expires_at: datetime

    def state_at(self, moment: datetime) -> InviteState:
        """Return how it stands at a time."""
        is_over = self.state is InviteState.PENDING and moment >= self.expires_at
        return InviteState.EXPIRED if is_over else self.state

    def to_dict(self, moment: datetime) -> dict[str, Any]:
        """Return it as the Builder API shows it at a time."""
        return {
            "id": self.invite_id,
            "workspace_id": self.workspace,
            "email": self.email,
            "role": str(self.role),
            "state": str(self.state_at(moment)),
            "invited_by": self.invited_by,
            "created_at": iso_z(self.created_at),
            "expires_at": iso_z(self.expires_at),
        }


def parse_name(text: str) -> str:
    """Return the name of a workspace as it is stored. Raises `InvalidInput` (``INVALID_WORKSPACE_NAME``)."""
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(
            f"A workspace needs a name of 1 to {MAX_NAME} printable characters.", code="INVALID_WORKSPACE_NAME"
        )
    return name


def parse_member(text: str) -> str:
    """Return somebody's name, the one they sign in with. Raises `InvalidInput` (``INVALID_MEMBER``)."""
    if text != text.strip() or not text or len(text) > MAX_MEMBER or not text.isprintable():
        raise InvalidInput(
            f"A member is the name that somebody signs in with: 1 to {MAX_MEMBER} printable characters.",
            code="INVALID_MEMBER",
        )
    return text


def parse_email(text: str) -> str:
    """Return an e-mail address trimmed and in lower case. Raises `InvalidInput` (``INVALID_EMAIL``)."""
    email = text.strip().lower()
    if len(email) > MAX_EMAIL or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise InvalidInput("That is no e-mail address.", code="INVALID_EMAIL")
    return email
