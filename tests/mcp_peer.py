"""An MCP server for tests: ``python mcp_peer.py stdio|http [port] [name]``, made with the official library.

``MCP_PEER_TOKEN`` in its environment is the bearer token that it asks for over HTTP.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated, Any

from mcp.server.mcpserver import Image, MCPServer
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field


class Place(BaseModel):
    street: str
    number: int | None = None


def peer(name: str) -> MCPServer:  # noqa: C901 - a list of small tools
    server = MCPServer(name, log_level="CRITICAL")

    @server.tool(description="Add two numbers")
    def add(a: int, b: Annotated[int, Field(description="the other", le=1000)] = 1) -> int:
        return a + b

    @server.tool(description="Say who answers", annotations=ToolAnnotations(read_only_hint=True))
    def who(note: str | None = None) -> str:
        return f"{name} {os.getpid()} {note}"

    @server.tool(name="calculator", description="Another one")
    def calculator(expression: str) -> str:
        return f"{name} read {expression}"

    @server.tool()
    def locate(place: Place, tags: list[str] | None = None) -> dict[str, Any]:
        return {"place": place.model_dump(), "tags": tags}

    @server.tool()
    def fails(reason: str) -> str:
        raise RuntimeError(reason)

    @server.tool()
    def slow(seconds: float) -> str:
        time.sleep(seconds)
        return "done"

    @server.tool()
    def dies() -> str:
        os._exit(3)

    @server.tool()
    def picture() -> Image:
        return Image(data=b"\x89PNG" + b"0" * 96, format="png")

    @server.tool()
    def blocks() -> CallToolResult:
        return CallToolResult(content=[TextContent(text="one"), TextContent(text="two")])

    @server.tool(name="strange name!")
    def strange() -> str:
        return ""

    @server.resource("file:///data/knowledge_base.txt", name="Knowledge Base", mime_type="text/plain")
    def knowledge() -> str:
        return "known"

    @server.resource("db://customers", name="Customer Database", mime_type="application/json")
    def customers() -> str:
        return "[]"

    return server


def serve(server: MCPServer, port: int) -> None:
    import uvicorn

    app: Any = server.streamable_http_app()
    wanted = os.environ.get("MCP_PEER_TOKEN")

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if (
            scope["type"] == "http"
            and wanted
            and (b"authorization", f"Bearer {wanted}".encode()) not in scope["headers"]
        ):
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": f"not {wanted}".encode()})
            return
        await app(scope, receive, send)

    uvicorn.run(guarded, host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    kind, port, name = (*sys.argv[1:], *("stdio", "0", "peer")[len(sys.argv) - 1 :])
    if kind == "http":
        serve(peer(name), int(port))
    else:
        peer(name).run("stdio")
