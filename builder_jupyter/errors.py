"""Every error this package raises on purpose, as one tree.

::

    BuilderError
      InvalidInput          the request is malformed
      Unauthenticated       nobody known is asking
      Forbidden             a known caller may not do this
      NotFound              no such thing, or not the caller's to see
      Conflict              the thing changed meanwhile, or the key was used for something else
      Gone                  retired for good
      Unprocessable         well formed, but breaks a rule
      UnsupportedMediaType  the body is of a type that is not read here
      TooLarge              over a documented limit
      RateLimited           too many requests; ``retry_after`` seconds
      InsufficientCredits   the balance does not cover it
      Unavailable           cannot be served now
        StoreLocked         another process owns the database
        NotConfigured       a provider, model or tool is not set up
      StepError             why a step failed; kept in the journal, not raised to callers
        ProviderError       the outside world refused or broke
        StepTimeout         took longer than its limit
        OutputInvalid       answered in a shape that cannot be used

The core knows no HTTP: `rest.routing` maps each kind to a status, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class BuilderError(Exception):
    """An error with a stable code for programs and a sentence for people.

    Parameters
    ----------
    message : one sentence that names the thing at fault; never a key, secret or prompt.
    code : stable identifier; the class has a default.
    details : JSON-like value for programs.
    hint : what to do about it.
    """

    default_code: ClassVar[str] = "BUILDER_ERROR"

    def __init__(self, message: str, *, code: str | None = None, details: Any = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details
        self.hint = hint

    def __str__(self) -> str:
        faults = [fault for fault in self.faults if fault not in self.message]
        if not faults:
            return f"{self.message} {self.hint}" if self.hint else self.message
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        return f"{self.message.removesuffix('.')}: {faults[0]}{more} {self.hint or ''}".rstrip()

    @property
    def faults(self) -> list[str]:
        """What ``details`` lists as wrong, a text each: fields of a request, or findings of validation."""
        if isinstance(self.details, dict) and isinstance(self.details.get("errors"), list):
            return [str(finding.get("message", "")) for finding in self.details["errors"]]
        if isinstance(self.details, list) and all(isinstance(item, dict) for item in self.details):
            return [f"{item.get('field', '')} {item.get('error', '')}".strip() for item in self.details]
        return []

    def _render_traceback_(self) -> list[str]:
        """Show one line in a notebook: the stack of a bad argument helps nobody."""
        return [" ".join(f"{type(self).__name__} [{self.code}]: {self}".split())]


class InvalidInput(BuilderError):
    """The request is malformed; ``details`` is a list of ``{field, error}`` where fields are known."""

    default_code = "INVALID_INPUT"


class Unauthenticated(BuilderError):
    """No credential, or one that is not valid."""

    default_code = "AUTH_INVALID_TOKEN"


class Forbidden(BuilderError):
    """The caller is known and may not do this."""

    default_code = "AUTH_ACCESS_DENIED"


class NotFound(BuilderError):
    """No such thing, or the caller may not see it: the two look the same."""

    default_code = "NOT_FOUND"


class Conflict(BuilderError):
    """The current state contradicts the request."""

    default_code = "CONFLICT"


class Gone(BuilderError):
    """Retired for good."""

    default_code = "GONE"


class Unprocessable(BuilderError):
    """Well formed, but breaks a rule; ``details`` is the validation result."""

    default_code = "VALIDATION_FAILED"

    def _render_traceback_(self) -> list[str]:
        """Show the findings too, and what would put them right."""
        return [*super()._render_traceback_(), *finding_lines(self.details)]


MAX_LINES = 10
"""Findings that are shown where each takes a line or two."""


def finding_lines(verdict: Any) -> list[str]:
    """Return the lines in which a person reads a validation result: each finding, and below it its best fix."""
    given = [*verdict.get("errors", ()), *verdict.get("warnings", ())] if isinstance(verdict, dict) else []
    lines = []
    for finding in given[:MAX_LINES]:
        lines.append(" ".join(f"{finding['severity']}: {finding['message']} [{finding['type']}]".split()))
        lines += [f"  fix: {' '.join(fix['title'].split())}" for fix in finding.get("fixes", ())[:1]]
    more = len(given) - MAX_LINES
    return [*lines, *([f"and {more} more"] if more > 0 else [])]


class UnsupportedMediaType(BuilderError):
    """The body is of a type that is not read here."""

    default_code = "UNSUPPORTED_MEDIA_TYPE"


class TooLarge(BuilderError):
    """Over a documented limit."""

    default_code = "PAYLOAD_TOO_LARGE"


class RateLimited(BuilderError):
    """Too many requests. ``retry_after`` is in seconds; ``standing`` says how full the caller's bucket is."""

    default_code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after: float, standing: Any = None, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.retry_after = retry_after
        self.standing = standing


class InsufficientCredits(BuilderError):
    """The balance does not cover what the run may cost."""

    default_code = "INSUFFICIENT_CREDITS"


class Unavailable(BuilderError):
    """Cannot be served now; trying later may help."""

    default_code = "UNAVAILABLE"


class StoreLocked(Unavailable):
    """Another process owns the database."""

    default_code = "STORE_LOCKED"


class NotConfigured(Unavailable):
    """A provider, model or tool that is needed is not set up."""

    default_code = "NOT_CONFIGURED"


class StepError(BuilderError):
    """Why a step failed. The engine writes it to the journal.

    ``retryable`` says whether a second attempt can help; ``display`` is what the step had shown by then.
    """

    default_code = "STEP_FAILED"

    def __init__(
        self, message: str, *, retryable: bool = False, display: tuple[Mapping[str, Any], ...] = (), **kwargs: Any
    ) -> None:
        super().__init__(message, **kwargs)
        self.retryable = retryable
        self.display = display


class ProviderError(StepError):
    """A model, tool or HTTP peer refused, broke or hung up."""

    default_code = "PROVIDER_ERROR"


class StepTimeout(StepError):
    """A step took longer than its limit."""

    default_code = "STEP_TIMEOUT"


class OutputInvalid(StepError):
    """A peer answered in a shape that cannot be used."""

    default_code = "OUTPUT_INVALID"
