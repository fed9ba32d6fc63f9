"""Code that we generate comes back as it was, and what a person changes in it wins over the canvas."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from builder_jupyter.codegen.generate import generate
from builder_jupyter.codegen.options import Options
from builder_jupyter.codegen.reading import read_code
from builder_jupyter.codegen.shape import shape_of
from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.model import Node, Workflow
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation import result, validate

OPTIONS = [Options(*flags) for flags in product((True, False), repeat=5)]
START, END = {"id": "start", "type": "start"}, {"id": "end", "type": "end"}


def made(*nodes: dict[str, Any], edges: str, **fields: Any) -> Workflow:
    """Make a workflow; edges are ``a>b`` or ``a-label>b``."""
    found = []
    for edge in edges.split():
        source, _, target = edge.partition(">")
        source, _, label = source.partition("-")
        found.append({"source": source, "target": target} | ({"label": label} if label else {}))
    return Workflow.from_dict({"name": "w", "nodes": list(nodes), "edges": found, **fields})


def node(node_id: str, kind: str = "agent", **data: Any) -> dict[str, Any]:
    return {"id": node_id, "type": kind} | ({"data": data} if data else {})


ROUTER = node(
    "r", "router", conditions=[{"label": "x", "pattern": "x|y"}, {"label": "z", "pattern": "^z$"}], default="z"
)
HUMAN = node("h", "human", prompt="Well?", options=["yes", "no"], timeout=60)
TOOL = node(
    "t", "tool", tool_name="web_search", arguments={"query": "{{state.query}}", "n": [1, {"a": "{{state.a[0]}}!"}]}
)
KINDS: dict[str, Workflow] = {
    "the sample of the seed": made(
        START, node("agent", name="Support", prompt="You are helpful"), END, edges="start>agent agent>end"
    ),
    "start to end": made(START, END, edges="start>end"),
    "an agent with everything": made(
        START,
        node("a", name="A", prompt="P", model="gpt-5", tools=["x", "y"], temperature=0.7, max_tokens=9),
        END,
        edges="start>a a>end",
    ),
    "a tool": made(START, TOOL, END, edges="start>t t>end"),
    "a router": made(START, ROUTER, node("a"), node("b"), END, edges="start>r r-x>a r-z>b a>end b>end"),
    "a router by place": made(START, ROUTER, node("a"), node("b"), END, edges="start>r r>a r>b a>end b>end"),
    "a router with unlabelled edges": made(
        START, ROUTER, node("a"), node("b"), END, edges="start>r r-x>a r>b r-z>b a>end b>end"
    ),
    "a router with both fallbacks": made(
        START,
        node("r", "router", conditions=["x"]),
        node("a"),
        node("b"),
        END,
        edges="start>r r-default>a r-else>b a>end b>end",
    ),
    "plain text conditions": made(
        START, node("r", "router", conditions=["a.b"]), node("a"), END, edges="start>r r-a.b>a r>end a>end"
    ),
    "a person": made(START, HUMAN, node("a"), END, edges="start>h h-yes>a h-no>end h>a a>end"),
    "a person with one way on": made(START, HUMAN, END, edges="start>h h-yes>end"),
    "a person with two edges to one end": made(
        START,
        node("h", "human", options=["red"]),
        node("i", "human", options=["yes"]),
        END,
        edges="start>h start>i start>end h-default>end h>end h-red>h",
    ),
    "a router with two ends for one label": made(
        START,
        node("h", "human", options=["yes"]),
        node("r", "router", conditions=["red"]),
        END,
        {"id": "other", "type": "end"},
        edges="start>h start>r start>end r-red>other r-red>end",
    ),
    "two ends, the first without a label": made(
        START,
        node("h", "human", options=["yes"]),
        node("r", "router", conditions=["red"], default="blue"),
        END,
        {"id": "other", "type": "end"},
        edges="start>h start>r start>end r>other r-red>end",
    ),
    "ends with outputs": made(
        START,
        node("r", "router", conditions=["x"], default="y"),
        node("e1", "end", output="state.messages[-1]"),
        node("e2", "end", output=" text "),
        END,
        edges="start>r r-x>e1 r-y>e2 r-q>end",
    ),
    "two plain ends": made(START, node("a"), END, {"id": "other", "type": "end"}, edges="start>a a>other a>end"),
    "a loop": made(START, node("a"), ROUTER, END, edges="start>a a>r r-x>a r-z>end"),
    "a fork": made(START, node("a"), node("b"), node("c"), END, edges="start>a start>b a>c b>c c>end"),
    "a fork of unequal branches": made(
        START, node("a"), node("b"), node("d"), node("c"), END, edges="start>a start>b b>d a>c d>c c>end"
    ),
    "a router in a branch": made(
        START, node("a"), node("b"), ROUTER, node("c"), END, edges="start>a start>b a>r r-x>c r-z>end b>c c>end"
    ),
    "several targets a label": made(
        START, ROUTER, node("a"), node("b"), END, edges="start>r r-x>a r-x>b r-z>end a>end b>end"
    ),
    "stray edges": made(START, node("a"), END, edges="start>a a>end a>ghost ghost>a end>a a>start a>end"),
    "a mute router": made(START, node("a"), ROUTER, END, edges="start>a start>r a>end"),
    "hostile ids": made(
        {"id": "__start__", "type": "start"},
        node("class"),
        node('"""\\'),
        node("x:y|z"),
        {"id": "__proto__", "type": "end"},
        edges='__start__>class class>"""\\ """\\>x:y|z x:y|z>__proto__',
    ),
    "a canvas with everything": Workflow.from_dict(
        {
            "name": ' "Naïve"\nname ',
            "description": "Long. " * 50,
            "metadata": {"tags": ["a"], "deployed": True},
            "nodes": [
                {"id": "s", "type": "start", "position": {"x": -1, "y": 2.5}, "width": 5, "data": {"note": None}},
                {
                    "id": "a",
                    "type": "agent",
                    "position": {"x": "1"},
                    "data": {"name": "", "prompt": " ", "tools": [], "k": 1},
                },
                {"id": "e", "type": "end", "data": {}},
            ],
            "edges": [
                {
                    "id": "1",
                    "source": "s",
                    "target": "a",
                    "label": "decoration",
                    "targetHandle": "in",
                    "animated": True,
                },
                {"id": "2", "source": "a", "target": "e", "condition": "x"},
            ],
        }
    ),
}


@pytest.mark.parametrize("workflow", KINDS.values(), ids=KINDS)
def test_every_kind_of_module_comes_back_whatever_the_options(workflow: Workflow) -> None:
    assert result(validate(workflow, registry=default_registry()))["valid"]
    for options in OPTIONS:
        reading = read_code(generate(workflow, options).code)
        assert reading.workflow.to_dict() == workflow.to_dict(), options
        assert reading.workflow == workflow
        assert reading.report == ()


def test_all_shapes_are_among_them() -> None:
    shapes = [shape_of(workflow) for workflow in KINDS.values()]
    assert {shape.dispatched for shape in shapes} == {True, False}
    assert any(shape.joins for shape in shapes)
    assert any(shape.beside for shape in shapes)


def test_a_long_chain_comes_back() -> None:
    ids = [f"n{i}" for i in range(1_000)]
    edges = " ".join(f"{a}>{b}" for a, b in zip(["start", *ids], [*ids, "end"], strict=True))
    workflow = made(START, *(node(i, prompt="p" * 500) for i in ids), END, edges=edges)
    assert read_code(generate(workflow).code).workflow == workflow


def test_nodes_without_a_place_are_placed_and_others_stay() -> None:
    workflow = KINDS["a canvas with everything"]
    placed = read_code(generate(workflow).code, "grid").workflow
    assert placed.node("s").position == workflow.node("s").position
    assert [n.position is not None for n in placed.nodes] == [True, True, True]


Edit = Callable[[str], str]
BASE = made(
    {**START, "position": {"x": 1, "y": 2}},
    {
        **node("a", name="Writer", prompt="Old prompt", model="gpt-5", temperature=0.5, custom=1),
        "position": {"x": 3, "y": 4},
    },
    {**ROUTER, "position": {"x": 5, "y": 6}},
    {**HUMAN, "position": {"x": 7, "y": 8}},
    {**TOOL, "position": {"x": 9, "y": 10}},
    {**END, "data": {"output": "state.messages[-1]"}, "position": {"x": 11, "y": 12}},
    edges="start>a a>r r-x>h r-z>t h-yes>end h-no>a t>end",
    name="Original",
    description="Before.",
)


def swap(old: str, new: str) -> Edit:
    def edit(code: str) -> str:
        assert old in code
        return code.replace(old, new)

    return edit


def data(workflow: Workflow, node_id: str) -> Any:
    return Workflow.to_dict(workflow)["nodes"][[n.id for n in workflow.nodes].index(node_id)].get("data", {})


FIELDS: dict[str, tuple[Edit, str, str, Any]] = {
    "a prompt": (swap('"Old prompt"', '"New prompt"'), "a", "prompt", "New prompt"),
    "a prompt in a constant": (
        lambda code: code.replace('"Old prompt"', "PROMPT").replace("NODE_IDS =", 'PROMPT = "Mine"\n\nNODE_IDS =', 1),
        "a", "prompt", "Mine",
    ),
    "a model": (swap('get_model("gpt-5"', 'get_model("gpt-6"'), "a", "model", "gpt-6"),
    "a temperature": (swap("temperature=0.5)", "temperature=1)"), "a", "temperature", 1),
    "a name": (swap('"""Writer agent node."""', '"""Author agent node."""'), "a", "name", "Author"),
    "a pattern": (
        swap('("x", "x|y")', '("x", "x|q")'), "r", "conditions",
        [{"label": "x", "pattern": "x|q"}, {"label": "z", "pattern": "^z$"}],
    ),
    "a question": (swap('"Well?"', '"Really?"'), "h", "prompt", "Really?"),
    "a deadline": (swap('"timeout": 60', '"timeout": 90'), "h", "timeout", 90),
    "a tool": (swap('"web_search"', '"news"'), "t", "tool_name", "news"),
    "an argument": (
        swap('lookup(state, "query")', 'lookup(state, "results", "r", 0)'), "t", "arguments",
        {"query": "{{state.results.r[0]}}", "n": [1, {"a": "{{state.a[0]}}!"}]},
    ),
    "an output": (swap("message_at(state, -1)", 'lookup(state, "results")'), "end", "output", "state.results"),
    "another message": (swap("message_at(state, -1)", "message_at(state, 0)"), "end", "output", "state.messages[0]"),
    "an output in the long form": (
        swap("message_at(state, -1)", 'lookup(state, "messages", 1)'), "end", "output", "state.messages[1]",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "node_id", "field", "value"), FIELDS.values(), ids=FIELDS)
def test_a_changed_field_wins_and_all_else_stays(edit: Edit, node_id: str, field: str, value: Any) -> None:
    found = read_code(edit(generate(BASE).code)).workflow
    assert data(found, node_id)[field] == value
    expected = {**data(BASE, node_id), field: value}
    assert found == replace(
        BASE, nodes=tuple(Node(n.id, n.type, expected, n.position) if n.id == node_id else n for n in BASE.nodes)
    )


def test_a_field_taken_out_is_gone() -> None:
    code = generate(BASE).code.replace('    prompt = "Old prompt"\n', "").replace("SystemMessage(prompt), ", "")
    assert "prompt" not in data(read_code(code).workflow, "a")


def test_a_spelling_of_the_canvas_stays_while_the_code_says_the_same() -> None:
    workflow = KINDS["plain text conditions"]
    code = generate(workflow).code
    assert data(read_code(code).workflow, "r")["conditions"] == ["a.b"]
    changed = code.replace(r"a\\.b", "c")
    assert changed != code
    assert data(read_code(changed).workflow, "r")["conditions"] == [{"label": "a.b", "pattern": "c"}]


def edges_of(workflow: Workflow) -> set[str]:
    return {f"{e.source}-{e.label}>{e.target}" if e.label else f"{e.source}>{e.target}" for e in workflow.edges}


def test_an_edge_that_is_new_in_the_code_is_drawn() -> None:
    code = swap(
        'workflow.add_edge("writer", "r")', 'workflow.add_edge("writer", "r")\nworkflow.add_edge("writer", "t")'
    )
    found = read_code(code(generate(BASE).code)).workflow
    assert edges_of(found) - edges_of(BASE) == {"a>t"}
    assert edges_of(BASE) - edges_of(found) == set()


def test_an_edge_that_is_gone_from_the_code_is_gone() -> None:
    found = read_code(swap('workflow.add_edge("t", "end")\n', "")(generate(BASE).code)).workflow
    assert edges_of(BASE) - edges_of(found) == {"t>end"}
    assert edges_of(found) <= edges_of(BASE)


def test_a_route_that_leads_elsewhere_leads_there() -> None:
    found = read_code(swap('"x": ["h"]', '"x": ["writer"]')(generate(BASE).code)).workflow
    assert edges_of(found) == (edges_of(BASE) - {"r-x>h"}) | {"r-x>a"}


def test_a_new_node_is_drawn_with_what_it_does() -> None:
    body = """


def critic(state):
    prompt = "Find faults."
    model = get_model("gpt-5")
    return {"messages": [model.invoke([SystemMessage(prompt), *state["messages"]])]}


CANVAS ="""
    code = generate(BASE).code.replace("\n\n\nCANVAS =", body)
    code = code.replace('workflow.add_node("r", r)', 'workflow.add_node("r", r)\nworkflow.add_node("critic", critic)')
    code = code.replace(
        'workflow.add_edge("t", "end")', 'workflow.add_edge("t", "critic")\nworkflow.add_edge("critic", "end")'
    )
    found = read_code(code, "hierarchical").workflow
    assert found.node("critic").type == "agent"
    assert data(found, "critic") == {"prompt": "Find faults.", "model": "gpt-5"}
    assert found.node("critic").position is not None
    assert {"t>critic", "critic>end"} == edges_of(found) - edges_of(BASE)


def test_a_node_taken_out_takes_its_edges_along() -> None:
    code = generate(BASE).code
    for line in ('workflow.add_node("t", t)\n', 'workflow.add_edge("t", "end")\n'):
        code = swap(line, "")(code)
    code = re.sub(r'"z": \["t"\]', '"z": ["end"]', code).replace('["h", "t"]', '["h", "end"]')
    found = read_code(code).workflow
    assert "t" not in found.nodes_by_id
    assert edges_of(found) == {"start>a", "a>r", "r-x>h", "r-z>end", "h-yes>end", "h-no>a"}


def test_a_new_title_and_description_win() -> None:
    code = generate(BASE).code
    code = code.replace("Generated workflow: Original", "Generated workflow: Better").replace("Before.", "After.")
    found = read_code(code).workflow
    assert (found.name, found.description) == ("Better", "After.")


def test_a_function_written_anew_is_read_like_foreign_code() -> None:
    code = generate(BASE).code
    start, end = code.index("def writer("), code.index("def r(")
    asked = 'ChatOpenAI(model="gpt-4o").invoke([SystemMessage("Mine.")])'
    new = f'def writer(state):\n    return {{"messages": [{asked}]}}\n\n\n'
    found = read_code(code[:start] + new + code[end:]).workflow
    assert data(found, "a") | {"prompt": "Mine.", "model": "openai:gpt-4o"} == data(found, "a")
    assert found.node("a").position == BASE.node("a").position


def test_a_canvas_that_is_no_workflow_is_refused() -> None:
    code = re.sub(r"CANVAS = \{.*?\n\}\n", 'CANVAS = {"nodes": [{"id": 5}]}\n', generate(BASE).code, flags=re.DOTALL)
    with pytest.raises(InvalidInput, match="CANVAS"):
        read_code(code)


def test_a_canvas_that_is_no_literal_is_reported() -> None:
    code = re.sub(r"CANVAS = \{.*?\n\}\n", "CANVAS = load()\n", generate(BASE).code, flags=re.DOTALL)
    reading = read_code(code)
    assert {n.id for n in reading.workflow.nodes} >= {"start", "a", "r", "h", "t", "end"}
    assert any(note.what == "CANVAS" for note in reading.report)
