"""Who may do what with one workflow: its owner everything, others what they were granted.

Source: spec langgraph-builder §10, the table of callers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from builder_jupyter.errors import InvalidInput
from builder_jupyter.identity.principal import Principal
from builder_jupyter.identity.roles import Role

MAX_SUBJECT = 255
SUBJECT = re.compile(r"(?:user|team):[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")


class Permission(StrEnum):
    """What can be done with one workflow. `OWN` is deleting it and granting it to others."""

    VIEW = "view"
    EDIT = "edit"
    DEPLOY = "deploy"
    OWN = "own"


GRANTABLE = (Permission.VIEW, Permission.EDIT, Permission.DEPLOY)
"""What an owner can give away; `Permission.OWN` is not."""

EVERYTHING = frozenset(Permission)

IMPLIED = {
    Permission.VIEW: frozenset({Permission.VIEW}),
    Permission.EDIT: frozenset({Permission.VIEW, Permission.EDIT}),
    Permission.DEPLOY: frozenset({Permission.VIEW, Permission.DEPLOY}),
}
"""What a grant is good for: whoever may change or publish a workflow may see it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a subject, ``user:<name>`` or ``team:<name>``, was granted on one workflow, in the order of `GRANTABLE`."""

    subject: str
    permissions: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Whose a workflow is, and what was granted on it to those who ask."""

    workspace: str
    owner: str
    granted: frozenset[Permission] = frozenset()


BY_ROLE = {
    Role.EDITOR: frozenset({Permission.VIEW, Permission.EDIT, Permission.DEPLOY}),
    Role.VIEWER: frozenset({Permission.VIEW}),
}
"""What members may do with others' workflows, where that is not everything."""


def subjects_of(principal: Principal) -> list[str]:
    """Return the subjects as which a principal may have grants: itself, and each of its teams."""
    return [f"user:{principal.name}", *(f"team:{team}" for team in sorted(principal.teams))]


def permissions_of(principal: Principal, standing: Standing) -> frozenset[Permission]:
    """Return what a principal may do with a workflow. Nothing crosses the border of a workspace."""
    if standing.workspace != principal.workspace:
        return frozenset()
    if standing.owner == principal.name:
        return EVERYTHING
    if principal.is_admin:
        return BY_ROLE.get(principal.role or Role.OWNER, EVERYTHING)
    return frozenset().union(*(IMPLIED[permission] for permission in standing.granted))


def parse_subject(text: str) -> str:
    """Return a subject as it is stored. Raises `InvalidInput` (``INVALID_SUBJECT``)."""
    if len(text) > MAX_SUBJECT or not SUBJECT.fullmatch(text):
        raise InvalidInput(
            f"A grant goes to 'user:<name>' or 'team:<name>' of at most {MAX_SUBJECT} characters.",
            code="INVALID_SUBJECT",
        )
    return text


def parse_permissions(names: Iterable[str]) -> tuple[Permission, ...]:
    """Return permissions by name, each once. Raises `InvalidInput` (``INVALID_PERMISSION``): none, or unknown ones."""
    given = set(names)
    if not given or given - {str(permission) for permission in GRANTABLE}:
        raise InvalidInput(
            f"A grant has at least one of the permissions {', '.join(GRANTABLE)}, and no others.",
            code="INVALID_PERMISSION",
        )
    return tuple(permission for permission in GRANTABLE if permission in given)
