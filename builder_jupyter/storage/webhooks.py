"""Endpoints of webhook triggers in DuckDB, and the secrets with which callbacks are signed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import duckdb

from builder_jupyter.identity.webhooks import Webhook
from builder_jupyter.storage.database import Database, aware_utc, naive_utc, queries

SQL = queries("webhooks")


class WebhookStore:
    """Saves and finds endpoints. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, webhook: Webhook, *, replace: bool) -> tuple[Webhook, bool]:
        """Store an endpoint unless its node has one, or in place of that; return what is there, and if it is new."""

        def work(connection: duckdb.DuckDBPyConnection) -> tuple[Webhook, bool]:
            place = [webhook.canvas_id, webhook.node_id]
            found = connection.execute(SQL["by_node"], place).fetchone()
            if found is not None and not replace:
                return _webhook(found), False
            connection.execute(SQL["delete"], place)
            connection.execute(SQL["insert"], _row(webhook))
            return webhook, found is None

        return await self._database.write(work)

    async def by_secret(self, sha256: str) -> Webhook | None:
        """Return the endpoint that a secret opens, by the secret's hash."""
        row = await self._database.read(lambda c: c.execute(SQL["by_secret"], [sha256]).fetchone())
        return None if row is None else _webhook(row)

    async def by_node(self, canvas_id: str, node_id: str) -> Webhook | None:
        """Return the endpoint of a trigger node."""
        row = await self._database.read(lambda c: c.execute(SQL["by_node"], [canvas_id, node_id]).fetchone())
        return None if row is None else _webhook(row)

    async def list(self, workspace: str, canvas_id: str | None) -> list[Webhook]:
        """Return the endpoints of a workspace, or of one of its canvases, oldest first."""
        wanted = {"workspace": workspace, "canvas_id": canvas_id}
        rows = await self._database.read(lambda c: c.execute(SQL["list"], wanted).fetchall())
        return [_webhook(row) for row in rows]

    async def remove(self, canvas_id: str, node_id: str) -> bool:
        """Let an endpoint's secret open nothing any more; say whether there was one."""

        def work(connection: duckdb.DuckDBPyConnection) -> bool:
            found = connection.execute(SQL["by_node"], [canvas_id, node_id]).fetchone()
            connection.execute(SQL["delete"], [canvas_id, node_id])
            return found is not None

        return await self._database.write(work)

    async def triggered(self, webhook: Webhook, at_ms: int, execution_id: str) -> None:
        """Note that an endpoint has begun a run."""
        values = [at_ms, execution_id, webhook.canvas_id, webhook.node_id]

        def work(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(SQL["triggered"], values)

        await self._database.write(work)

    async def callback_secret(self, workspace: str, made: str, at: datetime, *, replace: bool = False) -> str:
        """Return the encrypted secret of a workspace's callbacks; ``made`` becomes it where there is none."""

        def work(connection: duckdb.DuckDBPyConnection) -> str:
            found = connection.execute(SQL["callback_secret"], [workspace]).fetchone()
            if found is not None and not replace:
                return str(found[0])
            connection.execute(SQL["forget_callback_secret"], [workspace])
            connection.execute(SQL["insert_callback_secret"], [workspace, made, naive_utc(at)])
            return made

        return await self._database.write(work)


def _row(webhook: Webhook) -> list[Any]:
    return [
        webhook.canvas_id, webhook.node_id, webhook.workspace, webhook.created_by, webhook.is_admin,
        sorted(webhook.teams), webhook.sha256, webhook.sealed, webhook.require_signature,
        naive_utc(webhook.created_at), webhook.last_triggered_at, webhook.last_execution_id,
    ]  # fmt: skip


def _webhook(row: tuple[Any, ...]) -> Webhook:
    canvas, node, workspace, created_by, is_admin, teams, sha256, sealed, signed, created_at, *last = row
    return Webhook(
        canvas, node, workspace, created_by, is_admin, frozenset(teams or ()), sha256, sealed, signed,
        aware_utc(created_at), *last,
    )  # fmt: skip
