"""Put a backup in the place of a database that nobody uses. What was there before is kept beside it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import duckdb

from builder_jupyter.errors import BuilderError, Conflict, Unavailable
from builder_jupyter.storage.backup import Contents, inspect, scratch_folder, unpack
from builder_jupyter.storage.database import ARTEFACTS, DATABASE, MIGRATIONS_TABLE
from builder_jupyter.storage.lock import OwnerLock

KEPT = ".before-restore"


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in place now, and where the database is that was there before (None: there was nothing in it)."""

    contents: Contents
    kept: Path | None


def restore(directory: Path, archive: Path, *, force: bool = False) -> Restored:
    """Restore a backup into a data directory. It is unpacked and checked before anything there is touched.

    Parameters
    ----------
    force : also where there is a database that is not empty; it stays beside, as ``….before-restore``.

    Raises
    ------
    StoreLocked : a server or another process holds the directory.
    InvalidInput : ``FILE_NOT_READABLE``, ``NOT_A_BACKUP``.
    Conflict : ``STORE_NOT_EMPTY``.
    Unavailable : ``STORE_TOO_NEW``, ``RESTORE_FAILED``.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = OwnerLock(directory)
    except OSError as error:
        raise _failed(directory, error) from error
    try:
        scratch = scratch_folder(directory)
        try:
            contents = unpack(archive, scratch)
            is_empty = _is_empty(directory)
            if not is_empty and not force:
                raise Conflict(
                    f"The database in {directory} is not empty.",
                    code="STORE_NOT_EMPTY",
                    hint="Restore with --force: the old one is kept beside it.",
                )
            kept = _clear(directory, keep=not is_empty)
            for name in (ARTEFACTS, DATABASE):  # the database last: without it, the rest means nothing
                if (scratch / name).exists():
                    (scratch / name).rename(directory / name)
            _sync(directory)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise _failed(directory, error) from error
    finally:
        lock.release()
    return Restored(contents, kept)


def _is_empty(directory: Path) -> bool:
    """Whether nobody would miss what is there. What cannot be read might be missed."""
    if not (directory / DATABASE).exists():
        return not (directory / ARTEFACTS).exists()
    try:
        rows = inspect(directory / DATABASE)
    except (duckdb.Error, BuilderError):
        return False
    return not any(number for table, number in rows.items() if table != MIGRATIONS_TABLE)


def _clear(directory: Path, *, keep: bool) -> Path | None:
    """Move the old database out of the way, with its write-ahead log, which must never meet another database."""
    suffixes = (KEPT if number == 1 else f"{KEPT}-{number}" for number in count(1))
    suffix = next(s for s in suffixes if not any((directory / (n + s)).exists() for n in (DATABASE, ARTEFACTS)))
    old = directory / (DATABASE + suffix)
    # DuckDB looks for the log of a file under the file's name and `.wal`.
    places = {DATABASE + ".wal": old.name + ".wal", DATABASE: old.name, ARTEFACTS: ARTEFACTS + suffix}
    for name, kept in places.items():
        path = directory / name
        if not path.exists():
            continue
        if keep:
            path.rename(directory / kept)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return old if keep else None


def _sync(directory: Path) -> None:
    """Let the new names survive a power cut, where directories can be synced at all."""
    if os.name == "posix":
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _failed(directory: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"The backup could not be restored into {directory}: {error.strerror or error}.",
        code="RESTORE_FAILED",
        hint=f"If {DATABASE} is missing there, what it was is beside it as {DATABASE}{KEPT}.",
    )
