import pytest
from graphs import REGISTRY, TOOLS, graph

from builder_jupyter.graph.model import Edge, Node, Workflow, freeze
from builder_jupyter.validation import validate

CALC = {"tool_name": "calculator"}
YES_NO = {"conditions": [{"label": "yes", "pattern": "y"}, {"label": "no", "pattern": "n"}], "default": "no"}


def reads(*paths):
    return {**CALC, "arguments": {f"x{i}": f"{{{{state.{path}}}}}" for i, path in enumerate(paths)}}


def messages(workflow):
    findings = validate(workflow, registry=REGISTRY, tool_names=TOOLS)
    assert all(str(finding.severity) == "warning" for finding in findings if finding.code == "UNASSIGNED_STATE")
    return [finding.message for finding in findings if finding.code == "UNASSIGNED_STATE"]


def said(path, reason, node="Tool 'u'"):
    return [f"{node} reads state.{path}, {reason}"]


NOT_ALWAYS = said("results.t", "but 't' does not always run before 'u'")
NOT_BEFORE = said("results.t", "but 't' does not run before 'u'")


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        pytest.param(graph("start tool:t tool:u end", "start>t>u>end", t=CALC, u=reads("results.t")), [], id="before"),
        pytest.param(
            graph("start tool:u tool:t end", "start>u>t>end", t=CALC, u=reads("results.t")), NOT_BEFORE, id="after"
        ),
        pytest.param(
            graph("start tool:u end", "start>u>end", u=reads("results.u")),
            said("results.u", "but 'u' does not run before itself"),
            id="itself",
        ),
        pytest.param(
            graph("start tool:t tool:u end", "start>t>end", "start>u>end", t=CALC, u=reads("results.t")),
            NOT_BEFORE,
            id="beside",
        ),
        pytest.param(
            graph("start tool:t agent:a tool:u end", "start>t>u>end", "start>a>u", t=CALC, u=reads("results.t")),
            [],
            id="a join waits for both branches",
        ),
        pytest.param(
            graph(
                "start router:r tool:t agent:a tool:u end",
                "start>r", "r>t:yes", "r>a:no", "t>u>end", "a>u", r=YES_NO, t=CALC, u=reads("results.t"),
            ),
            NOT_ALWAYS,
            id="only one of two ways",
        ),
        pytest.param(
            graph(
                "start router:r tool:t agent:a tool:u end",
                "start>r", "r>t:yes", "r>a:yes", "t>u>end", "a>u", "r>end:no", r=YES_NO, t=CALC, u=reads("results.t"),
            ),
            [],
            id="two branches of one way",
        ),
        pytest.param(
            graph(
                "start router:r tool:t tool:u end",
                "start>r", "r>t:yes", "r>t:no", "start>u", "t>u>end", r=YES_NO, t=CALC, u=reads("results.t"),
            ),
            [],
            id="whatever is decided",
        ),
        pytest.param(
            graph(
                "start router:r agent:a agent:b tool:t tool:u end",
                "start>r", "r>a:yes", "r>b:no", "a>t", "b>t", "t>u>end", "start>u", r=YES_NO, t=CALC,
                u=reads("results.t"),
            ),
            [],
            id="both ways lead through it",
        ),
        pytest.param(
            graph(
                "start human:h tool:t tool:u end",
                "start>h", "h>t:yes", "h>u", "t>u>end", h={"options": ["yes", "no"]}, t=CALC, u=reads("results.t"),
            ),
            NOT_ALWAYS,
            id="a person may skip it",
        ),
        pytest.param(
            graph(
                "start tool:u human:h end", "start>u>h", "h>u:again", "h>end:done",
                h={"options": ["again", "done"]}, u=reads("results.h"),
            ),
            said("results.h", "but 'h' does not run before 'u'"),
            id="the first time round a loop",
        ),
        pytest.param(
            graph(
                "start tool:t tool:u router:r end", "start>t>u>r", "r>t:yes", "r>end:no", r=YES_NO, t=CALC,
                u=reads("results.t"),
            ),
            [],
            id="before it in a loop",
        ),
        pytest.param(
            graph("start tool:u end", "start>u>end", u=reads("results.gone")),
            said("results.gone", "but there is no node of that name"),
            id="no such node",
        ),
        pytest.param(
            graph("start agent:a tool:u end", "start>a>u>end", u=reads("results.a")),
            said("results.a", "but 'a' leaves no result"),
            id="an agent leaves no result",
        ),
        pytest.param(
            graph("start tool:u end", "start>u>end", u=reads("output")),
            said("output", "which only an end node sets"),
            id="output before any end",
        ),
        pytest.param(
            graph("start end", "start>end", end={"output": "state.results.t"}),
            said("results.t", "but there is no node of that name", node="End 'end'"),
            id="an end's output",
        ),
        pytest.param(
            graph("start tool:u end", "start>u>end", u=reads("query", "messages[-1]", "results", "message.x")),
            [],
            id="other names are inputs",
        ),
        pytest.param(
            graph("start tool:u end", "start>u>end", start={"inputs": ["query"]}, u=reads("query", "quary", "message")),
            said("quary", "which is none of the inputs that the start node declares"),
            id="declared inputs",
        ),
        pytest.param(
            graph("start tool:u end", "start>end", u=reads("results.gone")), [], id="a node that never runs"
        ),
        pytest.param(graph("tool:u end", "u>end", u=reads("results.gone")), [], id="no start"),
    ],
)  # fmt: skip
def test_what_may_be_missing(workflow, expected):
    assert messages(workflow) == expected


def test_results_have_the_graph_name_and_the_node_id():
    workflow = graph(
        "start tool:t1 tool:u end", "start>t1>u>end", t1={**CALC, "name": "My Tool"}, u=reads("results.t1")
    )
    assert messages(workflow) == []
    workflow = graph(
        "start tool:t1 tool:u end", "start>t1>u>end", t1={**CALC, "name": "My Tool"}, u=reads("results.my_tool")
    )
    assert messages(workflow) == []


def test_a_misspelt_name_can_be_put_right():
    workflow = graph("start tool:search tool:u end", "start>search>u>end", search=CALC, u=reads("results.serach[0].x"))
    [finding] = validate(workflow, registry=REGISTRY, tool_names=TOOLS)
    [fix] = finding.fixes
    assert fix.title == "Read state.results.search instead"
    fixed = workflow.edited(fix.changes)
    assert fixed.node("u").data["arguments"] == {"x0": "{{state.results.search[0].x}}"}
    assert validate(fixed, registry=REGISTRY, tool_names=TOOLS) == ()


def test_a_wide_join_may_read_all_its_branches():
    ids = [f"t{i}" for i in range(2_000)]
    tools = [Node(i, "tool", freeze(CALC)) for i in ids]
    reader = Node("u", "tool", freeze(reads(*(f"results.{i}" for i in ids), "results.gone")))
    nodes = [Node("start", "start"), *tools, reader, Node("end", "end")]
    edges = [*(Edge("start", i) for i in ids), *(Edge(i, "u") for i in ids), Edge("u", "end")]
    assert messages(Workflow(nodes=nodes, edges=edges)) == said("results.gone", "but there is no node of that name")
