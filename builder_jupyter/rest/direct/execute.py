"""``/api/execute/start``: runs begun by hand in the studio. Source: seed "Running Workflows", spec §3.5.

``/api/execute/worker`` is the server's own, and what is left of ``/api/execute`` says that it is gone.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from builder_jupyter.errors import Gone, InvalidInput
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.planning.plan import Mode
from builder_jupyter.rest.direct.handlers import RunHeaders, mark_replay
from builder_jupyter.rest.handler import BuilderHandler
from builder_jupyter.rest.models import Loose
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.idempotency import EXECUTION_ID_SCHEMA
from builder_jupyter.services.planning import Entry
from builder_jupyter.services.rates import Bucket
from builder_jupyter.services.workers import WORKER_HEADER


def _left_out(name: str) -> dict[str, Any]:
    return {"properties": {name: {"type": "null"}}}


EXECUTION_ID: Any = Field(default=None, json_schema_extra={"anyOf": [EXECUTION_ID_SCHEMA, {"type": "null"}]})


class StartRequest(Loose):
    """What to run: a target node with what it needs, what a trigger node leads to, or the whole canvas."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_left_out("targetNodeId"), _left_out("triggerNodeId")]})

    canvasId: str = Field(min_length=1)  # noqa: N815 - the wire's names, here and below
    executionId: str | None = EXECUTION_ID  # noqa: N815
    targetNodeId: str | None = Field(default=None, min_length=1)  # noqa: N815
    triggerNodeId: str | None = Field(default=None, min_length=1)  # noqa: N815
    inputs: dict[str, Any] = Field(default_factory=dict)

    @property
    def entry(self) -> Entry:
        """Return what of the canvas is to run. Raises `InvalidInput` when two things are named."""
        if self.targetNodeId is not None and self.triggerNodeId is not None:
            raise InvalidInput("Name targetNodeId or triggerNodeId, not both.", code="TWO_ENTRIES")
        if self.targetNodeId is not None:
            return Entry(Mode.TARGET, self.targetNodeId)
        return Entry(Mode.CANVAS) if self.triggerNodeId is None else Entry(Mode.TRIGGER, self.triggerNodeId)


class StartHeaders(RunHeaders):
    """By hand is the only way to start a run here."""

    trigger_type: Literal[TriggerType.MANUAL] = Field(alias="X-Trigger-Type")


class Started(BaseModel):
    """The run is on disk and under way."""

    ok: bool
    executionId: str  # noqa: N815
    status: str


class StartHandler(BuilderHandler):
    """Manual runs."""

    path = "/api/execute/start"

    @route(
        Scope.RUN_WORKFLOWS,
        body=StartRequest,
        headers=StartHeaders,
        answer=Started,
        status=202,
        refuses=(404, 409),
        bucket=Bucket.RUN,
    )
    async def post(self) -> None:
        """Start a run by hand; the same ``Idempotency-Key`` or ``executionId`` again finds the same run."""
        self._check_trigger()
        wanted = await self.model(StartRequest)
        begun = await self.call(
            self.runtime.admissions.start(
                self.caller,
                wanted.canvasId,
                entry=wanted.entry,
                inputs=wanted.inputs,
                trigger=TriggerType.MANUAL,
                about=wanted.model_dump(),
                key=self.request.headers.get("Idempotency-Key"),
                execution_id=wanted.executionId,
                worker=self.request.headers.get(WORKER_HEADER),
                toll=self.toll,
            )
        )
        picture = await self.call(self.runtime.executions.snapshot(self.caller, begun.execution_id))
        started = {"ok": True, "executionId": begun.execution_id, "status": picture["status"]}
        mark_replay(self, begun)
        self.answer(started)

    def _check_trigger(self) -> None:
        given = self.request.headers.get("X-Trigger-Type")
        if given != TriggerType.MANUAL:
            said = "is missing" if given is None else "names another trigger"
            raise InvalidInput(
                f"The header X-Trigger-Type {said}; this route starts manual runs only.", code="INVALID_TRIGGER_TYPE"
            )


class WorkerHandler(BuilderHandler):
    """Dispatch of steps."""

    path = "/api/execute/worker"

    @route(access=Access.INTERNAL)
    async def post(self) -> None:
        """Refuse: steps are dispatched inside the server, never from outside."""


class RetiredHandler(BuilderHandler):
    """The combined route of before."""

    async def prepare(self, **kwargs: Any) -> None:
        """Say that it is gone, whoever asks and however."""
        del kwargs
        raise Gone("This route is retired.", code="RETIRED", hint="Start runs at /api/execute/start or /api/run.")


HANDLERS = (StartHandler, WorkerHandler)
