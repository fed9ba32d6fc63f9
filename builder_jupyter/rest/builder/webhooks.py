"""Endpoints of webhook triggers: list and revoke them; and the secret with which callbacks are signed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.direct.webhooks import webhook_url
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.routing import route


class WebhookShown(BaseModel):
    """An endpoint, without its secret. Times are epoch milliseconds."""

    canvasId: str  # noqa: N815 - the wire's names, here and below
    triggerNodeId: str  # noqa: N815
    webhookUrl: str  # noqa: N815
    requireSignature: bool  # noqa: N815
    status: Literal["ready", "triggered"]
    createdAt: int  # noqa: N815
    lastTriggeredAt: int | None  # noqa: N815
    lastExecutionId: str | None  # noqa: N815


class WebhookList(BaseModel):
    """Endpoints, oldest first."""

    webhooks: list[WebhookShown]


class WebhookQuery(BaseModel):
    """Those of one workflow."""

    workflow_id: str | None = Field(default=None, min_length=1)


class Revoked(BaseModel):
    """The secret opens nothing any more."""

    ok: bool


class CallbackSecret(BaseModel):
    """With what callbacks are signed."""

    secret: str


class WebhooksHandler(BuilderFamily):
    """All endpoints."""

    path = "/api/builder/webhooks"

    @route(Scope.READ_CANVASES, query=WebhookQuery, answer=WebhookList, refuses=(404,))
    async def get(self) -> None:
        """List the endpoints of triggers that events may be sent to."""
        wanted = self.query(WebhookQuery)
        found = await self.call(self.runtime.webhooks.list(self.caller, wanted.workflow_id))
        url = webhook_url(self)
        self.answer({"webhooks": [webhook | {"webhookUrl": url} for webhook in found]})


class WebhookHandler(BuilderFamily):
    """The endpoint of one trigger."""

    path = "/api/builder/workflows/{workflow_id}/webhooks/{node_id}"

    @route(Scope.WRITE_CANVAS, answer=Revoked)
    async def delete(self, workflow_id: str, node_id: str) -> None:
        """Revoke an endpoint: its secret opens nothing from now on."""
        await self.call(self.runtime.webhooks.revoke(self.caller, workflow_id, node_id))
        self.answer({"ok": True})


class CallbackSecretHandler(BuilderFamily):
    """The secret of callbacks that no webhook's secret signs."""

    path = "/api/builder/callback-secret"

    @route(Scope.MANAGE_INTEGRATIONS, answer=CallbackSecret)
    async def get(self) -> None:
        """Return the secret with which the workspace's callbacks are signed."""
        self.answer({"secret": await self.call(self.runtime.webhooks.callback_secret(self.caller))})

    @route(Scope.MANAGE_INTEGRATIONS, answer=CallbackSecret)
    async def post(self) -> None:
        """Make a new secret for the workspace's callbacks, and return it."""
        self.answer({"secret": await self.call(self.runtime.webhooks.callback_secret(self.caller, rotate=True))})


HANDLERS = (WebhooksHandler, WebhookHandler, CallbackSecretHandler)
