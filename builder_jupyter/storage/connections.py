"""Providers' connections in DuckDB, with all of them in memory, their payloads encrypted there too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from builder_jupyter.storage.database import Database, aware_utc, naive_utc, queries

SQL = queries("connections")

ACTIVE, REVOKED = "active", "revoked"


@dataclass(frozen=True, slots=True)
class Connection:
    """A workspace's credential for a provider.

    ``mode`` is ``service`` (a key of the workspace's) or ``oauth-user``; ``status`` is ``active``, ``pending``,
    ``error`` or ``revoked``. ``payload`` is encrypted, and empty once revoked; ``masked`` may be shown.
    Source: spec builder-studio §12.
    """

    connection_id: str
    workspace: str
    provider: str
    display_name: str
    payload: str
    masked: Mapping[str, str]
    created_by: str
    created_at: datetime
    updated_at: datetime
    mode: str = "service"
    status: str = ACTIVE


class ConnectionStore:
    """Saves and finds connections, and how workspaces route."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connections: dict[str, Connection] = {}
        self._routing: dict[tuple[str, str], str] = {}

    async def open(self) -> None:
        """Read everything into memory. Call once before use."""
        found = await self._database.read(lambda c: [c.execute(SQL[name]).fetchall() for name in ("all", "routing")])
        self._connections = {row[0]: _connection(row) for row in found[0]}
        self._routing = {(workspace, provider): mode for workspace, provider, mode in found[1]}

    def of(self, workspace: str) -> list[Connection]:
        """Return the connections of a workspace, revoked ones included, oldest first."""
        return [one for one in self._connections.values() if one.workspace == workspace]

    def find(self, connection_id: str) -> Connection | None:
        """Return a connection."""
        return self._connections.get(connection_id)

    def active(self, workspace: str, provider: str) -> Connection | None:
        """Return the connection of a workspace to a provider that is good."""
        found = (one for one in self.of(workspace) if one.provider == provider and one.status == ACTIVE)
        return next(found, None)

    async def put(self, connection: Connection) -> None:
        """Store a connection as it is now."""
        row = [
            connection.connection_id, connection.workspace, connection.provider, connection.display_name,
            connection.mode, connection.status, connection.payload, json.dumps(dict(connection.masked)),
            connection.created_by, naive_utc(connection.created_at), naive_utc(connection.updated_at),
        ]  # fmt: skip

        def work(database: duckdb.DuckDBPyConnection) -> None:
            database.execute(SQL["remove"], [connection.connection_id])
            database.execute(SQL["insert"], row)

        await self._database.write(work)
        self._connections[connection.connection_id] = connection

    async def revoke(self, connection: Connection, at: datetime) -> Connection:
        """Forget a credential; that there was one stays."""
        revoked = replace(connection, status=REVOKED, payload="", updated_at=at)
        await self.put(revoked)
        return revoked

    def routing(self, workspace: str, provider: str) -> str | None:
        """Return how a workspace routes to a provider; None when it has not said."""
        return self._routing.get((workspace, provider))

    async def route(self, workspace: str, provider: str, mode: str) -> None:
        """Let a workspace route to a provider like this from now on."""

        def work(database: duckdb.DuckDBPyConnection) -> None:
            database.execute(SQL["remove_routing"], [workspace, provider])
            database.execute(SQL["insert_routing"], [workspace, provider, mode])

        await self._database.write(work)
        self._routing[workspace, provider] = mode


def _connection(row: tuple[Any, ...]) -> Connection:
    connection_id, workspace, provider, display_name, mode, status, payload, masked, created_by = row[:9]
    return Connection(
        connection_id, workspace, provider, display_name, payload, json.loads(masked), created_by,
        aware_utc(row[9]), aware_utc(row[10]), mode, status,
    )  # fmt: skip
