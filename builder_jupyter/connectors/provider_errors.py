"""Failures of model providers, put into one vocabulary.

What a provider writes about an error may quote the prompt or the key, so none of its prose is passed on: only
the status, and identifiers such as ``context_length_exceeded``, which are letters and underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from builder_jupyter.clock import Clock, SystemClock
from builder_jupyter.errors import ProviderError

_RETRYABLE_STATUSES = frozenset({408, 425, 429})
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z_]{2,59}")
_HINTS: Mapping[int, str] = {
    401: "Check the provider's API key.",
    403: "Check what the provider's API key may do.",
    404: "Check the model's name.",
    429: "The provider limits how much may be asked; try later.",
}


def status_error(
    model: str,
    status: int,
    *,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    clock: Clock | None = None,
) -> ProviderError:
    """Return the error for an HTTP status of at least 400.

    Parameters
    ----------
    model : the resolved name of the model, which the message names.
    body : the decoded answer; its ``error.code`` and ``error.type`` are quoted where they are identifiers.

    Returns
    -------
    Retryable for 408, 425, 429 and 5xx. ``details`` has ``model``, ``status`` and, where the provider asked
    for a pause, ``retry_after`` in seconds.
    """
    details: dict[str, Any] = {"model": model, "status": status}
    pause = retry_after_seconds((headers or {}).get("retry-after"), clock=clock or SystemClock())
    if pause is not None:
        details["retry_after"] = pause
    reason = _identifier(body)
    if reason:
        details["reason"] = reason
    code = {401: "PROVIDER_AUTH", 403: "PROVIDER_AUTH", 429: "PROVIDER_RATE_LIMITED"}.get(status, "PROVIDER_ERROR")
    return ProviderError(
        f"The model {model} answered with status {status}{f' ({reason})' if reason else ''}.",
        code=code,
        retryable=status in _RETRYABLE_STATUSES or status >= 500,
        details=details,
        hint=_HINTS.get(status),
    )


def unreachable(model: str, cause: BaseException) -> ProviderError:
    """Return the error for a provider that could not be connected to or did not answer in time. Retryable."""
    return ProviderError(
        f"The model {model} could not be reached ({type(cause).__name__}).",
        code="PROVIDER_UNREACHABLE",
        retryable=True,
        details={"model": model},
    )


def stream_cut(model: str) -> ProviderError:
    """Return the error for an answer that ended before it was whole. Retryable."""
    return ProviderError(
        f"The answer of the model {model} was cut off.",
        code="PROVIDER_STREAM_CUT",
        retryable=True,
        details={"model": model},
    )


def bad_answer(model: str, what: str) -> ProviderError:
    """Return the error for an answer that cannot be read; ``what`` names the part, never its content.

    Retryable: a model that wrote broken JSON once may well write it right the next time.
    """
    return ProviderError(
        f"The model {model} sent {what} that cannot be read.",
        code="PROVIDER_BAD_ANSWER",
        retryable=True,
        details={"model": model},
    )


def retry_after_seconds(value: str | None, *, clock: Clock) -> float | None:
    """Read a Retry-After header: seconds, or a date from which the seconds are counted. None when there is
    none.

    Source: RFC 9110, section 10.2.3. A date in the past is 0.
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - clock.now()).total_seconds())


def _identifier(body: Any) -> str | None:
    """Return ``error.code`` or ``error.type`` of an answer, where it looks like a name and not like prose."""
    error = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return None
    for key in ("code", "type", "status"):
        value = error.get(key)
        if isinstance(value, str) and _IDENTIFIER.fullmatch(value):
            return value
    return None
