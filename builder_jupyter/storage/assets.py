"""Assets in DuckDB: what is known of each file. The contents are in the artefact store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import duckdb

from builder_jupyter.storage.database import Database, aware_utc, naive_utc, queries

SQL = queries("assets")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of a workspace. ``width`` and ``height`` are pixels; ``sha256`` names its content."""

    asset_id: str
    workspace: str
    canvas_id: str | None
    file_name: str
    mime_type: str
    size: int
    sha256: str
    width: int | None
    height: int | None
    duration_seconds: float | None
    created_at: datetime
    created_by: str


class AssetStore:
    """Saves and finds assets. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, asset: Asset) -> Asset:
        """Store an asset; one with the same id stays as it is, and is returned."""
        row = [
            asset.asset_id, asset.workspace, asset.canvas_id, asset.file_name, asset.mime_type, asset.size,
            asset.sha256, asset.width, asset.height, asset.duration_seconds, naive_utc(asset.created_at),
            asset.created_by,
        ]  # fmt: skip

        def work(connection: duckdb.DuckDBPyConnection) -> Asset:
            there = connection.execute(SQL["get"], [asset.asset_id, asset.workspace]).fetchone()
            if there is not None:
                return _asset(there)
            connection.execute(SQL["insert"], row)
            return asset

        return await self._database.write(work)

    async def find(self, workspace: str, asset_id: str) -> Asset | None:
        """Return an asset of a workspace, None when there is none."""
        row = await self._database.read(lambda c: c.execute(SQL["get"], [asset_id, workspace]).fetchone())
        return None if row is None else _asset(row)

    async def list(self, workspace: str, canvas_id: str | None, *, limit: int, offset: int) -> list[Asset]:
        """Return the assets of a workspace or of one of its canvases, newest first."""
        wanted = {"workspace": workspace, "canvas_id": canvas_id, "limit": limit, "offset": offset}
        rows = await self._database.read(lambda c: c.execute(SQL["list"], wanted).fetchall())
        return [_asset(row) for row in rows]

    async def delete(self, asset: Asset) -> frozenset[str]:
        """Forget an asset; return the workspaces that still have one with its content."""

        def work(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
            connection.execute(SQL["delete"], [asset.asset_id, asset.workspace])
            return frozenset(row[0] for row in connection.execute(SQL["holders"], [asset.sha256]).fetchall())

        return await self._database.write(work)


def _asset(row: tuple[Any, ...]) -> Asset:
    return Asset(*cast("Any", (*row[:10], aware_utc(row[10]), row[11])))
