"""Workspaces, members and invites by themselves: every rule of spec builder-studio §2.4 and §2.5, on a real database.

==============================================  ==========================================================
rule                                            test
==============================================  ==========================================================
one immutable owner                             test_the_owner_stays
name unique per owner, in any case              test_names
who manages whom                                test_who_manages_whom
deletion is the owner's                         test_deletion
invites: address, role, states, seven days      test_an_invite_is_accepted, test_states_of_an_invite
a new invite revokes the older one              test_a_new_invite_revokes_the_older
accepting updates a role                        test_a_member_who_accepts_gets_that_role
owner, admin, inviter                           test_who_takes_an_invite_back
a role that shrinks takes keys along            test_keys_follow_the_role
==============================================  ==========================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scenes import flow

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import BuilderError, Conflict, Forbidden, Gone, InvalidInput, NotFound, Unauthenticated
from builder_jupyter.identity.claims import principal_of
from builder_jupyter.identity.principal import Principal, jupyter_principal
from builder_jupyter.identity.roles import CEILINGS, Role
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope
from builder_jupyter.services.runtime import Runtime, Settings

DAY = 86_400


def person(name: str, *roles: str, **claims: Any) -> Principal:
    """Return whom a token stands for whose issuer knows the address ``<name>@x.org``."""
    about = {"preferred_username": name, "roles": list(roles), "email": f"{name}@x.org", "email_verified": True}
    return principal_of(about | claims)


OLIVE, ANN, ED, VIC, ZOE = (person(name) for name in ("olive", "ann", "ed", "vic", "zoe"))


class Scene:
    """A runtime, and a workspace of Olive's with an admin, an editor and a viewer."""

    def __init__(self, runtime: Runtime, clock: ManualClock) -> None:
        self.runtime = runtime
        self.clock = clock
        self.workspace = self.ask(runtime.workspaces.create(OLIVE, "Team"))["id"]
        for who, role in ((ANN, "admin"), (ED, "editor"), (VIC, "viewer")):
            self.ask(runtime.workspaces.put_member(self.at(OLIVE), who.name, role))

    def ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runtime.portal.wait(work)

    def at(self, who: Principal) -> Principal:
        """Return somebody as they stand in the workspace now."""
        entered: Principal = self.ask(self.runtime.workspaces.enter(who, self.workspace))
        return entered

    def refused(self, kind: type[BuilderError], code: str, work: Coroutine[Any, Any, Any]) -> None:
        with pytest.raises(kind) as caught:
            self.ask(work)
        assert caught.value.code == code

    def roles(self) -> dict[str, str]:
        return {one["name"]: one["role"] for one in self.ask(self.runtime.workspaces.members(self.at(OLIVE)))}


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock = ManualClock()
    with Runtime(Settings(), clock=clock, models=ScriptedModels(ScriptedModel())) as runtime:
        yield Scene(runtime, clock)


def test_members_act_in_the_workspace_as_their_role_says(scene: Scene) -> None:
    for who, role in ((OLIVE, Role.OWNER), (ANN, Role.ADMIN), (ED, Role.EDITOR), (VIC, Role.VIEWER)):
        at = scene.at(who)
        assert (at.workspace, at.role, at.scopes, at.is_admin) == (scene.workspace, role, CEILINGS[role], True)
        assert scene.ask(scene.runtime.workspaces.enter(at, "default")) == who, "and back"
        listed = scene.ask(scene.runtime.workspaces.list(at))
        assert [(one["id"], one["role"]) for one in listed][1:] == [(scene.workspace, str(role))]
        assert listed[0]["id"] == "default"
    assert scene.roles() == {"olive": "owner", "ann": "admin", "ed": "editor", "vic": "viewer"}


def test_strangers_do_not_get_in(scene: Scene) -> None:
    enter = scene.runtime.workspaces.enter
    for who in (ZOE, person("root", "admin"), jupyter_principal("me")):
        scene.refused(Forbidden, "WORKSPACE_DENIED", enter(who, scene.workspace))
        scene.refused(Forbidden, "WORKSPACE_DENIED", enter(who, "ws_0"))
        for name in (scene.workspace, "ws_0"):
            stays, error = scene.ask(scene.runtime.workspaces.place(who, name, is_named=True))
            assert (stays, error.code) == (who, "WORKSPACE_NOT_FOUND")


def test_whoever_has_the_server_owns_default(scene: Scene) -> None:
    me = scene.ask(scene.runtime.workspaces.enter(jupyter_principal("me"), None))
    assert (me.workspace, me.role, me.scopes) == ("default", Role.OWNER, ALL_SCOPES)
    about = scene.ask(scene.runtime.workspaces.get(me))
    assert (about["id"], about["owner_id"], about["role"]) == ("default", None, "owner")
    assert scene.ask(scene.runtime.workspaces.rename(me, "Home"))["name"] == "Home"
    # A row of the same name takes nothing from them.
    scene.ask(scene.runtime.workspaces.put_member(me, "me", "viewer"))
    assert scene.ask(scene.runtime.workspaces.enter(jupyter_principal("me"), "default")).role is Role.OWNER
    scene.refused(Conflict, "WORKSPACE_KEPT", scene.runtime.workspaces.delete(me))


def test_membership_decides_where_a_token_is_at_home(scene: Scene) -> None:
    me = scene.ask(scene.runtime.workspaces.enter(jupyter_principal("me"), None))
    entered = scene.ask(scene.runtime.workspaces.enter(ZOE, None))
    assert (entered.scopes, entered.is_admin) == (ZOE.scopes, False), "without a row, the claims do"
    scene.ask(scene.runtime.workspaces.put_member(me, "zoe", "viewer"))
    entered = scene.ask(scene.runtime.workspaces.enter(ZOE, None))
    assert (entered.scopes, entered.is_admin) == (CEILINGS[Role.VIEWER], True), "narrowed, and sees all"
    scene.ask(scene.runtime.workspaces.put_member(me, "zoe", "admin"))
    assert scene.ask(scene.runtime.workspaces.enter(ZOE, None)).scopes == ALL_SCOPES, "extended"


def test_names(scene: Scene) -> None:
    create = scene.runtime.workspaces.create
    for name in ("Team", " team ", "TEAM"):
        scene.refused(Conflict, "WORKSPACE_NAME_TAKEN", create(OLIVE, name))
    mine = scene.ask(create(ANN, "team"))
    assert mine["role"] == "owner"
    scene.ask(create(OLIVE, "Straße"))
    scene.refused(Conflict, "WORKSPACE_NAME_TAKEN", create(OLIVE, "STRASSE"))
    rename = scene.runtime.workspaces.rename
    scene.refused(Conflict, "WORKSPACE_NAME_TAKEN", rename(scene.at(OLIVE), "strasse"))
    assert scene.ask(rename(scene.at(ANN), "TEAM"))["name"] == "TEAM", "its own name in another case"
    for who in (ED, VIC):
        scene.refused(Forbidden, "ROLE_INSUFFICIENT", rename(scene.at(who), "x"))
    scene.refused(InvalidInput, "INVALID_WORKSPACE_NAME", create(OLIVE, " "))


def test_two_of_one_name_at_once(scene: Scene) -> None:
    async def both() -> list[Any]:
        make = scene.runtime.workspaces.create
        return await asyncio.gather(*(make(ZOE, "Same") for _ in range(5)), return_exceptions=True)

    made = scene.ask(both())
    assert sorted(type(one).__name__ for one in made) == ["Conflict"] * 4 + ["dict"]


def test_the_owner_stays(scene: Scene) -> None:
    for who in (OLIVE, ANN):
        at = scene.at(who)
        scene.refused(Forbidden, "OWNER_IMMUTABLE", scene.runtime.workspaces.put_member(at, "olive", "viewer"))
        scene.refused(Forbidden, "OWNER_IMMUTABLE", scene.runtime.workspaces.remove_member(at, "olive"))
    scene.refused(InvalidInput, "INVALID_ROLE", scene.runtime.workspaces.put_member(scene.at(OLIVE), "ann", "owner"))
    invite = scene.ask(scene.runtime.invites.create(scene.at(ANN), "olive@x.org", "viewer"))
    scene.refused(Forbidden, "OWNER_IMMUTABLE", scene.runtime.invites.accept(OLIVE, invite["id"]))


def test_who_manages_whom(scene: Scene) -> None:
    put, remove = scene.runtime.workspaces.put_member, scene.runtime.workspaces.remove_member
    for who in (ED, VIC):
        for work in (put(scene.at(who), "zoe", "viewer"), remove(scene.at(who), "vic")):
            scene.refused(Forbidden, "ROLE_INSUFFICIENT", work)
    ann = scene.at(ANN)
    assert scene.ask(put(ann, "zoe", "viewer"))["added_by"] == "ann"
    assert scene.ask(put(ann, "zoe", "editor"))["role"] == "editor"
    for work in (put(ann, "zoe", "admin"), put(ann, "ann", "viewer"), remove(ann, "ann")):
        scene.refused(Forbidden, "ROLE_INSUFFICIENT", work)
    scene.ask(remove(ann, "zoe"))
    scene.refused(NotFound, "MEMBER_NOT_FOUND", remove(ann, "zoe"))
    olive = scene.at(OLIVE)
    scene.ask(put(olive, "ed", "admin"))
    scene.ask(put(olive, "ann", "viewer"))
    scene.ask(remove(olive, "ed"))
    assert scene.roles() == {"olive": "owner", "ann": "viewer", "vic": "viewer"}


def test_deletion(scene: Scene) -> None:
    rt, olive = scene.runtime, scene.at(OLIVE)
    for who in (ANN, ED, VIC):
        scene.refused(Forbidden, "ROLE_INSUFFICIENT", rt.workspaces.delete(scene.at(who)))
    workflow = scene.ask(rt.workflows.create(olive, flow("start>end"))).id
    scene.refused(Conflict, "WORKSPACE_NOT_EMPTY", rt.workspaces.delete(olive))
    scene.ask(rt.workflows.delete(olive, workflow))
    _, secret = scene.ask(rt.keys.create(olive, "ci"))
    invite = scene.ask(rt.invites.create(olive, "zoe@x.org", "editor"))
    about = {"workspace": scene.workspace, "provider": "openai", "display_name": "x", "payload": {"apiKey": "sk-1"}}
    scene.ask(rt.integrations.upsert(olive, **about))
    scene.ask(rt.workspaces.delete(olive))
    for who in (OLIVE, ANN):
        scene.refused(Forbidden, "WORKSPACE_DENIED", rt.workspaces.enter(who, scene.workspace))
        assert [one["id"] for one in scene.ask(rt.workspaces.list(who))] == ["default"]
    scene.refused(Unauthenticated, "AUTH_INVALID_TOKEN", rt.keys.authenticate(secret))
    scene.refused(Conflict, "INVITE_NOT_PENDING", rt.invites.accept(ZOE, invite["id"]))
    assert scene.ask(rt.integrations.credential(scene.workspace, "openai")) is None
    # Nor is it good for whoever's token names it.
    scene.refused(Forbidden, "WORKSPACE_DENIED", rt.workspaces.enter(person("eve", workspace=scene.workspace), None))
    assert scene.ask(rt.workspaces.create(OLIVE, "Team"))["id"] != scene.workspace, "the name is free again"


def test_an_invite_is_accepted(scene: Scene) -> None:
    invites = scene.runtime.invites
    made = scene.ask(invites.create(scene.at(ANN), "  Zoe@X.org ", "editor"))
    assert (made["email"], made["state"], made["invited_by"]) == ("zoe@x.org", "pending", "ann")
    (offered,) = scene.ask(invites.mine(ZOE))
    assert (offered["id"], offered["workspace_name"]) == (made["id"], "Team")
    for who in (VIC, person("zoe2"), person("zoe", email_verified=False), jupyter_principal("zoe")):
        assert scene.ask(invites.mine(who)) == []
        scene.refused(NotFound, "INVITE_NOT_FOUND", invites.accept(who, made["id"]))
    assert scene.ask(invites.accept(ZOE, made["id"]))["state"] == "accepted"
    assert scene.at(ZOE).role is Role.EDITOR
    scene.refused(Conflict, "INVITE_NOT_PENDING", invites.accept(ZOE, made["id"]))
    scene.refused(Conflict, "INVITE_NOT_PENDING", invites.revoke(scene.at(ANN), made["id"]))
    assert scene.ask(invites.mine(ZOE)) == []


def test_a_hubs_user_whose_name_is_an_address_accepts(scene: Scene) -> None:
    made = scene.ask(scene.runtime.invites.create(scene.at(OLIVE), "sam@hub.org", "viewer"))
    sam = jupyter_principal("sam@hub.org", "sam@hub.org")
    scene.ask(scene.runtime.invites.accept(sam, made["id"]))
    assert scene.at(sam).role is Role.VIEWER


def test_states_of_an_invite(scene: Scene) -> None:
    invites, ann = scene.runtime.invites, scene.at(ANN)
    first = scene.ask(invites.create(ann, "zoe@x.org", "viewer"))["id"]
    assert scene.ask(invites.revoke(ann, first))["state"] == "revoked"
    assert scene.ask(invites.revoke(ann, first))["state"] == "revoked", "twice is fine"
    scene.refused(Conflict, "INVITE_NOT_PENDING", invites.accept(ZOE, first))
    second = scene.ask(invites.create(ann, "zoe@x.org", "viewer"))["id"]
    scene.clock.advance(7 * DAY - 1)
    assert [one["id"] for one in scene.ask(invites.mine(ZOE))] == [second]
    scene.clock.advance(1)
    assert scene.ask(invites.mine(ZOE)) == []
    scene.refused(Gone, "INVITE_EXPIRED", invites.accept(ZOE, second))
    assert [one["state"] for one in scene.ask(invites.list(ann))] == ["revoked", "expired"]
    scene.refused(NotFound, "INVITE_NOT_FOUND", invites.accept(ZOE, "inv_0"))


def test_a_new_invite_revokes_the_older(scene: Scene) -> None:
    invites, ann = scene.runtime.invites, scene.at(ANN)
    old = scene.ask(invites.create(ann, "zoe@x.org", "viewer"))["id"]
    other = scene.ask(invites.create(ann, "yan@x.org", "viewer"))["id"]
    new = scene.ask(invites.create(scene.at(OLIVE), "ZOE@x.org", "admin"))["id"]
    states = {one["id"]: one["state"] for one in scene.ask(invites.list(ann))}
    assert states == {old: "revoked", other: "pending", new: "pending"}
    scene.refused(Conflict, "INVITE_NOT_PENDING", invites.accept(ZOE, old))
    scene.ask(invites.accept(ZOE, new))
    assert scene.at(ZOE).role is Role.ADMIN


def test_a_member_who_accepts_gets_that_role(scene: Scene) -> None:
    invite = scene.ask(scene.runtime.invites.create(scene.at(ANN), "vic@x.org", "editor"))
    scene.ask(scene.runtime.invites.accept(VIC, invite["id"]))
    assert scene.roles()["vic"] == "editor"


def test_who_invites(scene: Scene) -> None:
    invites = scene.runtime.invites
    for who in (ED, VIC):
        scene.refused(Forbidden, "ROLE_INSUFFICIENT", invites.create(scene.at(who), "zoe@x.org", "viewer"))
        scene.refused(Forbidden, "ROLE_INSUFFICIENT", invites.list(scene.at(who)))
    scene.refused(Forbidden, "ROLE_INSUFFICIENT", invites.create(scene.at(ANN), "zoe@x.org", "admin"))
    scene.refused(InvalidInput, "INVALID_ROLE", invites.create(scene.at(OLIVE), "zoe@x.org", "owner"))
    scene.refused(InvalidInput, "INVALID_EMAIL", invites.create(scene.at(OLIVE), "zoe", "viewer"))


def test_who_takes_an_invite_back(scene: Scene) -> None:
    invites, olive, ann = scene.runtime.invites, scene.at(OLIVE), scene.at(ANN)
    admins = scene.ask(invites.create(olive, "zoe@x.org", "admin"))["id"]
    for who in (ANN, ED, VIC):
        scene.refused(Forbidden, "ROLE_INSUFFICIENT", invites.revoke(scene.at(who), admins))
    anns = scene.ask(invites.create(ann, "yan@x.org", "viewer"))["id"]
    scene.refused(Forbidden, "ROLE_INSUFFICIENT", invites.revoke(scene.at(ED), anns))
    # The inviter may, also as an editor; here in the moment before the change below takes the invite back.
    as_editor = replace(scene.at(ED), name="ann")
    assert scene.ask(invites.revoke(as_editor, anns))["state"] == "revoked"
    again = scene.ask(invites.create(ann, "yan@x.org", "viewer"))["id"]
    scene.ask(scene.runtime.workspaces.put_member(olive, "ann", "editor"))
    assert {one["id"]: one["state"] for one in scene.ask(invites.list(olive))}[again] == "revoked"
    elsewhere = scene.ask(scene.runtime.workspaces.create(ZOE, "Other"))["id"]
    zoe = scene.ask(scene.runtime.workspaces.enter(ZOE, elsewhere))
    scene.refused(NotFound, "INVITE_NOT_FOUND", invites.revoke(zoe, admins))


def test_keys_follow_the_role(scene: Scene) -> None:
    rt, olive = scene.runtime, scene.at(OLIVE)
    key, secret = scene.ask(rt.keys.create(scene.at(ANN), "ann's", Scope))
    who: Callable[[], Principal] = lambda: scene.ask(rt.keys.authenticate(secret))  # noqa: E731
    assert (who().scopes, who().role) == (ALL_SCOPES, Role.ADMIN)
    for role in ("editor", "viewer", "admin"):
        scene.ask(rt.workspaces.put_member(olive, "ann", role))
        assert (who().scopes, str(who().role)) == (CEILINGS[Role(role)], role)
    # A key of hers may make keys while she may, and those are as much hers.
    _, second = scene.ask(rt.keys.create(who(), "made by a key", [Scope.DELETE_CANVAS]))
    scene.ask(rt.workspaces.put_member(olive, "ann", "editor"))
    assert scene.ask(rt.keys.authenticate(second)).scopes == frozenset()
    scene.refused(Forbidden, "ROLE_INSUFFICIENT", rt.keys.create(who(), "another"))
    scene.refused(Forbidden, "ROLE_INSUFFICIENT", rt.keys.create(scene.at(ANN), "another"))
    scene.refused(Forbidden, "ROLE_INSUFFICIENT", rt.keys.revoke(scene.at(ANN), key.key_id))
    scene.ask(rt.workspaces.remove_member(olive, "ann"))
    for gone in (secret, second):
        scene.refused(Unauthenticated, "AUTH_INVALID_TOKEN", rt.keys.authenticate(gone))


def test_keys_follow_the_claims(scene: Scene) -> None:
    """A key that a token's admin made does no more than what that person's last token says."""
    rt = scene.runtime
    admin = scene.ask(rt.workspaces.enter(person("kim", "admin", workspace="acme"), None))
    _, secret = scene.ask(rt.keys.create(admin, "kim's", Scope))
    assert scene.ask(rt.keys.authenticate(secret)).scopes == ALL_SCOPES
    plain = person("kim", "user", workspace="acme")
    scene.ask(rt.workspaces.enter(plain, None))
    key = scene.ask(rt.keys.authenticate(secret))
    assert (key.scopes, key.is_admin, key.role) == (plain.scopes, False, Role.EDITOR)
    scene.ask(rt.workspaces.enter(person("kim", "viewer", workspace="acme"), None))
    assert scene.ask(rt.keys.authenticate(secret)).scopes == CEILINGS[Role.VIEWER]
    scene.ask(rt.workspaces.enter(person("kim", "admin", workspace="elsewhere"), None))
    assert scene.ask(rt.keys.authenticate(secret)).scopes == CEILINGS[Role.VIEWER], "of that workspace alone"


def test_all_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    def told(runtime: Runtime) -> list[Any]:
        at = runtime.portal.wait(runtime.workspaces.enter(ANN, workspace))
        asked = runtime.workspaces.get(at), runtime.workspaces.members(at), runtime.invites.list(at)
        return [runtime.portal.wait(work) for work in asked] + [runtime.portal.wait(runtime.keys.authenticate(secret))]

    models = ScriptedModels(ScriptedModel())
    with Runtime(Settings(tmp_path), models=models) as first:
        scene = Scene(first, ManualClock())
        workspace = scene.workspace
        scene.ask(first.invites.create(scene.at(ANN), "zoe@x.org", "viewer"))
        _, secret = scene.ask(first.keys.create(scene.at(ANN), "x", Scope))
        scene.ask(first.workspaces.put_member(scene.at(OLIVE), "ed", "viewer"))
        before = told(first)
    with Runtime(Settings(tmp_path), models=models) as second:
        assert told(second) == before


def test_keys_make_no_workspaces_and_enter_no_other(scene: Scene) -> None:
    rt = scene.runtime
    _, secret = scene.ask(rt.keys.create(scene.at(OLIVE), "x", Scope))
    key = scene.ask(rt.keys.authenticate(secret))
    for work in (rt.workspaces.create(key, "Mine"), rt.workspaces.delete(key)):
        scene.refused(Forbidden, "PERSON_NEEDED", work)
    invite = scene.ask(rt.invites.create(key, "olive@x.org", "viewer"))["id"]
    scene.refused(NotFound, "INVITE_NOT_FOUND", rt.invites.accept(key, invite))
    assert scene.ask(rt.invites.mine(key)) == []
    assert [one["id"] for one in scene.ask(rt.workspaces.list(key))] == [scene.workspace]
    assert scene.ask(rt.workspaces.enter(key, scene.workspace)) == key
    for other in ("default", "ws_0"):
        scene.refused(Forbidden, "WORKSPACE_DENIED", rt.workspaces.enter(key, other))
