"""A Tornado request as an ASGI one: how the official MCP library, which speaks ASGI, answers in this server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from tornado.iostream import StreamClosedError

from builder_jupyter.rest.handler import BuilderHandler

Message = MutableMapping[str, Any]
Asgi = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

# Of the connection, not of the answer: Tornado says these itself.
HOP_BY_HOP = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


class AsgiHandler(BuilderHandler):
    """A handler whose requests an ASGI application answers."""

    _gone: asyncio.Event | None = None

    async def pass_on(self, application: Asgi, **about: Any) -> None:
        """Let an application answer this request. ``about`` goes into the ASGI scope beside what belongs there."""
        self._gone = asyncio.Event()
        exchange = _Exchange(self, self._gone)
        await application(self._scope(about), exchange.receive, exchange.send)

    def on_connection_close(self) -> None:
        """Tell the application that nobody reads its answer any more."""
        super().on_connection_close()
        if self._gone is not None:
            self._gone.set()

    def _scope(self, about: Mapping[str, Any]) -> dict[str, Any]:
        request = self.request
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.protocol,
            "path": request.path,
            "raw_path": request.path.encode(),
            "query_string": request.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers.get_all()],
            "client": (request.remote_ip, 0),
            "server": (request.host_name, None),
            **about,
        }


class _Exchange:
    """One request's body on its way in, and its answer on its way out."""

    def __init__(self, handler: AsgiHandler, gone: asyncio.Event) -> None:
        self._handler = handler
        self._gone = gone
        self._is_read = False
        self._media_type = "application/json"

    async def receive(self) -> Message:
        """Return the body, which Tornado has read whole; after that wait for the client to go away."""
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": self._handler.request.body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Write the head or a piece of the answer. What a client that went away would have read is dropped."""
        handler = self._handler
        if message["type"] == "http.response.start":
            handler.set_status(message["status"])
            handler.set_header("Cache-Control", "no-store")
            for raw_name, raw_value in message["headers"]:
                name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
                if name.lower() == "content-type":
                    self._media_type = value
                if name.lower() not in HOP_BY_HOP:
                    handler.set_header(name, value)
            if self._media_type.startswith("text/event-stream"):
                await self._flush()  # the head at once: the first event may be long in coming
            return
        if message.get("body") and not self._gone.is_set():
            handler.write(message["body"])
        if message.get("more_body"):
            await self._flush()
        elif not self._gone.is_set():
            handler.finish(set_content_type=self._media_type)

    async def _flush(self) -> None:
        try:
            await self._handler.flush()
        except StreamClosedError:
            self._gone.set()
