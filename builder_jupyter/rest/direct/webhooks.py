"""``/webhook/trigger``, where events arrive, and ``/api/mcp/webhooks/register``. Source: spec builder-studio §5, §3.4.

The secret is the credential of an event: no key, cookie or token of the server is looked at, and none is needed.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.utils import url_path_join
from pydantic import BaseModel, Field
from tornado import web

from builder_jupyter.errors import InvalidInput, TooLarge, UnsupportedMediaType
from builder_jupyter.identity.bearer import bearer_of
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.identity.webhooks import SIGNATURE_HEADER
from builder_jupyter.rest.direct.handlers import RunHeaders, mark_replay
from builder_jupyter.rest.handler import BuilderHandler
from builder_jupyter.rest.json_body import parse_json
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.rates import Bucket, subject_of_address
from builder_jupyter.services.webhooks import PATH, Arrival

MAX_EVENT_BYTES = 1024 * 1024
MAX_FIELDS = 1_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SENT_HEADERS = "Authorization, Content-Type, X-Webhook-Secret, Idempotency-Key"

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json")
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)


class Triggered(BaseModel):
    """The run is on disk and under way."""

    ok: bool
    executionId: str  # noqa: N815 - the wire's names, here and below
    message: str


EVENT: dict[str, Any] = {
    "access": Access.PUBLIC,
    "headers": RunHeaders,
    "answer": Triggered,
    "status": 202,
    "refuses": (401, 402, 404, 409, 413, 415),
    "bucket": Bucket.WEBHOOK,
}


class TriggerHandler(BuilderHandler):
    """The one address of all webhooks."""

    path = f"/{PATH}"

    async def prepare(self, **kwargs: Any) -> None:
        """Check the host and nothing else; a secret in the address is kept out of the log."""
        del kwargs
        if "secret" in self.request.query_arguments:
            self.request.uri = self.request.path
            self.request.query = ""
        if not self.check_host():
            raise web.HTTPError(403)

    def set_cors_headers(self) -> None:
        """Let any page send events: it needs the secret, and no cookie counts here."""
        self.set_header("Access-Control-Allow-Origin", "*")
        self.set_header("Access-Control-Allow-Methods", ", ".join(METHODS))
        self.set_header("Access-Control-Allow-Headers", SENT_HEADERS)
        self.set_header("Access-Control-Expose-Headers", "X-Idempotent-Replay")

    @allow_unauthenticated
    def options(self) -> None:
        """Tell browsers what pages may send."""
        self.set_cors_headers()
        self.finish()

    @route(**EVENT)
    async def get(self) -> None:
        """Begin the run of the trigger that the secret is for; method and query are part of the event."""
        await self._arrive()

    @route(**EVENT)
    async def post(self) -> None:
        """Begin the run of the trigger that the secret is for, with the body as its inputs."""
        await self._arrive()

    @route(**EVENT)
    async def put(self) -> None:
        """Begin the run of the trigger that the secret is for, as ``POST`` does."""
        await self._arrive()

    @route(**EVENT)
    async def patch(self) -> None:
        """Begin the run of the trigger that the secret is for, as ``POST`` does."""
        await self._arrive()

    @route(**EVENT)
    async def delete(self) -> None:
        """Begin the run of the trigger that the secret is for, as ``POST`` does."""
        await self._arrive()

    async def _arrive(self) -> None:
        self.set_cors_headers()
        request = self.request
        webhooks, rates = self.runtime.webhooks, self.runtime.rates
        guessed = partial(rates.check, Bucket.WEBHOOK_FAILED, subject_of_address(request.remote_ip or ""))
        webhook, signature = await self.call(
            webhooks.recognise(self._secret(), request.body, request.headers.get(SIGNATURE_HEADER), on_unknown=guessed)
        )
        arrival = Arrival(
            method=request.method,
            url=request.full_url(),
            headers=request.headers,
            query=_flat({name: [_decoded(one) for one in given] for name, given in request.query_arguments.items()}),
            body=_event(request.body, request.headers),
        )
        key = request.headers.get("Idempotency-Key")
        toll = partial(rates.check, Bucket.WEBHOOK, webhook.sha256)
        begun = await self.call(webhooks.trigger(webhook, arrival, key=key, signature=signature, toll=toll))
        mark_replay(self, begun)
        self.answer({"ok": True, "executionId": begun.execution_id, "message": "Execution triggered"})

    def _secret(self) -> str:
        """Return the secret that was sent. Raises `InvalidInput` for none, for two, and for one in the address."""
        if "secret" in self.request.query_arguments:
            raise InvalidInput("A secret in the address ends up in logs; send it in a header.", code="SECRET_IN_URL")
        own = self.request.headers.get("X-Webhook-Secret")
        bearer = bearer_of(self.request.headers.get("Authorization", ""))
        if own is not None and bearer is not None and own != bearer:
            raise InvalidInput("The headers hold two different secrets.", code="TWO_SECRETS")
        secret = own or bearer
        if not secret:
            raise InvalidInput(
                "There is no secret.",
                code="SECRET_REQUIRED",
                hint="Send 'Authorization: Bearer whsec_…' or 'X-Webhook-Secret: whsec_…'.",
            )
        return secret


def _event(raw: bytes, headers: Any) -> Any:
    """Return a body as a JSON-like value.

    Raises
    ------
    TooLarge : over `MAX_EVENT_BYTES`.
    UnsupportedMediaType : it is neither JSON nor a form nor plain text, or compressed.
    InvalidInput : it is not what its type says.
    """
    if len(raw) > MAX_EVENT_BYTES:
        raise TooLarge(f"The body has {len(raw)} bytes; {MAX_EVENT_BYTES} is the most.")
    if headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("The body is compressed.")
    if not raw:
        return {}
    whole = headers.get("Content-Type", "")
    media_type = whole.partition(";")[0].strip().lower()
    if _JSON.fullmatch(media_type):
        return parse_json(raw)
    if media_type == "application/x-www-form-urlencoded":
        return _form(raw)
    if media_type == "text/plain":
        charset = _CHARSET.search(whole)
        return _decoded(raw, charset[1] if charset else "utf-8")
    raise UnsupportedMediaType(
        "The body's type is not one that is read.",
        hint="Send application/json, application/x-www-form-urlencoded or text/plain.",
    )


def _form(raw: bytes) -> dict[str, Any]:
    try:
        found = parse_qs(_decoded(raw), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:  # UnicodeDecodeError is one
        raise InvalidInput(f"The form cannot be read, or has over {MAX_FIELDS} fields.", code="INVALID_BODY") from error
    return _flat(found)


def _flat(given: dict[str, list[str]]) -> dict[str, Any]:
    """Return names with their one value, or with the list of several."""
    return {name: values[0] if len(values) == 1 else values for name, values in given.items()}


def _decoded(raw: bytes, charset: str = "utf-8") -> str:
    try:
        return raw.decode(charset)
    except (LookupError, ValueError) as error:
        raise InvalidInput("The request is not in the character set that it names.", code="INVALID_BODY") from error


class RegisterBody(Loose):
    """Which trigger. ``rotate`` makes a new secret; ``requireSignature`` demands signed events, or no longer."""

    canvasId: str = Field(min_length=1)  # noqa: N815 - the wire's names, here and below
    triggerNodeId: str = Field(min_length=1)  # noqa: N815
    rotate: bool = False
    requireSignature: bool | None = None  # noqa: N815


class RegisterQuery(BaseModel):
    """``rotate`` as in the body."""

    rotate: bool = False


class Registered(BaseModel):
    """An endpoint with its secret, for those who may edit the canvas. ``created``: the secret is new."""

    webhookUrl: str  # noqa: N815
    webhookSecret: str  # noqa: N815
    webhookAuthorizationHeader: str  # noqa: N815
    triggerNodeId: str  # noqa: N815
    created: bool
    requireSignature: bool  # noqa: N815


class RegisterHandler(BuilderHandler):
    """Endpoints of triggers."""

    path = "/api/mcp/webhooks/register"

    @route(
        Scope.WRITE_CANVAS, body=RegisterBody, query=RegisterQuery, answer=Registered, refuses=(404,), bucket=Bucket.MCP
    )
    async def post(self) -> None:
        """Return the endpoint of a webhook-trigger node, made where there is none."""
        wanted, query = await self.model(RegisterBody), self.query(RegisterQuery)
        made = await self.call(
            self.runtime.webhooks.register(
                self.caller,
                wanted.canvasId,
                wanted.triggerNodeId,
                rotate=wanted.rotate or query.rotate,
                require_signature=wanted.requireSignature,
            )
        )
        self.answer(made | {"webhookUrl": webhook_url(self)})


def webhook_url(handler: BuilderHandler) -> str:
    """Return where events are sent to: at the server's public address, else where this request found it."""
    base = (
        handler.app.public_url or f"{handler.request.protocol}://{handler.request.host}{handler.settings['base_url']}"
    )
    return str(url_path_join(base, PATH))


HANDLERS = (TriggerHandler, RegisterHandler)
