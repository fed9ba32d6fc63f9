"""``/api/run``, ``/api/canvases``, ``/api/executions``, ``/api/verify-key``. Source: seed "REST API"."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.clock import epoch_ms
from builder_jupyter.execution.events import Origin
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderHandler
from builder_jupyter.rest.models import Loose, Snapshot, Whole
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.idempotency import KEY_SCHEMA, Begun
from builder_jupyter.services.keys import require_key
from builder_jupyter.services.planning import Entry
from builder_jupyter.services.rates import Bucket
from builder_jupyter.services.workers import WORKER_HEADER

IDEMPOTENCY_KEY: Any = Field(default=None, json_schema_extra={"anyOf": [KEY_SCHEMA, {"type": "null"}]})


class RunHeaders(BaseModel):
    """The caller's own key: the same request again, with the same key, is the same run."""

    idempotency_key: str | None = Field(default=None, alias="Idempotency-Key", json_schema_extra=KEY_SCHEMA)


class RunRequest(Loose):
    """What to run. ``timeoutSeconds`` bounds the waiting of a synchronous call, not the run.

    The outcome is sent to ``callbackUrl``.
    """

    canvasId: str = Field(min_length=1)  # noqa: N815 - the wire's names, here and below
    triggerNodeId: str = Field(min_length=1)  # noqa: N815
    inputs: dict[str, Any] = Field(default_factory=dict)
    sync: bool = False
    timeoutSeconds: Whole = Field(default=30, ge=1, le=55)  # noqa: N815
    callbackUrl: str | None = None  # noqa: N815
    idempotencyKey: str | None = IDEMPOTENCY_KEY  # noqa: N815

    @property
    def about(self) -> dict[str, Any]:
        """What is asked for. How long to wait for the answer, and how, is not."""
        named = {"canvasId", "triggerNodeId", "inputs"}
        return self.model_dump(include=named if self.callbackUrl is None else named | {"callbackUrl"})


class RunAccepted(BaseModel):
    """The run is on disk and under way. ``pending`` and ``status`` when a synchronous call ran out of time."""

    ok: bool
    executionId: str  # noqa: N815
    message: str
    status: str | None = None
    pending: bool | None = None


class ExecutionQuery(BaseModel):
    """Which execution."""

    executionId: str = Field(min_length=1)  # noqa: N815


class CanvasQuery(BaseModel):
    """Which canvases. One is archived whose ``metadata.archived`` is true."""

    includeArchived: bool = False  # noqa: N815


class Canvas(BaseModel):
    """A workflow in a list. ``updatedAt`` is epoch milliseconds."""

    id: str
    name: str
    workspaceId: str  # noqa: N815
    updatedAt: int  # noqa: N815


class CanvasList(BaseModel):
    """The workspace's workflows, newest change first."""

    canvases: list[Canvas]


class KeyInfo(BaseModel):
    """What a key opens."""

    ok: bool
    workspaceId: str  # noqa: N815
    scopes: list[str]


def mark_replay(handler: BuilderHandler, begun: Begun) -> None:
    """Tell a request that was sent before so, in a header of the answer."""
    if begun.is_replay:
        handler.set_header("X-Idempotent-Replay", "true")


class RunHandler(BuilderHandler):
    """Run a workflow."""

    path = "/api/run"

    @route(
        Scope.RUN_WORKFLOWS,
        body=RunRequest,
        headers=RunHeaders,
        answer=Snapshot | RunAccepted,
        status=202,
        also=(200,),
        refuses=(402, 404, 409),
        bucket=Bucket.RUN,
    )
    async def post(self) -> None:
        """Start a run; with ``sync`` wait for its end and answer its snapshot.

        The same request again, by its ``Idempotency-Key`` or for five minutes by what it says, finds the same run.
        """
        wanted = await self.model(RunRequest)
        begun, picture = await self.call(self._run(wanted))
        mark_replay(self, begun)
        accepted = {"ok": True, "executionId": begun.execution_id, "message": "Execution triggered"}
        if picture is None:
            self.answer(accepted)
        elif ExecutionStatus(picture["status"]).is_terminal:
            self.answer(picture, status=200)
        else:
            message = "Execution is still running; read it at /api/executions."
            self.answer(accepted | {"status": picture["status"], "pending": True, "message": message})

    async def _run(self, wanted: RunRequest) -> tuple[Begun, dict[str, Any] | None]:
        """Begin and, if so asked, wait: in one go, since each change of loops costs as much as a short run."""
        begun = await self.runtime.admissions.start(
            self.caller,
            wanted.canvasId,
            entry=Entry(node=wanted.triggerNodeId),
            inputs=wanted.inputs,
            about=wanted.about,
            origin=Origin(callback_url=wanted.callbackUrl),
            key=self.request.headers.get("Idempotency-Key", wanted.idempotencyKey),
            derive=True,
            worker=self.request.headers.get(WORKER_HEADER),
            toll=self.toll,
        )
        if not wanted.sync:
            return begun, None
        seconds = wanted.timeoutSeconds
        return begun, await self.runtime.executions.wait(self.caller, begun.execution_id, seconds=seconds)


class CanvasesHandler(BuilderHandler):
    """List workflows."""

    path = "/api/canvases"

    @route(Scope.READ_CANVASES, query=CanvasQuery, answer=CanvasList)
    async def get(self) -> None:
        """List the workspace's canvases, newest change first; archived ones only with ``includeArchived``."""
        wanted = self.query(CanvasQuery)
        found = await self.call(self.runtime.canvases.list(self.caller, include_archived=wanted.includeArchived))
        canvases = [
            {
                "id": stored.id,
                "name": stored.workflow.name,
                "workspaceId": stored.workspace,
                "updatedAt": epoch_ms(stored.updated_at),
            }
            for stored in found
        ]
        self.answer({"canvases": canvases})


class ExecutionsHandler(BuilderHandler):
    """Read an execution."""

    path = "/api/executions"

    @route(Scope.RUN_WORKFLOWS, query=ExecutionQuery, answer=Snapshot, refuses=(404,))
    async def get(self) -> None:
        """Read the status snapshot of one execution."""
        wanted = self.query(ExecutionQuery)
        self.answer(await self.call(self.runtime.executions.snapshot(self.caller, wanted.executionId)))


class VerifyKeyHandler(BuilderHandler):
    """Check a key."""

    path = "/api/verify-key"

    @route(access=Access.ANY_PRINCIPAL, answer=KeyInfo)
    async def get(self) -> None:
        """Confirm a key and return its workspace and scopes."""
        caller = self.caller
        require_key(caller)
        scopes = [str(scope) for scope in Scope if caller.may(scope)]
        self.answer({"ok": True, "workspaceId": caller.workspace, "scopes": scopes})


HANDLERS = (RunHandler, CanvasesHandler, ExecutionsHandler, VerifyKeyHandler)
