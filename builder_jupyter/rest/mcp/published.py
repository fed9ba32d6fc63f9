"""``/api/user-mcp/<workspace>/<slug>``: workflows that somebody published, as an MCP server of their own.

Only its own keys open it; keys and tokens for anything else here are refused, whatever they may do. There are no
sessions: each message is answered by itself. Source: spec builder-studio §11.4.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.identity import User
from tornado import web

from builder_jupyter.errors import NotFound
from builder_jupyter.identity.api_keys import hash_key
from builder_jupyter.identity.bearer import bearer_of
from builder_jupyter.rest.handler import MAX_BODY_BYTES
from builder_jupyter.rest.mcp.handlers import Caller, OneOrigin
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.rates import Bucket, subject_of_address

if TYPE_CHECKING:
    from builder_jupyter.gateway.tool import Call
    from builder_jupyter.identity.published import PublishedServer, PublishedTool


class PublishedHandler(OneOrigin):
    """A published MCP server over Streamable HTTP."""

    path = "/api/user-mcp/{workspace_id}/{slug}"

    async def prepare(self, **kwargs: Any) -> None:
        """Let in who bears a key to this server, or anybody where it is public. No other credential is looked at."""
        del kwargs
        if not self.check_host():
            raise web.HTTPError(403)
        self.check_allowed_origin()
        if self.request.method != "POST":
            return
        bearer = bearer_of(self.request.headers.get("Authorization", ""))
        address = self.path_kwargs["workspace_id"], self.path_kwargs["slug"]
        self.server, principal = await self.call(self.app.require_runtime().published.admit(*address, bearer))
        # The key that was shown is one that opens this server: others have not come as far.
        subject = hash_key(bearer) if bearer else subject_of_address(self.request.remote_ip)
        self.runtime.rates.check(Bucket.RUN, subject)
        self.principal, self.current_user = principal, User(username=principal.name)
        self.app.note_activity()
        self.set_cors_headers()

    @route(access=Access.PUBLIC, stream="text/event-stream")
    async def post(self, workspace_id: str, slug: str) -> None:
        """Take one message."""
        del workspace_id, slug
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        from builder_jupyter.rest.mcp.server import CALLER

        manager = StreamableHTTPSessionManager(
            published_server(self.server), stateless=True, max_request_body_size=MAX_BODY_BYTES
        )
        caller = Caller(self.runtime, self.caller)
        async with manager.run():
            await self.pass_on(manager.handle_request, **{CALLER: caller})


def published_server(published: PublishedServer) -> Any:
    """Return the library's server for a definition."""
    import mcp_types as types
    from mcp.server.lowlevel.server import Server
    from mcp.shared.exceptions import MCPError

    from builder_jupyter.gateway.published import call_published, tool_of
    from builder_jupyter.rest.mcp.server import answered

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[described(tool) for tool in published.tools])

    def described(tool: PublishedTool) -> types.Tool:
        schema = {"type": "object", **tool.to_dict()["inputSchema"]}
        hints = types.ToolAnnotations(read_only_hint=False, open_world_hint=True)
        return types.Tool(name=tool.name, description=tool.description, input_schema=schema, annotations=hints)

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            tool = tool_of(published, params.name)
        except NotFound as error:
            raise MCPError(types.INVALID_PARAMS, error.message) from error

        def work(call: Call) -> Awaitable[dict[str, Any]]:
            return call_published(call, tool, params.arguments or {})

        answer = await answered(context, work)
        if not answer.is_error:
            answer.content = [types.TextContent(text=answer.structured_content["text"])]
        return answer

    return Server(
        published.slug,
        version=str(int(published.updated_at.timestamp())),
        title=published.title,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
