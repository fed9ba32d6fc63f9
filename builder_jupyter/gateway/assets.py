"""Tools for the workspace's files: media that canvases use and make."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import Field

from builder_jupyter.errors import InvalidInput, TooLarge
from builder_jupyter.gateway.shapes import Id, Name, Whole, part
from builder_jupyter.gateway.tool import DESTROY, WRITE, Args, Call, Result, tool
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.nodes.http import HttpRequest

MAX_FETCHED_BYTES = 50 * 1024 * 1024


class AssetShown(Result):
    """A file. ``url`` is where it is read with the same credential, ``size`` is in bytes."""

    id: str
    url: str
    file_name: str
    mime_type: str
    size: int
    canvas_id: str | None
    created_at: str
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None


class Assets(Result):
    """Files, newest first."""

    assets: list[AssetShown]


class ListArgs(Args):
    """Of which canvas; of the whole workspace when left out."""

    canvas_id: Id | None = None
    limit: Annotated[Whole, Field(ge=1, le=100)] = 50
    offset: Annotated[Whole, Field(ge=0, le=1_000_000)] = 0


@tool("List assets", Scope.READ_ASSETS)
async def list_assets(call: Call, args: ListArgs) -> Assets:
    """List the files of the workspace, or of one canvas, newest first."""
    found = await call.runtime.assets.list(call.principal, args.canvas_id, limit=args.limit, offset=args.offset)
    return Assets(assets=[part(AssetShown, one) for one in found])


class AssetArgs(Args):
    """Which file."""

    asset_id: Id


@tool("Read an asset", Scope.READ_ASSETS)
async def get_asset(call: Call, args: AssetArgs) -> AssetShown:
    """Describe a file and say where it can be read."""
    return part(AssetShown, await call.runtime.assets.get(call.principal, args.asset_id))


class UploadArgs(Args):
    """The file: its bytes in base64, or a public address from which they are fetched."""

    file_name: Name
    mime_type: Name
    base64: Annotated[str | None, Field(min_length=1)] = None
    url: Annotated[str | None, Field(min_length=1, max_length=2048)] = None
    canvas_id: Id | None = None


@tool("Upload an asset", Scope.WRITE_ASSETS, hints=WRITE)
async def upload_asset(call: Call, args: UploadArgs) -> AssetShown:
    """Keep a file in the workspace: an image, a video or a sound, as ``base64`` or from a public ``url``."""
    if (args.base64 is None) is (args.url is None):
        raise InvalidInput("Give base64 or url, and not both.", code="INVALID_ARGUMENTS")
    data = _decoded(args.base64) if args.base64 is not None else await _fetched(call, args.url or "")
    made = await call.runtime.assets.add(call.principal, data, args.file_name, args.mime_type, args.canvas_id)
    return part(AssetShown, made)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("The base64 of the file cannot be read.", code="INVALID_ARGUMENTS") from error


async def _fetched(call: Call, url: str) -> bytes:
    wanted = HttpRequest("GET", url, redirects=3, seconds=30.0, max_bytes=MAX_FETCHED_BYTES)
    reply = await call.runtime.outbound.send(wanted)
    if not 200 <= reply.status < 300:
        raise InvalidInput(f"The address answered with status {reply.status}.", code="FETCH_FAILED")
    if not reply.is_whole:
        raise TooLarge(f"The file has more than {MAX_FETCHED_BYTES} bytes.", code="FILE_TOO_LARGE")
    return reply.body


class DeleteArgs(AssetArgs):
    """Deleting cannot be undone, so it is said twice."""

    confirm: Literal[True]


class Deleted(Result):
    """What is gone."""

    id: str
    deleted: bool


@tool("Delete an asset", Scope.DELETE_ASSETS, hints=DESTROY)
async def delete_asset(call: Call, args: DeleteArgs) -> Deleted:
    """Delete a file, for good. Asks for ``confirm: true``; runs that used it keep its id."""
    await call.runtime.assets.delete(call.principal, args.asset_id)
    return Deleted(id=args.asset_id, deleted=True)


TOOLS = (list_assets, get_asset, upload_asset, delete_asset)
