"""Where a workflow is written with LangGraph's own edges, these mean what the engine does: same visits, same sight."""

from collections import Counter

from engine_kit import Walk
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st
from runnable import runnable
from tangled import REGISTRY, tangled

from builder_jupyter.codegen.shape import decides, plan_edges, shape_of, tables_of, ways_out
from builder_jupyter.codegen.traversal import Traversal
from builder_jupyter.execution.events import StepCompleted
from builder_jupyter.execution.view import VisibleState
from builder_jupyter.graph.names import graph_names, is_graph_node
from builder_jupyter.nodes.base import StepResult
from builder_jupyter.planning.planner import plan_trigger

ROUNDS = 4
CASES = st.one_of(tangled(), runnable().map(lambda made: made[0]))


class Choices:
    """Which edges (by place among a node's own) a visit takes; after some visits it takes none, so loops end."""

    def __init__(self, workflow, numbers):
        edges = plan_edges(workflow)
        self.numbers = numbers
        self.out = {node.id: [edge for edge in edges if edge.source == node.id] for node in workflow.nodes}
        self.nodes = workflow.nodes_by_id
        self.order = sorted(self.nodes)

    def taken(self, node_id, visit):
        out = self.out[node_id]
        if not decides(self.nodes[node_id], out):
            return None
        if visit > ROUNDS:
            return []
        ways = [(), *ways_out(self.nodes[node_id], out)]
        number = self.numbers[(7 * self.order.index(node_id) + visit) % len(self.numbers)]
        return [out.index(edge) for edge in ways[number % len(ways)]]


class Engine(Walk):
    """The engine's traversal of a plan; notes what each visit sees, as (node, visit) in causal order."""

    def __init__(self, plan, choices):
        super().__init__(plan, lambda step, visit: None)
        self.choices, self.sights = choices, {}

    def complete(self, visit):
        before = VisibleState(self.state, visit)._before  # all that the other properties are made of
        name = self.name(visit)
        self.sights[name, visit.number] = [(self.name(one), one.number) for one in before]
        taken = self.choices.taken(name, visit.number)
        result = StepResult(taken=None if taken is None else tuple(taken))
        self.record(StepCompleted(name, visit.number, visit.attempt, result))


class Supersteps:
    """LangGraph's way: all that is triggered runs at a time, and everybody sees all that was written before."""

    def __init__(self, workflow, shape, choices):
        self.graph = {node.id for node in workflow.nodes if is_graph_node(node)}
        self.names, self.shape, self.choices = graph_names(workflow), shape, choices
        self.visits, self.written, self.sights = Counter(), [], {}
        self.barriers = {(target, group): set() for target, groups in shape.joins.items() for group in groups}
        start = next(node.id for node in workflow.nodes if node.type == "start")
        step = self.follow(start, 1)
        while step:
            for node_id in step:
                seen = [one for one in self.written if one[0] not in shape.beside.get(node_id, ())]
                self.sights[node_id, self.visits[node_id] + 1] = seen
            following = set()
            for node_id in sorted(step, key=self.names.__getitem__):
                self.visits[node_id] += 1
                self.written.append((node_id, self.visits[node_id]))
                following |= self.follow(node_id, self.visits[node_id])
            step = following

    def follow(self, node_id, visit):
        taken, out = self.choices.taken(node_id, visit), self.choices.out[node_id]
        targets = {edge.target for place, edge in enumerate(out) if taken is None or place in taken} & self.graph
        triggered = set()
        for target in targets:
            groups = [group for group in self.shape.joins.get(target, ()) if taken is None and node_id in group]
            for group in groups:
                self.barriers[target, group].add(node_id)
                if self.barriers[target, group] == set(group):
                    self.barriers[target, group].clear()
                    triggered.add(target)
            if not groups:
                triggered.add(target)
        return triggered


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    st.one_of(tangled(), runnable().map(lambda made: made[0])), st.lists(st.integers(0, 99), min_size=1, max_size=20)
)
def test_plain_edges_mean_the_same_wherever_they_are_used(workflow, numbers):
    shape = shape_of(workflow)
    kind = "dispatched" if shape.dispatched else "blocks" if shape.joins else "sequential"
    event(f"{kind}{', beside' if shape.beside else ''}")
    choices = Choices(workflow, numbers)
    note(f"{workflow.edges} {shape}")
    engine = Engine(plan_trigger(workflow, "start", registry=REGISTRY), choices).run()
    graph = graph_names(workflow)
    sights = {
        visit: [one for one in seen if one[0] in graph] for visit, seen in engine.sights.items() if visit[0] in graph
    }
    if not shape.dispatched:
        assert Supersteps(workflow, shape, choices).sights == sights
        return
    tables, trail, seen = tables_of(workflow, graph), [], {}
    ids = {name: node_id for node_id, name in graph.items()}
    while ready := Traversal(tables.edges, tables.loops, trail).ready:
        name, visit = next(iter(ready.items()))
        before = Traversal(tables.edges, tables.loops, trail).before(name)
        seen[ids[name], visit.number] = [trail[place]["visit"] for place in before]
        taken = choices.taken(ids[name], visit.number)
        trail.append({"node": name, "taken": taken, "visit": (ids[name], visit.number)})
    assert seen == sights
