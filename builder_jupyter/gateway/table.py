"""The table of all tools. Another tool is another function in a group's module; another group is another line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from builder_jupyter.errors import NotFound
from builder_jupyter.gateway import (
    assets,
    billing,
    canvases,
    documents,
    edges,
    frames,
    integrations,
    keys,
    nodes,
    runs,
    webhooks,
    workspaces,
)
from builder_jupyter.gateway.tool import Tool

if TYPE_CHECKING:
    from builder_jupyter.identity.principal import Principal

GROUPS: Mapping[str, tuple[Tool, ...]] = {
    "canvases": canvases.TOOLS,
    "nodes": nodes.TOOLS,
    "documents": documents.TOOLS,
    "edges and ports": edges.TOOLS,
    "frames": frames.TOOLS,
    "runs": runs.TOOLS,
    "webhooks": webhooks.TOOLS,
    "assets": assets.TOOLS,
    "billing": billing.TOOLS,
    "keys": keys.TOOLS,
    "integrations": integrations.TOOLS,
    "workspaces": workspaces.TOOLS,
}
"""The tools by group, in the order in which they are listed."""

TABLE: Mapping[str, Tool] = {tool.name: tool for tools in GROUPS.values() for tool in tools}
"""The tools by name."""


def get_tool(name: str) -> Tool:
    """Return a tool. Raises `NotFound` (``UNKNOWN_TOOL``)."""
    if name not in TABLE:
        raise NotFound(f"There is no tool {name[:80]!r}.", code="UNKNOWN_TOOL")
    return TABLE[name]


def tools_for(principal: Principal) -> list[Tool]:
    """Return the tools that a principal may call, in the order of the table."""
    return [tool for tool in TABLE.values() if tool.is_open_to(principal)]
