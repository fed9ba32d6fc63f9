"""Attempts of steps: what they are given, where they run, how long they may take, and how they end.

Nothing here decides what is to be done next: that is recorded, and decided upon by `decide`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from builder_jupyter.errors import OutputInvalid
from builder_jupyter.execution.calls import Calls
from builder_jupyter.execution.charges import unforeseen
from builder_jupyter.execution.children import ChildRuns
from builder_jupyter.execution.decide import pause_before_retry
from builder_jupyter.execution.events import Delta, Event, StepCompleted, StepFailed, StepRetrying, StepStarted
from builder_jupyter.execution.executors import HERE, Executor
from builder_jupyter.execution.failures import failure_of
from builder_jupyter.execution.queue import Slot, StepQueue
from builder_jupyter.execution.recorder import Recorder, encode
from builder_jupyter.execution.run import AttemptLimit, Run
from builder_jupyter.execution.view import VisibleState, port_values
from builder_jupyter.execution.visit import Visit
from builder_jupyter.execution.waitpoints import waiting_event
from builder_jupyter.nodes.base import Effect, NodeType, Place, StepContext, StepResult, Tools, Wait
from builder_jupyter.nodes.chat import ChatModels
from builder_jupyter.nodes.http import Http
from builder_jupyter.nodes.media import Media
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Mode

if TYPE_CHECKING:
    from builder_jupyter.execution.engine import Engine

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class World:
    """What steps reach out to, what they are, and where they run.

    ``http`` sends requests to addresses that nodes name, ``media`` makes and keeps pictures, films and sounds, and
    ``equip`` gives an attempt, before it begins, what depends on whose execution it is of.
    """

    registry: Registry
    models: ChatModels
    tools: Tools
    executors: Mapping[Place, Executor] = field(default_factory=lambda: dict(HERE))
    equip: Callable[[NodeType, StepContext], Awaitable[None]] | None = None
    http: Http | None = None
    media: Media | None = None


class Attempts:
    """Makes the attempts of an engine's steps.

    Parameters
    ----------
    limits : how many steps may touch the world at a time, by name; see `StepQueue`.
    chance : returns a number from 0 to 1, for the jitter of pauses.
    """

    def __init__(
        self,
        engine: Engine,
        world: World,
        recorder: Recorder,
        *,
        limits: Mapping[str, int],
        chance: Callable[[], float],
    ) -> None:
        self.world = world
        self._engine = engine
        self._recorder = recorder
        self._queue = StepQueue(limits)
        self._chance = chance
        self._record = recorder.record
        self._now = recorder.now

    def start(self, run: Run, visit: Visit) -> bool:
        """Begin an attempt. A pure step is done on the spot; True means that the world is needed."""
        try:
            node_type = self._type_of(run, visit)
            if visit.number > 1 and (move := unforeseen(run.state, visit)) is not None:
                self._recorder.hold(run, move)
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

    def launch(self, run: Run, visits: list[Visit], barrier: asyncio.Future[None] | None) -> None:
        """Begin attempts: everything before them is on disk, or never will be."""
        is_down = barrier is not None and (barrier.cancelled() or barrier.exception() is not None)
        for visit in visits:
            if visit.group is run.state.active and not is_down and not self._engine.is_stopped:
                task = run.tasks[visit] = self._engine.spawn(self._attempt(run, visit))
                if visit in run.slots:
                    task.add_done_callback(partial(self._never_began, run, visit, run.slots[visit]))
            else:
                self.release(run, visit)

    def _type_of(self, run: Run, visit: Visit) -> NodeType:
        return self.world.registry.get(run.state.plan.profile, run.state.planned(visit).node_type)

    def _begin(self, run: Run, visit: Visit) -> None:
        """Record that an attempt begins, unless it has begun."""
        if visit.group is not run.state.active:
            self._record(run, StepStarted(run.state.planned(visit).node_id, visit.number, visit.next_attempt))

    def _take(self, run: Run, visit: Visit, node_type: NodeType) -> bool:
        """Take up the step's place among those that run, or queue it until there is one."""
        planned = run.state.planned(visit)
        if visit in run.slots or planned.child is not None:
            return True  # a step that only waits for children must not keep the place that they need
        names = node_type.limited_by(planned.node, self.world.models)
        slot = Slot(run.state.admitted.workspace, names)
        if self._queue.take(slot):
            run.slots[visit] = slot
            return True
        run.state.enqueue(visit)
        self._queue.wait(slot, partial(self._its_turn, run, visit, slot))
        return False

    def _its_turn(self, run: Run, visit: Visit, slot: Slot) -> bool:
        if visit.group is not run.state.queued or self._engine.is_stopped or run.broken is not None:
            return False
        run.slots[visit] = slot
        run.state.dequeue(visit)
        self._engine.go_on(run)
        return True

    def release(self, run: Run, visit: Visit) -> None:
        """Give back the place of a step among those that run."""
        slot = run.slots.pop(visit, None)
        if slot is not None and not self._engine.is_stopped:
            self._queue.release(slot)

    def _never_began(self, run: Run, visit: Visit, slot: Slot, _task: asyncio.Task[None]) -> None:
        """Give back the slot of an attempt that was cancelled before its first turn; any other has done so itself."""
        if run.slots.get(visit) is slot:
            self.release(run, visit)

    async def _attempt(self, run: Run, visit: Visit) -> None:
        """Run one attempt of a step with effects."""
        attempt = visit.attempt
        outcome: StepResult | Wait | Exception
        try:
            outcome = await self._tried(run, visit)
        except asyncio.CancelledError:
            if not self._engine.is_stopped:
                self._engine.cancel_children(run, visit)  # one may have begun in the moment of the abort
            raise
        except Exception as error:  # noqa: BLE001 - the step boundary: any fault of a node fails its step only
            outcome = error
        finally:
            run.limits.pop(visit, None)
            calls = run.calls.pop(visit, None)
            self.release(run, visit)
        if run.broken is not None:
            return
        if self._engine.is_stopped or visit.group is not run.state.active or visit.attempt != attempt:
            about = {"execution_id": run.execution_id, "step_id": run.state.planned(visit).node_id}
            log.info("late result refused", extra=about)
            return
        run.tasks.pop(visit, None)
        if not isinstance(outcome, Exception):
            self._settle(run, visit, outcome)
        elif run.state.failed is None:  # of several that fail in a turn the first is named, and skips the others
            self._failed(run, visit, outcome, calls.made if calls is not None else [])
        self._engine.cancel_children(run, visit)
        self._engine.advance_soon(run)

    async def _tried(self, run: Run, visit: Visit) -> StepResult | Wait:
        step = run.state.planned(visit)
        node_type = self._type_of(run, visit)
        limit = run.limits[visit] = AttemptLimit(step.timeout_seconds, node_type.idle_seconds)
        context = self._context(run, visit)
        calls = run.calls[visit] = Calls(self._now)
        try:
            async with limit.timer:
                if self.world.equip is not None:
                    await self.world.equip(node_type, context)
                calls.watch(context)
                outcome = await self.world.executors[node_type.place].run(node_type, context)
        except TimeoutError:
            if limit.timer.expired():
                raise limit.error() from None
            raise
        if step.retry.judges and isinstance(outcome, StepResult) and step.retry.rejects(outcome.text):
            raise OutputInvalid(
                "The output is not what the step's retry policy accepts.", code="OUTPUT_REJECTED", retryable=True
            )
        if calls.made and isinstance(outcome, StepResult):
            return replace(outcome, calls=tuple(calls.made))
        return outcome

    def _failed(self, run: Run, visit: Visit, error: Exception, calls: Sequence[dict[str, Any]] = ()) -> None:
        """Record that an attempt failed: for good, or until the next one."""
        self._begin(run, visit)
        step = run.state.planned(visit)
        failure = failure_of(error, {"execution_id": run.execution_id, "step_id": step.node_id})
        told = list(calls) or None
        pause = pause_before_retry(step.retry, visit.failures + 1, failure, chance=self._chance())
        if pause is None:
            self._record(run, StepFailed(step.node_id, visit.number, visit.attempt, failure, told))
        else:
            due = self._now() + pause
            self._record(run, StepRetrying(step.node_id, visit.number, visit.attempt, failure, due, told))

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
        state, world = run.state, self.world
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
            children=ChildRuns(self._engine, run, visit) if planned.child is not None else None,
            targets=targets,
            execution_id=run.root_id,
            workspace=state.admitted.workspace,
            event=state.admitted.event,
            http=world.http,
            workflow_id=state.plan.workflow_id,
            is_entry=state.plan.mode is not Mode.TRIGGER or planned.node_id == state.plan.root,
            media=world.media,
            starter=state.admitted.principal,
        )

    def _emit(self, run: Run, visit: Visit, attempt: int, text: str) -> None:
        if text and visit.group is run.state.active and visit.attempt == attempt:
            step = run.state.planned(visit).node_id
            run.record(Delta(step, visit.number, len(visit.text), text), self._now())
            run.limits[visit].heard()
