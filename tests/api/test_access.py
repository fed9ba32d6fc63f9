"""Who may call what: every declared route with every kind of credential, judged by what it declares.

One server serves all routes of a test: starting one for each would take longer than asking it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from issuer import hmac_token
from server import Answer, Call

from builder_jupyter.identity.claims import ROLES
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope
from builder_jupyter.rest.app import HANDLERS, BuilderApp, pattern
from builder_jupyter.rest.routing import Access, Route, builder_body, routes_of
from builder_jupyter.services.runtime import Runtime

SLUGS = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}
SAFE = {"GET"}
BAD = {
    "none", "basic", "malformed key", "unknown key", "revoked key", "expired key", "bad key and cookie",
    "expired token", "token of another issuer",
}  # fmt: skip
SECRET = "a secret of more than thirty-two bytes, for tests"


@dataclass(frozen=True)
class Operation:
    """One method of one route."""

    handler: Any
    method: str
    about: Route

    @property
    def path(self) -> str:
        return re.sub(r"{\w+}", "unknown", self.handler.path)

    @property
    def is_builder(self) -> bool:
        return self.handler.family is builder_body

    def __str__(self) -> str:
        return f"{self.method} {self.handler.path}"


def operations() -> Iterator[Operation]:
    for handler in HANDLERS:
        for verb, about in routes_of(handler):
            yield Operation(handler, verb.upper(), about)


OPERATIONS = tuple(operations())
SCOPED = tuple(op for op in OPERATIONS if isinstance(op.about.access, tuple))


def check_shape(answer: Answer, operation: Operation) -> None:
    """Every refusal is JSON in the family's shape; nothing is a page or leads elsewhere."""
    assert "Location" not in answer.headers
    media_type = answer.headers["Content-Type"]
    if answer.status < 400:
        assert media_type.startswith(("application/json", operation.about.stream or "application/json"))
        return
    assert media_type.startswith("application/json"), answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answer.headers) is (answer.status == 401)
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    body = answer.json
    if operation.is_builder:
        assert set(body) - {"details"} == {"error", "message", "code"}
        assert body["error"] == SLUGS[answer.status]
        assert isinstance(body["message"], str)
        assert body["code"].isupper()
    else:
        assert isinstance(body["error"], str)
        assert " " in body["error"], "a sentence, not a slug"


@pytest.fixture
def revoked_key(runtime: Runtime) -> str:
    alice = local_principal("alice")
    key, secret = runtime.portal.wait(runtime.keys.create(alice, "revoked", Scope))
    runtime.portal.wait(runtime.keys.revoke(alice, key.key_id))
    return secret


@pytest.fixture
def expired_key(runtime: Runtime) -> str:
    key, secret = runtime.portal.wait(runtime.keys.create(local_principal("alice"), "old", Scope))
    past = replace(key, expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    runtime.keys._store._keys[key.sha256] = past  # what was good once: the service makes none that is not
    return secret


@pytest.fixture
def sign_in(call: Call, jp_auth_header: dict[str, str]) -> Callable[[], Awaitable[dict[str, str]]]:
    """Return the cookies of a browser that has signed in, the one against forged requests included."""

    async def visit() -> dict[str, str]:
        cookies = (await call("GET", "/api/me", headers=jp_auth_header)).cookies
        page = await call("GET", "/login")  # whoever is signed in already gets no page there, and so no second cookie
        return cookies | page.cookies

    return visit


def jar(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def expected(operation: Operation, credential: str, scopes: frozenset[Scope] = ALL_SCOPES) -> int | None:
    """Return the status with which a credential is refused; None when it is let through."""
    access = operation.about.access
    if access is Access.PUBLIC:
        return None
    if credential in BAD:
        return 401
    if "key" not in credential and operation.path == "/api/verify-key":
        return 401  # the one route that is about keys
    is_forged = credential == "jupyter cookie, forged" and operation.method not in SAFE
    is_at_the_server = credential.startswith("jupyter")
    if access is Access.INTERNAL or is_forged or (access is Access.JUPYTER and not is_at_the_server):
        return 403
    return 403 if isinstance(access, tuple) and not scopes & set(access) else None


def refused(answer: Answer, status: int | None) -> bool:
    """Say whether an answer is the refusal, or without one what those hear who send no body and ask for no known id."""
    return answer.status == status if status else answer.status in {200, 400, 404}


def token(role: str = "user", *, secret: str = SECRET, ttl_seconds: int = 900, **claims: Any) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    said = {"sub": f"user:{role}", "roles": [role], "iat": now, "exp": now + ttl_seconds, **claims}
    return bearer(hmac_token(secret.encode(), said))


@pytest.mark.parametrize("builder_settings", [{"jwt_secret": SECRET}])
@pytest.mark.parametrize("server_settings", [{}, {"allow_unauthenticated_access": False}], ids=["open", "strict"])
async def test_matrix(
    *,
    call: Call,
    make_key: Callable[..., str],
    foreign_key: str,
    revoked_key: str,
    expired_key: str,
    jp_auth_header: dict[str, str],
    sign_in: Callable[[], Awaitable[dict[str, str]]],
    server_settings: dict[str, Any],
) -> None:
    cookies = await sign_in()
    signed_in = {"Cookie": jar(cookies), "X-XSRFToken": cookies["_xsrf"]}
    headers = {
        "none": {},
        "basic": {"Authorization": "Basic YWxpY2U6c2VjcmV0"},
        "malformed key": bearer("builder_"),
        "unknown key": bearer("builder_" + "A" * 43),
        "revoked key": bearer(revoked_key),
        "expired key": bearer(expired_key),
        "bad key and cookie": bearer("builder_unknown") | signed_in,
        "foreign key": bearer(foreign_key),
        "jupyter token": jp_auth_header,
        "jupyter token as bearer": bearer(jp_auth_header["Authorization"].split()[1]),
        "jupyter cookie, forged": {"Cookie": jar(cookies)},
        "jupyter cookie": signed_in,
        "expired token": token(ttl_seconds=-3600),
        "token of another issuer": token(secret="another " + SECRET),
        "token from elsewhere": token("admin", workspace="elsewhere"),
    }
    callers = {name: (sent, ALL_SCOPES) for name, sent in headers.items()}
    if "allow_unauthenticated_access" not in server_settings:  # which has nothing to do with scopes
        callers |= {f"key of {scope}": (bearer(make_key(scope)), frozenset({scope})) for scope in Scope}
        callers |= {f"token of a {role}": (token(role), scopes) for role, scopes in ROLES.items()}
    wrong = []
    for operation in OPERATIONS:
        asked = (call(operation.method, operation.path, headers=sent) for sent, _ in callers.values())
        answers = await asyncio.gather(*asked)
        for (credential, (_, scopes)), answer in zip(callers.items(), answers, strict=True):
            check_shape(answer, operation)
            if not refused(answer, expected(operation, credential, scopes)):
                wrong.append((str(operation), credential, answer.status, answer.text))
    assert wrong == []


def test_each_method_says_who_may_call_it() -> None:
    """The matrix is made of these: a method that declares nothing would be missing from it."""
    for handler in HANDLERS:
        ours = [vars(base) for base in handler.__mro__ if base.__module__.startswith("builder_jupyter")]
        own = {verb for verb in ("get", "post", "put", "patch", "delete") if any(verb in base for base in ours)}
        assert own == {verb for verb, _ in routes_of(handler)}, handler
        assert all(about.access for _, about in routes_of(handler)), "no scope at all would let nobody in"


async def test_a_bad_key_is_refused_where_nobody_needs_a_credential(
    call: Call, jp_serverapp: Any, extension: BuilderApp
) -> None:
    jp_serverapp.identity_provider.token = ""  # what `--IdentityProvider.token=''` does
    for operation in SCOPED:
        bad = await call(operation.method, operation.path, key="builder_unknown")
        assert bad.status == 401, operation
        check_shape(bad, operation)
        if operation.method in SAFE:
            assert refused(await call(operation.method, operation.path), None), operation


async def test_the_servers_authorizer_is_asked_about_its_users(
    call: Call, jp_serverapp: Any, *, full_key: str, jp_auth_header: dict[str, str]
) -> None:
    asked: list[tuple[str, str]] = []

    def refuse(handler: Any, user: Any, action: str, resource: str) -> bool:
        asked.append((action, resource))
        return False

    jp_serverapp.authorizer.is_authorized = refuse
    for operation in SCOPED:
        asked.clear()
        answer = await call(operation.method, operation.path, headers=jp_auth_header)
        assert answer.status == 403, operation
        check_shape(answer, operation)
        action = {"GET": "read", "POST": "execute", "PUT": "write", "DELETE": "write"}[operation.method]
        assert asked == [(action, "builder")], operation
        # A key is no user of the server.
        assert refused(await call(operation.method, operation.path, key=full_key), None), operation


async def test_other_origins(call: Call, full_key: str, sign_in: Callable[[], Awaitable[dict[str, str]]]) -> None:
    """A page elsewhere may use a key it was given, never the cookie of whoever looks at it."""
    cookies = await sign_in()
    evil = {"Origin": "https://evil.example"}
    for operation in OPERATIONS:
        keyed = await call(operation.method, operation.path, key=full_key, headers=evil)
        assert refused(keyed, expected(operation, "full key")), operation
        if operation.about.access is Access.PUBLIC:
            continue
        browser = {**evil, "Cookie": jar(cookies), "X-XSRFToken": cookies["_xsrf"]}
        answer = await call(operation.method, operation.path, headers=browser)
        assert answer.status == 403, (operation, answer.text)
        check_shape(answer, operation)


async def test_other_hosts(call: Call, full_key: str) -> None:
    """A name that somebody points at this machine is not this machine."""
    for operation in OPERATIONS:
        answer = await call(operation.method, operation.path, key=full_key, headers={"Host": "evil.example"})
        assert answer.status == 403, operation
        check_shape(answer, operation)


async def test_what_a_route_does_not_have(call: Call, full_key: str) -> None:
    for operation in OPERATIONS:
        has = {verb.upper() for verb, _ in routes_of(operation.handler)}
        for method in ({"GET", "POST", "PUT", "PATCH", "DELETE"} - has) | {"BREW"}:
            answer = await call(method, operation.path, key=full_key)
            assert answer.status == 405, operation
            assert {name.strip() for name in answer.headers["Allow"].split(",")} == has
            check_shape(answer, operation)
        head = await call("HEAD", operation.path, key=full_key)
        assert (head.status, head.text) == (405, ""), operation


async def test_preflight(call: Call, full_key: str) -> None:
    for operation in OPERATIONS:
        for sent in ({}, bearer(full_key)):
            answer = await call("OPTIONS", operation.path, headers=sent)
            # Browsers ask before requests, not before sockets.
            status = 405 if operation.about.stream == "websocket" else 200
            assert answer.status == status, (operation, answer.text)
            assert status == 405 or answer.text == ""


@pytest.mark.parametrize("server_settings", [{"allow_origin": "https://app.example"}])
async def test_pages_of_an_allowed_origin(call: Call, full_key: str) -> None:
    sent = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
    sent["Access-Control-Request-Headers"] = "authorization, content-type, if-match"
    answer = await call("OPTIONS", "/api/builder/workflows/wf_0", headers=sent)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert allowed >= {"authorization", "content-type", "if-match", "idempotency-key", "x-trigger-type"}
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    found = await call("GET", "/api/builder/workflows", key=full_key, headers={"Origin": "https://app.example"})
    assert (found.status, found.headers["Access-Control-Allow-Origin"]) == (200, "https://app.example")
    assert "ETag" in found.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/workflows/", "/workflows/a/b", "/health/", "/executions/x/", "/..%2fworkflows"]
)
async def test_unknown_paths(path: str, call: Call, full_key: str) -> None:
    for key in (None, full_key):
        for method in ("GET", "POST", "DELETE"):
            answer = await call(method, f"/api/builder{path}", key=key)
            assert answer.status == 404
            assert answer.json["error"] == "not_found"
            assert set(answer.json) == {"error", "message", "code"}


def rules(router: Any) -> Iterator[tuple[str, str]]:
    """Yield pattern and handler's module of everything that a server answers, without its host rules."""
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from rules(rule.target)
        else:
            yield rule.matcher.regex.pattern.removesuffix("$"), rule.target.__module__


@pytest.mark.parametrize("server_settings", [{"jpserver_extensions": {"builder_jupyter": True, "jupyterlab": True}}])
async def test_no_url_of_jupyter_is_ours(jp_serverapp: Any, extension: BuilderApp) -> None:
    theirs = {url for url, module in rules(jp_serverapp.web_app.default_router) if "builder_jupyter" not in module}
    assert any("api/contents" in url for url in theirs)
    assert any("/lab/" in url for url in theirs)
    ours = [pattern(handler.path) for handler in HANDLERS] + [r"/api/builder(?:/.*)?"]
    # Ours come first, so they must not take what is theirs: their patterns as paths, each group filled in ...
    group = re.compile(r"\((?:\?P<\w+>|\?:)?[^()]*\)[?*+]?")
    for url in theirs:
        path = url
        while group.search(path):
            path = group.sub("x", path)
        path = re.sub(r"\\(.)|[?]", r"\1", path)
        assert [mine for mine in ours if re.fullmatch(mine, path)] == [], url
    # ... and what is ours is meant for nobody else: only their catch-alls would take it.
    catch_alls = {url for url in theirs if re.fullmatch(url, "/no/such/thing/") or re.fullmatch(url, "/no/such/thing")}
    for operation in OPERATIONS:
        assert [url for url in theirs - catch_alls if re.fullmatch(url, operation.path)] == []
