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
from builder_jupyter.errors import BuilderError, InvalidInput, NotFound, OutputInvalid, StepError
from builder_jupyter.execution.alarms import Alarms
from builder_jupyter.execution.charges import hold_for
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
)
from builder_jupyter.execution.executors import HERE, Executor
from builder_jupyter.execution.failures import failure_of
from builder_jupyter.execution.ports import Journal
from builder_jupyter.execution.queue import Slot, StepQueue
from builder_jupyter.execution.rebuild import plan_id_of, rebuild
from builder_jupyter.execution.recorder import Recorder, encode
from builder_jupyter.execution.replay import Replay
from builder_jupyter.execution.run import AttemptLimit, Run
from builder_jupyter.execution.state import ExecutionState, Visit
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.execution.view import VisibleState, port_values
from builder_jupyter.execution.waitpoints import check_answer, waiting_event, waitpoint_ended
from builder_jupyter.money import ZERO
from builder_jupyter.nodes.base import AnswerKind, Effect, NodeType, Place, StepContext, StepResult, Tools, Wait
from builder_jupyter.nodes.chat import ChatModels
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Plan

log = logging.getLogger(__name__)

STEPS_AT_A_TIME = 500
SEQ_AFTER_RECOVERY = 1 << 20


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
        time = SteadyTime(clock)
        self._journal = journal
        self._world = world
        self._recorder = Recorder(journal, time, on_over)
        self._alarms = Alarms(clock, time, self._ring)
        self._queue = StepQueue(limits or {})
        self._chance = chance
        self._stored_plans: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._record = self._recorder.record
        self._now = self._recorder.now
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
        run = Run(ExecutionState(plan, first))
        self._join(run)
        try:
            self._recorder.begin(run, None if plan.plan_id in self._stored_plans else plan)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"The inputs cannot be recorded: {error}.", code="INVALID_INPUTS") from error
        self.runs[run.execution_id] = run
        for move in hold_for(plan, replay.saved if replay else ZERO):
            self._record(run, move)
        if replay:
            try:
                self._take_over(run, replay.results)
            except (TypeError, ValueError, RecursionError) as error:
                del self.runs[run.execution_id]
                raise InvalidInput(f"The edit cannot be recorded: {error}.", code="INVALID_EDIT") from error
        self._advance(run)
        try:
            await run.on_disk()
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
            try:
                run = await self.admit(
                    planned.child, workspace=admitted.workspace, principal=admitted.principal,
                    trigger=TriggerType(admitted.trigger), inputs=inputs, execution_id=execution_id, parent=of,
                )  # fmt: skip
            except asyncio.CancelledError:
                begun = self.runs.get(execution_id)
                if begun is not None and not self._stopped:
                    self.cancel(begun, by=f"execution {parent.execution_id}")
                raise
        _adopt(parent, visit, run)
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
        if waiting.deadline is not None and waiting.deadline <= self._now():
            self._advance(run)  # its time is up, though the alarm may not have rung yet
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
        self._join(run)
        self.runs[run.execution_id] = run
        if run.state.admitted.parent is not None:
            execution_id, step, number = run.state.admitted.parent
            parent = self.runs.get(execution_id)
            if parent is not None:
                _adopt(parent, parent.state.visit(step, number), run)
        self._advance(run)

    def _join(self, run: Run) -> None:
        """Let a child execution share the kernel of the one that somebody started."""
        parent = run.state.admitted.parent
        if parent is not None and parent[0] in self.runs:
            run.root_id = self.runs[parent[0]].root_id

    async def load(self, execution_id: str) -> Run | None:
        """Return the execution with this id: the live one, else one rebuilt from the journal, else None."""
        live = self.runs.get(execution_id)
        if live is not None:
            return live
        entries = await self._journal.read(execution_id)
        plan_id = plan_id_of(entries)
        if plan_id is None:
            return None
        stored = await self._journal.read(plan_id)
        return rebuild(entries, Plan.from_dict(json.loads(stored[0].body)))

    def forget_plans(self) -> frozenset[str]:
        """Return the plans of the runs in memory; all others are written anew when they are next used.

        For whoever deletes plans from the journal: those returned must stay.
        """
        kept = frozenset(run.state.plan.plan_id for run in self.runs.values())
        self._stored_plans &= kept
        return kept

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
        run.is_due = False
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
        barrier = self._recorder.flush(run)
        if outside:
            if barrier is None or barrier.done():
                self._launch(run, outside, barrier)
            else:
                barrier.add_done_callback(partial(self._launch, run, outside))
        # What can do nothing any more must not be rung for: its time would be up for ever.
        idle = run.broken is not None or self._stopped
        self._alarms.set(run.execution_id, None if idle else state.next_due)
        if budget <= 0:
            self._task(self._continue(run))

    def _launch(self, run: Run, visits: list[Visit], barrier: asyncio.Future[None] | None) -> None:
        """Begin attempts: everything before them is on disk, or never will be."""
        is_down = barrier is not None and (barrier.cancelled() or barrier.exception() is not None)
        for visit in visits:
            if visit.group is run.state.active and not is_down and not self._stopped:
                task = run.tasks[visit] = self._task(self._attempt(run, visit))
                if visit in run.slots:
                    task.add_done_callback(partial(self._never_began, run, visit, run.slots[visit]))
            else:
                self._release(run, visit)

    def _advance_soon(self, run: Run) -> None:
        """Advance at the end of this turn of the loop: once, however many attempts end in it."""
        if not run.is_due:
            run.is_due = True
            asyncio.get_running_loop().call_soon(self._advance, run)

    def _perform(self, run: Run, command: Abort | EndWait | SetStatus | Skip) -> None:
        match command:
            case Skip():
                visit = run.state.visits.get((command.step, command.number))
                its_turn_had_come = visit is not None and visit.group is run.state.ready
                step = run.state.plan.steps[command.step].node_id
                self._record(run, StepSkipped(step, command.number, command.reason))
                if visit is not None and its_turn_had_come:
                    self._release(run, visit)
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
        children = run.children.pop(visit, ())
        if children:
            self._recorder.flush(run)  # the reason is on disk before what follows from it
        for child in children:
            self.cancel(child, by=f"execution {run.execution_id}")

    # -- attempts ----------------------------------------------------------------------------------------------

    def _start(self, run: Run, visit: Visit) -> bool:
        """Begin an attempt. A pure step is done on the spot; True means that the world is needed."""
        try:
            node_type = self._type_of(run, visit)
            if node_type.effect is Effect.WORLD:
                if not self._take(run, visit, node_type):
                    return False
                self._begin(run, visit)
                return True
            outcome = node_type.decide(self._context(run, visit))
        except Exception as error:  # noqa: BLE001 - the step boundary: any fault of a node fails its step only
            self._failed(run, visit, error)
        else:
            self._settle(run, visit, outcome)
        return False

    def _type_of(self, run: Run, visit: Visit) -> NodeType:
        return self._world.registry.get(run.state.plan.profile, run.state.planned(visit).node_type)

    def _begin(self, run: Run, visit: Visit) -> None:
        """Record that an attempt begins, unless it has begun."""
        if visit.group is not run.state.active:
            self._record(run, StepStarted(run.state.planned(visit).node_id, visit.number, visit.next_attempt))

    def _take(self, run: Run, visit: Visit, node_type: NodeType) -> bool:
        """Take up the step's place among those that run, or queue it until there is one."""
        planned = run.state.planned(visit)
        if visit in run.slots or planned.child is not None:
            return True  # a step that only waits for children must not keep the place that they need
        names = node_type.limited_by(planned.node, self._world.models)
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

    def _never_began(self, run: Run, visit: Visit, slot: Slot, _task: asyncio.Task[None]) -> None:
        """Give back the slot of an attempt that was cancelled before its first turn; any other has done so itself."""
        if run.slots.get(visit) is slot:
            self._release(run, visit)

    async def _attempt(self, run: Run, visit: Visit) -> None:
        """Run one attempt of a step with effects."""
        attempt = visit.attempt
        outcome: StepResult | Wait | Exception
        try:
            outcome = await self._tried(run, visit)
        except asyncio.CancelledError:
            if not self._stopped:
                self._cancel_children(run, visit)  # one may have begun in the moment of the abort
            raise
        except Exception as error:  # noqa: BLE001 - the step boundary: any fault of a node fails its step only
            outcome = error
        finally:
            run.limits.pop(visit, None)
            self._release(run, visit)
        if run.broken is not None:
            return
        if self._stopped or visit.group is not run.state.active or visit.attempt != attempt:
            about = {"execution_id": run.execution_id, "step_id": run.state.planned(visit).node_id}
            log.info("late result refused", extra=about)
            return
        run.tasks.pop(visit, None)
        if not isinstance(outcome, Exception):
            self._settle(run, visit, outcome)
        elif run.state.failed is None:  # of several that fail in a turn the first is named, and skips the others
            self._failed(run, visit, outcome)
        self._cancel_children(run, visit)
        self._advance_soon(run)

    async def _tried(self, run: Run, visit: Visit) -> StepResult | Wait:
        step = run.state.planned(visit)
        node_type = self._type_of(run, visit)
        limit = run.limits[visit] = AttemptLimit(step.timeout_seconds, node_type.idle_seconds)
        try:
            async with limit.timer:
                outcome = await self._world.executors[node_type.place].run(node_type, self._context(run, visit))
        except TimeoutError:
            if limit.timer.expired():
                raise limit.error() from None
            raise
        if step.retry.judges and isinstance(outcome, StepResult) and step.retry.rejects(outcome.text):
            raise OutputInvalid(
                "The output is not what the step's retry policy accepts.", code="OUTPUT_REJECTED", retryable=True
            )
        return outcome

    def _failed(self, run: Run, visit: Visit, error: Exception) -> None:
        """Record that an attempt failed: for good, or until the next one."""
        self._begin(run, visit)
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
                    attempt = visit.attempt if visit.group is run.state.active else visit.next_attempt
                    event = StepCompleted(name, visit.number, attempt, outcome)
                case Wait():
                    self._begin(run, visit)
                    event = waiting_event(name, visit, outcome, self._now())
                case _:
                    raise TypeError(f"{type(outcome).__name__} is neither a StepResult nor a Wait")
            body = encode(event)
        except Exception as error:  # noqa: BLE001 - the step boundary: node types may hand over anything
            self._failed(run, visit, OutputInvalid(f"The result of step {name!r} cannot be recorded: {error}."))
        else:
            self._recorder.write(run, event, body)

    def _context(self, run: Run, visit: Visit) -> StepContext:
        state, world = run.state, self._world
        planned = state.planned(visit)
        routes, targets = state.plan.ways[visit.step]
        return StepContext(
            node=planned.node,
            inputs=state.admitted.inputs,
            ports=port_values(state, visit),
            state=VisibleState(state, visit),
            routes=routes,
            models=world.models,
            tools=world.tools,
            emit=partial(self._emit, run, visit, visit.attempt),
            key=f"{run.execution_id}/{planned.node_id}/{visit.number}",
            answer=visit.answer,
            children=ChildRuns(self, run, visit) if planned.child is not None else None,
            targets=targets,
            execution_id=run.root_id,
            workspace=state.admitted.workspace,
        )

    def _emit(self, run: Run, visit: Visit, attempt: int, text: str) -> None:
        if text and visit.group is run.state.active and visit.attempt == attempt:
            step = run.state.planned(visit).node_id
            run.record(Delta(step, visit.number, len(visit.text), text), self._now())
            run.limits[visit].heard()

    def note(self, run: Run, event: Event) -> None:
        """Record an event that a step's own helpers bring about, and what follows from it."""
        self._record(run, event)
        self._advance(run)


def _adopt(parent: Run, visit: Visit, child: Run) -> None:
    children = parent.children.setdefault(visit, [])
    if child not in children:
        children.append(child)
