"""Code of a workflow. Source: seed "Builder API", code generation endpoints; spec langgraph-builder §5."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.codegen.options import Options
from builder_jupyter.graph.dialects import unwrap
from builder_jupyter.graph.dialects.builder import BUILDER, check_options
from builder_jupyter.graph.dialects.faults import MAX_DESCRIPTION, MAX_NAME, Faults
from builder_jupyter.graph.dialects.header import read_header
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.builder.workflows import GraphBody, MetadataBody
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route

UNNAMED = "Workflow"


class OptionsBody(Loose):
    """How the code is to be; see docs/codegen.md."""

    include_types: bool = True
    include_docstrings: bool = True
    include_mcp_tools: bool = True
    checkpoint_config: bool = False
    async_mode: bool = False


class GenerateBody(GraphBody):
    """A graph, its name, and options."""

    name: str = Field(default=UNNAMED, max_length=MAX_NAME, pattern=r"\S")
    description: str = Field(default="", max_length=MAX_DESCRIPTION)
    metadata: MetadataBody = Field(default_factory=MetadataBody)
    options: OptionsBody = OptionsBody()


class Generated(BaseModel):
    """A module, its file name, and the packages it imports."""

    code: str
    filename: str
    language: str
    dependencies: list[str]


class GenerateHandler(BuilderFamily):
    """Code generation."""

    path = "/api/builder/generate"

    @route(Scope.READ_CANVASES, body=GenerateBody, answer=Generated, refuses=(422,))
    async def post(self) -> None:
        """Write a graph as a LangGraph module."""
        workflow, options = await self.body(_read)
        module = await self.call(self.runtime.generation.generate(self.caller, workflow, options))
        self.answer(module.to_dict())


HANDLERS = (GenerateHandler,)


def _read(value: Any) -> tuple[Workflow, Options]:
    body = unwrap(value)
    faults = Faults()
    nodes, edges = BUILDER.graph(body, faults)
    fields = {"name": UNNAMED, **read_header(body, faults)}
    if isinstance(body, dict):
        check_options(body, faults)
    faults.raise_if_any()
    return Workflow(nodes=nodes, edges=edges, **fields), Options.of(body.get("options", {}))
