"""Edits of a workflow that lies nowhere but in the request: what an editor without a kernel asks for."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from builder_jupyter.drawing.catalogue import catalogue
from builder_jupyter.drawing.document import canvas_document
from builder_jupyter.drawing.editing import arranged, edited
from builder_jupyter.graph.dialects import parse_text, read, read_text, write_text
from builder_jupyter.graph.model import Profile, Workflow
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.builder.workflows import GraphBody
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.json_body import malformed, parse_json
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route
from builder_jupyter.validation import result

MAX_CHANGES = 20_000


class EditBody(Loose):
    """A workflow, and what to do with it: changes (docs/validation.md), or an arrangement of all its nodes.

    The workflow comes as an object or, as it stands in a file, as ``text``: one of the two. ``version`` is that of the
    drawing that was edited.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["workflow"]}, {"required": ["text"]}]})

    workflow: GraphBody = Field(default_factory=lambda: GraphBody(nodes=[], edges=[]))
    text: str = Field(default_factory=str)
    changes: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_CHANGES)
    arrange: str | None = None
    version: int = Field(default=0, ge=0, le=2**53)


class Edited(BaseModel):
    """What to draw, with the workflow in ``doc.document``, its text for a file, and what validation says of it."""

    doc: dict[str, Any]
    text: str
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
        judged = result(self.runtime.workflows.findings(self.caller, workflow), fixes=True)
        return {"doc": drawn, "text": write_text(workflow), "findings": judged}


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
    given = [name for name in ("workflow", "text") if name in value]
    if len(given) != 1:
        raise malformed("is required" if not given else "and text exclude each other", "workflow")
    changes, arrange, version = value.get("changes", []), value.get("arrange"), value.get("version", 0)
    if not isinstance(changes, list) or len(changes) > MAX_CHANGES:
        raise malformed(f"must be a list of at most {MAX_CHANGES} changes", "changes")
    if arrange is not None and not isinstance(arrange, str):
        raise malformed("must be a text", "arrange")
    if not isinstance(version, int) or isinstance(version, bool) or not 0 <= version <= 2**53:
        raise malformed("must be a whole number", "version")
    return _Wanted(_workflow(value[given[0]], given[0]), changes, arrange, version)


def _workflow(value: Any, field: str) -> Workflow:
    if field == "workflow":
        return read(value)
    if not isinstance(value, str):
        raise malformed("must be a text", field)
    parse_text(value)  # says where it is no JSON
    parse_json(value.encode())  # what a body may hold goes for the document inside it, too
    return read_text(value)
