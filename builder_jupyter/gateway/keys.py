"""Tools that make, list and revoke the workspace's API keys."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from builder_jupyter.clock import epoch_ms
from builder_jupyter.gateway.shapes import Id, Name
from builder_jupyter.gateway.tool import REMOVE, WRITE, Args, Call, Result, tool
from builder_jupyter.identity.api_keys import ApiKey
from builder_jupyter.identity.scopes import Scope

Scopes = Annotated[list[str] | None, Field(max_length=len(Scope))]


class KeyShown(Result):
    """What may be shown of a key. Times are epoch milliseconds."""

    key_id: str
    name: str
    prefix: str
    scopes: list[str]
    created_by: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    revoked_at: int | None


class Keys(Result):
    """Keys, oldest first."""

    keys: list[KeyShown]


class NoArgs(Args):
    """Nothing."""


@tool("List API keys", Scope.MANAGE_INTEGRATIONS)
async def list_api_keys(call: Call, args: NoArgs) -> Keys:
    """List the workspace's API keys, revoked ones included; never a key itself."""
    del args
    return Keys(keys=[KeyShown(**shown(key)) for key in await call.runtime.keys.list(call.principal)])


class CreateKeyArgs(Args):
    """The key. Without ``scopes`` it may read canvases and run workflows."""

    name: Name
    scopes: Scopes = None


class KeyMade(KeyShown):
    """A new key with the key itself, which nobody can read again."""

    key: str


@tool("Create an API key", Scope.MANAGE_INTEGRATIONS, hints=WRITE)
async def create_api_key(call: Call, args: CreateKeyArgs) -> KeyMade:
    """Make an API key and return it, this once. It cannot have scopes that the credential of this call lacks."""
    key, secret = await call.runtime.keys.create(call.principal, args.name, args.scopes)
    return KeyMade(**shown(key), key=secret)


class KeyArgs(Args):
    """Which key."""

    key_id: Id


@tool("Revoke an API key", Scope.MANAGE_INTEGRATIONS, hints=REMOVE)
async def revoke_api_key(call: Call, args: KeyArgs) -> KeyShown:
    """Make an API key open nothing, at once and for good."""
    return KeyShown(**shown(await call.runtime.keys.revoke(call.principal, args.key_id)))


def shown(key: ApiKey) -> dict[str, Any]:
    """Return what may be shown of a key."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": [str(scope) for scope in key.scopes],
        "created_by": key.created_by,
        "created_at": epoch_ms(key.created_at),
        "last_used_at": None if key.last_used_at is None else epoch_ms(key.last_used_at),
        "expires_at": None if key.expires_at is None else epoch_ms(key.expires_at),
        "revoked_at": None if key.revoked_at is None else epoch_ms(key.revoked_at),
    }


TOOLS = (list_api_keys, create_api_key, revoke_api_key)
