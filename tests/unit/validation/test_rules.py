from itertools import pairwise

import pytest
from graphs import REGISTRY, codes, found, graph

from builder_jupyter.graph.model import Edge, Node, Profile, Workflow, freeze
from builder_jupyter.validation import RULES, Severity, result, validate

REVIEW = {"options": ["revise", "approve"]}


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        pytest.param(graph(""), ["MISSING_START_NODE", "MISSING_END_NODE"], id="nothing"),
        pytest.param(graph("start end", "start>end"), [], id="start straight to end"),
        pytest.param(graph("start agent:a end", "start>a>end"), [], id="sample"),
        pytest.param(graph("start agent:a end", "start>a>end", "start>end"), [], id="both edges are taken"),
        pytest.param(graph("start agent:a end", "start>a>end", "start>a>end"), [], id="same edge twice"),
        pytest.param(graph("start:s start:t end", "s>end", "t>end"), ["MULTIPLE_START_NODES"], id="two starts"),
        pytest.param(
            graph("start agent:a agent:b end", "start>a>end", "b>a"),
            ["ORPHAN_NODE:b"],
            id="leads in, never reached",
        ),
        pytest.param(
            graph("start end agent:a agent:b", "start>end", "a>b"),
            ["ORPHAN_NODE:a", "ORPHAN_NODE:b"],
            id="two parts",
        ),
        pytest.param(
            graph("start end agent:a agent:b", "start>end", "a>b>a"),
            ["ORPHAN_NODE:a", "ORPHAN_NODE:b"],
            id="loop never reached",
        ),
        pytest.param(
            graph("agent:a agent:b agent:c end", "a>end"),
            ["MISSING_START_NODE", "ORPHAN_NODE:b", "ORPHAN_NODE:c"],
            id="orphans without a start",
        ),
        pytest.param(graph("start end:e end:f", "start>e"), ["UNREACHABLE_END:f"], id="isolated end"),
        pytest.param(
            graph("start end", "start>gone>end"),
            ["UNREACHABLE_END:end", "UNUSED_EDGE", "UNUSED_EDGE", "DEAD_END:start"],
            id="missing node on the only path",
        ),
        pytest.param(
            graph("start agent:a end agent:a end", "start>a>end"),
            ["DUPLICATE_NODE_ID:a", "DUPLICATE_NODE_ID:end"],
            id="duplicates",
        ),
        pytest.param(
            graph("start agent:a agent:a agent:a end", "start>a>end"),
            ["DUPLICATE_NODE_ID:a"],
            id="once per id",
        ),
        pytest.param(
            graph("start agent:a end:a", "start>a"),
            ["DUPLICATE_NODE_ID:a", "DEAD_END:a"],
            id="the first of an id is used",
        ),
        pytest.param(graph("start agent:a end", "start>a>end", a={}), ["EMPTY_PROMPT:a"], id="no prompt"),
        pytest.param(
            graph("start agent:a end", "start>a>end", a={"prompt": " \n"}),
            ["EMPTY_PROMPT:a"],
            id="blank prompt",
        ),
        pytest.param(graph("start end", "start>end>start"), ["UNUSED_EDGE"], id="an edge wrong at both ends is one"),
        pytest.param(graph("start agent:a end", "start>a>end", "a>start"), ["UNUSED_EDGE"], id="enters start"),
        pytest.param(graph("start agent:a end", "start>a>end", "end>a"), ["UNUSED_EDGE"], id="leaves end"),
        pytest.param(
            graph("start Agent:a end", "start>a>end"),
            ["UNKNOWN_NODE_TYPE:a"],
            id="types are compared exactly",
        ),
        pytest.param(
            graph("Start:s end", "s>end"),
            ["MISSING_START_NODE", "UNKNOWN_NODE_TYPE:s"],
            id="Start is not start",
        ),
        pytest.param(graph("start agent:a agent:b end", "start>a>end", "start>b"), ["DEAD_END:b"], id="dead end"),
        pytest.param(
            graph("start agent:a agent:b end end:e", "start>a", "a>b>a", "x>y", a={}),
            [
                "UNREACHABLE_END:end",
                "UNREACHABLE_END:e",
                "CYCLE_DETECTED:a",
                "EMPTY_PROMPT:a",
                "UNUSED_EDGE",
            ],
            id="several at once, in the table's order",
        ),
    ],
)
def test_findings(workflow, expected):
    assert codes(workflow) == expected


def routed(data, *edges):
    return graph("start router:r agent:a end", "start>r", "a>end", *edges, r=data)


def pattern(text, label="x"):
    return {"label": label, "pattern": text}


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (routed({"conditions": [pattern("(")]}, "r>a:x", "r>end:else"), ["INVALID_PATTERN:r"]),
        (routed({"conditions": [pattern("(?=a)")]}, "r>a:x", "r>end:else"), ["INVALID_PATTERN:r"]),
        (routed({"conditions": ["x", "(plain"]}, "r>a:x", "r>end:(plain", "r>end"), []),
        (routed({"conditions": [pattern("a")]}, "r>a:x"), ["ROUTER_NO_DEFAULT:r"]),
        (routed({"conditions": [pattern("a")], "default": "x"}, "r>a:x"), []),
        (routed({"conditions": [pattern("a")], "default": " "}, "r>a:x"), ["ROUTER_NO_DEFAULT:r"]),
        (routed({"conditions": [pattern("a")], "default": "y"}, "r>a:x", "r>end:y"), []),
        (routed({"conditions": [pattern("a")]}, "r>a:x", "r>end"), []),
        (routed({"conditions": [pattern("a")]}, "r>a:x", "r>end:default"), []),
        (routed({"conditions": [pattern(".+")]}, "r>a:x"), []),
        (routed({"conditions": [pattern("")]}, "r>a:x"), []),
        (routed({"conditions": [pattern("a"), pattern("b", "y")]}, "r>a", "r>end"), []),
        (routed({"conditions": [pattern("a"), pattern("b", "y")]}, "r>a"), ["UNMATCHED_LABEL:r"] * 2),
        (routed({"conditions": [pattern(".*")]}, "r>a:x", "r>a:nope"), ["UNMATCHED_LABEL:r"]),
        (routed({"conditions": [pattern("a"), pattern(".*", "y")]}, "r>a:x"), ["UNMATCHED_LABEL:r"]),
        (graph("start human:h end", "start>h", "h>end", h=REVIEW), []),
        (graph("start human:h end", "start>h", "h>end:approve", h=REVIEW), []),
        (graph("start human:h end", "start>h", "h>end:else", h=REVIEW), ["UNMATCHED_LABEL:h"]),
        (graph("start agent:a end", "start>a:decoration", "a>end:decoration"), []),
        (graph("start tool:t end", "start>t>end", t={"tool_name": "calculator"}), []),
        (graph("start tool:t end", "start>t>end", t={"tool_name": "nope"}), ["UNKNOWN_TOOL:t"]),
        (
            graph("start agent:a end", "start>a>end", a={"prompt": "p", "tools": ["nope", "web_search", "nix"]}),
            ["UNKNOWN_TOOL:a"] * 2,
        ),
        (graph("start tool:t end", "start>t>end"), ["MISSING_TOOL_NAME:t"]),
        (graph("start tool:t end", "start>t>end", t={"tool_name": " "}), ["MISSING_TOOL_NAME:t"]),
        (
            graph(
                "start tool:t end",
                "start>t>end",
                t={
                    "tool_name": "calculator",
                    "arguments": {"a": ["{{state}}", "{{state.x}}"], "b": "{{state._y}}"},
                },
            ),
            ["INVALID_EXPRESSION:t"] * 2,
        ),
        (graph("start end", "start>end", end={"output": "state.messages[-1]"}), []),
        (graph("start end", "start>end", end={"output": "  "}), []),
        (graph("start end", "start>end", end={"output": "state.a()"}), ["INVALID_EXPRESSION:end"]),
    ],
)
def test_extension_findings(workflow, expected):
    assert codes(workflow) == expected


def test_the_documented_sentences():
    workflow = graph("start agent:agent_2 agent:agent_3", "start>agent_2", agent_2={})
    assert result(found(workflow)) == {
        "valid": False,
        "errors": [
            {
                "type": "MISSING_END_NODE",
                "message": "Workflow must have at least one End node",
                "severity": "error",
            },
            {
                "type": "ORPHAN_NODE",
                "message": "Node 'agent_3' is not connected to the workflow",
                "node_id": "agent_3",
                "severity": "error",
            },
        ],
        "warnings": [
            {
                "type": "EMPTY_PROMPT",
                "message": "Agent 'agent_2' has no system prompt configured",
                "node_id": "agent_2",
                "severity": "warning",
            },
            {
                "type": "DEAD_END",
                "message": "Node 'agent_2' has no outgoing edge, so its branch stops there",
                "node_id": "agent_2",
                "severity": "warning",
            },
        ],
    }


def test_an_unused_edge_is_named():
    workflow = Workflow(nodes=graph("start end").nodes, edges=[Edge("start", "end"), Edge("start", "x", id="e7")])
    [finding] = found(workflow)
    assert finding.to_wire() == {
        "type": "UNUSED_EDGE",
        "message": "Edge from 'start' to 'x' names the missing node 'x'",
        "edge_id": "e7",
        "source": "start",
        "target": "x",
        "severity": "warning",
    }


@pytest.mark.parametrize("node_id", ["__start__", "END", "a b", "x:y", "\"'", "a\nb", "__proto__", " "])
def test_any_id_will_do(node_id):
    nodes = [Node("start", "start"), Node(node_id, "agent", freeze({"prompt": "p"})), Node("end", "end")]
    assert found(Workflow(nodes=nodes, edges=[Edge("start", node_id), Edge(node_id, "end")])) == ()


def test_unknown_tools_are_not_judged_without_a_list():
    workflow = graph("start tool:t end", "start>t>end", t={"tool_name": "nope"})
    assert found(workflow, tool_names=None) == ()
    assert [finding.code for finding in found(workflow, tool_names=())] == ["UNKNOWN_TOOL"]


def canvas(nodes, *edges):
    return Workflow(
        nodes=[Node(*reversed(word.split(":"))) for word in nodes.split()],
        edges=edges,
        profile=Profile.DIRECT,
    )


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (canvas("prompt:p generate-image:g", Edge("p", "g")), []),
        (
            canvas("prompt:p generate-image:g", Edge("p", "g", source_port="text-out", target_port="prompt-in")),
            [],
        ),
        (canvas("generate-image:g show:s", Edge("g", "s")), []),
        (canvas("nope:p"), ["UNKNOWN_NODE_TYPE:p"]),
        (canvas("agent:p"), ["UNKNOWN_NODE_TYPE:p"]),
        (canvas("prompt:p prompt:p"), ["DUPLICATE_NODE_ID:p"]),
        (canvas("prompt:p prompt:q", Edge("p", "q"), Edge("q", "p")), ["CYCLE_DETECTED:p"]),
        (canvas("prompt:p", Edge("p", "p")), ["CYCLE_DETECTED:p"]),
        (canvas("prompt:p", Edge("p", "x")), ["UNUSED_EDGE"]),
        (canvas("prompt:p shape:x", Edge("p", "x"), Edge("x", "p")), ["UNUSED_EDGE"] * 2),
        (canvas("prompt:p generate-image:g", Edge("p", "g", source_port="x")), ["UNKNOWN_PORT"]),
        (canvas("prompt:p generate-image:g", Edge("p", "g", target_port="x")), ["UNKNOWN_PORT"]),
        (canvas("prompt:p prompt:q", Edge("p", "q", source_port="prompt-in")), ["WRONG_DIRECTION"]),
        (canvas("prompt:p prompt:q", Edge("p", "q", target_port="text-out")), ["WRONG_DIRECTION"]),
        (canvas("prompt:p show:s", Edge("p", "s")), ["INCOMPATIBLE_TYPES"]),
        (canvas("nope:n show:s", Edge("n", "s", source_port="x")), ["UNKNOWN_NODE_TYPE:n"]),
    ],
)
def test_canvases(workflow, expected):
    assert codes(workflow) == expected


def test_every_rule_says_what_it_means():
    for rules in RULES.values():
        names = [rule.code for rule in rules]
        assert len(set(names)) == len(names)
        for rule in rules:
            assert rule.meaning.endswith("."), rule.code
    assert [rule.code for rule in RULES[Profile.BUILDER] if rule.severity is Severity.ERROR] == [
        "MISSING_START_NODE",
        "MULTIPLE_START_NODES",
        "MISSING_END_NODE",
        "ORPHAN_NODE",
        "UNREACHABLE_END",
        "CYCLE_DETECTED",
        "DUPLICATE_NODE_ID",
        "UNKNOWN_NODE_TYPE",
        "INVALID_PATTERN",
        "EMPTY_CODE",
        "INVALID_CODE",
    ]


def big_chain(n_nodes):
    ids = [f"a{i}" for i in range(n_nodes)]
    nodes = [
        Node("start", "start"),
        *(Node(i, "agent", freeze({"prompt": "p"})) for i in ids),
        Node("end", "end"),
    ]
    path = ["start", *ids, "end"]
    return Workflow(nodes=nodes, edges=[Edge(a, b) for a, b in pairwise(path)])


def test_a_chain_of_5000_nodes():
    assert validate(big_chain(4_998), registry=REGISTRY, tool_names=()) == ()


def test_a_complete_graph_gives_one_loop():
    ids = [f"a{i}" for i in range(200)]
    nodes = [
        Node("start", "start"),
        *(Node(i, "agent", freeze({"prompt": "p"})) for i in ids),
        Node("end", "end"),
    ]
    edges = [Edge("start", "a0"), Edge("a0", "end"), *(Edge(a, b) for a in ids for b in ids)]
    [finding] = found(Workflow(nodes=nodes, edges=edges))
    assert (finding.code, len(finding.node_ids)) == ("CYCLE_DETECTED", 200)
    assert len(finding.message) < 200
