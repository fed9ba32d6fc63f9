"""Sessions with MCP servers, kept open: what they offer, and calls of their tools.

Each server has a task of its own, in which its session is entered and left: the scopes of the SDK must not change
tasks. A server that fails, is slow or talks nonsense is left out and asked again later, ever more rarely; the log says
so once, and never what it said.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import ContextVar
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from builder_jupyter.connectors.mcp_settings import ServerSettings
from builder_jupyter.connectors.mcp_tools import (
    MAX_MESSAGE,
    MAX_RESOURCES,
    MAX_TOOLS,
    ResourceInfo,
    resources_of,
    specs_of,
    value_of,
)
from builder_jupyter.errors import BuilderError, OutputInvalid, ProviderError, StepError, StepTimeout
from builder_jupyter.nodes.chat import ToolSpec
from builder_jupyter.nodes.display import clean

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")

log = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
LIST_SECONDS = 10.0
LIFETIME_SECONDS = 30.0
STREAM_SECONDS = 300.0
CONNECTION_CLOSED = -32000
"""As in `mcp_types`, which is loaded where there are servers only."""
FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 60.0
MAX_PAGES = 50
PROBLEM = "cannot be used"

_ours: ContextVar[bool] = ContextVar("builder_jupyter_mcp", default=False)
_CHATTY = (
    "client", "mcp.client.client", "mcp.client.session", "mcp.client.stdio", "mcp.client.streamable_http",
    "mcp.shared.jsonrpc_dispatcher", "mcp.shared.tool_name_validation", "mcp.os.posix.utilities", "httpx2",
)  # fmt: skip


class McpServer:
    """One server. Everything here happens on the runtime's loop.

    Attributes
    ----------
    specs, resources : what it listed last; they stay while it is away, so that a call says that it is.
    is_up : whether it is listed: it answered last time.
    is_settled : whether the first attempt to reach it is over, for better or worse.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.name = settings.name
        self.specs: dict[str, ToolSpec] = {}
        self.resources: tuple[ResourceInfo, ...] = ()
        self.is_up = False
        self.is_settled = asyncio.Event()
        self._settings = settings
        self._client: Client | None = None
        self._stream: Any = None
        self._listed_at = 0.0
        self._failures = 0
        self._is_lost = self._is_stopped = False
        self._wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self._said: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep a session."""
        self._task = asyncio.create_task(self._stay(), name=f"mcp-{self.name}")

    async def stop(self) -> None:
        """End the session; a command that was started for it ends too."""
        self._is_stopped = True  # leaving a broken session can turn the cancellation into its error
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def refresh_soon(self) -> None:
        """Have the listing made anew in the background, if it is old."""
        if asyncio.get_running_loop().time() - self._listed_at > LIFETIME_SECONDS:
            self._wanted.set()

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool and return its JSON-like value.

        Raises
        ------
        ProviderError : ``MCP_SERVER_LOST``, retryable: the server cannot be reached, or went away.
        StepTimeout : it did not answer in time; retryable.
        StepError : ``TOOL_FAILED`` with what the tool or the server says.
        OutputInvalid : its answer cannot be used.
        """
        client = await self._connected()
        seconds = self._settings.call_seconds
        quiet = _ours.set(True)
        try:
            async with asyncio.timeout(seconds):
                return value_of(await client.call_tool(tool, dict(arguments)), tool)
        except TimeoutError:
            raise StepTimeout(
                f"The MCP server {self.name!r} took longer than {seconds:g} seconds.", retryable=True
            ) from None
        except (ValueError, RuntimeError) as error:  # the SDK's words for an answer against protocol or schema
            if self._client is not client:
                raise self._lost() from error
            raise OutputInvalid(f"The answer of the MCP server {self.name!r} cannot be read.") from error
        except OSError as error:
            raise self._lost() from error
        except import_module("mcp").MCPError as error:
            raise self._refused(tool, error, client) from error
        finally:
            _ours.reset(quiet)

    def _refused(self, tool: str, error: Any, client: Client) -> StepError:
        types = import_module("mcp_types")
        self._wanted.set()  # a look at the listing shows whether the session still lives
        self._is_lost = self._is_lost or (error.code == CONNECTION_CLOSED and self._client is client)
        if error.code in (CONNECTION_CLOSED, types.REQUEST_TIMEOUT, types.INTERNAL_ERROR):
            return self._lost()
        return StepError(
            f"The MCP server {self.name!r} refused the tool {tool!r}: {clean(error.message)[:MAX_MESSAGE]}",
            code="TOOL_FAILED",
        )

    def _lost(self) -> ProviderError:
        return ProviderError(f"The MCP server {self.name!r} cannot be reached.", code="MCP_SERVER_LOST", retryable=True)

    async def _connected(self) -> Client:
        """Return the session; one that has just been lost is waited for."""
        if self._is_broken():
            self._wanted.set()
            with suppress(TimeoutError):
                failures = self._failures
                async with asyncio.timeout(CONNECT_SECONDS):
                    while self._is_broken() and self._failures == failures:
                        await self._changed.wait()
        if self._client is None or self._is_broken():
            raise self._lost()
        return self._client

    def _is_broken(self) -> bool:
        """Say whether there is no session, or its other end is gone: a dead command shows only there."""
        ends = getattr(self._stream, "statistics", None)
        return self._client is None or self._is_lost or (ends is not None and ends().open_send_streams == 0)

    # -- the server's own task -----------------------------------------------------------------------------------

    async def _stay(self) -> None:
        """Keep a session open, one after another."""
        _ours.set(True)
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._wanted.clear()
            try:
                await self._serve()
            except Exception as error:  # noqa: BLE001 - somebody else's server and transport may raise anything
                if self._client is not None:  # one that is just lost may be back at once: it stays listed
                    pause = FIRST_PAUSE_SECONDS
                else:
                    pause, self.is_up = min(2 * pause, MAX_PAUSE_SECONDS), False
                    self._failures += 1
                self._say(f"{PROBLEM}: {_reason(error)}")
            self._client = self._stream = None
            self._is_lost = False
            self._tell()
            if self._is_stopped:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wanted.wait()

    async def _serve(self) -> None:
        """Open a session and keep its listing fresh, until something goes wrong."""
        sdk = await asyncio.to_thread(import_module, "mcp")
        info = import_module("mcp_types").Implementation(name="builder_jupyter", version=version("builder_jupyter"))
        client = sdk.Client(self._transport(sdk), cache=None, read_timeout_seconds=None, client_info=info)
        async with _entered(client):
            await self._list(client)
            self._client = client
            while True:
                self._tell()
                await self._wanted.wait()
                self._wanted.clear()
                if self._is_broken():
                    raise ConnectionError
                await self._list(client)

    def _tell(self) -> None:
        self.is_settled.set()
        self._changed.set()
        self._changed.clear()

    @asynccontextmanager
    async def _transport(self, sdk: Any) -> AsyncIterator[Any]:
        """Open the way to the server, and keep hold of the end from which it is heard."""
        async with _way(self._settings, sdk) as streams:
            self._stream = streams[0]
            yield streams

    async def _list(self, client: Client) -> None:
        has, tools, resources = client.server_capabilities, [], []
        async with asyncio.timeout(LIST_SECONDS):
            if has.tools:
                tools = await _pages(client.list_tools, "tools", MAX_TOOLS)
            if has.resources:
                resources = await _pages(client.list_resources, "resources", MAX_RESOURCES)
        self.specs, faults = specs_of(tools)
        self.resources = resources_of(resources)
        for fault in faults:
            self._say(f"offers a {fault}")
        if PROBLEM in {said[: len(PROBLEM)] for said in self._said}:
            log.info("MCP server %s can be used again", self.name)
            self._said = {said for said in self._said if not said.startswith(PROBLEM)}
        self.is_up = True
        self._listed_at = asyncio.get_running_loop().time()

    def _say(self, problem: str) -> None:
        """Log a problem; the same again only after the server was well meanwhile."""
        if problem not in self._said and len(self._said) < 100:
            self._said.add(problem)
            log.warning("MCP server %s %s", self.name, problem)


class McpServers:
    """The configured servers, in the order of the settings."""

    def __init__(self, settings: Sequence[ServerSettings]) -> None:
        self._settings = settings
        self.servers: list[McpServer] = []

    def start(self) -> None:
        """Begin to reach them all, in the background. On the loop."""
        if self._settings:
            _hush()
        self.servers = [McpServer(settings) for settings in self._settings]
        for server in self.servers:
            server.start()

    async def stop(self) -> None:
        """End all sessions."""
        await asyncio.gather(*(server.stop() for server in self.servers))

    async def settled(self, seconds: float) -> None:
        """Wait until each has been reached or could not be, at most so long, and have old listings made anew."""
        waiting = [server.is_settled.wait() for server in self.servers if not server.is_settled.is_set()]
        if waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.gather(*waiting)
        for server in self.servers:
            server.refresh_soon()


@asynccontextmanager
async def _entered(client: Client) -> AsyncIterator[None]:
    """Enter a session, in bounded time, and leave it."""
    async with asyncio.timeout(CONNECT_SECONDS) as limit, client:
        limit.reschedule(None)
        yield


def _way(settings: ServerSettings, sdk: Any) -> AbstractAsyncContextManager[Any]:
    if settings.command:
        parameters = sdk.StdioServerParameters(
            command=settings.command, args=list(settings.arguments), env=settings.resolved()
        )
        return _command(sdk, parameters)
    return _http(settings)


@asynccontextmanager
async def _command(sdk: Any, parameters: Any) -> AsyncIterator[Any]:
    """Start a command. What it complains of goes where our own process's complaints go, where there is such a place."""
    own = sys.__stderr__
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: ASYNC230, PTH123 - it is no file
        async with sdk.stdio_client(parameters, errlog=nowhere if own is None or own.closed else own) as streams:
            yield streams


@asynccontextmanager
async def _http(settings: ServerSettings) -> AsyncIterator[Any]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    limits = httpx2.Timeout(CONNECT_SECONDS, read=max(settings.call_seconds, STREAM_SECONDS))
    async with (
        httpx2.AsyncClient(headers=settings.resolved(), timeout=limits) as http,
        streamable_http_client(settings.url, http_client=http) as streams,
    ):
        yield streams


async def _pages(ask: Callable[..., Coroutine[Any, Any, Any]], what: str, most: int) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await ask(cursor=cursor)
        found += getattr(page, what)
        cursor = page.next_cursor
        if not cursor or len(found) >= most:
            break
    return found[:most]


def _reason(error: BaseException) -> str:
    """Return why a server cannot be used, in words of our own: what it said may hold secrets."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, BuilderError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ConnectionError):
        return "the connection was lost"
    code = getattr(error, "code", None)
    if code == CONNECTION_CLOSED:
        return "it closed the connection"
    return f"{type(error).__name__}{f' {code}' if isinstance(code, int) else ''}"


class _NotOurs(logging.Filter):
    """Drops what the SDK logs on behalf of our sessions: it quotes what servers say."""

    def filter(self, record: logging.LogRecord) -> bool:
        del record
        return not _ours.get()


_filter = _NotOurs()


def _hush() -> None:
    for name in _CHATTY:
        logging.getLogger(name).addFilter(_filter)
