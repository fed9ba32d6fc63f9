"""Edits of a workflow that lies nowhere but in the request: what an editor without a kernel asks for."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from builder_jupyter.drawing.catalogue import catalogue
from builder_jupyter.drawing.document import canvas_document
from builder_jupyter.drawing.editing import arranged, edited
from builder_jupyter.graph.dialects import read
from builder_jupyter.graph.model import Profile, Workflow
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.builder.workflows import GraphBody
from builder_jupyter.rest.handler import BuilderFamily, malformed
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route
from builder_jupyter.validation import result

MAX_CHANGES = 20_000


class EditBody(Loose):
    """A workflow, and what to do with it: changes (docs/validation.md), or an arrangement of all its nodes.

    ``version`` is that of the drawing that was edited.
    """

    workflow: GraphBody
    changes: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_CHANGES)
    arrange: str | None = None
    version: int = Field(default=0, ge=0, le=2**53)


class Edited(BaseModel):
    """What to draw, with the workflow in ``doc.document``, and what validation says of it."""

    doc: dict[str, Any]
    findings: dict[str, Any]


class Palette(BaseModel):
    """The node types of one kind of workflow, in palette order."""

    catalogue: list[dict[str, Any]]


class PaletteQuery(BaseModel):
    """``dialect``: the kind of workflow."""

    dialect: Profile = Profile.BUILDER


class EditsHandler(BuilderFamily):
    """Editing."""

    path = "/api/builder/edits"
    shape_code = "INVALID_WORKFLOW"

    @route(Scope.READ_CANVASES, body=EditBody, answer=Edited)
    async def post(self) -> None:
        """Edit a workflow without saving it; return what to draw."""
        self.answer(await self.body(self._edit))

    def _edit(self, value: Any) -> dict[str, Any]:
        wanted = _read(value)
        workflow = edited(wanted.workflow, wanted.changes)
        if wanted.arrange is not None:
            workflow = arranged(workflow, wanted.arrange)
        drawn = canvas_document(workflow, version=wanted.version + 1, registry=self.runtime.registry)
        return {"doc": drawn, "findings": result(self.runtime.workflows.findings(self.caller, workflow), fixes=True)}


class CatalogueHandler(BuilderFamily):
    """What an editor offers."""

    path = "/api/builder/catalogue"
    shape_code = "INVALID_WORKFLOW"

    @route(Scope.READ_CANVASES, query=PaletteQuery, answer=Palette)
    async def get(self) -> None:
        """List the node types with everything that a palette and a form need."""
        self.answer({"catalogue": catalogue(self.runtime.registry, self.query(PaletteQuery).dialect)})


HANDLERS = (EditsHandler, CatalogueHandler)


class _Wanted(NamedTuple):
    workflow: Workflow
    changes: list[Any]
    arrange: str | None
    version: int


def _read(value: Any) -> _Wanted:
    if not isinstance(value, dict):
        raise malformed("must be an object")
    if "workflow" not in value:
        raise malformed("is required", "workflow")
    changes, arrange, version = value.get("changes", []), value.get("arrange"), value.get("version", 0)
    if not isinstance(changes, list) or len(changes) > MAX_CHANGES:
        raise malformed(f"must be a list of at most {MAX_CHANGES} changes", "changes")
    if arrange is not None and not isinstance(arrange, str):
        raise malformed("must be a text", "arrange")
    if not isinstance(version, int) or isinstance(version, bool) or not 0 <= version <= 2**53:
        raise malformed("must be a whole number", "version")
    return _Wanted(read(value["workflow"]), changes, arrange, version)
