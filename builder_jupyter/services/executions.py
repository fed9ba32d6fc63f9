"""Run workflows and look at what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from builder_jupyter import ids
from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.events import Delta, to_wire
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import StepStatus, TriggerType
from builder_jupyter.identity.principal import Principal
from builder_jupyter.money import total
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Plan
from builder_jupyter.planning.planner import find_trigger, plan_trigger
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.storage.journal import DuckDBJournal
from builder_jupyter.validation import result

log = logging.getLogger(__name__)

KEPT_IN_MEMORY = 200
# A listener that is a little behind still gets the last pieces of text one by one.
KEPT_WITH_PIECES = 20
KEPT_PLANS = 256
EVENTS_PER_FRAME = 100


class ExecutionService:
    """What can be done with executions.

    Parameters
    ----------
    on_start : told the id of each execution before it begins, who starts it, and the token of the worker that asks.
    """

    def __init__(
        self, engine: Engine, journal: DuckDBJournal, workflows: WorkflowService, registry: Registry, *,
        on_start: Callable[[str, Principal, str | None], None] = lambda _id, _principal, _worker: None,
    ) -> None:  # fmt: skip
        self._on_start = on_start
        self._engine = engine
        self._journal = journal
        self._workflows = workflows
        self._registry = registry
        self._plans: OrderedDict[tuple[str, int, str | None], Plan] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()
        self._projecting: set[asyncio.Task[None]] = set()

    async def recover(self) -> int:
        """Go on with what an earlier process left unfinished; return how many executions that is."""
        # Projections come first: what is resumed may end meanwhile, and is then projected like any other.
        for execution_id in await self._journal.unprojected():
            run = await self._reload(execution_id)
            if run is not None and run.is_over:
                await self._project(run)
        unfinished = [await self._reload(execution_id) for execution_id in await self._journal.unfinished()]
        resumed = [run for run in unfinished if run is not None]
        for run in resumed:
            self._engine.resume(run)
        if resumed:
            log.info("resumed %d executions", len(resumed))
        return len(resumed)

    async def _reload(self, execution_id: str) -> Run | None:
        """Return an execution from the journal; one that cannot be read must not keep the others from going on."""
        try:
            return await self._engine.load(execution_id)
        except (LookupError, TypeError, ValueError):
            about = {"execution_id": execution_id}
            log.exception("execution %s cannot be read back and is left alone", execution_id, extra=about)
            return None

    async def start(
        self,
        principal: Principal,
        workflow_id: str,
        *,
        trigger_node: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        trigger: TriggerType = TriggerType.API,
        worker: str | None = None,
    ) -> Run:
        """Begin an execution of a stored workflow; return once it is on disk.

        ``trigger_node`` may be left out when the workflow has one trigger. ``worker`` is the token of the worker whose
        own client this is.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``, ``NODE_NOT_FOUND``, ``UNKNOWN_NODE_TYPE``.
        InvalidInput : the workflow or the trigger cannot run; see `planning.planner`.
        """
        plan = await self._plan(principal, workflow_id, trigger_node)
        execution_id = ids.execution_id()
        self._on_start(execution_id, principal, worker)  # first: a step may run before the admission is answered
        return await self._engine.admit(
            plan,
            execution_id=execution_id,
            workspace=principal.workspace,
            principal=principal.name,
            trigger=trigger,
            inputs=inputs or {},
        )

    async def _plan(self, principal: Principal, workflow_id: str, trigger_node: str | None) -> Plan:
        stored = await self._workflows.get(principal, workflow_id)
        key = (stored.id, stored.version, trigger_node)
        plan = self._plans.get(key)
        if plan is None:
            root = trigger_node or find_trigger(stored.workflow, registry=self._registry)
            plan = plan_trigger(stored.workflow, root, registry=self._registry, version=stored.version)
            verdict = result(self._workflows.findings(stored.workflow))
            if not verdict["valid"]:
                first = verdict["errors"][0]
                raise InvalidInput(f"The workflow cannot run: {first['message']}.", code=first["type"], details=verdict)
            self._plans[key] = plan
            if len(self._plans) > KEPT_PLANS:
                self._plans.popitem(last=False)
        return plan

    async def find(self, principal: Principal, execution_id: str) -> Run:
        """Return an execution of the principal's workspace. Raises `NotFound` (``EXECUTION_NOT_FOUND``)."""
        run = await self._engine.load(execution_id)
        if run is None or run.state.admitted.workspace != principal.workspace:
            raise NotFound("Execution not found", code="EXECUTION_NOT_FOUND")
        return run

    async def snapshot(self, principal: Principal, execution_id: str) -> dict[str, Any]:
        """Return the picture of an execution."""
        return await _picture(await self.find(principal, execution_id))

    async def wait(self, principal: Principal, execution_id: str, *, seconds: float | None = None) -> dict[str, Any]:
        """Wait for an execution to end, at most so many seconds; return its picture, ended or not."""
        run = await self.find(principal, execution_id)
        try:
            async with asyncio.timeout(seconds):
                await run.wait()
        except TimeoutError:
            log.debug("still running after %s s", seconds, extra={"execution_id": execution_id})
        return await _picture(run)

    async def cancel(self, principal: Principal, execution_id: str) -> dict[str, Any]:
        """Stop an execution and return its picture once that is on disk; a finished one stays as it is."""
        run = await self.find(principal, execution_id)
        self._engine.cancel(run, by=principal.name)
        await run.wait()
        return snapshot(run.state)

    async def events(
        self, principal: Principal, execution_id: str, *, after: int = 0
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        """Yield the events with ``seq > after`` in batches until the execution is over.

        Pieces of text come to those who follow while they are written; afterwards their sum is in the step.
        """
        run = await self.find(principal, execution_id)
        if run.status.is_terminal:
            finished = _wire(run, after)
            for begin in range(0, len(finished), EVENTS_PER_FRAME):
                yield finished[begin : begin + EVENTS_PER_FRAME]
            return
        async for batch in run.follow(after):
            for begin in range(0, len(batch), EVENTS_PER_FRAME):
                yield [to_wire(recorded) for recorded in batch[begin : begin + EVENTS_PER_FRAME]]

    async def history(self, principal: Principal, execution_id: str, *, after: int = 0) -> list[dict[str, Any]]:
        """Return the events so far with ``seq > after``; without pieces of text once the execution is over."""
        return _wire((await self.find(principal, execution_id)), after)

    async def list(
        self, principal: Principal, *, workflow_id: str | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """Return the newest executions of the principal's workspace in short, live ones included."""
        finished = await self._journal.finished(principal.workspace, workflow_id, limit)
        rows = {row["execution_id"]: _short_row(row) for row in finished}
        for run in list(self._engine.runs.values()):
            state = run.state
            if state.admitted.workspace == principal.workspace and workflow_id in (
                None,
                state.plan.workflow_id,
            ):
                rows[run.execution_id] = _short(state)
                await run.on_disk()
        newest = sorted(rows.values(), key=lambda row: (-row["createdAt"], row["executionId"]))
        return newest[:limit]

    @property
    def active(self) -> int:
        """How many executions are under way."""
        return sum(1 for run in self._engine.runs.values() if not run.is_over)

    # -- after the end -----------------------------------------------------------------------------------------

    def on_over(self, run: Run) -> None:
        """Project an execution that has ended, and let go of the oldest ones in memory."""
        task = asyncio.get_running_loop().create_task(self._project(run))
        self._projecting.add(task)
        task.add_done_callback(self._projected)
        self._over[run.execution_id] = None
        if len(self._over) > KEPT_WITH_PIECES:
            faded = self._engine.runs.get(list(self._over)[-KEPT_WITH_PIECES - 1])
            if faded is not None:
                faded.compact()
        while len(self._over) > KEPT_IN_MEMORY:
            oldest, _ = self._over.popitem(last=False)
            self._engine.runs.pop(oldest, None)

    async def _project(self, run: Run) -> None:
        await self._journal.project(*_rows(run.state))

    def _projected(self, task: asyncio.Task[None]) -> None:
        self._projecting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a projection failed and will be made at the next start: %s", error)

    async def settle(self) -> None:
        """Wait for projections under way."""
        await asyncio.gather(*self._projecting, return_exceptions=True)


def _wire(run: Run, after: int) -> list[dict[str, Any]]:
    """Return what has been published of a run; of one that is over what the journal has, wherever it is read from."""
    events = run.published(after)
    return [to_wire(event) for event in events if not (run.status.is_terminal and isinstance(event.event, Delta))]


async def _picture(run: Run) -> dict[str, Any]:
    """Return the picture of an execution once all that it shows is on disk."""
    picture = snapshot(run.state)
    await run.on_disk()
    return picture


def _short(state: ExecutionState) -> dict[str, Any]:
    picture = snapshot(state)
    names = (
        "executionId", "canvasId", "workflowName", "workflowVersion", "status", "triggerType", "createdAt",
        "startedAt", "finishedAt", "error",
    )  # fmt: skip
    return {name: picture[name] for name in names} | {"credits": picture["credits"]["charged"]}


def _short_row(row: Mapping[str, Any]) -> dict[str, Any]:
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
        "credits": float(row["credits"]),
    }


def _rows(state: ExecutionState) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """Return the projection rows of an execution: one for it, one for each visit of a step."""
    done = [v for v in state.visits.values() if v.status is StepStatus.COMPLETED]
    plan = state.plan
    execution = (
        state.execution_id, plan.workflow_id, plan.workflow_version, plan.workflow_name, state.admitted.workspace,
        state.admitted.principal, state.admitted.trigger, str(state.status), state.created_at, state.started_at,
        state.finished_at, total([state.planned(v).credits for v in done]),
        state.error["message"] if state.error else None,
    )  # fmt: skip
    steps = []
    for visit in state.visits.values():
        planned, usage = state.planned(visit), visit.result.usage if visit.result else None
        steps.append((
            state.execution_id, planned.node_id, visit.number, planned.node_type, str(visit.status), visit.attempt,
            visit.started_at, visit.finished_at, planned.credits if visit in done else 0,
            usage.model if usage else None, usage.input_tokens if usage else None,
            usage.output_tokens if usage else None, str(visit.skip_reason) if visit.skip_reason else None,
            visit.error["message"] if visit.error else None,
        ))  # fmt: skip
    return execution, steps
