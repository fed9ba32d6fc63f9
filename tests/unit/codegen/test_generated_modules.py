"""Generated modules compile, run under LangGraph with scripted models, visit the right nodes, run no foreign code."""

from __future__ import annotations

import ast
import builtins
import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from codegen_kit import agent, end, flow, human, load, play, router, tool
from langchain_core.tools import ToolException

from builder_jupyter import codegen
from builder_jupyter.codegen.generate import generate
from builder_jupyter.codegen.options import Options
from builder_jupyter.codegen.parts import IMPORTS, embeddable
from builder_jupyter.errors import Unprocessable
from builder_jupyter.graph.model import Workflow
from builder_jupyter.graph.names import RESERVED, graph_names, input_keys

ALL_OPTIONS = [
    dict(
        zip(
            ("include_types", "include_docstrings", "include_mcp_tools", "checkpoint_config", "async_mode"),
            chosen,
            strict=True,
        )
    )
    for chosen in itertools.product((True, False), repeat=5)
]
NASTY = {
    "triple": '"""\nimport os\nos.abort()\n"""', "apostrophes": "'''+boom()+'''", "backslash": "\\", "escape": '\\"',
    "newline": "a\nb\r\nc\rd", "nul": "a\x00b", "separators": "a\u2028b\u2029c\x85d\x0ce", "bom": "\ufeffx",
    "surrogate": "\ud800", "bidi": "\u202eevil\u202c", "braces": "{boom()} {{boom()}} %s",
    "template": "{{state.x.__class__}}",
    "import": "__import__('os').abort()", "comment": "# -*- coding: utf-7 -*-", "fstring": "{__import__('os')}",
    "emoji": "👩‍💻 日本語 ﷽", "long": "word " * 400, "lines": "line\n" * 60, "unbroken": "x" * 5000,
    "quotes": "\"'" * 60,
    "trailing": "x\\", "empty": "", "blank": " \t ", "ends": 'x"',
}  # fmt: skip
SENTINEL = "boom"

START_TO_END: dict[str, tuple[Workflow, list[Any], list[str]]] = {
    "nothing": (flow("s e"), [], []),
    "one agent": (flow("s a; a e"), [], ["a"]),
    "chain": (flow("s a; a b; b c; c e"), [], ["a", "b", "c"]),
    "end with output": (flow("s a; a e", e=end("state.messages[-1]")), [], ["a", "e"]),
    "start to an end with output": (flow("s e", e=end("state.messages[0]")), [], ["e"]),
    "tool": (flow("s t; t e", t=tool(value="{{state.messages[-1]}}")), [], ["t"]),
    "human": (flow("s h; h e", h=human("ok")), ["ok"], ["h"]),
    "agent with tools": (flow("s a; a e", a=agent(tools=["look"])), [], ["a"]),
    "router by label": (flow("s r; r a :hi; r b :no; a e; b e", r=router("hi", "no")), [], ["r", "a"]),
    "router's default": (flow("s r; r a :x; r b :y; a e; b e", r=router("x", default="y")), [], ["r", "b"]),
    "router's way without label": (flow("s r; r a :x; r b; a e; b e", r=router("x")), [], ["r", "b"]),
    "router's else": (flow("s r; r a :x; r b :else; a e; b e", r=router("x")), [], ["r", "b"]),
    "router that ends": (flow("s r; r a :x; a e", r=router("x")), [], ["r"]),
    "router by place": (flow("s r; r a; r b; a e; b e", r=router("x", "hi")), [], ["r", "b"]),
    "router by place, equal labels": (
        flow("s r; r a; r b; a e; b e", r={"type": "router", "data": {"conditions": [
            {"label": "l", "pattern": "x"}, {"label": "l", "pattern": "hi"}]}}), [], ["r", "b"]),
    "first condition wins": (flow("s r; r a :h; r b :hi; a e; b e", r=router("h", "hi")), [], ["r", "a"]),
    "routers in a row": (flow("s r; r q :hi; q a :i; a e", r=router("hi"), q=router("i")), [], ["r", "q", "a"]),
    "a way straight to the end": (flow("s r; r e :hi; r a :x; a e", r=router("hi", "x")), [], ["r"]),
    "fork": (flow("s a; a b; a c; b d; c d; d e"), [], ["a", "b", "c", "d"]),
    "fork at the start": (flow("s a; s b; a c; b c; c e"), [], ["a", "b", "c"]),
    "fork, branches of different length": (flow("s a; a b; a c; c d; b j; d j; j e"), [], ["a", "b", "c", "d", "j"]),
    "join of a join": (
        flow("s a; a b; a c; a d; b j; c j; j k; d k; k e"), [], ["a", "b", "c", "d", "j", "k"]),
    "exclusive branches meet": (flow("s r; r a :hi; r b :x; a j; b j; j e", r=router("hi", "x")), [], ["r", "a", "j"]),
    "router in one of two branches": (
        flow("s a; s b; a r; r c :x; r d; c j; d j; b j; j e", r=router("x")), [], ["a", "b", "r", "d", "j"]),
    "two ways of one route": (
        flow("s r; r a :hi; r b :hi; r c :x; a j; b j; c j; j e", r=router("hi", "x")), [], ["r", "a", "b", "j"]),
    "a way past the join": (flow("s a; a b; a j; b j; j e"), [], ["a", "b", "j"]),
    "agent and end at once": (flow("s a; s e; a e"), [], ["a"]),
    "dead end": (flow("s a; s b; a e"), [], ["a", "b"]),
    "loop by a human": (
        flow("s a; a h; h a :again; h e :ok", h=human("again", "ok")), ["again", "again", "ok"],
        ["a", "h", "a", "h", "a", "h"]),
    "human asks again": (flow("s h; h h :again; h e :ok", h=human("again", "ok")), ["again", "ok"], ["h", "h"]),
    "loop by a router": (
        flow("s a; a r; r a :p.[1-4]; r e", r=router("p.[1-4]")), [], ["a", "r"] * 5),
    "other answer": (flow("s h; h a :ok; h b; a e; b e", h=human("ok")), ["what"], ["h", "b"]),
    "answer without a way": (flow("s h; h a :ok; h b :no; a e; b e", h=human("ok", "no")), ["what"], ["h"]),
    "answer as an object": (
        flow("s h; h a :ok; h b; a e; b e", h=human("ok")), [{"response": "ok", "by": "me"}], ["h", "a"]),
    "one target, any answer": (flow("s h; h e :ok; h e :no", h=human("ok", "no")), ["what"], ["h"]),
    "human beside an agent": (flow("s a; a h; a b; h j; b j; j e", h=human()), ["x"], ["a", "b", "h", "j"]),
    "loop with a fork in it": (
        flow("s a; a b; a c; b h; c h; h a :again; h e :ok", h=human("again", "ok")), ["again", "ok"],
        ["a", "b", "c", "h", "a", "b", "c", "h"]),
    "two ends with outputs": (flow("s a; s b; a e; b e2", e=end("one"), e2=end("two")), [], ["a", "b", "e", "e2"]),
}  # fmt: skip


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("case", START_TO_END)
def test_a_module_visits_the_nodes_of_the_canvas_in_order(case: str, is_async: bool) -> None:
    workflow, answers, order = START_TO_END[case]
    ran = play(workflow, None, *answers, async_mode=is_async)
    assert sorted(ran.order) == sorted(order)
    if len(set(order)) == len(order) or len(ran.order) > 6:
        position = {node: place for place, node in enumerate(ran.order)}
        for edge in workflow.edges:
            if {edge.source, edge.target} <= set(order) and order.count(edge.source) == 1:
                assert position[edge.source] < position[edge.target]


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=lambda one: "".join("01"[flag] for flag in one.values()))
def test_every_combination_of_options(options: dict[str, bool]) -> None:
    workflow = flow(
        "s a; a r; r t :p; r b; t h; b h; h e :ok; h a :again",
        a=agent(name="First", tools=["look", "find"], model="m", temperature=0.5), r=router("p"),
        t=tool(q="{{state.query}} and {{ state.messages[-1].name }}"), h=human("ok", "again", timeout=60),
        e=end("state.results.h"),
    )  # fmt: skip
    ran = play(workflow, {"query": "why"}, "again", "ok", **options)
    assert ran.order == ["a", "r", "t", "h", "a", "r", "t", "h", "e"]
    assert ran.values["output"] == "ok"
    assert ran.called[0] == ("look", {"q": "why and a"})
    assert ran.asked[0][0] == ("m", 0.5)
    assert ran.asked[0][2] == ["look", "find"]
    module = generate(workflow, Options(**options))
    code = module.code
    tree = ast.parse(code)
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    classes = [one for one in ast.walk(tree) if isinstance(one, ast.ClassDef)]
    assert bool(classes) is options["include_types"]
    assert all(bool(one.returns) is options["include_types"] for one in functions)
    arguments = [argument for one in functions for argument in one.args.args]
    assert {bool(argument.annotation) for argument in arguments} == {options["include_types"]}
    assert not options["include_types"] or load(code)["AgentState"].__annotations__.keys() >= {"messages", "query"}
    assert all(bool(ast.get_docstring(one)) is options["include_docstrings"] for one in [*functions, *classes])
    assert ast.get_docstring(tree).startswith("Generated workflow: test")
    assert ("langchain_mcp_adapters" in code) is options["include_mcp_tools"]
    assert ("langchain-mcp-adapters>=0.1.0" in module.dependencies) is options["include_mcp_tools"]
    assert ("InMemorySaver" in code) is options["checkpoint_config"]
    nodes = {one.name: one for one in functions if one.name in load(code)["NODE_IDS"]}
    assert {isinstance(one, ast.AsyncFunctionDef) for one in nodes.values()} == {options["async_mode"]}
    (caller,) = (one for one in functions if one.name == "call_tool")
    assert isinstance(caller, ast.AsyncFunctionDef) is options["async_mode"]
    assert ("await model.ainvoke(" in code) is options["async_mode"]
    assert bool(load(code)["app"].checkpointer) is options["checkpoint_config"]


FIELDS = ("name", "description", "id", "agent name", "prompt", "model", "tool of an agent", "tool_name", "argument",
          "argument key", "question", "option", "label", "pattern label", "default", "output", "unknown field",
          "edge id", "metadata", "handle")  # fmt: skip


def poisoned(field: str, text: str) -> Workflow:
    """A workflow with a text in one of its fields."""
    at = {
        name: text if name == field else plain for name, plain in {**dict.fromkeys(FIELDS, "plain"), "id": "a"}.items()
    }
    route = at["label"] if at["label"].strip() else "plain"
    nodes = [
        {"id": "s", "type": "start"},
        {"id": at["id"][:1000] or "a", "type": "agent", "data": {
            "name": at["agent name"], "prompt": at["prompt"], "model": at["model"],
            "tools": [at["tool of an agent"]], "extra": at["unknown field"]}},
        {"id": "t", "type": "tool", "data": {
            "tool_name": at["tool_name"], "arguments": {at["argument key"]: [at["argument"]]}}},
        {"id": "r", "type": "router", "data": {
            "conditions": [{"label": at["pattern label"], "pattern": "zzz"}], "default": at["default"]}},
        {"id": "h", "type": "human", "data": {"prompt": at["question"], "options": [at["option"]]}},
        {"id": "e", "type": "end", "data": {"output": at["output"]}},
    ]  # fmt: skip
    edges = [
        {"source": "s", "target": at["id"][:1000] or "a", "id": at["edge id"], "sourceHandle": at["handle"]},
        {"source": at["id"][:1000] or "a", "target": "t"}, {"source": "t", "target": "r"},
        {"source": "r", "target": "h"}, {"source": "r", "target": "e", "label": route},
        {"source": "h", "target": "e", "label": route}, {"source": "h", "target": "r"},
    ]  # fmt: skip
    document = {"name": "w", "nodes": nodes, "edges": edges, "metadata": {"note": at["metadata"]}}
    return replace(Workflow.from_dict(_encodable(document)), name=at["name"], description=at["description"])


def _encodable(value: Any) -> Any:
    """Take out lone surrogates: documents cannot have them."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list) else value


def identifiers(code: str) -> set[str]:
    """Everything in code that is no literal and no keyword."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        for field in ("id", "attr", "arg", "name", "module"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found.add(value)
    return found


OURS = set[str]().union(*(identifiers(path.read_text()) for path in Path(codegen.__file__).parent.glob("*.py")))
OURS |= (
    set(IMPORTS)
    | set(IMPORTS.values())
    | {"langgraph.graph", "add_edge", "add_node", "add_conditional_edges", "compile"}
)
OURS |= {"NODE_IDS", "INPUTS", "CANVAS", "app", "begin", "conditions", "routes", "question", "answer", "message",
         "arguments", "prompt", "written", "reply", "ainvoke", "invoke", "checkpointer", "destinations",
         "or_"}  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("field", FIELDS)
def test_no_text_becomes_code(field: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(builtins, SENTINEL, lambda *_: ran.append("it ran"), raising=False)
    workflow = poisoned(field, NASTY[text])
    code = generate(workflow).code
    assert code.encode("utf-8").decode("utf-8") == code
    assert all(letter == "\n" or letter.isprintable() for letter in code)
    assert not any(line != line.rstrip() for line in code.splitlines())
    load(code)
    assert ran == []
    names = set(graph_names(workflow).values())
    own = names | {f"route_{name}" for name in names} | set(input_keys(workflow))
    assert identifiers(code) - OURS - own == set()


@pytest.mark.parametrize("text", [text for text in NASTY if text != "surrogate"])
def test_texts_arrive_as_they_are(text: str) -> None:
    nasty = NASTY[text]
    workflow = flow("s a; a t; t h; h e", a=agent(prompt=nasty, model=nasty or "m"),
                    t=tool("look", value=nasty, **{nasty: 1}), h=human(nasty, prompt=nasty))  # fmt: skip
    ran = play(workflow, None, "ok")
    assert ran.asked[0][0] == (nasty or "m", None)
    assert [m.content for m in ran.asked[0][1] if m.type == "system"] == ([nasty] if nasty.strip() else [])
    assert ran.called == [("look", {"value": nasty, nasty: 1})]
    assert ran.questions == [{"node_id": "h", "prompt": nasty, "options": [nasty], "timeout": None}]


@pytest.mark.parametrize(
    ("edges", "runs"),
    [
        ("s a; a b; b j; a c; c d; d j; j e", {"j": 1}),  # branches of different length
        ("s a; a b; a c; a d; b j; c j; j k; d k; k e", {"j": 1, "k": 1}),  # join of a join
        ("s r; r a :hi; r b :x; a j; b j; j e", {"j": 1}),  # after exclusive branches
        ("s a; a r; a b; r c :hi; r d :x; c j; d j; b j; j e", {"j": 1}),  # a router inside one branch
        ("s a; a r; r b :hi; r c :hi; r d :x; b j; c j; d j; j e", {"j": 0}),  # no way is taken
        ("s r; r b :hi; r c :hi; r d :x; b j; c j; d j; j e", {"j": 1}),  # a part of the branches
    ],
)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_join_runs_once(edges: str, runs: dict[str, int], is_async: bool) -> None:
    ran = play(flow(edges, r=router("hi", "x")), async_mode=is_async)
    assert {node: ran.order.count(node) for node in runs} == runs


def test_branches_do_not_see_one_another() -> None:
    ran = play(flow("s a; a b; a c; c d; b j; d j; j e"))
    said = dict(ran.said[1:])
    assert said == {"a": "p:1", "b": "p:2", "c": "p:2", "d": "p:3", "j": "p:5"}


def test_a_router_reads_what_came_before_it_and_not_what_runs_beside_it() -> None:
    two = {"a": agent(prompt="red"), "b": agent(prompt="blue")}
    ran = play(flow("s a; s b; a r; r c :red; r d :blue; c e; d e; b e", r=router("blue", "red"), **two))
    assert ran.order.count("c") == 1
    assert "d" not in ran.order
    through = flow("s a; a q; q r :red; r c :red; r d; c e; d e", r=router("red"), q=router("red"), **two)
    assert play(through).order == ["a", "q", "r", "c"]


@pytest.mark.parametrize(
    ("pattern", "text", "is_hit"),
    [
        ("REFUND", "a refund please", True), ("^refund", "a refund", False), ("a.b", "a\nb", False), ("^$", "", True),
        ("b$", "ab", True), ("ü", "Ü", True),
    ],
)  # fmt: skip
def test_how_patterns_are_matched(pattern: str, text: str, is_hit: bool) -> None:
    ran = play(flow("s r; r a :hit; r b; a e; b e", r={"type": "router", "data": {"conditions": [
        {"label": "hit", "pattern": pattern}]}}), {"messages": [{"role": "user", "content": text}]})  # fmt: skip
    assert ran.order == ["r", "a" if is_hit else "b"]


def test_without_messages_a_router_reads_nothing_as_text() -> None:
    workflow = flow("s r; r a :hit; r b; a e; b e", r={"type": "router", "data": {"conditions": [
        {"label": "hit", "pattern": "^$"}]}})  # fmt: skip
    assert play(workflow, {"messages": []}).order == ["r", "a"]


def test_a_conversation_begins_with_the_inputs() -> None:
    workflow = flow("s t; t a; a e", t=tool(q="{{state.query}}"))
    assert play(workflow, {"query": "why"}).said[0] == (None, "why")
    assert play(workflow, {"query": "why", "message": "say"}).said[0] == (None, "say")
    assert play(workflow, {"query": 5}).said[0] == (None, '{"query": 5}')
    assert play(workflow, {"query": "why", "messages": ["given"]}).said[0] == (None, "given")


def test_two_first_nodes_begin_the_same_conversation() -> None:
    ran = play(flow("s a; s t; a j; t j; j e", t=tool(q="{{state.query}}")), {"query": "why"})
    assert [text for name, text in ran.said if name is None] == ["why"]


def test_templates() -> None:
    workflow = flow("s t; t u; u e", t=tool(value="x"), u=tool(
        whole="{{state.results.t}}", part="<{{state.results.t.value}}>", gone="{{state.nothing.here}}",
        none="a{{state.gone}}b",
        last="{{ state.messages[-1] }}", role="{{state.messages[0].role}}", far="{{state.messages[99]}}",
        again=["{{state.query}}", {"deep": "{{state.query}}"}], plain="{{state.}} {x} {{state.x!r}} {{ other }}",
    ))  # fmt: skip
    ran = play(workflow, {"query": "{{state.results.t}}"})
    assert ran.called[1][1] == {
        "whole": {"value": "x"}, "part": "<x>", "gone": None, "none": "ab", "last": '{"value": "x"}', "role": "user",
        "far": None, "again": ["{{state.results.t}}", {"deep": "{{state.results.t}}"}],
        "plain": "{{state.}} {x} {{state.x!r}} {{ other }}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ("state.messages[-1]", "p:1"), ("{{ state.messages[0] }}", "hi"), ("state.messages[1]", "p:1"),
        ("state.messages[2]", None), ("state.messages[-3]", None), ("state.messages[-1].content", "p:1"),
        ("state.messages[-1].role", "assistant"), ("state.messages[-1].name", "a"), ("state.gone", None),
        (" all done ", "all done"),
    ],
)  # fmt: skip
def test_outputs(output: str, value: Any) -> None:
    assert play(flow("s a; a e", e=end(output))).values["output"] == value


def test_the_last_message_of_none_is_none() -> None:
    code = generate(flow("s e", e=end("state.messages[-1]"))).code
    assert load(code)["app"].invoke({"messages": []})["output"] is None


def test_the_text_of_one_message_needs_no_walk_through_the_state() -> None:
    module = load(generate(flow("s a; a e", e=end("state.messages[-1]"))).code)
    assert module.keys() & set(embeddable()) == {"get_model", "message_at", "text_of"}


def test_results_are_found_by_graph_name_and_by_id() -> None:
    search = {"id": "t1", "type": "tool", "data": {"name": "Search", "tool_name": "look", "arguments": {"a": 1}}}
    workflow = flow("s t1; t1 u; u e", t1={k: v for k, v in search.items() if k != "id"},
                    u=tool(a="{{state.results.search.a}}", b="{{state.results.t1.a}}"))  # fmt: skip
    ran = play(workflow)
    assert ran.called[1][1] == {"a": 1, "b": 1}
    assert ran.values["results"] == {"search": {"a": 1}, "u": {"a": 1, "b": 1}}


def called(name: str, number: int) -> tuple[str, list[dict[str, Any]]]:
    return "", [{"name": name, "args": {"n": number}, "id": f"c{number}"}]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_an_agent_calls_tools_at_most_ten_rounds(is_async: bool) -> None:
    def say(messages: list[Any], tools: Any) -> Any:
        return called("look", len(messages)) if tools else ("enough", [{"name": "look", "args": {}, "id": "x"}])

    ran = play(flow("s a; a e", a=agent(tools=["look"])), say=say, async_mode=is_async)
    assert len(ran.called) == 10
    assert len(ran.asked) == 11
    last = ran.values["messages"][-1]
    assert (last.text, last.name, last.tool_calls) == ("enough", "a", [])


def test_a_tool_that_fails_tells_the_model() -> None:
    def say(messages: list[Any], tools: Any) -> Any:
        shown = [message.content for message in messages if message.type == "tool"]
        return [called("look", 1), called("other", 2), "; ".join(shown)][len(shown)]

    def value(name: str, _arguments: Any) -> Any:
        raise ToolException("the line is busy")

    ran = play(flow("s a; a e", a=agent(tools=["look"])), say=say, value=value)
    assert ran.said[-1] == ("a", "Error: the line is busy; Error: There is no tool 'other'.")
    assert ran.called == [("look", {"n": 1})]


def test_without_mcp_a_tool_must_be_given() -> None:
    code = generate(flow("s t; t e", t=tool("look")), Options(include_mcp_tools=False)).code
    with pytest.raises(NotImplementedError, match="look"):
        load(code)["app"].invoke({"messages": []})


def test_a_node_called_dispatch_or_route_is_in_nobodys_way() -> None:
    edges = "s a; s b; a r; r c :x; r d; c j; d j; b j; j e"
    names = {"a": "dispatch", "b": "route_r", "c": "trail", "d": "Traversal", "j": "visit", "r": "r"}
    nodes = {node: agent(name=name) for node, name in names.items() if node != "r"}
    assert sorted(play(flow(edges, r=router("x"), **nodes)).order) == ["a", "b", "d", "j", "r"]


def test_every_name_that_modules_use_is_reserved() -> None:
    assert {name for name in embeddable() if name.islower()} - RESERVED == set()
    assert {name for name in IMPORTS if name.islower()} - RESERVED == set()


def test_it_is_the_same_text_every_time() -> None:
    code = (
        "from builder_jupyter.codegen.generate import generate; from codegen_kit import *; import sys;"
        "sys.stdout.write(generate(flow('s a; s b; a r; r c :x; r d; c j; d j; b j; j e', r=router('x'),"
        "a=agent(tools=['x', 'y']))).code)"
    )
    tests = str(Path(__file__).parents[2])
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{tests}:{os.environ.get('PYTHONPATH', '')}"},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1
    assert texts != {""}


@pytest.mark.parametrize("case", START_TO_END)
@pytest.mark.parametrize("options", [{}, {"include_types": False, "include_docstrings": False}, {"async_mode": True}])
def test_ruff_has_nothing_to_change(case: str, options: dict[str, bool], tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(generate(START_TO_END[case][0], Options(**options)).code)
    ruff = [sys.executable, "-m", "ruff"]
    told = subprocess.run([*ruff, "format", "--isolated", "--diff", path], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "")
    rules = ["check", "--isolated", "--select", "E4,E7,E9,F,I,B,UP", "--ignore", "B905,UP013", path]
    told = subprocess.run([*ruff, *rules], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_five_thousand_nodes_in_a_row() -> None:
    workflow = flow(";".join(["s a0", *(f"a{n} a{n + 1}" for n in range(4997)), "a4997 e"]))
    module = load(generate(workflow).code)
    assert len(module["NODE_IDS"]) == 4998


def test_what_langgraph_has_nothing_for_is_refused() -> None:
    with pytest.raises(Unprocessable, match="'p'") as caught:
        generate(flow("s p; p e", p={"type": "python", "data": {"code": "1"}}))
    assert caught.value.code == "NOT_EXPORTABLE"


SUPPORT = flow("start agent; agent end", name="CustomerSupport", start={"type": "start"}, end={"type": "end"},
               agent={"type": "agent", "data": {"name": "Support", "prompt": "You are helpful"}})  # fmt: skip


def test_the_example_of_the_published_page() -> None:
    module = generate(SUPPORT)
    lines = module.code.splitlines()
    for line in (
        'workflow.add_node("support", support)', 'workflow.add_edge(START, "support")',
        'workflow.add_edge("support", END)', "app = workflow.compile()", "workflow = StateGraph(AgentState)",
    ):  # fmt: skip
        assert line in lines
    assert module.code.startswith('"""\nGenerated workflow: CustomerSupport\n')
    assert module.filename == "customer_support.py"
    assert module.dependencies[:2] == ("langgraph>=1.0.0", "langchain-core>=0.3.0")
    assert "CANVAS" not in module.code


def test_importing_needs_only_langgraph_and_langchain_core(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(generate(START_TO_END["agent with tools"][0]).code)
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['langchain', 'langchain_mcp_adapters', 'builder_jupyter']))\n"
        "import module; print(*(name for name in sys.modules if name.startswith('langchain')))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "langchain_core" in done.stdout
