"""JSON Web Tokens and grants on a real Jupyter server: who is let in, and what they may do with whose workflows.

==========================================  ==================================================================
rule (specification, section 10)            test
==========================================  ==================================================================
the table of callers                        test_the_table
a token beats whatever else is shown        test_a_bad_token_is_refused_whatever_else_is_shown
a server without a token                    test_a_server_without_a_token, test_without_settings
token, then id, then body                   test_who_asks_comes_before_what_is_sent
unknown and foreign ids look the same       test_foreign_is_unknown
issuer for development                      test_tokens_of_the_command_line
==========================================  ==================================================================
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from issuer import AUDIENCE, ISSUER, Issuer, KeyServer, encoded, key_server
from jupyter_server.auth.identity import IdentityProvider, User
from server import START_AGENT_END, Answer, Call
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from builder_jupyter import cli
from builder_jupyter.connectors import jwks
from builder_jupyter.identity.api_keys import PREFIX
from builder_jupyter.identity.jwt_settings import SECRET_VARIABLE
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.app import ROUTES, BuilderApp
from builder_jupyter.rest.routing import routes_of

WORKFLOWS = "/api/builder/workflows"
SECRET = "a secret of more than thirty-two bytes, for tests"
SCOPED = tuple(
    (verb.upper(), handler.path.replace("{", "").replace("}", ""))
    for handler in ROUTES
    for verb, about in routes_of(handler)
    if isinstance(about.access, tuple)
)


@pytest.fixture
def issuer() -> Issuer:
    made = Issuer(now=time.time())
    made.key("ES256")
    return made


@pytest.fixture
def source(issuer: Issuer, tmp_path: Path) -> dict[str, Any]:
    """Where the server has its keys from."""
    file = tmp_path / "keys.json"
    file.write_bytes(issuer.document())
    return {"jwt_jwks_file": str(file), "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}


@pytest.fixture
def builder_settings(source: dict[str, Any]) -> dict[str, Any]:
    return source


@pytest.fixture
def token(issuer: Issuer) -> Callable[..., str]:
    """Issue a token for somebody."""

    def make(user: str = "alice", *roles: str, **claims: Any) -> str:
        return issuer.token(preferred_username=user, roles=list(roles), **claims)

    return make


@pytest.fixture
def create(call: Call) -> Callable[..., Awaitable[str]]:
    async def save(key: str, **fields: Any) -> str:
        answer = await call("POST", WORKFLOWS, key=key, body={"name": "Test", **START_AGENT_END, **fields})
        assert answer.status == 201, answer.text
        return answer.json["id"]

    return save


@pytest.fixture
def share(call: Call) -> Callable[..., Awaitable[Answer]]:
    async def put(key: str, workflow_id: str, subject: str, *permissions: str) -> Answer:
        path = f"{WORKFLOWS}/{workflow_id}/grants/{subject}"
        return await call("PUT", path, key=key, body={"permissions": permissions})

    return put


def without_date(answer: Answer) -> tuple[Any, ...]:
    headers = {name: value for name, value in answer.headers.get_all() if name not in {"Date", "Etag"}}
    return answer.status, answer.body, headers


def check_refusal(answer: Answer) -> None:
    assert answer.status == 401, answer.text
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Set-Cookie" not in answer.headers
    assert answer.json.get("code", "").upper() == "AUTH_INVALID_TOKEN"


# -- who may do what ----------------------------------------------------------------------------------------------

TABLE = {
    # caller: list, get, versions, one version, put, rollback, publish, delete, grants
    "owner": (True, 200, 200, 200, 200, 200, 200, 200, 200),
    "admin": (True, 200, 200, 200, 200, 200, 200, 200, 200),
    "key": (True, 200, 200, 200, 200, 200, 200, 200, 200),
    "jupyter": (True, 200, 200, 200, 200, 200, 200, 200, 200),
    "edit": (True, 200, 200, 200, 200, 200, 403, 403, 403),
    "edit by team": (True, 200, 200, 200, 200, 200, 403, 403, 403),
    "deploy": (True, 200, 200, 200, 403, 403, 200, 403, 403),
    "view": (True, 200, 200, 200, 403, 403, 403, 403, 403),
    "view by team": (True, 200, 200, 200, 403, 403, 403, 403, 403),
    "viewer with edit": (True, 200, 200, 200, 403, 403, 403, 403, 403),
    "stranger": (False, 404, 404, 404, 404, 404, 404, 404, 404),
    "stranger of another team": (False, 404, 404, 404, 404, 404, 404, 404, 404),
    "admin of another workspace": (False, 404, 404, 404, 404, 404, 404, 404, 404),
    "same name in another workspace": (False, 404, 404, 404, 404, 404, 404, 404, 404),
    "key of another workspace": (False, 404, 404, 404, 404, 404, 404, 404, 404),
    "expired": (None, 401, 401, 401, 401, 401, 401, 401, 401),
    "nobody": (None, 401, 401, 401, 401, 401, 401, 401, 401),
}

GRANTS = {
    "user:ed": "edit",
    "team:editors": "edit",
    "user:dora": "deploy",
    "user:vic": "view",
    "team:readers": "view",
}


async def test_the_table(
    *,
    call: Call,
    token: Callable[..., str],
    create: Callable[..., Awaitable[str]],
    share: Callable[..., Awaitable[Answer]],
    full_key: str,
    foreign_key: str,
    jp_auth_header: dict[str, str],
) -> None:
    alice = token("alice")
    bearers = {
        "owner": alice,
        "admin": token("root", "admin"),
        "key": full_key,
        "edit": token("ed"),
        "edit by team": token("tim", groups=["/org/editors", "/org/others"]),
        "deploy": token("dora"),
        "view": token("vic", "user"),
        "view by team": token("val", "premium", groups=["readers"]),
        "viewer with edit": token("ed", "viewer"),
        "stranger": token("mallory"),
        "stranger of another team": token("mallory", groups=["/editors/others", "user:ed"]),
        "admin of another workspace": token("root", "admin", workspace="elsewhere"),
        "same name in another workspace": token("alice", workspace="elsewhere"),
        "key of another workspace": foreign_key,
        "expired": token("alice", exp=1),
    }
    headers = {name: {"Authorization": f"Bearer {bearer}"} for name, bearer in bearers.items()}
    headers |= {"jupyter": jp_auth_header, "nobody": {}}
    assert headers.keys() == TABLE.keys()
    wrong = []
    for caller, sent in headers.items():
        workflow = await create(alice)
        for subject, permission in GRANTS.items():
            assert (await share(alice, workflow, subject, permission)).status == 200
        path = f"{WORKFLOWS}/{workflow}"
        listed = await call("GET", WORKFLOWS, headers=sent, limit=100)
        found: tuple[Any, ...] = (None if listed.status == 401 else workflow in {row["id"] for row in listed.json},)
        for method, place, body in (
            ("GET", "", None),
            ("GET", "/versions", None),
            ("GET", "/versions/1", None),
            ("PUT", "", {"name": "Changed"}),
            ("POST", "/rollback", {"version": 1}),
            ("POST", "/publish", {}),
        ):
            found += ((await call(method, path + place, headers=sent, body=body)).status,)
        grants = (await call("GET", f"{path}/grants", headers=sent)).status
        found += ((await call("DELETE", path, headers=sent)).status, grants)
        gone = (await call("GET", path, key=alice)).status
        if found != TABLE[caller] or (gone == 404) is not (found[-2] == 200):
            wrong.append((caller, found, gone))
    assert wrong == []


async def test_who_changed_it_is_noted_and_the_owner_stays(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], share: Any
) -> None:
    alice, ed = token("alice"), token("ed")
    workflow = await create(alice)
    await share(alice, workflow, "user:ed", "edit")
    assert (await call("PUT", f"{WORKFLOWS}/{workflow}", key=ed, body={"name": "Ed's"})).status == 200
    seen = (await call("GET", f"{WORKFLOWS}/{workflow}", key=ed)).json
    assert (seen["name"], seen["created_by"], seen["version"]) == ("Ed's", "alice", 2)
    history = (await call("GET", f"{WORKFLOWS}/{workflow}/versions", key=alice)).json
    assert [(entry["version"], entry["created_by"]) for entry in history] == [(2, "ed"), (1, "alice")]


async def test_who_may_see_it_and_do_no_more_is_told_as_the_page_does(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], share: Any
) -> None:
    alice, vic = token("alice"), token("vic")
    path = f"{WORKFLOWS}/{await create(alice)}"
    await share(alice, path.rpartition("/")[2], "user:vic", "view")
    for method, place, body in (
        ("PUT", "", {"name": "x"}),
        ("POST", "/rollback", {"version": 1}),
        ("POST", "/publish", {}),
        ("DELETE", "", None),
    ):
        answer = await call(method, path + place, key=vic, body=body)
        assert (answer.status, answer.json) == (
            403,
            {"error": "forbidden", "message": "Access denied to this workflow", "code": "AUTH_ACCESS_DENIED"},
        )


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
async def test_the_scheme_may_be_written_as_one_likes(scheme: str, call: Call, token: Callable[..., str]) -> None:
    good = {"Authorization": f"{scheme} {token('alice')}"}
    assert (await call("GET", WORKFLOWS, headers=good)).status == 200
    check_refusal(await call("GET", WORKFLOWS, headers={"Authorization": f"{scheme} {token('alice', exp=1)}"}))


async def test_foreign_is_unknown(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], runtime: Any
) -> None:
    alice, mallory = token("alice"), token("mallory")
    workflow, unknown = await create(alice), "wf_" + "0" * 12
    await call("GET", f"{WORKFLOWS}/{workflow}", key=alice)  # from now on it is in memory
    run = {"triggerNodeId": "start", "inputs": {"message": "x"}}
    for method, path, body in [
        ("GET", WORKFLOWS + "/{}", None),
        ("PUT", WORKFLOWS + "/{}", {"name": "x"}),
        ("PUT", WORKFLOWS + "/{}", {"name": 7}),
        ("DELETE", WORKFLOWS + "/{}", None),
        ("GET", WORKFLOWS + "/{}/versions", None),
        ("GET", WORKFLOWS + "/{}/versions/1", None),
        ("GET", WORKFLOWS + "/{}/versions/9", None),
        ("POST", WORKFLOWS + "/{}/rollback", {"version": 1}),
        ("POST", WORKFLOWS + "/{}/rollback", {"version": "x"}),
        ("POST", WORKFLOWS + "/{}/publish", {"version": 9}),
        ("DELETE", WORKFLOWS + "/{}/publish", None),
        ("GET", WORKFLOWS + "/{}/grants", None),
        ("PUT", WORKFLOWS + "/{}/grants/user:mallory", {"permissions": ["edit"]}),
        ("DELETE", WORKFLOWS + "/{}/grants/user:mallory", None),
        ("POST", "/api/run", run),
    ]:
        answers = [
            await call(method, path.format(one), key=mallory, body={**body, "canvasId": one} if body else None)
            for one in (workflow, unknown)
        ]
        assert answers[0].status == 404, (method, path, answers[0].text)
        assert without_date(answers[0]) == without_date(answers[1]), (method, path)
    assert workflow not in (await call("GET", "/api/canvases", key=mallory)).text
    # The same work, too: one look into the store for either, whatever is in memory.
    reads: list[Any] = []
    read = runtime.database.read
    runtime.database.read = lambda work: reads.append(work) or read(work)
    for one in (workflow, unknown):
        await call("GET", f"{WORKFLOWS}/{one}", key=mallory)
    assert len(reads) == 2


async def test_who_asks_comes_before_what_is_sent(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], share: Any
) -> None:
    alice = token("alice")
    workflow = await create(alice)
    await share(alice, workflow, "user:vic", "view")
    path = f"{WORKFLOWS}/{workflow}"
    for key, status in ((alice, 400), (token("vic"), 403), (token("mallory"), 404), (token("alice", exp=1), 401)):
        for raw in (b"{", b'{"nodes": 7}', b""):
            assert (await call("PUT", path, key=key, raw=raw)).status == status
            if raw != b'{"nodes": 7}':
                assert (await call("PUT", f"{path}/grants/user:x", key=key, raw=raw)).status == status


async def test_the_list_pages_over_what_is_ones_own_and_granted(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], share: Any
) -> None:
    alice, bob = token("alice"), token("bob", groups=["/org/desk"])
    theirs = [await create(alice, metadata={"tags": ["a"]}) for _ in range(4)]
    own = await create(bob)
    await share(alice, theirs[1], "user:bob", "view")
    await share(alice, theirs[1], "team:desk", "edit")
    await share(alice, theirs[2], "team:desk", "view")
    wanted = [own, theirs[2], theirs[1]]
    assert [row["id"] for row in (await call("GET", WORKFLOWS, key=bob)).json] == wanted
    pages = [(await call("GET", WORKFLOWS, key=bob, limit=1, offset=n)).json for n in range(4)]
    assert [row["id"] for page in pages for row in page] == wanted
    assert len((await call("GET", WORKFLOWS, key=bob, tag="a")).json) == 2
    canvases = (await call("GET", "/api/canvases", key=bob)).json["canvases"]
    assert [row["id"] for row in canvases] == wanted


# -- grants -------------------------------------------------------------------------------------------------------


async def test_grants_are_given_changed_and_taken_back(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], share: Any
) -> None:
    alice, bob = token("alice"), token("bob")
    workflow = await create(alice)
    path = f"{WORKFLOWS}/{workflow}/grants"
    assert (await call("GET", path, key=alice)).json == {"grants": []}
    given = await share(alice, workflow, "user%3Abob", "deploy", "view", "view")
    assert given.json == {"subject": "user:bob", "permissions": ["view", "deploy"]}
    await share(alice, workflow, "team:%C3%BC%20a%2Fb", "edit")
    assert (await call("GET", path, key=alice)).json["grants"] == [
        {"subject": "team:ü a/b", "permissions": ["edit"]},
        {"subject": "user:bob", "permissions": ["view", "deploy"]},
    ]
    assert (await call("GET", f"{WORKFLOWS}/{workflow}", key=bob)).status == 200
    assert (await share(alice, workflow, "user:bob", "edit")).json["permissions"] == ["edit"]
    assert (await call("PUT", f"{WORKFLOWS}/{workflow}", key=bob, body={"name": "x"})).status == 200
    assert (await call("DELETE", f"{path}/user:bob", key=alice)).json == {"message": "Grant removed"}
    assert (await call("GET", f"{WORKFLOWS}/{workflow}", key=bob)).status == 404
    again = await call("DELETE", f"{path}/user:bob", key=alice)
    assert (again.status, again.json["code"]) == (404, "GRANT_NOT_FOUND")
    assert (await call("DELETE", f"{WORKFLOWS}/{workflow}", key=alice)).status == 200


@pytest.mark.parametrize(
    "subject", ["bob", "group:x", "user:", "team:%20", "user:a%0Ab", "user:" + "a" * 251, "USER:x"]
)
async def test_subjects_that_are_none(
    subject: str, token: Callable[..., str], create: Callable[..., Awaitable[str]], share: Any
) -> None:
    alice = token("alice")
    refused = await share(alice, await create(alice), subject, "view")
    assert (refused.status, refused.json["code"]) == (400, "INVALID_SUBJECT")


@pytest.mark.parametrize("permissions", [[], ["own"], ["admin"], ["view", "x"], ["VIEW"], "view", [1], None])
async def test_permissions_that_are_none(
    permissions: Any, call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]]
) -> None:
    alice = token("alice")
    path = f"{WORKFLOWS}/{await create(alice)}/grants/user:bob"
    refused = await call("PUT", path, key=alice, body={"permissions": permissions})
    assert refused.status == 400
    assert refused.json["code"] in {"INVALID_PERMISSION", "INVALID_WORKFLOW"}
    assert (await call("GET", path.removesuffix("/user:bob"), key=alice)).json == {"grants": []}


async def test_grants_go_with_their_workflow(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], share: Any, runtime: Any
) -> None:
    alice = token("alice")
    workflow, other = await create(alice), await create(alice)
    for one in (workflow, other):
        await share(alice, one, "user:bob", "edit")
    await call("DELETE", f"{WORKFLOWS}/{workflow}", key=alice)
    sql = "SELECT workflow_id FROM builder_grants"
    rows = runtime.portal.wait(runtime.database.read(lambda c: c.execute(sql).fetchall()))
    assert rows == [(other,)]


# -- roles and runs -----------------------------------------------------------------------------------------------


async def test_roles_are_scopes(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], share: Any
) -> None:
    alice = token("alice")
    workflow = await create(alice)
    await share(alice, workflow, "user:bob", "view")
    run = {"canvasId": workflow, "triggerNodeId": "start", "inputs": {"message": "x"}, "sync": True}
    may = {"": (200, 201, 200), "user": (200, 201, 200), "premium": (200, 201, 200), "offline_access": (200, 201, 200),
           "executor": (200, 403, 200), "viewer": (200, 403, 403), "admin": (200, 201, 200)}  # fmt: skip
    for role, expected in may.items():
        bob = token("bob", *filter(None, [role]))
        made = await call("POST", WORKFLOWS, key=bob, body={"name": "x", **START_AGENT_END})
        seen = await call("GET", f"{WORKFLOWS}/{workflow}", key=bob)
        assert (seen.status, made.status, (await call("POST", "/api/run", key=bob, body=run)).status) == expected, role
        keys = await call("POST", "/api/builder/keys", key=bob, body={"name": "x", "scopes": list(Scope)})
        assert keys.status == (201 if role == "admin" else 403), role
        if made.status == 403:
            assert made.json["code"] == "AUTH_ACCESS_DENIED"


async def test_what_people_run_is_their_own(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], *, share: Any, full_key: str
) -> None:
    alice, bob = token("alice"), token("bob")
    workflow = await create(alice)
    run = {"canvasId": workflow, "triggerNodeId": "start", "inputs": {"message": "mine"}, "sync": True}
    assert (await call("POST", "/api/run", key=bob, body=run)).status == 404
    await share(alice, workflow, "user:bob", "view")
    begun = {name: (await call("POST", "/api/run", key=key, body=run)).json["executionId"]
             for name, key in (("alice", alice), ("bob", bob), ("alice again", alice))}  # fmt: skip
    assert begun["alice"] == begun["alice again"], "an equal request is the same run ..."
    assert begun["alice"] != begun["bob"], "... but not somebody else's"
    for key, own, foreign in ((alice, "alice", "bob"), (bob, "bob", "alice")):
        listed = (await call("GET", "/api/builder/executions", key=key)).json
        assert begun[own] in json.dumps(listed)
        assert begun[foreign] not in json.dumps(listed)
        for path in ("", "/events"):
            assert (await call("GET", f"/api/builder/executions/{begun[own]}{path}", key=key)).status == 200
            assert (await call("GET", f"/api/builder/executions/{begun[foreign]}{path}", key=key)).status == 404
    for admin in (full_key, token("root", "admin")):
        listed = json.dumps((await call("GET", "/api/builder/executions", key=admin)).json)
        assert begun["alice"] in listed
        assert begun["bob"] in listed


async def test_a_worker_of_an_ordinary_user_gets_no_steps_of_others(server_url: str, token: Callable[..., str]) -> None:
    url = f"{server_url.replace('http', 'ws', 1)}/api/builder/worker?everything=true"
    headers = {"Authorization": f"Bearer {token()}", "Builder-Worker": "w" * 43}
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(HTTPRequest(url, headers=headers))
    assert refused.value.code == 403


async def test_where_the_database_lies_is_not_for_tokens(call: Call, token: Callable[..., str]) -> None:
    root = token("root", "admin")
    assert (await call("GET", "/api/builder/status", key=root)).json["dataDir"] is None
    for path in ("backup", "purge"):
        assert (await call("POST", f"/api/builder/{path}", key=root, body={"olderThanSeconds": 0})).status == 403
    assert (await call("GET", "/api/verify-key", key=root)).status == 401


# -- who is let in ------------------------------------------------------------------------------------------------


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    head, body, signature = issuer.token().split(".")
    stranger = Issuer(now=time.time())
    return {
        "expired": issuer.token(exp=int(time.time()) - 60),
        "of tomorrow": issuer.token(nbf=int(time.time()) + 86_400),
        "another issuer's": issuer.token(iss="https://elsewhere.example"),
        "for another application": issuer.token(aud="other"),
        "signed by another": stranger.token(),
        "unsigned": f"{encoded({'alg': 'none'})}.{body}.",
        "without a name of a key": issuer.token(header={"kid": None}),
        "with an unknown key": issuer.token(header={"kid": "unknown"}),
        "changed": f"{head}.{encoded(issuer.claims(preferred_username='root', roles=['admin']))}.{signature}",
        "cut": f"{head}.{body}.{signature[:-4]}",
        "huge": issuer.token(more="x" * 30_000),
        "of nobody": issuer.token(preferred_username="", sub=""),
    }


GARBAGE = ("x", "a.b", "a.b.c", "a.b.c.d.e", "", PREFIX, "null", "ü")


@pytest.fixture
def sign_in(call: Call, jp_auth_header: dict[str, str]) -> Callable[[], Awaitable[dict[str, str]]]:
    """Return what a browser sends that has signed in."""

    async def visit() -> dict[str, str]:
        cookies = (await call("GET", "/api/me", headers=jp_auth_header)).cookies
        cookies |= (await call("GET", "/login")).cookies
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return {"Cookie": jar, "X-XSRFToken": cookies["_xsrf"]}

    return visit


async def test_a_bad_token_is_refused_whatever_else_is_shown(
    call: Call, issuer: Issuer, sign_in: Callable[[], Awaitable[dict[str, str]]], *, token: Callable[..., str]
) -> None:
    browser = await sign_in()
    assert (await call("GET", WORKFLOWS, headers=browser)).status == 200
    assert (await call("GET", WORKFLOWS, key=token(), headers=browser)).status == 200
    for name, bad in bad_tokens(issuer).items():
        for sent in ({}, browser):
            answer = await call("GET", WORKFLOWS, key=bad, headers=sent)
            check_refusal(answer)
            assert answer.json == {
                "error": "unauthorized",
                "message": "Invalid or expired token",
                "code": "AUTH_INVALID_TOKEN",
            }, name
    for bad in GARBAGE:
        check_refusal(await call("GET", WORKFLOWS, key=bad, headers=browser))


async def test_every_route_refuses_a_bad_token_and_lets_a_good_one_in(call: Call, token: Callable[..., str]) -> None:
    root = token("root", "admin")
    for method, path in SCOPED:
        check_refusal(await call(method, path, key=token("root", "admin", exp=1)))
        answer = await call(method, path, key=root)
        assert answer.status in {200, 400, 404}, (method, path, answer.text)
    for scheme in ("bearer", "BEARER", "Bearer "):
        good = await call("GET", WORKFLOWS, headers={"Authorization": f"{scheme} {root}"})
        assert good.status == 200


async def test_a_server_without_a_token(call: Call, jp_serverapp: Any, *, issuer: Issuer, token: Any) -> None:
    jp_serverapp.identity_provider.token = ""  # what `--IdentityProvider.token=''` does
    assert (await call("GET", WORKFLOWS)).status == 200, "Jupyter lets everybody in"
    for bad in (*bad_tokens(issuer).values(), *GARBAGE):
        check_refusal(await call("GET", WORKFLOWS, key=bad))
        check_refusal(await call("POST", WORKFLOWS, key=bad, body={"name": "x", **START_AGENT_END}))
    made = await call("POST", WORKFLOWS, key=token("carol"), body={"name": "x", **START_AGENT_END})
    assert (made.status, made.json["created_by"]) == (201, "carol")


@pytest.mark.parametrize("source", [{}])
async def test_without_settings(
    source: dict[str, Any],
    call: Call,
    jp_serverapp: Any,
    *,
    issuer: Issuer,
    jp_auth_header: dict[str, str],
    caplog: Any,
) -> None:
    own = jp_auth_header["Authorization"].split()[1]
    assert (await call("GET", WORKFLOWS, key=own)).status == 200
    good = issuer.token()
    check_refusal(await call("GET", WORKFLOWS, key=good))
    # A server whose own token looks like one.
    jp_serverapp.identity_provider.token = good
    assert (await call("GET", WORKFLOWS, key=good)).status == 200
    check_refusal(await call("GET", WORKFLOWS, key=issuer.token()))
    jp_serverapp.identity_provider.token = ""
    assert (await call("GET", WORKFLOWS)).status == 200
    for bad in (good, *GARBAGE):
        check_refusal(await call("GET", WORKFLOWS, key=bad))


async def test_with_settings_the_servers_own_token_is_no_way_round(
    call: Call, jp_serverapp: Any, issuer: Issuer
) -> None:
    looks_like_one = issuer.token(exp=1)
    jp_serverapp.identity_provider.token = looks_like_one
    check_refusal(await call("GET", WORKFLOWS, key=looks_like_one))


async def test_another_providers_bearers_are_its_own_business(call: Call, jp_serverapp: Any, issuer: Issuer) -> None:
    class Hub(IdentityProvider):
        async def get_user(self, handler: Any) -> User | None:
            return User("hannah") if handler.request.headers.get("Authorization") == "Bearer hubs-own" else None

    hub = Hub(parent=jp_serverapp)
    jp_serverapp.identity_provider = jp_serverapp.web_app.settings["identity_provider"] = hub
    assert (await call("GET", WORKFLOWS, key="hubs-own")).status == 200
    assert (await call("GET", WORKFLOWS, key="unknown")).status == 401
    check_refusal(await call("GET", WORKFLOWS, key=issuer.token(exp=1)))
    assert (await call("GET", WORKFLOWS, key=issuer.token())).status == 200


async def test_other_origins(
    call: Call, token: Callable[..., str], sign_in: Callable[[], Awaitable[dict[str, str]]]
) -> None:
    """A page elsewhere may use a token it was given, never the cookie of whoever looks at it."""
    evil = {"Origin": "https://evil.example"}
    browser = await sign_in()
    assert (
        await call("POST", WORKFLOWS, key=token(), headers=evil, body={"name": "x", **START_AGENT_END})
    ).status == 201
    assert (await call("GET", WORKFLOWS, headers={**browser, **evil})).status == 403
    forged = {"Cookie": browser["Cookie"]}
    answer = await call("POST", WORKFLOWS, headers=forged, body={"name": "x", **START_AGENT_END})
    assert answer.status == 403
    assert (await call("POST", WORKFLOWS, key=token(exp=1), headers=browser, body={})).status == 401


async def test_sockets(
    call: Call, token: Callable[..., str], create: Callable[..., Awaitable[str]], *, server_url: str, issuer: Issuer,
    jp_serverapp: Any,
) -> None:  # fmt: skip
    alice = token("alice")
    run = {"canvasId": await create(alice), "triggerNodeId": "start", "inputs": {"message": "x"}, "sync": True}
    begun = (await call("POST", "/api/run", key=alice, body=run)).json["executionId"]
    url = f"{server_url.replace('http', 'ws', 1)}/api/builder/executions/{begun}/socket"

    def request(bearer: str, **headers: str) -> HTTPRequest:
        return HTTPRequest(url, headers={"Authorization": f"Bearer {bearer}", **headers})

    connection = await websocket_connect(request(alice, Origin="https://evil.example"))
    assert json.loads(await connection.read_message() or "")[0]["seq"] == 1
    while await connection.read_message() is not None:
        """The server closes when the execution is over."""
    connection.close()
    jp_serverapp.identity_provider.token = ""
    for bad, status in [*((bad, 401) for bad in bad_tokens(issuer).values()), (token("bob"), 404)]:
        with pytest.raises(HTTPClientError) as refused:
            await websocket_connect(request(bad))
        assert refused.value.code == status


# -- keys and secrets ---------------------------------------------------------------------------------------------


class TestAddress:
    """Keys from an address."""

    @pytest.fixture
    def served(self, issuer: Issuer) -> Iterator[KeyServer]:
        with key_server() as server:
            server.content = issuer.document()
            yield server

    @pytest.fixture
    def source(self, served: KeyServer) -> dict[str, Any]:
        return {"jwt_jwks_url": served.url, "jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}

    async def test_an_issuer_changes_its_keys_and_dies(
        self, call: Call, served: KeyServer, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jwks, "PAUSE_SECONDS", 0.0)
        assert served.asked == 0, "a dead issuer keeps no server from starting"
        answers = await asyncio.gather(*(call("GET", WORKFLOWS, key=issuer.token()) for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        assert served.asked == 1
        old = issuer.token()
        issuer.rotate(kid="next")
        check_refusal(await call("GET", WORKFLOWS, key=issuer.token()))
        served.content = issuer.document()
        assert (await call("GET", WORKFLOWS, key=issuer.token())).status == 200
        check_refusal(await call("GET", WORKFLOWS, key=old))
        served.status = 500
        assert (await call("GET", WORKFLOWS, key=issuer.token())).status == 200
        check_refusal(await call("GET", WORKFLOWS, key=issuer.token(header={"kid": "unknown"})))
        assert (await call("GET", WORKFLOWS, key=issuer.token())).status == 200


class TestSecret:
    """A secret in the environment, and the command that signs with it."""

    @pytest.fixture
    def source(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setenv(SECRET_VARIABLE, SECRET)
        return {}

    async def test_tokens_of_the_command_line(
        self, call: Call, extension: BuilderApp, *, monkeypatch: pytest.MonkeyPatch, capsys: Any, issuer: Issuer
    ) -> None:
        import os

        assert SECRET_VARIABLE not in os.environ, "kernels would inherit it"
        monkeypatch.setenv(SECRET_VARIABLE, SECRET)

        def issue(*arguments: str) -> str:
            assert cli.main(["token", "issue", *arguments]) == 0
            shown = capsys.readouterr()
            assert shown.out.count("\n") == 1
            assert SECRET not in shown.out + shown.err
            return shown.out.strip()

        made = await call("POST", WORKFLOWS, key=issue("--user", "dave"), body={"name": "x", **START_AGENT_END})
        assert (made.status, made.json["created_by"]) == (201, "dave")
        path = f"{WORKFLOWS}/{made.json['id']}"
        viewer = issue("--user", "dave", "--role", "viewer", "--ttl", "5")
        assert (await call("GET", path, key=viewer)).status == 200
        assert (await call("DELETE", path, key=viewer)).status == 403
        assert (await call("GET", path, key=issue("--user", "erin", "--role", "user"))).status == 404
        assert (await call("GET", path, key=issue("--user", "erin", "--role", "user", "--role", "admin"))).status == 200
        monkeypatch.setenv(SECRET_VARIABLE, SECRET + "!")
        check_refusal(await call("GET", path, key=issue("--user", "dave")))
        check_refusal(await call("GET", path, key=issuer.token()))
        assert SECRET not in repr(extension.runtime.settings if extension.runtime else None)


def bad_settings(tmp_path: Path) -> list[dict[str, Any]]:
    return [
        {"jwt_issuer": ISSUER},
        {"jwt_secret": "short"},
        {"jwt_secret": SECRET, "jwt_jwks_url": "https://issuer.example/certs"},
        {"jwt_jwks_file": str(tmp_path / "missing.json")},
        {"jwt_jwks_url": "https://issuer.example/certs", "jwt_algorithms": ["RS256", "none"]},
        {"jwt_secret": SECRET, "jwt_leeway_seconds": 600},
    ]


class TestBadSettings:
    """Settings that make no sense: one line in the log, and nobody gets in by a token."""

    @pytest.fixture(params=range(len(bad_settings(Path()))))
    def source(self, request: pytest.FixtureRequest, tmp_path: Path, caplog: Any) -> dict[str, Any]:
        caplog.set_level(logging.WARNING)
        return bad_settings(tmp_path)[request.param]

    async def test_they_are_said_once(
        self, call: Call, extension: BuilderApp, caplog: Any, *, issuer: Issuer, jp_auth_header: dict[str, str]
    ) -> None:
        assert extension.problem is not None
        assert extension.problem.code == "JWT_SETTINGS"
        assert SECRET not in str(extension.problem)
        for key in (issuer.token(), "builder_" + "A" * 43):
            answer = await call("GET", WORKFLOWS, key=key)
            assert (answer.status, answer.json["code"]) == (503, "JWT_SETTINGS")
            assert "jwt_" not in answer.json["message"]
        assert (await call("GET", WORKFLOWS)).status == 401
        told = await call("GET", WORKFLOWS, headers=jp_auth_header)
        assert told.status == 503
        assert "jwt_" in told.json["message"]
        assert (await call("GET", "/api/builder/health")).status == 503
