"""Whoever follows a run is let go when what they have shown is no longer good: revoked, or expired."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from issuer import hmac_token
from server import Call
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.services.runtime import Runtime
from builder_jupyter.services.workers import WORKER_HEADER

SECRET = "a secret of more than thirty-two bytes, for tests"
SHORT_SECONDS = 1.5
Connect = Callable[[str, str], Any]


@pytest.fixture
def builder_settings() -> dict[str, Any]:
    return {"jwt_secret": SECRET}


@pytest.fixture
def start(
    call: Call, full_key: str, save: Callable[..., Awaitable[str]], scripted: ScriptedModel
) -> Callable[[], Awaitable[str]]:
    """Begin a run that does not end by itself."""

    async def begin() -> str:
        scripted.gate = asyncio.Event()
        run = {"canvasId": await save(), "triggerNodeId": "start", "inputs": {"query": "x"}}
        return (await call("POST", "/api/run", key=full_key, body=run)).json["executionId"]

    return begin


@pytest.fixture
def connect(server_url: str) -> Connect:
    @asynccontextmanager
    async def opened(path: str, credential: str) -> AsyncGenerator[WebSocketClientConnection, None]:
        url = f"{server_url.replace('http', 'ws', 1)}{path}"
        connection = await websocket_connect(
            HTTPRequest(url, headers={"Authorization": f"Bearer {credential}", WORKER_HEADER: "w" * 64})
        )
        yield connection
        connection.close()

    return opened


@pytest.fixture
def brief(runtime: Runtime) -> dict[str, Callable[[], tuple[str, Callable[[], None]]]]:
    """By kind, what makes a credential that will soon be no good, and what brings that about."""
    alice = local_principal("alice")

    def revoked() -> tuple[str, Callable[[], None]]:
        key, secret = runtime.portal.wait(runtime.keys.create(alice, "brief", Scope))
        return (
            secret,
            lambda: (
                asyncio.run_coroutine_threadsafe(runtime.keys.revoke(alice, key.key_id), runtime.portal.loop) and None
            ),
        )

    def expiring() -> tuple[str, Callable[[], None]]:
        end = datetime.now(UTC) + timedelta(seconds=SHORT_SECONDS)
        return runtime.portal.wait(runtime.keys.create(alice, "brief", Scope, expires_at=end))[1], lambda: None

    def token() -> tuple[str, Callable[[], None]]:
        claims = {"sub": "alice", "roles": ["admin"], "exp": time.time() + SHORT_SECONDS}
        return hmac_token(SECRET.encode(), claims), lambda: None

    return {"revoked": revoked, "expired": expiring, "token": token}


@pytest.mark.parametrize("kind", ["revoked", "expired", "token"])
async def test_the_socket_closes(kind: str, start: Any, connect: Connect, brief: Any) -> None:
    running, (credential, end) = await start(), brief[kind]()
    async with connect(f"/api/builder/executions/{running}/socket", credential) as connection:
        frames = [json.loads(await connection.read_message())]
        end()
        while (frame := await connection.read_message()) is not None:
            frames.append(json.loads(frame))
        assert all(isinstance(frame, list) for frame in frames[:-1])
        assert frames[-1] == {
            "error": "unauthorized", "message": "Invalid or expired token", "code": "AUTH_INVALID_TOKEN",
        }  # fmt: skip
        assert (connection.close_code, connection.close_reason) == (4401, "AUTH_INVALID_TOKEN")


@pytest.mark.parametrize("kind", ["revoked", "expired", "token"])
async def test_the_stream_ends(kind: str, start: Any, brief: Any, *, server_url: str) -> None:
    running, (credential, end) = await start(), brief[kind]()
    chunks: list[bytes] = []
    heard = asyncio.Event()

    def take(chunk: bytes) -> None:
        chunks.append(chunk)
        heard.set()

    request = HTTPRequest(
        f"{server_url}/api/builder/executions/{running}/events", streaming_callback=take, request_timeout=30,
        headers={"Accept": "text/event-stream", "Authorization": f"Bearer {credential}"},
    )  # fmt: skip
    reading = asyncio.ensure_future(AsyncHTTPClient().fetch(request))
    await heard.wait()
    end()
    await reading
    *_, last = b"".join(chunks).decode().strip().split("\n\n")
    name, data = last.split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["code"] == "AUTH_INVALID_TOKEN"


async def test_a_worker_is_let_go(connect: Connect, brief: Any, runtime: Runtime) -> None:
    credential, end = brief["revoked"]()
    async with connect("/api/builder/worker", credential) as connection:
        end()
        assert await connection.read_message() is None
        assert connection.close_code == 4401
        async with asyncio.timeout(10):
            while runtime.workers._attached:
                await asyncio.sleep(0)
    with pytest.raises(HTTPClientError) as refused:
        async with connect("/api/builder/worker", credential):
            raise AssertionError("it is let in again")
    assert refused.value.code == 401


async def test_others_go_on(start: Any, connect: Connect, brief: Any, *, full_key: str, scripted: ScriptedModel,
                            runtime: Runtime) -> None:  # fmt: skip
    running, (credential, end) = await start(), brief["revoked"]()
    path = f"/api/builder/executions/{running}/socket"
    async with connect(path, full_key) as mine, connect(path, credential) as theirs:
        end()
        while await theirs.read_message() is not None:
            continue
        assert theirs.close_code == 4401
        runtime.portal.loop.call_soon_threadsafe(scripted.gate.set)  # type: ignore[union-attr]
        frames = []
        while (frame := await mine.read_message()) is not None:
            frames += json.loads(frame)
        assert frames[-1]["status"] == "completed"
    assert runtime.keys._watchers == {} or await drained(runtime)


async def drained(runtime: Runtime) -> bool:
    """Wait until nobody is watched any more: sockets that are closed leave nothing behind."""
    async with asyncio.timeout(10):
        while runtime.keys._watchers:
            await asyncio.sleep(0)
    return True
