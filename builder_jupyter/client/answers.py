"""What a server answers, read: bodies, errors of each family, and streams of events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from builder_jupyter.client.protocol import Wire
from builder_jupyter.errors import (
    BudgetExceeded,
    BuilderError,
    Conflict,
    Forbidden,
    Gone,
    InsufficientCredits,
    InvalidInput,
    NotConfigured,
    NotFound,
    RateLimited,
    StoreLocked,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedMediaType,
)

KINDS: Mapping[int, type[BuilderError]] = {
    400: InvalidInput,
    401: Unauthenticated,
    402: InsufficientCredits,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    415: UnsupportedMediaType,
    422: Unprocessable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
BY_CODE: Mapping[str, type[BuilderError]] = {
    "STORE_LOCKED": StoreLocked,
    "NOT_CONFIGURED": NotConfigured,
    "BUDGET_EXCEEDED": BudgetExceeded,
}
DEFAULT_RETRY_SECONDS = 1.0
NOT_OURS = "Is this the address of a Jupyter server that has builder_jupyter enabled?"


def error_of(status: int, body: str, headers: Mapping[str, str]) -> BuilderError:
    """Return the error that an answer stands for: the class by status, message and code out of the body.

    The Builder family writes ``{"error", "message", "details", "code"}``, the direct one ``{"error", "code"?}``.
    An answer in neither shape is not ours: the hint says so.
    """
    said = _object(body)
    message, code = said.get("message") or said.get("error"), said.get("code")
    if "error" not in said or not isinstance(message, str):
        hint = None if status in (401, 403) else NOT_OURS
        message = f"The server answered {status}" + (f": {message}." if isinstance(message, str) and message else ".")
    else:
        hint = None
    about: dict[str, Any] = {
        "code": code.upper() if isinstance(code, str) else None,  # the direct family writes some in small letters
        "details": said.get("details") or (status == 402 and _beside(said)) or None,
        "hint": hint,
    }
    if status == 429:
        return RateLimited(message, retry_after=_seconds(headers.get("retry-after")), **about)
    kind = BY_CODE.get(about["code"] or "") or KINDS.get(status)
    if kind is not None:
        return kind(message, **about)
    if about["code"] is None:
        about["code"] = "SERVER_ERROR" if status >= 500 else "UNEXPECTED_ANSWER"
    return BuilderError(message, **about)


def _beside(said: Wire) -> Wire:
    """Return what the direct family says beside the error itself: what was required, and what there is."""
    return {name: value for name, value in said.items() if name not in ("error", "message", "code")}


def object_of(body: str) -> Wire:
    """Return the JSON object of a good answer. Raises `Unavailable` (``UNEXPECTED_ANSWER``) when it is none."""
    found = json_of(body)
    if not isinstance(found, dict):
        raise _unexpected()
    return found


def list_of(body: str) -> list[Wire]:
    """Return the JSON list of objects of a good answer. Raises as `object_of`."""
    found = json_of(body)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _unexpected()
    return found


def json_of(body: str) -> Any:
    """Return the JSON value of a good answer. Raises as `object_of`."""
    try:
        return json.loads(body)
    except ValueError:
        raise _unexpected() from None


async def event_batches(lines: AsyncIterator[str]) -> AsyncGenerator[list[Wire], None]:
    """Yield the batches of a stream of server-sent events; comments keep the connection alive and say nothing."""
    data: list[str] = []
    async for line in lines:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield list_of("\n".join(data))
            data = []


def _unexpected() -> Unavailable:
    return Unavailable("The server's answer is not what was expected.", code="UNEXPECTED_ANSWER", hint=NOT_OURS)


def _object(body: str) -> Wire:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(text: str | None) -> float:
    try:
        return float(text) if text else DEFAULT_RETRY_SECONDS
    except ValueError:
        return DEFAULT_RETRY_SECONDS
