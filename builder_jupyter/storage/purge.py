"""Take finished executions out of the database for good, with all that belongs to nobody else.

What is to go is found by a reader, which stops nobody. Deleting is one short transaction of the writer, which looks
only at what was written since: an execution that has ended stays so, but an old plan or artefact may be in use again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from builder_jupyter.storage.database import ARTEFACTS, Database, queries

SQL = queries("upkeep")


@dataclass(frozen=True, slots=True)
class Purged:
    """What was removed, or would be: ids of executions and plans, number of events, files of artefacts."""

    executions: tuple[str, ...]
    plans: tuple[str, ...]
    events: int
    artefacts: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a reader has found, and up to which position of the journal it has looked."""

    purged: Purged
    position: int


async def purge(
    database: Database, *, before_ms: int, keep_plans: Callable[[], Collection[str]], dry_run: bool = False
) -> Purged:
    """Remove executions that ended before a time, with their events, projections, and what only they used.

    Entries about money (kinds that begin with ``credits_``) stay. Finished executions that the projections do not have
    yet are left for another time.

    Parameters
    ----------
    keep_plans : called when deleting is certain, directly before it is queued; returns plans that must stay because
        whoever writes entries believes them to be on disk.
    dry_run : only look.

    Raises
    ------
    Unavailable : the store takes no writes. Nothing was removed.
    """
    folder = None if database.directory is None else database.directory / ARTEFACTS
    files = await asyncio.to_thread(_by_hash, folder)
    found = await database.read(lambda c: _find(c, before_ms, files))
    if dry_run or not (found.purged.executions or found.purged.plans):
        return found.purged
    kept = frozenset(keep_plans())
    purged = await database.write(lambda c: _delete(c, found, kept))
    await asyncio.to_thread(_unlink, purged.artefacts)
    return purged


def _by_hash(folder: Path | None) -> dict[str, Path]:
    """Return the artefacts by the hash that names them; what is named otherwise is none of ours."""
    if folder is None or not folder.is_dir():
        return {}
    return {path.name.partition(".")[0]: path for path in folder.rglob("*") if path.is_file()}


def _find(connection: duckdb.DuckDBPyConnection, before_ms: int, files: dict[str, Path]) -> _Found:
    cursor = connection.cursor()
    cursor.begin()
    try:
        (position,) = cursor.execute(SQL["position"]).fetchall()[0]
        executions = _column(cursor, "finished", before_ms)
        named = set(_column(cursor, "plans_named", -1, executions))
        plans = [plan for plan in _column(cursor, "old_plans", before_ms) if plan not in named]
        (events,) = cursor.execute(SQL["count_events"], [executions + plans]).fetchall()[0]
        hashes: set[str] = set()
        if files:
            hashes = set(_column(cursor, "hashes_of", executions + plans))
            hashes -= set(_column(cursor, "hashes_named", -1, executions + plans))
    finally:
        cursor.close()
    artefacts = tuple(path for name, path in files.items() if name in hashes)
    return _Found(Purged(tuple(executions), tuple(plans), events, artefacts), position)


def _delete(connection: duckdb.DuckDBPyConnection, found: _Found, kept: Collection[str]) -> Purged:
    purged = found.purged
    executions = list(purged.executions)
    named = set(_column(connection, "plans_named", found.position, executions))
    plans = [plan for plan in purged.plans if plan not in named and plan not in kept]
    spared = [plan for plan in purged.plans if plan not in plans]
    in_use = set(_column(connection, "hashes_named", found.position, executions + plans))
    if spared:
        in_use |= set(_column(connection, "hashes_of", spared))
    (events,) = connection.execute(SQL["delete_events"], [executions + plans]).fetchall()[0]
    connection.execute(SQL["delete_executions"], [executions])
    connection.execute(SQL["delete_steps"], [executions])
    connection.execute(SQL["delete_callbacks"], [executions])
    artefacts = tuple(path for path in purged.artefacts if path.name.partition(".")[0] not in in_use)
    return Purged(purged.executions, tuple(plans), events, artefacts)


def _column(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> list[str]:
    return [row[0] for row in connection.execute(SQL[query], list(values)).fetchall()]


def _unlink(paths: Collection[Path]) -> None:
    # A file that stays costs room and nothing else; the rows are gone already, and that is what was asked for.
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
