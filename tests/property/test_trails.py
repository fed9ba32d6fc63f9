"""The traversal that generated modules carry with them goes exactly as the engine does, on any graph."""

import random

from engine_kit import Walk, plan_from
from hypothesis import given, note, settings
from hypothesis import strategies as st
from runnable import any_graph

from builder_jupyter.codegen.traversal import Traversal
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.algorithms import reachable
from builder_jupyter.planning.topology import Topology

START = "__start__"


def loops_of(topology: Topology, names: list[str]) -> dict:
    found = {
        number: {"within": region.parent, "nodes": [], "back": list(region.back), "exits": list(region.exits)}
        for number, region in enumerate(topology.regions)
        if number
    }
    for step, number in enumerate(topology.region_of):
        if number:
            found[number]["nodes"].append(names[step])
    return found


class Traced(Walk):
    """A walk that compares, before each completion, what is ready and what leads there, and keeps the trail."""

    def __init__(self, plan, routes, **options):
        super().__init__(plan, routes, **options)
        self.names = [step.node_id for step in plan.steps]
        self.edges = [(edge.source, edge.target) for edge in plan.edges]
        self.loops = loops_of(plan.topology, self.names)
        self.trail, self.places = [], {}

    def complete(self, visit):
        if self.name(visit) != START:
            self.compare(Traversal(self.edges, self.loops, self.trail))
        super().complete(visit)
        if self.name(visit) != START:
            taken = visit.result.taken
            self.places[visit] = len(self.trail)
            self.trail.append({"node": self.name(visit), "taken": None if taken is None else list(taken)})

    def compare(self, traversal):
        running = {(self.name(visit), visit.number) for visit in self.state.active}
        assert {(node, visit.number) for node, visit in traversal.ready.items()} == running
        for visit in self.state.active:
            found, stack = set(), list(visit.parents)
            while stack:
                parent = stack.pop()
                if parent not in found:
                    found.add(parent)
                    stack.extend(parent.parents)
            ordered = sorted(found, key=lambda one: (one.depth, self.name(one), one.number))
            expected = [self.places[one] for one in ordered if self.name(one) != START]
            assert traversal.before(self.name(visit)) == expected


@settings(max_examples=400, deadline=None)
@given(any_graph(), st.integers(0, 1000), st.booleans())
def test_a_trail_replayed_is_where_the_engine_is(made, seed, plain):
    size, edges, choices = made
    names = [START, *(f"s{i}" for i in range(size))]
    successors = {i: [b for a, b in edges if a == i] for i in range(size)}
    entered = [0]
    for i in range(size):  # everything is reached, as in a valid workflow
        if i not in reachable(successors, entered):
            entered.append(i)
    pairs = [*((START, names[i + 1]) for i in entered), *((names[a + 1], names[b + 1]) for a, b in edges)]
    out = {name: [target for source, target in pairs if source == name] for name in names}

    def routes(step, visit):
        if step == START or (plain and visit == 1):
            return None
        bits = choices[int(step[1:])]
        chosen = bits[visit - 1] if visit <= len(bits) else 0
        return [target for place, target in enumerate(out[step]) if chosen >> place & 1]

    note(f"{pairs} {choices}")
    walk = Traced(plan_from(names, pairs), routes, pick=random.Random(seed).choice).run()
    assert walk.state.status is ExecutionStatus.COMPLETED
    over = Traversal(walk.edges, walk.loops, walk.trail)
    assert not over.ready
    everything = sorted(walk.places, key=lambda one: (one.depth, walk.name(one), one.number))
    assert over.order() == [walk.places[visit] for visit in everything]


def test_edges_to_the_end_lead_nowhere():
    edges = [(START, "a"), ("a", "__end__"), ("a", "b"), ("b", "__end__")]
    assert set(Traversal(edges, {}, [{"node": "a", "taken": [1]}]).ready) == {"b"}
    assert not Traversal(edges, {}, [{"node": "a", "taken": [0]}]).ready
