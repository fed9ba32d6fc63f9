"""Names of graph nodes and files. Rows of spec langgraph-builder §5, §6.2."""

from __future__ import annotations

import re
from typing import Any

import pytest

from builder_jupyter.graph.model import Workflow
from builder_jupyter.graph.names import graph_names, input_keys, module_filename, snake


def named(*nodes: dict[str, Any]) -> list[str]:
    return list(graph_names(Workflow.from_dict({"nodes": list(nodes), "edges": []})).values())


def agent(node_id: str, name: Any = None) -> dict[str, Any]:
    return {"id": node_id, "type": "agent", "data": {} if name is None else {"name": name}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CustomerSupport", "customer_support"), ("HTTPServer", "http_server"), ("parseJSONNow", "parse_json_now"),
        ("naïve Café", "naive_cafe"), ("ﬁne", "fine"), ("a--b  c", "a_b_c"), ("__x__", "x"), ("日本", ""), ("", ""),
        ("a\x00b\u2028c", "a_bc"), ("\ud800x", "x"), ("Agent2Go", "agent2_go"), ("x:y|z", "x_y_z"),
    ],
)  # fmt: skip
def test_snake(text: str, expected: str) -> None:
    assert snake(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CustomerSupport", "customer_support.py"), ("", "workflow.py"), ("日本", "workflow.py"),
        ("3 wishes", "workflow_3_wishes.py"), ("class", "class_workflow.py"), ("match", "match_workflow.py"),
        ("../../etc/passwd", "etc_passwd.py"), ("email", "email_workflow.py"), ("LangGraph", "lang_graph.py"),
        ("langgraph", "langgraph_workflow.py"), ("x" * 200, "x" * 64 + ".py"), ("False", "false_workflow.py"),
    ],
)  # fmt: skip
def test_module_filename(name: str, expected: str) -> None:
    assert module_filename(name) == expected
    assert re.fullmatch(r"[a-z_][a-z0-9_]{0,63}\.py", expected)


def test_names_come_from_name_then_id_then_type() -> None:
    assert named(agent("a", "Support"), agent("B b"), agent("日"), agent("本", "語"), agent("c", "  ")) == [
        "support", "b_b", "agent_3", "agent_4", "c",
    ]  # fmt: skip


def test_taken_names_are_numbered_in_request_order() -> None:
    found = named(agent("1", "Support"), agent("2", "Support 2"), agent("3", "Support"), agent("4", "support"))
    assert found == ["support", "support_2", "support_3", "support_4"]


@pytest.mark.parametrize(
    "name", ["class", "match", "type", "_", "list", "input", "print", "app", "workflow", "messages", "get_model", "re",
             "END", "__start__", "__end__", "call_tool", "state", "True"],
)  # fmt: skip
def test_reserved_names_are_given_a_suffix(name: str) -> None:
    (found,) = named(agent("x y", name))
    assert found in {f"{snake(name)}_node", "end", "start", "x_y"}
    assert found.isidentifier()
    assert found not in {"__start__", "__end__", name}


def test_a_leading_digit_and_a_long_name() -> None:
    assert named(agent("1st"), agent("x" * 1000)) == ["node_1st", "x" * 60]


def test_state_keys_of_templates_are_reserved() -> None:
    nodes = [
        agent("query"),
        {"id": "t", "type": "tool", "data": {"tool_name": "x", "arguments": {"q": ["{{ state.query[0].a }}"]}}},
        {"id": "e", "type": "end", "data": {"output": "state.topic"}},
        agent("topic"),
    ]
    workflow = Workflow.from_dict({"nodes": nodes, "edges": []})
    assert input_keys(workflow) == ["query", "topic"]
    assert list(graph_names(workflow).values()) == ["query_node", "t", "e", "topic_node"]


def test_start_and_an_end_without_output_have_no_name() -> None:
    blank = {"id": "e", "type": "end", "data": {"output": "  "}}
    assert named({"id": "s", "type": "start"}, blank, {"id": "f", "type": "end"}) == []


def test_five_thousand_equal_names() -> None:
    found = named(*(agent(str(n), "Same") for n in range(5000)))
    assert len(set(found)) == 5000
    assert found[-1] == "same_5000"
