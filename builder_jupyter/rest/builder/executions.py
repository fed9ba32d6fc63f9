"""Executions: list, read, cancel. Not in the seeds; what the notebook needs beside ``/api/run``."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Snapshot
from builder_jupyter.rest.routing import route


class ExecutionListQuery(BaseModel):
    """Filters."""

    workflow_id: str | None = None
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
            self.runtime.executions.list(self.caller, workflow_id=wanted.workflow_id, limit=wanted.limit)
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


HANDLERS = (ExecutionListHandler, ExecutionHandler, CancelHandler)
