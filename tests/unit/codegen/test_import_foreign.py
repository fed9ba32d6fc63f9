"""Modules that people write are read as they mean them; where LangGraph can compile them, its own drawing agrees."""

from __future__ import annotations

import builtins
import importlib.util
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from foreign import MODULES, Foreign
from more_foreign import MORE_MODULES

from builder_jupyter.codegen.reading import Note, Reading, read_code
from builder_jupyter.codegen.reading.compiled import read_graph
from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.model import Workflow
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation import result, validate

ALL = [*MODULES, *MORE_MODULES]
COMPILED = [case for case in ALL if case.app is not None]


def named(cases: list[Foreign]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def contracted(workflow: Workflow, keep: set[str]) -> set[tuple[str, str]]:
    """Return the edges as LangGraph draws them: routers that stand for conditional edges left out."""
    names = {"start": "S", "end": "E"}
    after: dict[str, list[str]] = {}
    for edge in workflow.edges:
        after.setdefault(edge.source, []).append(edge.target)

    def targets(node_id: str) -> set[str]:
        found: set[str] = set()
        for target in after.get(node_id, ()):
            is_put_in = workflow.node(target).type == "router" and target not in keep
            found |= targets(target) if is_put_in else {names.get(target, target)}
        return found

    return {
        (names.get(n.id, n.id), t) for n in workflow.nodes if n.type != "router" or n.id in keep for t in targets(n.id)
    }


def pairs(text: str) -> set[tuple[str, str]]:
    return {tuple(edge.split(">")) for edge in text.split()}  # type: ignore[misc]


def words_of(notes: tuple[Note, ...]) -> list[str]:
    return [f"{note.what} {note.why}" for note in notes]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Foreign], Any]:
    """Import a module of ours, which a reader never does, and return its compiled graph."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")

    def run(case: Foreign) -> Any:
        path = tmp_path / "foreign_module.py"
        path.write_text(case.code)
        spec = importlib.util.spec_from_file_location("foreign_module", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "foreign_module", module)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of LangGraph's own, which people's code meets too
            spec.loader.exec_module(module)
            return eval(case.app or "", vars(module))

    return run


@named(ALL)
def test_a_module_is_read_as_it_is_meant(case: Foreign) -> None:
    reading = read_code(case.code)
    workflow = reading.workflow
    inner = {node.id: node.type for node in workflow.nodes if node.id not in ("start", "end")}
    assert inner == case.types
    assert contracted(workflow, {n for n in case.types if n in drawn_nodes(case)}) == pairs(case.edges)
    for node_id, data in case.data.items():
        found = workflow.to_dict()["nodes"][[node.id for node in workflow.nodes].index(node_id)]["data"]
        assert {key: found.get(key) for key in data} == data
    if case.labels is not None:
        labelled = {f"{edge.source}-{edge.label}>{edge.target}" for edge in workflow.edges if edge.label}
        assert labelled == set(case.labels.split())
    told = words_of(reading.report)
    for words in case.report:
        assert any(words in line for line in told), told
    if not case.report:
        assert told == []
    assert case.title is None or workflow.name == case.title


def drawn_nodes(case: Foreign) -> set[str]:
    return {end for edge in pairs(case.edges) for end in edge}


@named(ALL)
def test_what_is_read_is_a_workflow_that_can_be_saved(case: Foreign) -> None:
    workflow = read_code(case.code).workflow
    assert Workflow.from_dict(workflow.to_dict()) == workflow
    verdict = result(validate(workflow, registry=default_registry()))
    assert [finding["type"] for finding in verdict["errors"] if finding["type"] != "CYCLE_DETECTED"] == []


@named(COMPILED)
def test_langgraph_draws_the_same(case: Foreign, ran: Callable[[Foreign], Any]) -> None:
    names = {"__start__": "S", "__end__": "E"}
    drawing = ran(case).get_graph()
    assert {(names.get(e.source, e.source), names.get(e.target, e.target)) for e in drawing.edges} == pairs(case.edges)


@named(COMPILED)
def test_a_compiled_graph_is_read_like_its_code(case: Foreign, ran: Callable[[Foreign], Any]) -> None:
    graph = ran(case)
    workflow = read_graph(graph).workflow
    keep = drawn_nodes(case)
    assert contracted(workflow, keep) == pairs(case.edges)
    assert {node.id for node in workflow.nodes} >= keep - {"S", "E"}


SENTINEL = """
import os, sys
RAN.append("module")
open({path!r}, "w").write("x")
__import__("os").system("touch {path}")
print("ran", file=sys.stderr)

class Meta(type):
    def __init__(cls, *args): RAN.append("metaclass")

class State(dict, metaclass=Meta):
    RAN.append("class body")

def decorate(f):
    RAN.append("decorator")
    return f

@decorate
def node(state, default=RAN.append("default")):
    RAN.append("node")
    exec("RAN.append(1)")
    eval("RAN.append(2)")
    return getattr(state, "__class__")

g = StateGraph(State)
g.add_node("node", node)
g.add_node(f"{{RAN.append('f-string')}}", lambda s: RAN.append("lambda"))
g.add_edge(START, "node")
g.add_conditional_edges("node", lambda s: RAN.append("route") or END)
[RAN.append(i) for i in range(3)]
app = g.compile()
"""


def test_nothing_of_the_code_is_run(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(builtins, "RAN", seen, raising=False)
    path = str(tmp_path / "sentinel")
    reading = read_code(SENTINEL.format(path=path))
    assert reading.workflow.node("node")
    assert seen == []
    assert not (tmp_path / "sentinel").exists()
    assert capfd.readouterr() == ("", "")


UNREADABLE: dict[str, tuple[Any, str]] = {
    "no text": (b"x = 1", "text"),
    "nothing": (None, "text"),
    "a syntax error": ("x = 1\ndef :", "line 2"),
    "NUL": ("x = '\0'", "null"),
    "lone surrogate": ("x = '\ud800'", "surrogates"),
    "brackets": ("(" * 10_000, "parenthes"),
    "minuses": ("-" * 100_000 + "1", "nested"),
    "sums": ("x = 1" + "+1" * 20_000, "nested"),
    "attributes": ("a" + ".b" * 20_000, "nested"),
    "elifs": ("if a: pass\n" + "elif b: pass\n" * 3_000, "nested"),
    "very large": ("x" * (16 * 1024 * 1024 + 1), "characters"),
    "much program": ("a=1\n" * 1_500_000, "characters"),
    "calls of calls": (
        "f0 = lambda: 1\n"
        + "".join(f"f{i} = lambda: ({', '.join([f'f{i - 1}()'] * 40)})\n" for i in range(1, 11))
        + "f10()\n",
        "steps",
    ),
}


@pytest.mark.parametrize(("code", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused(code: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_code(code)
    assert caught.value.code == "INVALID_CODE"
    (fault,) = caught.value.details
    assert fault["field"] == "code"
    assert words in fault["error"]


PATIENCE: dict[str, str] = {
    "long loops": "for i in range(20000):\n for j in range(20000):\n  x = [i, j]\n",
    "comprehensions": "x = [[[0 for a in range(2000)] for b in range(2000)] for c in range(2000)]\n",
    "doubling text": "s = 'abcdef'\n" + "s = s + s\n" * 200,
    "doubling lists": "a = [1, 2]\n" + "a = [*a, *a]\n" * 200,
    "lists of themselves": "a = [1]\n"
    + "a = [a, a]\n" * 60
    + "b = a == a\nc = str(a)\nd = {a: 1}\nt.invoke({'a': a})\n",
    "recursion": "def f(x): return f(x)\nf(1)\nclass A:\n def __init__(self): self.b = A()\nA().b.b\n",
    "own ancestor": "class A(A): pass\nA().x\n",
    "no end": "while True:\n x = 1\n",
}


@pytest.mark.parametrize("code", PATIENCE.values(), ids=PATIENCE)
def test_code_that_would_take_for_ever_is_left(code: str) -> None:
    reading = read_code(code)
    assert reading.workflow.nodes == ()
    assert any("No graph is built here" in note.why for note in reading.report)


def test_escapes_that_python_warns_of_are_no_business_of_ours() -> None:
    assert read_code('x = "\\d"\n').workflow.nodes == ()


def report_of(body: str) -> list[str]:
    return words_of(read_code(body).report)


GRAPH = """
from langgraph.graph import StateGraph, START, END
def a(state): return llm.invoke(state["messages"])
g = StateGraph(State)
g.add_node("a", a)
g.add_edge(START, "a")
"""
REPORTED: dict[str, tuple[str, str]] = {
    "unknown target": ('g.add_edge("a", "ghost")', "ghost"),
    "edge from a variable": ("g.add_edge('a', somewhere())", "ends of the edge"),
    "name from a variable": ("g.add_node(name(), a)", "name of the node"),
    "the same name twice": ('g.add_node("a", a)', "already"),
    "opaque routing": ('g.add_conditional_edges("a", elsewhere.route)', "Where it leads"),
    "interrupt_before": ('g.compile(interrupt_before=["a"])', "human node"),
    "unknown method": ("g.frobnicate(1)", "frobnicate"),
    "perhaps": ('if flag():\n    g.add_edge("a", END)', "depends on"),
    "perhaps often": ('for x in things():\n    g.add_edge("a", END)', "depends on"),
    "a graph inside": (
        "h = StateGraph(S)\nh.add_node('x', a)\nh.add_edge(START, 'x')\ng.add_node('sub', h.compile())",
        "graph of its own",
    ),
    "several graphs": ("h = StateGraph(S)\nh.add_node('x', a)\nk = h.compile()\ng.compile()", "Of several graphs"),
    "plain function": ("def b(state): return {'n': 1}\ng.add_node('b', b)", "by its name"),
    "what another module does": ("from nodes import b\ng.add_node('b', b)", "not in the code"),
    "parent": (
        "def b(state): return Command(goto='x', graph=Command.PARENT)\ng.add_node('b', b)",
        "leaves the graph",
    ),
}


@pytest.mark.parametrize(("line", "words"), REPORTED.values(), ids=REPORTED)
def test_what_is_not_understood_is_reported_with_its_line(line: str, words: str) -> None:
    notes = [note for note in read_code(f"{GRAPH}{line}\n").report if words in f"{note.what} {note.why}"]
    assert notes
    assert all(note.line >= 2 for note in notes)


def test_the_graph_compiled_last_is_imported() -> None:
    code = (
        GRAPH + "one = g.compile()\nh = StateGraph(S)\nh.add_node('x', a)\nh.add_edge(START, 'x')\ntwo = h.compile()\n"
    )
    assert [node.id for node in read_code(code).workflow.nodes] == ["start", "x", "end"]


def test_without_a_compiled_graph_the_largest_is_imported() -> None:
    code = GRAPH + "h = StateGraph(S)\nh.add_node('x', a)\nh.add_node('y', a)\nh.add_edge(START, 'x')\n"
    assert {"x", "y"} <= {node.id for node in read_code(code).workflow.nodes}


def test_ids_of_the_start_and_the_end_give_way() -> None:
    code = GRAPH.replace('"a"', '"start"') + 'g.add_node("end", a)\ng.add_edge("start", "end")\n'
    workflow = read_code(code).workflow
    assert [(node.id, node.type) for node in workflow.nodes] == [
        ("start_2", "start"), ("start", "agent"), ("end", "agent"), ("end_2", "end"),
    ]  # fmt: skip


NAMES: dict[str, tuple[str, str]] = {
    "create_X": (
        "def create_billing_agent():\n  g = StateGraph(S)\n  g.add_node('a', a)\n  return g.compile()\n",
        "billing",
    ),
    "create_X_workflow": ("def create_order_workflow(): pass\n", "order"),
    "X_agent": (GRAPH + "sales_agent = g.compile()\n", "sales"),
    "neither": (GRAPH, "imported_workflow"),
}


@pytest.mark.parametrize(("code", "name"), NAMES.values(), ids=NAMES)
def test_a_workflow_has_the_name_that_the_code_gives_it(code: str, name: str) -> None:
    assert read_code(code).workflow.name == name


def test_the_description_is_the_docstring_of_the_module() -> None:
    assert read_code(f'"""What it is for."""\n{GRAPH}').workflow.description == "What it is for."
    assert read_code(GRAPH).workflow.description == "Imported from LangGraph code."


def test_fields_of_the_state_are_kept() -> None:
    code = "class AgentState(TypedDict):\n    messages: Annotated[list, add_messages]\n    topic: str\n" + GRAPH
    state = read_code(code).workflow.metadata["state"]
    assert state == {"messages": "Annotated[list, add_messages]", "topic": "str"}


READERS: dict[str, Callable[[str], Reading]] = {"text": read_code, "graph": read_graph}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_text_is_text_for_both_ways_in(reader: Callable[[str], Reading]) -> None:
    assert [node.id for node in reader(GRAPH).workflow.nodes] == ["start", "a", "end"]


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no graph"):
        read_graph(re)
