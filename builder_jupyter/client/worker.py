"""This kernel as a worker: it takes steps from a server over a socket of its own, and runs them among its variables.

The socket's loop is the client's, in a thread, so that steps run while a cell waits for the run that they belong to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.answers import error_of
from builder_jupyter.client.function_tools import TOOLS, FunctionTool
from builder_jupyter.client.http import HEADER
from builder_jupyter.client.steps import Load, Steps
from builder_jupyter.errors import BuilderError, Unavailable
from builder_jupyter.nodes.code import Job
from builder_jupyter.parcels import PIECE_BYTES, Unpacker, pieces

if TYPE_CHECKING:
    from tornado.websocket import WebSocketClientConnection

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
ANNOUNCE_SECONDS = 10.0
PING_SECONDS = 20.0
MAX_PAUSE_SECONDS = 30.0


class Worker:
    """A connection that gives a server's steps to this process; made anew when it is lost.

    Parameters
    ----------
    url : of the socket; ``headers`` carry the credential.
    everything : whether it also takes steps of runs that others have started in the workspace.
    load : returns an artefact of the server's; called in a step's thread.

    Attributes
    ----------
    token : by which the server knows this worker: runs started with it in the header `HEADER` come here. Nobody else
        is told it.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, everything: bool, load: Load) -> None:
        self.token = secrets.token_hex(16)
        self.everything = everything
        self._url = url
        self._headers = dict(headers)
        self._steps = Steps(load)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: WebSocketClientConnection | None = None
        self._telling: dict[str, asyncio.Event] = {}
        self._told: Mapping[str, FunctionTool] | None = None
        self._news: set[asyncio.Task[None]] = set()
        self._staying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect.

        Raises
        ------
        Unavailable : ``SERVER_UNREACHABLE``, or the server has no such route.
        """
        self._loop = asyncio.get_running_loop()
        connection = self._connection = await self._connect()
        TOOLS.listeners.add(self)
        self._staying = asyncio.create_task(self._stay(connection))

    @property
    def is_attached(self) -> bool:
        """Whether it has not been stopped, or turned away for good."""
        return self._staying is not None and not self._staying.done()

    async def announce(self) -> None:
        """Tell the server which functions of this process are tools, and wait until it knows; nothing if it does."""
        tools, connection = TOOLS.all(), self._connection
        if connection is None or (tools is self._told) or not (tools or self._told):
            return
        told = [{"name": t.name, "description": t.description, "schema": t.schema} for t in tools.values()]
        number = secrets.token_hex(8)
        known = self._telling[number] = asyncio.Event()
        try:
            await self._send(connection, {"do": "tools", "job": number}, [json.dumps(told).encode()])
            async with asyncio.timeout(ANNOUNCE_SECONDS):
                await known.wait()
            self._told = tools
        except TimeoutError:
            log.warning("The server does not take this notebook's tools.")
        finally:
            del self._telling[number]

    def tools_changed(self) -> None:
        """Tell the server soon. May be called from any thread."""
        if self._loop is not None and self.is_attached:
            with suppress(RuntimeError):  # the loop is closed: the client is
                self._loop.call_soon_threadsafe(self._announce_soon)

    def _announce_soon(self) -> None:
        task = asyncio.create_task(self.announce())
        self._news.add(task)
        task.add_done_callback(self._news.discard)

    async def stop(self) -> None:
        """Let go; code that runs is interrupted."""
        TOOLS.listeners.discard(self)
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.gather(self._staying, return_exceptions=True)

    async def _connect(self) -> WebSocketClientConnection:
        from tornado.httpclient import HTTPClientError, HTTPRequest
        from tornado.websocket import websocket_connect

        query = "?everything=true" if self.everything else ""
        request = HTTPRequest(
            self._url + query, headers={**self._headers, HEADER: self.token}, connect_timeout=CONNECT_SECONDS
        )
        try:
            return await websocket_connect(
                request, ping_interval=PING_SECONDS, max_message_size=4 * PIECE_BYTES
            )  # fmt: skip
        except HTTPClientError as error:
            body = error.response.body.decode(errors="replace") if error.response and error.response.body else ""
            raise error_of(error.code, body, error.response.headers if error.response else {}) from error
        except OSError as error:
            raise Unavailable("The server does not answer.", code="SERVER_UNREACHABLE") from error

    async def _stay(self, connection: WebSocketClientConnection) -> None:
        """Serve one connection after another, until the server turns us away."""
        pause = 0.1
        while True:
            try:
                await self._serve(connection)
            finally:
                self._connection = None
                connection.close()
                self._drop()
            while True:
                await asyncio.sleep(pause)
                try:
                    connection = await self._connect()
                except Unavailable:
                    pause = min(2 * pause, MAX_PAUSE_SECONDS)
                except BuilderError as error:
                    log.warning("This kernel no longer runs steps for the server: %s", error)
                    return
                else:
                    pause = 0.1
                    break

    async def _serve(self, connection: WebSocketClientConnection) -> None:
        unpacker = Unpacker()
        self._connection, self._told = connection, None
        self._announce_soon()
        while (frame := await connection.read_message()) is not None:
            parcel = unpacker.take(frame)
            if parcel is None:
                continue
            message, attached = parcel
            job_id = message["job"]
            if message["do"] == "run":
                task = asyncio.create_task(self._run(connection, job_id, attached[0]))
                self._running[job_id] = task
                task.add_done_callback(partial(self._ended, job_id))
            elif message["do"] == "tools":
                if job_id in self._telling:
                    self._telling[job_id].set()
            elif job_id in self._running:
                self._running[job_id].cancel()

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        del self._running[job_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a step's result could not be sent", exc_info=error)

    async def _run(self, connection: WebSocketClientConnection, job_id: str, body: bytes) -> None:
        texts: asyncio.Queue[str] = asyncio.Queue()
        telling = asyncio.create_task(self._tell(connection, job_id, texts))
        try:
            outcome = await self._steps.run(Job.from_json(body), texts.put_nowait)
            await texts.join()
        finally:
            telling.cancel()
        told = await asyncio.to_thread(lambda: outcome.to_json().encode())
        message = {"do": "done", "job": job_id, "frames": list(outcome.frames)}
        await self._send(connection, message, [told, *outcome.frames.values()])

    async def _tell(self, connection: WebSocketClientConnection, job_id: str, texts: asyncio.Queue[str]) -> None:
        while True:
            text = await texts.get()
            await self._send(connection, {"do": "text", "job": job_id, "text": text}, [])
            texts.task_done()

    async def _send(
        self, connection: WebSocketClientConnection, message: dict[str, Any], attached: list[bytes]
    ) -> None:
        from tornado.websocket import WebSocketClosedError

        with suppress(WebSocketClosedError):  # the server counts the step as lost
            async with self._sending:
                for piece in pieces(message, attached):
                    await connection.write_message(piece, binary=isinstance(piece, bytes))

    def _drop(self) -> None:
        """Stop what runs: nobody waits for it any more."""
        for task in (*self._running.values(), *self._news):
            task.cancel()
