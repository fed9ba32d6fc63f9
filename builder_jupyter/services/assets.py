"""Files that people upload and steps make: keep, list, read, delete. Every one belongs to a workspace."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock, iso_z
from builder_jupyter.errors import Forbidden, InvalidInput, NotFound
from builder_jupyter.identity.grants import Permission
from builder_jupyter.identity.principal import Principal
from builder_jupyter.nodes.display import clean
from builder_jupyter.nodes.media_types import check, extension_of, measures
from builder_jupyter.nodes.stored_media import asset_url
from builder_jupyter.services.access import AccessService
from builder_jupyter.storage.artefacts import ArtefactStore
from builder_jupyter.storage.assets import Asset, AssetStore

SUFFIX = "asset"
MAX_NAME = 255
MAX_PAGE = 200


class AssetService:
    """What can be done with assets."""

    def __init__(self, store: AssetStore, contents: ArtefactStore, access: AccessService, clock: Clock) -> None:
        self._store = store
        self._contents = contents
        self._access = access
        self._clock = clock
        # A content may be wanted again in the moment in which its last asset goes.
        self._lock = asyncio.Lock()

    async def add(
        self, principal: Principal, data: bytes, file_name: str, mime_type: str, canvas_id: str | None = None
    ) -> dict[str, Any]:
        """Keep a file and return its description; see `described`. What is refused leaves nothing behind.

        Raises
        ------
        InvalidInput : ``INVALID_FILE_NAME``; ``EMPTY_FILE``, ``UNSUPPORTED_MEDIA_TYPE``, ``NOT_THAT_MEDIA_TYPE``.
        TooLarge : ``FILE_TOO_LARGE``.
        NotFound, Forbidden : the canvas is unknown, or not the caller's to change.
        """
        name = _file_name(file_name)
        found = check(data, mime_type)
        if canvas_id is not None:
            await self._access.require(principal, canvas_id, Permission.EDIT)
        made = await self._kept(ids.asset_id(), principal.workspace, principal.name, canvas_id, name, found, data)
        return described(made)

    async def keep(
        self, workspace: str, data: bytes, mime_type: str, *, stem: str, canvas_id: str | None, key: str
    ) -> dict[str, Any]:
        """Keep what a step made, and return its description. The same from the same visit is kept once.

        Raises `InvalidInput` and `TooLarge` as `add`.
        """
        found = check(data, mime_type)
        digest = hashlib.sha256(data).hexdigest()
        asset_id = ids.made_asset_id(workspace, key, digest)
        name = f"{stem}.{extension_of(found)}"
        return described(await self._kept(asset_id, workspace, key, canvas_id or None, name, found, data))

    async def get(self, principal: Principal, asset_id: str) -> dict[str, Any]:
        """Return an asset's description. Raises `NotFound` (``ASSET_NOT_FOUND``), also for another workspace's."""
        return described(await self._seen(principal, asset_id))

    async def read(self, principal: Principal, asset_id: str) -> bytes:
        """Return an asset's content. Raises `NotFound` (``ASSET_NOT_FOUND``)."""
        await self._seen(principal, asset_id)
        return (await self.load(principal.workspace, asset_id))[1]

    async def load(self, workspace: str, asset_id: str) -> tuple[Asset, bytes]:
        """Return an asset and its content. Raises `NotFound` (``ASSET_NOT_FOUND``)."""
        asset = await self._found(workspace, asset_id)
        path = self._contents.path(workspace, asset.sha256, suffix=SUFFIX)
        return asset, await asyncio.to_thread(path.read_bytes)

    async def list(
        self, principal: Principal, canvas_id: str | None = None, *, limit: int = 50, offset: int = 0
    ) -> list[dict[str, Any]]:
        """Return the workspace's assets, or those of one canvas, newest first. ``limit`` is at most `MAX_PAGE`.

        Who is no admin is shown what they uploaded and what is of canvases that they may see: a page may be short.
        """
        limit = min(max(limit, 1), MAX_PAGE)
        found = await self._store.list(principal.workspace, canvas_id, limit=limit, offset=max(offset, 0))
        return [described(asset) for asset in found if await self._may(principal, asset, Permission.VIEW)]

    async def delete(self, principal: Principal, asset_id: str) -> None:
        """Forget an asset; runs that used it keep its id. Raises `NotFound` (``ASSET_NOT_FOUND``), `Forbidden`."""
        asset = await self._seen(principal, asset_id)
        if not await self._may(principal, asset, Permission.EDIT):
            raise Forbidden("Access denied to this asset")
        async with self._lock:
            holders = await self._store.delete(asset)
            if asset.workspace not in holders:
                await asyncio.to_thread(
                    self._contents.remove, asset.workspace, asset.sha256, suffix=SUFFIX, shared=bool(holders)
                )

    async def _seen(self, principal: Principal, asset_id: str) -> Asset:
        asset = await self._found(principal.workspace, asset_id)
        if not await self._may(principal, asset, Permission.VIEW):
            raise _unknown()
        return asset

    async def _may(self, principal: Principal, asset: Asset, permission: Permission) -> bool:
        """Say whether a principal may do this: the workspace's admins, who uploaded it, who may with its canvas."""
        if principal.is_admin or asset.created_by == principal.name:
            return True
        if asset.canvas_id is None:
            return False
        try:
            await self._access.require(principal, asset.canvas_id, permission)
        except (Forbidden, NotFound):
            return False
        return True

    async def _found(self, workspace: str, asset_id: str) -> Asset:
        asset = await self._store.find(workspace, asset_id)
        if asset is None:
            raise _unknown()
        return asset

    async def _kept(
        self, asset_id: str, workspace: str, by: str, canvas_id: str | None, name: str, mime_type: str, data: bytes
    ) -> Asset:
        about: Mapping[str, Any] = measures(data, mime_type)
        async with self._lock:
            digest = await asyncio.to_thread(self._contents.put, workspace, data, suffix=SUFFIX)
            return await self._store.add(
                Asset(
                    asset_id, workspace, canvas_id, name, mime_type, len(data), digest, about.get("width"),
                    about.get("height"), about.get("durationSeconds"), self._clock.now(), by,
                )
            )  # fmt: skip


def _unknown() -> NotFound:
    return NotFound("Asset not found", code="ASSET_NOT_FOUND")


def described(asset: Asset) -> dict[str, Any]:
    """Return ``{id, url, fileName, mimeType, size, canvasId, createdAt, …}``; what is not known is left out."""
    measured = {"width": asset.width, "height": asset.height, "durationSeconds": asset.duration_seconds}
    return {
        "id": asset.asset_id,
        "url": asset_url(asset.asset_id),
        "fileName": asset.file_name,
        "mimeType": asset.mime_type,
        "size": asset.size,
        "canvasId": asset.canvas_id,
        "createdAt": iso_z(asset.created_at),
        "createdBy": asset.created_by,
        **{name: value for name, value in measured.items() if value is not None},
    }


def port_value(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of a port from an asset's description. Source: spec builder-studio §7.7."""
    measured = ("width", "height", "durationSeconds")
    return {"url": about["url"], "mimeType": about["mimeType"], "assetId": about["id"]} | {
        name: about[name] for name in measured if name in about
    }


def _file_name(given: str) -> str:
    """Return the last part of a file's name, as somebody may store it under any system."""
    name = clean(PureWindowsPath(PurePosixPath(given).name).name).strip()
    if not name or len(name) > MAX_NAME or any(ord(sign) < 32 or ord(sign) == 127 for sign in name):
        raise InvalidInput(
            f"A file needs a name of 1 to {MAX_NAME} characters, without control characters.", code="INVALID_FILE_NAME"
        )
    return name
