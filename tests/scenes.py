"""What the tests of waiting, retrying and recovery share: workflows with a node that waits in every place it can be in,
engines that die, and the turns that it takes until nothing moves any more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from engine_kit import Behaviour, check_history, engine_of, rebuilt, registry_of, say

from builder_jupyter.clock import ManualClock
from builder_jupyter.errors import StepError
from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.ports import Journal
from builder_jupyter.execution.replay import Replay
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.execution.visit import WAITS_FOR_CHILDREN, Visit
from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.nodes.base import AnswerKind, StepContext, StepResult, Wait
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.router import with_label
from builder_jupyter.planning.plan import Plan
from builder_jupyter.planning.planner import plan_trigger
from builder_jupyter.storage.memory import MemoryJournal

KINDS = ("human", "callback", "user-turn", "timer", "provider-poll")
PLACES = ("plain", "loop", "parallel", "map", "sub-workflow", "sub-workflow in a loop")
SECONDS = 60
POLL = 7
CODES = {
    "human": "human_timeout",
    "callback": "wait_timeout",
    "user-turn": "wait_timeout",
    "provider-poll": "provider_timeout",
}


async def look(context: StepContext) -> StepResult | Wait:
    """A job at a provider: looked at every so often until somebody says that it is done, or its time is up."""
    wait = Wait("provider-poll", {"job": context.key}, timeout_seconds=SECONDS, poll_seconds=POLL)
    if context.answer is None or context.answer.kind is AnswerKind.POLL:
        return wait
    if context.answer.kind is AnswerKind.ANSWERED:
        said = str(context.answer.value)
        return StepResult(
            messages=(Message("user", said),), result=said, taken=with_label(context.routes, None) or None
        )
    taken = with_label(context.routes, "timeout")
    if not taken:
        raise StepError("The provider took too long.", code="provider_timeout")
    return StepResult(taken=taken)


async def twice(context: StepContext) -> StepResult:
    """The end of a loop: again after the first visit, out after the second."""
    return StepResult(taken=(1,) if context.key.endswith("/2") else (0,))


def waiting_node(name: str, kind: str) -> Node:
    if kind == "human":
        return Node(name, "human", {"prompt": "?", "timeout": SECONDS})
    if kind == "provider-poll":
        return Node(name, "do", {})
    return Node(name, "wait", {"for": kind, "seconds": SECONDS})


def nodes_of(*names: str) -> tuple[Node, ...]:
    return tuple(Node(name, name if name in ("start", "end") else "do") for name in names)


def simple(kind: str, *, timeout_edge: bool) -> Workflow:
    edges = [Edge("start", "w"), Edge("w", "end")]
    nodes = [*nodes_of("start", "end"), waiting_node("w", kind)]
    if timeout_edge:
        nodes += nodes_of("late")
        edges += [Edge("w", "late", label="timeout"), Edge("late", "end")]
    return Workflow("simple", tuple(nodes), tuple(edges))


def scene(kind: str, place: str, *, timeout_edge: bool = False) -> Plan:
    """The plan of a workflow in which a node waits for ``kind`` at ``place``."""
    registry = REGISTRY
    flow = simple(kind, timeout_edge=timeout_edge)
    if place == "plain":
        return plan_trigger(flow, "start", registry=registry)
    late = [Edge("w", "late", label="timeout")] if timeout_edge else []
    extra = nodes_of("late") if timeout_edge else ()
    if place == "loop":
        edges = [Edge("start", "w"), Edge("w", "again"), Edge("again", "w"), Edge("again", "end"), *late]
        edges += [Edge("late", "again")] if timeout_edge else []
        flow = Workflow("loop", (*nodes_of("start", "again", "end"), waiting_node("w", kind), *extra), tuple(edges))
        return plan_trigger(flow, "start", registry=registry)
    if place == "parallel":
        edges = [Edge("start", "w"), Edge("start", "w2"), Edge("w", "join"), Edge("w2", "join"), Edge("join", "end")]
        if timeout_edge:
            edges += [*late, Edge("w2", "late", label="timeout"), Edge("late", "join")]
        waiting = (waiting_node("w", kind), waiting_node("w2", kind))
        flow = Workflow("parallel", (*nodes_of("start", "join", "end"), *waiting, *extra), tuple(edges))
        return plan_trigger(flow, "start", registry=registry)
    children = {"inner": plan_trigger(flow, "start", registry=registry)}
    data: Mapping[str, Any] = {"workflow": "inner"}
    nodes, edges = nodes_of("start", "end"), [Edge("start", "s"), Edge("s", "end")]
    if place == "sub-workflow in a loop":
        nodes = (*nodes, *nodes_of("again"))
        edges = [Edge("start", "s"), Edge("s", "again"), Edge("again", "s"), Edge("again", "end")]
    outer = Node("s", "workflow", data)
    if place == "map":
        outer = Node("s", "map", {**data, "items": ["x", "y", "z"], "concurrency": 2})
    return plan_trigger(
        Workflow(place, (*nodes, outer), tuple(edges)), "start", registry=registry, children=children
    )  # fmt: skip


BEHAVIOURS: dict[str, Behaviour] = {"w": look, "w2": look, "again": twice}
REGISTRY = registry_of(BEHAVIOURS)


class Life:
    """One process after another on the same journal and clock."""

    def __init__(self, behaviours: Mapping[str, Behaviour] | None = None, *, journal: Journal | None = None, **kwargs):
        self.registry = REGISTRY if behaviours is None else registry_of({**BEHAVIOURS, **behaviours})
        self.journal: Any = journal or MemoryJournal()
        self.clock = ManualClock()
        self.kwargs = kwargs
        self.engine = self.begin()

    def begin(self) -> Engine:
        return engine_of(self.registry, journal=self.journal, clock=self.clock, **self.kwargs)

    async def admit(self, plan: Plan, inputs: Mapping[str, Any] | None = None, replay: Replay | None = None) -> Run:
        trigger = TriggerType.REPLAY if replay else TriggerType.API
        run = await self.engine.admit(
            plan, workspace="default", principal="me", trigger=trigger, inputs=inputs or {}, replay=replay
        )
        await self.quiet()
        return run

    async def run(self, flow: Workflow, inputs: Mapping[str, Any] | None = None, **kwargs: Any) -> Run:
        return await self.admit(plan_trigger(flow, "start", registry=self.registry, **kwargs), inputs)

    async def dies(self, *, downtime: float = 0) -> None:
        """End this process; another goes on with what the journal has."""
        await self.engine.stop()
        self.clock.advance(downtime)
        self.engine = self.begin()
        left = [await self.engine.load(execution_id) for execution_id in await self.journal.unfinished()]
        for run in left:
            self.engine.resume(run)
        await self.quiet()

    async def quiet(self) -> None:
        """Give turns until nothing moves any more."""
        still = 0
        before = None
        while still < 3:
            await asyncio.gather(*(run.on_disk() for run in self.engine.runs.values()), return_exceptions=True)
            while getattr(self.journal, "reading", 0):
                await self.journal.room()
                await asyncio.sleep(0)
            for _ in range(12):
                await asyncio.sleep(0)
            now = [(run.execution_id, run.state.seq, len(run.tasks)) for run in self.engine.runs.values()]
            still = still + 1 if now == before else 0
            before = now

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.quiet()

    def again(self, run: Run) -> Run:
        """The same execution in the process that lives now."""
        return self.engine.runs[run.execution_id]

    def open(self) -> list[tuple[Run, Visit]]:
        """All waitpoints that the world can end, oldest execution first."""
        runs = [run for run in self.engine.runs.values() if not run.state.status.is_terminal]
        found = [(run, visit) for run in runs for visit in run.state.waiting]
        return [(run, v) for run, v in found if v.waitpoint.waits_for != WAITS_FOR_CHILDREN]

    def ids(self) -> list[str]:
        return sorted(visit.waitpoint.waitpoint_id for _, visit in self.open())

    async def answer_all(self, value: Any = "yes") -> int:
        """Answer whatever asks until nothing asks any more; return how many answers counted."""
        counted = 0
        while waiting := self.open():
            for run, visit in waiting:
                counted += self.engine.answer(run, visit.waitpoint.waitpoint_id, value, by="me")
            await self.quiet()
        return counted

    async def check(self) -> None:
        """Every history goes only where it may, and each journal alone gives the same picture."""
        for run in self.engine.runs.values():
            check_history(run.published(), run.state.plan, over=run.state.status.is_terminal)
            state = await rebuilt(self.journal, run.execution_id)
            assert json.dumps(snapshot(state)) == json.dumps(snapshot(run.state))
            assert not run.state.status.is_terminal or not (run.tasks or run.slots)
        assert not self.engine._attempts._queue._running or any(run.slots for run in self.engine.runs.values())

    async def stop(self) -> None:
        await self.engine.stop()


def live(work: Callable[[Life], Any], behaviours: Mapping[str, Behaviour] | None = None, **kwargs: Any) -> None:
    """Run a test in a life of its own; everything is checked at the end."""

    async def whole() -> None:
        life = Life(behaviours, **kwargs)
        try:
            await work(life)
            await life.quiet()
            await life.check()
        finally:
            await life.stop()

    asyncio.run(whole())


def steps(run: Run) -> dict[str, dict[str, Any]]:
    """The steps of a picture; later visits as ``name#2``."""
    return {s["stepId"] if s["visit"] == 1 else f"{s['stepId']}#{s['visit']}": s for s in snapshot(run.state)["steps"]}


def statuses(run: Run) -> dict[str, str]:
    return {name: step["status"] for name, step in steps(run).items()}


def flow(text: str, **data: Mapping[str, Any]) -> Workflow:
    """``engine_kit.workflow_of`` with more names for types: wait, map, workflow, quick."""
    from engine_kit import workflow_of

    made = workflow_of(text, **data)
    more = {"wait", "map", "workflow", "quick"}
    stems = {node.id: node.id.rstrip("0123456789") for node in made.nodes}
    return made.with_nodes(Node(n.id, stems[n.id] if stems[n.id] in more else n.type, n.data) for n in made.nodes)


def gate(then: Behaviour = say) -> Any:
    """A behaviour that waits until it is let through; ``entered`` counts how often it was begun."""

    class Gate:
        def __init__(self) -> None:
            self.open, self.entered, self.cancelled = asyncio.Event(), 0, 0

        async def __call__(self, context: StepContext) -> StepResult | Wait:
            self.entered += 1
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return await then(context)

    return Gate()


def failing(times: int, *, then: Behaviour = say, code: str = "BROKE", retryable: bool = True, **kwargs: Any) -> Any:
    """A behaviour that fails so often before it does what it is to do; ``calls`` counts all."""

    class Failing:
        calls = 0

        async def __call__(self, context: StepContext) -> StepResult | Wait:
            self.calls += 1
            if self.calls <= times:
                raise StepError(f"failure {self.calls}", code=code, retryable=retryable, **kwargs)
            return await then(context)

    return Failing()
