"""Executions: list, read, cancel, replay. Not in the seeds; what the notebook needs beside ``/api/run``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.money import as_number
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import WHOLE, Loose, Snapshot
from builder_jupyter.rest.routing import route
from builder_jupyter.services.workers import WORKER_HEADER


class ExecutionListQuery(BaseModel):
    """Filters. ``text``, in whatever case, is part of the workflow's name, of the id or of the error."""

    workflow_id: str | None = None
    status: ExecutionStatus | None = None
    text: str = Field(default="", max_length=200)
    limit: int = Field(default=50, ge=1, le=1000)


class ExecutionList(BaseModel):
    """Executions in short, newest first."""

    executions: list[dict[str, Any]]


class ExecutionListHandler(BuilderFamily):
    """All executions."""

    path = "/api/builder/executions"

    @route(Scope.READ_CANVASES, Scope.RUN_WORKFLOWS, query=ExecutionListQuery, answer=ExecutionList)
    async def get(self) -> None:
        """List the workspace's executions, live ones included."""
        wanted = self.query(ExecutionListQuery)
        found = await self.call(
            self.runtime.executions.list(
                self.caller,
                workflow_id=wanted.workflow_id,
                status=wanted.status,
                text=wanted.text,
                limit=wanted.limit,
            )
        )
        self.answer({"executions": found})


class ExecutionHandler(BuilderFamily):
    """One execution."""

    path = "/api/builder/executions/{execution_id}"

    @route(Scope.RUN_WORKFLOWS, answer=Snapshot)
    async def get(self, execution_id: str) -> None:
        """Read an execution."""
        self.answer(await self.call(self.runtime.executions.snapshot(self.caller, execution_id)))


class CancelHandler(BuilderFamily):
    """Cancellation."""

    path = "/api/builder/executions/{execution_id}/cancel"

    @route(Scope.RUN_WORKFLOWS, answer=Snapshot)
    async def post(self, execution_id: str) -> None:
        """Cancel an execution; one that is over stays as it is."""
        self.answer(await self.call(self.runtime.executions.cancel(self.caller, execution_id)))


class ReplayBody(Loose):
    """What to carry out again: all, or from a step on. ``inputs`` and ``edits`` (by step) change what was before it."""

    fromStepId: str | None = None  # noqa: N815 - the wire's names, here and below
    visit: Annotated[int, Field(ge=1), WHOLE] | None = None
    inputs: dict[str, Any] | None = None
    edits: dict[str, Any] | None = None


class Replayed(BaseModel):
    """The replay is on disk and under way. ``saved``: the credits that it need not spend again."""

    ok: bool
    executionId: str  # noqa: N815
    saved: float


class ReplayHandler(BuilderFamily):
    """Replay."""

    path = "/api/builder/executions/{execution_id}/replay"

    @route(Scope.RUN_WORKFLOWS, body=ReplayBody, answer=Replayed, status=202, refuses=(402, 409))
    async def post(self, execution_id: str) -> None:
        """Run an execution's plan again, whole or from a step on."""
        wanted = await self.model(ReplayBody)
        run, saved = await self.call(
            self.runtime.executions.replay(
                self.caller,
                execution_id,
                from_step=wanted.fromStepId,
                visit=wanted.visit,
                inputs=wanted.inputs,
                edits=wanted.edits,
                worker=self.request.headers.get(WORKER_HEADER),
            )
        )
        self.answer({"ok": True, "executionId": run.execution_id, "saved": as_number(saved)})


class NodeResults(BaseModel):
    """By node id: ``{executionId, visit, status, text, offset, outputs, error, usage, credits, startedAt, at}``."""

    results: dict[str, dict[str, Any]]


class ResultsHandler(BuilderFamily):
    """Results beside a workflow."""

    path = "/api/builder/workflows/{workflow_id}/results"

    @route(Scope.READ_CANVASES, Scope.RUN_WORKFLOWS, answer=NodeResults)
    async def get(self, workflow_id: str) -> None:
        """Read the last result of each node of a workflow, over its newest executions."""
        self.answer({"results": await self.call(self.runtime.results.results(self.caller, workflow_id))})


HANDLERS = (ExecutionListHandler, ExecutionHandler, CancelHandler, ReplayHandler, ResultsHandler)
