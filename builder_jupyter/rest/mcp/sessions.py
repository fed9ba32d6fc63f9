"""The life of the library's session manager: it starts with the first request and ends with the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.server.lowlevel.server import Server

    from builder_jupyter.rest.mcp.bridge import Asgi

IDLE_SECONDS = 30 * 60.0
MAX_SESSIONS = 1_000


class Sessions:
    """The sessions of handshake clients, and the door for those of the stateless protocol.

    Parameters
    ----------
    max_body_bytes : larger requests are refused with 413.
    """

    def __init__(self, server: Server[Any], *, max_body_bytes: int) -> None:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        self._manager = StreamableHTTPSessionManager(
            server,
            session_idle_timeout=IDLE_SECONDS,
            max_request_body_size=max_body_bytes,
            max_sessions=MAX_SESSIONS,
        )
        self._stop = asyncio.Event()
        self._running: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._manager.run():
            self._running.set_result(None)
            await self._stop.wait()

    async def application(self) -> Asgi:
        """Return what answers requests, once it is ready."""
        await asyncio.shield(self._running)
        return self._manager.handle_request

    async def stop(self) -> None:
        """End all sessions."""
        self._stop.set()
        await self._task
