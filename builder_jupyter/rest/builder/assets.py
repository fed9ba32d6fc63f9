"""Assets: files that people upload and steps make. What is sent back can be looked at and never run."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.nodes.media_types import SVG
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Digits
from builder_jupyter.rest.routing import route
from builder_jupyter.services.assets import MAX_NAME, MAX_PAGE

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; sandbox"


class AssetShown(BaseModel):
    """A file. ``url`` is below the server's base URL; ``width`` and ``height`` are pixels."""

    id: str
    url: str
    fileName: str  # noqa: N815 - the wire's names, here and below
    mimeType: str  # noqa: N815
    size: int
    canvasId: str | None  # noqa: N815
    createdAt: str  # noqa: N815
    createdBy: str  # noqa: N815
    width: int | None = None
    height: int | None = None
    durationSeconds: float | None = None  # noqa: N815


class AssetList(BaseModel):
    """Files, newest first."""

    assets: list[AssetShown]


class AssetQuery(BaseModel):
    """Paging; ``canvasId`` leaves the files of one canvas."""

    canvasId: str | None = None  # noqa: N815
    limit: Digits = Field(default=50, ge=1, le=MAX_PAGE)
    offset: Digits = Field(default=0, ge=0, le=2**53)


class UploadQuery(BaseModel):
    """What the file is called, and the canvas that it is for."""

    fileName: str = Field(min_length=1, max_length=MAX_NAME)  # noqa: N815
    canvasId: str | None = None  # noqa: N815


class Deleted(BaseModel):
    """It is gone."""

    ok: bool


class AssetsHandler(BuilderFamily):
    """All files."""

    path = "/api/builder/assets"

    @route(Scope.READ_ASSETS, query=AssetQuery, answer=AssetList)
    async def get(self) -> None:
        """List the workspace's files, newest first."""
        wanted = self.query(AssetQuery)
        found = self.runtime.assets.list(self.caller, wanted.canvasId, limit=wanted.limit, offset=wanted.offset)
        self.answer({"assets": await self.call(found)})

    @route(Scope.WRITE_ASSETS, query=UploadQuery, answer=AssetShown, status=201, uploads=True, refuses=(404,))
    async def post(self) -> None:
        """Upload a file: the body is the file, Content-Type says what it is."""
        wanted = self.query(UploadQuery)
        kind = self.request.headers.get("Content-Type", "")
        body: bytes = self.request.body
        added = self.runtime.assets.add(self.caller, body, wanted.fileName, kind, wanted.canvasId)
        self.answer(await self.call(added))


class AssetHandler(BuilderFamily):
    """One file."""

    path = "/api/builder/assets/{asset_id}"

    @property
    def content_security_policy(self) -> str:
        """Nothing in a file may run or fetch anything, should somebody open it as a page."""
        return CONTENT_SECURITY_POLICY

    @route(Scope.READ_ASSETS, stream="*/*")
    async def get(self, asset_id: str) -> None:
        """Read a file; one of another workspace is as unknown as one that does not exist."""
        about = await self.call(self.runtime.assets.get(self.caller, asset_id))
        content = await self.call(self.runtime.assets.read(self.caller, asset_id))
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Disposition", disposition(about))
        self.finish(content, set_content_type=about["mimeType"])

    @route(Scope.DELETE_ASSETS, answer=Deleted)
    async def delete(self, asset_id: str) -> None:
        """Delete a file; runs that used it keep its id."""
        await self.call(self.runtime.assets.delete(self.caller, asset_id))
        self.answer({"ok": True})


HANDLERS = (AssetsHandler, AssetHandler)


def disposition(about: dict[str, Any]) -> str:
    """Return how a browser is to take a file: SVG may hold scripts, so it is saved and not shown."""
    how = "attachment" if about["mimeType"] == SVG else "inline"
    return f"{how}; filename*=UTF-8''{quote(about['fileName'], safe='')}"
