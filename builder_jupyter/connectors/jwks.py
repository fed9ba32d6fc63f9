"""An issuer's public keys, from an address or a file, kept for an hour.

A token that names an unknown key makes us look again at once, since issuers change their keys; but seldom, or whoever
sends made-up names would have us hammer the issuer. When the issuer cannot be reached, the keys we have go on working.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from builder_jupyter.clock import Clock
from builder_jupyter.connectors.peers import is_loopback, tls
from builder_jupyter.errors import ProviderError
from builder_jupyter.identity.jwt import read_key_set
from builder_jupyter.identity.jwt_settings import wrong

if TYPE_CHECKING:
    from joserfc.jwk import Key

log = logging.getLogger(__name__)

KEPT_SECONDS = 3_600.0
PAUSE_SECONDS = 10.0
"""How long nobody looks again, however many tokens name unknown keys."""

FETCH_SECONDS = 5.0
MAX_BYTES = 1024 * 1024

Read = Callable[[], Awaitable[bytes]]


class IssuerKeys:
    """The keys of one issuer by name. Lives on one event loop.

    ``read`` returns the key set's document; it raises `ProviderError` when it cannot.
    """

    def __init__(self, read: Read, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._fresh_until = float("-inf")
        self._pause_until = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Key | None:
        """Return the key of this name, None when the issuer has none or cannot be asked."""
        if kid not in self._keys or self._clock.monotonic() >= self._fresh_until:
            await self._look()
        return self._keys.get(kid)

    async def close(self) -> None:
        """Give up a look that is under way; whoever waits for it is told nothing more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    async def _look(self) -> None:
        """Read the keys again: one look at a time for all who ask, and none during the pause after the last."""
        if self._looking is None:
            if self._clock.monotonic() < self._pause_until:
                return
            self._looking = asyncio.create_task(self._read_again())
        # A caller that hangs up takes nothing away from the others.
        await asyncio.shield(self._looking)

    async def _read_again(self) -> None:
        try:
            self._keys = await asyncio.to_thread(read_key_set, await self._read())
            self._fresh_until = self._clock.monotonic() + KEPT_SECONDS
        except (ProviderError, ValueError) as error:
            log.warning("the issuer's keys cannot be read (%d are known from before): %s", len(self._keys), error)
        finally:
            self._pause_until = self._clock.monotonic() + PAUSE_SECONDS
            self._looking = None


def keys_of_file(path: Path, clock: Clock) -> IssuerKeys:
    """Return the keys in a file, which may change while the server runs.

    Raises
    ------
    NotConfigured : ``JWT_SETTINGS``: there is no such file now, or no key set in it.
    """
    try:
        read_key_set(_content(path))
    except (ProviderError, ValueError) as error:
        raise wrong(f"jwt_jwks_file {str(path)!r} cannot be used: {error}") from error

    async def read() -> bytes:
        return await asyncio.to_thread(_content, path)

    return IssuerKeys(read, clock)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProviderError(f"the file cannot be read ({error.strerror or type(error).__name__})") from error
    return _bounded(content)


def keys_at(address: str, clock: Clock) -> IssuerKeys:
    """Return the keys at an address. Nothing is asked for before the first token comes."""

    async def read() -> bytes:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                return await _fetch(address)
        except TimeoutError as error:
            raise ProviderError(f"no answer within {FETCH_SECONDS:g} s") from error

    return IssuerKeys(read, clock)


async def _fetch(address: str) -> bytes:
    """Return the document at an address. No redirect is followed: it could lead anywhere."""
    trusted = await asyncio.to_thread(
        tls, trusting=urlsplit(address).scheme == "https"
    )  # for https: imports httpx for 0.2 s
    import httpx

    through_proxy = not is_loopback(address)  # a proxy cannot reach our loopback
    content = b""
    try:
        async with (
            httpx.AsyncClient(verify=trusted, trust_env=through_proxy, follow_redirects=False) as client,
            client.stream("GET", address, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise ProviderError(f"the issuer answered with status {answer.status_code}")
            async for piece in answer.aiter_bytes():
                content = _bounded(content + piece)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ProviderError(f"the issuer cannot be reached ({type(error).__name__})") from error
    return content


def _bounded(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise ProviderError(f"there are more than {MAX_BYTES} bytes")
    return content
