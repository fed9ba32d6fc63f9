"""Which place a client talks to, and how that is found out.

In this order: what the caller names; ``BUILDER_JUPYTER_URL`` and ``BUILDER_JUPYTER_KEY``, which the server extension
gives to the kernels it starts; the Jupyter server that is this process's parent; else the services run in this
process, in memory. The ``repr`` of the client says which it was.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from builder_jupyter.client.address import split_token
from builder_jupyter.client.client import Client
from builder_jupyter.client.http import HttpTransport
from builder_jupyter.client.servers import Server, server_at, server_of
from builder_jupyter.errors import BuilderError, InvalidInput, StoreLocked

log = logging.getLogger(__name__)

EMBEDDED = "embedded"
URL_VARIABLE = "BUILDER_JUPYTER_URL"
KEY_VARIABLE = "BUILDER_JUPYTER_KEY"
PARENT_VARIABLE = "JPY_PARENT_PID"
PROBE_SECONDS = 3.0


def connect(target: str | None = None, *, key: str | None = None, data_dir: str | Path | None = None) -> Client:
    """Return a client of a server, or of the services inside this process.

    Parameters
    ----------
    target : the URL of a Jupyter server, ``"embedded"``, or None to find out (see the module).
    key : an API key or the server's token; else ``BUILDER_JUPYTER_KEY``, else what the server's own file says.
    data_dir : where an embedded database lies; in memory when None.

    Raises
    ------
    InvalidInput : ``INVALID_URL``; ``INVALID_TARGET`` when a URL and a data folder are both given.
    StoreLocked : another process owns the data folder.
    """
    if target is not None and target != EMBEDDED:
        if data_dir is not None:
            raise InvalidInput("A server has its own data folder; name a URL or a data_dir.", code="INVALID_TARGET")
        return _connect_to(target, key)
    if target is None and data_dir is None:
        url = os.environ.get(URL_VARIABLE)
        found = _connect_to(url, key) if url else _parent(key)
        if found is not None:
            return found
    return _embedded(None if data_dir is None else Path(data_dir).expanduser())


def open_or_connect(data_dir: Path) -> Client:
    """Open a database in this process, or connect to the server that has it open.

    Raises
    ------
    StoreLocked : another process has it that is no server, or none that can be found.
    """
    try:
        return _embedded(data_dir)
    except StoreLocked as error:
        transport = transport_to_owner(data_dir)
        if transport is None:
            raise
        log.info("%s belongs to the server at %s", data_dir, transport.where, extra={"reason": error.code})
        return Client(transport)


def transport_to_owner(data_dir: Path) -> HttpTransport | None:
    """Return the way to the server that has a database open; None when it is no server, or none that can be found."""
    server = _owner(data_dir)
    return HttpTransport(server.url, server.token) if server is not None else None


def _owner(data_dir: Path) -> Server | None:
    from builder_jupyter.storage.lock import read_owner

    owner = read_owner(data_dir)
    pid, url = owner.get("pid"), owner.get("url")
    if not isinstance(pid, int) or not isinstance(url, str):
        return None
    server = server_of(pid)
    key = os.environ.get(KEY_VARIABLE)
    return server or (Server(pid, url, key) if key else None)


def _embedded(data_dir: Path | None) -> Client:
    from builder_jupyter.client.embedded import open_embedded

    return Client(open_embedded(data_dir))


def _connect_to(url: str, key: str | None) -> Client:
    place, token = split_token(url)
    credential = key or token or os.environ.get(KEY_VARIABLE)
    if not credential:
        server = server_at(place)
        credential = server.token if server is not None else None
    return Client(HttpTransport(place, credential))


def _parent(key: str | None) -> Client | None:
    """Return a client of the server that started this kernel, if there is one and it has the extension."""
    pid = os.environ.get(PARENT_VARIABLE, "")
    server = server_of(int(pid)) if pid.isdecimal() else None
    if server is None or server.pid == os.getpid():
        return None
    client = Client(HttpTransport(server.url, key or server.token))
    try:
        client.transport.portal.wait(_probe(client))
    except (BuilderError, TimeoutError) as error:
        log.info("the server at %s does not serve workflows: %s", server.url, error)
        client.close()
        return None
    return client


async def _probe(client: Client) -> None:
    import asyncio

    async with asyncio.timeout(PROBE_SECONDS):
        await client.transport.list_workflows(limit=1)
