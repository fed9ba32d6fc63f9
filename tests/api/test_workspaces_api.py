"""Workspaces over HTTP: who acts where, what they may do there, and that nothing of another workspace is found."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from issuer import AUDIENCE, ISSUER, Issuer
from server import START_AGENT_END, Call

from builder_jupyter.rest.app import ROUTES
from builder_jupyter.rest.routing import routes_of
from builder_jupyter.storage.cipher import KEY_FILE

WORKSPACES = "/api/builder/workspaces"
CONNECTIONS = "/api/integrations/provider-connections"
SECRET = "sk-very-secret-4242"


@pytest.fixture
def issuer() -> Issuer:
    made = Issuer(now=time.time())
    made.key("ES256")
    return made


@pytest.fixture
def builder_settings(issuer: Issuer, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "keys.json"
    file.write_bytes(issuer.document())
    keys = {"jwt_jwks_file": str(file), "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}
    return keys | {"unlimited_credits": True}  # a new workspace begins with none


@pytest.fixture
def token(issuer: Issuer) -> Callable[..., str]:
    def make(user: str, *roles: str, **claims: Any) -> str:
        about = {"preferred_username": user, "email": f"{user}@x.org", "email_verified": True}
        return issuer.token(roles=list(roles), **about | claims)

    return make


@pytest.fixture
def team(call: Call, token: Callable[..., str]) -> Callable[..., Any]:
    """Make a workspace of Olive's with an admin, an editor and a viewer; return its id."""

    async def make() -> str:
        olive = token("olive")
        made = await call("POST", WORKSPACES, key=olive, body={"name": "Team"})
        assert (made.status, made.json["owner_id"], made.json["role"]) == (201, "olive", "owner")
        path = f"{WORKSPACES}/{made.json['id']}/members"
        for name, role in (("ann", "admin"), ("ed", "editor"), ("vic", "viewer")):
            assert (await call("PUT", f"{path}/{name}", key=olive, body={"role": role})).status == 200
        return str(made.json["id"])

    return make


async def test_a_member_acts_where_they_say(call: Call, token: Callable[..., str], team: Callable[..., Any]) -> None:
    there = await team()
    ann, ed, vic = token("ann"), token("ed"), token("vic")
    path, body = "/api/builder/workflows", {"name": "Ours", **START_AGENT_END}
    assert (await call("POST", path, key=vic, body=body, workspaceId=there)).status == 403
    saved = await call("POST", path, key=ed, body=body, workspaceId=there)
    assert saved.status == 201
    one = f"{path}/{saved.json['id']}"
    for key in (token("olive"), ann, ed, vic):
        assert (await call("GET", one, key=key, workspaceId=there)).status == 200, "all members see it"
        assert (await call("GET", one, key=key)).status == 404, "and not from elsewhere"
        assert [w["name"] for w in (await call("GET", path, key=key, workspaceId=there)).json] == ["Ours"]
    rename = {"name": "Still ours"}
    assert [(await call("PUT", one, key=k, body=rename, workspaceId=there)).status for k in (ann, ed, vic)] == [
        200, 200, 403,
    ]  # fmt: skip
    run = {"canvasId": saved.json["id"], "triggerNodeId": "start", "inputs": {"message": "x"}, "sync": True}
    assert [(await call("POST", "/api/run", key=k, body=run, workspaceId=there)).status for k in (ed, vic)] == [
        200,
        403,
    ]
    assert [(await call("DELETE", one, key=k, workspaceId=there)).status for k in (ed, vic, ann)] == [403, 403, 200]


async def test_what_is_not_ours_is_not_found(
    call: Call, token: Callable[..., str], team: Callable[..., Any], jp_auth_header: dict[str, str], full_key: str
) -> None:
    there = await team()
    zoe, root = token("zoe"), token("root", "admin")
    for sent in ({"key": zoe}, {"key": root}, {"key": full_key}, {"headers": jp_auth_header}):
        for name in (there, "ws_0", "%20"):
            place = f"{WORKSPACES}/{name}"
            for method, path, body in (
                ("GET", place, None),
                ("GET", f"{place}/members", None),
            ):
                answer = await call(method, path, body=body, **sent)
                assert (answer.status, answer.json["code"]) == (404, "WORKSPACE_NOT_FOUND"), (path, sent)
            query = await call("GET", "/api/canvases", workspaceId=name, **sent)
            assert (query.status, query.json["code"]) == (403, "workspace_denied")
    for sent in ({"key": root}, {"key": full_key}, {"headers": jp_auth_header}):
        for method, path, body in (
            ("PUT", f"{WORKSPACES}/{there}", {"name": "x"}),
            ("DELETE", f"{WORKSPACES}/{there}", None),
            ("PUT", f"{WORKSPACES}/{there}/members/eve", {"role": "admin"}),
            ("DELETE", f"{WORKSPACES}/{there}/members/ed", None),
            ("GET", f"{WORKSPACES}/{there}/invites", None),
            ("POST", f"{WORKSPACES}/{there}/invites", {"email": "a@b.c", "role": "viewer"}),
            ("DELETE", f"{WORKSPACES}/{there}/invites/inv_0", None),
        ):
            answer = await call(method, path, body=body, **sent)
            assert (answer.status, answer.json["code"]) == (404, "WORKSPACE_NOT_FOUND"), (path, sent)
        body = {"workspaceId": there, "provider": "fal", "displayName": "x", "credentialPayload": {"apiKey": "k"}}
        assert (await call("POST", CONNECTIONS, body=body, **sent)).status == 403


async def test_every_route_takes_the_workspace(call: Call, full_key: str) -> None:
    """One mechanism for all: naming a workspace that is not the caller's is refused whatever is asked for."""
    for handler in ROUTES:
        if "{workspace_id}" in handler.path:
            continue
        for verb, about in routes_of(handler):
            if not isinstance(about.access, tuple):
                continue
            path = handler.path.replace("{", "").replace("}", "")
            answer = await call(verb.upper(), path, key=full_key, workspaceId="ws_0")
            code = answer.json.get("code", "").upper()
            assert (answer.status, code) == (403, "WORKSPACE_DENIED"), (verb, path)


async def test_a_signed_in_jupyter_user_owns_default_and_what_they_make(
    call: Call, jp_auth_header: dict[str, str]
) -> None:
    mine = (await call("GET", WORKSPACES, headers=jp_auth_header)).json["workspaces"]
    assert [(one["id"], one["owner_id"], one["role"]) for one in mine] == [("default", None, "owner")]
    made = (await call("POST", WORKSPACES, headers=jp_auth_header, body={"name": "Mine"})).json["id"]
    again = await call("POST", WORKSPACES, headers=jp_auth_header, body={"name": "MINE"})
    assert (again.status, again.json["code"]) == (409, "WORKSPACE_NAME_TAKEN")
    about = {"name": "there", "scopes": ["read:canvases"]}
    key = await call("POST", "/api/builder/keys", headers=jp_auth_header, body=about, workspaceId=made)
    assert (await call("GET", "/api/verify-key", key=key.json["key"])).json["workspaceId"] == made
    assert (await call("GET", "/api/builder/keys", headers=jp_auth_header)).json["keys"] == []
    gone = await call("DELETE", f"{WORKSPACES}/{made}", headers=jp_auth_header)
    assert gone.status == 200
    assert (await call("GET", "/api/verify-key", key=key.json["key"])).status == 401
    assert (await call("DELETE", f"{WORKSPACES}/default", headers=jp_auth_header)).status == 409


async def test_an_invite_from_one_to_another(call: Call, token: Callable[..., str], team: Callable[..., Any]) -> None:
    there = await team()
    invites = f"{WORKSPACES}/{there}/invites"
    sent = await call("POST", invites, key=token("ann"), body={"email": " Zoe@X.ORG", "role": "editor"})
    assert (sent.status, sent.json["email"], sent.json["state"]) == (201, "zoe@x.org", "pending")
    life = datetime.fromisoformat(sent.json["expires_at"]) - datetime.fromisoformat(sent.json["created_at"])
    assert life == timedelta(days=7)
    assert (await call("GET", invites, key=token("ed"))).status == 403
    accept = f"/api/builder/invites/{sent.json['id']}/accept"
    for other in (token("yan"), token("zoe", email_verified=False)):
        assert (await call("POST", accept, key=other)).status == 404
    zoe = token("zoe")
    (offered,) = (await call("GET", "/api/builder/invites", key=zoe)).json["invites"]
    assert offered["workspace_name"] == "Team"
    assert (await call("POST", accept, key=zoe)).json["state"] == "accepted"
    assert (await call("POST", accept, key=zoe)).status == 409
    mine = (await call("GET", WORKSPACES, key=zoe)).json["workspaces"]
    assert (mine[1]["id"], mine[1]["role"]) == (there, "editor")


async def test_keys_are_made_by_owners_and_admins_and_follow_them(
    call: Call, token: Callable[..., str], team: Callable[..., Any]
) -> None:
    there = await team()
    path, body = "/api/builder/keys", {"name": "x", "scopes": ["read:canvases", "delete:canvas"]}
    for who, status, code in (("vic", 403, "AUTH_ACCESS_DENIED"), ("ed", 403, "ROLE_INSUFFICIENT")):
        answer = await call("POST", path, key=token(who), body=body, workspaceId=there)
        assert (answer.status, answer.json["code"]) == (status, code)
    made = (await call("POST", path, key=token("ann"), body=body, workspaceId=there)).json
    assert (await call("GET", "/api/verify-key", key=made["key"])).json == {
        "ok": True, "workspaceId": there, "scopes": body["scopes"],
    }  # fmt: skip
    refused = await call("DELETE", f"{path}/{made['id']}", key=token("ed"), workspaceId=there)
    assert refused.status == 403
    member = f"{WORKSPACES}/{there}/members/ann"
    await call("PUT", member, key=token("olive"), body={"role": "viewer"})
    assert (await call("GET", "/api/verify-key", key=made["key"])).json["scopes"] == ["read:canvases"]
    await call("DELETE", member, key=token("olive"))
    assert (await call("GET", "/api/verify-key", key=made["key"])).status == 401


async def test_a_key_of_a_tokens_admin_does_not_outlive_that_role(call: Call, token: Callable[..., str]) -> None:
    scopes = ["read:canvases", "read:billing"]
    made = await call("POST", "/api/builder/keys", key=token("kim", "admin"), body={"name": "x", "scopes": scopes})
    key = made.json["key"]
    assert (await call("GET", "/api/verify-key", key=key)).json["scopes"] == scopes
    await call("GET", "/api/builder/status", key=token("kim", "user"))
    assert (await call("GET", "/api/verify-key", key=key)).json["scopes"] == ["read:canvases"]
    await call("GET", "/api/builder/status", key=token("kim", "admin"))
    assert (await call("GET", "/api/verify-key", key=key)).json["scopes"] == scopes


async def test_keys_expire(call: Call, full_key: str) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    made = await call("POST", "/api/builder/keys", key=full_key, body={"name": "x", "expires_at": soon.isoformat()})
    assert datetime.fromisoformat(made.json["expires_at"]) == soon
    for wrong, code in (
        ("2020-01-01T00:00:00Z", "INVALID_EXPIRY"),
        ("2999-01-01T00:00:00", "INVALID_REQUEST"),
        ("tomorrow", "INVALID_REQUEST"),
    ):
        refused = await call("POST", "/api/builder/keys", key=full_key, body={"name": "x", "expires_at": wrong})
        assert (refused.status, refused.json["code"]) == (400, code), wrong


async def test_connections_as_published(
    call: Call, full_key: str, foreign_key: str, tmp_path: Path, builder_log: pytest.LogCaptureFixture,
    jp_logging_stream: Any,
) -> None:  # fmt: skip
    builder_log.set_level("DEBUG")
    body = {
        "workspaceId": "default",
        "provider": "anthropic",
        "displayName": "Ours",
        "credentialPayload": {"apiKey": SECRET},
    }
    made = await call("POST", CONNECTIONS, key=full_key, body=body)
    assert (made.status, made.json["created"], made.json["credential"]) == (200, True, {"apiKey": "…4242"})
    same = await call("POST", CONNECTIONS, key=full_key, body=body | {"connectionId": made.json["connectionId"]})
    assert (same.json["created"], same.json["connectionId"]) == (False, made.json["connectionId"])
    wrong = await call("POST", CONNECTIONS, key=full_key, body=body | {"credentialPayload": {"key": SECRET}})
    assert (wrong.status, wrong.json["code"]) == (400, "invalid_credential")
    assert wrong.json["error"].startswith("This is no credential for Anthropic")
    missing = await call("POST", CONNECTIONS, key=full_key, body={**body, "workspaceId": None})
    assert missing.status == 400
    one = f"{CONNECTIONS}/{made.json['connectionId']}"
    assert (await call("DELETE", one, key=foreign_key)).status == 404
    assert (await call("GET", CONNECTIONS, key=foreign_key)).json == {"connections": []}
    listed = await call("GET", CONNECTIONS, key=full_key)
    assert [found["status"] for found in listed.json["connections"]] == ["active"]
    gone = await call("DELETE", one, key=full_key)
    assert gone.json["status"] == "revoked"
    assert "very-secret" not in "".join(answer.text for answer in (made, same, wrong, missing, listed, gone))
    assert "very-secret" not in builder_log.text + jp_logging_stream.getvalue()
    assert (tmp_path / "data" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert (await call("GET", "/api/integrations/nothing", key=full_key)).status == 404


class TestGivenKeys:
    @pytest.fixture
    def builder_settings(self) -> dict[str, Any]:
        return {"encryption_key_file": False}

    async def test_without_any_credentials_are_refused_at_once(self, call: Call, full_key: str) -> None:
        body = {"workspaceId": "default", "provider": "fal", "displayName": "x", "credentialPayload": {}}
        answer = await call("POST", CONNECTIONS, key=full_key, body=body)
        assert (answer.status, answer.json["code"]) == (503, "encryption_key_missing")


class TestAKeyOfTheEnvironment:
    @pytest.fixture
    def builder_settings(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setenv("BUILDER_ENCRYPTION_KEY", "ab" * 32)
        return {"encryption_key_file": False}

    async def test_it_is_used_and_kept_from_kernels(
        self, call: Call, full_key: str, tmp_path: Path, runtime: Any
    ) -> None:
        body = {"workspaceId": "default", "provider": "fal", "displayName": "x", "credentialPayload": {"apiKey": "k"}}
        assert (await call("POST", CONNECTIONS, key=full_key, body=body)).status == 200
        assert not (tmp_path / "data" / KEY_FILE).exists()
        assert "BUILDER_ENCRYPTION_KEY" not in os.environ
        assert "abab" not in repr(runtime.settings)
