"""A fix removes what it belongs to and brings no error of its own; an edit can be taken back."""

import contextlib
import json
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import workflows

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.edits import apply, perform
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow, freeze
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation import Severity, validate

TOOLS = ("web_search", "calculator")
IDS = ("start", "end", "a", "b", "c", "d", "router_1", "Router 1")
TYPES = ("start", "agent", "agent", "router", "human", "tool", "end", "python", "Start", "End", "agnet", "Router")
LABELS = (None, None, "yes", "Yes", "no", "maybe", "default")

_data = st.fixed_dictionaries(
    {},
    optional={
        "prompt": st.sampled_from(["p", " "]),
        "system_prompt": st.just("Be kind."),
        "name": st.sampled_from(["a", "calculator"]),
        "code": st.sampled_from(["1", "(", " "]),
        "temperature": st.sampled_from([0.5, "hot"]),
        "tool_name": st.sampled_from(["calculator", "calclator", "Web-Search", ""]),
        "tools": st.lists(st.sampled_from(["calculator", "calculater", "nope"]), max_size=3),
        "default": st.sampled_from(["yes", " "]),
        "conditions": st.lists(
            st.one_of(
                st.sampled_from(["yes", "no"]),
                st.fixed_dictionaries(
                    {
                        "label": st.sampled_from(["yes", "no"]),
                        "pattern": st.sampled_from(["x", "(", "C++", "(?=a)", ".*"]),
                    }
                ),
            ),
            max_size=3,
        ),
        "options": st.lists(st.sampled_from(["yes", "no"]), max_size=2),
        "arguments": st.dictionaries(
            st.sampled_from("xy"),
            st.sampled_from(
                [
                    "{{state.results.a}}",
                    "{{state.results.routr_1}}!",
                    "{{state.q}}",
                    "{{ state['q'] }}",
                    ["{{state.output}}"],
                ]
            ),
        ),
        "output": st.sampled_from(["state.results.b", "messages[-1]", "hello", 'state.results["c"]']),
    },
)


def _readable(node):
    """Leave out what the wire would refuse for a node of this type."""
    data = {k: v for k, v in node.data.items() if not (node.type == "agent" and k == "temperature" and v == "hot")}
    return Node(node.id, node.type, freeze(data))


any_node = st.builds(Node, st.sampled_from(IDS), st.sampled_from(TYPES), _data.map(freeze)).map(_readable)
any_edge = st.builds(
    Edge,
    st.sampled_from((*IDS, "routr_1")),
    st.sampled_from((*IDS, "gone")),
    id=st.sampled_from([None, "e1", "e2"]),
    label=st.sampled_from(LABELS),
)
anything = st.builds(
    Workflow,
    nodes=st.lists(any_node, max_size=8).map(tuple),
    edges=st.lists(any_edge, max_size=12).map(tuple),
)


@st.composite
def nearly_sound(draw):
    """Make a chain from start to end with some more nodes and edges in it."""
    inner = [
        _readable(Node(node_id, draw(st.sampled_from(TYPES[1:])), freeze(draw(_data))))
        for node_id in draw(st.lists(st.sampled_from(("a", "b", "c", "router_1")), unique=True, max_size=4))
    ]
    nodes = [Node("start", "start"), *inner, Node("end", "end", freeze(draw(_data)))]
    edges = [Edge(a.id, b.id, label=draw(st.sampled_from(LABELS))) for a, b in pairwise(nodes)]
    nodes += draw(st.lists(any_node, max_size=2))
    edges += draw(st.lists(any_edge, max_size=4))
    return Workflow(nodes=tuple(nodes), edges=tuple(draw(st.permutations(edges))))


graphs = st.one_of(anything, nearly_sound())


def check(workflow):
    return validate(workflow, registry=default_registry(), tool_names=TOOLS)


def identity(finding):
    return finding.code, finding.node_id, finding.edge_id, finding.source, finding.target


def errors(findings):
    """Count errors by code; of loops those that are no part of another are told apart by their nodes."""
    return Counter(f.code for f in findings if f.severity is Severity.ERROR and f.code != "CYCLE_DETECTED")


def cycles(findings):
    return [set(finding.node_ids) for finding in findings if finding.code == "CYCLE_DETECTED"]


def holds(workflow):
    before = check(workflow)
    for finding in before:
        for fix in finding.fixes:
            changes = json.loads(json.dumps(fix.to_wire()["changes"]))
            fixed, inverse = perform(workflow, changes)
            after = check(fixed)
            said = f"{finding.code}: {fix.title}"
            count = Counter(map(identity, before))[identity(finding)]
            assert Counter(map(identity, after))[identity(finding)] < count, said
            assert errors(after) <= errors(before), (said, errors(after) - errors(before))
            for cycle in cycles(after):
                assert any(cycle <= known for known in cycles(before)), said
            assert apply(fixed, inverse) == workflow, said
            assert Workflow.from_dict(fixed.to_dict()) == fixed, said


@given(graphs)
@settings(max_examples=300, deadline=None)
def test_a_fix_removes_its_finding_and_brings_no_error(workflow):
    holds(workflow)


@given(st.one_of(workflows(Profile.BUILDER), workflows(Profile.DIRECT)))
@settings(deadline=None)
def test_fixes_of_any_workflow_hold(workflow):
    holds(workflow)


_at_node = st.one_of(st.builds(dict, node_id=st.sampled_from(IDS)), st.builds(dict, index=st.integers(0, 4)))
_at_edge = st.one_of(st.builds(dict, edge_id=st.sampled_from(["e1", "e2"])), st.builds(dict, index=st.integers(0, 4)))
_node_wire = st.builds(dict, id=st.sampled_from(IDS), type=st.sampled_from(["agent", "tool"]))
_edge_wire = st.builds(dict, source=st.sampled_from(IDS), target=st.sampled_from(IDS), label=st.just("x"))
_places = st.integers(0, 4)


def _change(op, *parts, **fields):
    return st.tuples(*parts, st.fixed_dictionaries(fields)).map(
        lambda found: {"op": op} | {name: value for part in found for name, value in part.items()}
    )


any_change = st.one_of(
    _change("add_node", node=_node_wire),
    _change("add_node", node=_node_wire, index=_places),
    _change("remove_node", _at_node),
    _change("replace_node", _at_node, node=_node_wire),
    _change("rename_node", _at_node, to=st.sampled_from((*IDS, "fresh"))),
    _change("move_node", _at_node, position=st.sampled_from([None, {"x": 1, "y": 2.5}])),
    _change("set_data", _at_node, field=st.sampled_from(["prompt", "own"]), value=st.text(max_size=2)),
    _change("set_data", _at_node, field=st.sampled_from(["prompt", "own"])),
    _change("add_edge", edge=_edge_wire),
    _change("add_edge", edge=_edge_wire, index=_places),
    _change("remove_edge", _at_edge),
    _change("replace_edge", _at_edge, edge=_edge_wire),
    _change("set_workflow", field=st.just("description"), value=st.text(max_size=2)),
)


@given(graphs, st.lists(any_change, max_size=8))
@settings(deadline=None)
def test_what_was_edited_can_be_taken_back(workflow, changes):
    possible = []
    now = workflow
    for change in changes:
        with contextlib.suppress(InvalidInput):
            now = apply(now, [change])
            possible.append(change)
    done = perform(workflow, possible)
    assert done.workflow == now
    assert apply(done.workflow, json.loads(json.dumps(done.inverse))) == workflow
