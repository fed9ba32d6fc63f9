"""Health, workflows and validation. Source: seed "Builder API", spec langgraph-builder §2."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from builder_jupyter.clock import iso_z
from builder_jupyter.graph.dialects import dialect_of, unwrap
from builder_jupyter.graph.dialects.faults import (
    MAX_DESCRIPTION,
    MAX_EDGES,
    MAX_NAME,
    MAX_NODE_ID,
    MAX_NODES,
    MAX_TAG,
    MAX_TAGS,
)
from builder_jupyter.graph.dialects.wire import Dialect
from builder_jupyter.graph.model import Profile, Workflow
from builder_jupyter.graph.version import WorkflowVersion
from builder_jupyter.identity.grants import Permission
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.json_body import malformed
from builder_jupyter.rest.models import Digits, Loose
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.validation import result

API_VERSION = "1.0.0"
MAX_MESSAGE = 1_000


class Health(BaseModel):
    """Whether the server can do its work."""

    status: Literal["healthy", "unhealthy"]
    version: str


class NodeBody(BaseModel):
    """A node; what ``data`` holds depends on the type, and ``GET /api/builder/node-types`` says how."""

    id: str = Field(min_length=1, max_length=MAX_NODE_ID)
    type: str = Field(min_length=1)
    position: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)


class EdgeBody(BaseModel):
    """An edge. Its ``label``, else its ``sourceHandle``, is what routers and humans choose by."""

    source: str
    target: str


class MetadataBody(BaseModel):
    """Tags, and whatever else a client keeps here."""

    tags: list[Annotated[str, Field(max_length=MAX_TAG)]] = Field(default_factory=list, max_length=MAX_TAGS)


class GraphBody(Loose):
    """Nodes and edges as the Builder API writes them; see spec langgraph-builder §3.

    These models describe the requests; they are read by the dialects, which report every fault at once.
    """

    nodes: list[NodeBody] = Field(max_length=MAX_NODES)
    edges: list[EdgeBody] = Field(max_length=MAX_EDGES)


class CreateBody(GraphBody):
    """A new workflow. ``draft`` saves a graph that would not validate; ``dialect`` is ``direct`` for canvases."""

    nodes: list[NodeBody] = Field(min_length=1, max_length=MAX_NODES)
    name: str = Field(max_length=MAX_NAME, pattern=r"\S")
    description: str = Field(default="", max_length=MAX_DESCRIPTION)
    metadata: MetadataBody = Field(default_factory=MetadataBody)
    message: str = Field(default="", max_length=MAX_MESSAGE)
    draft: bool = False
    dialect: Literal["builder", "direct"] = "builder"


class UpdateBody(Loose):
    """Any part of a workflow; what is left out stays as it is."""

    name: str = Field(default_factory=str, max_length=MAX_NAME, pattern=r"\S")
    description: str = Field(default_factory=str, max_length=MAX_DESCRIPTION)
    nodes: list[NodeBody] = Field(default_factory=list, min_length=1, max_length=MAX_NODES)
    edges: list[EdgeBody] = Field(default_factory=list, max_length=MAX_EDGES)
    metadata: MetadataBody = Field(default_factory=MetadataBody)
    message: str = Field(default="", max_length=MAX_MESSAGE)
    draft: bool = False


class IfMatch(BaseModel):
    """The version that the caller has seen, as its ``ETag``; without it, or as ``*``, any will do."""

    if_match: str | None = Field(default=None, alias="If-Match", min_length=1, pattern=r'^(\*|"[0-9]{1,9}")$')


class FullWorkflow(BaseModel):
    """A workflow with everything."""

    id: str
    name: str
    description: str
    version: int
    created_at: str
    updated_at: str
    created_by: str
    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    metadata: dict[str, Any]


class Summary(BaseModel):
    """A workflow in a list."""

    id: str
    name: str
    description: str
    version: int
    created_at: str
    updated_at: str
    node_count: int
    tags: list[str]


class Updated(BaseModel):
    """What changed."""

    id: str
    name: str
    version: int
    updated_at: str


class Deleted(BaseModel):
    """That it is gone."""

    message: str


class Verdict(BaseModel):
    """The result of validation."""

    valid: bool
    errors: list[dict[str, Any]]
    warnings: list[dict[str, Any]]


class ListQuery(BaseModel):
    """Paging and filters. ``name`` is compared exactly; ``published``: whether a version of it is published."""

    limit: Digits = Field(default=20, ge=0, le=100)
    offset: Digits = Field(default=0, ge=0, le=2**53)
    tag: str | None = None
    name: str | None = None
    published: Literal["true", "false"] | None = None


class ValidateQuery(BaseModel):
    """``fixes``: whether each finding is to have the list of its ``fixes``, each a ``title`` and ``changes``."""

    fixes: Literal["true", "false"] = "false"


class HealthHandler(BuilderFamily):
    """Health."""

    path = "/api/builder/health"

    @route(access=Access.PUBLIC, answer=Health, also=(503,))
    async def get(self) -> None:
        """Say whether the server can do its work."""
        failed = self.app.problem is not None or self.app.require_runtime().failure is not None
        health = {"status": "unhealthy" if failed else "healthy", "version": API_VERSION}
        self.answer(health, status=503 if failed else 200)


class WorkflowsHandler(BuilderFamily):
    """All workflows."""

    path = "/api/builder/workflows"
    shape_code = "INVALID_WORKFLOW"

    @route(Scope.READ_CANVASES, query=ListQuery, answer=list[Summary])
    async def get(self) -> None:
        """List the caller's workflows, newest change first."""
        wanted = self.query(ListQuery)
        published = None if wanted.published is None else wanted.published == "true"
        found = await self.call(
            self.runtime.workflows.list(
                self.caller,
                tag=wanted.tag,
                name=wanted.name,
                published=published,
                limit=wanted.limit,
                offset=wanted.offset,
            )
        )
        self.answer([summary(stored) for stored in found])

    @route(Scope.WRITE_CANVAS, body=CreateBody, answer=FullWorkflow, status=201, refuses=(422,))
    async def post(self) -> None:
        """Create a workflow."""
        workflow, message, draft = await self.body(lambda body: (dialect_in(body).read_create(body), *_saving(body)))
        stored = await self.call(self.runtime.workflows.create(self.caller, workflow, message=message, draft=draft))
        self.answer(full(stored), ETag=etag(stored.version))


class WorkflowFamily(BuilderFamily):
    """A handler about one workflow."""

    shape_code = "INVALID_WORKFLOW"

    def expected_version(self) -> int | None:
        """Return the version named by ``If-Match``; None without the header or for ``*``."""
        header = self.request.headers.get("If-Match", "*").strip()
        if header == "*":
            return None
        number = header.strip('"')
        if not number.isdecimal() or len(number) > 9:
            raise malformed('must be "<version>"', "If-Match")
        return int(number)


class WorkflowHandler(WorkflowFamily):
    """One workflow."""

    path = "/api/builder/workflows/{workflow_id}"

    @route(Scope.READ_CANVASES, answer=FullWorkflow)
    async def get(self, workflow_id: str) -> None:
        """Get a workflow."""
        stored = await self.call(self.runtime.workflows.get(self.caller, workflow_id))
        self.answer(full(stored), ETag=etag(stored.version))

    @route(Scope.WRITE_CANVAS, body=UpdateBody, headers=IfMatch, answer=Updated, refuses=(409, 422))
    async def put(self, workflow_id: str) -> None:
        """Save a new version with some parts changed."""
        service = self.runtime.workflows
        current = await self.call(service.get(self.caller, workflow_id, permission=Permission.EDIT))
        dialect = dialect_of(current.workflow.profile)
        changes, message, draft = await self.body(lambda body: (dialect.read_update(body), *_saving(body)))
        stored = await self.call(
            service.update(
                self.caller, workflow_id, changes, message=message, draft=draft, expected=self.expected_version()
            )
        )
        updated = {
            "id": stored.id,
            "name": stored.workflow.name,
            "version": stored.version,
            "updated_at": iso_z(stored.updated_at),
        }
        self.answer(updated, ETag=etag(stored.version))

    @route(Scope.DELETE_CANVAS, headers=IfMatch, answer=Deleted, refuses=(409,))
    async def delete(self, workflow_id: str) -> None:
        """Delete a workflow with all its versions."""
        service = self.runtime.workflows
        await self.call(service.delete(self.caller, workflow_id, expected=self.expected_version()))
        self.answer({"message": "Workflow deleted successfully"})


class ValidateHandler(BuilderFamily):
    """Validation."""

    path = "/api/builder/validate"
    shape_code = "INVALID_WORKFLOW"

    @route(Scope.READ_CANVASES, body=GraphBody, query=ValidateQuery, answer=Verdict)
    async def post(self) -> None:
        """Judge a graph without saving it."""
        wanted = self.query(ValidateQuery)
        self.answer(await self.body(partial(self._judge, fixes=wanted.fixes == "true")))

    def _judge(self, value: Any, *, fixes: bool) -> dict[str, Any]:
        body = unwrap(value)
        dialect = dialect_in(body)
        nodes, edges = dialect.read_graph(body)
        workflow = Workflow(nodes=nodes, edges=edges, profile=dialect.profile)
        return result(self.runtime.workflows.findings(self.caller, workflow), fixes=fixes)


HANDLERS = (HealthHandler, WorkflowsHandler, WorkflowHandler, ValidateHandler)


def full(stored: WorkflowVersion, *, as_version: bool = False) -> dict[str, Any]:
    """Return a workflow as the Builder API shows it; nodes and edges as they were sent.

    ``as_version`` shows it as one of its versions; see `WorkflowVersion.marked`.
    """
    document = stored.marked(as_version=as_version).to_dict()
    return {
        "id": stored.id,
        "name": document["name"],
        "description": document["description"],
        "version": stored.version,
        "created_at": iso_z(stored.created_at),
        "updated_at": iso_z(stored.updated_at),
        "created_by": stored.owner,
        "nodes": document["nodes"],
        "edges": document["edges"],
        "metadata": {"tags": [], "deployed": False} | document["metadata"],
    } | ({"dialect": document["dialect"]} if "dialect" in document else {})


def summary(stored: WorkflowVersion) -> dict[str, Any]:
    """Return a workflow as the list shows it."""
    return {
        "id": stored.id,
        "name": stored.workflow.name,
        "description": stored.workflow.description,
        "version": stored.version,
        "created_at": iso_z(stored.created_at),
        "updated_at": iso_z(stored.updated_at),
        "node_count": len(stored.workflow.nodes),
        "tags": list(stored.workflow.tags),
    }


def dialect_in(body: Any) -> Dialect:
    """Return the dialect that a body says it is written in; the Builder API's when it says nothing."""
    name = body.get("dialect", "builder") if isinstance(body, dict) else "builder"
    try:
        return dialect_of(Profile(name))
    except ValueError:
        raise malformed(f"must be one of {', '.join(Profile)}", "dialect") from None


def _saving(body: dict[str, Any]) -> tuple[str | None, bool]:
    """Return the version's message and whether it is a draft."""
    message, draft = body.get("message"), body.get("draft", False)
    if message is not None and (not isinstance(message, str) or len(message) > MAX_MESSAGE):
        raise malformed(f"must be a text of at most {MAX_MESSAGE} characters", "message")
    if not isinstance(draft, bool):
        raise malformed("must be true or false", "draft")
    return message, draft


def etag(version: int) -> str:
    """Return the ``ETag`` of a workflow at a version."""
    return f'"{version}"'
