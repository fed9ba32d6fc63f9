"""HTTP as a node sees it: a request, its answer, and who sends it; and what the parts of a request may look like.

Which addresses may be called at all is decided where they are resolved, in `connectors.outbound`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from builder_jupyter.errors import InvalidInput

MAX_URL_CHARACTERS = 2_048
MAX_HEADERS = 64
HTTPS = frozenset({"https"})
WEB = frozenset({"http", "https"})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# What the connection says by itself, what would pass for a proxy's word, and what belongs to a browser's session.
BLOCKED_HEADERS = frozenset({
    "host", "connection", "content-length", "cookie", "set-cookie", "transfer-encoding", "keep-alive", "te", "trailer",
    "upgrade", "expect", "forwarded", "via", "origin", "referer",
})  # fmt: skip
BLOCKED_PREFIXES = ("x-forwarded-", "proxy-")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to an address from outside.

    Parameters
    ----------
    schemes : those that the address and what it redirects to may have.
    redirects : how many are followed; with none, an answer that redirects is an answer like any other.
    seconds, connect_seconds : the whole exchange may take so long, and each connection.
    max_bytes : of the answer's body; what is beyond is not read.
    wants_body : whether an answer counts only with its body; else its status does.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    schemes: frozenset[str] = HTTPS
    redirects: int = 0
    seconds: float = 10.0
    connect_seconds: float = 5.0
    max_bytes: int = 64 * 1024
    wants_body: bool = True


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An answer. ``headers`` have names in small letters; ``is_whole`` says whether all of the body was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool = True

    @property
    def text(self) -> str:
        """The body as text, in the character set that it names or UTF-8; what is neither becomes U+FFFD."""
        named = re.search(r"charset=\"?([\w.:-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        try:
            return self.body.decode(named[1] if named else "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


class Http(Protocol):
    """Sends requests to addresses that a workflow names."""

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send a request and return the answer, whatever its status.

        Raises
        ------
        InvalidInput : ``INVALID_URL``, ``ADDRESS_REFUSED``: this is not called, now or later.
        ProviderError : ``HTTP_UNREACHABLE``, ``HTTP_TIMEOUT``: retryable.
        OutputInvalid : ``HTTP_BAD_ANSWER``, ``HTTP_TOO_MANY_REDIRECTS``.
        """
        ...


def check_url(url: str, schemes: frozenset[str] = WEB) -> None:
    """Let an address through that has the shape of one.

    Raises `InvalidInput` (``INVALID_URL``). Nothing is resolved. Source: spec builder-studio §6.1.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise _invalid_url(f"has more than {MAX_URL_CHARACTERS} characters")
    if _ODD.search(url):
        raise _invalid_url("has blanks, control characters or backslashes in it")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _invalid_url("cannot be read") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise _invalid_url(f"is no absolute {' or '.join(sorted(schemes))} address")
    if "@" in parts.netloc:
        raise _invalid_url("has a user name or password in it")
    if "#" in url:
        raise _invalid_url("has a fragment")


def _invalid_url(reason: str) -> InvalidInput:
    return InvalidInput(f"The URL {reason}.", code="INVALID_URL")


def read_headers(given: Any) -> dict[str, str]:
    """Return the headers that a node has, as an object or as its JSON text.

    Raises `InvalidInput` (``INVALID_HEADERS``). Source: spec builder-studio §6.2.
    """
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip() else {}
        except (ValueError, RecursionError):
            raise _invalid_headers("are not JSON") from None
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise _invalid_headers("are no object")
    if len(given) > MAX_HEADERS:
        raise _invalid_headers(f"are more than {MAX_HEADERS}")
    for name, value in given.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise _invalid_headers("have a name that HTTP does not know")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise _invalid_headers(f"have a value for {name!r} that is no text of one line")
        if name.lower() in BLOCKED_HEADERS or name.lower().startswith(BLOCKED_PREFIXES):
            raise _invalid_headers(f"may not have {name!r}")
    if len({name.lower() for name in given}) < len(given):
        raise _invalid_headers("have the same name twice")
    return dict(given)


def _invalid_headers(reason: str) -> InvalidInput:
    return InvalidInput(f"The headers {reason}.", code="INVALID_HEADERS")
