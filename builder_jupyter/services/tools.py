"""The tools on offer: the built-in ones, those of configured MCP servers, and those of a workspace's notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from builder_jupyter.connectors.mcp_servers import McpServers
from builder_jupyter.connectors.mcp_settings import NOTEBOOK
from builder_jupyter.connectors.tools import Tool, Toolbox
from builder_jupyter.identity.principal import Principal
from builder_jupyter.nodes.base import NodeType, StepContext
from builder_jupyter.nodes.chat import ToolSpec

SETTLE_SECONDS = 12.0
"""How long a step whose tool is not known waits for servers that are only just being asked."""
LISTING_SECONDS = 3.0
"""How long a listing waits for them."""


class KernelTools(Protocol):
    """The functions that attached kernels offer as tools."""

    def offered(self, workspace: str | None, execution_id: str | None) -> Sequence[ToolSpec]:
        """Return those of a workspace (None: of all), of one name the newest; those that a given run may call."""
        ...

    async def call(self, context: StepContext, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run one in the kernel that is right for the step's execution."""
        ...


class ToolService:
    """All tools, and which of them a step may call.

    Names are unique. A built-in tool has its own; a server's tool has its own unless another tool has it, and can
    always be called ``server.tool``; where two servers offer the same name neither has it, so that none takes the
    place of the other while that is away. A notebook's tool whose name is taken is ``notebook.tool``.
    """

    def __init__(self, built_in: Toolbox, servers: McpServers, kernels: KernelTools) -> None:
        self._built_in = built_in
        self._servers = servers
        self._kernels = kernels

    async def listing(self, principal: Principal) -> list[dict[str, Any]]:
        """Return the tools that the principal's workflows may name, as published; servers that fail are left out."""
        await self._servers.settled(LISTING_SECONDS)
        tools = self._tools(self._kernels.offered(principal.workspace, None), None, is_listing=True)
        return [tool.spec.to_dict() for tool in _by_name(tools).values()]

    async def resource_listing(self, principal: Principal) -> list[dict[str, Any]]:
        """Return the resources of configured servers, each address once."""
        del principal
        await self._servers.settled(LISTING_SECONDS)
        found = {resource.uri: resource for s in self._servers.servers if s.is_up for resource in s.resources}
        return [resource.to_dict() for resource in found.values()]

    def specs(self, workspace: str | None = None) -> Sequence[ToolSpec]:
        """Return all tools on offer to a workspace, or to any, those of servers that are away included."""
        tools = _by_name(self._tools(self._kernels.offered(workspace, None), None))
        return [tool.spec for tool in (self._aliases() | tools).values()]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool that is no notebook's; see `Toolbox.call`."""
        return await self.box(None, [name]).call(name, arguments)

    async def equip(self, node_type: NodeType, context: StepContext) -> None:
        """Give a step the tools that it may call, when servers that may have those of its node have been asked."""
        names = node_type.tools_of(context.node)
        if not {spec.name for spec in self._built_in.specs()}.issuperset(names):
            await self._servers.settled(SETTLE_SECONDS)
        context.tools = _StepTools(self, context, names)

    def box(self, context: StepContext | None, names: Iterable[str]) -> Toolbox:
        """Return the tools that a step may call now, those of ``names`` by the name of their server too."""
        found = () if context is None else self._kernels.offered(context.workspace, context.execution_id)
        tools = _by_name(self._tools(found, context))
        for name, tool in self._aliases().items():
            if name in names:
                tools.setdefault(name, tool)
        return Toolbox(list(tools.values()))

    def _tools(
        self, offered: Sequence[ToolSpec], context: StepContext | None, *, is_listing: bool = False
    ) -> Iterator[Tool]:
        yield from self._built_in.tools()
        built_in = {spec.name for spec in self._built_in.specs()}
        taken = set(built_in)
        for server in self._servers.servers:
            others = {name for other in self._servers.servers if other is not server for name in other.specs}
            for name, spec in server.specs.items():
                plain = name not in built_in and name not in others
                taken.add(shown := name if plain else f"{server.name}.{name}")
                if server.is_up or not is_listing:
                    yield Tool(_named(spec, shown), partial(server.call, name))
        for spec in offered:
            shown = f"{NOTEBOOK}.{spec.name}" if spec.name in taken else spec.name
            run = partial(self._kernels.call, context, spec.name) if context is not None else _not_here
            yield Tool(_named(spec, shown), run, checks_itself=True)

    def _aliases(self) -> dict[str, Tool]:
        return {
            shown: Tool(_named(spec, shown), partial(server.call, name))
            for server in self._servers.servers
            for name, spec in server.specs.items()
            if (shown := f"{server.name}.{name}")
        }


class _StepTools:
    """The tools of one step, looked up for each call: a notebook or a server may have come or gone meanwhile."""

    def __init__(self, service: ToolService, context: StepContext, names: Sequence[str]) -> None:
        self._service = service
        self._context = context
        self._names = names

    def specs(self) -> Sequence[ToolSpec]:
        return self._service.box(self._context, self._names).specs()

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return await self._service.box(self._context, [name]).call(name, arguments)


def _by_name(tools: Iterable[Tool]) -> dict[str, Tool]:
    """Return tools by name; of several of one name the first."""
    found: dict[str, Tool] = {}
    for tool in tools:
        found.setdefault(tool.spec.name, tool)
    return found


def _named(spec: ToolSpec, name: str) -> ToolSpec:
    return spec if spec.name == name else ToolSpec(name, spec.description, spec.parameters, spec.schema)


async def _not_here(_arguments: Mapping[str, Any]) -> Any:
    raise TypeError("a tool that was only listed was called")
