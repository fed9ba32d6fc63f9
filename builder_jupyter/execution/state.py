"""The state of one execution, rebuilt from nothing but its events.

`ExecutionState.evolve` is the only thing that changes it, and it is total: live running and replay of the journal go
the same way. The traversal rules (docs/engine.md) are here in full: an edge is satisfied or dead, a step is ready when
none of its edges is open and one is satisfied, and dead when all are dead; loops run iteration by iteration.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from builder_jupyter.execution.events import (
    Admitted,
    CancelRequested,
    Delta,
    Event,
    Recorded,
    StatusChanged,
    StepCompleted,
    StepEvent,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from builder_jupyter.execution.status import ExecutionStatus, SkipReason, StepStatus, TriggerType
from builder_jupyter.nodes.base import StepResult
from builder_jupyter.planning.plan import Plan, PlannedStep
from builder_jupyter.planning.topology import EdgeKind, Link, Region

Context = tuple[int, ...]


@dataclass(slots=True, eq=False)
class Visit:
    """One visit of one step: the unit that runs.

    ``number`` counts the step's visits from 1 and is 0 until the visit is ready. ``parents`` are the visits whose
    edges were satisfied, with the position of each edge in ``arrived``. ``depth`` is the longest chain of visits
    before it: the causal order of messages. ``text`` is what the running attempt has streamed so far: pieces are not
    journaled, so nothing may depend on them once it is over.
    """

    step: int
    context: Context
    open: int
    number: int = 0
    depth: int = 0
    parents: list[Visit] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    result: StepResult | None = None
    error: dict[str, Any] | None = None
    skip_reason: SkipReason | None = None
    waitpoint: StepWaiting | None = None
    started_at: int | None = None
    finished_at: int | None = None
    text: str = ""


@dataclass(slots=True)
class Activation:
    """A loop that is being gone through: its iteration, how many members are settled in it, the edges taken."""

    iteration: int = 1
    settled: int = 0
    back: dict[int, Visit] = field(default_factory=dict)
    exits: dict[int, Visit] = field(default_factory=dict)


class ExecutionState:
    """What is known of an execution.

    Parameters
    ----------
    plan : its plan, which holds the snapshot of every node.
    first : the `Admitted` event that began it.
    """

    __slots__ = (
        "_activations", "_numbers", "_open", "_root", "active", "admitted", "cancel_requested", "created_at", "error",
        "execution_id", "failed", "finished_at", "plan", "ready", "seq", "skippable", "started_at", "status",
        "topology", "visits", "waiting",
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
        self.visits: dict[tuple[int, int], Visit] = {}
        self.ready: dict[Visit, None] = {}
        self.active: dict[Visit, None] = {}
        self.waiting: dict[Visit, None] = {}
        self.skippable: dict[int, None] = {}
        self._open: dict[tuple[int, Context], Visit] = {}
        self._activations: dict[tuple[int, Context], Activation] = {}
        self._root = Activation()
        self._numbers: dict[int, int] = {}
        for step, region in enumerate(topology.region_of):
            context = (1,) * topology.regions[region].depth
            if topology.awaited(step, context) == 0:
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
        self.seq = recorded.seq
        event = recorded.event
        match event:
            case StatusChanged():
                self._on_status(event, recorded.at)
            case CancelRequested():
                self.cancel_requested = True
            case StepSkipped():
                self._on_skipped(event, recorded.at)
            case StepEvent():
                self._on_step(event, self.visit(event.step, event.visit), recorded.at)
            case _:
                raise TypeError(f"{type(event).__name__} cannot follow an admission")

    def _on_status(self, event: StatusChanged, at: int) -> None:
        self.status = event.status
        self.error = event.error
        if event.status is ExecutionStatus.RUNNING and self.started_at is None:
            self.started_at = at
        if event.status.is_terminal:
            self.finished_at = at
            self.ready.clear()
            self.active.clear()
            self.waiting.clear()
            self._open.clear()
            self._activations.clear()

    def _on_skipped(self, event: StepSkipped, at: int) -> None:
        step = self._position(event.step)
        self.skippable.pop(step, None)
        visit = self.visits.get((step, event.visit))
        if visit is None:
            visit = self.visits[step, event.visit] = Visit(step, (), 0, number=event.visit)
        for group in (self.ready, self.active, self.waiting):
            group.pop(visit, None)
        visit.text = ""
        visit.status, visit.skip_reason, visit.finished_at = StepStatus.SKIPPED, event.reason, at

    def _on_step(self, event: Event, visit: Visit, at: int) -> None:
        for group in (self.ready, self.active, self.waiting):
            group.pop(visit, None)
        match event:
            case Delta():
                visit.status = StepStatus.STREAMING
                visit.text += event.text
                self.active[visit] = None
            case StepStarted():
                visit.text = ""
                visit.status, visit.attempt = StepStatus.RUNNING, event.attempt
                visit.started_at = visit.started_at or at
                self.active[visit] = None
            case StepWaiting():
                visit.text = ""
                visit.status, visit.waitpoint = StepStatus.WAITING, event
                self.waiting[visit] = None
            case StepFailed():
                visit.text = ""
                visit.status, visit.error, visit.finished_at = StepStatus.ERROR, event.error, at
                self.failed = self.failed or visit
            case StepCompleted():
                visit.text = ""
                visit.status, visit.result, visit.finished_at = StepStatus.COMPLETED, event.result, at
                visit.waitpoint = None
                self._settle(visit)

    def forget_attempts(self) -> None:
        """Put running visits back: the process that ran them is gone, and what they were doing with it."""
        for visit in self.active:
            visit.status, visit.text = StepStatus.PENDING, ""
        self.ready = {**self.active, **self.ready}
        self.active = {}

    # -- traversal ---------------------------------------------------------------------------------------------

    def _make_ready(self, visit: Visit) -> None:
        visit.number = self._numbers[visit.step] = self._numbers.get(visit.step, 0) + 1
        visit.depth = 1 + max((parent.depth for parent in visit.parents), default=0)
        self.visits[visit.step, visit.number] = visit
        self.ready[visit] = None

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
        depth = self.topology.regions[self.topology.region_of[link.target]].depth
        inner = context + (1,) * (depth - len(context))
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
