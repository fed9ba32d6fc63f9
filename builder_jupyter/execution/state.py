"""The state of one execution, rebuilt from nothing but its events.

`ExecutionState.evolve` is the only thing that changes it, and it is total: live running and replay of the journal go
the same way. The traversal rules (docs/engine.md) are here in full: an edge is satisfied or dead, a step is ready when
none of its edges is open and one is satisfied, and dead when all are dead; loops run iteration by iteration.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import Any

from builder_jupyter.execution.events import (
    Admitted,
    CancelRequested,
    CreditsHeld,
    CreditsReleased,
    CreditsSpent,
    Delta,
    Event,
    Resumed,
    StatusChanged,
    StepCompleted,
    StepEvent,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepWaiting,
    WaitpointEnded,
)
from builder_jupyter.execution.records import Recorded
from builder_jupyter.execution.status import ExecutionStatus, StepStatus, TriggerType
from builder_jupyter.execution.visit import WAITS_FOR_CHILDREN, Activation, Context, Visit
from builder_jupyter.money import ZERO, credits_of
from builder_jupyter.nodes.base import Answer
from builder_jupyter.planning.plan import Plan, PlannedStep
from builder_jupyter.planning.topology import EdgeKind, Link, Region


class ExecutionState:
    """What is known of an execution.

    Parameters
    ----------
    plan : its plan, which holds the snapshot of every node.
    first : the `Admitted` event that began it.
    """

    __slots__ = (
        "_activations", "_at", "_numbers", "_open", "_order", "_root", "_timers", "_waited_ms", "_waiting_since",
        "active", "admitted", "cancel_requested", "created_at", "error", "execution_id", "failed", "finished_at",
        "held", "is_billed", "paused", "plan", "queued", "ready", "released", "seq", "skippable", "spent",
        "started_at", "status", "topology", "visits", "waiting", "waitpoints",
    )  # fmt: skip

    def __init__(self, plan: Plan, first: Recorded) -> None:
        if not isinstance(first.event, Admitted):
            raise TypeError("the first event of an execution is its admission")
        self.execution_id = first.execution_id
        self.plan = plan
        self.topology = topology = plan.topology
        self.admitted = first.event
        self.status = ExecutionStatus.PLANNING
        self.error: dict[str, Any] | None = None
        self.seq = first.seq
        self.created_at = first.at
        self.started_at: int | None = None
        self.finished_at: int | None = None
        self.cancel_requested = False
        self.failed: Visit | None = None
        self.held = self.spent = self.released = ZERO
        self.is_billed: bool | None = None
        self.visits: dict[tuple[int, int], Visit] = {}
        self.ready: dict[Visit, None] = {}
        self.queued: dict[Visit, None] = {}
        self.active: dict[Visit, None] = {}
        self.paused: dict[Visit, None] = {}
        self.waiting: dict[Visit, None] = {}
        self.waitpoints: dict[str, Visit] = {}
        self.skippable: dict[int, None] = {}
        self._open: dict[tuple[int, Context], Visit] = {}
        self._activations: dict[tuple[int, Context], Activation] = {}
        self._root = Activation()
        self._numbers: dict[int, int] = {}
        self._timers: list[tuple[int, int, Visit]] = []
        self._order = count()
        self._waited_ms = 0
        self._at = first.at
        self._waiting_since: int | None = None
        for step, context in topology.entries:
            self._make_ready(Visit(step, context, 0))

    # -- reading -----------------------------------------------------------------------------------------------

    @property
    def trigger(self) -> TriggerType:
        """What started it."""
        return TriggerType(self.admitted.trigger)

    @property
    def settled(self) -> bool:
        """Whether every step is completed or dead."""
        return self._root.settled == self.topology.regions[0].members

    @property
    def deadline(self) -> int | None:
        """When the execution has run for too long, epoch milliseconds; the time it waited is not counted."""
        if self.started_at is None or self.status is not ExecutionStatus.RUNNING:
            return None
        return self.started_at + self._waited_ms + round(1000 * self.plan.timeout_seconds)

    @property
    def next_due(self) -> int | None:
        """When something is to happen by itself, epoch milliseconds; None for never."""
        timers = self._timers
        while timers and timers[0][2].due != timers[0][0]:
            heappop(timers)  # what it was for has happened
        first = timers[0][0] if timers else None
        deadline = self.deadline
        if first is None or deadline is None:
            return deadline if first is None else first
        return min(first, deadline)

    def overdue(self, now: int) -> list[Visit]:
        """Return the visits whose time has come, longest overdue first."""
        if not self._timers or self._timers[0][0] > now:
            return []
        timers = sorted(self._timers, key=lambda timer: timer[:2])
        return list(dict.fromkeys(visit for due, _, visit in timers if visit.due == due <= now))

    def planned(self, visit: Visit) -> PlannedStep:
        """Return the planned step that a visit belongs to."""
        return self.plan.steps[visit.step]

    def visit(self, step: str, number: int) -> Visit:
        """Return a visit by the names it has in events. `KeyError` when there is none."""
        return self.visits[self._position(step), number]

    def last_visits(self) -> dict[int, Visit]:
        """Return the latest visit of each step that has one, by step position."""
        return {step: visit for (step, _), visit in self.visits.items()}

    def unvisited(self) -> Iterator[int]:
        """Yield the positions of steps that never became ready."""
        visited = {step for step, _ in self.visits}
        return (step for step in range(len(self.plan.steps)) if step not in visited)

    def _position(self, step: str) -> int:
        return self.plan.positions[step]

    # -- evolving ----------------------------------------------------------------------------------------------

    def evolve(self, recorded: Recorded) -> None:
        """Take in the next event of the history."""
        event = recorded.event
        self.seq = recorded.seq
        before, self._at = self._at, recorded.at
        if isinstance(event, Resumed):
            self._on_resumed(recorded.at - before)
        elif isinstance(event, StepEvent) and not isinstance(event, StepSkipped):
            _ON_STEP[type(event)](self, event, self.visit(event.step, event.visit), recorded.at)
        else:
            self._on_execution(event, recorded.at)

    def _on_execution(self, event: Event, at: int) -> None:
        match event:
            case StatusChanged():
                self._on_status(event, at)
            case StepSkipped():
                self._on_skipped(event, at)
            case CancelRequested():
                self.cancel_requested = True
            case CreditsHeld():
                self._on_held(event)
            case CreditsSpent():
                self.spent = credits_of(self.spent + Decimal(event.amount))
            case CreditsReleased():
                self.released = credits_of(self.released + Decimal(event.amount))
            case _:
                raise TypeError(f"{type(event).__name__} cannot follow an admission")

    def _on_held(self, event: CreditsHeld) -> None:
        self.held = credits_of(self.held + Decimal(event.amount))
        if self.is_billed is None:  # what began under an older version is not in the ledger, and stays out of it
            self.is_billed = event.about is not None
        if event.step is not None and event.visit is not None:
            self.visit(event.step, event.visit).is_held = True

    def _on_status(self, event: StatusChanged, at: int) -> None:
        self.status = event.status
        self.error = event.error
        if event.status is ExecutionStatus.RUNNING and self.started_at is None:
            self.started_at = at
        if event.status is ExecutionStatus.WAITING:
            self._waiting_since = at
        elif self._waiting_since is not None:
            self._waited_ms += max(0, at - self._waiting_since)
            self._waiting_since = None
        if event.status.is_terminal:
            self.finished_at = at
            for group in (self.ready, self.queued, self.active, self.paused, self.waiting):
                group.clear()
            self._open.clear()
            self._activations.clear()
            self._timers.clear()

    def _on_resumed(self, away_ms: int) -> None:
        """Put running visits back: the process that ran them is gone, and what they were doing with it."""
        if self.status is ExecutionStatus.RUNNING:
            self._waited_ms += max(0, away_ms)
        lost = [visit for visit in self.waiting if visit.waitpoint and visit.waitpoint.waits_for == WAITS_FOR_CHILDREN]
        for visit in [*self.active, *lost]:
            self._move(visit, self.ready)
            visit.status = StepStatus.PENDING

    def _on_skipped(self, event: StepSkipped, at: int) -> None:
        step = self._position(event.step)
        self.skippable.pop(step, None)
        visit = self.visits.get((step, event.visit))
        if visit is None:
            visit = self.visits[step, event.visit] = Visit(step, (), 0, number=event.visit)
        self._move(visit, None)
        visit.status, visit.skip_reason, visit.finished_at = StepStatus.SKIPPED, event.reason, at

    def _on_delta(self, event: Delta, visit: Visit, _at: int) -> None:
        visit.status = StepStatus.STREAMING
        visit.text += event.text

    def _on_started(self, event: StepStarted, visit: Visit, at: int) -> None:
        self._move(visit, self.active)
        visit.status, visit.attempt = StepStatus.RUNNING, event.attempt
        visit.started_at = visit.started_at or at

    def _on_completed(self, event: StepCompleted, visit: Visit, at: int) -> None:
        self._move(visit, None)
        visit.status, visit.result, visit.finished_at = StepStatus.COMPLETED, event.result, at
        visit.attempt, visit.started_at = event.attempt, visit.started_at or at
        visit.reused, visit.waitpoint, visit.answer, visit.error = event.reused, None, None, None
        self._settle(visit)

    def _on_retrying(self, event: StepRetrying, visit: Visit, _at: int) -> None:
        self._move(visit, self.paused, due=event.due)
        visit.status, visit.error = StepStatus.PENDING, event.error
        visit.failures += 1
        visit.note_calls(event.attempt, event.calls)

    def _on_waiting(self, event: StepWaiting, visit: Visit, _at: int) -> None:
        self._move(visit, self.waiting, due=_earlier(event.deadline, event.poll_at))
        visit.status, visit.waitpoint, visit.answer = StepStatus.WAITING, event, None
        self.waitpoints[event.waitpoint_id] = visit

    def _on_waitpoint_ended(self, event: WaitpointEnded, visit: Visit, _at: int) -> None:
        self._move(visit, self.ready)
        if visit.waitpoint is not None:
            visit.answer = Answer(event.how, visit.waitpoint.request, event.answer, event.by)

    def _on_failed(self, event: StepFailed, visit: Visit, at: int) -> None:
        self._move(visit, None)
        visit.status, visit.error, visit.finished_at = StepStatus.ERROR, event.error, at
        self.failed = self.failed or visit
        visit.note_calls(event.attempt, event.calls)

    def _move(self, visit: Visit, group: dict[Visit, None] | None, *, due: int | None = None) -> None:
        """Put a visit into another group; what it streamed and what it was due for are past."""
        if visit.group is not None:
            visit.group.pop(visit, None)
        visit.group, visit.text, visit.due = group, "", due
        if group is not None:
            group[visit] = None
        if due is not None:
            heappush(self._timers, (due, next(self._order), visit))

    # -- facts of this process, which no journal has -------------------------------------------------------------

    def enqueue(self, visit: Visit) -> None:
        """Note that a ready visit waits for its turn: too many steps of its kind are running."""
        self._move(visit, self.queued)

    def dequeue(self, visit: Visit) -> None:
        """Note that a visit's turn has come."""
        self._move(visit, self.ready)

    # -- traversal ---------------------------------------------------------------------------------------------

    def _make_ready(self, visit: Visit) -> None:
        visit.number = self._numbers[visit.step] = self._numbers.get(visit.step, 0) + 1
        visit.depth = 1 + max((parent.depth for parent in visit.parents), default=0)
        self.visits[visit.step, visit.number] = visit
        self._move(visit, self.ready)

    def _settle(self, done: Visit) -> None:
        """Tell everything behind a completed visit. A work list, since dead branches can be thousands long."""
        work: deque[Visit] = deque([done])
        while work:
            visit = work.popleft()
            taken = visit.result.taken if visit.result is not None else ()
            for place, index in enumerate(self.topology.outgoing[visit.step]):
                satisfied = visit.result is not None and (taken is None or place in taken)
                self._resolve(self.topology.links[index], visit, work, satisfied=satisfied)
            self._count(self.topology.region_of[visit.step], visit.context, work)

    def _resolve(self, link: Link, source: Visit, work: deque[Visit], *, satisfied: bool) -> None:
        """Settle one edge. Edges that leave or restart a loop are remembered until its iteration is over."""
        if link.kind is EdgeKind.FORWARD:
            self._deliver(link, source.context[: link.shared], source if satisfied else None, work)
        elif satisfied:
            loop = self._activation(link.region, source.context)
            (loop.back if link.kind is EdgeKind.BACK else loop.exits)[link.index] = source

    def _deliver(self, link: Link, context: Context, source: Visit | None, work: deque[Visit]) -> None:
        """Bring an edge, satisfied by ``source`` or dead, to its target; deeper loops are entered at iteration 1."""
        region = self.topology.region_of[link.target]
        inner = context
        if region:
            inner += (1,) * (self.topology.regions[region].depth - len(context))
        key = (link.target, inner)
        target = self._open.get(key)
        if target is None:
            target = self._open[key] = Visit(link.target, inner, self.topology.awaited(link.target, inner))
        target.open -= 1
        if source is not None:
            target.parents.append(source)
            target.arrived.append(link.index)
        if target.open == 0:
            del self._open[key]
            if target.parents:
                self._make_ready(target)
            else:
                if not inner:
                    self.skippable[target.step] = None
                work.append(target)

    def _activation(self, region: int, context: Context) -> Activation:
        outside = context[: self.topology.regions[region].depth - 1]
        return self._activations.setdefault((region, outside), Activation())

    def _count(self, region: int, context: Context, work: deque[Visit]) -> None:
        """Count a settled member; when an iteration is over, begin the next or leave the loop."""
        while region:
            about = self.topology.regions[region]
            outside = context[: about.depth - 1]
            loop = self._activation(region, context)
            loop.settled += 1
            if loop.settled < about.members:
                return
            if loop.back:
                self._iterate(about, loop, outside, work)
                return
            del self._activations[region, outside]
            for index in about.exits:
                self._deliver(self.topology.links[index], outside, loop.exits.get(index), work)
            if about.parent == 0:
                self.skippable.update(dict.fromkeys(self._never_visited(region)))
            region, context = about.parent, outside
        self._root.settled += 1

    def _iterate(self, about: Region, loop: Activation, outside: Context, work: deque[Visit]) -> None:
        """Begin an iteration: the ways back arrive, those that were taken and, dead, those that were not."""
        taken, loop.back = loop.back, {}
        loop.iteration += 1
        loop.settled = 0
        for index in about.back:
            self._deliver(self.topology.links[index], (*outside, loop.iteration), taken.get(index), work)

    def _never_visited(self, outermost: int) -> Iterator[int]:
        for step, region in enumerate(self.topology.region_of):
            around = region
            while around and self.topology.regions[around].parent:
                around = self.topology.regions[around].parent
            if around == outermost and (step, 1) not in self.visits:
                yield step


def _earlier(a: int | None, b: int | None) -> int | None:
    return min((moment for moment in (a, b) if moment is not None), default=None)


_ON_STEP: dict[type[StepEvent], Callable[[ExecutionState, Any, Visit, int], None]] = {
    Delta: ExecutionState._on_delta,  # noqa: SLF001 - the table of the class's own methods, here and below
    StepStarted: ExecutionState._on_started,  # noqa: SLF001
    StepCompleted: ExecutionState._on_completed,  # noqa: SLF001
    StepRetrying: ExecutionState._on_retrying,  # noqa: SLF001
    StepWaiting: ExecutionState._on_waiting,  # noqa: SLF001
    WaitpointEnded: ExecutionState._on_waitpoint_ended,  # noqa: SLF001
    StepFailed: ExecutionState._on_failed,  # noqa: SLF001
}
"""What each event does to its visit."""
