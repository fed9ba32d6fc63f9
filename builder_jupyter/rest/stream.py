"""Following an execution: server-sent events and a WebSocket, both resumable by ``seq``.

Events go out in arrays: whatever piled up while the last array was being written is the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator
from typing import Any

from pydantic import BaseModel, Field
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from builder_jupyter import errors
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.json_body import validated
from builder_jupyter.rest.models import EventList
from builder_jupyter.rest.routing import fault_of, route
from builder_jupyter.rest.socket import Socket

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 15.0
Batch = list[dict[str, Any]]


class After(BaseModel):
    """Where to resume: events with a greater ``seq`` are sent."""

    after: int = Field(default=0, ge=0, le=2**53)


class ExecutionEvents(BuilderFamily):
    """The events of one execution."""

    path = "/api/builder/executions/{execution_id}/events"
    _following: asyncio.Task[Any] | None = None

    @route(Scope.RUN_WORKFLOWS, query=After, answer=EventList, stream="text/event-stream")
    async def get(self, execution_id: str) -> None:
        """Return the events so far, or follow them as server-sent events when the client accepts those.

        ``Last-Event-ID`` counts as ``after``: a browser's reconnection resumes by itself.
        """
        after = self.query(After).after
        if "text/event-stream" not in self.request.headers.get("Accept", ""):
            events = await self.call(self.runtime.executions.history(self.caller, execution_id, after=after))
            self.answer({"events": events})
            return
        last = self.request.headers.get("Last-Event-ID", "")
        after = max(after, int(last)) if last.isdecimal() and len(last) < 17 else after
        await self.call(self.runtime.executions.find(self.caller, execution_id))  # 404 before the stream begins
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        source = self.follow(self.runtime.executions.events(self.caller, execution_id, after=after))
        # A task of its own, to be cancelled when the reader goes away: Tornado takes a cancelled request for a failure.
        self._following = asyncio.create_task(self._send(source))
        ended = asyncio.create_task(self.call(self.runtime.keys.ended(self.caller)))
        try:
            await asyncio.wait({self._following, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not self._following.done():
                await self._expel(self._following)
        finally:
            self._following.cancel()
            ended.cancel()
        if self._following.done() and not self._following.cancelled():
            self._following.result()
            await self.finish(set_content_type="text/event-stream; charset=utf-8")

    async def _expel(self, following: asyncio.Task[Any]) -> None:
        """End the stream: what the caller has shown is no longer good."""
        following.cancel()
        await asyncio.wait({following})
        fault = fault_of(errors.Unauthenticated("Invalid or expired token"), 401)
        with contextlib.suppress(StreamClosedError):
            self.write(f"event: error\ndata: {json.dumps(self.family(fault))}\n\n")
            await self.finish(set_content_type="text/event-stream; charset=utf-8")

    async def _send(self, source: AsyncGenerator[Batch, None]) -> None:
        with contextlib.suppress(StreamClosedError):  # the reader went away: nobody to tell
            await self.flush()  # the head at once: the first event may be long in coming
            async with contextlib.aclosing(with_keep_alive(source)) as batches:
                async for batch in batches:
                    self.write(_frame(batch))
                    await self.flush()

    def on_connection_close(self) -> None:
        """Stop following: the reader is gone."""
        if self._following is not None:
            self._following.cancel()


class ExecutionSocket(Socket):
    """The events of one execution over a WebSocket: text frames, each a JSON array of events.

    Before the server closes it because the credential is no longer good, an object says so, as errors do elsewhere.
    """

    path = "/api/builder/executions/{execution_id}/socket"

    @route(Scope.RUN_WORKFLOWS, query=After, stream="websocket")
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Follow an execution over a WebSocket; the socket closes when it is over."""
        self.check_handshake()
        self._after = validated(After, {"after": self.get_query_argument("after", "0")}, code="INVALID_WORKFLOW").after
        await self.call(self.runtime.executions.find(self.caller, kwargs["execution_id"]))
        await super().get(*args, **kwargs)

    def open(self, execution_id: str) -> None:
        """Begin to send."""
        super().open(execution_id)
        self._sending = asyncio.create_task(self._send(execution_id))

    async def _send(self, execution_id: str) -> None:
        source = self.follow(self.runtime.executions.events(self.caller, execution_id, after=self._after))
        try:
            async with contextlib.aclosing(source):
                async for batch in source:
                    await self.write_message(json.dumps(batch, ensure_ascii=False))
        except WebSocketClosedError:  # the reader went away: nobody to tell
            return
        except errors.BuilderError as error:
            log.warning("execution %s cannot be followed any further: %s", execution_id, error)
            self.close(1011, error.code)
        else:
            self.close()

    def on_message(self, message: str | bytes) -> None:
        """Take no notice: nothing is asked of the client."""

    def on_close(self) -> None:
        """Stop sending: the reader is gone."""
        super().on_close()
        sending: asyncio.Task[None] | None = getattr(self, "_sending", None)
        if sending is not None:
            sending.cancel()


async def with_keep_alive(source: AsyncGenerator[Batch, None]) -> AsyncGenerator[Batch, None]:
    """Yield what the source yields, and an empty batch whenever it has been silent for a while."""
    pending: asyncio.Task[Batch] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait({pending}, timeout=KEEP_ALIVE_SECONDS)
            if not done:
                yield []
                continue
            try:
                batch = pending.result()
            except StopAsyncIteration:
                return
            finally:
                pending = None
            yield batch
    finally:
        if pending is not None:
            pending.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await pending
        await source.aclose()


def _frame(batch: Batch) -> str:
    if not batch:
        return ": still here\n\n"
    return f"id: {batch[-1]['seq']}\nevent: events\ndata: {json.dumps(batch, ensure_ascii=False)}\n\n"
