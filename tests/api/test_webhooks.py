"""Webhooks over a real server: who may register them, what may arrive and how, and what of it is kept."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from receiver import Receiver
from server import BASE_URLS, Answer, Call

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import Unauthenticated, Unavailable
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import CredentialKind, Principal, local_principal
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.identity.webhooks import sign
from builder_jupyter.rest.app import BuilderApp
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.services.webhooks import Arrival
from builder_jupyter.storage.cipher import KEY_FILE

CANVAS: dict[str, Any] = {
    "dialect": "direct",
    "nodes": [
        {"clientId": "event", "type": "webhook-trigger"},
        {"clientId": "other", "type": "webhook-trigger"},
        {"clientId": "topic", "type": "prompt-trigger"},
        {"clientId": "writer", "type": "text-gen", "data": {}},
    ],
    "edges": [{"source": "event", "target": "writer", "sourcePort": "body-out", "targetPort": "prompt-in"}],
}
ME = local_principal("alice")
REGISTER = "/api/mcp/webhooks/register"
TRIGGER = "/webhook/trigger"
MULTIPART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--'
Register = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def canvas(runtime: Runtime) -> str:
    work = runtime.workflows.create(local_principal("alice"), Workflow.from_dict({"name": "Events", **CANVAS}))
    return runtime.portal.wait(work).id


@pytest.fixture
def register(call: Call, full_key: str, canvas: str) -> Register:
    async def made(node: str = "event", **about: Any) -> dict[str, Any]:
        answer = await call("POST", REGISTER, key=full_key, body={"canvasId": canvas, "triggerNodeId": node, **about})
        assert answer.status == 200, answer.text
        return answer.json

    return made


@pytest.fixture
def finished(call: Call, full_key: str) -> Callable[[Answer], Awaitable[dict[str, Any]]]:
    """Return the picture of the run that an answer tells of, once it is over."""

    async def wait(answer: Answer) -> dict[str, Any]:
        assert answer.status == 202, answer.text
        async with asyncio.timeout(30):
            while True:
                found = (
                    await call("GET", "/api/executions", key=full_key, executionId=answer.json["executionId"])
                ).json
                if found["status"] in {"completed", "error", "cancelled"}:
                    return found
                await asyncio.sleep(0.01)

    return wait


def outputs(picture: dict[str, Any], node: str = "event") -> dict[str, Any]:
    (step,) = [step for step in picture["steps"] if step["stepId"] == node]
    return {port: value["value"] for port, value in step["outputs"].items()}


def everything_in(folder: str) -> bytes:
    return b"".join(path.read_bytes() for path in Path(folder).rglob("*") if path.is_file())


# -- registration ------------------------------------------------------------------------------------------------


async def test_register_again_rotate_and_revoke(call: Call, register: Register, full_key: str, canvas: str) -> None:
    first = await register()
    assert first["created"] is True
    assert first["triggerNodeId"] == "event"
    assert first["webhookUrl"].endswith(TRIGGER)
    assert first["webhookSecret"].startswith("whsec_")
    assert len(first["webhookSecret"]) == 6 + 43
    assert first["webhookAuthorizationHeader"] == f"Bearer {first['webhookSecret']}"
    assert await register() == first | {"created": False}
    other = await register("other")
    assert other["webhookSecret"] != first["webhookSecret"]

    async def opens(made: dict[str, Any]) -> int:
        return (await call("POST", TRIGGER, key=made["webhookSecret"])).status

    assert await opens(first) == 202
    second = await register(rotate=True)
    assert second["created"] is True
    assert (await opens(first), await opens(second)) == (404, 202)
    query = {"canvasId": canvas, "triggerNodeId": "event"}
    third = (await call("POST", REGISTER, key=full_key, body=query, rotate="true")).json
    assert third["webhookSecret"] != second["webhookSecret"]
    assert (await call("DELETE", f"/api/builder/workflows/{canvas}/webhooks/event", key=full_key)).status == 200
    assert (await opens(third), await opens(other)) == (404, 202)
    again = await call("DELETE", f"/api/builder/workflows/{canvas}/webhooks/event", key=full_key)
    assert (again.status, again.json["code"]) == (404, "WEBHOOK_NOT_FOUND")
    assert (await register())["created"] is True


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"triggerNodeId": "nobody"}, 404, "node_not_found"),
        ({"triggerNodeId": "topic"}, 400, "not_a_webhook_trigger"),
        ({"canvasId": "wf_000000000000"}, 404, "workflow_not_found"),
        ({"canvasId": ""}, 400, "invalid_request"),
        ({"triggerNodeId": None}, 400, "invalid_request"),
        ({"rotate": "yes"}, 400, "invalid_request"),
    ],
)
async def test_what_cannot_be_registered(
    change: dict[str, Any], status: int, code: str, *, call: Call, full_key: str, canvas: str
) -> None:
    body = {"canvasId": canvas, "triggerNodeId": "event", **change}
    answer = await call("POST", REGISTER, key=full_key, body=body)
    assert (answer.status, answer.json["code"]) == (status, code)


async def test_who_may_register(
    call: Call, register: Register, make_key: Callable[..., str], foreign_key: str, runtime: Runtime, canvas: str
) -> None:
    await register()
    body = {"canvasId": canvas, "triggerNodeId": "event"}
    missing = await call("POST", REGISTER, key=make_key(Scope.READ_CANVASES, Scope.RUN_WORKFLOWS), body=body)
    assert (missing.status, missing.json["requiredScopes"]) == (403, ["write:canvas"])
    assert (await call("POST", REGISTER, key=make_key(Scope.WRITE_CANVAS), body=body)).status == 200
    assert (await call("POST", REGISTER, key=foreign_key, body=body)).status == 404
    assert (await call("DELETE", f"/api/builder/workflows/{canvas}/webhooks/event", key=foreign_key)).status == 404
    assert (await call("GET", "/api/builder/webhooks", key=foreign_key)).json == {"webhooks": []}
    assert (await call("GET", "/api/builder/webhooks", key=foreign_key, workflow_id=canvas)).status == 404

    # Whoever may only see the canvas sees the address and no secret.
    bob = Principal("bob", "default", frozenset(Scope), CredentialKind.JWT)
    owner = replace(bob, name="alice", is_admin=True)
    ask = runtime.portal.wait
    ask(runtime.access.grant(owner, canvas, "user:bob", ["view"]))
    (seen,) = ask(runtime.webhooks.list(bob, canvas))
    assert "whsec_" not in json.dumps(seen)
    assert seen["webhookUrl"].endswith(TRIGGER)
    for work in (runtime.webhooks.register(bob, canvas, "event"), runtime.webhooks.revoke(bob, canvas, "event")):
        with pytest.raises(Exception, match="Access denied"):
            ask(work)
    ask(runtime.access.grant(owner, canvas, "user:bob", ["edit"]))
    assert ask(runtime.webhooks.register(bob, canvas, "event"))["created"] is False
    assert ask(runtime.webhooks.list(replace(bob, name="eve"))) == []


async def test_the_secret_is_nowhere_in_the_open(
    call: Call, register: Register, finished: Any, extension: BuilderApp, *, builder_log: pytest.LogCaptureFixture
) -> None:
    made = await register()
    secret = made["webhookSecret"]
    headers = {"X-Webhook-Secret": secret, "Authorization": f"Bearer {secret}", "Cookie": "a=hidden-cookie",
               "Proxy-Authorization": "hidden-proxy", "X-Event": "shown"}  # fmt: skip
    picture = await finished(await call("POST", TRIGGER, headers=headers))
    assert outputs(picture)["context-out"]["headers"]["x-event"] == "shown"
    refused = await call("POST", TRIGGER, key=secret, secret=secret)
    assert refused.status == 400
    extension.require_runtime().stop()
    content = everything_in(extension.data_dir)
    assert b"shown" in content
    for hidden in (secret, "hidden-cookie", "hidden-proxy"):
        assert hidden.encode() not in content
        assert hidden not in builder_log.text
        assert hidden not in json.dumps(picture)


async def test_deleting_a_canvas_closes_its_webhooks(
    call: Call, register: Register, full_key: str, canvas: str
) -> None:
    made = await register()
    assert (await call("DELETE", f"/api/builder/workflows/{canvas}", key=full_key)).status == 200
    assert (await call("POST", TRIGGER, key=made["webhookSecret"])).status == 404


async def test_a_canvas_without_the_node(call: Call, register: Register, full_key: str, canvas: str) -> None:
    made = await register()
    nodes = [node for node in CANVAS["nodes"] if node["clientId"] != "event"]
    changed = await call("PUT", f"/api/builder/workflows/{canvas}", key=full_key, body={"nodes": nodes, "edges": []})
    assert changed.status == 200, changed.text
    answer = await call("POST", TRIGGER, key=made["webhookSecret"])
    assert (answer.status, answer.json["code"]) == (404, "node_not_found")


@pytest.mark.parametrize("jp_base_url", BASE_URLS.values(), ids=BASE_URLS)
async def test_the_address_honours_the_base_url(call: Call, register: Register, server_url: str) -> None:
    made = await register()
    assert made["webhookUrl"] == f"{server_url}{TRIGGER}"
    assert (await call("POST", TRIGGER, key=made["webhookSecret"])).status == 202


@pytest.mark.parametrize("builder_settings", [{"public_url": "https://hub.example/user/me/"}])
async def test_a_public_address_is_told_where_there_is_one(call: Call, register: Register, full_key: str) -> None:
    url = "https://hub.example/user/me/webhook/trigger"
    assert (await register())["webhookUrl"] == url
    (seen,) = (await call("GET", "/api/builder/webhooks", key=full_key)).json["webhooks"]
    assert seen["webhookUrl"] == url


# -- secrets that are sent ---------------------------------------------------------------------------------------


async def test_how_a_secret_is_sent(call: Call, register: Register) -> None:
    secret = (await register())["webhookSecret"]
    own, bearer = {"X-Webhook-Secret": secret}, {"Authorization": f"Bearer {secret}"}
    for headers in (
        own,
        bearer,
        own | bearer,
        {"authorization": f"bearer {secret}"},
        own | {"Authorization": "Basic eA=="},
    ):
        assert (await call("POST", TRIGGER, headers=headers)).status == 202, headers
    for headers, code in (
        ({}, "secret_required"),
        ({"Authorization": "Basic eA=="}, "secret_required"),
        ({"X-Webhook-Secret": ""}, "secret_required"),
        (own | {"Authorization": "Bearer whsec_other"}, "two_secrets"),
    ):
        answer = await call("POST", TRIGGER, headers=headers)
        assert (answer.status, answer.json["code"]) == (400, code), headers
    for unknown in ("whsec_" + "A" * 43, "x", secret[:-1], secret + "x", secret.upper()):
        answer = await call("POST", TRIGGER, key=unknown)
        assert (answer.status, answer.json["code"]) == (404, "webhook_not_found")


async def test_a_secret_in_the_address_is_refused_whatever_else_is_sent(call: Call, register: Register) -> None:
    secret = (await register())["webhookSecret"]
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for query in ("?secret=", f"?secret={secret}", f"?a=1&secret={secret}&secret=x", "?secret", "?%73ecret=x"):
            answer = await call(method, TRIGGER + query, key=secret)
            assert (answer.status, answer.json["code"]) == (400, "secret_in_url"), query


async def test_no_other_credential_opens_it_and_it_opens_nothing_else(
    call: Call, register: Register, full_key: str, jp_auth_header: dict[str, str], *, canvas: str
) -> None:
    secret = (await register())["webhookSecret"]
    assert (await call("POST", TRIGGER, key=full_key)).status == 404
    assert (await call("POST", TRIGGER, headers=jp_auth_header)).status == 400
    for path in ("/api/canvases", "/api/builder/workflows", f"/api/builder/workflows/{canvas}"):
        assert (await call("GET", path, key=secret)).status == 401
    # Pages elsewhere may send events; other hosts are not this one.
    sent = {"Origin": "https://shop.example", "X-Webhook-Secret": secret}
    answer = await call("POST", TRIGGER, headers=sent)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (202, "*")
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert (await call("POST", TRIGGER, headers={"X-Webhook-Secret": secret, "Host": "evil.example"})).status == 403


async def test_preflight(call: Call) -> None:
    answer = await call("OPTIONS", TRIGGER, headers={"Origin": "https://x.example"})
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE"
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert allowed == "Authorization, Content-Type, X-Webhook-Secret, Idempotency-Key"


# -- what arrives ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media_type", "raw", "inputs", "text"),
    [
        ("application/json", b'{"a": {"b": [1, null]}}', {"a": {"b": [1, None]}}, '{"a": {"b": [1, null]}}'),
        ("application/json; charset=utf-8", '{"é": "ü"}'.encode(), {"é": "ü"}, '{"é": "ü"}'),
        ("application/cloudevents+json", b'{"a":1}', {"a": 1}, '{"a": 1}'),
        ("application/json", b"[1, 2]", {"body": [1, 2]}, "[1, 2]"),
        ("application/json", b'"x"', {"body": "x"}, "x"),
        ("application/json", b"null", {"body": None}, "null"),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y&b=%C3%A9&c=", {"a": "1", "b": ["x y", "é"], "c": ""}, None),
        ("text/plain", "hello é".encode(), {"body": "hello é"}, "hello é"),
        ("text/plain; charset=latin-1", "é".encode("latin-1"), {"body": "é"}, "é"),
        ("text/plain", b'{"a": 1}', {"body": '{"a": 1}'}, '{"a": 1}'),
        ("image/png", b"", {}, "{}"),
        (None, b"", {}, "{}"),
    ],
)  # fmt: skip
async def test_bodies(
    media_type: str | None, raw: bytes, inputs: Any, text: str | None, *, call: Call, register: Register, finished: Any
) -> None:
    headers = {"X-Webhook-Secret": (await register())["webhookSecret"]}
    if media_type is not None:
        headers["Content-Type"] = media_type
    picture = await finished(await call("POST", TRIGGER, raw=raw, headers=headers))
    assert picture["inputs"] == inputs
    assert picture["triggerType"] == "webhook"
    assert picture["triggerNodeId"] == "event"
    shown = outputs(picture)
    assert shown["body-out"] == (json.dumps(inputs, ensure_ascii=False) if text is None else text)
    assert shown["context-out"]["inputs"] == inputs
    assert picture["steps"][1]["outputs"]["text-out"]["value"] == f"About: {shown['body-out']}"


@pytest.mark.parametrize(
    ("headers", "raw", "status"),
    [
        ({"Content-Type": "application/xml"}, b"<a/>", 415),
        ({"Content-Type": "application/octet-stream"}, b"x", 415),
        ({"Content-Type": "text/html"}, b"x", 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, MULTIPART, 415),
        ({"Content-Type": ""}, b"x", 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"\x1f\x8b", 415),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"\xff", 400),
        ({"Content-Type": "application/json"}, b"NaN", 400),
        ({"Content-Type": "application/json"}, b"[" * 5000 + b"]" * 5000, 400),
        ({"Content-Type": "text/plain"}, b"\xff", 400),
        ({"Content-Type": "text/plain; charset=nonsense"}, b"x", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=%FF", 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&" * 1001, 400),
        ({"Content-Type": "text/plain"}, b"x" * (1024 * 1024 + 1), 413),
        ({"Content-Type": "image/png"}, b"x" * (1024 * 1024 + 1), 413),
    ],
)  # fmt: skip
async def test_bodies_that_are_not_read(
    headers: dict[str, str], raw: bytes, status: int, *, call: Call, register: Register, full_key: str
) -> None:
    secret = {"X-Webhook-Secret": (await register())["webhookSecret"]}
    answer = await call("POST", TRIGGER, raw=raw, headers=headers | secret)
    assert answer.status == status, answer.text
    assert isinstance(answer.json["error"], str)
    assert (await call("GET", "/api/builder/executions", key=full_key)).json["executions"] == []


async def test_a_body_at_the_limit(call: Call, register: Register) -> None:
    sent = {"X-Webhook-Secret": (await register("other"))["webhookSecret"], "Content-Type": "text/plain"}
    assert (await call("POST", TRIGGER, raw=b"x" * 1024 * 1024, headers=sent)).status == 202


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_is_an_event(
    method: str, call: Call, register: Register, finished: Any, server_url: str
) -> None:
    sent = {"X-Webhook-Secret": (await register())["webhookSecret"], "X-GitHub-Event": "push"}
    query = urlencode([("a", "1"), ("b", "x"), ("b", "ü")])
    path = f"{TRIGGER}?{query}"
    picture = await finished(await call(method, path, headers=sent))
    about = outputs(picture)["context-out"]
    assert set(about) == {"method", "url", "headers", "query", "body", "inputs", "receivedAt"}
    assert (about["method"], about["url"]) == (method, server_url + path)
    assert about["query"] == {"a": "1", "b": ["x", "ü"]}
    assert about["headers"]["x-github-event"] == "push"
    assert not {"authorization", "x-webhook-secret", "cookie", "proxy-authorization"} & set(about["headers"])
    assert (about["body"], about["inputs"]) == ({}, {})
    assert abs(about["receivedAt"] - time.time() * 1000) < 3_600_000


async def test_when_a_webhook_was_last_triggered(
    call: Call, register: Register, full_key: str, canvas: str, finished: Any
) -> None:
    made = await register()

    async def seen() -> dict[str, Any]:
        (found,) = (await call("GET", "/api/builder/webhooks", key=full_key, workflow_id=canvas)).json["webhooks"]
        return found

    before = await seen()
    assert (before["status"], before["lastTriggeredAt"], before["lastExecutionId"]) == ("ready", None, None)
    sent = {"Authorization": made["webhookAuthorizationHeader"], "Content-Type": "image/png"}
    assert (await call("POST", TRIGGER, headers=sent, raw=b"x")).status == 415
    assert await seen() == before, "nothing began"
    sent = {"Authorization": made["webhookAuthorizationHeader"], "Idempotency-Key": "once"}
    began = await call("POST", TRIGGER, headers=sent)
    after = await seen()
    assert (after["status"], after["lastExecutionId"]) == ("triggered", began.json["executionId"])
    assert after["lastTriggeredAt"] > 0
    assert (await call("POST", TRIGGER, headers=sent)).headers["X-Idempotent-Replay"] == "true"
    assert await seen() == after
    stored = await call("GET", f"/api/builder/workflows/{canvas}", key=full_key)
    assert stored.json["version"] == 1, "a call is no edit"
    await finished(began)


async def test_equal_events_are_two_runs_unless_they_have_one_key(call: Call, register: Register) -> None:
    sent = {"X-Webhook-Secret": (await register())["webhookSecret"], "Content-Type": "application/json"}

    async def send(raw: bytes = b'{"a": 1}', **more: str) -> Answer:
        return await call("POST", TRIGGER, raw=raw, headers=sent | {k.replace("_", "-"): v for k, v in more.items()})

    first, second = await send(), await send()
    assert first.json["executionId"] != second.json["executionId"]
    keyed = await send(Idempotency_Key="k")
    again = await send(Idempotency_Key="k")
    assert again.json == keyed.json
    assert ("X-Idempotent-Replay" in keyed.headers, again.headers["X-Idempotent-Replay"]) == (False, "true")
    other = await send(b'{"a": 2}', Idempotency_Key="k")
    assert (other.status, other.json["code"]) == (409, "idempotency_conflict")
    assert (await send(Idempotency_Key="auto:x")).status == 400


async def test_the_published_version_runs(
    call: Call, register: Register, full_key: str, canvas: str, finished: Any
) -> None:
    made = await register()
    assert (await call("POST", f"/api/builder/workflows/{canvas}/publish", key=full_key, body={})).status == 200
    body = {"nodes": [{"clientId": "event", "type": "webhook-trigger"}], "edges": []}
    assert (await call("PUT", f"/api/builder/workflows/{canvas}", key=full_key, body=body)).status == 200
    picture = await finished(await call("POST", TRIGGER, key=made["webhookSecret"]))
    assert picture["workflowVersion"] == 1


async def test_a_replay_has_the_event_that_began_the_first_run(
    call: Call, register: Register, full_key: str, finished: Any
) -> None:
    sent = {"X-Webhook-Secret": (await register())["webhookSecret"], "X-Event": "e", "Content-Type": "application/json"}
    first = await finished(await call("POST", TRIGGER, raw=b'{"a": 1}', headers=sent, q="1"))
    path = f"/api/builder/executions/{first['executionId']}/replay"
    again = await finished(await call("POST", path, key=full_key, body={}))
    assert outputs(again) == outputs(first)
    fork = await finished(await call("POST", path, key=full_key, body={"inputs": {"a": 2}}))
    assert outputs(fork)["body-out"] == '{"a": 2}'
    assert outputs(fork)["context-out"] == outputs(first)["context-out"] | {"body": {"a": 2}, "inputs": {"a": 2}}


# -- signatures --------------------------------------------------------------------------------------------------


def signed(secret: str, raw: bytes, at: float | None = None) -> dict[str, str]:
    """Made from the published words alone: HMAC-SHA256 over ``t.body``."""
    t = str(int(time.time() if at is None else at))
    code = hmac.new(secret.encode(), f"{t}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"X-BuilderStudio-Signature": f"t={t},v1={code}"}


async def test_signatures(call: Call, register: Register) -> None:
    made = await register(requireSignature=True)
    assert made["requireSignature"] is True
    assert (await register())["requireSignature"] is True, "it stays until somebody says otherwise"
    secret = made["webhookSecret"]
    raw = b'{"a": 1}'

    async def send(extra: dict[str, str], body: bytes = raw) -> tuple[int, str | None]:
        sent = {"X-Webhook-Secret": secret, "Content-Type": "application/json"} | extra
        answer = await call("POST", TRIGGER, raw=body, headers=sent)
        if answer.status == 401:
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        return answer.status, answer.json.get("code")

    now = time.time()
    good = signed(secret, raw)
    assert await send({}) == (401, "signature_required")
    for bad in ("", "x", "t=1", "v1=00", "t=x,v1=" + "0" * 64, f"t={int(now)},v1=" + "0" * 64):
        assert await send({"X-BuilderStudio-Signature": bad}) == (401, "signature_invalid"), bad
    assert await send(good, b'{"a": 2}') == (401, "signature_invalid")
    assert await send(signed("whsec_other", raw)) == (401, "signature_invalid")
    assert await send(signed(secret, raw, now - 400)) == (401, "signature_expired")
    assert await send(signed(secret, raw, now + 400)) == (401, "signature_expired")
    assert (await send(good))[0] == 202
    assert await send(good) == (401, "signature_used")
    keyed = signed(secret, raw, now - 1)
    assert (await send(keyed | {"Idempotency-Key": "k"}))[0] == 202
    assert await send(keyed | {"Idempotency-Key": "k"}) == (401, "signature_used")
    assert (await send(signed(secret, raw, now - 2) | {"Idempotency-Key": "k"}))[0] == 202, "the same run, told again"
    secret = (await register(rotate=True))["webhookSecret"]
    assert await send({}) == (401, "signature_required")
    await register(requireSignature=False)
    assert (await send({}))[0] == 202


async def test_of_equal_signed_events_at_once_one_counts(call: Call, register: Register, full_key: str) -> None:
    secret = (await register(requireSignature=True))["webhookSecret"]
    sent = {"X-Webhook-Secret": secret} | signed(secret, b"")
    answers = await asyncio.gather(*(call("POST", TRIGGER, headers=sent) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [202] + [401] * 19
    assert len((await call("GET", "/api/builder/executions", key=full_key)).json["executions"]) == 1


# -- callbacks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/", "https://127.0.0.1/", "https://localhost/", "https://10.0.0.1/", "https://a:b@hooks.example/",
        "https://hooks.example/#x", "https://169.254.169.254/", "https://metadata.google.internal/", "nonsense", "",
        "https://2130706433/", "https://[::1]/", "https://1.1.1.1:22/",
    ],
)  # fmt: skip
async def test_callback_addresses_that_are_refused(
    url: str, call: Call, register: Register, full_key: str, canvas: str
) -> None:
    run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"prompt": "x"}, "callbackUrl": url}
    sent = {"X-Webhook-Secret": (await register())["webhookSecret"], "Content-Type": "application/json"}
    for answer in (
        await call("POST", "/api/run", key=full_key, body=run),
        await call("POST", TRIGGER, headers=sent, body={"callbackUrl": url}),
    ):
        assert answer.status == 400, answer.text
        assert answer.json["details"][0]["field"] == "callbackUrl"
    assert (await call("POST", TRIGGER, headers=sent, body={"callbackUrl": 1})).status == 400
    assert (await call("GET", "/api/builder/executions", key=full_key)).json["executions"] == []


@pytest.mark.parametrize("builder_settings", [{"outbound_loopback": True}])
async def test_outcomes_are_sent(call: Call, register: Register, full_key: str, canvas: str, finished: Any) -> None:
    made = await register()
    with Receiver() as receiver:
        sent = {"X-Webhook-Secret": made["webhookSecret"], "Content-Type": "application/json"}
        began = await call("POST", TRIGGER, headers=sent, body={"a": 1, "callbackUrl": receiver.url("/hook")})
        picture = await finished(began)
        assert picture["inputs"] == {"a": 1, "callbackUrl": receiver.url("/hook")}
        (got,) = await asyncio.to_thread(receiver.wait)
        assert (got.method, got.path) == ("POST", "/hook")
        assert got.headers["content-type"] == "application/json; charset=utf-8"
        assert got.headers["user-agent"] == "BuilderStudio-Callback/1"
        assert got.headers["x-builderstudio-event"] == got.json["event"] == "execution.completed"
        assert got.headers["x-builderstudio-delivery"] == got.json["deliveryId"]
        assert got.json["attempt"] == 1
        t = got.headers["x-builderstudio-timestamp"]
        assert (
            got.headers["x-builderstudio-signature"]
            == signed(made["webhookSecret"], got.body, float(t))["X-BuilderStudio-Signature"]
        )
        assert got.json["sentAt"] // 1000 == int(t)
        told = got.json["execution"]
        assert {**told, "callback": None} == {**picture, "callback": None}
        assert told["callback"] == {"state": "pending", "attempts": 0, "lastStatus": None}

        # Without a webhook the workspace's secret signs.
        secret = (await call("GET", "/api/builder/callback-secret", key=full_key)).json["secret"]
        run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"prompt": "x"}, "callbackUrl": receiver.url()}
        await finished(await call("POST", "/api/run", key=full_key, body=run))
        got = (await asyncio.to_thread(receiver.wait, 2))[1]
        t = got.headers["x-builderstudio-timestamp"]
        expected = signed(secret, got.body, float(t))["X-BuilderStudio-Signature"]
        assert got.headers["x-builderstudio-signature"] == expected
        async with asyncio.timeout(30):
            while (
                picture := (
                    await call("GET", "/api/executions", key=full_key, executionId=got.json["execution"]["executionId"])
                ).json
            )["callback"]["state"] == "pending":
                await asyncio.sleep(0.01)
        assert picture["callback"] == {"state": "delivered", "attempts": 1, "lastStatus": 200}
        new = (await call("POST", "/api/builder/callback-secret", key=full_key)).json["secret"]
        assert new != secret
        assert (await call("GET", "/api/builder/callback-secret", key=full_key)).json["secret"] == new


@pytest.mark.parametrize("builder_settings", [{"outbound_loopback": True}])
async def test_the_callback_is_part_of_what_is_asked_for(call: Call, full_key: str, canvas: str) -> None:
    with Receiver() as receiver:
        run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"prompt": "x"}}

        async def begin(url: str | None, **headers: str) -> Answer:
            body = run if url is None else run | {"callbackUrl": url}
            return await call("POST", "/api/run", key=full_key, body=body, headers=headers)

        ids = [(await begin(url)).json["executionId"] for url in (None, receiver.url("/a"), receiver.url("/b"))]
        assert len(set(ids)) == 3
        assert (await begin(receiver.url("/a"))).json["executionId"] == ids[1]
        assert (await call("POST", "/api/run", key=full_key, body=run | {"callbackUrl": None})).json[
            "executionId"
        ] == ids[0]
        assert (await begin(receiver.url("/a"), **{"Idempotency-Key": "k"})).status == 202
        assert (await begin(receiver.url("/b"), **{"Idempotency-Key": "k"})).status == 409
        await asyncio.to_thread(receiver.wait, 3)


async def test_without_a_callback_the_snapshot_has_none(call: Call, register: Register, finished: Any) -> None:
    assert (await finished(await call("POST", TRIGGER, key=(await register())["webhookSecret"])))["callback"] is None


# -- after a restart ---------------------------------------------------------------------------------------------


def test_a_signature_counts_once_whatever_process_hears_it(tmp_path: Path) -> None:
    clock = ManualClock()
    canvas = Workflow.from_dict({**CANVAS, "name": "c"})
    arrival = Arrival("POST", "http://x/", {}, {}, {"a": 1})

    def opened() -> Runtime:
        return Runtime(Settings(tmp_path), clock=clock, models=ScriptedModels(ScriptedModel("x")))

    with opened() as rt:
        ask = rt.portal.wait
        stored = ask(rt.workflows.create(ME, canvas))
        secret = ask(rt.webhooks.register(ME, stored.id, "event", require_signature=True))["webhookSecret"]
        signature = sign(secret, b"x", int(clock.timestamp()))
        found, code = ask(rt.webhooks.recognise(secret, b"x", signature))
        ask(rt.webhooks.trigger(found, arrival, signature=code))
    with opened() as rt:
        ask = rt.portal.wait
        assert ask(rt.webhooks.register(ME, stored.id, "event"))["webhookSecret"] == secret, "it can be read again"
        found, code = ask(rt.webhooks.recognise(secret, b"x", signature))
        with pytest.raises(Unauthenticated) as refused:
            ask(rt.webhooks.trigger(found, arrival, signature=code))
        assert refused.value.code == "SIGNATURE_USED"
        assert len(ask(rt.executions.list(ME))) == 1
        for seconds, code in ((301, "SIGNATURE_EXPIRED"), (-301, "SIGNATURE_EXPIRED")):
            late = sign(secret, b"x", int(clock.timestamp()) + seconds)
            with pytest.raises(Unauthenticated) as refused:
                ask(rt.webhooks.recognise(secret, b"x", late))
            assert refused.value.code == code
        for seconds in (300, -300):
            ask(rt.webhooks.recognise(secret, b"x", sign(secret, b"x", int(clock.timestamp()) + seconds)))


def test_a_lost_key_shuts_nobody_out(tmp_path: Path) -> None:
    """What is encrypted cannot be read any more; the secret still opens, and a new one can be made."""
    models = ScriptedModels(ScriptedModel("x"))
    with Runtime(Settings(tmp_path), models=models) as rt:
        stored = rt.portal.wait(rt.workflows.create(ME, Workflow.from_dict({**CANVAS, "name": "c"})))
        secret = rt.portal.wait(rt.webhooks.register(ME, stored.id, "event"))["webhookSecret"]
    (tmp_path / KEY_FILE).unlink()
    with Runtime(Settings(tmp_path), models=models) as rt:
        ask = rt.portal.wait
        with pytest.raises(Unavailable) as refused:
            ask(rt.webhooks.register(ME, stored.id, "event"))
        assert refused.value.code == "SECRET_UNREADABLE"
        assert ask(rt.webhooks.recognise(secret, b"", None))[0].node_id == "event"
        assert ask(rt.webhooks.register(ME, stored.id, "event", rotate=True))["created"] is True
