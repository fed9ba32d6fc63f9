"""One exchange over a connection to an address that was checked before; `outbound` is the way in.

Below httpx, which could be told an address but not to keep the name: here the name stays in the header ``Host``, in
TLS's server name and in the certificate that is asked for, while the connection goes to the address.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import httpcore

from builder_jupyter.errors import OutputInvalid, ProviderError
from builder_jupyter.nodes.http import HttpReply, HttpRequest

if TYPE_CHECKING:
    from builder_jupyter.connectors.outbound import Target

UNWANTED_SECONDS = 1.0
"""A body that nobody wants is read as a courtesy, and no longer than this."""


class _Dialler(httpcore.AsyncNetworkBackend):
    """Connects to one of some addresses, whatever name it is given."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the addresses in their order."""
        del host
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


async def exchange(request: HttpRequest, target: Target, addresses: Sequence[str], trust: ssl.SSLContext) -> HttpReply:
    """Send a request over a new connection to one of the addresses, and read the answer up to its limit.

    No redirect is followed, no proxy asked, nothing decompressed, and no cookie kept.

    Raises
    ------
    ProviderError : ``HTTP_UNREACHABLE``, ``HTTP_TIMEOUT``.
    OutputInvalid : ``HTTP_BAD_ANSWER``.
    """
    timeouts = {"connect": request.connect_seconds, "read": request.seconds, "write": request.seconds, "pool": None}
    url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    headers = [("Host", target.authority), *request.headers.items()]
    has_body = bool(request.body) or request.method in {"POST", "PUT", "PATCH"}
    try:
        async with (
            httpcore.AsyncConnectionPool(ssl_context=trust, network_backend=_Dialler(addresses)) as pool,
            pool.stream(
                request.method,
                url,
                headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers],
                content=request.body if has_body else None,
                extensions={"timeout": timeouts},
            ) as answer,
        ):
            return await _read(answer, request)
    except httpcore.TimeoutException as error:
        raise ProviderError("The peer took too long.", code="HTTP_TIMEOUT", retryable=True) from error
    except httpcore.ProtocolError as error:
        raise OutputInvalid("The peer's answer is not HTTP.", code="HTTP_BAD_ANSWER", retryable=True) from error
    except (httpcore.NetworkError, OSError) as error:
        raise ProviderError(
            f"The peer could not be reached ({type(error).__name__}).", code="HTTP_UNREACHABLE", retryable=True
        ) from error


async def _read(answer: httpcore.Response, request: HttpRequest) -> HttpReply:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
    body = bytearray()
    try:
        async with asyncio.timeout(None if request.wants_body else UNWANTED_SECONDS):
            async for piece in cast(AsyncIterable[bytes], answer.stream):
                body += piece
                if len(body) > request.max_bytes:
                    return HttpReply(answer.status, headers, bytes(body[: request.max_bytes]), is_whole=False)
    except (httpcore.TimeoutException, httpcore.ProtocolError, httpcore.NetworkError, TimeoutError):
        if request.wants_body:
            raise
        return HttpReply(answer.status, headers, bytes(body), is_whole=False)
    return HttpReply(answer.status, headers, bytes(body))
