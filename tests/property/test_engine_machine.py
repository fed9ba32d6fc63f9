"""The engine under everything at once: answers, cancellations, clocks, crashes at every append, a store that fails.

The machine owns the journal, so that it decides what is on disk and what is lost; the clock stands still until it says.
"""

import asyncio
import json
from collections import Counter

from engine_kit import check_history, engine_of, registry_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scenes import flow

from builder_jupyter.clock import ManualClock
from builder_jupyter.errors import Conflict, StepError, Unavailable
from builder_jupyter.execution.decide import decide
from builder_jupyter.execution.events import Delta, StepCompleted
from builder_jupyter.execution.records import Recorded, event_of
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import ExecutionStatus, TriggerType
from builder_jupyter.execution.visit import WAITS_FOR_CHILDREN
from builder_jupyter.nodes.base import AnswerKind, StepResult, Wait
from builder_jupyter.nodes.chat import Message
from builder_jupyter.planning.plan import Plan
from builder_jupyter.planning.planner import plan_trigger
from builder_jupyter.storage.memory import MemoryJournal

RETRY = {"retry": {"maxAttempts": 3, "initialDelayMs": 1000}}
EAGER = {"retry": {"maxAttempts": 3, "initialDelayMs": 0}}
INNER = {"a": flow("start>a>end", a=RETRY), "human": flow("start>human>b>end")}
ROUTES = {"conditions": [{"label": "x", "pattern": "x"}, {"label": "y", "pattern": "y"}]}
OUTER = {
    "row": (flow("start>a>b>end", a=RETRY, b=EAGER), None),
    "side by side": (flow("start>a>c>end start>b>c start>quick>end", a=RETRY), None),
    "loop": (flow("start>a>again>a again>end", a=EAGER), None),
    "router": (flow("start>a>router>b>c>end router>human>c", a=RETRY, router=ROUTES), None),
    "people": (flow("start>human1>c>end start>human2>c", human1={"timeout": 40}), None),
    "time": (flow("start>wait>a>end start>b>end", wait={"seconds": 20}), None),
    "loop with a person": (flow("start>human>again>human again>end", human={"timeout": 90}), None),
    "map": (flow("start>map>end", map={"workflow": "inner", "items": ["x", "y", "z"], "concurrency": 2}), "a"),
    "kind map": (flow("start>map>end", map={"workflow": "inner", "items": ["x", "y"], "onFailure": "collect"}), "a"),
    "map of people": (flow("start>map>end", map={"workflow": "inner", "items": ["x", "y"]}), "human"),
    "part in a loop": (flow("start>workflow>again>workflow again>end", workflow={"workflow": "inner"}), "human"),
}
SCRIPTS = st.lists(
    st.sampled_from(["ok", "stream", "retry", "final", "wait", "poll", "hang", "swallow", "odd"]), max_size=4
)


class Disk(MemoryJournal):
    """What the machine releases is durable; ``over`` is what follows a crash or a failure: nothing is written."""

    def __init__(self, entries):
        super().__init__()
        self.entries = entries
        self.held = []
        self.over = False
        self.error = None

    def append(self, entries):
        done = asyncio.get_running_loop().create_future()
        if self.error is not None:
            done.set_exception(self.error)
        elif not self.over:
            self.held.append((list(entries), done))
        return done

    def release(self, count):
        for _ in range(min(count, len(self.held))):
            entries, done = self.held.pop(0)
            for entry in entries:
                self.entries.setdefault(entry.subject, []).append(entry)
            done.set_result(None)

    def fail(self):
        self.error = Unavailable("the disk is full")
        for _, done in self.held:
            done.set_exception(self.error)
        self.held.clear()


class EngineMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _loop, context: self.faults.append(context))
        self.faults, self.dead, self.admitting = [], [], []
        self.entries = {}
        self.clock = ManualClock()
        self.free = asyncio.Event()
        self.calls = Counter()
        self.scripts = {}
        self.registry = registry_of(dict.fromkeys("abc", self.play) | {"again": self.twice})
        self.limits = None

    @initialize(limit=st.sampled_from([0, 1, 2]), name=st.sampled_from(sorted(OUTER)), a=SCRIPTS, b=SCRIPTS, c=SCRIPTS)
    def open(self, limit, name, a, b, c):
        self.limits = {"workspace": limit} if limit else None
        self.scripts = {"a": a, "b": b, "c": c}
        self.begin()
        self.admit(name)

    def begin(self):
        self.disk = Disk(self.entries)
        self.engine = engine_of(self.registry, journal=self.disk, clock=self.clock, limits=self.limits)

    # -- what steps do -----------------------------------------------------------------------------------------

    async def play(self, context):
        """Do what the script of this node says for this call; afterwards, complete."""
        place = (context.key, context.answer is not None)
        script = self.scripts.get(context.node.id, [])
        number, self.calls[place] = self.calls[place], self.calls[place] + 1
        match script[number] if number < len(script) else "ok":
            case "stream":
                context.emit("some ")
                await asyncio.sleep(0)
                context.emit("text")
            case "retry":
                context.emit("half")
                raise StepError("try again", retryable=True)
            case "final":
                raise StepError("no")
            case "odd":
                return {"not": "a result"}
            case "hang":
                await self.free.wait()
            case "swallow":
                while not self.free.is_set():
                    try:
                        await self.free.wait()
                    except asyncio.CancelledError:
                        context.emit("still here")
            case "wait" if context.answer is None:
                return Wait("callback", {"n": number}, timeout_seconds=30)
            case "poll" if context.answer is None or context.answer.kind is AnswerKind.POLL:
                return Wait("provider-poll", {"n": number}, timeout_seconds=60, poll_seconds=5)
        return StepResult(messages=(Message("assistant", "x" if number else "y", name=context.node.id),))

    async def twice(self, context):
        return StepResult(taken=(1,) if context.key.endswith("/2") else (0,))

    # -- rules -------------------------------------------------------------------------------------------------

    def turns(self, count=8):
        async def some():
            for _ in range(count):
                await asyncio.sleep(0)

        self.loop.run_until_complete(some())

    def call(self, work, *args, **kwargs):
        """Call something on the loop, then give turns."""

        async def now():
            return work(*args, **kwargs)

        result = self.loop.run_until_complete(now())
        self.turns()
        return result

    @precondition(lambda self: len(self.admitting) < 4)
    @rule(name=st.sampled_from(sorted(OUTER)))
    def admit(self, name):
        outer, inner = OUTER[name]
        children = {} if inner is None else {"inner": plan_trigger(INNER[inner], "start", registry=self.registry)}
        plan = plan_trigger(outer, "start", registry=self.registry, children=children)
        task = self.loop.create_task(
            self.engine.admit(plan, workspace="w", principal="me", trigger=TriggerType.API, inputs={"message": "x"})
        )
        self.admitting.append(task)
        self.turns()

    @rule(count=st.integers(1, 6))
    def reach_the_disk(self, count):
        self.call(self.disk.release, count)

    @rule()
    def all_of_it_reaches_the_disk(self):
        while self.disk.held:
            self.call(self.disk.release, len(self.disk.held))

    @rule(which=st.integers(0, 5), value=st.sampled_from(["x", "y", {"response": "x"}]))
    def answer(self, which, value):
        found = [(run, v) for run in self.runs() for v in run.state.waiting]
        if found:
            run, visit = found[which % len(found)]
            name, kind = visit.waitpoint.waitpoint_id, visit.waitpoint.waits_for
            try:
                counted = self.call(self.engine.answer, run, name, value, by="me")
                assert counted
                assert not self.call(self.engine.answer, run, name, value, by="you")
            except Conflict:
                assert kind in ("timer", WAITS_FOR_CHILDREN)

    @rule(which=st.integers(0, 5))
    def cancel(self, which):
        if runs := list(self.runs()):
            run = runs[which % len(runs)]
            self.call(self.engine.cancel, run, by="me")
            assert run.state.status.is_terminal

    @rule(seconds=st.sampled_from([0, 0.5, 1, 5, 31, 100]))
    def time_passes(self, seconds):
        self.call(self.clock.advance, seconds)

    @rule(seconds=st.sampled_from([1, 3600]))
    def the_clock_is_set_back(self, seconds):
        self.clock.set_back(seconds)

    @rule(fails=st.booleans(), downtime=st.sampled_from([0, 10, 100]))
    def crash(self, fails, downtime):
        """The process dies, maybe because its store failed; what was held is lost."""
        if fails:
            self.call(self.disk.fail)
            self.call(self.clock.advance, 100)
            assert all(run.broken for run in self.runs() if run.unwritten)
        self.disk.over = True
        self.call(self.bury)
        self.clock.advance(downtime)
        self.begin()
        self.loop.run_until_complete(self.recover())
        self.turns()

    def bury(self):
        self.engine.is_stopped = True
        self.engine._alarms.close()
        self.dead.append(self.engine)
        for task in [*self.engine._tasks, *self.admitting]:
            task.cancel()
        for run in self.engine.runs.values():
            if run.written is not None:
                run.written.cancel()

    async def recover(self):
        runs = [await self.engine.load(name) for name in await self.disk.unfinished()]
        for run in runs:
            self.engine.resume(run)
        for run in runs:
            if run.state.admitted.parent is not None:
                parent = await self.engine.load(run.state.admitted.parent[0])
                if parent.state.status.is_terminal:
                    self.engine.cancel(run, by="recovery")

    def runs(self):
        return [run for run in self.engine.runs.values() if not run.state.status.is_terminal and run.broken is None]

    # -- what is always so -------------------------------------------------------------------------------------

    @invariant()
    def no_fault_goes_unnoticed(self):
        assert not self.faults, self.faults

    @invariant()
    def histories_go_only_where_they_may(self):
        if self.limits is not None or hasattr(self, "engine"):
            for run in self.engine.runs.values():
                history = run.published()
                if history:
                    check_history(history, run.state.plan, over=run.status.is_terminal)
                done = [(r.event.step, r.event.visit) for r in history if isinstance(r.event, StepCompleted)]
                assert len(done) == len(set(done))

    @invariant()
    def nothing_is_published_before_it_is_on_disk(self):
        if hasattr(self, "engine"):
            for run in self.engine.runs.values():
                durable = {entry.seq for entry in self.entries.get(run.execution_id, ())}
                assert {r.seq for r in run.published() if not isinstance(r.event, Delta)} <= durable

    @invariant()
    def deciding_is_pure_and_nothing_is_left_to_decide(self):
        if hasattr(self, "engine"):
            for run in self.engine.runs.values():
                before = json.dumps(snapshot(run.state))
                now = self.engine._now()
                first = decide(run.state, now)
                assert first == decide(run.state, now)
                assert json.dumps(snapshot(run.state)) == before
                assert first == [] or run.broken is not None
                state = run.state
                if state.status is ExecutionStatus.WAITING and run.broken is None:
                    assert state.waiting
                    assert not {**state.ready, **state.active, **state.paused, **state.queued}

    @invariant()
    def the_journal_alone_gives_the_same_state(self):
        if hasattr(self, "engine") and not self.disk.held:
            for run in self.engine.runs.values():
                assert plain(snapshot(self.rebuilt(run.execution_id))) == plain(snapshot(run.state))

    @invariant()
    def no_more_run_than_may(self):
        if self.limits is not None:
            held = sum(len(run.slots) for run in self.engine.runs.values())
            assert sum(self.engine._attempts._queue._running.values()) == held <= self.limits["workspace"]

    def rebuilt(self, execution_id):
        """The state from what is on disk; built twice, since that must make no difference."""

        def build():
            history = [
                Recorded(e.subject, e.seq, e.at, event_of(e.kind, json.loads(e.body)))
                for e in self.entries[execution_id]
            ]
            plan = Plan.from_dict(json.loads(self.entries[history[0].event.plan_id][0].body))
            state = ExecutionState(plan, history[0])
            for recorded in history[1:]:
                state.evolve(recorded)
            return state

        state = build()
        assert snapshot(build()) == snapshot(state)
        return state

    def teardown(self):
        """Let everything finish: each execution is over or waits, no child outlives its parent, every slot is free."""
        try:
            if hasattr(self, "engine"):
                self.settle()
        finally:
            self.free.set()
            try:
                self.loop.run_until_complete(self.end())
            finally:
                self.loop.close()

    async def end(self):
        for task in self.admitting:
            task.cancel()
        for engine in [*self.dead, *([self.engine] if hasattr(self, "engine") else [])]:
            await engine.stop()
        await asyncio.gather(*self.admitting, return_exceptions=True)
        for _ in range(20):
            await asyncio.sleep(0)

    def settle(self):
        self.call(self.free.set)
        for _ in range(40):
            while self.disk.held:
                self.call(self.disk.release, len(self.disk.held))
            self.call(self.clock.advance, 11)
            self.turns(40)
        self.call(self.disk.release, len(self.disk.held))
        for run in self.engine.runs.values():
            assert run.status.is_terminal or run.status is ExecutionStatus.WAITING, plain(snapshot(run.state))
            assert not run.slots
            assert not run.state.queued
            check_history(run.published(), run.state.plan, over=run.status.is_terminal)
            assert plain(snapshot(self.rebuilt(run.execution_id))) == plain(snapshot(run.state))
            parent = self.engine.runs.get((run.state.admitted.parent or [None])[0])
            if parent is not None and parent.status.is_terminal:
                assert run.status.is_terminal, "no child outlives its parent"
        assert not self.engine._attempts._queue._running
        assert not self.faults, self.faults


def plain(picture):
    """A picture without what no journal has: streamed text, attempts that ended with their process."""
    picture = json.loads(json.dumps(picture))
    points = [point for point in picture.pop("waitpoints") if point["kind"] != WAITS_FOR_CHILDREN]
    del picture["waitingOn"]
    steps = []
    for step in picture.pop("steps"):
        of_children = step["nodeType"] in ("map", "workflow") and step["status"] == "waiting"
        if of_children or step["status"] in ("pending", "running", "streaming", "waiting"):
            step |= {"status": "open", "retryAt": None}
        steps.append(step | {"text": None})
    return picture, points, steps


TestEngine = EngineMachine.TestCase
TestEngine.settings = settings(
    max_examples=100,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
