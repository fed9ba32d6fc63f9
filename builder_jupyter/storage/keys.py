"""API keys in DuckDB, with all of them in memory: every request asks for one.

Our process owns the file, so the copy in memory is never behind.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from builder_jupyter.identity.api_keys import ApiKey, hash_key
from builder_jupyter.identity.principal import CredentialKind
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.storage.database import Database, aware_utc, naive_utc, queries

SQL = queries("keys")

USED_EVERY = timedelta(minutes=1)


class KeyStore:
    """Saves and finds API keys by their hash. ``workspaces`` are those that have or had one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, ApiKey] = {}
        self.workspaces: set[str] = set()

    async def open(self) -> None:
        """Read all keys into memory. Call once before use."""
        rows = await self._database.read(lambda c: c.execute(SQL["all"]).fetchall())
        self._keys = {key.sha256: key for key in map(_key, rows)}
        self.workspaces = {key.workspace for key in self._keys.values()}

    def all(self) -> list[ApiKey]:
        """Return every key, revoked ones included, oldest first."""
        return list(self._keys.values())

    def find(self, secret: str) -> ApiKey | None:
        """Return the key with this secret, valid or not."""
        key = self._keys.get(hash_key(secret))
        return key if key is not None and key.matches(secret) else None

    async def add(self, key: ApiKey) -> None:
        """Store a new key."""
        parameters = [
            key.key_id, key.workspace, key.name, key.prefix, key.sha256, [str(scope) for scope in key.scopes],
            key.created_by, naive_utc(key.created_at), None if key.expires_at is None else naive_utc(key.expires_at),
            key.maker,
        ]  # fmt: skip
        await self._execute("insert", parameters)
        self._keys[key.sha256] = key
        self.workspaces.add(key.workspace)

    async def revoke(self, key: ApiKey, at: datetime) -> None:
        """Make a key open nothing from now on."""
        await self._execute("revoke", [naive_utc(at), key.key_id])
        self._keys[key.sha256] = replace(key, revoked_at=at)

    async def touch(self, key: ApiKey, at: datetime) -> None:
        """Note that a key was used; written at most once in `USED_EVERY`."""
        if not self.is_touched(key, at):
            self._keys[key.sha256] = replace(key, last_used_at=at)
            await self._execute("used", [naive_utc(at), key.key_id])

    @staticmethod
    def is_touched(key: ApiKey, at: datetime) -> bool:
        """Say whether the use of a key at this time needs no writing."""
        return key.last_used_at is not None and at - key.last_used_at < USED_EVERY

    async def _execute(self, query: str, parameters: list[Any]) -> None:
        def work(connection: duckdb.DuckDBPyConnection) -> None:
            connection.execute(SQL[query], parameters)

        await self._database.write(work)


def _key(row: tuple[Any, ...]) -> ApiKey:
    created_at = aware_utc(row[7])
    used, expires, revoked = (None if value is None else aware_utc(value) for value in row[8:11])
    key_id, workspace, name, prefix, sha256, scopes, created_by = row[:7]
    return ApiKey(
        key_id,
        workspace,
        name,
        prefix,
        sha256,
        tuple(map(Scope, scopes)),
        created_by,
        created_at,
        used,
        expires,
        revoked,
        CredentialKind(row[11]) if row[11] in set(CredentialKind) else None,
    )
