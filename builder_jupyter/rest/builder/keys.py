"""API keys: list, make, revoke. A key is shown in the answer that makes it and never again."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.clock import iso_z
from builder_jupyter.identity.api_keys import ApiKey
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose, Moment
from builder_jupyter.rest.routing import route
from builder_jupyter.services.keys import MAX_NAME

SCOPES: Any = {
    "anyOf": [{"type": "array", "minItems": 1, "items": {"enum": [str(scope) for scope in Scope]}}, {"type": "null"}]
}


class KeyBody(Loose):
    """A new key. Without ``scopes`` it may read canvases and run workflows; without ``expires_at`` it stays good."""

    name: str = Field(json_schema_extra={"pattern": r"\S", "maxLength": MAX_NAME})
    scopes: list[str] | None = Field(default=None, json_schema_extra=SCOPES)
    expires_at: Moment | None = None


class KeyShown(BaseModel):
    """What may be shown of a key."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    created_by: str
    created_at: str
    last_used_at: str | None
    expires_at: str | None
    revoked_at: str | None


class KeyMade(KeyShown):
    """A new key, with the key itself."""

    key: str


class KeyList(BaseModel):
    """The workspace's keys, oldest first."""

    keys: list[KeyShown]


class KeysHandler(BuilderFamily):
    """All keys."""

    path = "/api/builder/keys"

    @route(Scope.MANAGE_INTEGRATIONS, answer=KeyList)
    async def get(self) -> None:
        """List the workspace's keys."""
        found = await self.call(self.runtime.keys.list(self.caller))
        self.answer({"keys": [shown(key) for key in found]})

    @route(Scope.MANAGE_INTEGRATIONS, body=KeyBody, answer=KeyMade, status=201)
    async def post(self) -> None:
        """Make a key."""
        wanted = await self.model(KeyBody)
        about = self.caller, wanted.name, wanted.scopes
        key, secret = await self.call(self.runtime.keys.create(*about, expires_at=wanted.expires_at))
        self.answer(shown(key) | {"key": secret})


class KeyHandler(BuilderFamily):
    """One key."""

    path = "/api/builder/keys/{key_id}"

    @route(Scope.MANAGE_INTEGRATIONS, answer=KeyShown)
    async def delete(self, key_id: str) -> None:
        """Revoke a key."""
        self.answer(shown(await self.call(self.runtime.keys.revoke(self.caller, key_id))))


HANDLERS = (KeysHandler, KeyHandler)


def shown(key: ApiKey) -> dict[str, Any]:
    """Return what may be shown of a key."""
    times = {
        name: None if moment is None else iso_z(moment)
        for name, moment in (
            ("last_used_at", key.last_used_at),
            ("expires_at", key.expires_at),
            ("revoked_at", key.revoked_at),
        )
    }
    return {
        "id": key.key_id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": [str(scope) for scope in key.scopes],
        "created_by": key.created_by,
        "created_at": iso_z(key.created_at),
        **times,
    }
