"""The MCP server made of the table of tools. The protocol is the official library's business, access is ours.

Who is asking comes with each request, in its ASGI scope (`CALLER`): a session never stands for a credential.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import mcp_types as types
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from builder_jupyter.errors import BuilderError, NotFound
from builder_jupyter.gateway import resources
from builder_jupyter.gateway.table import get_tool, tools_for
from builder_jupyter.gateway.tool import Call, Tool
from builder_jupyter.rest.handler import logged_fault
from builder_jupyter.rest.routing import Fault, direct_body, fault_of

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

    from builder_jupyter.rest.mcp.handlers import Caller

NAME = "builderstudio"
CALLER = "builder_jupyter.caller"
INSTRUCTIONS = (
    "Author, run and inspect workflows. A canvas begins empty (create_canvas); list_node_defaults says what can be "
    "placed, add_node and add_edge draw it, validate_workflow judges it and previews the cost, trigger_workflow runs "
    "it. Each edit is a version of its own. A call that is cancelled leaves a run alone: cancel_execution stops it."
)


def caller_of(context: ServerRequestContext[Any, Any]) -> Caller:
    """Return who sent a message."""
    request: Any = context.request
    caller: Caller = request.scope[CALLER]
    return caller


def gateway_server(version: str) -> Server[Any]:
    """Return the server of the gateway."""
    return Server(
        NAME,
        version=version,
        title="builder_jupyter",
        instructions=INSTRUCTIONS,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
    )


async def _list_tools(context: ServerRequestContext[Any, Any], _params: Any) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[_described(tool) for tool in tools_for(caller_of(context).principal)])


async def _call_tool(
    context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
) -> types.CallToolResult:
    try:
        tool = get_tool(params.name)
    except NotFound as error:
        raise MCPError(types.INVALID_PARAMS, error.message) from error

    def work(call: Call) -> Awaitable[dict[str, Any]]:
        return tool.call(call, params.arguments or {})

    return await answered(context, work)


async def answered(
    context: ServerRequestContext[Any, Any], work: Callable[[Call], Awaitable[dict[str, Any]]]
) -> types.CallToolResult:
    """Do the work of a tool on the runtime's loop, telling progress meanwhile; what fails is a result that says so."""
    caller, loop = caller_of(context), asyncio.get_running_loop()
    told: list[Any] = []

    def report(progress: float, total: float, message: str) -> None:
        news = context.session.report_progress(progress, total, message)
        told.append(asyncio.run_coroutine_threadsafe(news, loop))

    call = Call(caller.runtime, caller.principal, report, caller.worker)
    try:
        found = await caller.runtime.portal.ask(_awaited(work(call)))
    except BuilderError as error:
        return failed(fault_of(error, 500))
    except Exception as error:  # noqa: BLE001 - the boundary of a protocol whose answers have no status
        return failed(logged_fault(error, 500, f"MCP {context.method}"))
    finally:
        await asyncio.gather(*map(asyncio.wrap_future, told), return_exceptions=True)
    return types.CallToolResult(content=[_text(found)], structured_content=found)


async def _awaited(work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await work


def failed(fault: Fault) -> types.CallToolResult:
    """Return the result of a tool that failed: the same body as its route has by plain HTTP."""
    body = direct_body(fault)
    return types.CallToolResult(content=[types.TextContent(text=body["error"])], structured_content=body, is_error=True)


def _text(value: Any) -> types.TextContent:
    return types.TextContent(text=json.dumps(value, ensure_ascii=False))


def _described(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        title=tool.title,
        read_only_hint=tool.hints.read_only,
        destructive_hint=tool.hints.destructive,
        idempotent_hint=tool.hints.idempotent,
        open_world_hint=tool.hints.open_world,
    )
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=hints,
    )


async def _list_resources(context: ServerRequestContext[Any, Any], _params: Any) -> types.ListResourcesResult:
    caller = caller_of(context)
    found = await caller.runtime.portal.ask(resources.list_resources(caller.runtime, caller.principal))
    shown = [
        types.Resource(uri=one.uri, name=one.name, title=one.title, mime_type=resources.MIME_TYPE) for one in found
    ]
    return types.ListResourcesResult(resources=shown)


async def _list_templates(_context: ServerRequestContext[Any, Any], _params: Any) -> types.ListResourceTemplatesResult:
    shown = [
        types.ResourceTemplate(uri_template=kind.template, name=kind.name, title=kind.title,
                               description=kind.description, mime_type=resources.MIME_TYPE)
        for kind in resources.KINDS
    ]  # fmt: skip
    return types.ListResourceTemplatesResult(resource_templates=shown)


async def _read_resource(
    context: ServerRequestContext[Any, Any], params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    caller, uri = caller_of(context), str(params.uri)
    try:
        found = await caller.runtime.portal.ask(resources.read_resource(caller.runtime, caller.principal, uri))
    except BuilderError as error:
        raise MCPError(types.INVALID_PARAMS, str(error), direct_body(fault_of(error, 500))) from error
    text = json.dumps(found, ensure_ascii=False)
    contents: list[Any] = [types.TextResourceContents(uri=uri, mime_type=resources.MIME_TYPE, text=text)]
    return types.ReadResourceResult(contents=contents)
