"""What sockets have in common: everything is refused before the handshake, and who is no longer known is let go."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from builder_jupyter import errors
from builder_jupyter.rest.handler import OwnCredentials
from builder_jupyter.rest.routing import builder_body, fault_of

EXPELLED = 4401
"""The code with which a socket closes whose credential has expired or was revoked: 401 among the codes of our own."""


class Socket(OwnCredentials, ExtensionHandlerMixin, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """A WebSocket. Subclasses call `check_handshake` first of all in ``get``."""

    path: str
    family = staticmethod(builder_body)
    _guard: asyncio.Task[None] | None = None

    def check_handshake(self) -> None:
        """Refuse in our shape what Tornado would refuse with bare texts. Raises `Forbidden`, `InvalidInput`."""
        if not self.check_origin():
            raise errors.Forbidden("Pages of another origin may not open this socket.")
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise errors.InvalidInput("This route speaks WebSocket only.", code="NOT_A_WEBSOCKET")

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to watch the caller's credential."""
        super().open(*args, **kwargs)
        self._guard = asyncio.create_task(self._expel())

    async def _expel(self) -> None:
        await self.call(self.runtime.keys.ended(self.caller))
        error = errors.Unauthenticated("Invalid or expired token")
        try:
            await self.farewell(self.family(fault_of(error, 401)))
        except WebSocketClosedError:  # gone by itself: nobody to tell
            return
        self.close(EXPELLED, error.code)

    async def farewell(self, body: dict[str, Any]) -> None:
        """Say why the socket is about to close: an object, where everything else is a list."""
        await self.write_message(json.dumps(body))

    def on_close(self) -> None:
        """Watch no longer."""
        super().on_close()
        if self._guard is not None:
            self._guard.cancel()
