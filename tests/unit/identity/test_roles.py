"""The two tables of roles against the specification's, row by row; what is stored or claimed and cannot be resolved."""

from __future__ import annotations

import pytest

from builder_jupyter.errors import Forbidden, InvalidInput
from builder_jupyter.identity.claims import principal_of
from builder_jupyter.identity.grants import EVERYTHING, Permission, Standing, permissions_of
from builder_jupyter.identity.principal import CredentialKind, Principal, key_principal, local_principal, seated
from builder_jupyter.identity.roles import (
    CAPABILITIES,
    CEILINGS,
    UNRESOLVED,
    Capability,
    Role,
    may,
    parse_role,
    seat_of,
    stored_role,
)
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope
from builder_jupyter.identity.workspaces import parse_email, parse_member, parse_name

# Spec builder-studio §2.4: owner, admin, editor, viewer. Who may make keys: §2.2.
ROWS = {
    Capability.VIEW: "yyyy",
    Capability.EDIT_CANVASES: "yyyn",
    Capability.DELETE_CANVASES: "yynn",
    Capability.MANAGE_INVITES: "yynn",
    Capability.RENAME_WORKSPACE: "yynn",
    Capability.MANAGE_MEMBERS: "yynn",
    Capability.MANAGE_KEYS: "yynn",
    Capability.MANAGE_ADMINS: "ynnn",
    Capability.DELETE_WORKSPACE: "ynnn",
}
# §2.3, ceilings.
SCOPES = {
    Role.VIEWER: {"read:canvases", "read:assets"},
    Role.EDITOR: {
        "read:canvases", "read:assets", "run:workflows", "write:canvas", "write:assets", "manage:integrations",
    },
    Role.ADMIN: {str(scope) for scope in Scope},
    Role.OWNER: {str(scope) for scope in Scope},
}  # fmt: skip


@pytest.mark.parametrize("capability", Capability)
def test_capabilities(capability: Capability) -> None:
    assert "".join("ny"[may(role, capability)] for role in Role) == ROWS[capability]
    assert set(CAPABILITIES) == set(Role)


@pytest.mark.parametrize("role", Role)
def test_ceilings(role: Role) -> None:
    assert {str(scope) for scope in CEILINGS[role]} == SCOPES[role]
    assert seat_of(role).scopes == CEILINGS[role]
    # What takes a capability on canvases takes a scope that only those roles can have.
    assert may(role, Capability.EDIT_CANVASES) is (Scope.WRITE_CANVAS in CEILINGS[role])
    assert may(role, Capability.DELETE_CANVASES) is (Scope.DELETE_CANVAS in CEILINGS[role])


def test_what_cannot_be_resolved_is_a_viewers() -> None:
    assert stored_role("superuser") is Role.VIEWER
    assert [stored_role(str(role)) for role in Role] == list(Role)
    assert (UNRESOLVED.role, UNRESOLVED.scopes) == (Role.VIEWER, CEILINGS[Role.VIEWER])
    assert not may(None, Capability.EDIT_CANVASES)
    nobody = Principal("x", "default", ALL_SCOPES, CredentialKind.JWT)
    with pytest.raises(Forbidden, match="viewer, may not manage keys") as refused:
        nobody.require_capability(Capability.MANAGE_KEYS)
    assert refused.value.code == "ROLE_INSUFFICIENT"


@pytest.mark.parametrize("name", ["owner", "", "Admin", "root"])
def test_roles_that_nobody_gives(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_role(name)
    assert refused.value.code == "INVALID_ROLE"


@pytest.mark.parametrize(
    ("role", "theirs"),
    [
        (Role.OWNER, EVERYTHING),
        (Role.ADMIN, EVERYTHING),
        (Role.EDITOR, {Permission.VIEW, Permission.EDIT, Permission.DEPLOY}),
        (Role.VIEWER, {Permission.VIEW}),
    ],
)
def test_what_members_may_do_with_workflows_of_others(role: Role, theirs: set[Permission]) -> None:
    member = seated(local_principal("ed"), "ws_1", seat_of(role))
    assert permissions_of(member, Standing("ws_1", "somebody")) == theirs
    assert permissions_of(member, Standing("ws_1", "ed")) == EVERYTHING
    assert permissions_of(member, Standing("ws_2", "ed")) == frozenset()
    stranger = seated(member, "ws_1", UNRESOLVED)
    assert permissions_of(stranger, Standing("ws_1", "somebody")) == frozenset()


def test_a_key_may_do_what_it_says_as_far_as_its_makers_seat_goes() -> None:
    wanted = (Scope.READ_CANVASES, Scope.DELETE_CANVAS, Scope.READ_BILLING)
    for role in Role:
        key = key_principal("ed", "ws_1", wanted, seat_of(role), origin=CredentialKind.JWT)
        assert key.scopes == set(wanted) & CEILINGS[role]
        assert (key.role, key.maker, key.is_person) == (role, CredentialKind.JWT, False)


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({}, None),
        ({"email": "Ed@Example.org"}, None),
        ({"email": "ed@example.org", "email_verified": False}, None),
        ({"email": "ed@example.org", "email_verified": "true"}, None),
        ({"email": " Ed@Example.org ", "email_verified": True}, "ed@example.org"),
    ],
)
def test_an_address_counts_when_the_issuer_has_verified_it(claims: dict[str, object], email: str | None) -> None:
    assert principal_of({"sub": "1", **claims}).email == email


def test_names_and_addresses() -> None:
    assert parse_email("  Ed@Example.ORG ") == "ed@example.org"
    assert parse_name(" My team ") == "My team"
    assert parse_member("ed lee") == "ed lee"
    for text in ("", "ed", "@x", "ed@", "e d@x.y", "a@b@c", "e\x00d@x", "x" * 250 + "@y.zz"):
        with pytest.raises(InvalidInput):
            parse_email(text)
    for text in ("", "  ", "a\nb", "x" * 101):
        with pytest.raises(InvalidInput):
            parse_name(text)
    for text in ("", " ed", "e\x07d", "x" * 256):
        with pytest.raises(InvalidInput):
            parse_member(text)
