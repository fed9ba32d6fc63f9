"""What clients may read without a tool: canvases and executions, each under an address of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder_jupyter.errors import NotFound
from builder_jupyter.gateway.table import get_tool
from builder_jupyter.gateway.tool import Call
from builder_jupyter.identity.scopes import Scope

if TYPE_CHECKING:
    from builder_jupyter.identity.principal import Principal
    from builder_jupyter.services.runtime import Runtime

MIME_TYPE = "application/json"
LISTED = 100


@dataclass(frozen=True, slots=True)
class Resource:
    """A thing that can be read."""

    uri: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: ``tool`` reads one, under the ``argument`` that the address ends with."""

    name: str
    title: str
    description: str
    template: str
    tool: str
    argument: str

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Any one of which opens it: those of the tool."""
        return get_tool(self.tool).scopes

    def uri(self, identity: str) -> str:
        """Return the address of one."""
        return self.template.replace(f"{{{self.argument}}}", identity)

    def identity(self, uri: str) -> str | None:
        """Return the id that an address names; None for one of another kind."""
        found = re.fullmatch(re.escape(self.uri("\0")).replace(re.escape("\0"), r"([^/?#]+)"), uri)
        return found[1] if found else None


CANVAS = Kind(
    "canvas", "Canvas", "A canvas with its nodes and edges", "builder://canvases/{canvasId}", "get_canvas_state",
    "canvasId",
)  # fmt: skip
EXECUTION = Kind(
    "execution", "Execution", "How an execution stands, with its steps and outputs",
    "builder://executions/{executionId}", "get_execution_status", "executionId",
)  # fmt: skip
KINDS = (CANVAS, EXECUTION)


async def list_resources(runtime: Runtime, principal: Principal) -> list[Resource]:
    """Return the newest canvases and executions, `LISTED` of each at most, as far as the principal may read them."""
    found: list[Resource] = []
    if any(map(principal.may, CANVAS.scopes)):
        canvases = await runtime.canvases.list(principal)
        found += [Resource(CANVAS.uri(stored.id), stored.id, stored.workflow.name) for stored in canvases[:LISTED]]
    if any(map(principal.may, EXECUTION.scopes)):
        for row in await runtime.executions.list(principal, limit=LISTED):
            identity = row["executionId"]
            found.append(Resource(EXECUTION.uri(identity), identity, f"{row['workflowName']}: {row['status']}"))
    return found


async def read_resource(runtime: Runtime, principal: Principal, uri: str) -> dict[str, Any]:
    """Return what an address names, as the tool that reads it does.

    Raises
    ------
    NotFound : ``UNKNOWN_RESOURCE``; else as the tool.
    """
    for kind in KINDS:
        identity = kind.identity(uri)
        if identity is not None:
            return await get_tool(kind.tool).call(Call(runtime, principal), {kind.argument: identity})
    raise NotFound(f"There is no resource {uri[:200]!r}.", code="UNKNOWN_RESOURCE")
