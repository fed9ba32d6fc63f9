"""Endpoints of webhook triggers: register, revoke, list, and begin a run for what arrives.

All share one path; the secret alone says which trigger is meant. Source: spec builder-studio §5.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder_jupyter.clock import Clock, epoch_ms
from builder_jupyter.errors import InvalidInput, NotFound, Unauthenticated
from builder_jupyter.execution.events import Origin
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.identity.grants import Permission
from builder_jupyter.identity.principal import Principal
from builder_jupyter.identity.webhooks import (
    REMEMBERED_SECONDS,
    Webhook,
    hash_secret,
    new_secret,
    verified,
    without_secrets,
)
from builder_jupyter.nodes.webhook_trigger import WebhookTrigger
from builder_jupyter.services.idempotency import AdmissionService, Begun
from builder_jupyter.services.planning import Entry
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.storage.cipher import decrypt, encrypt
from builder_jupyter.storage.webhooks import WebhookStore

PATH = "webhook/trigger"
SIGNATURE_KEY = "signature:"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came in, as far as the graph may see it. ``body`` is JSON-like; names of headers may be in any letters."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any

    @property
    def inputs(self) -> dict[str, Any]:
        """The run's inputs: the body, if it is an object."""
        return dict(self.body) if isinstance(self.body, dict) else {"body": self.body}


class WebhookService:
    """What can be done with endpoints.

    Parameters
    ----------
    key : returns what secrets are encrypted with.

    Attributes
    ----------
    url : where the endpoints are, as far as the server knows its own address.
    """

    def __init__(
        self,
        store: WebhookStore,
        workflows: WorkflowService,
        admissions: AdmissionService,
        clock: Clock,
        key: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._admissions = admissions
        self._clock = clock
        self._key = key
        self._seen: dict[str, float] = {}
        self.url = f"/{PATH}"

    # -- registration ------------------------------------------------------------------------------------------

    async def register(
        self,
        principal: Principal,
        canvas_id: str,
        trigger_node_id: str,
        rotate: bool = False,
        *,
        require_signature: bool | None = None,
    ) -> dict[str, Any]:
        """Return the endpoint of a trigger node with its secret; made where there is none, or a new one on request.

        Returns
        -------
        ``{webhookUrl, webhookSecret, webhookAuthorizationHeader, triggerNodeId, created, requireSignature}``;
        ``created`` says whether the secret is new.

        Raises
        ------
        NotFound, Forbidden : as `WorkflowService.get`; it takes the permission to edit. ``NODE_NOT_FOUND``.
        InvalidInput : ``NOT_A_WEBHOOK_TRIGGER``.
        Unavailable : ``SECRET_UNREADABLE``: it has to be made anew.
        """
        stored = await self._workflows.get(principal, canvas_id, permission=Permission.EDIT)
        node = stored.workflow.nodes_by_id.get(trigger_node_id)
        if node is None:
            raise NotFound(f"The canvas has no node {trigger_node_id!r}.", code="NODE_NOT_FOUND")
        if node.type != WebhookTrigger.type:
            raise InvalidInput(f"Node {node.id!r} is no {WebhookTrigger.type}.", code="NOT_A_WEBHOOK_TRIGGER")
        secret = new_secret()
        fresh = Webhook(
            stored.id, node.id, principal.workspace, principal.name, principal.is_admin, principal.teams,
            hash_secret(secret), encrypt(self._key(), secret), bool(require_signature), self._clock.now(),
        )  # fmt: skip
        known = await self._store.by_node(stored.id, node.id) if rotate and require_signature is None else None
        if known is not None:
            fresh = replace(fresh, require_signature=known.require_signature)
        kept, _ = await self._store.put(fresh, replace=rotate)
        if require_signature not in (None, kept.require_signature):
            kept, _ = await self._store.put(replace(kept, require_signature=bool(require_signature)), replace=True)
        secret = decrypt(self._key(), kept.sealed)
        return {
            "webhookUrl": self.url,
            "webhookSecret": secret,
            "webhookAuthorizationHeader": f"Bearer {secret}",
            "triggerNodeId": node.id,
            "created": kept.sha256 == fresh.sha256,
            "requireSignature": kept.require_signature,
        }

    async def revoke(self, principal: Principal, canvas_id: str, trigger_node_id: str) -> None:
        """Let an endpoint's secret open nothing from now on.

        Raises `NotFound` (``WEBHOOK_NOT_FOUND``); as `WorkflowService.require`, it takes the permission to edit.
        """
        await self._workflows.require(principal, canvas_id, Permission.EDIT)
        if not await self._store.remove(canvas_id, trigger_node_id):
            raise unknown_webhook()

    async def list(self, principal: Principal, canvas_id: str | None = None) -> list[dict[str, Any]]:
        """Return the endpoints of the workflows that a principal may see, or of one, without secrets.

        Returns
        -------
        ``{canvasId, triggerNodeId, webhookUrl, requireSignature, status, createdAt, lastTriggeredAt,
        lastExecutionId}``; ``status`` is ``ready`` or ``triggered``, times are epoch milliseconds. Raises as
        `WorkflowService.require`.
        """
        if canvas_id is not None:
            await self._workflows.require(principal, canvas_id, Permission.VIEW)
        visible = {canvas_id} if canvas_id else {one.id for one in await self._workflows.list_workspace(principal)}
        found = await self._store.list(principal.workspace, canvas_id)
        return [self._shown(webhook) for webhook in found if webhook.canvas_id in visible]

    def _shown(self, webhook: Webhook) -> dict[str, Any]:
        return {
            "canvasId": webhook.canvas_id,
            "triggerNodeId": webhook.node_id,
            "webhookUrl": self.url,
            "requireSignature": webhook.require_signature,
            "status": "ready" if webhook.last_triggered_at is None else "triggered",
            "createdAt": epoch_ms(webhook.created_at),
            "lastTriggeredAt": webhook.last_triggered_at,
            "lastExecutionId": webhook.last_execution_id,
        }

    # -- what arrives ------------------------------------------------------------------------------------------

    async def recognise(
        self, secret: str, raw: bytes, signature: str | None, *, on_unknown: Callable[[], object] = lambda: None
    ) -> tuple[Webhook, str | None]:
        """Return the endpoint that a secret opens, and the code of its signature where one is required.

        ``on_unknown`` is called before a secret that opens nothing is refused: whoever guesses is counted.

        Raises
        ------
        NotFound : ``WEBHOOK_NOT_FOUND``: unknown and revoked look the same.
        Unauthenticated : as `identity.webhooks.verified`; ``SIGNATURE_USED``.
        """
        digest = hash_secret(secret)
        webhook = await self._store.by_secret(digest)
        if webhook is None or not hmac.compare_digest(webhook.sha256, digest):
            on_unknown()
            raise unknown_webhook()
        if not webhook.require_signature:
            return webhook, None
        code = verified(secret, raw, signature, self._clock.timestamp())
        if self._seen.get(code, 0.0) > self._clock.monotonic():
            raise _used()
        return webhook, code

    async def trigger(
        self,
        webhook: Webhook,
        arrival: Arrival,
        *,
        key: str | None = None,
        signature: str | None = None,
        toll: Callable[[], object] = lambda: None,
    ) -> Begun:
        """Begin the run that an arrival asks for. The same events twice are two runs, unless they have the same key.

        Parameters
        ----------
        key : the caller's own idempotency key.
        signature : the code of a signature that was checked. It counts once: without a key of the caller's it is the
            run's, so that it is known after a restart, too.
        toll : as for `AdmissionService.start`.

        Raises
        ------
        Unauthenticated : ``SIGNATURE_USED``.
        InvalidInput : ``INVALID_URL``; as `AdmissionService.start`.
        NotFound : the canvas or the node is gone.
        """
        callback_url = arrival.body.get("callbackUrl") if isinstance(arrival.body, dict) else None
        if not isinstance(callback_url, str | None):
            raise InvalidInput("callbackUrl is no text.", code="INVALID_URL")
        now = epoch_ms(self._clock.now())
        event = {
            "nodeId": webhook.node_id, "method": arrival.method, "url": arrival.url,
            "headers": without_secrets(arrival.headers), "query": dict(arrival.query), "body": arrival.body,
            "receivedAt": now,
        }  # fmt: skip
        is_own = key is None and signature is not None
        begun = await self._admissions.start(
            webhook.principal,
            webhook.canvas_id,
            entry=Entry(node=webhook.node_id),
            inputs=arrival.inputs,
            trigger=TriggerType.WEBHOOK,
            about={
                "canvasId": webhook.canvas_id, "triggerNodeId": webhook.node_id, "method": arrival.method,
                "query": dict(arrival.query), "body": arrival.body,
            },
            key=f"{SIGNATURE_KEY}{signature}" if is_own else key,
            origin=Origin(event, callback_url),
            toll=toll,
        )  # fmt: skip
        if is_own and begun.is_replay:
            raise _used()
        if signature is not None:
            self._remember(signature)
        if not begun.is_replay:
            await self._store.triggered(webhook, now, begun.execution_id)
        return begun

    def _remember(self, code: str) -> None:
        now = self._clock.monotonic()
        self._seen = {seen: until for seen, until in self._seen.items() if until > now}
        self._seen[code] = now + REMEMBERED_SECONDS

    # -- what callbacks are signed with ------------------------------------------------------------------------

    async def callback_secret(self, principal: Principal, *, rotate: bool = False) -> str:
        """Return with what the callbacks of a workspace's runs are signed, those apart that a webhook began."""
        return await self._workspace_secret(principal.workspace, rotate=rotate)

    async def signing_secret(self, state: ExecutionState) -> str:
        """Return with what an execution's callback is signed: the secret of the webhook that began it, else as above.

        Raises `Unavailable` (``SECRET_UNREADABLE``).
        """
        if state.admitted.trigger == TriggerType.WEBHOOK:
            webhook = await self._store.by_node(state.plan.workflow_id, state.plan.root)
            if webhook is not None:
                return decrypt(self._key(), webhook.sealed)
        return await self._workspace_secret(state.admitted.workspace)

    async def _workspace_secret(self, workspace: str, *, rotate: bool = False) -> str:
        made = encrypt(self._key(), new_secret())
        sealed = await self._store.callback_secret(workspace, made, self._clock.now(), replace=rotate)
        return decrypt(self._key(), sealed)


def unknown_webhook() -> NotFound:
    """Return the error for an endpoint that does not exist, or no longer."""
    return NotFound("There is no webhook with this secret.", code="WEBHOOK_NOT_FOUND")


def _used() -> Unauthenticated:
    return Unauthenticated("This signature has been used.", code="SIGNATURE_USED", hint="Sign each request anew.")
