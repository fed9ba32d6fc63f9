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
from functools import partial
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock, SteadyTime
from builder_jupyter.errors import BuilderError, InvalidInput, NotFound, StepError
from builder_jupyter.execution.alarms import Alarms
from builder_jupyter.execution.attempts import Attempts, World
from builder_jupyter.execution.charges import hold_for, hold_of
from builder_jupyter.execution.decide import Abort, EndWait, SetStatus, Skip, Start, decide
from builder_jupyter.execution.events import (
    NO_ORIGIN,
    Admitted,
    CancelRequested,
    Event,
    Origin,
    Resumed,
    StatusChanged,
    StepCompleted,
    StepSkipped,
)
from builder_jupyter.execution.ports import Journal, Ledger, NoLedger
from builder_jupyter.execution.rebuild import plan_id_of, rebuild
from builder_jupyter.execution.recorder import Recorder
from builder_jupyter.execution.records import Recorded
from builder_jupyter.execution.replay import Replay
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.execution.visit import Visit
from builder_jupyter.execution.waitpoints import check_answer, waitpoint_ended
from builder_jupyter.nodes.base import AnswerKind, StepResult
from builder_jupyter.planning.plan import Plan

log = logging.getLogger(__name__)

STEPS_AT_A_TIME = 500
SEQ_AFTER_RECOVERY = 1 << 20


class Engine:
    """Runs executions on the running event loop.

    Parameters
    ----------
    ledger : who says whether a workspace can pay; without one, everything passes.
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
        ledger: Ledger | None = None,
        limits: Mapping[str, int] | None = None,
        on_over: Callable[[Run], None] = lambda _run: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        time = SteadyTime(clock)
        self._journal = journal
        self._recorder = Recorder(journal, ledger or NoLedger(), time, on_over)
        self._alarms = Alarms(clock, time, self._ring)
        self._attempts = Attempts(self, world, self._recorder, limits=limits or {}, chance=chance)
        self._stored_plans: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_stopped = False
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
        origin: Origin = NO_ORIGIN,
    ) -> Run:
        """Begin an execution; return once its admission is on disk. For the arguments see `Admitted`.

        Raises
        ------
        InvalidInput : ``INVALID_INPUTS``: the inputs are not JSON (NaN, infinity, too deep).
        InsufficientCredits : the workspace cannot pay for the plan; see `ports.Ledger.check`.
        Unavailable : the journal takes no more entries.
        """
        event = Admitted(
            plan.plan_id, workspace, principal, str(trigger), dict(inputs),
            request=list(request) if request else None, parent=list(parent) if parent else None,
            replay_of=replay.execution_id if replay else None,
            replay_from=list(replay.begin) if replay and replay.begin else None,
            event=None if origin.event is None else dict(origin.event), callback_url=origin.callback_url,
        )  # fmt: skip
        first = Recorded(execution_id or ids.execution_id(), 1, self._now(), event)
        run = Run(ExecutionState(plan, first))
        self._join(run)
        try:
            self._recorder.begin(run, None if plan.plan_id in self._stored_plans else plan)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(f"The inputs cannot be recorded: {error}.", code="INVALID_INPUTS") from error
        # Nothing is awaited from the look at the balance to the hold: runs that begin side by side cannot overdraw.
        if amount := hold_for(plan, replay):
            self._recorder.hold(run, hold_of(run.state, amount))
        self.runs[run.execution_id] = run
        if replay:
            try:
                self._take_over(run, replay.results)
            except (TypeError, ValueError, RecursionError) as error:
                del self.runs[run.execution_id]
                self._recorder.forget_holds(run)
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
                if begun is not None and not self.is_stopped:
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
        self._join(run)
        self.runs[run.execution_id] = run
        self._record(run, Resumed())
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
        self.is_stopped = True
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
        while budget > 0 and run.broken is None and not self.is_stopped and (commands := decide(state, now)):
            for command in commands:
                if not isinstance(command, Start):
                    self._perform(run, command)
                    continue
                budget -= 1
                if self._attempts.start(run, command.visit):
                    outside.append(command.visit)
                if state.failed is not None:
                    break
        barrier = self._recorder.flush(run)
        if outside:
            if barrier is None or barrier.done():
                self._attempts.launch(run, outside, barrier)
            else:
                barrier.add_done_callback(partial(self._attempts.launch, run, outside))
        # What can do nothing any more must not be rung for: its time would be up for ever.
        idle = run.broken is not None or self.is_stopped
        self._alarms.set(run.execution_id, None if idle else state.next_due)
        if budget <= 0:
            self.go_on(run)

    def advance_soon(self, run: Run) -> None:
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
                    self._attempts.release(run, visit)
            case SetStatus():
                self._record(run, StatusChanged(command.status, command.error))
            case Abort(visit):
                self._abort(run, visit)
            case EndWait(visit, how):
                self._record(run, waitpoint_ended(visit, how))

    def go_on(self, run: Run) -> None:
        """Advance a run when there is room for more."""
        self.spawn(self._continue(run))

    async def _continue(self, run: Run) -> None:
        await self._journal.room()
        self._advance(run)

    def _ring(self, execution_id: str) -> None:
        run = self.runs.get(execution_id)
        if run is not None:
            self._advance(run)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work that ends with the engine at the latest."""
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
        self.cancel_children(run, visit)

    def cancel_children(self, run: Run, visit: Visit) -> None:
        """Cancel what child executions a step has left."""
        children = run.children.pop(visit, ())
        if children:
            self._recorder.flush(run)  # the reason is on disk before what follows from it
        for child in children:
            self.cancel(child, by=f"execution {run.execution_id}")

    def note(self, run: Run, event: Event) -> None:
        """Record an event that a step's own helpers bring about, and what follows from it."""
        self._record(run, event)
        self._advance(run)


def _adopt(parent: Run, visit: Visit, child: Run) -> None:
    children = parent.children.setdefault(visit, [])
    if child not in children:
        children.append(child)
