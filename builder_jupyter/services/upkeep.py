"""Look after a database: back it up, take old executions out of it. Beside a running engine, or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from builder_jupyter.clock import Clock, SystemClock, epoch_ms, iso_z
from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.storage.backup import Contents, back_up, scratch_folder
from builder_jupyter.storage.database import DATABASE, Database
from builder_jupyter.storage.purge import Purged, purge

MAX_AGE_SECONDS = 100 * 366 * 86_400


class UpkeepService:
    """What the owner of a database can do for it.

    Parameters
    ----------
    keep_plans, on_purge : what a running engine needs to know of plans and executions that go; see `storage.purge`.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        keep_plans: Callable[[], Collection[str]] = frozenset,
        on_purge: Callable[[Collection[str]], None] = lambda _ids: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._keep_plans = keep_plans
        self._on_purge = on_purge
        # One at a time: a backup must find the artefacts that its snapshot names.
        self._turn = asyncio.Lock()

    async def back_up(self, target: Path) -> Contents:
        """Write a backup into a file. Nobody waits for it. Raises as `storage.backup.back_up`."""
        async with self._turn:
            return await back_up(self._database, target)

    async def pack(self) -> Path:
        """Make a backup for somebody to fetch; whoever does removes the folder that it lies in."""
        if self._database.directory is None:
            raise InvalidInput("A database in memory cannot be backed up.", code="STORE_IN_MEMORY")
        folder = await asyncio.to_thread(scratch_folder, self._database.directory)
        target = folder / "backup.tar"
        try:
            await self.back_up(target)
        except BaseException:
            folder.rmdir()
            raise
        return target

    async def purge(self, *, older_than_seconds: int, dry_run: bool = False) -> dict[str, Any]:
        """Remove executions that ended so long ago, with what only they used; return what that was, in numbers.

        Unfinished executions stay however old they are, and so does everything about money.

        Raises
        ------
        InvalidInput : ``INVALID_DURATION``.
        Unavailable : the store takes no writes; nothing was removed.
        """
        if not 0 <= older_than_seconds <= MAX_AGE_SECONDS:
            raise InvalidInput("An age lies between 0 seconds and 100 years.", code="INVALID_DURATION")
        before_ms = epoch_ms(self._clock.now()) - 1000 * older_than_seconds
        async with self._turn:
            gone = await purge(self._database, before_ms=before_ms, keep_plans=self._keep_plans, dry_run=dry_run)
        if not dry_run:
            self._on_purge(gone.executions)
        return _numbers(gone, before_ms, dry_run=dry_run)


@contextmanager
def open_offline(directory: Path) -> Iterator[UpkeepService]:
    """Open a database for upkeep alone: nothing in it is resumed.

    Raises
    ------
    NotFound : ``STORE_NOT_FOUND``.
    StoreLocked : another process has it open.
    Unavailable : ``STORE_UNREADABLE``, ``STORE_TOO_NEW``.
    """
    if not (directory / DATABASE).is_file():
        raise NotFound(
            f"There is no workflow database in {directory}.",
            code="STORE_NOT_FOUND",
            hint="Name its folder with --data-dir, or the folder it belongs to with --root-dir.",
        )
    with Database(directory) as database:
        yield UpkeepService(database, SystemClock())


def _numbers(gone: Purged, before_ms: int, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dryRun": dry_run,
        "before": iso_z(datetime.fromtimestamp(before_ms / 1000, UTC)),
        "executions": len(gone.executions),
        "events": gone.events,
        "plans": len(gone.plans),
        "artefacts": len(gone.artefacts),
    }
