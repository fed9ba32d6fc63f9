"""Rate limits over HTTP: what callers are told, what costs nothing, and that each route is counted in something."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from server import CANVAS, Answer, Call

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.rest.app import HANDLERS, BuilderApp
from builder_jupyter.rest.routing import Access, Route, routes_of
from builder_jupyter.services.rates import Bucket
from builder_jupyter.services.runtime import Runtime

Save = Callable[..., Awaitable[str]]
SLOW = {"burst": 3, "per_minute": 0.001}
TOLD = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")

# Whose requests are nobody's: there is no caller to count them for.
UNCOUNTED = {
    "GET /api/builder/answer/{token}", "POST /api/builder/answer/{token}", "GET /api/builder/health",
    "GET /api/builder/openapi.json", "GET /builder", "POST /api/execute/worker",
    "GET /.well-known/oauth-protected-resource", "GET /.well-known/oauth-protected-resource/api/mcp",
}  # fmt: skip
BY_PATH = {
    "/api/run": Bucket.RUN, "/api/execute/start": Bucket.RUN, "/api/mcp": Bucket.MCP, "/api/billing/": Bucket.BILLING,
    "/webhook/": Bucket.WEBHOOK,
}  # fmt: skip


def routes() -> Iterator[tuple[str, str, Route]]:
    for handler in HANDLERS:
        for verb, about in routes_of(handler):
            yield verb.upper(), handler.path, about


def test_each_route_is_counted_in_something() -> None:
    """Source: spec builder-studio §4.2, the table; what it does not name is reading or writing."""
    uncounted = {f"{verb} {path}" for verb, path, about in routes() if about.bucket is None}
    assert uncounted == UNCOUNTED
    for verb, path, about in routes():
        if about.bucket is None:
            assert about.access in {Access.PUBLIC, Access.INTERNAL}, path
            continue
        named = next((bucket for prefix, bucket in BY_PATH.items() if path.startswith(prefix)), None)
        assert about.bucket is (named or (Bucket.READ if verb == "GET" else Bucket.WRITE)), f"{verb} {path}"


def told(answer: Answer) -> tuple[int, int]:
    """Check the headers; return how much there is and how much is left."""
    limit, remaining, reset = (int(answer.headers[name]) for name in TOLD)
    assert reset >= time.time() - 60
    return limit, remaining


def check_refusal(answer: Answer) -> None:
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Cache-Control"] == "no-store"
    assert told(answer)[1] == 0


@pytest.mark.parametrize("builder_settings", [{"rate_limits": "on", "rates": {"read": SLOW, "write": SLOW}}])
async def test_too_many_requests(call: Call, make_key: Callable[..., str], jp_auth_header: dict[str, str]) -> None:
    keys = [make_key("read:canvases"), make_key("read:canvases")]
    for key in keys:
        answers = [await call("GET", "/api/canvases", key=key) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert [told(answer) for answer in answers] == [(3, 2), (3, 1), (3, 0), (3, 0)]
        check_refusal(answers[-1])
        # Each family says it in its own shape.
        body = answers[-1].json
        assert (body["code"], "again in" in body["error"]) == ("rate_limited", True)
        builder = await call("GET", "/api/builder/workflows", key=key)
        check_refusal(builder)
        assert set(builder.json) == {"error", "message", "code"}
        assert (builder.json["error"], builder.json["code"]) == ("rate_limited", "RATE_LIMITED")
        # Another bucket is another matter, and who may not do it at all is told that.
        assert (await call("POST", "/api/run", key=key, body={})).status == 403
        assert (await call("POST", "/api/builder/validate", key=key, body={"nodes": [], "edges": []})).status == 200
    # Errors say it too.
    missing = await call("GET", "/api/builder/workflows/wf_0", headers=jp_auth_header)
    assert (missing.status, told(missing)) == (404, (3, 2))
    # Nobody in particular is counted nowhere.
    for _ in range(5):
        health = await call("GET", "/api/builder/health")
        assert (health.status, "X-RateLimit-Limit" in health.headers) == (200, False)
        assert (await call("GET", "/api/canvases")).status == 401


@pytest.mark.parametrize("builder_settings", [{"rate_limits": "on", "rates": {"run": SLOW}}])
async def test_a_replay_costs_nothing(call: Call, make_key: Callable[..., str], save: Save) -> None:
    key, canvas = make_key("run:workflows"), await save(CANVAS)
    start = {"X-Trigger-Type": "manual"}

    async def run(number: int, **headers: str) -> Answer:
        body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": str(number)}}
        return await call("POST", "/api/run", key=key, body=body, headers=headers)

    answers = [await run(number) for number in (1, 1, 1, 2, 2)]
    assert [answer.status for answer in answers] == [202] * 5
    assert [told(answer) for answer in answers] == [(3, 2), (3, 2), (3, 2), (3, 1), (3, 1)]
    manual = {"canvasId": canvas, "executionId": "mine-at-last"}
    for _ in range(3):
        begun = await call("POST", "/api/execute/start", key=key, headers=start, body=manual)
        assert (begun.status, told(begun)) == (202, (3, 0))
    check_refusal(await run(3))
    refused = await call("POST", "/api/execute/start", key=key, headers=start, body={"canvasId": canvas})
    check_refusal(refused)
    # What was begun is found however empty the bucket is, and a refused request has not kept its key.
    again = await run(1)
    assert (again.status, again.headers["X-Idempotent-Replay"]) == (202, "true")
    assert again.json["executionId"] == answers[0].json["executionId"]
    check_refusal(await run(3))
    assert (await call("GET", "/api/executions", key=key, executionId=again.json["executionId"])).status == 200


@pytest.mark.parametrize(
    "builder_settings", [{"rate_limits": "on", "rates": {"active": {"burst": 2}}, "unlimited_credits": True}]
)
async def test_runs_at_a_time(
    call: Call, full_key: str, foreign_key: str, *, save: Save, scripted: ScriptedModel, runtime: Runtime
) -> None:
    scripted.gate = asyncio.Event()
    canvas = await save(CANVAS)

    async def run(number: int) -> Answer:
        body = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": str(number)}}
        return await call("POST", "/api/run", key=full_key, body=body)

    answers = await asyncio.gather(*(run(number) for number in range(12)))
    begun = [answer for answer in answers if answer.status == 202]
    refused = [answer for answer in answers if answer.status != 202]
    assert (len(begun), len(refused)) == (2, 10)
    for answer in refused:
        check_refusal(answer)
        assert answer.json["code"] == "too_many_runs"
    listed = (await call("GET", "/api/builder/executions", key=full_key)).json["executions"]
    assert len(listed) == 2, "nothing is left of those that were refused"
    # Another workspace has room of its own.
    theirs = (await call("POST", "/api/builder/workflows", key=foreign_key, body={"name": "x", **CANVAS})).json["id"]
    body = {"canvasId": theirs, "triggerNodeId": "topic"}
    assert (await call("POST", "/api/run", key=foreign_key, body=body)).status == 202
    cancel = f"/api/builder/executions/{begun[0].json['executionId']}/cancel"
    assert (await call("POST", cancel, key=full_key)).status == 200
    assert (await run(99)).status == 202
    runtime.portal.loop.call_soon_threadsafe(scripted.gate.set)


@pytest.mark.parametrize("builder_settings", [{"rate_limits": "auto", "rates": {"read": SLOW}}])
async def test_for_a_single_user_there_are_none(
    call: Call, full_key: str, jp_auth_header: dict[str, str], *, request: pytest.FixtureRequest
) -> None:
    for _ in range(6):
        for sent in ({"key": full_key}, {"headers": jp_auth_header}):
            answer = await call("GET", "/api/canvases", **sent)
            assert (answer.status, "X-RateLimit-Limit" in answer.headers) == (200, False)
    # A second workspace makes it a server that people share.
    foreign: str = request.getfixturevalue("foreign_key")
    for key in (full_key, foreign):
        assert [(await call("GET", "/api/canvases", key=key)).status for _ in range(4)] == [200, 200, 200, 429]
    for _ in range(6):
        assert (await call("GET", "/api/canvases", headers=jp_auth_header)).status == 200


@pytest.mark.parametrize("builder_settings", [{"rates": {"runs": {"burst": 1}}}])
async def test_settings_that_make_no_sense(call: Call, extension: BuilderApp, jp_auth_header: dict[str, str]) -> None:
    answer: Any = await call("GET", "/api/builder/workflows", headers=jp_auth_header)
    assert (answer.status, answer.json["code"]) == (503, "RATE_LIMITS")
    assert "'runs'" in answer.json["message"]
