"""Grants in DuckDB: who besides its owner may do what with a workflow. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from builder_jupyter.errors import TooLarge
from builder_jupyter.identity.grants import GRANTABLE, Grant, Permission, Standing
from builder_jupyter.storage.database import Database, queries

SQL = queries("grants")

MAX_GRANTS = 1_000


class GrantStore:
    """Saves and finds grants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, workflow_id: str, subjects: Sequence[str]) -> Standing | None:
        """Return whose a workflow is and what these subjects were granted on it; None when there is none.

        One query, whatever the answer: a workflow that is not the caller's takes as long as one that does not exist.
        """
        wanted = {"workflow_id": workflow_id, "subjects": list(subjects)}
        row = await self._database.read(lambda c: c.execute(SQL["standing"], wanted).fetchone())
        return None if row is None else Standing(row[0], row[1], frozenset(_permissions(row[2] or ())))

    async def list(self, workflow_id: str) -> list[Grant]:
        """Return what was granted on a workflow, by subject."""
        rows = await self._database.read(lambda c: c.execute(SQL["list"], [workflow_id]).fetchall())
        return [Grant(subject, _permissions(names)) for subject, names in rows]

    async def put(self, workflow_id: str, grant: Grant) -> bool:
        """Let a subject have these permissions and no others; say whether there is such a workflow.

        Raises
        ------
        TooLarge : `MAX_GRANTS` others have grants on it.
        """

        def work(connection: duckdb.DuckDBPyConnection) -> bool:
            if connection.execute(SQL["exists"], [workflow_id]).fetchone() is None:
                return False
            others = connection.execute(SQL["count"], [workflow_id, grant.subject]).fetchone()
            if others is not None and others[0] >= MAX_GRANTS:
                raise TooLarge(f"A workflow can be granted to {MAX_GRANTS} users and teams at most.")
            connection.execute(SQL["remove"], [workflow_id, grant.subject])
            names = [str(permission) for permission in grant.permissions]
            connection.execute(SQL["insert"], [workflow_id, grant.subject, names])
            return True

        return await self._database.write(work)

    async def remove(self, workflow_id: str, subject: str) -> bool:
        """Take back what a subject was granted on a workflow; say whether that was anything."""

        def work(connection: duckdb.DuckDBPyConnection) -> bool:
            found = connection.execute(SQL["has"], [workflow_id, subject]).fetchone()
            connection.execute(SQL["remove"], [workflow_id, subject])
            return found is not None

        return await self._database.write(work)


def _permissions(names: Iterable[str]) -> tuple[Permission, ...]:
    given = set(names)
    return tuple(permission for permission in GRANTABLE if permission in given)
