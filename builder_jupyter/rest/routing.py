"""What a route declares, and how errors become answers. One table each; handlers branch on nothing.

A handler's method says who may call it and what it takes and gives: ``@route(...)``. A method without that answers
nobody. The OpenAPI document and the access tests are made from the same declarations.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from jupyter_server.auth.decorator import allow_unauthenticated
from pydantic import BaseModel

from builder_jupyter import errors
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.services.rates import Bucket

F = TypeVar("F", bound=Callable[..., Any])


class Access(Enum):
    """Who may call a route besides those with a scope."""

    PUBLIC = "public"
    ANY_PRINCIPAL = "any principal"
    JUPYTER = "a Jupyter identity"
    INTERNAL = "nobody from outside"


@dataclass(frozen=True, slots=True)
class Route:
    """The declaration of one method of a handler.

    Parameters
    ----------
    access : the scopes of which one is needed, or an `Access`.
    body, query, headers, answer : pydantic models; query and headers are texts, headers are named by their aliases.
    status : of a successful answer.
    also : other statuses that come with the same shape of answer.
    refuses : statuses of errors beside those that follow from the rest of the declaration; see `rest.openapi`.
    stream : the media type when the answer is not JSON.
    uploads : whether the body is a file of one of the types in `nodes.media_types`.
    bucket : what the route's requests are counted in; None for those of nobody in particular. See `services.rates`.
    """

    access: tuple[Scope, ...] | Access
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: type[BaseModel] | None = None
    answer: Any = None
    status: int = 200
    also: tuple[int, ...] = ()
    refuses: tuple[int, ...] = ()
    stream: str | None = None
    uploads: bool = False
    bucket: Bucket | None = None


# Counted where the run is begun, so that what finds an earlier one costs nothing; see `AdmissionService.start`.
AT_ADMISSION = frozenset({Bucket.RUN, Bucket.WEBHOOK})


def route(*scopes: Scope, access: Access | None = None, **about: Any) -> Callable[[F], F]:
    """Declare a handler's method. The first sentence of its docstring is the route's summary.

    Without a ``bucket`` its requests are counted as what they do: reading or writing.
    """

    def declare(method: F) -> F:
        summary = (inspect.getdoc(method) or "").partition("\n")[0]
        if access not in {Access.PUBLIC, Access.INTERNAL}:
            about.setdefault("bucket", Bucket.READ if method.__name__ == "get" else Bucket.WRITE)
        # Jupyter's own check is silenced, not skipped: `OwnCredentials.prepare` decides.
        open_method = allow_unauthenticated(method)
        vars(open_method)["builder_route"] = Route(access or scopes, summary, **about)
        return open_method

    return declare


def declared(method: Any) -> Route | None:
    """Return what a method declares, None when it declares nothing."""
    found: Route | None = getattr(method, "builder_route", None)
    return found


def routes_of(handler: type) -> Iterator[tuple[str, Route]]:
    """Yield the HTTP methods that a handler declares, with their routes."""
    for verb in ("get", "post", "put", "patch", "delete"):
        found = declared(getattr(handler, verb, None))
        if found is not None:
            yield verb, found


STATUS: dict[type[errors.BuilderError], int] = {
    errors.InvalidInput: 400,
    errors.Unauthenticated: 401,
    errors.InsufficientCredits: 402,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Unprocessable: 422,
    errors.RateLimited: 429,
    errors.StepError: 502,
    errors.Unavailable: 503,
    errors.BuilderError: 500,
}

# What Tornado and Jupyter raise themselves, as one of ours.
_FOREIGN: dict[int, tuple[str, str]] = {
    400: ("The request is malformed.", "BAD_REQUEST"),
    401: ("Invalid or expired token", "AUTH_INVALID_TOKEN"),
    403: ("Access denied", "AUTH_ACCESS_DENIED"),
    404: ("There is no such route.", "NOT_FOUND"),
    405: ("This route does not have that method.", "METHOD_NOT_ALLOWED"),
    413: ("The body is larger than the limit.", "PAYLOAD_TOO_LARGE"),
}

_SLUGS: dict[int, str] = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "gone",
    413: "too_large",
    415: "unsupported_media_type",
    422: "validation_error",
    429: "rate_limited",
    502: "bad_gateway",
    503: "unavailable",
}

INVALID_WORKFLOW = "Invalid workflow definition"


@dataclass(frozen=True, slots=True)
class Fault:
    """An error on its way out: what every family makes its body from."""

    status: int
    code: str
    message: str
    details: Any = None
    hint: str | None = None

    @property
    def sentence(self) -> str:
        """The message and what to do about it."""
        return f"{self.message} {self.hint}" if self.hint else self.message


def fault_of(error: BaseException | None, status: int) -> Fault:
    """Return the fault for what was raised; what nobody foresaw is a bare 500."""
    if isinstance(error, errors.BuilderError):
        kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
        return Fault(STATUS[kind], error.code, error.message, error.details, error.hint)
    message, code = _FOREIGN.get(status, ("Something went wrong on the server.", "INTERNAL"))
    return Fault(status, code, message)


def builder_body(fault: Fault) -> dict[str, Any]:
    """Return the Builder API's error body. Source: seed "Builder API", error responses.

    Where ``details`` list the faults, its message is the page's fixed text; a missing scope has no code of its own.
    """
    message = INVALID_WORKFLOW if fault.code == "INVALID_WORKFLOW" else fault.sentence
    code = "AUTH_ACCESS_DENIED" if fault.code == "MISSING_SCOPE" else fault.code
    body = {"error": _SLUGS.get(fault.status, "internal_error"), "message": message, "code": code}
    return body | ({"details": fault.details} if fault.details is not None else {})


def direct_body(fault: Fault) -> dict[str, Any]:
    """Return the direct API's error body: ``error`` is a text. Source: seed "REST API"; the rest is for programs."""
    body: dict[str, Any] = {"error": fault.sentence, "code": fault.code.lower()}
    if isinstance(fault.details, dict) and (fault.status == 402 or "requiredScopes" in fault.details):
        body |= fault.details
    elif fault.details is not None:
        body["details"] = fault.details
    return body
