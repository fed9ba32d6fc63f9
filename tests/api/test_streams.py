"""Following a run, over server-sent events and over a WebSocket, wherever the server lies."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from server import BASE_URLS, Call
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.services.runtime import Runtime

Event = dict[str, Any]
Save = Callable[..., Awaitable[str]]

TEXT = "one two three four five six seven"


@pytest.fixture(params=BASE_URLS.values(), ids=BASE_URLS)
def jp_base_url(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def scripted() -> ScriptedModel:
    return ScriptedModel(lambda _request: TEXT)


@pytest.fixture
def start(call: Call, full_key: str, save: Save) -> Callable[[], Awaitable[str]]:
    """Begin a run and return its id."""

    async def begin() -> str:
        run = {"canvasId": await save(), "triggerNodeId": "start", "inputs": {"query": "Count."}}
        answer = await call("POST", "/api/run", key=full_key, body=run)
        return answer.json["executionId"]

    return begin


@pytest.fixture
def sse(server_url: str, full_key: str) -> Callable[..., Awaitable[list[Event]]]:
    """Read server-sent events to the end of the stream."""

    async def read(execution_id: str, after: str = "", **headers: str) -> list[Event]:
        sent = {"Accept": "text/event-stream", "Authorization": f"Bearer {full_key}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{server_url}/api/builder/executions/{execution_id}/events{after}"
        response = await AsyncHTTPClient().fetch(url, headers=sent, request_timeout=20)
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        return parse_sse(response.body.decode())

    return read


def parse_sse(text: str) -> list[Event]:
    events: list[Event] = []
    for frame in text.split("\n\n")[:-1]:
        if frame.startswith(":"):
            continue
        fields = dict(line.split(": ", 1) for line in frame.split("\n"))
        assert set(fields) == {"id", "event", "data"}
        assert fields["event"] == "events"
        batch = json.loads(fields["data"])
        assert int(fields["id"]) == batch[-1]["seq"]
        events += batch
    return events


@pytest.fixture
def socket(server_url: str, full_key: str) -> Iterator[Callable[..., Awaitable[WebSocketClientConnection]]]:
    """Open a socket; those still open are closed in the end."""
    opened: list[WebSocketClientConnection] = []

    async def connect(
        execution_id: str, after: str = "", headers: dict[str, str] | None = None
    ) -> WebSocketClientConnection:
        url = f"{server_url.replace('http', 'ws', 1)}/api/builder/executions/{execution_id}/socket{after}"
        credential = {"Authorization": f"Bearer {full_key}"} if headers is None else headers
        opened.append(await websocket_connect(HTTPRequest(url, headers=credential)))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


async def counted() -> int:
    """How many tasks of the runtime pull events for somebody."""
    return sum("_next" in repr(task.get_coro()) for task in asyncio.all_tasks())


@pytest.fixture
def following(runtime: Runtime) -> Callable[[int], Awaitable[None]]:
    """Wait until so many readers hear what is said: the head of a stream comes before that."""

    async def wait(number: int) -> None:
        async with asyncio.timeout(30):
            while await runtime.portal.ask(counted()) != number:
                await asyncio.sleep(0)

    return wait


async def frames(connection: WebSocketClientConnection) -> AsyncGenerator[list[Event], None]:
    while (frame := await connection.read_message()) is not None:
        yield json.loads(frame)


async def everything(connection: WebSocketClientConnection) -> list[Event]:
    return [event async for batch in frames(connection) for event in batch]


def check(events: list[Event]) -> None:
    """The whole story: rising without repeats, all text in place, to the end."""
    sequence = [event["seq"] for event in events]
    assert sequence == sorted(set(sequence))
    assert events[0]["status"] == "planning"
    assert (events[-1]["kind"], events[-1]["status"]) == ("status", "completed")
    finished = [e["stepId"] for e in events if e["kind"] == "step" and e["status"] == "completed"]
    assert finished == ["start", "agent", "end"]


def streamed(events: list[Event]) -> str:
    text = ""
    for event in events:
        if event["kind"] == "token":
            assert event["offset"] == len(text)
            text += event["text"]
    return text


async def test_both_streams_tell_everything(
    start: Callable[[], Awaitable[str]],
    sse: Any,
    socket: Any,
    *,
    scripted: ScriptedModel,
    call: Call,
    full_key: str,
    following: Callable[[int], Awaitable[None]],
) -> None:
    scripted.gate = asyncio.Event()
    execution_id = await start()
    reading = asyncio.ensure_future(sse(execution_id))
    connection = await socket(execution_id)
    first = await connection.read_message()
    # Only now may the model speak: both readers see it live.
    await following(2)
    open_gate(scripted.gate)
    by_socket = json.loads(first) + await everything(connection)
    by_sse = await reading
    check(by_socket)
    assert streamed(by_socket) == TEXT
    assert by_sse == by_socket
    # Read afterwards, the pieces are gone, their sum is in the step.
    durable = [event for event in by_sse if event["kind"] != "token"]
    late = await call("GET", f"/api/builder/executions/{execution_id}/events", key=full_key)
    assert late.json == {"events": durable}
    assert await sse(execution_id) == durable
    assert await everything(await socket(execution_id)) == durable


def open_gate(gate: asyncio.Event) -> None:
    """Set an event that a coroutine of the runtime's loop waits for."""
    gate._loop.call_soon_threadsafe(gate.set)  # type: ignore[attr-defined] - bound when first waited for


async def test_resuming_leaves_no_gap_and_repeats_nothing(
    start: Callable[[], Awaitable[str]],
    sse: Any,
    socket: Any,
    *,
    scripted: ScriptedModel,
    following: Callable[[int], Awaitable[None]],
) -> None:
    scripted.middle_gate = asyncio.Event()
    execution_id = await start()
    connection = await socket(execution_id)
    seen: list[Event] = []
    async for batch in frames(connection):
        seen += batch
        if seen[-1]["kind"] == "token":
            break
    connection.close()
    last = seen[-1]["seq"]
    resumed = [
        asyncio.ensure_future(sse(execution_id, f"?after={last}")),
        asyncio.ensure_future(sse(execution_id, Last_Event_ID=str(last))),
        asyncio.ensure_future(sse(execution_id, "?after=1", Last_Event_ID=str(last))),
        asyncio.ensure_future(everything(await socket(execution_id, f"?after={last}"))),
    ]
    await following(4)
    open_gate(scripted.middle_gate)
    for rest in await asyncio.gather(*resumed):
        check(seen + rest)
        assert streamed(seen + rest) == TEXT
    assert await sse(execution_id, f"?after={10**15}") == []


async def test_the_head_does_not_wait_for_an_event(
    start: Callable[[], Awaitable[str]], sse: Any, *, scripted: ScriptedModel, server_url: str, full_key: str
) -> None:
    """Who resumes a quiet run must learn at once that the stream is there, not at the first sign of life."""
    scripted.gate = asyncio.Event()
    execution_id = await start()
    url = f"{server_url}/api/builder/executions/{execution_id}/events?after=1000000"
    heads: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def head(line: str) -> None:
        if not heads.done():
            heads.set_result(line)

    request = HTTPRequest(
        url,
        headers={"Accept": "text/event-stream", "Authorization": f"Bearer {full_key}"},
        header_callback=head,
        streaming_callback=lambda _chunk: None,
    )
    reading = asyncio.ensure_future(AsyncHTTPClient().fetch(request))
    assert "200" in await asyncio.wait_for(heads, 5)
    assert not reading.done()
    open_gate(scripted.gate)
    await reading


async def test_readers_that_go_away_leave_nothing_behind(
    start: Callable[[], Awaitable[str]],
    socket: Any,
    *,
    scripted: ScriptedModel,
    server_url: str,
    full_key: str,
    runtime: Runtime,
    builder_log: pytest.LogCaptureFixture,
    following: Callable[[int], Awaitable[None]],
) -> None:
    scripted.gate = asyncio.Event()
    execution_id = await start()
    before = len(asyncio.all_tasks())
    path = server_url.removeprefix("http://")
    host, _, path = path.partition("/")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(
        f"GET /{path}/api/builder/executions/{execution_id}/events HTTP/1.1\r\nHost: {host}\r\n"
        f"Accept: text/event-stream\r\nAuthorization: Bearer {full_key}\r\n\r\n".replace("GET //", "GET /").encode()
    )
    await reader.readuntil(b"data: ")
    connection = await socket(execution_id)
    await connection.read_message()
    await following(2)
    writer.close()
    await writer.wait_closed()
    connection.close()
    await following(0)
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > before:
            await runtime.portal.ask(counted())
    open_gate(scripted.gate)
    picture = await runtime.portal.ask(runtime.executions.wait(principal(), execution_id, seconds=5))
    assert picture["status"] == "completed"
    assert [record.getMessage() for record in builder_log.records if record.levelno >= logging.WARNING] == []


def principal() -> Any:
    from builder_jupyter.identity.principal import local_principal

    return local_principal("alice")


async def test_what_cannot_be_followed(call: Call, full_key: str, start: Any, *, socket: Any, foreign_key: str) -> None:
    accept = {"Accept": "text/event-stream"}
    execution_id = await start()
    for path, key, status in (
        ("exec_0/events", full_key, 404),
        (f"{execution_id}/events", foreign_key, 404),
        (f"{execution_id}/events?after=x", full_key, 400),
        (f"{execution_id}/events?after=-1", full_key, 400),
        (f"{execution_id}/events", None, 401),
        (f"{execution_id}/socket", full_key, 400),
        (f"{execution_id}/socket", None, 401),
    ):
        answer = await call("GET", f"/api/builder/executions/{path}", key=key, headers=accept)
        assert answer.status == status, path
        assert set(answer.json) >= {"error", "message", "code"}
        assert answer.headers["Content-Type"] == "application/json"
    bearer = {"Authorization": f"Bearer {foreign_key}"}
    for refused, after, headers, status in (
        ("exec_0", "", None, 404),
        (execution_id, "", bearer, 404),
        (execution_id, "?after=x", None, 400),
        (execution_id, "", {}, 401),
        (execution_id, "", {"Authorization": "Bearer builder_unknown"}, 401),
    ):
        with pytest.raises(HTTPClientError) as info:
            await socket(refused, after, headers)
        assert info.value.code == status
        assert set(json.loads(info.value.response.body)) >= {"error", "message", "code"}


async def test_sockets_and_other_origins(
    call: Call, full_key: str, start: Any, *, socket: Any, jp_auth_header: dict[str, str], server_url: str
) -> None:
    execution_id = await start()
    cookies = (await call("GET", "/api/me", headers=jp_auth_header)).cookies
    browser = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    evil = {"Origin": "https://evil.example"}
    own = {"Origin": "http://" + server_url.split("/")[2]}
    with pytest.raises(HTTPClientError) as info:
        await socket(execution_id, "", browser | evil)
    assert info.value.code == 403
    assert json.loads(info.value.response.body)["error"] == "forbidden"
    for allowed in (browser | own, browser, {"Authorization": f"Bearer {full_key}"} | evil):
        assert await everything(await socket(execution_id, "", allowed))


async def test_a_store_that_fails_ends_the_streams(
    start: Callable[[], Awaitable[str]], socket: Any, *, scripted: ScriptedModel, runtime: Runtime
) -> None:
    """Not a word more can be promised, so nobody is kept waiting for one."""
    scripted.gate = asyncio.Event()
    execution_id = await start()
    connection = await socket(execution_id)
    await connection.read_message()
    runtime.database.failure = "the disk is full"
    open_gate(scripted.gate)
    async with asyncio.timeout(5):
        await everything(connection)
    assert connection.close_code == 1011
