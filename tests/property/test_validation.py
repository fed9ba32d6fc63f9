import contextlib
import json
import re
import warnings
from collections import Counter
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import texts, workflows

from builder_jupyter.graph.algorithms import adjacency, loops, reachable, strongly_connected
from builder_jupyter.graph.dialects import read
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow, freeze
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.nodes.patterns import compile_pattern, pattern_fault, read_conditions
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.nodes.router import edges_taken
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


def _essence(findings):
    """Return what findings say whatever the order of the nodes."""
    return Counter(
        (f.code, None if f.node_ids else f.node_id, frozenset(f.node_ids), f.edge_id, f.source, f.target)
        for f in findings
    )


@given(workflows(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_is_the_order_of_findings_only(workflow, random):
    nodes = list(workflow.nodes_by_id.values())  # of several with one id the first counts, so order would matter
    random.shuffle(nodes)
    shuffled = workflow.with_nodes(nodes)
    assert _essence(check(shuffled)) == _essence(check(workflow.with_nodes(workflow.nodes_by_id.values())))


@st.composite
def readers(draw):
    """Make a graph without loops, with routers, whose nodes read one another's results."""
    size = draw(st.integers(2, 6))
    names = [f"n{i}" for i in range(size)]
    conditions = [{"label": "x", "pattern": "x"}, {"label": "y", "pattern": "y"}]
    nodes, edges = [Node("start", "start")], []
    for i, name in enumerate(names):
        kind = draw(st.sampled_from(["tool", "tool", "router"]))
        data = {"arguments": {other: f"{{{{state.results.{other}}}}}" for other in names}, "tool_name": "a"}
        if kind == "router":
            data = {"conditions": conditions} | draw(st.sampled_from([{}, {"default": "x"}]))
        nodes.append(Node(name, kind, freeze(data)))
        sources = draw(st.lists(st.sampled_from(["start", *names[:i]]), min_size=1, max_size=3))
        edges += (Edge(source, name, label=draw(st.sampled_from([None, "x", "y"]))) for source in sources)
    return Workflow(nodes=(*nodes, Node("end", "end")), edges=(*edges, Edge(names[-1], "end")))


def _runs(workflow):
    """Yield for each run what every node that ran had before it; the routers decide in every way there is."""
    outgoing = {node.id: [edge for edge in workflow.edges if edge.source == node.id] for node in workflow.nodes}
    routers = [node for node in workflow.nodes if node.type == "router"]
    for chosen in product([0, 1, None], repeat=len(routers)):
        picks = dict(zip((node.id for node in routers), chosen, strict=True))
        had = {"start": set()}
        for node in workflow.nodes:  # the order of the nodes is an order of the graph
            if node.id not in had:
                continue
            edges = outgoing[node.id]
            if node.id in picks:
                conditions = read_conditions(node.data)
                found = None if picks[node.id] is None else conditions[picks[node.id]]
                routes = [edge.route_label for edge in edges]
                edges = [edges[i] for i in edges_taken(conditions, found, node.data.get("default"), routes)]
            for edge in edges:
                had.setdefault(edge.target, set()).update(had[node.id], {node.id})
        yield had


@given(readers())
@settings(deadline=None)
def test_what_may_be_missing_is_missing_in_some_run(workflow):
    warned = {
        (finding.node_id, name)
        for finding in check(workflow)
        if finding.code == "UNASSIGNED_STATE"
        for name in re.findall(r"reads state\.results\.(\w+)", finding.message)
    }
    missing, present = set(), set()
    kinds = {node.id: node.type for node in workflow.nodes}
    tools = [node_id for node_id, kind in kinds.items() if kind == "tool"]
    for had in _runs(workflow):
        for node_id in had.keys() & set(tools):
            for other in tools:
                (present if other in had[node_id] else missing).add((node_id, other))
    running = {reader for reader, _ in missing}
    of_tools = {(reader, name) for reader, name in warned if kinds[name] == "tool" and reader in running}
    assert of_tools <= missing, "warned of what is always there"
    assert missing - present <= of_tools, "not warned of what is never there"


_atoms = st.sampled_from(
    ["a", "b", "ab", ".", "[ab]", "[^a]", r"\.", "x", "é", " ", "^", "A", "[a-c]", r"[\]x]", "(?:ab)"]
)
_patterns = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "+?"])).map(
            lambda p: f"(?:{p[0]}){p[1]}"
        ),
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        inner.map(lambda pattern: f"({pattern})"),
    ),
    max_leaves=6,
)


@given(st.one_of(_patterns, _patterns.map(lambda p: f"{p}$"), texts), st.text("abAB.x é\n[]()", max_size=12))
@settings(max_examples=500, deadline=None)
def test_what_is_accepted_is_found_as_generated_code_finds_it(pattern, text):
    if pattern_fault(pattern) is not None or (pattern.endswith("$") and text.endswith("\n")):
        return  # `$` before a last line break is the one difference on these characters (nodes/patterns.py)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = re.search(pattern, text, re.IGNORECASE) is not None
    assert compile_pattern(pattern).search(text) is expected
