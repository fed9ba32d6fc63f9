"""Waiting, answering and replaying over HTTP, as docs/waitpoints.md tells it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
from server import Answer, Call
from tornado.httpclient import AsyncHTTPClient

Save = Callable[..., Awaitable[str]]
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
SCHEMA = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean", "title": "Approved?"},
        "amount": {"type": "integer", "minimum": 1, "description": "In euros."},
        "reason": {"enum": ["fair", "too much", 3]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
    },
    "required": ["amount"],
}


def asking(**data: Any) -> dict[str, Any]:
    """A workflow that asks a person."""
    nodes = [
        {"id": "start", "type": "start"},
        {"id": "ask", "type": "human", "data": data},
        {"id": "end", "type": "end"},
    ]
    return {"nodes": nodes, "edges": [{"source": "start", "target": "ask"}, {"source": "ask", "target": "end"}]}


@pytest.fixture
def waiting(call: Call, full_key: str, save: Save) -> Callable[..., Awaitable[tuple[str, str]]]:
    """Begin a run that asks, and return its id and its waitpoint's."""

    async def begin(**data: Any) -> tuple[str, str]:
        body = {"canvasId": await save(asking(**({"prompt": "Well?"} | data)))}
        headers = {"X-Trigger-Type": "manual"}
        started = await call("POST", "/api/execute/start", key=full_key, headers=headers, body=body)
        execution = started.json["executionId"]
        found = await call("GET", f"/api/builder/executions/{execution}/waitpoints", key=full_key)
        return execution, found.json["waitpoints"][0]["waitpointId"]

    return begin


Waiting = Callable[..., Awaitable[tuple[str, str]]]


async def settled(call: Call, key: str, execution: str) -> dict[str, Any]:
    while True:
        picture = (await call("GET", f"/api/builder/executions/{execution}", key=key)).json
        if picture["status"] not in {"planning", "running"}:
            return picture
        await asyncio.sleep(0)


async def test_list_read_and_answer(call: Call, full_key: str, waiting: Waiting) -> None:
    execution, waitpoint = await waiting(prompt="Ship it?", options=["yes", "no"], timeout=600)
    listed = (await call("GET", "/api/builder/waitpoints", key=full_key)).json["waitpoints"]
    assert [one["waitpointId"] for one in listed] == [waitpoint]
    one = (await call("GET", f"/api/builder/waitpoints/{waitpoint}", key=full_key)).json
    assert one == listed[0]
    assert {name: one[name] for name in ("executionId", "stepId", "visit", "kind", "state", "workflowName")} == {
        "executionId": execution, "stepId": "ask", "visit": 1, "kind": "human", "state": "open", "workflowName": "Test"
    }  # fmt: skip
    assert one["request"] == {"prompt": "Ship it?", "options": ["yes", "no"]}
    assert isinstance(one["deadlineAt"], int)

    path = f"/api/builder/waitpoints/{waitpoint}/complete"
    first = await call("POST", path, key=full_key, body={"answer": "yes"})
    assert (first.status, first.json["counted"], first.json["executionId"]) == (200, True, execution)
    again = await call("POST", path, key=full_key, body={"answer": "no"})
    assert (again.status, again.json["counted"]) == (200, False)
    picture = await settled(call, full_key, execution)
    assert picture["status"] == "completed"
    assert {s["stepId"]: s["text"] or s["outputs"] for s in picture["steps"]}["ask"] == {
        "text-out": {"type": "text", "value": "yes"}
    }
    ended = (await call("GET", f"/api/builder/waitpoints/{waitpoint}", key=full_key)).json
    assert (ended["state"], ended["answer"], ended["kind"]) == ("resolved", "yes", "human")
    assert (await call("GET", "/api/builder/waitpoints", key=full_key)).json == {"waitpoints": []}


async def test_what_is_refused(call: Call, full_key: str, foreign_key: str, waiting: Waiting) -> None:
    execution, waitpoint = await waiting(schema=SCHEMA)
    path = f"/api/builder/waitpoints/{waitpoint}"
    for answer, status, code in (
        (await call("POST", f"{path}/complete", key=full_key, body={"answer": {"amount": 0}}), 400, "INVALID_ANSWER"),
        (await call("POST", f"{path}/complete", key=full_key, body={}), 400, "INVALID_REQUEST"),
        (await call("POST", f"{path}/complete", key=foreign_key, body={"answer": 1}), 404, "WAITPOINT_NOT_FOUND"),
        (await call("GET", path, key=foreign_key), 404, "WAITPOINT_NOT_FOUND"),
        (await call("GET", "/api/builder/waitpoints/wp_0000000000000000", key=full_key), 404, "WAITPOINT_NOT_FOUND"),
        (await call("GET", f"/api/builder/executions/{execution}/waitpoints", key=foreign_key), 404,
         "EXECUTION_NOT_FOUND"),
        (await call("POST", f"/api/builder/executions/{execution}/waitpoints/wp_0/link", key=full_key), 404,
         "WAITPOINT_NOT_FOUND"),
    ):  # fmt: skip
        assert (answer.status, answer.json["code"]) == (status, code)
    assert (await call("GET", "/api/builder/waitpoints", key=foreign_key)).json == {"waitpoints": []}
    refused = await call("POST", f"{path}/complete", key=full_key, body={"answer": {"amount": 0}})
    assert refused.json["details"] == [{"field": "amount", "error": "0 is less than the minimum of 1"}]
    cancel = await call("POST", f"/api/builder/executions/{execution}/cancel", key=full_key)
    assert cancel.json["status"] == "cancelled"
    assert (await call("GET", path, key=full_key)).json["state"] == "cancelled"
    link = await call("POST", f"/api/builder/executions/{execution}/waitpoints/{waitpoint}/link", key=full_key)
    assert (link.status, link.json["code"]) == (409, "WAITPOINT_ENDED")


async def test_time_cannot_be_answered(call: Call, full_key: str, save: Save) -> None:
    graph = asking()
    graph["nodes"][1] = {"id": "ask", "type": "wait", "data": {"for": "timer", "seconds": 600}}
    headers = {"X-Trigger-Type": "manual"}
    body = {"canvasId": await save(graph)}
    execution = (await call("POST", "/api/execute/start", key=full_key, headers=headers, body=body)).json["executionId"]
    waitpoint = (await call("GET", "/api/builder/waitpoints", key=full_key)).json["waitpoints"][0]["waitpointId"]
    for path in (f"waitpoints/{waitpoint}/complete", f"executions/{execution}/waitpoints/{waitpoint}/link"):
        answer = await call("POST", f"/api/builder/{path}", key=full_key, body={"answer": 1})
        assert (answer.status, answer.json["code"]) == (409, "NOT_ANSWERABLE")


# -- links ----------------------------------------------------------------------------------------------------------


async def link_to(call: Call, key: str, execution: str, waitpoint: str) -> dict[str, Any]:
    answer = await call("POST", f"/api/builder/executions/{execution}/waitpoints/{waitpoint}/link", key=key)
    assert answer.status == 200, answer.text
    return answer.json


async def ask(method: str, url: str, headers: dict[str, str] | None = None, fields: Any = None) -> Answer:
    """Ask as a stranger does: with nothing but the link."""
    body = urlencode(fields, doseq=True).encode() if fields is not None else None
    return Answer(
        await AsyncHTTPClient().fetch(
            url, method=method, headers=headers or {}, body=body, raise_error=False, allow_nonstandard_methods=True
        )
    )


class Controls(HTMLParser):
    """What a form has, by id, and which labels name them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in tags]


async def test_a_link_is_good_for_one_answer(
    call: Call, full_key: str, server_url: str, *, waiting: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    execution, waitpoint = await waiting(prompt="<b>Ship</b> it?", options=["yes", 'no "never"'], timeout=600)
    link = await link_to(call, full_key, execution, waitpoint)
    assert set(link) == {"url", "token", "expiresAt"}
    assert link["url"] == f"{server_url}/api/builder/answer/{link['token']}"
    assert re.fullmatch(rf"{execution}\.{waitpoint}\.[0-9a-f]{{64}}", link["token"])
    assert link["expiresAt"] == (await settled(call, full_key, execution))["waitingOn"]["deadlineAt"]
    assert await link_to(call, full_key, execution, waitpoint) == link

    page = await ask("GET", link["url"])
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "<b>Ship" not in page.text
    assert "&lt;b&gt;Ship&lt;/b&gt; it?" in page.text
    assert not re.search(r"(src|href|action)=", page.text), "nothing is fetched, and nothing of the address is told"
    assert link["token"] not in page.text
    buttons = Controls(page.text).of("button")
    assert [button["value"] for button in buttons] == ["yes", 'no "never"']

    wrong = await ask("POST", link["url"], FORM, {"answer": "maybe"})
    assert (wrong.status, 'role="alert"' in wrong.text) == (400, True)
    done = await ask("POST", link["url"], FORM, {"answer": "yes"})
    assert (done.status, "Thank you" in done.text) == (200, True)
    picture = await settled(call, full_key, execution)
    assert picture["status"] == "completed"
    assert (await call("GET", f"/api/builder/waitpoints/{waitpoint}", key=full_key)).json["by"] == "link"

    # Used, forged, cut and foreign ones are the same nothing.
    other, theirs = await waiting()
    good = (await link_to(call, full_key, other, theirs))["token"]
    ids, _, mac = good.rpartition(".")
    swapped = link["token"].rpartition(".")[2]
    tokens = [
        link["token"],
        f"{ids}.{swapped}",
        f"{ids}.",
        good[:-1],
        f"{execution}.{theirs}.{mac}",
        "x",
        "...",
        "%00.a.b",
    ]
    seen = {
        (await ask(method, f"{server_url}/api/builder/answer/{token}", FORM)).text
        for token in tokens
        for method in ("GET", "POST")
    }
    assert len(seen) == 1
    assert "does not lead to an open question" in seen.pop()
    for token in tokens:
        plain = await ask("GET", f"{server_url}/api/builder/answer/{token}", {"Referer": f"{server_url}/x/{good}"})
        assert (plain.status, plain.json["code"]) == (404, "WAITPOINT_NOT_FOUND")
    assert (await ask("PUT", f"{server_url}/api/builder/answer/{good}")).status == 401
    assert (await ask("BREW", f"{server_url}/api/builder/answer/{good}")).status == 405
    assert (await ask("GET", f"{server_url}/api/builder/answer/{good}")).status == 200

    # The test's own log lines of what it fetched are not the server's.
    lines = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    assert any("/api/builder/answer/[token]" in line for line in lines)
    for secret in (mac, swapped):
        assert not [line for line in lines if secret in line]


async def test_only_one_of_two_answers_counts(call: Call, full_key: str, waiting: Waiting) -> None:
    link = await link_to(call, full_key, *await waiting())
    answers = await asyncio.gather(*(ask("POST", link["url"], FORM, {"answer": str(n)}) for n in range(6)))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 5


async def test_a_typed_form(call: Call, full_key: str, waiting: Waiting) -> None:
    execution, waitpoint = await waiting(schema=SCHEMA)
    url = (await link_to(call, full_key, execution, waitpoint))["url"]
    page = Controls((await ask("GET", url)).text)
    controls = {attrs["name"]: attrs for attrs in page.of("input", "textarea", "select")}
    assert list(controls) == ["amount", "approved", "note", "reason", "tags"], "what is required comes first"
    assert {label["for"] for label in page.of("label")} == {attrs["id"] for attrs in controls.values()}
    assert (controls["approved"]["type"], controls["amount"]["type"]) == ("checkbox", "number")
    assert "required" in controls["amount"]
    assert "required" not in controls["note"]
    assert [option["value"] for option in page.of("option")] == ["", "fair", "too much", "3"]

    for fields, fault in (
        ({"amount": "many"}, "must be a whole number"),
        ({"amount": ""}, "is required"),
        ({"amount": "0", "note": "<i>x"}, "less than the minimum"),
        ({"amount": "5", "reason": "none"}, "must be one of the choices"),
    ):
        again = await ask("POST", url, FORM, fields)
        assert again.status == 400
        assert fault in again.text
        assert "<i>x" not in again.text
        assert 'aria-invalid="true"' in again.text
    fields = {"approved": "true", "amount": "5", "reason": "3", "tags": "a\r\n\r\n b ", "note": "one\r\ntwo"}
    assert (await ask("POST", url, FORM, fields)).status == 200
    done = (await call("GET", f"/api/builder/waitpoints/{waitpoint}", key=full_key)).json
    assert done["answer"] == {"approved": True, "amount": 5, "reason": 3, "tags": ["a", "b"], "note": "one\ntwo"}


async def test_a_program_may_use_a_link(call: Call, full_key: str, waiting: Waiting) -> None:
    execution, waitpoint = await waiting(schema=SCHEMA)
    url = (await link_to(call, full_key, execution, waitpoint))["url"]
    path = url[url.index("/api/builder/answer/") :]
    refused = await call("POST", path, body={"answer": {"amount": "x"}})
    assert (refused.status, refused.json["code"]) == (400, "INVALID_ANSWER")
    assert (await call("POST", path, raw=b"{")).status == 400
    assert (await call("POST", path, raw=b" " * 300_000)).status == 413
    done = await call("POST", path, body={"answer": {"amount": 3}})
    assert (done.status, done.json) == (200, {"ok": True})
    assert (await call("POST", path, body={"answer": {"amount": 3}})).status == 404


# -- replay ---------------------------------------------------------------------------------------------------------


async def test_replay(call: Call, make_key: Callable[..., str], foreign_key: str, save: Save) -> None:
    key = make_key("run:workflows")
    first = await call(
        "POST", "/api/run", key=key,
        body={"canvasId": await save(), "triggerNodeId": "start", "inputs": {"message": "one"}, "sync": True},
    )  # fmt: skip
    assert first.json["credits"]["charged"] == 1
    path = f"/api/builder/executions/{first.json['executionId']}/replay"

    async def replay(body: dict[str, Any]) -> dict[str, Any]:
        answer = await call("POST", path, key=key, body=body)
        assert (answer.status, set(answer.json)) == (202, {"ok", "executionId", "saved"})
        return (await settled(call, key, answer.json["executionId"])) | {"answered": answer.json}

    whole = await replay({})
    assert (whole["triggerType"], whole["replayOf"]) == ("replay", first.json["executionId"])
    assert (whole["answered"]["saved"], whole["credits"]) == (0, {"charged": 1, "refunded": 0, "saved": 0})
    late = await replay({"fromStepId": "end"})
    assert (late["answered"]["saved"], late["credits"]) == (1, {"charged": 0, "refunded": 0, "saved": 1})
    assert {s["stepId"]: s["reused"] for s in late["steps"]} == {"start": True, "agent": True, "end": False}
    assert late["replayFromStepId"] == "end"
    fork = await replay({"edits": {"agent": "changed"}})
    assert fork["outputs"]["end"]["text-out"]["value"] == "changed"
    asked = await replay({"fromStepId": "agent", "visit": 1, "inputs": {"message": "two"}})
    assert asked["inputs"] == {"message": "two"}

    for body, status, code in (
        ({"fromStepId": "nobody"}, 404, "STEP_NOT_FOUND"),
        ({"fromStepId": "agent", "visit": 9}, 404, "STEP_NOT_FOUND"),
        ({"edits": {"agent": 1}}, 400, "INVALID_EDIT"),
        ({"visit": 0}, 400, "INVALID_REQUEST"),
    ):
        refused = await call("POST", path, key=key, body=body)
        assert (refused.status, refused.json["code"]) == (status, code)
    assert (await call("POST", path, key=foreign_key, body={})).json["code"] == "EXECUTION_NOT_FOUND"


async def test_what_goes_on_is_not_replayed(call: Call, full_key: str, waiting: Waiting) -> None:
    execution, _ = await waiting()
    answer = await call("POST", f"/api/builder/executions/{execution}/replay", key=full_key, body={})
    assert (answer.status, answer.json["code"]) == (409, "EXECUTION_NOT_OVER")
