"""The socket over which a kernel takes steps and gives back what came of them (`parcels`, `services.workers`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from tornado.websocket import WebSocketClosedError

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.parcels import PIECE_BYTES, Unpacker, pieces
from builder_jupyter.rest.json_body import validated
from builder_jupyter.rest.routing import route
from builder_jupyter.rest.socket import Socket
from builder_jupyter.services.workers import WORKER_HEADER, Attached

log = logging.getLogger(__name__)


class WorkerQuery(BaseModel):
    """What a worker takes besides the steps of runs that it starts itself."""

    everything: bool = False


class WorkerSocket(Socket):
    """A kernel at work."""

    path = "/api/builder/worker"

    @property
    def max_message_size(self) -> int:
        """Pieces are no larger than this."""
        return 4 * PIECE_BYTES

    @route(Scope.RUN_WORKFLOWS, query=WorkerQuery, stream="websocket")
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Attach a kernel as a worker; it takes the steps of runs that are started with its token."""
        self.check_handshake()
        given = {"everything": self.get_query_argument("everything", "false")}
        query = validated(WorkerQuery, given, code="INVALID_WORKER")
        self._parcels: asyncio.Queue[tuple[Mapping[str, Any], Sequence[bytes]]] = asyncio.Queue()
        self._unpacker = Unpacker()
        loop = asyncio.get_running_loop()

        def send(message: Mapping[str, Any], attached: Sequence[bytes]) -> None:
            loop.call_soon_threadsafe(self._parcels.put_nowait, (message, attached))

        token = self.request.headers.get(WORKER_HEADER, "")
        # Before the handshake: a worker that is told it is attached may start a run at once.
        self._worker: Attached = await self.call(
            self.runtime.workers.attach(self.caller, token, send, everything=query.everything)
        )
        try:
            await super().get(*args, **kwargs)
        finally:
            if self.ws_connection is None:
                await self.call(self.runtime.workers.detach(self._worker))

    def open(self) -> None:
        """Begin to send."""
        super().open()
        self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while True:
                message, attached = await self._parcels.get()
                for piece in pieces(message, attached):
                    await self.write_message(piece, binary=isinstance(piece, bytes))
        except WebSocketClosedError:  # the worker is gone: `on_close` says so to whom it concerns
            return

    async def farewell(self, body: dict[str, Any]) -> None:
        """Say nothing: the code of the close is enough, and the worker hears why when it knocks again."""

    def on_message(self, message: str | bytes) -> None:
        """Hand on what the worker says. One that says what makes no sense is let go."""
        try:
            parcel = self._unpacker.take(message)
        except ValueError as error:
            log.warning("a worker is turned away: %s", error)
            self.close(1003, "malformed")
            return
        if parcel is not None:
            self.runtime.portal.loop.call_soon_threadsafe(self._worker.receive, *parcel)

    def on_close(self) -> None:
        """Let the worker go: what it was running is lost."""
        super().on_close()
        self._sending.cancel()
        if self.runtime.portal.is_open:
            asyncio.run_coroutine_threadsafe(self.runtime.workers.detach(self._worker), self.runtime.portal.loop)
