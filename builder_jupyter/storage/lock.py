"""Who owns the database. A lock file of our own beside it, held as long as the process lives.

DuckDB has a lock too, but it is a POSIX record lock: a process that opens and closes its own database file a second
time (a download, a backup) silently loses it, and another process may then write rows that vanish.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any

from builder_jupyter.errors import StoreLocked

try:
    import fcntl
except ImportError:  # Windows: DuckDB's own lock is mandatory there and has no such trap
    fcntl = None  # type: ignore[assignment]


class OwnerLock:
    """An exclusive lock on a data directory that says who holds it.

    Raises
    ------
    StoreLocked : another process (or another runtime of this one) holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._file: IO[str] = open(self._path, "a+", encoding="utf-8", opener=_private)  # noqa: SIM115 - held open
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise locked_error(directory) from None
        self.describe()

    def describe(self, **about: Any) -> None:
        """Write who holds the lock: the process id and, for a server, how to find it."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), **about}, self._file)
        self._file.flush()

    def release(self) -> None:
        """Give the directory up. The file stays: deleting it would let two processes lock two files."""
        if not self._file.closed:
            self._file.seek(0)
            self._file.truncate()
            self._file.close()


def read_owner(directory: Path) -> dict[str, Any]:
    """Return what the owner of a data directory wrote about itself; {} when nobody says anything."""
    try:
        about = json.loads((directory / "lock").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def locked_error(directory: Path) -> StoreLocked:
    """Return the error that tells a second process what is going on and what it can do."""
    owner = read_owner(directory)
    who = f"process {owner['pid']}" if "pid" in owner else "another process"
    return StoreLocked(
        f"The workflow database in {directory} is in use by {who}.",
        hint="Connect to that server, stop it, or choose another place with BuilderApp.data_dir "
        "(command line: --data-dir).",
        details={"data_dir": str(directory), **owner},
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
