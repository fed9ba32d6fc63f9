"""Plans of stored workflows: modes, versions, workflows that run one another.

==========================================  ==================================================================
rule (specification §7.3)                   test
==========================================  ==================================================================
trigger, target, canvas                     test_each_mode_takes_its_own_part
the plan is taken at admission              test_a_plan_is_that_of_the_current_version
triggers run what is published              test_a_trigger_gets_the_published_version
a cycle is refused at admission             test_a_cycle_without_a_way_out_is_refused
missing required input                      test_what_needs_an_input_and_has_none_is_refused
data snapshot, retry, limit, price          test_a_plan_keeps_what_a_run_needs
resolve and order                           unit/planning/test_planner
==========================================  ==================================================================
"""

import asyncio
from itertools import pairwise

import pytest
from scenes import flow

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.tools import Toolbox, built_in_tools
from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.planning.plan import Mode
from builder_jupyter.services.access import AccessService
from builder_jupyter.services.planning import MAX_NESTING, Entry, PlanService
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.grants import GrantStore
from builder_jupyter.storage.workflows import WorkflowStore

ME, YOU = local_principal("alice"), local_principal("bob")
REGISTRY = default_registry()


class Desk:
    """A store of workflows and the plans of it."""

    def __init__(self, database):
        toolbox, access = Toolbox(built_in_tools(None)), AccessService(GrantStore(database))
        store = WorkflowStore(database)
        self.workflows = WorkflowService(store, access, REGISTRY, lambda _: toolbox.specs(), ManualClock())
        self.plans = PlanService(self.workflows, REGISTRY)

    async def store(self, made, **kwargs):
        return (await self.workflows.create(ME, made, draft=True, **kwargs)).id

    async def plan(self, workflow_id, entry=None, who=ME):
        return await self.plans.plan(who, workflow_id, entry or Entry())

    async def refused(self, workflow_id, entry=None):
        with pytest.raises((InvalidInput, NotFound)) as error:
            await self.plan(workflow_id, entry)
        return error.value.code


def with_desk(work):
    with Database() as database:
        asyncio.run(work(Desk(database)))


def names(plan):
    return sorted(step.node_id for step in plan.steps)


def runs(*inner):
    """A workflow that runs others one after the other."""
    nodes = [Node(f"w{i}", "workflow", {"workflow": name}) for i, name in enumerate(inner)]
    order = ["start", *(node.id for node in nodes), "end"]
    edges = [Edge(a, b) for a, b in pairwise(order)]
    return Workflow("outer", (Node("start", "start"), *nodes, Node("end", "end")), tuple(edges))


CANVAS = Workflow(
    "canvas",
    (
        Node("t", "prompt-trigger", {"prompt": "hello"}), Node("p", "prompt", {"prompt": "x"}), Node("g", "text-gen"),
        Node("h", "text-gen"), Node("lonely", "prompt", {"prompt": "y"}),
    ),
    (Edge("t", "g"), Edge("p", "g"), Edge("p", "h")),
    profile=Profile.DIRECT,
)  # fmt: skip


def test_each_mode_takes_its_own_part():
    async def work(desk):
        name = await desk.store(CANVAS)
        assert await desk.refused(name) == "TRIGGER_REQUIRED", "prompts are triggers too"
        assert names(await desk.plan(name, Entry(Mode.TRIGGER, "t"))) == ["g", "p", "t"], "and what its steps need"
        assert names(await desk.plan(name, Entry(Mode.TARGET, "h"))) == ["h", "p"]
        assert names(await desk.plan(name, Entry(Mode.TARGET, "lonely"))) == ["lonely"]
        whole = await desk.plan(name, Entry(Mode.CANVAS))
        assert (names(whole), whole.mode, whole.root) == (["g", "h", "p", "t"], Mode.CANVAS, "")

    with_desk(work)


def test_a_canvas_with_nothing_joined_has_nothing_to_run_unless_it_is_one_node():
    async def work(desk):
        nodes = (Node("a", "prompt", {"prompt": "x"}), Node("b", "prompt", {"prompt": "x"}))
        two = await desk.store(Workflow("two", nodes, (), profile=Profile.DIRECT))
        assert await desk.refused(two, Entry(Mode.CANVAS)) == "NOTHING_TO_RUN"
        one = await desk.store(Workflow("one", nodes[:1], (), profile=Profile.DIRECT))
        assert names(await desk.plan(one, Entry(Mode.CANVAS))) == ["a"]

    with_desk(work)


def test_what_cannot_be_planned_says_why():
    async def work(desk):
        name = await desk.store(flow("start>agent>end"))
        assert await desk.refused("wf_nothing") == "WORKFLOW_NOT_FOUND"
        assert await desk.refused(name, Entry(Mode.TARGET, "z")) == "NODE_NOT_FOUND"
        assert await desk.refused(name, Entry(Mode.TRIGGER, "agent")) == "NOT_A_TRIGGER"

    with_desk(work)


def test_a_cycle_without_a_way_out_is_refused():
    async def work(desk):
        name = await desk.store(flow("start>agent>agent2>agent agent2>end"))
        assert await desk.refused(name) == "CYCLE_DETECTED"
        data = {"conditions": [{"label": "a", "pattern": "a"}, {"label": "e", "pattern": "e"}]}
        fine = await desk.store(flow("start>agent>router>agent router>end", router=data))
        assert len((await desk.plan(fine)).topology.regions) == 2

    with_desk(work)


def test_what_needs_an_input_and_has_none_is_refused():
    async def work(desk):
        name = await desk.store(Workflow("x", (Node("g", "text-gen"),), (), profile=Profile.DIRECT))
        assert await desk.refused(name, Entry(Mode.TARGET, "g")) == "MISSING_REQUIRED_INPUT"

    with_desk(work)


def test_a_trigger_gets_the_published_version():
    async def work(desk):
        inner = (await desk.workflows.create(ME, flow("start>end"))).id
        outer = (await desk.workflows.create(ME, runs(inner))).id
        for name in (inner, outer):
            await desk.workflows.update(ME, name, {"description": "two"})
        await desk.workflows.publish(ME, inner, 1)

        async def versions(**kwargs):
            plan = await desk.plans.plan(ME, outer, Entry(), **kwargs)
            return plan.workflow_version, *(step.child.workflow_version for step in plan.steps if step.child)

        assert await versions(published=True) == (2, 1), "what is not published runs as it is"
        assert await versions() == (2, 2)
        await desk.workflows.publish(ME, outer, 1)
        assert await versions(published=True) == (1, 1)
        await desk.workflows.unpublish(ME, inner)
        assert await versions(published=True) == (1, 2)
        with pytest.raises(NotFound) as gone:
            await desk.workflows.publish(ME, outer, 3)
        assert gone.value.code == "VERSION_NOT_FOUND"

    with_desk(work)


def test_a_plan_is_that_of_the_current_version():
    async def work(desk):
        name = await desk.store(flow("start>agent>end", agent={"prompt": "old"}))
        old = await desk.plan(name)
        assert await desk.plan(name) is old, "made once for each version"
        made = flow("start>agent>end", agent={"prompt": "new"})
        await desk.workflows.update(ME, name, {"nodes": made.nodes, "edges": made.edges}, draft=True)
        new = await desk.plan(name)
        assert [step.data["prompt"] for p in (old, new) for step in p.steps if step.node_id == "agent"] == [
            "old",
            "new",
        ]
        assert (old.workflow_version, new.workflow_version) == (1, 2)

    with_desk(work)


def test_a_plan_keeps_what_a_run_needs():
    async def work(desk):
        name = await desk.store(flow("start>agent>end", agent={"prompt": "p", "retry": {"maxAttempts": 7}}))
        plan = await desk.plan(name)
        (agent,) = (step for step in plan.steps if step.node_id == "agent")
        assert (agent.retry.max_attempts, agent.timeout_seconds, agent.credits, agent.wave) == (7, 120, 1, 1)
        assert (plan.total_credits, plan.timeout_seconds) == (1, 1800)
        wrong = await desk.store(flow("start>agent>end", agent={"retry": {"maxAttempts": 0}}))
        assert await desk.refused(wrong) == "INVALID_NODE_DATA"

    with_desk(work)


# -- workflows that run one another ----------------------------------------------------------------------------


def test_the_plan_of_a_part_is_in_the_plan_of_the_whole():
    async def work(desk):
        inner = await desk.store(flow("start>agent>end"))
        plan = await desk.plan(await desk.store(runs(inner, inner)))
        parts = [step.child for step in plan.steps if step.child is not None]
        assert [names(part) for part in parts] == [["agent", "end", "start"]] * 2
        assert type(plan).from_dict(plan.to_dict()).plan_id == plan.plan_id

    with_desk(work)


def test_a_whole_is_as_new_as_its_parts():
    async def work(desk):
        inner = await desk.store(flow("start>agent>end"))
        outer = await desk.store(runs(inner))
        old = await desk.plan(outer)
        made = flow("start>agent>agent2>end")
        await desk.workflows.update(ME, inner, {"nodes": made.nodes, "edges": made.edges}, draft=True)
        new = await desk.plan(outer)
        assert old.plan_id != new.plan_id
        assert names(next(step.child for step in new.steps if step.child)) == ["agent", "agent2", "end", "start"]

    with_desk(work)


def test_a_workflow_cannot_be_a_part_of_itself():
    async def work(desk):
        first = await desk.store(flow("start>agent>end"))
        second = await desk.store(runs(first))
        made = runs(second)
        await desk.workflows.update(ME, first, {"nodes": made.nodes, "edges": made.edges}, draft=True)
        for name in (first, second):
            assert await desk.refused(name) == "WORKFLOW_RECURSION"

    with_desk(work)


def test_nesting_has_an_end():
    async def work(desk):
        name = await desk.store(flow("start>agent>end"))
        for _ in range(MAX_NESTING):
            name = await desk.store(runs(name))
        await desk.plan(name)
        for _ in range(2):
            name = await desk.store(runs(name))
        assert await desk.refused(name) == "WORKFLOW_RECURSION"

    with_desk(work)


def test_a_part_that_is_not_there_or_not_mine():
    async def work(desk):
        assert await desk.refused(await desk.store(runs("wf_nothing"))) == "CHILD_WORKFLOW_NOT_FOUND"

    with_desk(work)


def test_a_part_that_cannot_run_refuses_the_whole():
    async def work(desk):
        inner = await desk.store(flow("start>agent>agent2>agent agent2>end"))
        assert await desk.refused(await desk.store(runs(inner))) == "CYCLE_DETECTED"

    with_desk(work)
