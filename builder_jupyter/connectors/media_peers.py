"""What every provider of media is called with: one request at a time, answers with a limit, one vocabulary of errors.

Addresses come from the server's settings. What a provider's answer names is another matter: a file is fetched from the
provider's own origin, or else through `Fetch`, which calls public addresses alone.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from builder_jupyter.connectors import provider_errors
from builder_jupyter.connectors.peers import is_loopback, tls
from builder_jupyter.errors import BuilderError, OutputInvalid, ProviderError
from builder_jupyter.nodes.http import Http, HttpRequest
from builder_jupyter.nodes.media import MediaFile
from builder_jupyter.nodes.media_types import MAX_BYTES, canonical, guess

if TYPE_CHECKING:
    import httpx

Fetch = Callable[[str, int], Awaitable[tuple[bytes, str]]]
"""Returns what lies at a public address, of at most so many bytes, and its Content-Type."""

LARGEST = max(MAX_BYTES.values())
MAX_JSON_BYTES = 64 * 2**20
FETCH_SECONDS = 120.0
REDIRECTS = 3
_CONNECT_SECONDS = 10.0
_REFUSALS = re.compile(r"content[_-]?polic|moderation|safety|content[_-]?filter|nsfw|blocked", re.IGNORECASE)
_REASON = re.compile(r"[A-Za-z][A-Za-z_]{2,59}")


@dataclass(frozen=True, slots=True)
class Peer:
    """One provider's server.

    Parameters
    ----------
    name : of the model, which messages name.
    url : what all paths are below.
    headers : what says who we are; never shown.
    seconds : longest wait for the next piece of an answer; the step's own limit bounds the whole.
    """

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 180.0

    async def send(self, method: str, path: str, *, most: int = MAX_JSON_BYTES, **content: Any) -> tuple[bytes, str]:
        """Return the body of a successful answer and its Content-Type.

        Raises `ProviderError`: ``PROVIDER_UNREACHABLE``, ``PROVIDER_BAD_ANSWER``, or as `refusal`.
        """
        url = f"{self.url.rstrip('/')}/{path.lstrip('/')}"
        return await self._exchange(method, url, {**self.headers, **content.pop("headers", {})}, most, content)

    async def ask(self, method: str, path: str, **content: Any) -> Any:
        """Return the JSON value of a successful answer. Raises as `send`."""
        body, _ = await self.send(method, path, **content)
        try:
            return json.loads(body)
        except ValueError as error:
            raise provider_errors.bad_answer(self.name, "JSON") from error

    async def file_at(self, url: str, fetch: Fetch, *, declared: str | None = None) -> MediaFile:
        """Return the file that an answer names: a ``data:`` address, one of the provider's own, or a public one.

        Raises `ProviderError`, also (``PROVIDER_BAD_ANSWER``) for an address that may not be called.
        """
        try:
            if url.startswith("data:"):
                content, kind = data_url(url)
            elif _origin(url) == _origin(self.url):
                content, kind = await self._exchange("GET", url, {}, LARGEST, {})
            else:
                content, kind = await fetch(url, LARGEST)
        except ProviderError:
            raise
        except (BuilderError, ValueError) as error:
            raise provider_errors.bad_answer(self.name, "the address of a file") from error
        return as_file(content, declared or kind)

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], most: int, content: Mapping[str, Any]
    ) -> tuple[bytes, str]:
        client = await asyncio.to_thread(self._client)  # the first call imports httpx for 0.2 s
        import httpx

        async with client:
            try:
                async with client.stream(method, url, headers=dict(headers), **content) as response:
                    body = bytearray()
                    async for piece in response.aiter_bytes():
                        body += piece
                        if len(body) > most:
                            raise provider_errors.bad_answer(self.name, f"more than {most:,} bytes")
                    if not response.is_success:
                        raise refusal(self.name, response.status_code, response.headers, parsed(bytes(body)))
                    return bytes(body), response.headers.get("content-type", "")
            except httpx.HTTPError as error:
                raise provider_errors.unreachable(self.name, error) from error

    def _client(self) -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(
            timeout=httpx.Timeout(self.seconds, connect=_CONNECT_SECONDS),
            verify=tls(trusting=urlsplit(self.url).scheme == "https"),
            trust_env=not is_loopback(self.url),  # a proxy cannot reach our loopback, and must not see its key
        )


def fetching(http: Http) -> Fetch:
    """Return what fetches files from public addresses through the guard for calls to the outside."""

    async def fetch(url: str, most: int) -> tuple[bytes, str]:
        reply = await http.send(HttpRequest("GET", url, redirects=REDIRECTS, seconds=FETCH_SECONDS, max_bytes=most))
        if reply.status != 200:
            raise provider_errors.status_error("the file", reply.status, headers=reply.headers)
        if not reply.is_whole:
            raise OutputInvalid(f"The file at the address has more than {most:,} bytes.", code="FILE_TOO_LARGE")
        return reply.body, reply.headers.get("content-type", "")

    return fetch


def refusal(name: str, status: int, headers: Mapping[str, str], body: Any) -> ProviderError:
    """Return the error for an HTTP status of at least 300: what kind it is, never the provider's own prose.

    A provider that will not make what the prompt asks for gives ``CONTENT_REFUSED``: no second attempt mends that.
    """
    reason = _reason(body)
    if reason and status in range(400, 500) and _REFUSALS.search(reason):
        return ProviderError(
            f"The model {name} refuses to make this ({reason}).",
            code="CONTENT_REFUSED",
            details={"model": name, "status": status, "reason": reason},
        )
    return provider_errors.status_error(name, status, headers=headers, body={"error": {"code": reason}})


def failed(name: str, reason: Any) -> ProviderError:
    """Return the error for work that a provider has begun and could not finish; trying again would cost again."""
    told = reason if isinstance(reason, str) and _REASON.fullmatch(reason) else None
    code = "CONTENT_REFUSED" if told and _REFUSALS.search(told) else "PROVIDER_FAILED"
    return ProviderError(f"The model {name} could not make it{f' ({told})' if told else ''}.", code=code)


def parsed(body: bytes) -> Any:
    """Return a body as JSON, None when it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def data_url(url: str) -> tuple[bytes, str]:
    """Return the content and the type of a ``data:`` address. Raises `ValueError` for one that cannot be read."""
    head, comma, text = url.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ValueError("it is not Base64")
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("it is not Base64") from None
    return content, head[5:-7]


def to_data_url(file: MediaFile) -> str:
    """Return a file as a ``data:`` address."""
    return f"data:{file.mime_type};base64,{base64.b64encode(file.content).decode('ascii')}"


def as_file(content: bytes, declared: str) -> MediaFile:
    """Return a file with the type that its content speaks for, else the declared one."""
    kind = canonical(declared)
    found = guess(content)
    # Containers hold sound or pictures alike: there the declaration knows more than the first bytes.
    is_container = found in {"video/webm", "video/mp4"} and kind in {"audio/webm", "video/quicktime", "image/avif"}
    return MediaFile(content, kind if found is None or is_container else found)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _reason(body: Any) -> str | None:
    """Return the identifier by which an answer says what was wrong, wherever providers put it."""
    if not isinstance(body, Mapping):
        return None
    detail = body.get("detail", body.get("error", body))
    if isinstance(detail, list):
        detail = detail[0] if detail else None
    if not isinstance(detail, Mapping):
        detail = body
    found = (detail.get(name) for name in ("code", "type", "status"))
    return next((one for one in found if isinstance(one, str) and _REASON.fullmatch(one)), None)
