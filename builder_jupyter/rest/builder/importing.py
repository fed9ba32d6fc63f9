"""Import of LangGraph code. Source: spec langgraph-builder §7."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.builder.workflows import Verdict
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route


class ImportBody(Loose):
    """Python code that builds a graph, and how nodes are placed that it gives no place."""

    code: str
    layout: Literal["hierarchical", "force", "grid"] = "hierarchical"


class ImportedGraph(BaseModel):
    """The workflow of the code, which is not saved yet."""

    name: str
    description: str
    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    metadata: dict[str, Any]


class Remark(BaseModel):
    """Something that the workflow does not say as the code did; ``line`` is 0 where there is none."""

    line: int
    what: str
    why: str


class Imported(BaseModel):
    """What came of it."""

    workflow: ImportedGraph
    validation: Verdict
    message: str
    report: list[Remark]


class ImportHandler(BuilderFamily):
    """Import."""

    path = "/api/builder/import"
    shape_code = "INVALID_CODE"

    @route(Scope.READ_CANVASES, body=ImportBody, answer=Imported)
    async def post(self) -> None:
        """Read LangGraph code as a workflow; nothing is run and nothing saved."""
        given = await self.model(ImportBody)
        service = self.runtime.workflows
        self.answer(await self.call(service.import_code(self.caller, given.code, arrangement=given.layout)))


HANDLERS = (ImportHandler,)
