"""The last result of each node: what a canvas shows before anybody runs it again. Beside the workflow, never in it."""

from __future__ import annotations

from typing import Any

from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.events import usage_wire
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.status import StepStatus
from builder_jupyter.execution.visit import Visit
from builder_jupyter.graph.model import PortType
from builder_jupyter.identity.principal import Principal
from builder_jupyter.money import as_number
from builder_jupyter.services.executions import ExecutionService
from builder_jupyter.services.workflows import WorkflowService

NEWEST = 20
"""How many executions are looked through, from the newest back. A node that none of them reached has no result."""

TAIL = 600
_RESULTS = (StepStatus.COMPLETED, StepStatus.ERROR)


class ResultService:
    """Reads results out of the journal."""

    def __init__(self, engine: Engine, executions: ExecutionService, workflows: WorkflowService) -> None:
        self._engine = engine
        self._executions = executions
        self._workflows = workflows

    async def results(self, principal: Principal, workflow_id: str) -> dict[str, dict[str, Any]]:
        """Return by node id how the node ended last; of its text the end. Raises `NotFound`."""
        stored = await self._workflows.get(principal, workflow_id)
        missing = {node.id for node in stored.workflow.nodes}
        found: dict[str, dict[str, Any]] = {}
        for row in await self._executions.list(principal, workflow_id=workflow_id, limit=NEWEST):
            run = await self._engine.load(row["executionId"]) if missing else None
            if run is None:
                break
            latest = {run.state.planned(v).node_id: v for v in run.state.visits.values() if v.status in _RESULTS}
            found |= {node: _result(run, visit) for node, visit in latest.items() if node in missing}
            missing -= latest.keys()
            await run.on_disk()
        return found


def _outputs(visit: Visit) -> dict[str, Any]:
    """Return what a step left at its ports, its text apart, which is told beside."""
    outputs = visit.result.outputs if visit.result is not None else {}
    return {port: value.to_dict() for port, value in outputs.items() if value.type is not PortType.TEXT}


def _result(run: Run, visit: Visit) -> dict[str, Any]:
    text = (visit.result.text if visit.result is not None else "") or visit.text
    offset = max(0, len(text) - TAIL)
    is_charged = visit.status is StepStatus.COMPLETED and not visit.reused
    return {
        "executionId": run.execution_id,
        "visit": visit.number,
        "status": str(visit.status),
        "text": text[offset:],
        "offset": offset,
        "error": visit.error,
        "outputs": _outputs(visit),
        "usage": usage_wire(visit.result.usage) if visit.result is not None else None,
        "credits": as_number(run.state.planned(visit).credits) if is_charged else 0,
        "startedAt": visit.started_at,
        "at": visit.finished_at,
    }
