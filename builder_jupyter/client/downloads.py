"""Files fetched from a server: there once they are whole, and for nobody else to read."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from builder_jupyter.client.address import unreachable
from builder_jupyter.client.answers import error_of
from builder_jupyter.errors import InvalidInput

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 5.0
PIECE_BYTES = 1 << 20


async def download(http: httpx.AsyncClient, method: str, path: str, target: Path, **request: Any) -> None:
    """Write what a route answers into a file, as long as that takes.

    Raises
    ------
    InvalidInput : ``FILE_NOT_WRITABLE``; else what the route says, and `Unavailable` when the connection breaks.
    """
    import httpx

    partial = target.with_name(target.name + ".partial")
    # Making it takes as long as it takes; a server that dies closes the connection.
    patient = httpx.Timeout(None, connect=CONNECT_SECONDS)
    try:
        async with http.stream(method, path, timeout=patient, **request) as response:
            if not response.is_success:
                body = (await response.aread()).decode(errors="replace")
                raise error_of(response.status_code, body, response.headers)
            with await asyncio.to_thread(create, partial) as file:
                async for chunk in response.aiter_raw(PIECE_BYTES):
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_sync, file)
        await asyncio.to_thread(partial.replace, target)
    except httpx.TransportError as error:
        raise unreachable(str(http.base_url), error) from error
    except OSError as error:
        raise InvalidInput(f"{target} cannot be written: {error.strerror}.", code="FILE_NOT_WRITABLE") from error
    finally:
        await asyncio.to_thread(partial.unlink, missing_ok=True)


def create(path: Path) -> IO[bytes]:
    """Open a file for writing that nobody else may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
