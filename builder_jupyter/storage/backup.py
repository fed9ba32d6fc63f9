"""One file that holds a whole store: a tar archive of a snapshot of the database and of its artefacts.

::

    backup.json       what is inside: when it was made, rows by table, SHA-256 of the database, number of artefacts
    builder.duckdb    the database, complete and closed
    artefacts/…       if there are any

Only the owner of the database makes one: the live file is never opened a second time, since a process that closes its
own database file loses the lock on it. The snapshot is copied by a reader in one transaction; nobody waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import IO, Any

import duckdb

from builder_jupyter.errors import BuilderError, InvalidInput, Unavailable
from builder_jupyter.storage.database import ARTEFACTS, DATABASE, SCRATCH, Database, queries
from builder_jupyter.storage.schema import check_known

SQL = queries("upkeep")
MANIFEST = "backup.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds: rows by table, how many artefacts, and the database's SHA-256 in hex."""

    rows: dict[str, int]
    artefacts: int
    sha256: str

    @property
    def total(self) -> int:
        """How many rows there are in all."""
        return sum(self.rows.values())


async def back_up(database: Database, target: Path) -> Contents:
    """Write a backup into a new file, replacing ``target`` at the end; what it holds is checked before.

    Raises
    ------
    InvalidInput : ``STORE_IN_MEMORY``, ``FILE_NOT_WRITABLE``.
    Unavailable : ``BACKUP_FAILED``. There is no new file then.
    """
    directory = database.directory
    if directory is None:
        raise InvalidInput("A database in memory cannot be backed up.", code="STORE_IN_MEMORY")
    scratch = await asyncio.to_thread(scratch_folder, directory)
    try:
        snapshot = scratch / DATABASE
        rows = await database.read(lambda c: _copy(c, snapshot))
        return await asyncio.to_thread(_finish, snapshot, directory / ARTEFACTS, target, rows)
    except (duckdb.Error, OSError) as error:
        raise _failed(error) from error
    finally:
        await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)


def scratch_folder(directory: Path) -> Path:
    """Return a new folder for files that nobody misses; whoever opens the database next removes what was left."""
    parent = directory / SCRATCH
    parent.mkdir(mode=0o700, exist_ok=True)
    return Path(mkdtemp(dir=parent))


def inspect(path: Path) -> dict[str, int]:
    """Open a database file that nobody uses and return its rows by table.

    Raises
    ------
    Unavailable : ``STORE_TOO_NEW``.
    duckdb.Error : it is none of ours, or broken.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        check_known(connection, path)
        return _count(connection)


def contents_of(archive: Path) -> Contents:
    """Return what a backup says that it holds, having looked at every member's place in it. Raises as `unpack`."""
    with _reading(archive), tarfile.open(archive, "r:") as tar:
        about = _manifest(tar.next(), tar)
        names = [inside.parts[0] for _, inside in _members(tar)]
    if DATABASE not in names or names.count(ARTEFACTS) != about.artefacts:
        raise _no_backup(archive)
    return about


def unpack(archive: Path, folder: Path) -> Contents:
    """Unpack a backup into an empty folder and check that it is whole.

    Raises
    ------
    InvalidInput : ``FILE_NOT_READABLE``, ``NOT_A_BACKUP``.
    Unavailable : ``STORE_TOO_NEW``.
    """
    with _reading(archive):
        with tarfile.open(archive, "r:") as tar:
            about = _manifest(tar.next(), tar)
            for member, inside in _members(tar):
                place = folder.joinpath(*inside.parts)
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                content = tar.extractfile(member)
                if content is not None:
                    with content, open(place, "xb", opener=_private) as file:
                        shutil.copyfileobj(content, file, 1 << 20)
        rows = inspect(folder / DATABASE)
    artefacts = sum(path.is_file() for path in (folder / ARTEFACTS).rglob("*"))
    found = Contents(rows, artefacts, _sha256(folder / DATABASE))
    if about != found:
        raise _no_backup(archive)
    return found


def _copy(connection: duckdb.DuckDBPyConnection, snapshot: Path) -> dict[str, int]:
    """Copy the database as one transaction sees it. On a cursor of its own: a broken transaction dies with it."""
    cursor = connection.cursor()
    try:
        cursor.execute(SQL["attach"], [str(snapshot)])
        try:
            cursor.begin()
            cursor.execute(SQL["copy"])
            rows = _count(cursor)
            cursor.commit()
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                cursor.rollback()
            raise
        finally:
            cursor.execute(SQL["detach"])
    finally:
        cursor.close()
    return rows


def _count(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    tables = [row[0] for row in connection.execute(SQL["tables"]).fetchall()]
    return {name: connection.table(name).count("*").fetchall()[0][0] for name in tables}


def _finish(snapshot: Path, artefacts: Path, target: Path, rows: dict[str, int]) -> Contents:
    """Check the snapshot and pack it, beside the target first."""
    if inspect(snapshot) != rows:
        raise Unavailable("The snapshot does not hold what the database holds.", code="BACKUP_FAILED")
    partial = target.with_name(target.name + ".partial")
    files = sorted(path for path in artefacts.rglob("*") if path.is_file())
    contents = Contents(rows, len(files), _sha256(snapshot))
    try:
        raw = open(partial, "wb", opener=_private)  # noqa: SIM115 - Path.open has no opener; closed below
    except OSError as error:
        raise InvalidInput(f"{target} cannot be written: {error.strerror}.", code="FILE_NOT_WRITABLE") from error
    try:
        with raw:
            with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
                _pack(tar, snapshot, artefacts, files, contents)
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return contents


def _pack(tar: tarfile.TarFile, snapshot: Path, artefacts: Path, files: list[Path], contents: Contents) -> None:
    made_at = datetime.now(UTC)
    about = {"format": FORMAT, "madeAt": made_at.isoformat(), **asdict(contents)}
    text = json.dumps(about, indent=2).encode()
    head = tarfile.TarInfo(MANIFEST)
    head.size, head.mode, head.mtime = len(text), 0o600, int(made_at.timestamp())
    tar.addfile(head, BytesIO(text))
    for path, name in [
        (snapshot, DATABASE),
        *((f, f"{ARTEFACTS}/{f.relative_to(artefacts).as_posix()}") for f in files),
    ]:
        tar.add(path, name, recursive=False, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out whose files these were; whoever restores them owns them."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _manifest(member: tarfile.TarInfo | None, tar: tarfile.TarFile) -> Contents:
    content: IO[bytes] | None = None
    if member is not None and member.name == MANIFEST:
        content = tar.extractfile(member)
    if content is None:
        raise ValueError("the first member is not the manifest")
    about: Any = json.loads(content.read())
    if about["format"] != FORMAT:
        raise ValueError("a format that we do not know")
    return Contents(about["rows"], about["artefacts"], about["sha256"])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _members(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, PurePosixPath]]:
    """Yield the files that belong into a backup; anything else, and any way out of the folder, is refused."""
    while (member := tar.next()) is not None:
        inside = PurePosixPath(member.name)
        is_ours = inside.parts == (DATABASE,) or (len(inside.parts) > 1 and inside.parts[0] == ARTEFACTS)
        if not member.isreg() or not is_ours or ".." in inside.parts or "\\" in member.name:
            raise ValueError(f"an unexpected member: {member.name}")
        yield member, inside


@contextlib.contextmanager
def _reading(archive: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, duckdb.Error, EOFError, LookupError, ValueError, TypeError) as error:
        raise _no_backup(archive) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInput(f"{archive} cannot be unpacked: {reason}.", code="FILE_NOT_READABLE") from error


def _no_backup(archive: Path) -> InvalidInput:
    return InvalidInput(
        f"{archive} is not a backup, or not a whole one.",
        code="NOT_A_BACKUP",
        hint="Make one with: builder-jupyter backup FILE",
    )


def _failed(error: Exception) -> BuilderError:
    return Unavailable(
        f"The backup could not be made: {' '.join(str(error).split())}",
        code="BACKUP_FAILED",
        hint="It needs as much room again as the database, there and where it is written to.",
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
