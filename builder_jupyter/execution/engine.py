"""The impure hands: perform what `decide` commands, and record what came of it.

Pure steps run at once, ahead of the disk. A step that touches the world starts only when everything recorded before it
is on disk, and nothing leaves the process (an answer, an event to a listener) before its own record is. Everything here
runs on one event loop; nothing is locked because nothing is shared.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock, SteadyTime
from builder_jupyter.errors import BuilderError, InvalidInput, NotFound, OutputInvalid, StepError, Unavailable
from builder_jupyter.execution.alarms import Alarms
from builder_jupyter.execution.children import ChildRuns
from builder_jupyter.execution.decide import Abort, EndWait, SetStatus, Skip, Start, decide, pause_before_retry
from builder_jupyter.execution.events import (
    Admitted,
    CancelRequested,
    Delta,
    Event,
    Recorded,
    StatusChanged,
    StepCompleted,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    event_of,
)
from builder_jupyter.execution.executors import HERE, Executor
from builder_jupyter.execution.failures import failure_of, timed_out
from builder_jupyter.execution.ports import Entry, Journal
from builder_jupyter.execution.queue import Slot, StepQueue
from builder_jupyter.execution.replay import Replay
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.state import ExecutionState, Visit
from builder_jupyter.execution.status import StepStatus, TriggerType
from builder_jupyter.execution.view import VisibleState, port_values
from builder_jupyter.execution.waitpoints import check_answer, waiting_event, waitpoint_ended
from builder_jupyter.nodes.base import AnswerKind, Effect, NodeType, Place, StepContext, StepResult, Tools, Wait
from builder_jupyter.nodes.chat import ChatModels
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Plan

log = logging.getLogger(__name__)

STEPS_AT_A_TIME = 500
SEQ_AFTER_RECOVERY = 1 << 20
PLAN_KIND = "plan"


@dataclass(frozen=True)
class World:
    """What steps reach out to, what they are, and where they run."""

    registry: Registry
    models: ChatModels
    tools: Tools
    executors: Mapping[Place, Executor] = field(default_factory=lambda: dict(HERE))


class Engine:
    """Runs executions on the running event loop.

    Parameters
    ----------
    limits : how many steps may touch the world at a time, by name; see `StepQueue`.
    on_over : called with each run when its terminal status is on disk.
    chance : returns a number from 0 to 1, for the jitter of pauses.
    """

    def __init__(
        self,
        journal: Journal,
        world: World,
        clock: Clock,
        *,
        limits: Mapping[str, int] | None = None,
        on_over: Callable[[Run], None] = lambda _run: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._journal = journal
        self._world = world
        self._time = SteadyTime(clock)
        self._alarms = Alarms(clock, self._time, self._ring)
        self._queue = StepQueue(limits or {})
        self._on_over = on_over
        self._chance = chance
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
        request: tuple[str, str] | None = None,
        parent: tuple[str, str, int] | None = None,
        replay: Replay | None = None,
    ) -> Run:
        """Begin an execution; return once its admission is on disk. For the arguments see `Admitted`.

        Raises
        ------
        InvalidInput : ``INVALID_INPUTS``: the inputs are not JSON (NaN, infinity, too deep).
        Unavailable : the journal takes no more entries.
        """
        event = Admitted(
            plan.plan_id, workspace, principal, str(trigger), dict(inputs),
            request=list(request) if request else None, parent=list(parent) if parent else None,
            replay_of=replay.execution_id if replay else None,
            replay_from=list(replay.begin) if replay and replay.begin else None,
        )  # fmt: skip
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
        if replay:
            self._take_over(run, replay.results)
        admitted = self._flush(run)
        self._advance(run)
        try:
            await asyncio.shield(admitted)
        except BuilderError:
            self.runs.pop(run.execution_id, None)
            raise
        self._stored_plans.add(plan.plan_id)
        return run

    async def child(self, parent: Run, visit: Visit, index: int, inputs: Mapping[str, Any]) -> Run:
        """Begin the child execution with this place among those of a visit, or find it when it was begun before."""
        planned = parent.state.planned(visit)
        if planned.child is None:
            raise TypeError(f"step {planned.node_id!r} has no workflow of its own")
        of = (parent.execution_id, planned.node_id, visit.number)
        execution_id = ids.child_execution_id(*of, visit.failures, index)
        run = await self.load(execution_id)
        if run is not None and run.state.admitted.parent != list(of):
            raise StepError(f"The id of a child execution, {execution_id!r}, is taken.", code="EXECUTION_ID_TAKEN")
        if run is None:
            admitted = parent.state.admitted
            run = await self.admit(
                planned.child, workspace=admitted.workspace, principal=admitted.principal,
                trigger=TriggerType(admitted.trigger), inputs=inputs, execution_id=execution_id, parent=of,
            )  # fmt: skip
        parent.children.setdefault(visit, []).append(run)
        return run

    def cancel(self, run: Run, *, by: str) -> None:
        """Ask an execution to stop; nothing happens when it is over or asked already."""
        if not run.state.status.is_terminal and not run.state.cancel_requested:
            self._record(run, CancelRequested(by))
            self._advance(run)

    def answer(self, run: Run, waitpoint_id: str, value: Any, *, by: str) -> bool:
        """End a waitpoint with an answer; False, and nothing happens, when it has ended before.

        Raises
        ------
        NotFound : ``WAITPOINT_NOT_FOUND``.
        Conflict, InvalidInput : see `waitpoints.check_answer`.
        """
        visit = run.state.waitpoints.get(waitpoint_id)
        if visit is None:
            raise NotFound("Waitpoint not found", code="WAITPOINT_NOT_FOUND")
        waiting = visit.waitpoint
        if waiting is None or waiting.waitpoint_id != waitpoint_id or visit.group is not run.state.waiting:
            return False
        check_answer(waiting, value)
        try:
            self._record(run, waitpoint_ended(visit, AnswerKind.ANSWERED, value, by))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"The answer cannot be recorded: {error}.", code="INVALID_ANSWER") from error
        self._advance(run)
        return True

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
        self._alarms.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- performing --------------------------------------------------------------------------------------------

    def _advance(self, run: Run) -> None:
        """Perform commands until only the world can bring news, or for so many steps that others need a turn."""
        outside: list[Visit] = []
        budget = STEPS_AT_A_TIME
        now = self._now()
        state = run.state
        while budget > 0 and run.broken is None and not self._stopped and (commands := decide(state, now)):
            for command in commands:
                if not isinstance(command, Start):
                    self._perform(run, command)
                    continue
                budget -= 1
                if self._start(run, command.visit):
                    outside.append(command.visit)
                if state.failed is not None:
                    break
        barrier = self._flush(run)
        for visit in outside:
            if visit.group is state.active:
                run.tasks[visit] = self._task(self._attempt(run, visit, barrier))
            else:
                self._release(run, visit)
        self._alarms.set(run.execution_id, state.next_due)
        if budget <= 0:
            self._task(self._continue(run))

    def _perform(self, run: Run, command: Abort | EndWait | SetStatus | Skip) -> None:
        match command:
            case Skip():
                step = run.state.plan.steps[command.step].node_id
                self._record(run, StepSkipped(step, command.number, command.reason))
            case SetStatus():
                self._record(run, StatusChanged(command.status, command.error))
            case Abort(visit):
                self._abort(run, visit)
            case EndWait(visit, how):
                self._record(run, waitpoint_ended(visit, how))

    async def _continue(self, run: Run) -> None:
        await self._journal.room()
        self._advance(run)

    def _ring(self, execution_id: str) -> None:
        run = self.runs.get(execution_id)
        if run is not None:
            self._advance(run)

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _take_over(self, run: Run, results: Mapping[tuple[str, int], StepResult]) -> None:
        """Complete steps with the results they had in another execution, before anything is begun."""
        moved = True
        while moved:
            moved = False
            for command in decide(run.state, self._now()):
                if not isinstance(command, Start):
                    self._perform(run, command)
                    moved = True
                    continue
                name, number = run.state.planned(command.visit).node_id, command.visit.number
                if (name, number) in results:
                    self._record(run, StepCompleted(name, number, 0, results[name, number], reused=True))
                    moved = True

    def _abort(self, run: Run, visit: Visit) -> None:
        task = run.tasks.pop(visit, None)
        if task is not None:
            task.cancel()
        self._cancel_children(run, visit)

    def _cancel_children(self, run: Run, visit: Visit) -> None:
        for child in run.children.pop(visit, ()):
            self.cancel(child, by=f"execution {run.execution_id}")

    # -- attempts ----------------------------------------------------------------------------------------------

    def _start(self, run: Run, visit: Visit) -> bool:
        """Record the start of an attempt. A pure step is done on the spot; True means that the world is needed."""
        step = run.state.planned(visit)
        try:
            node_type = self._world.registry.get(run.state.plan.profile, step.node_type)
        except BuilderError as error:
            self._begin(run, visit)
            self._failed(run, visit, error)
            return False
        if node_type.effect is Effect.WORLD:
            if not self._take(run, visit, node_type):
                return False
            self._begin(run, visit)
            return True
        self._begin(run, visit)
        try:
            outcome = node_type.decide(self._context(run, visit))
        except Exception as error:  # noqa: BLE001 - the step boundary: any fault of a node fails its step only
            self._failed(run, visit, error)
        else:
            self._settle(run, visit, outcome)
        return False

    def _begin(self, run: Run, visit: Visit) -> None:
        """Record that an attempt begins; a step that waited goes on with the attempt it had."""
        attempt = visit.attempt + (visit.status is not StepStatus.WAITING)
        self._record(run, StepStarted(run.state.planned(visit).node_id, visit.number, attempt))

    def _take(self, run: Run, visit: Visit, node_type: NodeType) -> bool:
        """Take up the step's place among those that run, or queue it until there is one."""
        if visit in run.slots:
            return True
        names = node_type.limited_by(run.state.planned(visit).node, self._world.models)
        slot = Slot(run.state.admitted.workspace, names)
        if self._queue.take(slot):
            run.slots[visit] = slot
            return True
        run.state.enqueue(visit)
        self._queue.wait(slot, partial(self._its_turn, run, visit, slot))
        return False

    def _its_turn(self, run: Run, visit: Visit, slot: Slot) -> bool:
        if visit.group is not run.state.queued or self._stopped or run.broken is not None:
            return False
        run.slots[visit] = slot
        run.state.dequeue(visit)
        self._task(self._continue(run))
        return True

    def _release(self, run: Run, visit: Visit) -> None:
        slot = run.slots.pop(visit, None)
        if slot is not None and not self._stopped:
            self._queue.release(slot)

    async def _attempt(self, run: Run, visit: Visit, barrier: asyncio.Future[None]) -> None:
        """Run one attempt of a step with effects, once everything before it is on disk."""
        step = run.state.planned(visit)
        attempt = visit.attempt
        outcome: StepResult | Wait | Exception
        try:
            await asyncio.shield(barrier)
            outcome = await self._tried(run, visit)
        except Exception as error:  # noqa: BLE001 - the step boundary: any fault of a node fails its step only
            outcome = error
        finally:
            run.idle.pop(visit, None)
            self._release(run, visit)
        if run.broken is not None:
            return
        if self._stopped or visit.group is not run.state.active or visit.attempt != attempt:
            log.info("late result refused", extra={"execution_id": run.execution_id, "step_id": step.node_id})
            return
        run.tasks.pop(visit, None)
        if isinstance(outcome, Exception):
            self._failed(run, visit, outcome)
        else:
            self._settle(run, visit, outcome)
        self._cancel_children(run, visit)
        self._advance(run)

    async def _tried(self, run: Run, visit: Visit) -> StepResult | Wait:
        step = run.state.planned(visit)
        node_type = self._world.registry.get(run.state.plan.profile, step.node_type)
        executor = self._world.executors[node_type.place]
        seconds, limit, silence = step.timeout_seconds, asyncio.timeout(None), asyncio.timeout(None)
        try:
            async with asyncio.timeout(seconds) as limit, asyncio.timeout(None) as silence:
                if node_type.idle_seconds is not None:
                    run.idle[visit] = (silence, node_type.idle_seconds)
                outcome = await executor.run(node_type, self._context(run, visit))
        except TimeoutError:
            if silence.expired() and node_type.idle_seconds is not None:
                raise timed_out(node_type.idle_seconds, idle=True) from None
            if limit.expired() and seconds is not None:
                raise timed_out(seconds, idle=False) from None
            raise
        if step.retry.judges and isinstance(outcome, StepResult) and step.retry.rejects(outcome.text):
            raise OutputInvalid(
                "The output is not what the step's retry policy accepts.", code="OUTPUT_REJECTED", retryable=True
            )
        return outcome

    def _failed(self, run: Run, visit: Visit, error: Exception) -> None:
        """Record that an attempt failed: for good, or until the next one."""
        step = run.state.planned(visit)
        failure = failure_of(error, {"execution_id": run.execution_id, "step_id": step.node_id})
        pause = pause_before_retry(step.retry, visit.failures + 1, failure, chance=self._chance())
        if pause is None:
            self._record(run, StepFailed(step.node_id, visit.number, visit.attempt, failure))
        else:
            due = self._now() + pause
            self._record(run, StepRetrying(step.node_id, visit.number, visit.attempt, failure, due))

    def _settle(self, run: Run, visit: Visit, outcome: StepResult | Wait) -> None:
        """Record how an attempt ended: a result or a reason to wait; what cannot be recorded is an error."""
        name = run.state.planned(visit).node_id
        event: Event
        try:
            match outcome:
                case StepResult():
                    event = StepCompleted(name, visit.number, visit.attempt, outcome)
                case Wait():
                    event = waiting_event(name, visit, outcome, self._now())
                case _:
                    raise TypeError(f"{type(outcome).__name__} is neither a StepResult nor a Wait")
            body = _encode(event)
        except Exception as error:  # noqa: BLE001 - the step boundary: node types may hand over anything
            fault = OutputInvalid(f"The result of step {name!r} cannot be recorded: {error}.")
            self._failed(run, visit, fault)
        else:
            self._write(run, event, body)

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
            key=f"{run.execution_id}/{planned.node_id}/{visit.number}",
            answer=visit.answer,
            children=ChildRuns(self, run, visit) if planned.child is not None else None,
            targets=[edges[index].target for index in state.topology.outgoing[visit.step]],
        )

    def _emit(self, run: Run, visit: Visit, attempt: int, text: str) -> None:
        if text and visit.group is run.state.active and visit.attempt == attempt:
            step = run.state.planned(visit).node_id
            run.record(Delta(step, visit.number, len(visit.text), text), self._now())
            if visit in run.idle:
                silence, seconds = run.idle[visit]
                silence.reschedule(asyncio.get_running_loop().time() + seconds)

    # -- recording ---------------------------------------------------------------------------------------------

    def note(self, run: Run, event: Event) -> None:
        """Record an event that a step's own helpers bring about, and what follows from it."""
        self._record(run, event)
        self._advance(run)

    def _now(self) -> int:
        return self._time.now_ms()

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
