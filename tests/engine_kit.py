"""What the tests of planning, execution and services share: plans from a line of text, a walk without an engine, a
journal that is completed by hand, and a checker of histories.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import BuilderError
from builder_jupyter.execution.attempts import World
from builder_jupyter.execution.decide import SetStatus, Skip, Start, decide
from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.events import (
    Admitted,
    Delta,
    Event,
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
from builder_jupyter.execution.ports import Entry
from builder_jupyter.execution.records import Recorded, event_of
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import (
    EXECUTION_TRANSITIONS,
    STEP_TRANSITIONS,
    ExecutionStatus,
    StepStatus,
    TriggerType,
)
from builder_jupyter.execution.visit import Visit
from builder_jupyter.graph.model import EMPTY, Edge, Node, Profile, Workflow
from builder_jupyter.money import ZERO
from builder_jupyter.nodes import BUILT_IN
from builder_jupyter.nodes.base import Effect, NodeType, StepContext, StepResult, Wait
from builder_jupyter.nodes.chat import Message, ToolSpec
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Mode, Plan, PlannedEdge, PlannedStep
from builder_jupyter.planning.planner import plan_trigger
from builder_jupyter.planning.topology import topology_of
from builder_jupyter.storage.memory import MemoryJournal

# -- graphs from text ------------------------------------------------------------------------------------------


def pairs(text: str) -> list[tuple[str, str]]:
    """``"a>b>c b>d"`` -> [(a, b), (b, c), (b, d)]."""
    found = []
    for chain in text.split():
        names = chain.split(">")
        found.extend(pairwise(names))
    return found


def names_of(text: str) -> list[str]:
    return list(dict.fromkeys(name for chain in text.split() for name in chain.split(">")))


def plan_of(text: str, root: str | None = None) -> Plan:
    """A plan whose steps are bare names, for tests of traversal alone; the root is the first name."""
    return plan_from(names_of(text), pairs(text), root)


def plan_from(names: Sequence[str], edges: Sequence[tuple[str, str]], root: str | None = None) -> Plan:
    at = {name: index for index, name in enumerate(names)}
    root = root or names[0]
    levels = topology_of(len(names), [(at[s], at[t]) for s, t in edges], at[root]).levels
    steps = [PlannedStep(name, "do", EMPTY, wave, ZERO, 10.0) for name, wave in zip(names, levels, strict=True)]
    return Plan(
        "wf", 1, "test", Profile.BUILDER, Mode.TRIGGER, root,
        tuple(sorted(steps, key=lambda step: step.wave)),
        tuple(PlannedEdge(source, target) for source, target in edges),
    )  # fmt: skip


_TYPES = {"start": "start", "end": "end", "router": "router", "human": "human", "agent": "agent", "tool": "tool"}


def workflow_of(text: str, **data: Mapping[str, Any]) -> Workflow:
    """A builder workflow: a node's type is its name up to the first digit, else ``do``; ``a>b:label`` is not needed,
    since routers without labels map by position.
    """
    nodes = []
    for name in names_of(text):
        stem = name.rstrip("0123456789")
        nodes.append(Node(name, _TYPES.get(stem, "do"), dict(data.get(name, {}))))
    return Workflow("test", tuple(nodes), tuple(Edge(s, t) for s, t in pairs(text)))


# -- a walk without an engine ----------------------------------------------------------------------------------

Routes = Callable[[str, int], Iterable[str] | None]


class Walk:
    """Drives state and decisions by hand: every step "runs" as the script says, in an order the test chooses.

    Parameters
    ----------
    routes : (step, visit) -> the targets whose edges are taken, None for all.
    pick : chooses which of the running visits completes next; by default the oldest.
    """

    def __init__(
        self,
        plan: Plan,
        routes: Routes = lambda _step, _visit: None,
        *,
        pick: Callable[[list[Visit]], Visit] = lambda running: running[0],
        messages: Callable[[str, int], str | None] = lambda _step, _visit: None,
    ) -> None:
        self.plan = plan
        self.history: list[Recorded] = []
        self.routes, self.pick, self.messages = routes, pick, messages
        first = Recorded("exec_walk", 1, 1, Admitted(plan.plan_id, "default", "me", "api", {}))
        self.history.append(first)
        self.state = ExecutionState(plan, first)

    def record(self, event: Event) -> None:
        recorded = Recorded("exec_walk", self.state.seq + 1, self.state.seq + 1, event)
        self.history.append(recorded)
        self.state.evolve(recorded)

    def advance(self) -> None:
        while commands := decide(self.state, 0):
            for command in commands:
                match command:
                    case Start(visit):
                        self.record(StepStarted(self.name(visit), visit.number, visit.attempt + 1))
                    case Skip(step, number, reason):
                        self.record(StepSkipped(self.plan.steps[step].node_id, number, reason))
                    case SetStatus(status, error):
                        self.record(StatusChanged(status, error))

    def complete(self, visit: Visit) -> None:
        name = self.name(visit)
        targets = self.routes(name, visit.number)
        taken = None
        if targets is not None:
            wanted = set(targets)
            out = [self.plan.edges[i].target for i in self.state.topology.outgoing[visit.step]]
            assert wanted <= set(out), f"{name} has no edges to {wanted - set(out)}"
            taken = tuple(i for i, target in enumerate(out) if target in wanted)
        text = self.messages(name, visit.number)
        written = () if text is None else (Message("assistant", text, name=name),)
        self.record(StepCompleted(name, visit.number, visit.attempt, StepResult(messages=written, taken=taken)))

    def name(self, visit: Visit) -> str:
        return self.plan.steps[visit.step].node_id

    def run(self) -> Walk:
        self.advance()
        while self.state.active:
            self.complete(self.pick(list(self.state.active)))
            self.advance()
        return self

    @property
    def started(self) -> list[str]:
        """``name`` for first visits, ``name2``... as ``name#2`` for later ones, in the order of their starts."""
        events = [r.event for r in self.history if isinstance(r.event, StepStarted)]
        return [e.step if e.visit == 1 else f"{e.step}#{e.visit}" for e in events]

    @property
    def skipped(self) -> list[str]:
        return sorted(r.event.step for r in self.history if isinstance(r.event, StepSkipped))


# -- the checker of histories ----------------------------------------------------------------------------------


def check_history(history: Sequence[Recorded], plan: Plan, *, over: bool = True) -> None:
    """Assert that a history goes only where the tables of `execution.status` lead.

    Also: ``seq`` rises, nothing follows a terminal status, each visit completes at most once and only its latest
    attempt, `waiting` means that nothing runs, and at the end every step has a terminal visit and no other.
    """
    assert isinstance(history[0].event, Admitted)
    seqs = [recorded.seq for recorded in history]
    assert seqs == sorted(set(seqs))
    status = ExecutionStatus.PLANNING
    steps: dict[tuple[str, int], StepStatus] = {}
    attempts: dict[tuple[str, int], int] = {}
    for recorded in history[1:]:
        event = recorded.event
        assert not status.is_terminal, f"{event} after {status}"
        if isinstance(event, StatusChanged):
            assert event.status in EXECUTION_TRANSITIONS[status], f"{status} -> {event.status}"
            status = event.status
            if status is ExecutionStatus.WAITING:
                assert not {StepStatus.RUNNING, StepStatus.STREAMING} & set(steps.values())
                assert StepStatus.WAITING in steps.values()
        elif isinstance(event, StepEvent):
            _check_step(event, plan, steps, attempts)
    if over:
        assert status.is_terminal
        assert {step for step, _ in steps} == {step.node_id for step in plan.steps}
        assert all(is_status.is_terminal for is_status in steps.values()), steps
        if status is ExecutionStatus.COMPLETED:
            assert set(steps.values()) <= {StepStatus.COMPLETED, StepStatus.SKIPPED}


_WORLD = {"do", *(node_type.type for node_type in BUILT_IN if node_type.effect is Effect.WORLD)}


def _check_step(
    event: StepEvent, plan: Plan, steps: dict[tuple[str, int], StepStatus], attempts: dict[tuple[str, int], int]
) -> None:
    key = (event.step, event.visit)
    assert event.visit == 1 or (event.step, event.visit - 1) in steps, f"{key} without the visit before it"
    before = steps.get(key, StepStatus.PENDING)
    after = {
        StepStarted: StepStatus.RUNNING,
        Delta: StepStatus.STREAMING,
        StepWaiting: StepStatus.WAITING,
        WaitpointEnded: StepStatus.WAITING,
        StepRetrying: StepStatus.PENDING,
        StepCompleted: StepStatus.COMPLETED,
        StepFailed: StepStatus.ERROR,
        StepSkipped: StepStatus.SKIPPED,
    }[type(event)]
    if isinstance(event, StepStarted):
        if before in (StepStatus.RUNNING, StepStatus.STREAMING):  # the process died between: an unrecorded way back
            before = StepStatus.PENDING
        # A step that waited goes on with the attempt it had, unless that one died with its process.
        goes_on = before is StepStatus.WAITING and event.attempt == attempts[key]
        assert goes_on or event.attempt == attempts.get(key, 0) + 1
        attempts[key] = event.attempt
    elif isinstance(event, StepCompleted) and event.reused:
        assert before is StepStatus.PENDING
    elif isinstance(event, StepCompleted) and before in (StepStatus.PENDING, StepStatus.WAITING):  # a pure step
        assert plan.steps[plan.positions[event.step]].node_type not in _WORLD, "a completion without a start"
        assert event.attempt == attempts.get(key, 0) + (before is StepStatus.PENDING)
    elif isinstance(event, StepCompleted | StepFailed | StepWaiting | StepRetrying):
        assert event.attempt == attempts[key], f"{event} from an attempt that is not the latest"
    elif isinstance(event, WaitpointEnded):
        assert before is StepStatus.WAITING
    stays = before is after and after in (StepStatus.STREAMING, StepStatus.WAITING)
    assert after in STEP_TRANSITIONS[before] or stays, f"{key}: {before} -> {after}"
    steps[key] = after


# -- engines ---------------------------------------------------------------------------------------------------

Behaviour = Callable[[StepContext], Awaitable[StepResult | Wait]]


async def say(context: StepContext) -> StepResult:
    """The behaviour of a step that nothing is scripted for: it writes its own name."""
    return StepResult(messages=(Message("assistant", context.node.id, name=context.node.id),))


def registry_of(behaviours: Mapping[str, Behaviour] | None = None) -> Registry:
    """The built-in types and ``do``: a step with effects that does what is scripted for its node id."""
    scripted = behaviours or {}

    class Do(NodeType):
        type = "do"
        profiles = frozenset({Profile.BUILDER, Profile.DIRECT})
        title = description = "scripted"
        effect = Effect.WORLD

        def timeout_of(self, node: Node) -> float:
            return float(node.data.get("timeout", 10.0))

        async def run(self, context: StepContext) -> StepResult | Wait:
            return await scripted.get(context.node.id, say)(context)

    class Quick(NodeType):
        """The same without effects: it runs ahead of the disk."""

        type = "quick"
        profiles = Do.profiles
        title = description = "scripted"

        def decide(self, context: StepContext) -> StepResult:
            return StepResult(messages=(Message("assistant", context.node.id, name=context.node.id),))

    return Registry((*BUILT_IN, Do, Quick))


class NoTools:
    def specs(self) -> Sequence[ToolSpec]:
        return ()

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        raise AssertionError(f"no tool is to be called, {name} was")


class HeldJournal(MemoryJournal):
    """Nothing is durable until the test says so: `release` and `fail` complete the oldest appends."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[tuple[list[Entry], asyncio.Future[None]]] = []

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held.append((list(entries), done))
        return done

    def release(self, count: int = 1) -> None:
        for _ in range(count):
            entries, done = self.held.pop(0)
            for entry in entries:
                self.entries.setdefault(entry.subject, []).append(entry)
            done.set_result(None)

    def fail(self, error: BuilderError) -> None:
        while self.held:
            self.held.pop(0)[1].set_exception(error)


def engine_of(
    registry: Registry | None = None,
    *,
    journal: MemoryJournal | None = None,
    model: ScriptedModel | None = None,
    tools: Any = None,
    on_over: Callable[[Run], None] = lambda _run: None,
    clock: ManualClock | None = None,
    limits: Mapping[str, int] | None = None,
) -> Engine:
    models = ScriptedModels(model or ScriptedModel(lambda request: request.messages[-1].content))
    world = World(registry or registry_of(), models, tools or NoTools())
    clock = clock or ManualClock()
    return Engine(journal or MemoryJournal(), world, clock, on_over=on_over, limits=limits, chance=lambda: 0.5)


async def admit(
    engine: Engine, workflow: Workflow, inputs: Mapping[str, Any] | None = None, root: str = "start"
) -> Run:
    plan = plan_trigger(workflow, root, registry=engine._attempts.world.registry)
    return await engine.admit(plan, workspace="default", principal="me", trigger=TriggerType.API, inputs=inputs or {})


async def until(condition: Callable[[], Any], what: str = "the condition") -> None:
    """Give the loop turns until something is so. Bounded, and no clock is involved."""
    for _ in range(5_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{what} never came true")


async def rebuilt(journal: MemoryJournal, execution_id: str) -> ExecutionState:
    """The state from nothing but what the journal holds."""
    entries = await journal.read(execution_id)
    history = [Recorded(e.subject, e.seq, e.at, event_of(e.kind, json.loads(e.body))) for e in entries]
    admitted = history[0].event
    assert isinstance(admitted, Admitted)
    plan = Plan.from_dict(json.loads((await journal.read(admitted.plan_id))[0].body))
    state = ExecutionState(plan, history[0])
    for recorded in history[1:]:
        state.evolve(recorded)
    return state
