"""Tools that give a webhook trigger an endpoint, and take it away."""

from __future__ import annotations

from builder_jupyter.errors import NotFound
from builder_jupyter.gateway.shapes import Id, OnCanvas, part
from builder_jupyter.gateway.tool import READ, REMOVE, SET, Args, Call, Result, tool
from builder_jupyter.identity.scopes import Scope


class TriggerArgs(OnCanvas):
    """Which trigger node."""

    trigger_node_id: Id


class RegisterArgs(TriggerArgs):
    """Which trigger node; ``rotate`` makes a new secret, and the old one opens nothing any more."""

    rotate: bool = False


class Registered(Result):
    """An endpoint with its secret; ``created`` says whether the secret is new."""

    webhook_url: str
    webhook_secret: str
    webhook_authorization_header: str
    trigger_node_id: str
    created: bool


@tool("Register a webhook", Scope.WRITE_CANVAS, hints=SET)
async def register_webhook(call: Call, args: RegisterArgs) -> Registered:
    """Give a webhook trigger its endpoint and return its secret; again returns the same, unless ``rotate`` is true."""
    made = await call.runtime.webhooks.register(call.principal, args.canvas_id, args.trigger_node_id, args.rotate)
    return part(Registered, made)


class Revoked(Result):
    """Whether there was an endpoint to take away."""

    canvas_id: str
    trigger_node_id: str
    revoked: bool


@tool("Revoke a webhook", Scope.WRITE_CANVAS, hints=REMOVE)
async def revoke_webhook(call: Call, args: TriggerArgs) -> Revoked:
    """Take a trigger's endpoint away: its secret opens nothing from now on."""
    was_there = True
    try:
        await call.runtime.webhooks.revoke(call.principal, args.canvas_id, args.trigger_node_id)
    except NotFound as error:
        if error.code != "WEBHOOK_NOT_FOUND":
            raise
        was_there = False
    return Revoked(canvas_id=args.canvas_id, trigger_node_id=args.trigger_node_id, revoked=was_there)


class ListArgs(Args):
    """Of which canvas; of all when left out."""

    canvas_id: Id | None = None


class WebhookShown(Result):
    """An endpoint, without its secret. Times are epoch milliseconds."""

    canvas_id: str
    trigger_node_id: str
    webhook_url: str
    status: str
    created_at: int
    last_triggered_at: int | None
    last_execution_id: str | None


class Webhooks(Result):
    """Endpoints."""

    webhooks: list[WebhookShown]


@tool("List webhooks", Scope.WRITE_CANVAS, hints=READ)
async def list_webhooks(call: Call, args: ListArgs) -> Webhooks:
    """List the endpoints of the workspace's triggers, or of one canvas, without their secrets."""
    found = await call.runtime.webhooks.list(call.principal, args.canvas_id)
    return Webhooks(webhooks=[part(WebhookShown, one) for one in found])


TOOLS = (register_webhook, revoke_webhook, list_webhooks)
