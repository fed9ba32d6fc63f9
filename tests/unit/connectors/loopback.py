"""A server on loopback that speaks, or misspeaks, the OpenAI chat protocol."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


@dataclass
class Loopback:
    """Answers each request with the next reply; records requests and whether the client hung up."""

    replies: list[Any]
    port: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append(json.loads(body))
            self.headers.append(headers)
            self.asked.set()
            await self.replies[len(self.requests) - 1](self, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            writer.close()


@asynccontextmanager
async def loopback(*replies: Any) -> AsyncIterator[Loopback]:
    server = Loopback(list(replies))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


def status(code: int, body: Any, headers: Sequence[str] = ()) -> Any:
    async def reply(_server: Loopback, _reader: Any, writer: asyncio.StreamWriter) -> None:
        content = json.dumps(body).encode()
        lines = [
            f"HTTP/1.1 {code} X",
            f"Content-Length: {len(content)}",
            "Content-Type: application/json",
            *headers,
        ]
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + content)
        await writer.drain()

    return reply


def sse(*events: Any, forever: bool = False) -> Any:
    """Stream events (dicts, or raw bytes); ``forever`` then waits until the client hangs up."""

    async def reply(server: Loopback, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for event in events:
            raw = event if isinstance(event, bytes) else f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
            writer.write(raw)
            await writer.drain()
        if forever:
            assert await reader.read() == b""  # returns when the client closes its side
            server.hung_up.set()

    return reply


def text(content: str) -> dict[str, Any]:
    return _chunk({"delta": {"content": content, "role": "assistant"}, "finish_reason": None})


def end(reason: str = "stop") -> dict[str, Any]:
    return _chunk({"delta": {}, "finish_reason": reason})


def call(index: int, **parts: Any) -> dict[str, Any]:
    function = {key: parts[key] for key in ("name", "arguments") if key in parts}
    piece = {"index": index, "function": function} | ({"id": parts["id"], "type": "function"} if "id" in parts else {})
    return _chunk({"delta": {"tool_calls": [piece]}, "finish_reason": None})


def usage(asked: int, answered: int) -> dict[str, Any]:
    counted = {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [],
        "usage": counted,
    }


DONE = b"data: [DONE]\n\n"


def _chunk(choice: dict[str, Any]) -> dict[str, Any]:
    whole = {"index": 0, **choice}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [whole]}
