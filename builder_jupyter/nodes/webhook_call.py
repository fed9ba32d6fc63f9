"""Call an HTTP address with what arrives, and hand on what it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from builder_jupyter.errors import InvalidInput, OutputInvalid, ProviderError, StepError
from builder_jupyter.graph.model import FrozenDict, Port, PortType, Profile
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import Effect, NodeData, NodeType, PortValue, StepContext, StepResult
from builder_jupyter.nodes.http import METHODS, WEB, HttpReply, HttpRequest, check_url, read_headers
from builder_jupyter.nodes.retry import RetryPolicy

SECONDS = 30.0
MAX_REDIRECTS = 3
MAX_BYTES = 5 * 1024 * 1024
# Sent twice they do the same as once; others may have an effect each time, unless the receiver can tell them apart.
REPEATABLE = frozenset({"GET", "PUT", "DELETE"})
TRY_AGAIN = frozenset({408, 425, 429})


class WebhookCallData(NodeData):
    """``headers`` is an object or its JSON text; ``body`` is sent when nothing is wired in."""

    url: str = Field(default="", title="URL", description="An absolute http or https address.")
    method: str = Field(
        default="POST", title="Method", description="How it is called.", json_schema_extra={"enum": list(METHODS)}
    )
    headers: Mapping[str, Any] | str | None = Field(
        default=FrozenDict(),
        title="Headers",
        description="Names and values that are sent, at most 64.",
        json_schema_extra={"x-form": "pairs"},
    )
    body: str = Field(
        default="", title="Body", description="Used when nothing is wired in.", json_schema_extra=forms.PROMPT
    )
    acceptErrorStatus: bool = Field(  # noqa: N815 - the wire's name
        default=False, title="Accept errors", description="Go on with an answer that is not a success, too."
    )


class WebhookCall(NodeType):
    """Sends its input to an address; the answer's body goes out as text, its status is kept with the step.

    Source: spec builder-studio §6.2.
    """

    type = "webhook-call"
    profiles = frozenset({Profile.DIRECT})
    title = "Webhook"
    description = "Calls an address and hands on its answer."
    color = "#f59e0b"
    icon = "⇄"
    Data = WebhookCallData
    effect = Effect.WORLD
    timeout_seconds = None  # its request has a limit of its own: running out of time may not be tried again at will
    retry = RetryPolicy()
    inputs = (Port("body-in", PortType.TEXT),)
    outputs = (Port("response-out", PortType.TEXT),)

    async def run(self, context: StepContext) -> StepResult:
        """Send the request once."""
        data = WebhookCallData.model_validate(context.node.data)
        if context.http is None:
            raise StepError("Nothing here calls addresses.", code="NOT_CONFIGURED")
        request = request_of(data, context.text_in("body-in") or data.body)
        may_repeat = request.method in REPEATABLE or "idempotency-key" in {name.lower() for name in request.headers}
        try:
            reply = await context.http.send(request)
            return _result(reply, accept_errors=data.acceptErrorStatus)
        except InvalidInput as error:
            raise StepError(error.message, code=error.code) from error
        except StepError as error:
            error.retryable = error.retryable and may_repeat
            raise


def request_of(data: WebhookCallData, body: str) -> HttpRequest:
    """Return the request that a node makes. Raises `StepError`: ``MISSING_URL``, or the codes of `nodes.http`."""
    method = data.method.upper()
    if not data.url.strip():
        raise StepError("The node has no URL to call.", code="MISSING_URL")
    if method not in METHODS:
        raise StepError(f"The method is none of {', '.join(METHODS)}.", code="INVALID_METHOD")
    try:
        check_url(data.url)
        headers = read_headers(data.headers)
    except InvalidInput as error:
        raise StepError(error.message, code=error.code) from error
    content = b"" if method == "GET" else body.encode("utf-8", "replace")
    if content and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json" if _is_json(body) else "text/plain; charset=utf-8"
    return HttpRequest(
        method, data.url, headers, content,
        schemes=WEB, redirects=MAX_REDIRECTS, seconds=SECONDS, max_bytes=MAX_BYTES,
    )  # fmt: skip


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _result(reply: HttpReply, *, accept_errors: bool) -> StepResult:
    if not (200 <= reply.status < 300 or accept_errors):
        raise ProviderError(
            f"The peer answered with status {reply.status}.",
            code="HTTP_STATUS",
            retryable=reply.status in TRY_AGAIN or reply.status >= 500,
            details={"status": reply.status, "retry_after": _seconds(reply.headers.get("retry-after"))},
        )
    if not reply.is_whole:
        raise OutputInvalid(f"The peer's answer has more than {MAX_BYTES} bytes.", code="HTTP_TOO_LARGE")
    if reply.headers.get("content-encoding", "identity").lower() != "identity":
        raise OutputInvalid("The peer compressed its answer, which it was not asked for.", code="HTTP_BAD_ANSWER")
    return StepResult(
        outputs={"response-out": PortValue(PortType.TEXT, reply.text)},
        result={"statusCode": reply.status, "contentType": reply.headers.get("content-type")},
    )


def _seconds(retry_after: str | None) -> int | None:
    """Return the pause that a peer asks for, where it says seconds."""
    text = (retry_after or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
