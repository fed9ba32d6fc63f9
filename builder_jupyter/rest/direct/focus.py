"""``/api/billing/*``: charges in FOCUS. Source: seed "REST API"; spec builder-studio §10."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

from pydantic import BaseModel, Field
from tornado.iostream import StreamClosedError

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderHandler
from builder_jupyter.rest.routing import route
from builder_jupyter.services.rates import Bucket


class WindowQuery(BaseModel):
    """Which charges: posted from ``from`` on and before ``to``, at most 365 days. A session names its workspace."""

    start: str = Field(alias="from", min_length=10, description="A day (2026-01-31) or an ISO 8601 time with offset.")
    end: str = Field(alias="to", min_length=10, description="The end, exclusive.")
    workspaceId: str | None = Field(default=None, min_length=1)  # noqa: N815 - the wire's name


class ExportQuery(WindowQuery):
    """How they are written. ``columns`` are names with commas between; ``safe`` is for spreadsheets."""

    format: Literal["jsonl", "csv", "parquet"] = "jsonl"
    version: Literal["1.2", "1.3", "1.4"] = "1.3"
    columns: str = ""
    safe: bool = False


class Metadata(BaseModel):
    """Who made the dataset, which one it is, how recent, and its columns, each as FOCUS has it."""

    DataGenerator: dict[str, Any]
    DatasetInstance: list[dict[str, Any]]
    Recency: list[dict[str, Any]]
    Schema: list[dict[str, Any]]


class ExportHandler(BuilderHandler):
    """The export."""

    path = "/api/billing/focus-export"

    @route(Scope.READ_BILLING, query=ExportQuery, stream="application/jsonl", bucket=Bucket.BILLING)
    async def get(self) -> None:
        """Export credit usage in FOCUS as JSON Lines, CSV or Parquet."""
        wanted = self.query(ExportQuery)
        export = await self.call(
            self.runtime.billing.export(
                self.caller,
                wanted.start,
                wanted.end,
                workspace=wanted.workspaceId,
                fmt=wanted.format,
                focus_version=wanted.version,
                columns=[name.strip() for name in wanted.columns.split(",") if name.strip()],
                safe=wanted.safe,
            )
        )
        self.set_header("Content-Type", export.media_type)
        self.set_header("Content-Disposition", f'attachment; filename="{export.name}"')
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.tell_rate()
        with contextlib.suppress(StreamClosedError):  # the reader went away: nobody to tell
            async with contextlib.aclosing(self.follow(export.content)) as pieces:
                async for piece in pieces:
                    self.write(piece)
                    await self.flush()
            await self.finish(set_content_type=export.media_type)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Break the connection off when something fails midway: a file with a proper end would look whole."""
        if self._headers_written and not self._finished:
            self.fault(status_code, kwargs.get("exc_info"))  # which logs what nobody foresaw
            self._finished = True
            self.request.connection.stream.close()
            return
        super().send_error(status_code, **kwargs)


class MetadataHandler(BuilderHandler):
    """What goes with an export."""

    path = "/api/billing/focus-metadata"

    @route(Scope.READ_BILLING, query=WindowQuery, answer=Metadata, bucket=Bucket.BILLING)
    async def get(self) -> None:
        """Read the metadata of the export of a window."""
        wanted = self.query(WindowQuery)
        billing = self.runtime.billing
        answer = billing.metadata(self.caller, wanted.start, wanted.end, workspace=wanted.workspaceId)
        self.answer(await self.call(answer))


HANDLERS = (ExportHandler, MetadataHandler)
