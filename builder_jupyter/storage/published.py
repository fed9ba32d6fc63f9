"""Published MCP servers and their keys in DuckDB, with all of them in memory: every call asks for them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb

from builder_jupyter.errors import Conflict
from builder_jupyter.graph.model import canonical_json
from builder_jupyter.identity.published import Door, PublishedServer, PublishedTool, ServerKey
from builder_jupyter.storage.database import Database, aware_utc, naive_utc, queries

SQL = queries("published")


class PublishedStore:
    """Saves and finds published servers by their address, and the keys to them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._servers: dict[tuple[str, str], PublishedServer] = {}
        self._keys: dict[str, ServerKey] = {}

    async def open(self) -> None:
        """Read everything into memory. Call once before use."""
        servers = await self._database.read(lambda c: c.execute(SQL["servers"]).fetchall())
        keys = await self._database.read(lambda c: c.execute(SQL["keys"]).fetchall())
        self._servers = {(server.workspace, server.slug): server for server in map(_server, servers)}
        self._keys = {key.key_id: key for key in map(_key, keys)}

    def find(self, workspace: str, slug: str) -> PublishedServer | None:
        """Return the server at an address."""
        return self._servers.get((workspace, slug))

    def of_workspace(self, workspace: str) -> list[PublishedServer]:
        """Return a workspace's servers, oldest first."""
        return [server for server in self._servers.values() if server.workspace == workspace]

    def keys(self, server_id: str) -> list[ServerKey]:
        """Return the keys of a server, revoked ones included, oldest first."""
        return [key for key in self._keys.values() if key.server_id == server_id]

    async def put(self, server: PublishedServer) -> None:
        """Store a server, in place of the one with its id. Raises `Conflict` (``SLUG_TAKEN``)."""
        address = (server.workspace, server.slug)
        known = self._servers.get(address)
        if known is not None and known.server_id != server.server_id:
            raise Conflict(f"There is an MCP server {server.slug!r} already.", code="SLUG_TAKEN")
        self._servers[address] = server  # before anything is awaited: of two at once one must find the other
        values = [
            server.server_id, server.workspace, server.slug, server.title, str(server.door),
            canonical_json([tool.to_dict() for tool in server.tools]), server.owner,
            naive_utc(server.created_at), naive_utc(server.updated_at),
        ]  # fmt: skip

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(SQL["remove"], [server.server_id])
            connection.execute(SQL["insert"], values)

        try:
            await self._database.write(work)
        except BaseException:
            self._restore(address, known)
            raise

    def _restore(self, address: tuple[str, str], known: PublishedServer | None) -> None:
        del self._servers[address]
        if known is not None:
            self._servers[address] = known

    async def remove(self, server: PublishedServer) -> None:
        """Forget a server and its keys."""

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(SQL["remove"], [server.server_id])
            connection.execute(SQL["remove_keys"], [server.server_id])

        await self._database.write(work)
        self._servers.pop((server.workspace, server.slug), None)
        self._keys = {name: key for name, key in self._keys.items() if key.server_id != server.server_id}

    async def add_key(self, key: ServerKey) -> None:
        """Store a new key."""
        values = [
            key.key_id, key.server_id, key.name, key.prefix, key.sha256, key.created_by, naive_utc(key.created_at)
        ]  # fmt: skip
        await self._execute("insert_key", values)
        self._keys[key.key_id] = key

    async def revoke_key(self, key: ServerKey, at: datetime) -> ServerKey:
        """Make a key open nothing from now on, and return it."""
        revoked = replace(key, revoked_at=at)
        await self._execute("revoke_key", [naive_utc(at), key.key_id])
        self._keys[key.key_id] = revoked
        return revoked

    async def _execute(self, query: str, values: list[Any]) -> None:
        def work(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(SQL[query], values)

        await self._database.write(work)


def _server(row: tuple[Any, ...]) -> PublishedServer:
    server_id, workspace, slug, title, door, tools, owner, created_at, updated_at = row
    found = tuple(map(PublishedTool.from_dict, json.loads(tools)))
    return PublishedServer(
        server_id, workspace, slug, title, Door(door), found, owner, aware_utc(created_at), aware_utc(updated_at)
    )


def _key(row: tuple[Any, ...]) -> ServerKey:
    key_id, server_id, name, prefix, sha256, created_by, created_at, revoked_at = row
    revoked = None if revoked_at is None else aware_utc(revoked_at)
    return ServerKey(key_id, server_id, name, prefix, sha256, created_by, aware_utc(created_at), revoked)
