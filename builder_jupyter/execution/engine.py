"""The impure hands: perform what `decide` commands, and record what came of it.

Pure steps run at once, ahead of the disk. A step that touches the world starts only when everything recorded before it
is on disk, and nothing leaves the process (an answer, an event to a listener) before its own record is. Everything here
runs on one event loop; nothing is locked because nothing is shared.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock, epoch_ms
from builder_jupyter.errors import BuilderError, InvalidInput, OutputInvalid, StepError, StepTimeout, Unavailable
from builder_jupyter.execution.decide import Abort, SetStatus, Skip, Start, decide
from builder_jupyter.execution.events import (
    Admitted,
    CancelRequested,
    Delta,
    Event,
    Recorded,
    StatusChanged,
    StepCompleted,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepWaiting,
    event_of,
)
from builder_jupyter.execution.executors import HERE, Executor
from builder_jupyter.execution.ports import Entry, Journal
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.state import ExecutionState, Visit
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.execution.view import VisibleState, port_values
from builder_jupyter.nodes.base import Effect, NodeType, Place, StepContext, StepResult, Tools, Wait
from builder_jupyter.nodes.chat import ChatModels
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Plan

log = logging.getLogger(__name__)

STEPS_AT_A_TIME = 500
SEQ_AFTER_RECOVERY = 1 << 20
PLAN_KIND = "plan"


@dataclass(frozen=True)
class World:
    """What steps reach out to, and what they are."""

    registry: Registry
    models: ChatModels
    tools: Tools
    executors: Mapping[Place, Executor] = field(default_factory=lambda: dict(HERE))


class Engine:
    """Runs executions on the running event loop.

    Parameters
    ----------
    on_over : called with each run when its terminal status is on disk.
    """

    def __init__(
        self,
        journal: Journal,
        world: World,
        clock: Clock,
        *,
        on_over: Callable[[Run], None] = lambda _run: None,
    ) -> None:
        self._journal = journal
        self._world = world
        self._clock = clock
        self._on_over = on_over
        self._stored_plans: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self.runs: dict[str, Run] = {}

    async def admit(
        self,
        plan: Plan,
        *,
        workspace: str,
        principal: str,
        trigger: TriggerType,
        inputs: Mapping[str, Any],
        execution_id: str | None = None,
    ) -> Run:
        """Begin an execution; return once its admission is on disk.

        Raises
        ------
        InvalidInput : ``INVALID_INPUTS``: the inputs are not JSON (NaN, infinity, too deep).
        Unavailable : the journal takes no more entries.
        """
        event = Admitted(plan.plan_id, workspace, principal, str(trigger), dict(inputs))
        first = Recorded(execution_id or ids.execution_id(), 1, self._now(), event)
        try:
            entry = _entry(first)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"The inputs cannot be recorded: {error}.", code="INVALID_INPUTS") from error
        run = Run(ExecutionState(plan, first))
        if plan.plan_id not in self._stored_plans:
            run.unwritten.append(Entry(plan.plan_id, 1, first.at, PLAN_KIND, json.dumps(plan.to_dict())))
        run.unwritten.append(entry)
        run.enqueue(first)
        self.runs[run.execution_id] = run
        admitted = self._flush(run)
        self._advance(run)
        try:
            await asyncio.shield(admitted)
        except BuilderError:
            self.runs.pop(run.execution_id, None)
            raise
        self._stored_plans.add(plan.plan_id)
        return run

    def cancel(self, run: Run, *, by: str) -> None:
        """Ask an execution to stop; nothing happens when it is over or asked already."""
        if not run.state.status.is_terminal and not run.state.cancel_requested:
            self._record(run, CancelRequested(by))
            self._advance(run)

    def resume(self, run: Run) -> None:
        """Go on with an execution that an earlier process left unfinished. Listeners see ``seq`` jump, never repeat."""
        run.next_seq = (run.state.seq // SEQ_AFTER_RECOVERY + 1) * SEQ_AFTER_RECOVERY
        run.state.forget_attempts()
        self.runs[run.execution_id] = run
        self._advance(run)

    async def load(self, execution_id: str) -> Run | None:
        """Return the execution with this id: the live one, else one rebuilt from the journal, else None."""
        live = self.runs.get(execution_id)
        if live is not None:
            return live
        entries = await self._journal.read(execution_id)
        if not entries or entries[0].kind != Admitted.kind:
            return None
        history = [Recorded(e.subject, e.seq, e.at, event_of(e.kind, json.loads(e.body))) for e in entries]
        admitted = history[0].event
        if not isinstance(admitted, Admitted):
            return None
        stored = await self._journal.read(admitted.plan_id)
        state = ExecutionState(Plan.from_dict(json.loads(stored[0].body)), history[0])
        for recorded in history[1:]:
            state.evolve(recorded)
        run = Run(state)
        run.restore(history)
        return run

    async def stop(self) -> None:
        """Stop all attempts and wait for them. Nothing is recorded: unfinished executions resume at the next start."""
        self._stopped = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- performing --------------------------------------------------------------------------------------------

    def _advance(self, run: Run) -> None:
        """Perform commands until only the world can bring news, or for so many steps that others need a turn."""
        outside: list[Visit] = []
        budget = STEPS_AT_A_TIME
        while budget > 0 and run.broken is None and (commands := decide(run.state)):
            for command in commands:
                match command:
                    case Start(visit):
                        budget -= 1
                        if self._start(run, visit):
                            outside.append(visit)
                        if run.state.failed is not None:
                            break
                    case Skip():
                        step = run.state.plan.steps[command.step].node_id
                        self._record(run, StepSkipped(step, command.number, command.reason))
                    case Abort(visit):
                        self._abort(run, visit)
                    case SetStatus():
                        self._record(run, StatusChanged(command.status, command.error))
        barrier = self._flush(run)
        for visit in outside:
            if visit in run.state.active:
                run.tasks[visit] = self._task(self._attempt(run, visit, barrier))
        if budget <= 0:
            self._task(self._continue(run))

    async def _continue(self, run: Run) -> None:
        await self._journal.room()
        self._advance(run)

    def _task(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _abort(self, run: Run, visit: Visit) -> None:
        task = run.tasks.pop(visit, None)
        if task is not None:
            task.cancel()

    def _start(self, run: Run, visit: Visit) -> bool:
        """Record the start of an attempt. A pure step is done on the spot; True means that the world is needed."""
        step = run.state.planned(visit)
        self._record(run, StepStarted(step.node_id, visit.number, visit.attempt + 1))
        try:
            node_type = self._world.registry.get(run.state.plan.profile, step.node_type)
            if node_type.effect is Effect.WORLD:
                return True
            result = node_type.decide(self._context(run, visit))
        except Exception as error:  # noqa: BLE001 - the step boundary: any fault of a node fails its step only
            self._settle(run, visit, self._failure(run, visit, error))
        else:
            self._settle(run, visit, result)
        return False

    async def _attempt(self, run: Run, visit: Visit, barrier: asyncio.Future[None]) -> None:
        """Run one attempt of a step with effects, once everything before it is on disk."""
        step = run.state.planned(visit)
        node_type: NodeType = self._world.registry.get(run.state.plan.profile, step.node_type)
        attempt = visit.attempt
        outcome: StepResult | Wait | dict[str, Any]
        limit = asyncio.timeout(None)
        try:
            await asyncio.shield(barrier)
            async with asyncio.timeout(step.timeout_seconds) as limit:
                outcome = await self._world.executors[node_type.place].run(node_type, self._context(run, visit))
        except Exception as error:  # noqa: BLE001 - the step boundary: any fault of a node fails its step only
            if run.broken is not None:
                return
            fault = _timeout(step.timeout_seconds) if limit.expired() else error
            outcome = self._failure(run, visit, fault)
        run.tasks.pop(visit, None)
        if visit in run.state.active and visit.attempt == attempt and not self._stopped:
            self._settle(run, visit, outcome)
            self._advance(run)
        else:
            log.info("late result refused", extra={"execution_id": run.execution_id, "step_id": step.node_id})

    def _settle(self, run: Run, visit: Visit, outcome: StepResult | Wait | dict[str, Any]) -> None:
        """Record how an attempt ended: a result, a reason to wait, or an error; what cannot be recorded is an error."""
        name = run.state.planned(visit).node_id
        try:
            event = self._event_of(name, visit, outcome)
            body = _encode(event)
        except Exception as error:  # noqa: BLE001 - the step boundary: node types may hand over anything
            fault = OutputInvalid(f"The result of step {name!r} cannot be recorded: {error}.")
            event = StepFailed(name, visit.number, visit.attempt, _error(fault))
            body = _encode(event)
        self._write(run, event, body)

    def _event_of(self, name: str, visit: Visit, outcome: StepResult | Wait | dict[str, Any]) -> Event:
        match outcome:
            case StepResult():
                return StepCompleted(name, visit.number, visit.attempt, outcome)
            case Wait(kind, request, seconds):
                deadline = None if seconds is None else self._now() + round(seconds * 1000)
                wait = ids.waitpoint_id()
                return StepWaiting(name, visit.number, visit.attempt, wait, kind, dict(request), deadline)
            case dict():
                return StepFailed(name, visit.number, visit.attempt, outcome)
        raise TypeError(f"{type(outcome).__name__} is neither a StepResult nor a Wait")

    def _failure(self, run: Run, visit: Visit, error: Exception) -> dict[str, Any]:
        about = {"execution_id": run.execution_id, "step_id": run.state.planned(visit).node_id}
        if isinstance(error, BuilderError):
            log.info("step failed: %s", error.code, extra=about)
            return _error(error)
        # Its text is for the log: who knows what a library puts into it, and the journal is read by many.
        incident = ids.incident_id()
        log.error("incident %s: a step failed by a fault in its node type", incident, exc_info=error, extra=about)
        message = f"A fault in the node type ({type(error).__name__}); the log has it as incident {incident}."
        return {"message": message, "code": "INTERNAL"}

    def _context(self, run: Run, visit: Visit) -> StepContext:
        state, world = run.state, self._world
        planned = state.planned(visit)
        edges = state.plan.edges
        return StepContext(
            node=planned.node,
            inputs=state.admitted.inputs,
            ports=port_values(state, visit),
            state=VisibleState(state, visit),
            routes=[edges[index].label for index in state.topology.outgoing[visit.step]],
            models=world.models,
            tools=world.tools,
            emit=partial(self._emit, run, visit, visit.attempt),
            execution_id=run.execution_id,
            workspace=state.admitted.workspace,
        )

    def _emit(self, run: Run, visit: Visit, attempt: int, text: str) -> None:
        if text and visit in run.state.active and visit.attempt == attempt:
            step = run.state.planned(visit).node_id
            run.record(Delta(step, visit.number, len(visit.text), text), self._now())

    # -- recording ---------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return epoch_ms(self._clock.now())

    def _record(self, run: Run, event: Event) -> None:
        """Take an event into the history. It is encoded first: what cannot be written must not have happened."""
        self._write(run, event, _encode(event))

    def _write(self, run: Run, event: Event, body: str) -> None:
        recorded = run.record(event, self._now())
        run.unwritten.append(Entry(run.execution_id, recorded.seq, recorded.at, event.kind, body))

    def _flush(self, run: Run) -> asyncio.Future[None]:
        """Send what was recorded to the journal; the future is done when all of it is on disk."""
        entries, run.unwritten = run.unwritten, []
        if entries:
            run.written = self._journal.append(entries)
            run.written.add_done_callback(partial(self._on_durable, run, entries[-1].seq))
        return run.written

    def _on_durable(self, run: Run, seq: int, future: asyncio.Future[None]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            was_over = run.is_over
            run.durable_up_to(seq)
            if run.is_over and not was_over:
                self._on_over(run)
        elif run.broken is None:
            log.critical("execution stopped: %s", error, extra={"execution_id": run.execution_id})
            run.fail(error if isinstance(error, BuilderError) else Unavailable(str(error)))


def _entry(recorded: Recorded) -> Entry:
    return Entry(recorded.execution_id, recorded.seq, recorded.at, recorded.event.kind, _encode(recorded.event))


def _encode(event: Event) -> str:
    return json.dumps(event.body(), allow_nan=False, separators=(",", ":"))


def _timeout(seconds: float) -> StepTimeout:
    return StepTimeout(f"The step took longer than {seconds:g} seconds.", retryable=True)


def _error(error: BuilderError) -> dict[str, Any]:
    wire: dict[str, Any] = {"message": str(error), "code": error.code}
    if isinstance(error, StepError):
        wire["retryable"] = error.retryable
        if error.display:
            wire["display"] = [dict(bundle) for bundle in error.display]
    return wire
