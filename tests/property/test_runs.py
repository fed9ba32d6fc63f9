"""Random workflows on the real engine: they end, in order, once a visit, and the same whoever is faster."""

import asyncio
import random

from engine_kit import Walk, check_history, engine_of, plan_from, rebuilt
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from runnable import answer, any_graph, runnable

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import ProviderError
from builder_jupyter.execution.events import StepCompleted, StepFailed, StepSkipped, StepStarted
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import ExecutionStatus, SkipReason, TriggerType
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow
from builder_jupyter.nodes.chat import ToolSpec
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.planning.planner import plan_target, plan_trigger
from builder_jupyter.storage.memory import MemoryJournal
from builder_jupyter.validation import result, validate

REGISTRY = default_registry()
INPUTS = {"message": "go"}


class Shuffled(ScriptedModel):
    """Answers after a number of turns of the loop that the seed decides, so that steps overtake each other."""

    def __init__(self, script, seed):
        super().__init__(script)
        self.random = random.Random(seed)

    async def stream(self, request):
        for _ in range(self.random.randrange(12)):
            await asyncio.sleep(0)
        async for chunk in super().stream(request):
            yield chunk


class Echo:
    def specs(self):
        return (ToolSpec("echo", "says it again", {"value": {"type": "string"}}),)

    async def call(self, name, arguments):
        return arguments["value"]


async def execute(plan, script, seed=0, inputs=INPUTS):
    journal = MemoryJournal()
    engine = engine_of(REGISTRY, journal=journal, model=Shuffled(script, seed), tools=Echo())
    run = await engine.admit(plan, workspace="w", principal="me", trigger=TriggerType.API, inputs=inputs)
    await asyncio.wait_for(run.wait(), 20)
    await engine.stop()
    return run, journal


def outcome(run):
    """All of a picture that speed must not change."""
    picture = snapshot(run.state)
    steps = [
        (s["stepId"], s["visit"], s["status"], s["skipReason"], s["attempt"], str(s["outputs"]))
        for s in picture["steps"]
    ]
    return picture["status"], picture["error"], sorted(steps), picture["outputs"], picture["output"]


def check_order(run):
    """No step starts before the visits that lead to it are done, and none twice."""
    done, started = set(), set()
    for event in (recorded.event for recorded in run.published()):
        if isinstance(event, StepStarted):
            key = (event.step, event.visit)
            assert key not in started
            started.add(key)
            parents = run.state.visit(*key).parents
            assert {(run.state.planned(parent).node_id, parent.number) for parent in parents} <= done
        elif isinstance(event, StepCompleted):
            done.add((event.step, event.visit))
    return done


def check_joins(run):
    """A step waits for all that is on its way to it: edges that lead forward, by how the workflow was built."""
    plan, topology = run.state.plan, run.state.topology
    for (index, _number), visit in run.state.visits.items():
        if visit.result is None:
            continue
        for edge in topology.incoming[index]:
            source = topology.links[edge].source
            for other in (v for (step, _), v in run.state.visits.items() if step == source and v.result is not None):
                taken = other.result.taken is None or topology.outgoing[source].index(edge) in other.result.taken
                forward = plan.edges[edge].label not in ("again", "done")
                outside, inside = len(other.context), len(visit.context)
                same = other.context[:inside] == visit.context[:outside] and set(visit.context[outside:]) <= {1}
                if taken and forward and same:
                    assert edge in visit.arrived, f"{plan.edges[edge].source} -> {plan.edges[edge].target}"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runnable(), st.integers(0, 1000))
def test_a_valid_workflow_runs_to_its_end_the_same_whoever_is_faster(made, seed):
    workflow, rounds = made
    verdict = result(validate(workflow, registry=REGISTRY, tool_names={"echo"}))
    assert verdict["valid"], verdict
    plan = plan_trigger(workflow, "start", registry=REGISTRY)
    script = answer(rounds, seed)

    async def both():
        return await execute(plan, script, 1), await execute(plan, script, 2)

    (run, journal), (other, _) = asyncio.run(both())
    check_history(run.published(), plan)
    assert run.state.status is ExecutionStatus.COMPLETED
    done = check_order(run)
    check_joins(run)
    for judge, lasting in rounds.items():
        visits = [number for step, number in done if step == judge]
        assert sorted(visits) == list(range(1, len(visits) + 1))
        assert len(visits) == 0 or len(visits) >= lasting
    assert outcome(run) == outcome(other)
    assert snapshot(asyncio.run(rebuilt(journal, run.execution_id))) == snapshot(run.state)


@settings(max_examples=60, deadline=None)
@given(runnable(), st.integers(0, 1000), st.integers(0, 7))
def test_a_failure_somewhere_ends_the_run_in_error(made, seed, unlucky):
    workflow, rounds = made
    plan = plan_trigger(workflow, "start", registry=REGISTRY)
    usual, calls = answer(rounds, seed), []

    def script(request):
        calls.append(request)
        return ProviderError("it broke", code="BROKE") if len(calls) == unlucky + 1 else usual(request)

    run, journal = asyncio.run(execute(plan, script, seed))
    check_history(run.published(), plan)
    failures = [r.event for r in run.published() if isinstance(r.event, StepFailed)]
    if len(calls) <= unlucky:
        assert run.state.status is ExecutionStatus.COMPLETED
    else:
        assert run.state.status is ExecutionStatus.ERROR
        assert [failure.step for failure in failures] == [run.state.error["stepId"]]
        assert run.state.error["code"] == "BROKE"
    assert snapshot(asyncio.run(rebuilt(journal, run.execution_id))) == snapshot(run.state)


@settings(max_examples=400, deadline=None)
@given(any_graph(), st.integers(0, 1000))
def test_any_graph_with_any_choices_comes_to_an_end(made, seed):
    """Loops with several ways in, loops in loops, steps that lead nowhere: nothing is left hanging."""
    size, edges, choices = made
    names = [f"s{i}" for i in range(size)]
    plan = plan_from(names, [(names[a], names[b]) for a, b in edges])
    out = {name: [names[b] for a, b in edges if a == i] for i, name in enumerate(names)}

    def routes(step, visit):
        bits = choices[int(step[1:])]
        # After a few visits a step takes no way, so that every loop ends.
        chosen = bits[visit - 1] if visit <= len(bits) else 0
        return [target for place, target in enumerate(out[step]) if chosen >> place & 1]

    usual = Walk(plan, routes).run()
    note(f"{edges} {choices}")
    assert usual.state.status is ExecutionStatus.COMPLETED
    check_history(usual.history, plan)
    other = Walk(plan, routes, pick=random.Random(seed).choice).run()
    assert sorted(other.started) == sorted(usual.started)
    assert other.skipped == usual.skipped
    assert {r.event.reason for r in usual.history if isinstance(r.event, StepSkipped)} <= {SkipReason.BRANCH_NOT_TAKEN}


@st.composite
def canvases(draw):
    """A direct canvas without cycles: a trigger or prompts, and text generation that reads several of them."""
    size = draw(st.integers(2, 8))
    nodes, edges = [Node("t", "prompt-trigger", {"prompt": "hello"})], []
    for i in range(1, size):
        kind = draw(st.sampled_from(["prompt", "text-gen"]))
        sources = draw(st.sets(st.sampled_from([n.id for n in nodes]), max_size=1 if kind == "prompt" else 3))
        nodes.append(Node(f"n{i}", kind, {"prompt": f"text {i}"}))
        edges.extend(Edge(source, f"n{i}") for source in sorted(sources))
    return Workflow("canvas", tuple(draw(st.permutations(nodes))), tuple(edges), profile=Profile.DIRECT)


@settings(max_examples=60, deadline=None)
@given(canvases())
def test_a_canvas_runs_to_its_end_the_same_whoever_is_faster(workflow):
    def script(request):
        return f"<{request.messages[0].content}>"[:60]

    targets = [node.id for node in workflow.nodes if node.type == "text-gen"]
    plans = [plan_trigger(workflow, "t", registry=REGISTRY)]
    plans.extend(plan_target(workflow, target, registry=REGISTRY) for target in targets[:2])

    async def both(plan):
        return await execute(plan, script, 1, {}), await execute(plan, script, 2, {})

    for plan in plans:
        (run, journal), (other, _) = asyncio.run(both(plan))
        check_history(run.published(), plan)
        assert run.state.status is ExecutionStatus.COMPLETED
        assert {event.status for event in run.state.visits.values()} == {"completed"}
        assert outcome(run) == outcome(other)
        assert snapshot(asyncio.run(rebuilt(journal, run.execution_id))) == snapshot(run.state)
