"""The tables of spec langgraph-builder §4 and §12, a test a row; the id of each is what the row says."""

import pytest
from graphs import codes, found, graph

from builder_jupyter.errors import InvalidInput, TooLarge
from builder_jupyter.graph.dialects import BUILDER, Faults, check_options
from builder_jupyter.graph.model import Edge, Node, Workflow, freeze
from builder_jupyter.validation import RULES, Severity, result

ROUTES = {"conditions": [{"label": "again", "pattern": "x"}, {"label": "done", "pattern": ".*"}]}
REVIEW = {"options": ["revise", "approve"]}
SOUND = {"nodes": [{"id": "s", "type": "start"}, {"id": "e", "type": "end"}], "edges": [{"source": "s", "target": "e"}]}


def faults_of(read, body):
    with pytest.raises(InvalidInput) as caught:
        read(body)
    assert (caught.value.code, caught.value.message) == ("INVALID_WORKFLOW", "Invalid workflow definition")
    return [fault["field"] for fault in caught.value.details]


def with_node(**fields):
    return {"nodes": [{"id": "n", "type": "agent", **fields}], "edges": []}


def with_data(type_name, **data):
    return {"nodes": [{"id": "n", "type": type_name, "data": data}], "edges": []}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param([], ["body"], id="body is an object"),
        pytest.param({}, ["nodes", "edges"], id="nodes and edges present"),
        pytest.param({"nodes": {}, "edges": "x"}, ["nodes", "edges"], id="nodes and edges are lists"),
        pytest.param({"nodes": [5], "edges": []}, ["nodes[0]"], id="each node an object"),
        pytest.param(
            {"nodes": [{}, {"id": "", "type": ""}, {"id": 1, "type": None}], "edges": []},
            ["nodes[0].id", "nodes[0].type", "nodes[1].id", "nodes[1].type", "nodes[2].id", "nodes[2].type"],
            id="id and type are texts, not empty",
        ),
        pytest.param(
            with_node(data=[], position=5), ["nodes[0].data", "nodes[0].position"], id="data and position are objects"
        ),
        pytest.param(
            with_data("agent", name=1, prompt=None, model=[], tools="x", temperature=True),
            [f"nodes[0].data.{name}" for name in ("name", "prompt", "model", "tools", "temperature")],
            id="data of an agent",
        ),
        pytest.param(
            with_data("router", conditions={}, default=1),
            ["nodes[0].data.conditions", "nodes[0].data.default"],
            id="data of a router",
        ),
        pytest.param(
            with_data("tool", tool_name=5, arguments=[]),
            ["nodes[0].data.tool_name", "nodes[0].data.arguments"],
            id="data of a tool",
        ),
        pytest.param(
            with_data("human", prompt=1, timeout=False, options="yes"),
            ["nodes[0].data.prompt", "nodes[0].data.timeout", "nodes[0].data.options"],
            id="data of a human",
        ),
        pytest.param(with_data("end", output=1), ["nodes[0].data.output"], id="data of an end"),
        pytest.param(
            {"nodes": [], "edges": [5, {}, {"source": 1, "target": "a"}]},
            ["edges[0]", "edges[1].source", "edges[1].target", "edges[2].source"],
            id="each edge an object with text source and target",
        ),
    ],
)
def test_4_1_structure(body, fields):
    assert faults_of(BUILDER.read_graph, body) == fields


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"nodes": []}, "nodes", id="nodes not empty"),
        pytest.param({"name": " "}, "name", id="name not blank"),
        pytest.param({"name": 5}, "name", id="name is text"),
        pytest.param({"name": "x" * 256}, "name", id="name of 255 at most"),
        pytest.param({"description": 5}, "description", id="description is text"),
    ],
)
def test_4_1_structure_of_create_and_update(change, field):
    assert faults_of(BUILDER.read_create, {"name": "x", **SOUND, **change}) == [field]
    assert faults_of(BUILDER.read_update, change) == [field]


def test_4_1_options_are_booleans_and_unknown_ones_ignored():
    names = ("include_types", "include_docstrings", "include_mcp_tools", "checkpoint_config", "async_mode")
    faults = Faults()
    check_options({"options": {**dict.fromkeys(names, "yes"), "output_format": "module"}}, faults)
    assert [fault["field"] for fault in faults.found] == [f"options.{name}" for name in names]


def test_4_1_every_structural_fault_is_reported():
    body = {"name": " ", "description": 1, "nodes": [{"id": ""}, 5], "edges": [{"source": "a"}], "metadata": []}
    fields = ["nodes[0].id", "nodes[0].type", "nodes[1]", "edges[0].target", "name", "description", "metadata"]
    assert faults_of(BUILDER.read_create, body) == fields


def test_4_1_a_validated_graph_may_be_empty():
    nodes, edges = BUILDER.read_graph({"nodes": [], "edges": []})
    assert codes(Workflow(nodes=nodes, edges=edges)) == ["MISSING_START_NODE", "MISSING_END_NODE"]


NINE = {
    "MISSING_START_NODE": (Severity.ERROR, graph("agent:a end", "a>end"), None),
    "MULTIPLE_START_NODES": (Severity.ERROR, graph("start:s start:t start:u end", "s>end", "t>end"), None),
    "MISSING_END_NODE": (Severity.ERROR, graph("start agent:a", "start>a"), None),
    "ORPHAN_NODE": (Severity.ERROR, graph("start agent:a end", "start>end", "a>end"), "a"),
    "UNREACHABLE_END": (Severity.ERROR, graph("start end end:f", "start>end"), "f"),
    "CYCLE_DETECTED": (Severity.ERROR, graph("start agent:b agent:a end", "start>a>b>a", "b>end"), "b"),
    "DUPLICATE_NODE_ID": (Severity.ERROR, graph("start agent:a agent:a agent:a end", "start>a>end"), "a"),
    "EMPTY_PROMPT": (Severity.WARNING, graph("start agent:a end", "start>a>end", a={"prompt": " \n"}), "a"),
    "UNUSED_EDGE": (Severity.WARNING, graph("start end", "start>end", "start>gone"), None),
}


@pytest.mark.parametrize("code", NINE)
def test_4_2_the_nine_rules(code):
    severity, workflow, node_id = NINE[code]
    [finding] = [finding for finding in found(workflow) if finding.code == code]
    assert (finding.severity, finding.node_id) == (severity, node_id)
    wire = finding.to_wire()
    assert wire.keys() <= {"type", "message", "severity", "node_id", "node_ids", "edge_id", "source", "target"}
    assert (wire["type"], wire["severity"]) == (code, str(severity))
    assert finding in {e for e in found(workflow) if e.severity is severity}
    [listed] = [f for f in result(found(workflow))[f"{severity}s"] if f["type"] == code]
    assert listed == wire


def test_4_2_several_starts_are_one_finding_that_names_them():
    [finding] = [f for f in found(NINE["MULTIPLE_START_NODES"][1]) if f.code == "MULTIPLE_START_NODES"]
    assert finding.node_ids == ("s", "t", "u")


def test_4_2_an_unused_edge_is_named():
    [finding] = found(NINE["UNUSED_EDGE"][1])
    assert (finding.source, finding.target, finding.node_id) == ("start", "gone", None)


def test_4_2_order_is_the_tables_then_the_requests():
    workflow = graph("agent:b agent:a start:s start:t end:e end:f", "e>a", "s>gone", a={}, b={})
    expected = ["MULTIPLE_START_NODES", "ORPHAN_NODE:b", "ORPHAN_NODE:a", "UNREACHABLE_END:e", "UNREACHABLE_END:f"]
    expected += ["EMPTY_PROMPT:b", "EMPTY_PROMPT:a", "UNUSED_EDGE", "UNUSED_EDGE", "DEAD_END:s", "DEAD_END:t"]
    assert codes(workflow) == expected
    assert [rule.code for rule in RULES[workflow.profile]][:9] == list(NINE)


def routed(conditions, *edges):
    return graph("start router:r agent:a end", "start>r", "a>end", *edges, r={"conditions": conditions})


EXTENSIONS = {
    "UNKNOWN_NODE_TYPE": (Severity.ERROR, graph("Start:s start end", "start>s>end"), "s"),
    "INVALID_PATTERN": (Severity.ERROR, routed([{"label": "x", "pattern": "("}], "r>a:x", "r>end"), "r"),
    "DEAD_END": (Severity.WARNING, graph("start agent:a end", "start>end", "start>a"), "a"),
    "ROUTER_NO_DEFAULT": (Severity.WARNING, routed([{"label": "x", "pattern": "y"}], "r>a:x"), "r"),
    "UNMATCHED_LABEL": (Severity.WARNING, routed([{"label": "x", "pattern": ".*"}], "r>a:x", "r>end:z"), "r"),
    "UNKNOWN_TOOL": (Severity.WARNING, graph("start tool:t end", "start>t>end", t={"tool_name": "nope"}), "t"),
    "MISSING_TOOL_NAME": (Severity.WARNING, graph("start tool:t end", "start>t>end"), "t"),
    "INVALID_EXPRESSION": (Severity.WARNING, graph("start end", "start>end", end={"output": "state.a()"}), "end"),
}


@pytest.mark.parametrize("code", EXTENSIONS)
def test_4_3_extension_findings(code):
    severity, workflow, node_id = EXTENSIONS[code]
    [finding] = found(workflow)
    assert (finding.code, finding.severity, finding.node_id) == (code, severity, node_id)


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        pytest.param(
            graph("start agent:a end", "start>a>a", "a>end"),
            [("a",)],
            id="agent with a self edge, also when another edge leaves it",
        ),
        pytest.param(
            graph("start agent:a agent:b end", "start>a>b>a", "b>end"), [("a", "b")], id="a <-> b, plain edge b -> end"
        ),
        pytest.param(
            graph("start agent:w router:r end", "start>w>r", "r>w:again", "r>end:done", r=ROUTES),
            [],
            id="work -> router, router -> work / end",
        ),
        pytest.param(
            graph("start agent:d human:h end", "start>d>h", "h>d:revise", "h>end:approve", h=REVIEW),
            [],
            id="draft -> human, human -> draft (revise) / publish (approve)",
        ),
        pytest.param(
            graph("start human:h end", "start>h", "h>h:revise", "h>end:approve", h=REVIEW),
            [],
            id="human -> itself (again) / end (approve)",
        ),
        pytest.param(
            graph("start router:r end", "start>r", "r>r:again", "r>end:done", r=ROUTES),
            [("r",)],
            id="router -> itself / end",
        ),
        pytest.param(
            graph("start router:r router:q end", "start>r", "r>q:again", "r>end:done", "q>r:again", "q>end:done"),
            [("r", "q")],
            id="routers only",
        ),
        pytest.param(
            graph("start agent:a router:r end", "start>a>r", "r>a:again", "r>a:done"),
            [("a", "r")],
            id="router with a single target inside a loop",
        ),
        pytest.param(
            graph("start agent:a router:r agent:b end", "start>a>r", "r>a:again", "r>b:done", "b>r"),
            [("a", "r", "b")],
            id="router whose targets all stay in the loop",
        ),
        pytest.param(
            graph("start agent:a router:r agent:b end", "start>a>r", "r>a:again", "r>end:done", "a>b>a"),
            [("a", "b")],
            id="good router loop plus a second plain loop sharing a node",
        ),
        pytest.param(
            graph(
                "start agent:a router:r router:q end",
                "start>a>r",
                "r>a:again",
                "r>q:done",
                "q>a:again",
                "q>end",
            ),
            [],
            id="nested loops, each with its own router",
        ),
        pytest.param(graph("start agent:a agent:b end", "start>end", "a>b>a"), [], id="loop that start never reaches"),
        pytest.param(
            graph("start agent:b agent:a agent:d agent:c end", "start>a>b>a", "a>c>d>c", "a>end"),
            [("b", "a"), ("d", "c")],
            id="one finding per group, by first node",
        ),
    ],
)
def test_4_4_loops(workflow, expected):
    cycles = [finding for finding in found(workflow) if finding.code == "CYCLE_DETECTED"]
    assert [finding.node_ids for finding in cycles] == expected
    assert [finding.node_id for finding in cycles] == [ids[0] for ids in expected]


def test_4_4_a_router_whose_targets_all_stay_leaves_the_end_unreached():
    workflow = graph("start agent:a router:r agent:b end", "start>a>r", "r>a:again", "r>b:done", "b>r", r=ROUTES)
    assert codes(workflow) == ["UNREACHABLE_END:end", "CYCLE_DETECTED:a"]


def test_4_4_a_loop_that_is_never_reached_is_an_orphan():
    workflow = graph("start agent:a agent:b end", "start>end", "a>b>a")
    assert codes(workflow) == ["ORPHAN_NODE:a", "ORPHAN_NODE:b"]


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        pytest.param(
            graph("start end agent:a agent:b", "start>end", "a>b"),
            ["ORPHAN_NODE:a", "ORPHAN_NODE:b"],
            id="two separate parts, only one holding the start",
        ),
        pytest.param(
            graph("start agent:a agent:b end", "start>a>end", "b>a"),
            ["ORPHAN_NODE:b"],
            id="node that leads into the flow but is never reached",
        ),
        pytest.param(graph("start end:e end:f", "start>e"), ["UNREACHABLE_END:f"], id="end isolated"),
        pytest.param(
            graph("start end", "start>gone>end"),
            ["UNREACHABLE_END:end", "UNUSED_EDGE", "UNUSED_EDGE", "DEAD_END:start"],
            id="missing node on the only path",
        ),
        pytest.param(
            graph("start agent:a end:a", "start>a"),
            ["DUPLICATE_NODE_ID:a", "DEAD_END:a"],
            id="duplicate ids, the first is used",
        ),
        pytest.param(graph("start agent:a end", "start>a>end", "start>a>end"), [], id="the same edge twice"),
        pytest.param(graph("start end", "start>end"), [], id="start straight to end"),
        pytest.param(graph("start agent:a end", "start>a>end", "start>end"), [], id="start -> a and start -> end"),
        pytest.param(
            graph("start:s start:t agent:a agent:a", "s>x", a={}),
            [
                "MULTIPLE_START_NODES", "MISSING_END_NODE", "ORPHAN_NODE:a", "DUPLICATE_NODE_ID:a", "EMPTY_PROMPT:a",
                "EMPTY_PROMPT:a", "UNUSED_EDGE", "DEAD_END:s", "DEAD_END:t",
            ],
            id="several errors at once",
        ),
    ],
)  # fmt: skip
def test_4_5_other_edge_cases(workflow, expected):
    assert codes(workflow) == expected


def test_4_5_no_position_no_edge_ids_extra_fields():
    body = {**SOUND, "nodes": [{**node, "colour": "red", "data": {"own": 1}} for node in SOUND["nodes"]]}
    nodes, edges = BUILDER.read_graph(body)
    assert found(Workflow(nodes=nodes, edges=edges)) == ()


@pytest.mark.parametrize("node_id", ["__start__", "END", "a b", "x:y", "\"'", "a\nb", "__proto__", " "])
def test_4_5_any_id_is_valid(node_id):
    nodes = [Node("start", "start"), Node(node_id, "agent", freeze({"prompt": "p"})), Node("end", "end")]
    assert found(Workflow(nodes=nodes, edges=[Edge("start", node_id), Edge(node_id, "end")])) == ()


@pytest.mark.parametrize("name", ["nodes", "edges"])
def test_12_nodes_and_edges(name):
    limit = {"nodes": 5_000, "edges": 50_000}[name]
    items = {"nodes": [{"id": str(i), "type": "x"} for i in range(limit)], "edges": [SOUND["edges"][0]] * limit}
    assert len(BUILDER.read_graph({**SOUND, name: items[name]})[name == "edges"]) == limit
    with pytest.raises(TooLarge, match=f"at most {limit:,} {name}"):
        BUILDER.read_graph({**SOUND, name: [*items[name], items[name][0]]})


@pytest.mark.parametrize(
    ("make", "limit", "field"),
    [
        pytest.param(lambda text: {"name": text}, 255, "name", id="workflow name"),
        pytest.param(lambda text: {"metadata": {"tags": [text]}}, 64, "metadata.tags[0]", id="tag"),
        pytest.param(lambda text: with_node(id=text), 1_024, "nodes[0].id", id="node id"),
        pytest.param(lambda text: with_data("agent", prompt=text), 1_000_000, "nodes[0].data.prompt", id="prompt"),
        pytest.param(lambda text: {"description": text}, 100_000, "description", id="description"),
        pytest.param(
            lambda text: with_data("router", conditions=[{"label": "x", "pattern": text}]),
            2_000,
            "nodes[0].data.conditions[0].pattern",
            id="pattern",
        ),
    ],
)
def test_12_lengths_in_characters(make, limit, field):
    BUILDER.read_update(make("ä" * limit))
    assert faults_of(BUILDER.read_update, make("ä" * (limit + 1))) == [field]


def test_12_tags():
    BUILDER.read_update({"metadata": {"tags": ["x"] * 50}})
    assert faults_of(BUILDER.read_update, {"metadata": {"tags": [*["x"] * 50, 5]}}) == [
        "metadata.tags",
        "metadata.tags[50]",
    ]
