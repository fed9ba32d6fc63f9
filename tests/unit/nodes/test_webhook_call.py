"""The node that calls an address: what it sends, what it makes of the answer, and what it refuses to send."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from receiver import Received, Receiver, Reply
from stage import context

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.connectors.outbound import Outbound
from builder_jupyter.errors import StepError, Unprocessable
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.nodes.base import StepResult
from builder_jupyter.nodes.http import BLOCKED_HEADERS
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.nodes.webhook_call import MAX_BYTES, WebhookCall
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.validation import Finding, validate

ME = local_principal("alice")


def call(receiver: Receiver | None, wired: str | None = None, *, loopback: bool = True, **data: Any) -> StepResult:
    given = {"url": receiver.url("/x"), **data} if receiver is not None else data
    made, _ = context("webhook-call", given, ports={"body-in": [wired]} if wired is not None else {})
    made.http = Outbound(allow_loopback=loopback)
    result = asyncio.run(WebhookCall().run(made))
    assert isinstance(result, StepResult)
    return result


def failed(*args: Any, **about: Any) -> StepError:
    with pytest.raises(StepError) as error:
        call(*args, **about)
    return error.value


def test_what_arrives_is_sent_and_the_answer_goes_on() -> None:
    with Receiver(lambda _: Reply(201, (("Content-Type", "text/plain"),), b"made")) as receiver:
        result = call(receiver, '{"a": 1}', headers={"X-Api-Key": "k"})
        (got,) = receiver.requests
        assert (got.method, got.path, got.body) == ("POST", "/x", b'{"a": 1}')
        assert (got.headers["content-type"], got.headers["x-api-key"]) == ("application/json", "k")
        assert result.outputs["response-out"].value == "made"
        assert result.result == {"statusCode": 201, "contentType": "text/plain"}


@pytest.mark.parametrize(
    ("body", "data", "sent", "media_type"),
    [
        ("hello", {}, b"hello", "text/plain; charset=utf-8"),
        ("é", {}, "é".encode(), "text/plain; charset=utf-8"),
        ("[1]", {}, b"[1]", "application/json"),
        ("[1]", {"headers": {"content-type": "text/csv"}}, b"[1]", "text/csv"),
        (None, {"body": "own"}, b"own", "text/plain; charset=utf-8"),
        ("wired", {"body": "own"}, b"wired", "text/plain; charset=utf-8"),
        (None, {}, b"", None),
        ("x", {"method": "GET"}, b"", None),
        ("x", {"method": "delete"}, b"x", "text/plain; charset=utf-8"),
        ("x", {"headers": '{"Content-Type": "a/b"}'}, b"x", "a/b"),
    ],
)
def test_bodies(body: str | None, data: dict[str, Any], sent: bytes, media_type: str | None) -> None:
    with Receiver() as receiver:
        call(receiver, body, **data)
        (got,) = receiver.requests
        assert (got.body, got.headers.get("content-type")) == (sent, media_type)
        assert got.method == data.get("method", "POST").upper()


@pytest.mark.parametrize("status", [300, 304, 400, 404, 429, 500])
def test_an_answer_that_is_no_success(status: int) -> None:
    with Receiver(lambda _: Reply(status, (("Retry-After", "7"),), b"why")) as receiver:
        error = failed(receiver, method="GET")
        assert (error.code, str(status) in str(error), "why" in str(error)) == ("HTTP_STATUS", True, False)
        assert error.retryable is (status in {429, 500})
        assert error.details["retry_after"] == 7
        if status != 304:
            result = call(receiver, method="GET", acceptErrorStatus=True)
            assert (result.outputs["response-out"].value, result.result["statusCode"]) == ("why", status)


@pytest.mark.parametrize(
    ("method", "headers", "repeats"),
    [
        ("GET", {}, True), ("PUT", {}, True), ("DELETE", {}, True), ("POST", {}, False), ("PATCH", {}, False),
        ("POST", {"Idempotency-Key": "k"}, True), ("PATCH", {"idempotency-key": "k"}, True),
    ],
)  # fmt: skip
def test_what_may_be_sent_again(method: str, headers: dict[str, str], repeats: bool) -> None:
    with Receiver(lambda _: Reply(503)) as receiver:
        assert failed(receiver, method=method, headers=headers).retryable is repeats
    assert failed(None, url=receiver.url(), method=method, headers=headers).retryable is repeats, "nobody is there"


def test_an_answer_that_is_too_long() -> None:
    for size in (MAX_BYTES, MAX_BYTES + 1):
        with Receiver(lambda _, size=size: Reply(body=b"x" * size)) as receiver:
            if size == MAX_BYTES:
                assert len(call(receiver).outputs["response-out"].value) == MAX_BYTES
            else:
                assert failed(receiver).code == "HTTP_TOO_LARGE"


def test_an_answer_that_is_compressed_unasked() -> None:
    with Receiver(lambda _: Reply(200, (("Content-Encoding", "gzip"),), b"\x1f\x8b")) as receiver:
        assert failed(receiver).code == "HTTP_BAD_ANSWER"


def test_redirects_are_followed_three_times() -> None:
    for number in (3, 4):
        left = iter([Reply(307, (("Location", f"/{n}"),)) for n in range(number)])
        with Receiver(lambda _, left=left: next(left, Reply(body=b"here"))) as receiver:
            if number == 3:
                assert call(receiver, "b").outputs["response-out"].value == "here"
                assert [request.body for request in receiver.requests] == [b"b"] * 4
            else:
                assert failed(receiver, "b").code == "HTTP_TOO_MANY_REDIRECTS"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_not_called(host: str) -> None:
    with Receiver() as receiver:
        error = failed(None, url=receiver.url("/", host), loopback=False)
        assert (error.code, error.retryable, receiver.requests) == ("ADDRESS_REFUSED", False, [])


def test_a_redirect_to_this_machine_is_not_followed() -> None:
    with Receiver() as inside, Receiver(lambda _: Reply(302, (("Location", inside.url()),))) as receiver:
        made, _ = context("webhook-call", {"url": receiver.url(), "method": "GET"})
        guard = Outbound(allow_loopback=True)
        guard.protect(inside.url())
        made.http = guard
        with pytest.raises(StepError) as error:
            asyncio.run(WebhookCall().run(made))
        assert (error.value.code, inside.requests) == ("ADDRESS_REFUSED", [])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": "ftp://x.example/"}, "INVALID_URL"), ({"url": "/x"}, "INVALID_URL"),
    ({"url": "https://a:b@x.example/"}, "INVALID_URL"),
    ({"url": "https://x.example/#f"}, "INVALID_URL"), ({"url": "https://x.example/" + "x" * 2048}, "INVALID_URL"),
    ({"url": "https://x.example/ y"}, "INVALID_URL"),
    ({"method": "HEAD"}, "INVALID_METHOD"), ({"method": "BREW"}, "INVALID_METHOD"), ({"method": ""}, "INVALID_METHOD"),
    ({"headers": "{"}, "INVALID_HEADERS"), ({"headers": "[]"}, "INVALID_HEADERS"),
    ({"headers": {"a": "1", "A": "2"}}, "INVALID_HEADERS"),
    ({"headers": {"a b": "x"}}, "INVALID_HEADERS"), ({"headers": {"": "x"}}, "INVALID_HEADERS"),
    ({"headers": {"a": 1}}, "INVALID_HEADERS"),
    ({"headers": {"a": "x\r\nb: y"}}, "INVALID_HEADERS"), ({"headers": {"a": "x\ny"}}, "INVALID_HEADERS"),
    ({"headers": {"a": "\u20ac"}}, "INVALID_HEADERS"), ({"headers": {"a": {}}}, "INVALID_HEADERS"),
    ({"headers": {f"x-{n}": "x" for n in range(65)}}, "INVALID_HEADERS"),
    *(({"headers": {name.title(): "x"}}, "INVALID_HEADERS") for name in sorted(BLOCKED_HEADERS)),
    *(({"headers": {name: "x"}}, "INVALID_HEADERS") for name in ("X-Forwarded-For", "x-forwarded-x")),
    *(({"headers": {name: "x"}}, "INVALID_HEADERS") for name in ("Proxy-Authorization", "PROXY-X")),
]  # fmt: skip


def judged(workflow: Workflow) -> tuple[Finding, ...]:
    return validate(workflow, registry=default_registry(), tool_names=())


def canvas(**data: Any) -> Workflow:
    node = {"clientId": "call", "type": "webhook-call", "data": data}
    trigger = {"clientId": "topic", "type": "prompt-trigger"}
    edges = [{"source": "topic", "target": "call"}]
    return Workflow.from_dict({"name": "c", "dialect": "direct", "nodes": [trigger, node], "edges": edges})


@pytest.mark.parametrize(("data", "code"), WRONG)
def test_what_is_wrong_is_found_when_it_is_saved_and_when_it_runs(data: dict[str, Any], code: str) -> None:
    whole = {"url": "https://x.example/", **data}
    findings = judged(canvas(**whole))
    assert [(str(found.severity), found.code, found.node_id) for found in findings] == [("error", code, "call")]
    if isinstance(whole.get("headers", {}), str | dict):
        assert failed(None, **whole).code == code


def test_what_is_right_is_not_found() -> None:
    for data in (
        {"headers": {f"x-{n}": "x" for n in range(64)}}, {"headers": '{"A": "b"}'}, {"headers": ""}, {"headers": None},
        {"method": "get"}, {"url": "http://x.example:8080/?a=b"},
    ):  # fmt: skip
        assert judged(canvas(**{"url": "https://x.example/", **data})) == (), data
    assert [(str(f.severity), f.code) for f in judged(canvas())] == [("warning", "MISSING_URL")]
    assert failed(None).code == "MISSING_URL"


# -- in a run ----------------------------------------------------------------------------------------------------


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    settings = Settings(tmp_path, outbound_loopback=True)
    with Runtime(settings, models=ScriptedModels(ScriptedModel("x"))) as rt:
        yield rt


def ran(rt: Runtime, **data: Any) -> dict[str, Any]:
    stored = rt.portal.wait(rt.workflows.create(ME, canvas(**data)))
    run = rt.portal.wait(rt.executions.start(ME, stored.id, inputs={"prompt": "x"}))
    picture: dict[str, Any] = rt.portal.wait(rt.executions.wait(ME, run.execution_id, seconds=30))
    return picture


def flaky() -> Callable[[Received], Reply]:
    replies = iter([Reply(503), Reply(503), Reply(200, body=b"at last")])
    return lambda _request: next(replies)


def test_a_call_in_a_run(runtime: Runtime) -> None:
    again = {"maxAttempts": 3, "initialDelayMs": 0, "jitter": 0}
    with Receiver(flaky()) as receiver:
        picture = ran(runtime, url=receiver.url(), method="PUT", retry=again)
        (_, step) = picture["steps"]
        assert picture["status"] == "completed"
        assert (step["attempt"], step["outputs"]["response-out"]["value"]) == (3, "at last")
        assert step["result"]["statusCode"] == 200
        assert step["credits"] == 0
    with Receiver(flaky()) as receiver:
        picture = ran(runtime, url=receiver.url(), retry=again)
        assert (picture["status"], len(receiver.requests)) == ("error", 1), "a POST may have had its effect"
        assert "503" in picture["error"]["message"]


def test_a_call_of_loopback_fails_without_the_setting(tmp_path: Path) -> None:
    with Receiver() as receiver, Runtime(Settings(tmp_path), models=ScriptedModels(ScriptedModel("x"))) as rt:
        picture = ran(rt, url=receiver.url())
        assert (picture["status"], picture["error"]["code"]) == ("error", "ADDRESS_REFUSED")
        assert receiver.requests == []


def test_a_canvas_with_a_call_is_not_written_as_code(runtime: Runtime) -> None:
    from builder_jupyter.codegen.generate import generate

    with pytest.raises(Unprocessable) as refused:
        generate(canvas(url="https://x.example/"))
    assert refused.value.code == "NOT_EXPORTABLE"
