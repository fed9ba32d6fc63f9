"""Which nodes take part in a run, how they are joined, and what is refused."""

from dataclasses import replace

import pytest
from engine_kit import registry_of, workflow_of

from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.graph.model import Edge, Node, Port, PortType, Profile, Workflow
from builder_jupyter.nodes import BUILT_IN
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Mode, Plan
from builder_jupyter.planning.planner import find_trigger, plan_target, plan_trigger

REGISTRY = registry_of()
TEXT, GEN, PICTURE = ("prompt", {"prompt": "hello"}), ("text-gen", {}), ("picture", {})


class Picture(NodeType):
    """Several ports either way."""

    type = title = description = "picture"
    profiles = frozenset({Profile.DIRECT})
    inputs = (Port("media-in", PortType.MEDIA), Port("prompt-in", PortType.TEXT), Port("context-in", PortType.CONTEXT))
    outputs = (Port("image-out", PortType.IMAGE), Port("text-out", PortType.TEXT))


DIRECT = Registry((*BUILT_IN, Picture))


def canvas(nodes, *edges):
    """Edges are (source, target) or (source, target, source port, target port)."""
    made = (Node(name, type_name, data) for name, (type_name, data) in nodes.items())
    ported = ((*edge, None, None)[:4] for edge in edges)
    return Workflow(
        "canvas",
        tuple(made),
        tuple(Edge(a, b, source_port=out, target_port=into) for a, b, out, into in ported),
        profile=Profile.DIRECT,
    )


def steps(plan):
    return [step.node_id for step in plan.steps]


def ends(plan):
    return [(edge.source, edge.target) for edge in plan.edges]


def test_a_trigger_run_takes_what_the_trigger_reaches():
    plan = plan_trigger(workflow_of("start>a>end x>y"), "start", registry=REGISTRY)
    assert steps(plan) == ["start", "a", "end"]
    assert (plan.mode, plan.root) == (Mode.TRIGGER, "start")


def test_a_trigger_run_takes_the_side_inputs_too_but_not_what_else_these_feed():
    nodes = {"t": ("prompt-trigger", {}), "g": GEN, "side": TEXT, "other": GEN, "far": TEXT}
    flow = canvas(nodes, ("t", "g"), ("side", "g"), ("side", "other"), ("far", "side"))
    plan = plan_trigger(flow, "t", registry=DIRECT)
    assert sorted(steps(plan)) == ["far", "g", "side", "t"]
    assert ("side", "other") not in ends(plan)


def test_a_target_run_takes_what_the_target_needs():
    flow = canvas({"p": TEXT, "g": GEN, "after": GEN, "lonely": TEXT}, ("p", "g"), ("g", "after"))
    plan = plan_target(flow, "g", registry=DIRECT)
    assert steps(plan) == ["p", "g"]
    assert (plan.mode, plan.root) == (Mode.TARGET, "g")
    assert steps(plan_target(flow, "lonely", registry=DIRECT)) == ["lonely"], "one node with no edges still runs"


def test_nodes_that_only_decorate_do_not_take_part():
    flow = canvas({"p": TEXT, "note": ("text", {}), "g": GEN}, ("p", "g"), ("note", "g"), ("p", "note"))
    plan = plan_trigger(flow, "p", registry=DIRECT)
    assert steps(plan) == ["p", "g"]
    assert ends(plan) == [("p", "g")]


def test_ports_that_are_not_named_are_the_first_that_fit():
    flow = canvas(
        {"p": TEXT, "a": PICTURE, "b": PICTURE, "c": PICTURE},
        ("p", "a"), ("a", "b"), ("a", "c", "text-out"), ("b", "c", None, "context-in"),
    )  # fmt: skip
    plan = plan_trigger(flow, "p", registry=DIRECT)
    assert [(e.source, e.source_port, e.target, e.target_port) for e in plan.edges] == [
        ("p", "text-out", "a", "prompt-in"),
        ("a", "image-out", "b", "media-in"),
        ("a", "text-out", "c", "prompt-in"),
        ("b", "image-out", "c", "context-in"),
    ]


@pytest.mark.parametrize(
    ("edge", "code"),
    [
        (("p", "g", "no-such", None), "UNKNOWN_PORT"),
        (("p", "g", "prompt-in", None), "WRONG_DIRECTION"),
        (("a", "g", "image-out", "prompt-in"), "INCOMPATIBLE_TYPES"),
    ],
)
def test_ports_that_do_not_fit_are_refused(edge, code):
    flow = canvas({"p": TEXT, "a": PICTURE, "g": GEN}, ("p", "a"), ("p", "g"), edge)
    with pytest.raises(InvalidInput) as refused:
        plan_trigger(flow, "p", registry=DIRECT)
    assert refused.value.code == code


def test_a_required_input_needs_a_wire_or_a_value_of_its_own():
    for data in ({}, {"prompt": "  "}):
        with pytest.raises(InvalidInput) as refused:
            plan_target(canvas({"g": ("text-gen", data)}), "g", registry=DIRECT)
        assert refused.value.code == "MISSING_REQUIRED_INPUT"
        assert refused.value.details == {"nodeId": "g", "port": "prompt-in"}
    own = canvas({"g": ("text-gen", {"prompt": "hi"})})
    assert steps(plan_target(own, "g", registry=DIRECT)) == ["g"]


def test_what_cannot_start_is_refused():
    flow = workflow_of("start>a>end")
    with pytest.raises(InvalidInput, match="start") as refused:
        plan_trigger(flow, "a", registry=REGISTRY)
    assert refused.value.code == "NOT_A_TRIGGER"
    for plan in (plan_trigger, plan_target):
        with pytest.raises(NotFound) as missing:
            plan(flow, "nobody", registry=REGISTRY)
        assert missing.value.code == "NODE_NOT_FOUND"


def test_a_type_that_nobody_knows_is_refused_only_where_it_takes_part():
    nodes = (Node("start", "start"), Node("odd", "no-such-type"), Node("end", "end"))
    unused = Workflow("test", nodes, (Edge("start", "end"),))
    assert steps(plan_trigger(unused, "start", registry=REGISTRY)) == ["start", "end"]
    used = Workflow("test", nodes, (Edge("start", "odd"),))
    with pytest.raises(NotFound) as missing:
        plan_trigger(used, "start", registry=REGISTRY)
    assert missing.value.code == "UNKNOWN_NODE_TYPE"


def test_data_of_the_wrong_kind_is_refused_by_field():
    flow = workflow_of("start>agent>end", agent={"temperature": "warm"})
    with pytest.raises(InvalidInput) as refused:
        plan_trigger(flow, "start", registry=REGISTRY)
    assert refused.value.code == "INVALID_NODE_DATA"
    assert [fault["field"] for fault in refused.value.details] == ["data.temperature"]


def test_an_edge_drawn_twice_counts_once_and_two_labels_are_two_edges():
    nodes = (Node("start", "start"), Node("a", "do"), Node("end", "end"))
    edges = (Edge("start", "a", id="1"), Edge("start", "a", id="2"), Edge("a", "end", label="x"), Edge("a", "end"))
    plan = plan_trigger(Workflow("test", nodes, edges), "start", registry=REGISTRY)
    assert [(*end, edge.label) for end, edge in zip(ends(plan), plan.edges, strict=True)] == [
        ("start", "a", None), ("a", "end", "x"), ("a", "end", None),
    ]  # fmt: skip


def test_edges_into_a_start_out_of_an_end_and_to_nowhere_are_left_out():
    flow = workflow_of("start>a>end a>start end>a a>ghost")
    flow = flow.with_nodes(node for node in flow.nodes if node.id != "ghost")
    assert ends(plan_trigger(flow, "start", registry=REGISTRY)) == [("start", "a"), ("a", "end")]


def test_a_wave_is_the_longest_way_without_the_way_back():
    plan = plan_trigger(workflow_of("start>a>c>router>a start>b>c start>c router>end"), "start", registry=REGISTRY)
    waves = {step.node_id: step.wave for step in plan.steps}
    assert waves == {"start": 0, "a": 1, "b": 1, "c": 2, "router": 3, "end": 4}
    assert list(waves.values()) == sorted(waves.values())


@pytest.mark.parametrize("backwards", [False, True])
def test_the_order_of_the_nodes_changes_neither_waves_nor_loops(backwards):
    flow = workflow_of("start>a>router>a router>end")
    if backwards:
        flow = flow.with_nodes(reversed(flow.nodes))
    for plan in (plan_trigger(flow, "start", registry=REGISTRY), plan_target(flow, "end", registry=REGISTRY)):
        assert {step.node_id: step.wave for step in plan.steps} == {"start": 0, "a": 1, "router": 2, "end": 3}
        assert plan.steps[plan.topology.regions[1].head].node_id == "a"


def test_the_one_trigger_is_found():
    assert find_trigger(workflow_of("start>a>end"), registry=REGISTRY) == "start"
    for text in ("a>b", "start1>a start2>a"):
        with pytest.raises(InvalidInput) as refused:
            find_trigger(workflow_of(text), registry=REGISTRY)
        assert refused.value.code == "TRIGGER_REQUIRED"


def test_a_plan_is_written_and_read_back_whole():
    flow = workflow_of("start>a>router>a router>end", router={"conditions": [{"label": "x", "pattern": "y"}]})
    plan = plan_trigger(flow, "start", registry=REGISTRY, version=7)
    again = Plan.from_dict(plan.to_dict())
    assert again == plan
    assert (again.plan_id, again.topology, again.workflow_version) == (plan.plan_id, plan.topology, 7)
    tagged = plan_trigger(replace(flow, metadata={"tags": ["team:a", 3]}), "start", registry=REGISTRY, version=7)
    assert Plan.from_dict(tagged.to_dict()).tags == ("team:a",)
    assert tagged.plan_id != plan.plan_id


def test_equal_plans_have_equal_ids_and_others_do_not():
    made = [("start>a>end", {}), ("start>a>end", {}), ("start>a>end", {"n": 1}), ("start>a", {})]
    plans = [plan_trigger(workflow_of(text, a=data), "start", registry=REGISTRY) for text, data in made]
    assert len({plan.plan_id for plan in plans}) == 3
