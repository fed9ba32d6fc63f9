import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
from strategies import texts, workflows

from builder_jupyter.graph.algorithms import adjacency, loops, reachable, strongly_connected
from builder_jupyter.graph.dialects import read
from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.nodes.patterns import compile_pattern, read_conditions
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.validation import RULES, Severity, result, validate


def _kind(name):
    profiles = frozenset({Profile.BUILDER})
    return type(name, (NodeType,), {"type": name, "profiles": profiles, "title": name, "description": name})


REGISTRY = Registry(tuple(_kind(name) for name in ("start", "agent", "router", "tool", "human", "end")))

graphs = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"))).map(
    lambda pairs: adjacency("abcdef", pairs)
)


def check(workflow):
    return validate(workflow, registry=REGISTRY, tool_names=("a",))


@given(st.one_of(workflows(Profile.BUILDER), workflows(Profile.DIRECT)))
def test_any_workflow_can_be_judged(workflow):
    findings = check(workflow)
    order = [rule.code for rule in RULES[workflow.profile]]
    places = [order.index(finding.code) for finding in findings]
    assert places == sorted(places)
    answer = result(findings)
    assert json.loads(json.dumps(answer)) == answer
    assert answer["valid"] is not any(finding.severity is Severity.ERROR for finding in findings)
    ids = {node.id for node in workflow.nodes}
    for finding in findings:
        assert finding.message
        assert finding.node_id is None or finding.node_id in ids
        assert ids.issuperset(finding.node_ids)


@given(workflows())
def test_findings_are_stable(workflow):
    assert check(workflow) == check(read(workflow.to_dict()))


@given(workflows())
def test_repeating_unlabelled_edges_changes_nothing_but_unused_ones(workflow):
    plain = [edge for edge in workflow.edges if edge.route_label is None]
    without_routers = workflow.with_nodes(node for node in workflow.nodes if node.type != "router")
    doubled = type(workflow)(nodes=without_routers.nodes, edges=(*plain, *plain))
    single = type(workflow)(nodes=without_routers.nodes, edges=tuple(plain))
    errors = [finding for finding in check(single) if finding.severity is Severity.ERROR]
    assert errors == [finding for finding in check(doubled) if finding.severity is Severity.ERROR]


@given(graphs)
def test_components_partition_and_are_mutually_reachable(graph):
    components = strongly_connected(graph)
    assert sorted(node for component in components for node in component) == sorted(graph)
    for component in components:
        for node in component:
            mutual = {other for other in reachable(graph, [node]) if node in reachable(graph, [other])}
            assert mutual == set(component)


@given(graphs)
def test_loops_are_the_components_whose_nodes_reach_themselves(graph):
    looping = {node for node, targets in graph.items() if node in reachable(graph, targets)}
    groups = loops(graph)
    assert sorted(node for group in groups for node in group) == sorted(looping)
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)


@given(texts)
def test_plain_text_conditions_match_themselves(text):
    [condition] = read_conditions({"conditions": [text]})
    assert compile_pattern(condition.pattern).search(f"<{text}>")


@given(texts, texts)
def test_any_pattern_compiles_or_is_refused(pattern, text):
    with contextlib.suppress(ValueError):
        assert compile_pattern(pattern).search(text) in {True, False}
