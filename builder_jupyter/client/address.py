"""The address of a server, and what is shown at its door."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from builder_jupyter.errors import InvalidInput, Unavailable

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
BEARER = ("builder_", "cdp_", "umcp_", "eyJ")
"""What our own keys and tokens begin with."""


def split_token(url: str) -> tuple[str, str | None]:
    """Return a server's URL, ending in a slash, without credentials, and the token that was in its query.

    Raises `InvalidInput` (``INVALID_URL``) for what is not an http address.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput(
            "The address of a server starts with http:// or https://.",
            code="INVALID_URL",
            hint='Or write "embedded" to run in this process.',
        )
    token = parse_qs(parts.query).get("token", [None])[0]
    place = f"[{host}]" if ":" in host else host
    netloc = place if port is None else f"{place}:{port}"
    return urlunsplit((parts.scheme, netloc, parts.path.rstrip("/") + "/", "", "")), token


def authorization(credential: str) -> dict[str, str]:
    """Return the header that shows a credential: an API key or token of ours, or the server's Jupyter token."""
    scheme = "Bearer" if credential.startswith(BEARER) else "token"
    return {"Authorization": f"{scheme} {credential}"}


def unreachable(url: str, error: Exception) -> Unavailable:
    """Return the error for a server that does not answer."""
    return Unavailable(
        f"The server at {url} does not answer ({type(error).__name__}).",
        code="SERVER_UNREACHABLE",
        hint="Is it running? See what is with: builder-jupyter doctor",
    )


def path_of(*parts: str) -> str:
    """Return a path whose parts, all but the first, may hold any text."""
    return "/".join([parts[0], *(quote(part, safe="") for part in parts[1:])])
