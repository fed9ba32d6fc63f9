"""The base of every handler: who is asking, may they, what did they send, and how the answer goes out.

Our credentials come first and are shown to nobody else; everything else is Jupyter's business, XSRF and origin
included. Access is decided in one place, `OwnCredentials.require`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import User
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from pydantic import BaseModel
from tornado import web

from builder_jupyter import errors, ids
from builder_jupyter.identity.api_keys import PREFIX as KEY_PREFIX
from builder_jupyter.identity.bearer import bearer_of, jose_header
from builder_jupyter.identity.principal import CredentialKind, Principal
from builder_jupyter.rest.json_body import parse_json, validated
from builder_jupyter.rest.routing import (
    AT_ADMISSION,
    Access,
    Fault,
    Route,
    builder_body,
    declared,
    direct_body,
    fault_of,
    routes_of,
)

if TYPE_CHECKING:
    from builder_jupyter.rest.app import BuilderApp
    from builder_jupyter.services.rates import Standing
    from builder_jupyter.services.runtime import Runtime

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 16 * 1024 * 1024
LARGE_BODY_BYTES = 64 * 1024
JSON = "application/json"
MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
# Credentials that a page must have been given; a browser sends none of them by itself.
CARRIED = frozenset({CredentialKind.API_KEY, CredentialKind.JWT})
# What a page of another origin may send and read beside what every page may.
SENT_HEADERS = (
    "Accept", "Authorization", "Builder-Worker", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID",
    "Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Session-Id", "X-Trigger-Type", "X-XSRFToken",
)  # fmt: skip
READ_HEADERS = (
    "ETag", "Mcp-Session-Id", "Retry-After", "WWW-Authenticate", "X-Idempotent-Replay", "X-RateLimit-Limit",
    "X-RateLimit-Remaining", "X-RateLimit-Reset",
)  # fmt: skip
# Jupyter's authorizer knows three actions on a resource.
ACTIONS = {"GET": "read", "HEAD": "read", "POST": "execute", "PUT": "write", "PATCH": "write", "DELETE": "write"}


class OwnCredentials:
    """Mixin, first base of a handler: decides who is asking before Jupyter does, and whether they may."""

    principal: Principal | None = None
    misplaced: errors.BuilderError | None = None
    family: ClassVar[Any] = staticmethod(direct_body)
    challenge: Any = "Bearer"

    if TYPE_CHECKING:
        request: Any
        settings: dict[str, Any]
        current_user: Any
        extensionapp: Any
        log: Any
        path_kwargs: dict[str, str]
        set_status: Any
        set_header: Any
        finish: Any

    @property
    def app(self) -> BuilderApp:
        """The extension."""
        return cast("BuilderApp", self.extensionapp)

    @property
    def runtime(self) -> Runtime:
        """The services. Raises `Unavailable` when they could not be started."""
        return self.app.require_runtime()

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a service's answer: it works on the runtime's loop, not on the server's."""
        return await self.runtime.portal.ask(work)

    def follow(self, source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Iterate over what a service yields on the runtime's loop."""
        return self.runtime.portal.stream(source)

    async def _authenticate(self, credential: str) -> Principal:
        if self.app.runtime is None:
            # Nobody can be recognised now, so nobody is told where the database lies and who holds it.
            raise errors.Unavailable("The workflow runtime is not running.", code=self.app.unavailable().code)
        if not credential.startswith(KEY_PREFIX):
            return await self.call(self.runtime.tokens.authenticate(credential))
        keys = self.runtime.keys
        known = keys.glance(credential)
        return known if known is not None else await self.call(keys.authenticate(credential))

    def _own_credential(self) -> str | None:
        """Return the bearer's credential if it is for us to judge, None when Jupyter is to decide who is asking.

        Jupyter lets anybody in on a server without a token, and whoever has a cookie, with whatever else they show. So
        keys and JSON Web Tokens are ours, good or bad; and so is, bad, what the server's own provider cannot know.
        """
        bearer = bearer_of(self.request.headers.get("Authorization", ""))
        if bearer is None or bearer.startswith(KEY_PREFIX):
            return bearer
        is_jwt = jose_header(bearer) is not None
        if is_jwt and self.app.takes_tokens:
            return bearer
        is_servers = self.app.is_server_token(bearer)
        return None if is_servers or not (is_jwt or self.app.has_own_provider) else bearer

    async def prepare(self, **kwargs: Any) -> None:
        """Recognise the caller and decide access."""
        handler = cast(APIHandler, self)
        if not handler.check_host():
            raise web.HTTPError(403)
        method = getattr(self, self.request.method.lower())
        about = declared(method)
        if about is not None and about.access is Access.PUBLIC:
            return
        credential = self._own_credential()
        if credential is not None:
            self.principal = await self._authenticate(credential)
            self.current_user = User(username=self.principal.name)
            handler.set_cors_headers()
            self.app.note_activity()
        else:
            try:
                await super().prepare(**kwargs)  # type: ignore[misc]
            except web.HTTPError as error:
                if error.status_code == 403 and self.current_user is None:
                    raise web.HTTPError(401) from error
                if error.status_code == 404:  # what Jupyter says to pages of another origin
                    raise errors.Forbidden("Pages of another origin need a key of their own.") from error
                raise
            if self.current_user is not None:
                self.principal = self.app.principal_of(self.current_user)
        await self._enter()
        await self.require(about)

    async def _enter(self) -> None:
        """Have the caller act in the workspace that the path or ``?workspaceId=`` names.

        That it is none of theirs is said once everything else allows what they want: `require`.
        """
        named = self.path_kwargs.get("workspace_id")
        asked = self.request.query_arguments.get("workspaceId")
        wanted = named if named is not None else asked[-1].decode("utf-8", "replace") if asked else None
        if self.principal is None or self.app.runtime is None:
            return
        if wanted is not None or self.principal.credential is CredentialKind.JWT:
            work = self.runtime.workspaces.place(self.principal, wanted, is_named=named is not None)
            self.principal, self.misplaced = await self.call(work)

    async def require(self, about: Route | None) -> None:
        """Let the caller through, or raise. A method that declares nothing is open to nobody."""
        implemented = getattr(type(self), self.request.method.lower()) is not getattr(
            web.RequestHandler, self.request.method.lower()
        )
        if self.request.method == "OPTIONS" or not implemented:
            return
        if self.principal is None:
            raise errors.Unauthenticated("Invalid or expired token")
        if about is None:
            raise errors.Forbidden("This route declares no scope.")
        if isinstance(about.access, tuple):
            self.principal.require(*about.access)
        elif about.access is Access.JUPYTER and self.principal.credential is not CredentialKind.JUPYTER:
            raise errors.Forbidden("Only somebody who is signed in to this Jupyter server may do this.")
        elif about.access is Access.INTERNAL:
            raise errors.Forbidden("This route is internal: steps are carried out by the server itself.")
        if self.principal.credential is CredentialKind.JUPYTER:
            await self._ask_authorizer()
        if self.app.runtime is not None and about.bucket is not None and about.bucket not in AT_ADMISSION:
            self.runtime.rates.check(about.bucket, self.principal)
        self.tell_rate()
        if self.misplaced is not None:
            raise self.misplaced

    def toll(self) -> None:
        """Count the request in the bucket of its route: what begins a run calls this, once it is known to be new.

        Raises `RateLimited`.
        """
        about = declared(getattr(self, self.request.method.lower()))
        if about is not None and about.bucket is not None:
            self.runtime.rates.check(about.bucket, self.caller)

    def tell_rate(self, standing: Standing | None = None) -> None:
        """Say in headers how full the caller's bucket is, or the one that is given; nothing where nobody counts."""
        about = declared(getattr(self, self.request.method.lower(), None))
        bucket, runtime = about.bucket if about else None, self.app.runtime
        if standing is None and self.principal is not None and bucket is not None and runtime is not None:
            standing = runtime.rates.look(bucket, self.principal)
        if standing is not None:
            self.set_header("X-RateLimit-Limit", str(standing.limit))
            self.set_header("X-RateLimit-Remaining", str(standing.remaining))
            self.set_header("X-RateLimit-Reset", str(standing.reset))

    async def _ask_authorizer(self) -> None:
        handler = cast(APIHandler, self)
        action = ACTIONS.get(self.request.method, "execute")
        allowed = handler.authorizer.is_authorized(handler, self.current_user, action, "builder")
        if not isinstance(allowed, bool):
            allowed = await allowed
        if not allowed:
            raise errors.Forbidden("This Jupyter server's authorizer refuses it.")

    @property
    def caller(self) -> Principal:
        """Who is asking; only after `require` has let them through."""
        if self.principal is None:
            raise errors.Unauthenticated("Invalid or expired token")
        return self.principal

    def skip_check_origin(self) -> bool:
        """Trust any origin for a verified key or token: no cookie was involved."""
        return self.principal is not None and self.principal.credential in CARRIED

    def fault(self, status_code: int, exc_info: Any) -> Fault:
        """Return what went wrong for the answer. What nobody foresaw is logged under an id, and the id is answered."""
        error = exc_info[1] if exc_info else None
        return logged_fault(error, status_code, f"{self.request.method} {self.request.path}")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer in the error shape of the route's family."""
        fault = self.fault(status_code, kwargs.get("exc_info"))
        self.set_status(fault.status)
        self.set_header("Cache-Control", "no-store")
        error = (kwargs.get("exc_info") or (None, None))[1]
        self.tell_rate(getattr(error, "standing", None))
        if isinstance(error, errors.RateLimited):
            self.set_header("Retry-After", str(max(1, math.ceil(error.retry_after))))
        if fault.status == 401:
            self.set_header("WWW-Authenticate", self.challenge)
        if fault.status == 405:
            self.set_header("Allow", ", ".join(verb.upper() for verb, _ in routes_of(type(self))))
        self.tell(fault)

    def tell(self, fault: Fault) -> None:
        """Finish with the body that says what went wrong."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(self.family(fault), ensure_ascii=False))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log nothing here: an expected error is an answer, and an unexpected one is logged with its incident."""


class BuilderHandler(OwnCredentials, ExtensionHandlerMixin, APIHandler):
    """A JSON handler. ``path`` is its route, with ``{names}`` for parameters."""

    path: ClassVar[str]
    shape_code: ClassVar[str] = "INVALID_REQUEST"

    @allow_unauthenticated
    def options(self, *args: Any, **kwargs: Any) -> None:
        """Tell browsers which headers pages of other origins may send; ``allow_origin`` says which origins."""
        super().options(*args, **kwargs)
        if "Access-Control-Allow-Headers" not in self.settings.get("headers", {}):
            self.set_header("Access-Control-Allow-Headers", ", ".join(SENT_HEADERS))

    def set_cors_headers(self) -> None:
        """Let pages of other origins, where they are allowed at all, read the headers that we answer with."""
        super().set_cors_headers()
        self.set_header("Access-Control-Expose-Headers", ", ".join(READ_HEADERS))

    async def body(self, read: Callable[[Any], T]) -> T:
        """Return what ``read`` makes of the request's JSON value; a large one is read beside the loop.

        A request that does not say what its body is means JSON.

        Raises
        ------
        UnsupportedMediaType : it says that its body is something else.
        TooLarge : over `MAX_BODY_BYTES`.
        InvalidInput : ``INVALID_WORKFLOW`` with field ``body``: not JSON, nested too deep, or not representable.
        """
        raw: bytes = self.request.body
        media_type = self.request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower()
        if raw and media_type != JSON:
            said = media_type if MEDIA_TYPE.fullmatch(media_type) else "something else"
            raise errors.UnsupportedMediaType(
                f"The body must be {JSON}; the header Content-Type says {said}.", hint=f"Send 'Content-Type: {JSON}'."
            )
        if len(raw) > MAX_BODY_BYTES:
            raise errors.TooLarge(f"The body has {len(raw)} bytes; {MAX_BODY_BYTES} is the most.")
        if len(raw) < LARGE_BODY_BYTES:
            return read(parse_json(raw))
        return await asyncio.to_thread(lambda: read(parse_json(raw)))

    async def model(self, model: type[M]) -> M:
        """Return the request's JSON object as a model. Raises as `body`, and `InvalidInput` for fields."""
        return await self.body(lambda value: validated(model, value, code=self.shape_code))

    def query(self, model: type[M]) -> M:
        """Return the query string as a model; the last of repeated names counts."""
        given = {name: values[-1].decode("utf-8", "replace") for name, values in self.request.query_arguments.items()}
        return validated(model, given, code=self.shape_code)

    def answer(self, value: Any, *, status: int | None = None, **headers: str) -> None:
        """Finish with a JSON answer. ``headers`` by name with underscores for hyphens."""
        about = declared(getattr(self, self.request.method.lower()))
        self.set_status(status or (about.status if about else 200))
        self.set_header("Cache-Control", "no-store")
        self.tell_rate()
        for name, text in headers.items():
            self.set_header(name.replace("_", "-"), text)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        self.finish(text, set_content_type="application/json; charset=utf-8")


class BuilderFamily(BuilderHandler):
    """A handler whose errors have the Builder API's shape."""

    family = staticmethod(builder_body)


def logged_fault(error: BaseException | None, status: int, where: str) -> Fault:
    """Return the fault for what was raised; what nobody foresaw is logged under an id, which the fault tells."""
    fault = fault_of(error, status)
    if fault.status >= 500 and not isinstance(error, errors.BuilderError):
        incident = ids.incident_id()
        log.error("incident %s at %s", incident, where, exc_info=error)
        return Fault(fault.status, fault.code, f"{fault.message} (incident {incident})")
    return fault
