"""Tools that judge, start, follow and stop runs. What is started here has the trigger type ``mcp``."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any

from pydantic import Field

from builder_jupyter.errors import BuilderError, InvalidInput, NotFound
from builder_jupyter.execution.events import Origin
from builder_jupyter.execution.status import ExecutionStatus, StepStatus, TriggerType
from builder_jupyter.gateway.executions import EXECUTION_TOOLS, Execution, execution_of
from builder_jupyter.gateway.nodes import node_of
from builder_jupyter.gateway.shapes import Id, OnCanvas, Whole
from builder_jupyter.gateway.tool import REACH_OUT, Args, Call, Result, tool
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.money import as_number
from builder_jupyter.planning.plan import Mode
from builder_jupyter.services.planning import ITS_TRIGGER, Entry
from builder_jupyter.validation import result

PENDING = "Execution is still running; read it with get_execution_status."
STARTED = "Execution triggered"
ENDED = "Execution has ended"


class ValidateArgs(OnCanvas):
    """What is to run: from a trigger node, or for any other node what it needs. The canvas' trigger when left out."""

    node_id: Id | None = None


class Issue(Result):
    """What is wrong. Errors keep a workflow from running, warnings do not."""

    code: str
    severity: str
    message: str
    node_id: str | None = None


class Step(Result):
    """A step of the plan; steps of one group have no order among them."""

    step_id: str
    node_type: str
    group: int
    credits: float


class Preview(Result):
    """What would run, and what it may cost when every step runs once."""

    canvas_id: str
    valid: bool
    issues: list[Issue]
    steps: list[Step]
    total_credits: float


@tool("Validate a workflow", Scope.READ_CANVASES)
async def validate_workflow(call: Call, args: ValidateArgs) -> Preview:
    """Judge a canvas and preview its plan: what would run in which order, and what it may cost. Nothing is run."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    entry = ITS_TRIGGER
    if args.node_id is not None:
        kind = call.runtime.registry.find(stored.workflow.profile, node_of(stored.workflow, args.node_id).type)
        entry = Entry(Mode.TRIGGER if kind is not None and kind.is_trigger else Mode.TARGET, args.node_id)
    verdict = result(call.runtime.workflows.findings(call.principal, stored.workflow))
    issues = [
        Issue(code=one["type"], severity=one["severity"], message=one["message"], node_id=one.get("node_id"))
        for one in (*verdict["errors"], *verdict["warnings"])
    ]
    steps: list[Step] = []
    cost: float = 0
    if verdict["valid"]:
        try:
            plan = await call.runtime.executions.plans.plan(call.principal, stored.id, entry)
        except (InvalidInput, NotFound) as error:
            issues.append(Issue(code=error.code, severity="error", message=str(error), node_id=_node_in(error)))
        else:
            cost = as_number(plan.total_credits)
            steps = [
                Step(step_id=one.node_id, node_type=one.node_type, group=one.wave, credits=as_number(one.credits))
                for one in plan.steps
            ]
    is_valid = all(issue.severity != "error" for issue in issues)
    return Preview(canvas_id=stored.id, valid=is_valid, issues=issues, steps=steps, total_credits=cost)


def _node_in(error: BuilderError) -> str | None:
    return error.details.get("nodeId") if isinstance(error.details, dict) else None


class TriggerArgs(OnCanvas):
    """What to run and whether to wait. ``timeoutSeconds`` bounds the waiting, not the run."""

    trigger_node_id: Id | None = None
    target_node_id: Id | None = None
    inputs: dict[str, Any] = Field(default_factory=dict)
    sync: bool = False
    timeout_seconds: Annotated[Whole, Field(ge=1, le=55)] = 30
    callback_url: Annotated[str | None, Field(max_length=2048)] = None
    idempotency_key: Annotated[str | None, Field(min_length=1, max_length=255)] = None

    @property
    def entry(self) -> Entry:
        """What of the canvas is to run. Raises `InvalidInput` when two things are named."""
        if self.trigger_node_id is not None and self.target_node_id is not None:
            raise InvalidInput("Name targetNodeId or triggerNodeId, not both.", code="TWO_ENTRIES")
        return Entry(Mode.TARGET, self.target_node_id) if self.target_node_id else Entry(node=self.trigger_node_id)


class Triggered(Result):
    """A run that is under way or over. ``execution`` is there once a call has waited for it to end."""

    execution_id: str
    status: str
    pending: bool
    replayed: bool
    message: str
    execution: Execution | None


@tool("Run a workflow", Scope.RUN_WORKFLOWS, hints=REACH_OUT)
async def trigger_workflow(call: Call, args: TriggerArgs) -> Triggered:
    """Run a canvas from a trigger node, or for a target node what it needs; without either from its only trigger.

    With ``sync`` wait for the end, at most ``timeoutSeconds``; progress is told meanwhile to who asks for it. A call
    that is cancelled or gives up leaves the run alone: stop it with cancel_execution. The outcome is sent to
    ``callbackUrl``. The same ``idempotencyKey`` again
    is the same run.
    """
    said = args.model_dump(include={"canvas_id", "trigger_node_id", "target_node_id", "inputs", "callback_url"})
    begun = await call.runtime.admissions.start(
        call.principal,
        args.canvas_id,
        entry=args.entry,
        inputs=args.inputs,
        trigger=TriggerType.MCP,
        about=said,
        key=args.idempotency_key,
        worker=call.worker,
        origin=Origin(callback_url=args.callback_url),
    )
    seconds = args.timeout_seconds if args.sync else 0
    picture = await wait_for(call, begun.execution_id, seconds)
    is_over = ExecutionStatus(picture["status"]).is_terminal
    return Triggered(
        execution_id=begun.execution_id,
        status=picture["status"],
        pending=not is_over,
        replayed=begun.is_replay,
        message=ENDED if is_over else PENDING if args.sync else STARTED,
        execution=execution_of(picture) if args.sync and is_over else None,
    )


async def wait_for(call: Call, execution_id: str, seconds: float) -> dict[str, Any]:
    """Wait for an execution to end, at most so many seconds; report each step that is over. Return its picture."""
    executions, told = call.runtime.executions, -1
    picture = await executions.snapshot(call.principal, execution_id)
    if seconds <= 0:
        return picture
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            events = executions.events(call.principal, execution_id)
            async with contextlib.aclosing(events) as batches:
                async for _batch in batches:
                    picture = await executions.snapshot(call.principal, execution_id)
                    over = [step for step in picture["steps"] if StepStatus(step["status"]).is_terminal]
                    if len(over) > told:
                        told = len(over)
                        names = ", ".join(step["name"] for step in over)
                        call.report(told, len(picture["steps"]), f"{picture['status']}: {names}" if names else "")
    return await executions.snapshot(call.principal, execution_id)


class ReplayArgs(Args):
    """Which execution, and from which step on; the whole when left out."""

    execution_id: Id
    from_step_id: Id | None = None


class Replayed(Result):
    """The new execution; ``saved_credits`` need not be spent again."""

    execution_id: str
    replay_of: str
    status: str
    saved_credits: float


@tool("Replay an execution", Scope.RUN_WORKFLOWS, hints=REACH_OUT)
async def replay_execution(call: Call, args: ReplayArgs) -> Replayed:
    """Run the plan of a finished execution again: the whole, or from a step on with what came before taken over."""
    run, saved = await call.runtime.executions.replay(
        call.principal, args.execution_id, from_step=args.from_step_id, worker=call.worker
    )
    return Replayed(
        execution_id=run.execution_id,
        replay_of=args.execution_id,
        status=str(run.status),
        saved_credits=as_number(saved),
    )


TOOLS = (validate_workflow, trigger_workflow, *EXECUTION_TOOLS, replay_execution)
