"""Artefacts: what is too big for the journal. Whoever may read an execution may read what it refers to."""

from __future__ import annotations

import asyncio
from functools import partial

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.routing import route

PARQUET = "application/vnd.apache.parquet"


class ArtefactHandler(BuilderFamily):
    """One artefact."""

    path = "/api/builder/artefacts/{sha256}"

    @route(Scope.RUN_WORKFLOWS, stream=PARQUET)
    async def get(self, sha256: str) -> None:
        """Read a dataframe as Parquet; one of somebody else's runs is as unknown as one that does not exist."""
        artefacts, caller = self.runtime.artefacts, self.caller
        starter = None if caller.is_admin else caller.name
        content = await asyncio.to_thread(partial(artefacts.read, caller.workspace, sha256, starter=starter))
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(content, set_content_type=PARQUET)


HANDLERS = (ArtefactHandler,)
