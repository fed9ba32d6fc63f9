"""200 identical requests at once are one execution and one charge, also after the server was stopped or killed."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from processes import PATIENCE_SECONDS, TOKEN, ServerProcess
from server import CANVAS

MANY, SOME = 200, 20
MANUAL = {"X-Trigger-Type": "manual"}


async def send_all(
    server: ServerProcess, count: int, path: str, body: dict[str, Any], headers: dict[str, str]
) -> list[httpx.Response]:
    """Send one request many times, each over a connection of its own."""
    limits = httpx.Limits(max_connections=count)
    sent = {"Authorization": f"token {TOKEN}", **headers}
    async with httpx.AsyncClient(
        base_url=server.url, headers=sent, limits=limits, timeout=PATIENCE_SECONDS, trust_env=False
    ) as client:
        return list(await asyncio.gather(*(client.post(path, json=body) for _ in range(count))))


def the_one(answers: list[httpx.Response]) -> str:
    """Return the execution that all answers name; one of them began it, the others are replays."""
    assert Counter(answer.status_code for answer in answers) == {202: len(answers)}
    assert Counter(answer.headers.get("X-Idempotent-Replay") for answer in answers) == {
        None: 1,
        "true": len(answers) - 1,
    }
    (execution,) = {answer.json()["executionId"] for answer in answers}
    return str(execution)


def in_the_journal(folder: Path) -> tuple[list[str], Counter[tuple[str, str]]]:
    """Read the file of a server that is gone: admitted executions, and the entries about money of each."""
    with duckdb.connect(str(next(folder.glob("*.duckdb")))) as connection:
        rows = connection.execute("SELECT subject, kind FROM events").fetchall()
    admitted = sorted(subject for subject, kind in rows if kind == "admitted")
    return admitted, Counter((subject, kind) for subject, kind in rows if kind.startswith("credits_"))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_one_request_is_one_execution(tmp_path: Path, end: signal.Signals) -> None:
    server = ServerProcess(tmp_path)
    with server:
        canvas = server.call("POST", "api/builder/workflows", {"name": "Test", **CANVAS})["id"]
        run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": "x"}}
        manual = {"canvasId": canvas, "targetNodeId": "writer", "inputs": {"topic": "y"}}
        derived = {**run, "inputs": {"topic": "z"}}
        requests: list[tuple[str, dict[str, Any], dict[str, str]]] = [
            ("api/run", run, {"Idempotency-Key": "once"}),
            ("api/execute/start", manual, MANUAL | {"Idempotency-Key": "once"}),
            ("api/run", derived, {}),
        ]
        counts = [MANY if end is signal.SIGKILL else SOME, SOME, SOME]
        begun = [
            the_one(asyncio.run(send_all(server, count, *request)))
            for count, request in zip(counts, requests, strict=True)
        ]
        assert len(set(begun)) == len(requests)
        server.gate.touch()
        for execution, (path, body, headers) in zip(begun, requests, strict=True):
            if path == "api/run":  # a replay that waits, waits for the run that there is
                waited = server.http.post(path, json=body | {"sync": True}, headers=headers)
                assert (waited.status_code, waited.json()["status"]) == (200, "completed")
                assert (waited.json()["executionId"], waited.headers["X-Idempotent-Replay"]) == (execution, "true")
        server.until(lambda: server.call("GET", "api/executions", executionId=begun[1])["status"] == "completed")
        server.process.send_signal(end)
        server.wait()
    with server:
        for execution, (path, body, headers) in zip(begun, requests, strict=True):
            again = server.http.post(path, json=body, headers=headers)
            assert (again.status_code, again.json()["executionId"]) == (202, execution)
            assert again.headers["X-Idempotent-Replay"] == "true"
            other = server.http.post(path, json=body | {"inputs": {"topic": "other"}}, headers=headers)
            assert other.status_code == (409 if "Idempotency-Key" in headers else 202)
        server.process.send_signal(end)
        server.wait()
    admitted, money = in_the_journal(server.data)
    assert [one for one in admitted if one in begun] == sorted(begun)
    assert len(admitted) == len(begun) + 1, "the one with other inputs and no key"
    for execution in begun:
        # A text generation costs one credit: held once, spent once, and nothing else.
        kinds = {kind: count for (subject, kind), count in money.items() if subject == execution}
        assert kinds, "no money moved"
        assert set(kinds.values()) == {1}, kinds
