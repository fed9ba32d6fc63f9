"""Workflows written in Python."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import builder_jupyter as bj
from builder_jupyter.errors import InvalidInput, Unprocessable
from builder_jupyter.graph.build import WorkflowBuilder
from builder_jupyter.graph.dialects.builder import DATA_FIELDS
from builder_jupyter.graph.dialects.plain import parse_plain
from builder_jupyter.nodes.registry import default_registry

DOCS = Path(__file__).parents[3] / "docs" / "notebook.md"

SUPPORT = """
description: Sorts.
tags: a, b
start
router topic "Topic"
    when billing: bill|refund
    when other: .*
    default: other
agent billing
    prompt: Help with billing.
    tools: ["calculator"]
    temperature: 0
agent other
    prompt: Help.
tool add
    tool_name: calculator
    arguments: {"expression": "{{state.n}}"}
python count
    code: len(state["messages"])
    timeout: 5
human ask
    prompt: Well?
    options: ["yes", "no"]
    timeout: 60
end
    output: state.messages[-1]
end stop

start -> topic
topic -billing-> billing
topic -other-> other
billing, other -> add, count -> ask
ask -yes-> end
ask -no-> stop
ask -timeout-> stop
"""


def test_it_is_the_workflow_of_the_text_form() -> None:
    flow = bj.workflow("Support", description="Sorts.", tags=["a", "b"])
    topic = flow.router("topic", when={"billing": "bill|refund", "other": ".*"}, default="other", name="Topic")
    billing = flow.agent("billing", prompt="Help with billing.", tools=["calculator"], temperature=0)
    other = flow.agent("other", prompt="Help.")
    add = flow.tool("add", "calculator", {"expression": "{{state.n}}"})
    count = flow.python("count", 'len(state["messages"])', timeout=5)
    ask = flow.human("ask", prompt="Well?", options=["yes", "no"], timeout=60)
    end, stop = flow.end(output="state.messages[-1]"), flow.end("stop")
    flow.start >> topic["billing"] >> billing
    topic["other"] >> other
    [billing, other] >> flow.fan([add, count]) >> ask
    ask["yes"] >> end
    [ask["no"], ask["timeout"]] >> stop
    assert flow.build() == parse_plain(SUPPORT, name="Support")
    assert repr(flow) == "<WorkflowBuilder 'Support': 9 nodes, 12 edges>"
    assert [repr(flow["ask"]), repr(ask["no"]), repr(flow.fan([add, ask["no"]]))] == [
        "<Node 'ask'>",
        "<Way 'ask'['no']>",
        "<Fan of 'add', 'ask'['no']>",
    ]


def test_lists_stand_on_either_side_and_chains_go_on() -> None:
    flow = bj.workflow("w")
    a, b, c = (flow.agent(name) for name in "abc")
    flow.start >> [a, b] >> c >> flow.end()
    assert [(edge.source, edge.target) for edge in flow.build().edges] == [
        ("start", "a"),
        ("start", "b"),
        ("a", "c"),
        ("b", "c"),
        ("c", "end"),
    ]


def test_a_workflow_that_was_built_stays_as_it_was() -> None:
    flow = bj.workflow("w")
    flow.start >> flow.end()
    before = flow.build()
    flow["start"] >> flow.agent("late")
    assert [len(before.nodes), len(flow.build().nodes)] == [2, 3]
    assert [node.id for node in flow.build().nodes] == ["start", "end", "late"]


def test_node_takes_any_type_and_keeps_what_it_is_told() -> None:
    data: dict[str, Any] = {"": 1, "type_name": "", "node_id": None, "self": [], "name": "X", "deep": {"a": [None, {}]}}
    flow = bj.workflow("w")
    flow.node("custom", "x", **data)
    assert flow.build().to_dict()["nodes"] == [{"id": "x", "type": "custom", "data": data}]


def test_what_is_not_said_is_left_to_the_type() -> None:
    flow = bj.workflow("w")
    flow.agent("a")
    flow.human("h")
    flow.end()
    assert [node.data for node in flow.build().nodes] == [{}, {}, {}]


def test_texts_may_be_indented_as_the_code_around_them() -> None:
    flow = bj.workflow("w")
    flow.agent(
        "a",
        prompt="""
        One.
          Two.
        """,
    )
    flow.python(
        "p",
        """
        x = 1
        x
        """,
    )
    assert (flow.build().node("a").data["prompt"], flow.build().node("p").data["code"]) == ("One.\n  Two.", "x = 1\nx")


def test_each_refusal_names_its_line() -> None:
    source = """\
flow = bj.workflow("w")
a = flow.agent("a")
r = flow.router("r", when={"yes": "y"}, default="no")
h = flow.human("h", options=["ok"])
other = bj.workflow("o").agent("a")
a >> r
"""
    cases = {
        'flow.agent("a")': ("DUPLICATE_NODE", "Line 7: There is a node 'a' already, made in line 2."),
        "a >> r": ("DUPLICATE_EDGE", "Line 7: A second edge from 'a' to 'r': there is one already, drawn in line 6."),
        'r["yess"]': ("UNKNOWN_LABEL", "Line 7: No answer of 'r' is 'yess'; did you mean 'yes'?"),
        'h["never"]': ("UNKNOWN_LABEL", "Line 7: No answer of 'h' is 'never'; there are: ok, timeout."),
        'a[" "]': ("UNKNOWN_LABEL", "Line 7: A label is a text that is not empty."),
        'flow["hh"]': ("UNKNOWN_NODE", "Line 7: There is no node 'hh'; did you mean 'h'?"),
        "a >> other": ("FOREIGN_NODE", "Line 7: <Node 'a'> is a node of another workflow."),
        "a >> [other]": ("FOREIGN_NODE", "Line 7: <Node 'a'> is a node of another workflow."),
        "a >> []": ("FOREIGN_NODE", "Line 7: A list between >> is made of nodes."),
        'flow.agent("x", temperature="hot")': ("INVALID_WORKFLOW", "Line 7: Node 'x': temperature must be a number."),
        'flow.agent("")': ("INVALID_WORKFLOW", "Line 7: Node '': id must not be empty."),
        'flow.node("t", "x", a=float("nan"))': ("INVALID_WORKFLOW", "Line 7: Node 'x': a must be a finite number."),
        'flow.router(\n  "q",\n  when={"x": 5},\n)': (
            "INVALID_WORKFLOW",
            "Line 7: Node 'q': conditions[0].pattern must be text.",
        ),
    }
    for line, expected in cases.items():
        program = compile(source + line, "<cell>", "exec")
        with pytest.raises(InvalidInput) as caught:
            exec(program, {"bj": bj})
        assert (caught.value.code, str(caught.value)) == expected


def test_a_refusal_leaves_the_builder_as_it_was() -> None:
    flow = bj.workflow("w")
    flow.start >> flow.agent("a")
    before = flow.build()
    for act in (lambda: flow.agent("a"), lambda: flow.start >> flow["a"], lambda: flow.agent("b", model=5)):  # type: ignore[arg-type]
        with pytest.raises(InvalidInput):
            act()
    assert flow.build() == before


def test_a_header_is_checked_when_it_is_built() -> None:
    with pytest.raises(InvalidInput, match="name must not be blank"):
        bj.workflow(" ").build()


def test_only_nodes_stand_between_the_arrows() -> None:
    flow = bj.workflow("w")
    for other in ("a", None, 5):
        with pytest.raises(TypeError):
            flow.start >> other  # type: ignore[call-overload]
        with pytest.raises(TypeError):
            other >> flow.start


def test_validation_names_the_lines_of_the_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    from builder_jupyter.client.client import Client
    from builder_jupyter.client.embedded import open_embedded

    with Client(open_embedded()) as client:
        monkeypatch.setattr("builder_jupyter.client.default.default_client", lambda: client)
        flow = bj.workflow("w")
        flow.start >> flow.end()
        assert flow.build(validate=True) == flow.build()
        flow.agent("alone")
        line = test_validation_names_the_lines_of_the_nodes.__code__.co_firstlineno + 9
        with pytest.raises(Unprocessable, match=rf"'alone' is not connected to the workflow \(line {line}\)"):
            flow.build(validate=True)
        assert client.workflows().empty


def test_typed_methods_say_what_the_types_take() -> None:
    """A field that a node's data may have is a keyword of its method, or this test says which is not."""
    named = {"tool": {"tool_name"}, "router": {"conditions"}, "python": {"code"}}
    for type_name in ("agent", "router", "tool", "python", "human", "end"):
        taken = set(getattr(WorkflowBuilder, type_name).__annotations__)
        assert set(DATA_FIELDS[type_name]) - taken <= named.get(type_name, set()), type_name
    assert {kind.type for kind in default_registry().of(bj.Workflow().profile)} >= {"wait", "map", "workflow"}


TYPED = """
import builder_jupyter as bj
flow = bj.workflow("w")
a = flow.agent("a", prompt="x", tools=["t"])
reveal_type(flow.start >> a)
reveal_type(a >> [a, a])
reveal_type(flow.router("r", when={"x": "y"})["x"] >> flow.end())
flow.agent("b", promt="x")
a >> "b"
"""


def test_a_type_checker_sees_through_it(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(TYPED, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "flow.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = re.sub(r"builder_jupyter\.graph\.build\.", "", done.stdout)
    assert re.findall(r'Revealed type is "(.*?)"', said) == ["NodeBuilder", "Fan", "NodeBuilder"], done.stdout
    assert 'Unexpected keyword argument "promt" for "agent"' in said
    assert "flow.py:9: error:" in said


def test_the_documentation_runs() -> None:
    block = next(
        text for text in re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
        if "bj.workflow(" in text
    )  # fmt: skip
    names: dict[str, Any] = {"bj": bj}
    exec(block.replace("validate=True", ""), names)
    assert isinstance(names["wf"], bj.Workflow)
    assert json.dumps(names["wf"].to_dict())
