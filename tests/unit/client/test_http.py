from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from builder_jupyter import errors
from builder_jupyter.client import http
from builder_jupyter.client.address import split_token
from builder_jupyter.client.answers import error_of
from builder_jupyter.client.http import HttpTransport
from builder_jupyter.graph.model import Workflow

AGENT = {"id": "agent", "type": "agent", "data": {"name": "Ada", "prompt": "Be kind."}}

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def talk_to() -> Iterator[Callable[..., HttpTransport]]:
    made: list[HttpTransport] = []

    def make(handler: Handler, credential: str | None = "secret-token") -> HttpTransport:
        made.append(HttpTransport("http://host.test/hub/x", credential, transport=httpx.MockTransport(handler)))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_PAUSE_SECONDS", 0)


def frame(*events: dict[str, Any]) -> str:
    return f"id: {events[-1]['seq']}\nevent: events\ndata: {json.dumps(events)}\n\n"


def test_the_credential_goes_by_its_kind_and_is_never_shown(talk_to: Callable[..., HttpTransport]) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        assert str(request.url) == "http://host.test/hub/x/api/builder/keys"
        return httpx.Response(200, json={"keys": []})

    for credential in ("plain-token", "builder_abc", "eyJhbGciOi"):
        transport = talk_to(answer, credential)
        assert transport.portal.wait(transport.list_keys()) == []
        assert credential not in repr(transport) + transport.where
    assert seen == ["token plain-token", "Bearer builder_abc", "Bearer eyJhbGciOi"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "message"),
    [
        (400, {"error": "bad_request", "message": "No.", "code": "INVALID_WORKFLOW"}, "InvalidInput",
         "INVALID_WORKFLOW", "No."),
        (401, {"error": "Invalid or expired token"}, "Unauthenticated", "AUTH_INVALID_TOKEN",
         "Invalid or expired token"),
        (402, {"error": "Insufficient credits"}, "InsufficientCredits", "INSUFFICIENT_CREDITS", "Insufficient credits"),
        (404, {"error": "not_found", "message": "Gone?", "code": "WORKFLOW_NOT_FOUND"}, "NotFound",
         "WORKFLOW_NOT_FOUND", "Gone?"),
        (422, {"error": "validation_error", "message": "Bad", "details": {"valid": False}, "code": "VALIDATION_FAILED"},
         "Unprocessable", "VALIDATION_FAILED", "Bad"),
        (503, {"error": "unavailable", "message": "Locked", "code": "STORE_LOCKED"}, "StoreLocked", "STORE_LOCKED",
         "Locked"),
        (500, {"error": "internal", "message": "Oh"}, "BuilderError", "SERVER_ERROR", "Oh"),
    ],
)  # fmt: skip
def test_errors_come_back_as_what_they_were(
    status: int, body: dict[str, Any], kind: str, code: str, message: str
) -> None:
    error = error_of(status, json.dumps(body), {})
    assert type(error) is getattr(errors, kind)
    assert (error.code, error.message, error.details) == (code, message, body.get("details"))


def test_a_foreign_answer_says_what_to_check() -> None:
    error = error_of(404, "<html>Jupyter</html>", {})
    assert type(error) is errors.NotFound
    assert "enabled" in (error.hint or "")
    limited = error_of(429, '{"error": "slow down"}', {"retry-after": "7"})
    assert isinstance(limited, errors.RateLimited)
    assert limited.retry_after == 7


def test_a_page_where_json_should_be(talk_to: Callable[..., HttpTransport]) -> None:
    for response in (httpx.Response(200, text="<html>"), httpx.Response(302, headers={"location": "/login"})):
        transport = talk_to(lambda _request, response=response: response)
        with pytest.raises(errors.Unavailable) as caught:
            transport.portal.wait(transport.snapshot("exec_1"))
        assert caught.value.code == "UNEXPECTED_ANSWER"


def test_a_server_that_is_not_there() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    transport = HttpTransport("http://127.0.0.1:9/", "t", transport=httpx.MockTransport(refuse))
    with pytest.raises(errors.Unavailable) as caught:
        transport.portal.wait(transport.list_workflows())
    assert caught.value.code == "SERVER_UNREACHABLE"
    assert caught.value.hint
    transport.close()


def test_saving_sends_the_wire_shape(talk_to: Callable[..., HttpTransport], chain: Callable[..., Workflow]) -> None:
    workflow = chain(AGENT)

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        assert body == {**workflow.to_dict(), "message": "first"}
        return httpx.Response(201, json={**body, "id": "wf_1"})

    transport = talk_to(answer)
    saved = transport.portal.wait(transport.create_workflow(workflow, "first"))
    assert saved.id == "wf_1"
    assert saved == workflow


def test_a_start_finds_the_trigger(talk_to: Callable[..., HttpTransport], chain: Callable[..., Workflow]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={**chain(AGENT).to_dict(), "id": "wf_1", "version": 1})
        assert json.loads(request.content) == {"canvasId": "wf_1", "triggerNodeId": "start", "inputs": {"a": 1}}
        return httpx.Response(202, json={"ok": True, "executionId": "exec_1", "message": "started"})

    transport = talk_to(answer)
    assert transport.portal.wait(transport.start("wf_1", {"a": 1})) == "exec_1"


def test_a_lost_stream_goes_on_after_the_last_event(talk_to: Callable[..., HttpTransport]) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, json={"status": "running"})
        assert request.headers["accept"] == "text/event-stream"
        asked.append(request.url.params["after"])
        if len(asked) == 2:
            raise httpx.ReadError("reset", request=request)
        if len(asked) < 3:
            events = frame({"seq": 1, "kind": "step"}, {"seq": 4, "kind": "step"})
            return httpx.Response(200, text=": hello\n\n" + events)
        return httpx.Response(200, text=frame({"seq": 5, "kind": "status", "status": "completed"}))

    transport = talk_to(answer)
    batches = list(transport.portal.iterate(transport.events("exec_1")))
    assert [event["seq"] for batch in batches for event in batch] == [1, 4, 5]
    assert asked == ["0", "4", "4"]


def test_a_stream_that_stays_lost_is_given_up(talk_to: Callable[..., HttpTransport]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    transport = talk_to(answer)
    with pytest.raises(errors.Unavailable) as caught:
        list(transport.portal.iterate(transport.events("exec_1")))
    assert caught.value.code == "CONNECTION_LOST"


def test_waiting_follows_the_events(talk_to: Callable[..., HttpTransport]) -> None:
    pictures = iter(["running", "completed"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return httpx.Response(200, text=frame({"seq": 5, "kind": "status", "status": "completed"}))
        return httpx.Response(200, json={"status": next(pictures)})

    transport = talk_to(answer)
    assert transport.portal.wait(transport.wait("exec_1"))["status"] == "completed"


def test_an_address_may_bring_its_token_and_loses_it() -> None:
    assert split_token("http://localhost:8888/x/?token=abc") == ("http://localhost:8888/x/", "abc")
    assert split_token("https://user:pw@host/x") == ("https://host/x/", None)
    assert split_token("http://[::1]:1") == ("http://[::1]:1/", None)
    for wrong in ("host:8888", "ftp://host", "", "http://", "http://[", "http://h:x"):
        with pytest.raises(errors.InvalidInput):
            split_token(wrong)
