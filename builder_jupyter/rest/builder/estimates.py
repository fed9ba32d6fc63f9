"""What a run would cost. Not in the seeds; what the notebook and the canvas say before a run."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from builder_jupyter.graph.dialects import unwrap
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.planning.plan import Mode
from builder_jupyter.rest.builder.workflows import GraphBody, dialect_in
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import route
from builder_jupyter.services.planning import Entry


class EntryQuery(BaseModel):
    """Where the run would begin: a trigger, or a node with what it needs; else at the only trigger."""

    trigger: str | None = None
    target: str | None = None


class EstimateBody(GraphBody):
    """A graph, saved or not."""


class StepEstimate(Loose):
    """What is set aside for one visit of a step, with the workflow that it runs."""

    stepId: str  # noqa: N815 - the wire's names, here and below
    nodeType: str  # noqa: N815
    name: str
    credits: float
    mayRepeat: bool  # noqa: N815


class Estimate(BaseModel):
    """What is set aside for a run: it costs no more unless something repeats."""

    credits: float
    mayRepeat: bool  # noqa: N815
    steps: list[StepEstimate]


class EstimateHandler(BuilderFamily):
    """Estimates."""

    path = "/api/builder/estimate"
    shape_code = "INVALID_WORKFLOW"

    @route(Scope.READ_CANVASES, body=EstimateBody, query=EntryQuery, answer=Estimate, refuses=(404,))
    async def post(self) -> None:
        """Say what a run of a graph would cost, without saving or running it."""
        wanted = self.query(EntryQuery)
        entry = Entry(node=wanted.trigger)
        if wanted.target is not None:
            entry = Entry(Mode.TARGET, wanted.target)
        workflow = await self.body(_read)
        self.answer(await self.call(self.runtime.executions.estimate(self.caller, workflow, entry=entry)))


HANDLERS = (EstimateHandler,)


def _read(value: Any) -> Workflow:
    body = unwrap(value)
    dialect = dialect_in(body)
    nodes, edges = dialect.read_graph(body)
    return Workflow(nodes=nodes, edges=edges, profile=dialect.profile)
