"""Executions in short, for lists, and as rows, for the tables that SQL users read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder_jupyter.execution.snapshot import waitpoint
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import ExecutionStatus, StepStatus
from builder_jupyter.money import as_number


def short(state: ExecutionState) -> dict[str, Any]:
    """Return a live execution in short."""
    return {
        "executionId": state.execution_id,
        "canvasId": state.plan.workflow_id,
        "workflowName": state.plan.workflow_name,
        "workflowVersion": state.plan.workflow_version,
        "status": str(state.status),
        "triggerType": state.admitted.trigger,
        "createdAt": state.created_at,
        "startedAt": state.started_at,
        "finishedAt": state.finished_at,
        "error": state.error,
        "waitingOn": next((waitpoint(state, visit) for visit in state.waiting), None),
        "credits": as_number(state.spent),
    }


def short_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finished execution in short, from its row."""
    return {
        "executionId": row["execution_id"],
        "canvasId": row["workflow_id"],
        "workflowName": row["workflow_name"],
        "workflowVersion": row["workflow_version"],
        "status": row["status"],
        "triggerType": row["trigger_type"],
        "createdAt": row["created_at"],
        "startedAt": row["started_at"],
        "finishedAt": row["finished_at"],
        "error": {"message": row["error"]} if row["error"] else None,
        "waitingOn": None,
        "credits": float(row["credits"]),
    }


def matches(state: ExecutionState, workflow_id: str | None, status: ExecutionStatus | None, text: str) -> bool:
    """Say of a live execution what `DuckDBJournal.finished` says of a row."""
    error = state.error["message"] if state.error else ""
    searched = f"{state.plan.workflow_name} {state.execution_id} {error}".lower()
    return workflow_id in (None, state.plan.workflow_id) and status in (None, state.status) and text.lower() in searched


def rows(state: ExecutionState) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """Return the rows of an execution: one for it, one for each visit of a step."""
    plan, admitted = state.plan, state.admitted
    execution = (
        state.execution_id, plan.workflow_id, plan.workflow_version, plan.workflow_name, admitted.workspace,
        admitted.principal, admitted.trigger, str(state.status), state.created_at, state.started_at,
        state.finished_at, state.spent, state.error["message"] if state.error else None,
        admitted.parent[0] if admitted.parent else None,
    )  # fmt: skip
    steps = []
    for visit in state.visits.values():
        planned, usage = state.planned(visit), visit.result.usage if visit.result else None
        is_paid = visit.status is StepStatus.COMPLETED and not visit.reused
        steps.append((
            state.execution_id, planned.node_id, visit.number, planned.node_type, str(visit.status), visit.attempt,
            visit.started_at, visit.finished_at, planned.credits if is_paid else 0,
            usage.model if usage else None, usage.input_tokens if usage else None,
            usage.output_tokens if usage else None, str(visit.skip_reason) if visit.skip_reason else None,
            visit.error["message"] if visit.error else None,
        ))  # fmt: skip
    return execution, steps
