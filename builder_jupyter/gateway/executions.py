"""Tools that read executions and stop them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.gateway.shapes import Id, Whole, part
from builder_jupyter.gateway.tool import SET, Args, Call, Result, tool
from builder_jupyter.identity.scopes import Scope

STATUSES = tuple(str(status) for status in ExecutionStatus)


class OnExecution(Args):
    """Names an execution."""

    execution_id: Id


class StepShown(Result):
    """A visit of a step, without what it left behind."""

    step_id: str
    node_type: str
    visit: int
    status: str
    group: int
    attempt: int
    started_at: int | None
    finished_at: int | None
    credits: float
    error: dict[str, Any] | None
    skip_reason: str | None


class ExecutionShort(Result):
    """An execution in a list. Times are epoch milliseconds."""

    execution_id: str
    canvas_id: str
    workflow_name: str
    status: str
    trigger_type: str
    created_at: int
    started_at: int | None
    finished_at: int | None
    error: dict[str, Any] | None
    waiting_on: dict[str, Any] | None


class Execution(ExecutionShort):
    """An execution with its steps, and what the last of them left behind."""

    trigger_node_id: str
    inputs: dict[str, Any]
    steps: list[StepShown]
    outputs: dict[str, dict[str, Any]]
    output: Any
    credits: dict[str, float]


class Executions(Result):
    """Executions, newest first."""

    executions: list[ExecutionShort]


class Outputs(Result):
    """What steps left behind: by step and by port ``{type, value}``; ``text`` is what each wrote."""

    execution_id: str
    status: str
    outputs: dict[str, dict[str, Any]]
    texts: dict[str, str]
    output: Any


@tool("Read an execution", Scope.RUN_WORKFLOWS, Scope.READ_CANVASES)
async def get_execution_status(call: Call, args: OnExecution) -> Execution:
    """Read how an execution stands: its status, every step, what it waits for and what it left behind."""
    return execution_of(await call.runtime.executions.snapshot(call.principal, args.execution_id))


class ListArgs(Args):
    """Which executions."""

    canvas_id: Id | None = None
    status: Annotated[str | None, Field(json_schema_extra={"enum": [*STATUSES, None]})] = None
    limit: Annotated[Whole, Field(ge=1, le=100)] = 20


@tool("List executions", Scope.RUN_WORKFLOWS, Scope.READ_CANVASES)
async def list_executions(call: Call, args: ListArgs) -> Executions:
    """List the newest executions of the workspace, those under way included."""
    if args.status is not None and args.status not in STATUSES:
        raise InvalidInput(f"status must be one of {', '.join(STATUSES)}.", code="INVALID_ARGUMENTS")
    found = await call.runtime.executions.list(
        call.principal,
        workflow_id=args.canvas_id,
        status=None if args.status is None else ExecutionStatus(args.status),
        limit=args.limit,
    )
    return Executions(executions=[part(ExecutionShort, row) for row in found])


class OutputArgs(OnExecution):
    """Which step; those that nothing follows when left out."""

    step_id: Id | None = None


@tool("Read outputs", Scope.RUN_WORKFLOWS)
async def get_execution_outputs(call: Call, args: OutputArgs) -> Outputs:
    """Read what an execution left behind: the outputs of the steps that nothing follows, or of one step."""
    picture = await call.runtime.executions.snapshot(call.principal, args.execution_id)
    steps = [step for step in picture["steps"] if args.step_id in (None, step["stepId"])]
    if not steps and args.step_id is not None:
        raise NotFound(f"The execution has no step {args.step_id!r}.", code="STEP_NOT_FOUND")
    if args.step_id is None:
        outputs = picture["outputs"]
        steps = [step for step in steps if step["stepId"] in outputs]
    else:
        outputs = {step["stepId"]: step["outputs"] for step in steps}
    return Outputs(
        execution_id=picture["executionId"],
        status=picture["status"],
        outputs=outputs,
        texts={step["stepId"]: step["text"] for step in steps if step["text"]},
        output=picture["output"],
    )


@tool("Cancel an execution", Scope.RUN_WORKFLOWS, hints=SET)
async def cancel_execution(call: Call, args: OnExecution) -> Execution:
    """Stop an execution: what has not begun is skipped. One that is over stays as it is."""
    return execution_of(await call.runtime.executions.cancel(call.principal, args.execution_id))


def execution_of(picture: Mapping[str, Any]) -> Execution:
    """Return the part of an execution's picture that tools tell."""
    steps = [part(StepShown, step) for step in picture["steps"]]
    return part(Execution, {**picture, "steps": steps})


EXECUTION_TOOLS = (get_execution_status, list_executions, get_execution_outputs, cancel_execution)
