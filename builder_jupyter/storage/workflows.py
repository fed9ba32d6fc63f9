"""Workflows and their versions in DuckDB. Versions are immutable; a change is a new one."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import duckdb

from builder_jupyter.errors import Conflict
from builder_jupyter.graph.model import Workflow, canonical_json
from builder_jupyter.graph.version import Publication, VersionEntry, WorkflowVersion
from builder_jupyter.storage.database import Database, aware_utc, naive_utc, queries

SQL = queries("workflows")
T = TypeVar("T")

KEPT = 256


class WorkflowStore:
    """Saves and finds workflows. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # The newest version of each workflow asked for lately: every run asks. Our process owns the file, so a copy is
        # right as long as each change drops it, and none is kept that was read while one was under way.
        self._current: OrderedDict[str, WorkflowVersion] = OrderedDict()
        self._changes = 0
        self._changing = 0

    async def _change(self, workflow_id: str, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        self._changing += 1
        self._current.pop(workflow_id, None)
        writing = asyncio.ensure_future(self._database.write(work))
        writing.add_done_callback(partial(self._changed, workflow_id))
        return await asyncio.shield(writing)  # a caller who gives up does not stop the writer

    def _changed(self, workflow_id: str, _writing: asyncio.Future[Any]) -> None:
        self._changing -= 1
        self._changes += 1
        self._current.pop(workflow_id, None)

    async def create(self, stored: WorkflowVersion) -> bool:
        """Store a new workflow as version 1; False, and nothing stored, when its id was given before."""

        def work(connection: duckdb.DuckDBPyConnection) -> bool:
            if connection.execute(SQL["is_used"], {"id": stored.id}).fetchone() is not None:
                return False
            connection.execute(
                SQL["insert_head"],
                [stored.id, stored.workspace, stored.owner, naive_utc(stored.created_at), naive_utc(stored.updated_at)],
            )
            _insert_version(connection, stored)
            return True

        return await self._database.write(work)

    async def add_version(self, stored: WorkflowVersion, *, expected: int | None) -> WorkflowVersion | None:
        """Store a new version on top of the current one and return it; None when the workflow is gone.

        Reading the number and writing the next one are one transaction: parallel calls get numbers of their own.

        Raises
        ------
        Conflict : ``VERSION_CONFLICT`` when ``expected`` is given and is not the current version.
        """

        def work(connection: duckdb.DuckDBPyConnection) -> WorkflowVersion | None:
            row = connection.execute(SQL["get"], [stored.id]).fetchone()
            if row is None:
                return None
            check_version(expected, row[3])
            fresh = replace(stored, version=row[3] + 1)
            connection.execute(SQL["advance"], [fresh.version, naive_utc(fresh.updated_at), fresh.id])
            _insert_version(connection, fresh)
            return fresh

        return await self._change(stored.id, work)

    def known(self, workflow_id: str) -> WorkflowVersion | None:
        """Return the current version if it is in memory."""
        return self._current.get(workflow_id)

    async def find(self, workflow_id: str, version: int | None = None) -> WorkflowVersion | None:
        """Return the current or a given version; None when there is none."""
        if version is None and (known := self._current.get(workflow_id)) is not None:
            return known
        changes = self._changes
        sql, parameters = (
            (SQL["get"], [workflow_id]) if version is None else (SQL["get_version"], [version, workflow_id])
        )
        row = await self._database.read(lambda c: c.execute(sql, parameters).fetchone())
        if row is None:
            return None
        found = _stored(row)
        if version is None and changes == self._changes and not self._changing:
            self._current[workflow_id] = found
            if len(self._current) > KEPT:
                self._current.popitem(last=False)
        return found

    async def versions(self, workflow_id: str) -> Sequence[VersionEntry]:
        """Return the history of a workflow, newest version first; empty when there is none."""
        rows = await self._database.read(lambda c: c.execute(SQL["versions"], [workflow_id]).fetchall())
        return [VersionEntry(version, aware_utc(at), by, message) for version, at, by, message in rows]

    async def publish(self, workflow_id: str, publication: Publication, *, by: str) -> bool:
        """Note which version is published from now on; say whether the workflow was there."""

        def work(connection: duckdb.DuckDBPyConnection) -> bool:
            if connection.execute(SQL["get"], [workflow_id]).fetchone() is None:
                return False
            connection.execute(SQL["withdraw"], [workflow_id])
            at = naive_utc(publication.changed_at)
            connection.execute(SQL["publish"], [workflow_id, publication.version, at, by])
            return True

        return await self._change(workflow_id, work)

    async def list(
        self,
        workspace: str,
        *,
        owner: str | None = None,
        subjects: Sequence[str] = (),
        tag: str | None = None,
        name: str | None = None,
        published: bool | None = None,
        limit: int = 1_000_000,
        offset: int = 0,
    ) -> list[WorkflowVersion]:
        """Return a workspace's workflows, newest change first; of an owner: with what these subjects were granted."""
        parameters: dict[str, Any] = {
            "workspace": workspace, "owner": owner, "subjects": list(subjects), "tag": tag, "name": name,
            "published": published, "limit": limit, "offset": offset,
        }  # fmt: skip
        rows = await self._database.read(lambda c: c.execute(SQL["list"], parameters).fetchall())
        return [_stored(row) for row in rows]

    async def delete(self, workflow_id: str, *, at: datetime, expected: int | None) -> bool:
        """Delete a workflow with all its versions; say whether there was one. Raises as `add_version`."""

        def work(connection: duckdb.DuckDBPyConnection) -> bool:
            row = connection.execute(SQL["get"], [workflow_id]).fetchone()
            if row is None:
                return False
            check_version(expected, row[3])
            connection.execute(SQL["delete_versions"], [workflow_id])
            connection.execute(SQL["delete_head"], [workflow_id])
            connection.execute(SQL["withdraw"], [workflow_id])
            connection.execute(SQL["bury"], [workflow_id, naive_utc(at)])
            connection.execute(SQL["delete_grants"], [workflow_id])
            connection.execute(SQL["delete_webhooks"], [workflow_id])
            return True

        return await self._change(workflow_id, work)


def check_version(expected: int | None, current: int) -> None:
    """Raise `Conflict` when the caller's version is not the current one."""
    if expected is not None and expected != current:
        raise Conflict(
            f"The workflow is at version {current}, not {expected}.",
            code="VERSION_CONFLICT",
            details={"expected": expected, "current": current},
            hint="Read it again, then repeat the change.",
        )


def _insert_version(connection: duckdb.DuckDBPyConnection, stored: WorkflowVersion) -> None:
    content = canonical_json(stored.workflow.to_dict())
    connection.execute(
        SQL["insert_version"],
        [
            stored.id, stored.version, stored.workflow.name, content, naive_utc(stored.updated_at), stored.version_by,
            stored.message,
        ],
    )  # fmt: skip


def _stored(row: tuple[Any, ...]) -> WorkflowVersion:
    workflow_id, workspace, owner, version, created_at, updated_at, content, version_by, message, *published = row
    workflow = replace(Workflow.from_dict(json.loads(content)), id=workflow_id)
    has_publication, published_version, changed_at = published
    publication = Publication(published_version, aware_utc(changed_at)) if has_publication else None
    return WorkflowVersion(
        workflow_id,
        workspace,
        owner,
        version,
        aware_utc(created_at),
        aware_utc(updated_at),
        workflow,
        version_by,
        message,
        publication,
    )
