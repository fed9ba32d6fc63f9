"""``/api/mcp``: the gateway for MCP clients, the same tools by plain HTTP, and what tells clients where to sign in.

Source: spec builder-studio §3.3, §3.4, §11.1, §11.2.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from jupyter_server.utils import url_path_join
from pydantic import BaseModel, RootModel

from builder_jupyter.errors import Forbidden
from builder_jupyter.identity.principal import CredentialKind
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderHandler
from builder_jupyter.rest.json_body import malformed
from builder_jupyter.rest.mcp.bridge import AsgiHandler
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.rates import Bucket
from builder_jupyter.services.workers import WORKER_HEADER

if TYPE_CHECKING:
    from builder_jupyter.identity.principal import Principal
    from builder_jupyter.services.runtime import Runtime

METADATA_PATH = "/.well-known/oauth-protected-resource"
GATEWAY_PATH = "/api/mcp"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a message to an MCP server, and what answers it."""

    runtime: Runtime
    principal: Principal
    worker: str | None = None


class OneOrigin(AsgiHandler):
    """A handler that pages of another origin do not reach, not even with a key, unless the server allows them."""

    async def prepare(self, **kwargs: Any) -> None:
        """Judge the origin before the credential."""
        self.check_allowed_origin()
        await super().prepare(**kwargs)

    def check_allowed_origin(self) -> None:
        """Raise `Forbidden` (``FORBIDDEN_ORIGIN``) for a page of another origin that the server does not allow."""
        if not self.check_origin():
            raise Forbidden("Pages of this origin may not call here.", code="FORBIDDEN_ORIGIN")

    def skip_check_origin(self) -> bool:
        """Trust no origin for its credential alone."""
        return False


class McpHandler(OneOrigin):
    """The gateway over Streamable HTTP, for clients of both eras of the protocol."""

    path = GATEWAY_PATH

    @property
    def challenge(self) -> str:
        """Where a client without a credential learns how to get one. Source: RFC 9728, section 5.1."""
        return f'Bearer resource_metadata="{address(self, METADATA_PATH)}"'

    @route(access=Access.ANY_PRINCIPAL, bucket=Bucket.MCP, stream="text/event-stream")
    async def post(self) -> None:
        """Take one message."""
        await self._pass_on()

    @route(access=Access.ANY_PRINCIPAL, bucket=Bucket.MCP, stream="text/event-stream")
    async def get(self) -> None:
        """Follow a session's own messages."""
        await self._pass_on()

    @route(access=Access.ANY_PRINCIPAL, bucket=Bucket.MCP, stream="text/event-stream")
    async def delete(self) -> None:
        """End a session."""
        await self._pass_on()

    async def _pass_on(self) -> None:
        # The library and its models take a while to load; few servers ever see a client.
        from builder_jupyter.rest.mcp.server import CALLER

        caller = Caller(self.runtime, self.caller, self.request.headers.get(WORKER_HEADER))
        application = await self.app.mcp_sessions().application()
        await self.pass_on(application, user=self._bearer(), **{CALLER: caller})

    def _bearer(self) -> Any:
        """Return the name to which the library binds a session: another credential finds no such session.

        Of a key the hash, of everybody else who they are: tokens of a sign-in follow one another.
        """
        from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
        from mcp.server.auth.provider import AccessToken

        principal = self.caller
        shown = self.request.headers.get("Authorization", "") if principal.credential is CredentialKind.API_KEY else ""
        marks = (str(principal.credential), principal.workspace, principal.name, shown)
        name = hashlib.sha256("\0".join(marks).encode(errors="replace")).hexdigest()
        return AuthenticatedUser(AccessToken(token="", client_id=name, scopes=[]))


class ToolArguments(RootModel[dict[str, Any]]):
    """The arguments of a tool, by name."""


class ToolResult(RootModel[dict[str, Any]]):
    """The structured result of a tool."""


class ToolHandler(BuilderHandler):
    """One tool by plain HTTP."""

    path = "/api/mcp/tools/{tool_name}"

    @route(
        access=Access.ANY_PRINCIPAL,
        bucket=Bucket.MCP,
        body=ToolArguments,
        answer=ToolResult,
        refuses=(402, 404, 409, 410, 422, 429),
    )
    async def post(self, tool_name: str) -> None:
        """Call a tool with its arguments; return its structured result."""
        from builder_jupyter.gateway.table import get_tool
        from builder_jupyter.gateway.tool import Call

        tool = get_tool(tool_name)
        tool.require(self.caller)  # before the body is read: who may not call hears nothing of its faults
        arguments = await self.body(_object)
        call = Call(self.runtime, self.caller, worker=self.request.headers.get(WORKER_HEADER))
        self.answer(await self.call(tool.call(call, arguments)))


class ProtectedResource(BaseModel):
    """What an OAuth client needs to know of the gateway. Source: RFC 9728, section 2."""

    resource: str
    resource_name: str
    authorization_servers: list[str]
    bearer_methods_supported: list[str]
    scopes_supported: list[str]


class ResourceMetadataHandler(BuilderHandler):
    """Where a client of the gateway may sign in."""

    path: ClassVar[str] = METADATA_PATH

    @route(access=Access.PUBLIC, answer=ProtectedResource)
    async def get(self) -> None:
        """Tell which authorization server's tokens the gateway accepts."""
        issuer = self.app.jwt_issuer
        about = ProtectedResource(
            resource=address(self, GATEWAY_PATH),
            resource_name="builder_jupyter",
            authorization_servers=[issuer] if issuer and self.app.takes_tokens else [],
            bearer_methods_supported=["header"],
            scopes_supported=[str(scope) for scope in Scope],
        )
        self.answer(about.model_dump())


class ResourceMetadataOfPathHandler(ResourceMetadataHandler):
    """The same at the address that clients make of the gateway's own. Source: RFC 9728, section 3.1."""

    path: ClassVar[str] = METADATA_PATH + GATEWAY_PATH


def address(handler: BuilderHandler, path: str) -> str:
    """Return the whole address of a route of ours, as the client that asks reaches this server."""
    return f"{handler.request.protocol}://{handler.request.host}{url_path_join(handler.settings['base_url'], path)}"


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise malformed("must be an object", "arguments")
    return value


HANDLERS = (ToolHandler, ResourceMetadataHandler, ResourceMetadataOfPathHandler)
