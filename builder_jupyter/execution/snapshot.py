"""The published picture of an execution. Source: spec builder-studio §7.7; times are epoch milliseconds."""

from __future__ import annotations

from typing import Any

from builder_jupyter.execution.events import usage_wire
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import ExecutionStatus, StepStatus
from builder_jupyter.execution.view import final_output
from builder_jupyter.execution.visit import Visit
from builder_jupyter.money import as_number, total
from builder_jupyter.planning.plan import PlannedStep


def snapshot(state: ExecutionState) -> dict[str, Any]:
    """Return an execution as clients read it: one entry a visit under ``steps``, in the order of the plan."""
    visits: dict[int, list[Visit]] = {}
    for visit in state.visits.values():
        visits.setdefault(visit.step, []).append(visit)
    steps = [
        _step(planned, visit)
        for index, planned in enumerate(state.plan.steps)
        for visit in visits.get(index, [Visit(index, (), 0, number=1)])
    ]
    return {
        "executionId": state.execution_id,
        "canvasId": state.plan.workflow_id,
        "workflowName": state.plan.workflow_name,
        "workflowVersion": state.plan.workflow_version,
        "workspaceId": state.admitted.workspace,
        "status": str(state.status),
        "triggerType": state.admitted.trigger,
        "triggerNodeId": state.plan.root,
        "inputs": state.admitted.inputs,
        "createdAt": state.created_at,
        "startedAt": state.started_at,
        "finishedAt": state.finished_at,
        "error": state.error,
        "steps": steps,
        "outputs": _outputs(state),
        "output": final_output(state),
        "waitingOn": next((waitpoint(state, visit) for visit in state.waiting), None),
        "waitpoints": [waitpoint(state, visit) for visit in state.waiting],
        "credits": _credits(state) | _saved(state),
        "replayOf": state.admitted.replay_of,
        "replayFromStepId": state.admitted.replay_from[0] if state.admitted.replay_from else None,
        "parent": dict(zip(("executionId", "stepId", "visit"), state.admitted.parent or (), strict=False)) or None,
        "callback": None if state.admitted.callback_url is None else pending_callback(),
    }


def pending_callback() -> dict[str, Any]:
    """Return how a callback stands of which no attempt has been made. Source: spec builder-studio §6.1."""
    return {"state": "pending", "attempts": 0, "lastStatus": None}


def _credits(state: ExecutionState) -> dict[str, Any]:
    """Return what was charged, and what of it was given back because the execution did not complete. Source: §9.3."""
    if state.status in (ExecutionStatus.ERROR, ExecutionStatus.CANCELLED):
        return {"charged": as_number(state.held), "refunded": as_number(state.released)}
    return {"charged": as_number(state.spent), "refunded": 0}


def _saved(state: ExecutionState) -> dict[str, Any]:
    """Return what a replay did not spend again."""
    if state.admitted.replay_of is None:
        return {}
    return {"saved": as_number(total([state.planned(v).credits for v in state.visits.values() if v.reused]))}


def _step(planned: PlannedStep, visit: Visit) -> dict[str, Any]:
    result, error = visit.result, dict(visit.error or {})
    display = error.pop("display", [])
    return {
        "stepId": planned.node_id,
        "nodeId": planned.node_id,
        "nodeType": planned.node_type,
        "name": planned.node.label,
        "visit": visit.number,
        "status": str(visit.status),
        "group": planned.wave,
        "attempt": visit.attempt,
        "startedAt": visit.started_at,
        "finishedAt": visit.finished_at,
        "credits": as_number(planned.credits) if visit.status is StepStatus.COMPLETED and not visit.reused else 0,
        "saved": as_number(planned.credits) if visit.reused else 0,
        "reused": visit.reused,
        "outputs": {port: value.to_dict() for port, value in result.outputs.items()} if result else {},
        "text": visit.text or None,
        "usage": usage_wire(result.usage) if result else None,
        "result": result.result if result else None,
        "display": [dict(bundle) for bundle in result.display] if result else display,
        "calls": visit.all_calls,
        "error": error or None,
        "skipReason": str(visit.skip_reason) if visit.skip_reason else None,
        "retryAt": visit.due if visit.status is StepStatus.PENDING else None,
    }


def _outputs(state: ExecutionState) -> dict[str, Any]:
    """Return the outputs of the steps that nothing in the plan follows."""
    return {
        state.plan.steps[step].node_id: {port: value.to_dict() for port, value in visit.result.outputs.items()}
        for step, visit in state.last_visits().items()
        if not state.topology.outgoing[step] and visit.result is not None
    }


def waitpoint(state: ExecutionState, visit: Visit) -> dict[str, Any]:
    """Return what a waiting visit waits for."""
    event = visit.waitpoint
    if event is None:
        raise TypeError("the visit waits for nothing")
    return {
        "waitpointId": event.waitpoint_id,
        "executionId": state.execution_id,
        "stepId": event.step,
        "visit": event.visit,
        "kind": event.waits_for,
        "provider": event.request.get("provider"),
        "request": event.request,
        "deadlineAt": event.deadline,
        "pollAt": event.poll_at,
    } | ({"provider": event.request.get("provider")} if event.waits_for == "provider-poll" else {})
