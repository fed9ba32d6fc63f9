"""Which graphs LangGraph's own edges express, and which need a traversal of their own."""

from itertools import pairwise

import pytest

from builder_jupyter.codegen.shape import MAX_BESIDE, Shape, plan_edges, shape_of, tables_of, ways_out
from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.graph.names import graph_names
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.planning.planner import plan_trigger

DISPATCHED = Shape(dispatched=True)
KINDS = {"start": "start", "end": "end", "out": "end", "r": "router", "h": "human", "t": "tool"}


def workflow_of(text, **data):
    """``a>b:label`` for an edge with a label; ``start``, ``end``, ``out`` (an end with output), ``r…``, ``h…``, ``t…``,
    all else agents.
    """
    nodes, edges = {}, []
    for chain in text.split():
        names = [part.partition(":") for part in chain.split(">")]
        for name, _, _ in names:
            kind = KINDS.get(name, KINDS.get(name[0], "agent"))
            given = data.get(name, {"output": "state.results"} if name == "out" else {})
            nodes.setdefault(
                name, Node(name, "agent" if kind in ("start", "end") and name != kind != "end" else kind, given)
            )
        for (source, _, _), (target, _, label) in pairwise(names):
            edges.append(Edge(source, target, label=label or None))
    return Workflow("w", tuple(nodes.values()), tuple(edges))


def test_one_node_at_a_time_is_sequential():
    assert shape_of(workflow_of("start>a>b>end")) == Shape(dispatched=False)
    assert shape_of(workflow_of("start>a>r>b:x>end r>c:y>end r>a:again")) == Shape(dispatched=False)


def test_edges_to_an_end_without_output_are_no_branch():
    assert shape_of(workflow_of("start>a>end start>end")) == Shape(dispatched=False)
    assert shape_of(workflow_of("start>a>out start>out")) == DISPATCHED, "the end waits for a, and START is in no list"


def test_branches_that_are_always_taken_meet_by_one_list_edge():
    shape = shape_of(workflow_of("start>a>m start>b>m m>end"))
    assert shape == Shape(False, {"m": (("a", "b"),)})
    shape = shape_of(workflow_of("start>f>a>m f>b>c>m m>r>end:x r>f:again"))
    assert {target: set(map(frozenset, groups)) for target, groups in shape.joins.items()} == {"m": {frozenset("ac")}}


def test_inside_a_block_anything_plain_goes():
    shape = shape_of(workflow_of("start>a>c>m start>b>c b>d>m m>end"))
    groups = {target: [set(group) for group in groups] for target, groups in shape.joins.items()}
    assert (shape.dispatched, groups) == (False, {"c": [{"a", "b"}], "m": [{"c", "d"}]})


def test_exclusive_forks_with_the_same_targets_share_their_block():
    text = "start>r>a:x r>b:y r>c:z a>draft a>summary b>draft b>summary c>draft c>summary draft>m summary>m m>end"
    data = {"r": {"conditions": ["x", "y", "z"]}}
    assert shape_of(workflow_of(text, **data)) == Shape(False, {"m": (("draft", "summary"),)})


def test_exclusive_blocks_that_meet_at_one_node_are_groups_of_their_own():
    shape = shape_of(
        workflow_of("start>r>a:x r>b:x r>c:y r>d:y r>m:z a>m b>m c>m d>m m>end", r={"conditions": list("xyz")})
    )
    assert (shape.dispatched, set(map(frozenset, shape.joins["m"]))) == (False, {frozenset("ab"), frozenset("cd")})


def test_a_fork_that_leads_to_what_its_branches_lead_to_is_in_the_list():
    assert shape_of(workflow_of("start>f>a>m f>m>end")) == Shape(False, {"m": (("f", "a"),)})
    assert shape_of(workflow_of("start>a>m start>m>end")) == DISPATCHED
    assert shape_of(workflow_of("start>r>a:x r>m:x a>m>end", r={"conditions": ["x"]})) == DISPATCHED
    twice = "start>r>f:x r>g:y f>a>m f>m g>a g>m m>end"
    assert shape_of(workflow_of(twice, r={"conditions": ["x", "y"]})) == DISPATCHED


def test_what_runs_earlier_in_another_branch_is_hidden():
    shape = shape_of(workflow_of("start>a>b>c>m start>d>e>m m>end"))
    assert shape.beside == {"b": {"d"}, "c": {"d", "e"}, "e": {"a"}}
    assert shape_of(workflow_of("start>a>b>m start>d>m m>end")).beside == {"b": {"d"}}
    assert shape_of(workflow_of("start>a>b>end start>d>end")) == Shape(False, {}, {"b": frozenset({"d"})})


def test_a_block_in_a_loop_that_hides_something_is_dispatched():
    loop = "start>f>a>b>m f>d>m m>r>end:x r>f:again"
    assert shape_of(workflow_of(loop, r={"conditions": ["x", "again"]})) == DISPATCHED


def test_a_branch_that_ends_while_another_meets_is_dispatched():
    assert shape_of(workflow_of("start>a>end start>r>b:x>end r>c:y>end")) == DISPATCHED
    assert shape_of(workflow_of("start>a>end start>b>r>b:again r>end:x")) == DISPATCHED


@pytest.mark.parametrize(
    "text",
    [
        "start>a>m start>r>b:x>m r>m:y m>end",
        "start>a>m start>h>b:x>m h>m:y m>end",
        "start>r>a:x r>b:x r>b:y r>c:y a>m b>m c>m m>end",
        "start>a>b>end start>c>end start>r>b:x>end r>c:y",
        "start>a>r start>b>r r>a:x r>end:y",
    ],
    ids=[
        "router in a branch",
        "human in a branch",
        "overlapping forks",
        "one branch entered from outside",
        "half a loop",
    ],
)
def test_all_else_is_dispatched(text):
    data = {"r": {"conditions": ["x", "y"]}, "h": {"options": ["x", "y"]}}
    assert shape_of(workflow_of(text, **data)) == DISPATCHED


def router(*patterns, **data):
    return {"conditions": [{"label": f"l{i}", "pattern": pattern} for i, pattern in enumerate(patterns)], **data}


@pytest.mark.parametrize(
    ("edges", "data", "ways"),
    [
        ("r>a r>b", router("a", "b"), ["a", "b", "ab"]),
        ("r>a r>b", router("a", ".*"), ["a", "b"]),
        ("r>a:l0 r>b:l1 r>c", router("a", "b"), ["a", "b", "c"]),
        ("r>a:l0 r>b:l1 r>c", router("a", ".*"), ["a", "b"]),
        ("r>a:l0 r>b:default r>c:else", router("a"), ["a", "bc"]),
        ("r>a:l0 r>b:other r>c", router("a", default="other"), ["a", "b"]),
        ("r>a:l0 r>b", router("a", "b", default="nowhere"), ["a", "b"]),
        ("r>a:l0 r>b:unknown", router("a"), ["a"]),
        ("h>a:x h>b:y h>c", {}, ["a", "b", "c"]),
        ("h>a:x h>b:x", {}, ["ab"]),
        ("h>a:x h>a:y", {}, ["aa"]),
        ("a>b:x a>c:y", {}, ["bc"]),
    ],
)
def test_the_ways_out_of_a_node(edges, data, ways):
    workflow = workflow_of(f"start>{edges.split('>')[0]} {edges}", **{edges[0]: data})
    node = workflow.node(edges[0])
    out = [edge for edge in plan_edges(workflow) if edge.source == node.id]
    assert ["".join(edge.target for edge in way) for way in ways_out(node, out)] == ways


def test_the_tables_are_those_of_the_plan():
    workflow = workflow_of("start>b>a>r>b:again r>h:on h>b:x h>out:y h>end", r={"conditions": ["again", "on"]})
    plan = plan_trigger(workflow, "start", registry=default_registry())
    tables = tables_of(workflow, graph_names(workflow))
    names = {**{step.node_id: step.node_id for step in plan.steps}, "start": "__start__", "end": "__end__"}
    assert tables.edges == [(names[e.source], names[e.target]) for e in plan.edges]
    for number, region in enumerate(plan.topology.regions):
        if number:
            found = tables.loops[number]
            assert (found["within"], found["back"], found["exits"]) == (
                region.parent, list(region.back), list(region.exits),
            )  # fmt: skip


def test_large_graphs_neither_recurse_nor_take_long():
    chain = [Node("start", "start"), *(Node(f"a{i}", "agent") for i in range(5_000)), Node("end", "end")]
    edges = [Edge(a.id, b.id) for a, b in pairwise(chain)]
    assert shape_of(Workflow("w", tuple(chain), tuple(edges))) == Shape(dispatched=False)
    wide = [
        Node("start", "start"),
        *(Node(f"a{i}", "agent") for i in range(5_000)),
        Node("out", "end", {"output": "x"}),
    ]
    edges = [edge for node in wide[1:-1] for edge in (Edge("start", node.id), Edge(node.id, "out"))]
    assert len(shape_of(Workflow("w", tuple(wide), tuple(edges))).joins["out"][0]) == 5_000
    half = len(wide) // 2
    two = [
        Edge("start", "a0"),
        Edge("start", f"a{half}"),
        *(Edge(f"a{i}", f"a{i + 1}") for i in range(4_999) if i != half - 1),
    ]
    ends = [Edge(f"a{half - 1}", "out"), Edge("a4999", "out")]
    assert shape_of(Workflow("w", tuple(wide), (*two, *ends))) == DISPATCHED, f"more than {MAX_BESIDE} to hide"
