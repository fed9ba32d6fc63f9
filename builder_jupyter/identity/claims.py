"""What a token says of its bearer, and who that is to us. Source: spec langgraph-builder §10."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from builder_jupyter.identity.principal import DEFAULT_WORKSPACE, CredentialKind, Principal
from builder_jupyter.identity.roles import Role
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope

MAX_NAME = 255
LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
ADMIN = "admin"

USER_SCOPES = frozenset(
    {
        Scope.READ_CANVASES,
        Scope.READ_ASSETS,
        Scope.RUN_WORKFLOWS,
        Scope.WRITE_CANVAS,
        Scope.WRITE_ASSETS,
        Scope.DELETE_CANVAS,
        Scope.DELETE_ASSETS,
    }
)
"""What somebody without any of the roles may do: everything with what is their own or was granted to them."""

ROLES: dict[str, frozenset[Scope]] = {
    ADMIN: ALL_SCOPES,
    "premium": USER_SCOPES,
    "user": USER_SCOPES,
    "executor": frozenset({Scope.READ_CANVASES, Scope.READ_ASSETS, Scope.RUN_WORKFLOWS}),
    "viewer": frozenset({Scope.READ_CANVASES, Scope.READ_ASSETS}),
}
"""What each role may do. Several add up; others that an issuer gives (``offline_access``) count for nothing."""


class BadToken(ValueError):
    """Why a token is refused. Its text holds nothing of the token, so it may be logged."""


def principal_of(claims: Mapping[str, Any], *, client: str | None = None) -> Principal:
    """Return whom verified claims stand for.

    ``client`` is the audience under which an issuer (Keycloak) keeps the roles of this application.

    Raises
    ------
    BadToken : a claim that decides what the bearer may do has the wrong shape, or there is no name.
    """
    roles = frozenset(_roles(claims, client))
    known = roles & ROLES.keys()
    workspace = claims.get("workspace")
    scopes = frozenset[Scope]().union(*(ROLES[role] for role in known)) if known else USER_SCOPES
    is_admin = ADMIN in roles
    return Principal(
        name=_name(claims),
        workspace=DEFAULT_WORKSPACE if workspace is None else _text("workspace", workspace),
        scopes=scopes,
        credential=CredentialKind.JWT,
        is_admin=is_admin,
        role=Role.ADMIN if is_admin else Role.EDITOR if Scope.WRITE_CANVAS in scopes else Role.VIEWER,
        email=_email(claims),
        teams=frozenset(team for group in _texts("groups", claims.get("groups")) if (team := _team(group))),
        credential_id=f"user:{_name(claims)}",
        expires_at=_moment(claims.get("exp")),
    )


def _name(claims: Mapping[str, Any]) -> str:
    for claim in ("preferred_username", "username"):
        if claims.get(claim) is not None:
            return _text(claim, claims[claim])
    return _text("sub", _text("sub", claims.get("sub")).removeprefix("user:"))


def _email(claims: Mapping[str, Any]) -> str | None:
    """Return the address that the issuer has verified; an address that somebody merely claims opens no invite."""
    email = claims.get("email")
    return _text("email", email).strip().lower() if email is not None and claims.get("email_verified") is True else None


def _roles(claims: Mapping[str, Any], client: str | None) -> Iterator[str]:
    yield from _texts("roles", claims.get("roles"))
    yield from _texts("realm_access.roles", _inside(claims, "realm_access").get("roles"))
    if client is not None:
        yield from _texts("resource_access.roles", _inside(_inside(claims, "resource_access"), client).get("roles"))


def _moment(claim: Any) -> datetime | None:
    """Return a time in seconds since 1970; None for one that no calendar has."""
    is_time = isinstance(claim, int | float) and 0 <= claim <= LAST_MOMENT
    return datetime.fromtimestamp(claim, UTC) if is_time else None


def _inside(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = claims.get(name)
    if found is not None and not isinstance(found, dict):
        raise BadToken(f"{name} is no object")
    return found or {}


def _team(group: str) -> str:
    """Return the last part of a group's path, ``b`` of ``/a/b``."""
    return group.rstrip("/").rpartition("/")[2].strip()


def _text(claim: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME or not value.isprintable():
        raise BadToken(f"{claim} is no name")
    return value


def _texts(claim: str, value: Any) -> list[str]:
    """Return a list of texts; a text alone is one."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadToken(f"{claim} is no list of texts")
    return value
