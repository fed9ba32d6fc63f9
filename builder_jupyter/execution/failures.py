"""What the journal keeps of an error."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from builder_jupyter import ids
from builder_jupyter.errors import BuilderError, InsufficientCredits, StepError

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 24 * 3600
"""However long a pause a peer asks for; one that is no number is not listened to."""


def failure_of(error: Exception, about: Mapping[str, str]) -> dict[str, Any]:
    """Return ``{message, code, retryable?, retryAfter?}`` of what a step raised; ``retryAfter`` is in seconds.

    ``about`` goes to the log with it. What nobody foresaw is told by its type alone: who knows what a library puts into
    the text, and the journal is read by many; the log has it all, under the incident that the message names.
    """
    if not isinstance(error, BuilderError):
        incident = ids.incident_id()
        log.error("incident %s: a step failed by a fault in its node type", incident, exc_info=error, extra=dict(about))
        message = f"A fault in the node type ({type(error).__name__}); the log has it as incident {incident}."
        return {"message": message, "code": "INTERNAL"}
    log.info("step failed: %s", error.code, extra=dict(about))
    # The page writes this code in small letters wherever it stands; a step has no route that would do so.
    code = error.code.lower() if isinstance(error, InsufficientCredits) else error.code
    failure: dict[str, Any] = {"message": str(error), "code": code}
    if isinstance(error, StepError):
        failure["retryable"] = bool(error.retryable)
        asked = error.details.get("retry_after") if isinstance(error.details, Mapping) else None
        if isinstance(asked, int | float) and asked >= 0:
            failure["retryAfter"] = min(asked, LONGEST_PAUSE_SECONDS)
        if error.display:
            failure["display"] = [dict(bundle) for bundle in error.display]
    return failure
