"""``backup``, ``restore`` and ``purge``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from builder_jupyter.cli.options import Commands, Places, data_dir_of, seconds_of
from builder_jupyter.errors import Conflict, InvalidInput, StoreLocked

if TYPE_CHECKING:
    from collections.abc import Callable

    from builder_jupyter.client.http import HttpTransport
    from builder_jupyter.services.upkeep import UpkeepService

T = TypeVar("T")

BACKUP_HELP = """\
With or without a running server. The file is a tar archive: backup.json says what is inside, builder.duckdb is the
database, artefacts/ its artefacts if there are any. It holds inputs, answers and the hashes of keys: keep it safe.
"""
RESTORE_HELP = """\
Stop the server first. Executions that were unfinished when the backup was made go on at the next start.
"""
PURGE_HELP = """\
With or without a running server. Unfinished executions stay however old they are, and so does everything about money.

examples:
  builder-jupyter purge --older-than 30d --dry-run
  builder-jupyter purge --older-than 12h
"""


def add_upkeep(commands: Commands, places: Places) -> None:
    """Add the commands ``backup``, ``restore`` and ``purge``."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(
        "backup", parents=[places], help="write the whole database into one file", epilog=BACKUP_HELP,
        formatter_class=raw,
    )  # fmt: skip
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")
    parser.set_defaults(action=backup)
    parser = commands.add_parser(
        "restore", parents=[places], help="put a backup in the place of the database", epilog=RESTORE_HELP,
        formatter_class=raw,
    )  # fmt: skip
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--force", action="store_true", help="also where the database is not empty; the old one is kept beside it"
    )
    parser.set_defaults(action=restore)
    parser = commands.add_parser(
        "purge", parents=[places], help="remove executions that ended long ago", epilog=PURGE_HELP, formatter_class=raw
    )
    parser.add_argument("--older-than", required=True, metavar="AGE", help="a number and one of s m h d w, e.g. 30d")
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")
    parser.set_defaults(action=purge)


def backup(options: argparse.Namespace) -> int:
    """Write a backup; 0 when it is there."""
    from builder_jupyter.storage.backup import contents_of

    target: Path = options.file.expanduser().absolute()
    if target.is_dir() or not target.parent.is_dir():
        raise InvalidInput(f"{target} is no place for a file.", code="FILE_NOT_WRITABLE")
    if target.exists() and not options.force:
        raise Conflict(f"{target} exists.", code="FILE_EXISTS", hint="Replace it with --force.")
    _with_database(options, lambda service: service.back_up(target), lambda server: server.back_up(target))
    held = contents_of(target)
    size = target.stat().st_size
    print(f"Wrote {target}: {held.total} rows, {held.artefacts} artefacts, {size / 1e6:.1f} MB.", file=sys.stderr)
    return 0


def restore(options: argparse.Namespace) -> int:
    """Restore a backup; 0 when it is in place."""
    from builder_jupyter.storage.restore import restore as put_back

    directory = data_dir_of(options)
    done = put_back(directory, options.file.expanduser(), force=options.force)
    print(
        f"Restored {done.contents.total} rows and {done.contents.artefacts} artefacts into {directory}.",
        file=sys.stderr,
    )
    if done.kept is not None:
        print(f"The database that was there is kept as {done.kept}.", file=sys.stderr)
    return 0


def purge(options: argparse.Namespace) -> int:
    """Remove old executions and say what went."""
    about: dict[str, Any] = {"older_than_seconds": seconds_of(options.older_than), "dry_run": options.dry_run}
    gone: dict[str, Any] = _with_database(
        options, lambda service: service.purge(**about), lambda server: server.purge(**about)
    )
    word = "Would remove" if gone["dryRun"] else "Removed"
    print(
        f"{word} {gone['executions']} executions that ended before {gone['before']}: {gone['events']} events, "
        f"{gone['plans']} plans, {gone['artefacts']} artefacts."
    )
    return 0


def _with_database(
    options: argparse.Namespace,
    here: Callable[[UpkeepService], Coroutine[Any, Any, T]],
    there: Callable[[HttpTransport], Coroutine[Any, Any, Any]],
) -> T:
    """Do something with the database that is meant, or let the server do it that has it open."""
    from builder_jupyter.client.connect import transport_to_owner
    from builder_jupyter.services.upkeep import open_offline

    directory = data_dir_of(options)
    try:
        with open_offline(directory) as service:
            return asyncio.run(here(service))
    except StoreLocked:
        transport = transport_to_owner(directory)
        if transport is None:
            raise
    try:
        found: T = transport.portal.wait(there(transport))
    finally:
        transport.close()
    return found
