"""How the server does, and upkeep of its database: for whoever is signed in; no key opens the latter."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import Any

from pydantic import BaseModel, Field
from tornado.iostream import StreamClosedError

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose, Whole
from builder_jupyter.rest.routing import Access, route

CHUNK_BYTES = 1 << 20


class StatusAnswer(BaseModel):
    """How the server does. ``active`` executions are not over, ``waiting`` ones among them wait for something.

    ``resumed`` is how many unfinished ones it found when it started. ``failure`` says why it takes no more writes.
    ``dataDir`` is not told to keys.
    """

    version: str
    resumed: int
    active: int
    waiting: int
    failure: str | None
    dataDir: str | None  # noqa: N815 - the wire's names, here and below


class StatusHandler(BuilderFamily):
    """Status."""

    path = "/api/builder/status"

    @route(Scope.READ_CANVASES, Scope.RUN_WORKFLOWS, answer=StatusAnswer)
    async def get(self) -> None:
        """Say how the server does: what was resumed, what runs, what waits."""
        self.answer(self.runtime.status(self.caller))


class PurgeBody(Loose):
    """How long ago an execution must have ended to be removed. ``dryRun`` removes nothing."""

    olderThanSeconds: Whole = Field(ge=0)  # noqa: N815
    dryRun: bool = False  # noqa: N815


class PurgeAnswer(BaseModel):
    """What was removed, or would be."""

    dryRun: bool  # noqa: N815
    before: str
    executions: int
    events: int
    plans: int
    artefacts: int


class PurgeHandler(BuilderFamily):
    """Purge."""

    path = "/api/builder/purge"

    @route(access=Access.JUPYTER, body=PurgeBody, answer=PurgeAnswer)
    async def post(self) -> None:
        """Remove executions that ended long ago."""
        wanted = await self.model(PurgeBody)
        work = self.runtime.upkeep.purge(older_than_seconds=wanted.olderThanSeconds, dry_run=wanted.dryRun)
        self.answer(await self.call(work))


class BackupHandler(BuilderFamily):
    """Backup."""

    path = "/api/builder/backup"

    @route(access=Access.JUPYTER, stream="application/x-tar")
    async def post(self) -> None:
        """Make a backup of the whole database and send it as a file."""
        archive = await self.call(self.runtime.upkeep.pack())
        try:
            size = (await asyncio.to_thread(archive.stat)).st_size
            self.set_header("Cache-Control", "no-store")
            self.set_header("Content-Length", str(size))
            self.set_header("Content-Disposition", 'attachment; filename="builder_jupyter-backup.tar"')
            file: Any = await asyncio.to_thread(archive.open, "rb")
            with file:
                self.set_header("Content-Type", "application/x-tar")
                with contextlib.suppress(StreamClosedError):  # the reader went away: nobody to tell
                    while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                        self.write(chunk)
                        await self.flush()
                    self.finish(set_content_type="application/x-tar")
        finally:
            await asyncio.to_thread(shutil.rmtree, archive.parent, ignore_errors=True)


HANDLERS = (StatusHandler, PurgeHandler, BackupHandler)
