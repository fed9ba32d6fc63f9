from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter.errors import InvalidInput, TooLarge
from builder_jupyter.graph.dialects.plain import parse_plain, write_plain
from builder_jupyter.graph.model import Edge, Node, Position, Profile, Workflow, freeze

SUPPORT = Path(__file__).parents[3] / "notebooks" / "data" / "support.workflow.json"

EXAMPLE = """\
# A comment
description: Routes a ticket to the right agent.
tags: support, demo

start
router topic "Topic router"
    when billing: billing|payment|invoice
    when default: .*
    default: default
agent billing "Billing agent"
    prompt: You help customers with billing.
        A deeper indent goes on with the text above.
    temperature: 0.7
    tools: ["calculator"]
agent general
agent draft
agent summary
agent closing
end
    output: state.messages[-1]

start -> topic
topic -billing-> billing
topic -default-> general
billing, general -> draft, summary   # every source to every target
draft, summary -> closing -> end
"""


def pairs(text: str) -> list[tuple[str, str, str | None]]:
    return [(edge.source, edge.target, edge.label) for edge in parse_plain(text, name="w").edges]


def data(entries: str, type_name: str = "agent") -> dict[str, Any]:
    return parse_plain(f"{type_name} a\n{entries}", name="w").node("a").data


def faults(text: str, **options: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        parse_plain(text, name="w", **options)
    assert caught.value.code == "INVALID_WORKFLOW"
    found = [(fault["field"], fault["error"]) for fault in caught.value.details]
    assert " ".join(found[0]) in caught.value.message
    return found


def test_the_example_says_what_it_looks_like() -> None:
    workflow = parse_plain(EXAMPLE, name="support")
    assert (workflow.name, workflow.description) == ("support", "Routes a ticket to the right agent.")
    assert workflow.tags == ("support", "demo")
    assert [node.id for node in workflow.nodes][:3] == ["start", "topic", "billing"]
    assert workflow.node("topic").data == {
        "name": "Topic router",
        "conditions": (
            {"label": "billing", "pattern": "billing|payment|invoice"},
            {"label": "default", "pattern": ".*"},
        ),
        "default": "default",
    }
    assert workflow.node("billing").data == {
        "name": "Billing agent",
        "prompt": "You help customers with billing.\nA deeper indent goes on with the text above.",
        "temperature": 0.7,
        "tools": ("calculator",),
    }
    assert workflow.node("end") == Node("end", "end", freeze({"output": "state.messages[-1]"}))
    assert [(edge.source, edge.target, edge.label) for edge in workflow.edges] == [
        ("start", "topic", None),
        ("topic", "billing", "billing"),
        ("topic", "general", "default"),
        ("billing", "draft", None),
        ("billing", "summary", None),
        ("general", "draft", None),
        ("general", "summary", None),
        ("draft", "closing", None),
        ("summary", "closing", None),
        ("closing", "end", None),
    ]


def test_the_demo_workflow_survives() -> None:
    demo = Workflow.load(SUPPORT)
    text = write_plain(demo)
    back = parse_plain(text, name=demo.name)
    assert back == demo
    assert 'start "Start" @ 120, 190\nrouter router "Topic router" @ 360, 190\n    when billing: billing|' in text
    assert text.endswith("billing, technical, general -> draft, summary -> closing -> end\n")


def test_json_is_read_as_json_under_the_name_given() -> None:
    demo = Workflow.load(SUPPORT)
    assert parse_plain("\n  " + SUPPORT.read_text(encoding="utf-8"), name="mine") == replace(demo, name="mine")


@pytest.mark.parametrize(
    ("line", "id_", "name"),
    [
        ("start", "start", None),
        ('start "Begin"', "start", "Begin"),
        ("start here", "here", None),
        ('agent "my agent"', "my agent", None),
        ('agent a-1.b "A \\"b\\""', "a-1.b", 'A "b"'),
        ("agent über  # a remark", "über", None),
    ],
)
def test_nodes(line: str, id_: str, name: str | None) -> None:
    (node,) = parse_plain(line, name="w").nodes
    assert (node.id, node.data.get("name")) == (id_, name)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ("  prompt: 5", {"prompt": "5"}),
        ('  prompt: "5"', {"prompt": "5"}),
        ('  prompt: "5" is a number', {"prompt": '"5" is a number'}),
        ("  prompt:", {"prompt": ""}),
        ("  prompt:\n    # Heading\n\n      - item\n\n  model: m", {"prompt": "# Heading\n\n  - item", "model": "m"}),
        ("  # a comment\n  temperature: 1", {"temperature": 1}),
        ("  custom: NaN", {"custom": "NaN"}),
        ("  custom: null", {"custom": None}),
        ('  custom: {"a":\n    [1]}', {"custom": {"a": (1,)}}),
        ("  name: Ada", {"name": "Ada"}),
        ('  "a b": x: y', {"a b": "x: y"}),
        ("  when: x", {"when": "x"}),
        ('  conditions: ["x"]\n  when "a b": y', {"conditions": ("x", {"label": "a b", "pattern": "y"})}),
    ],
)
def test_values(entries: str, expected: dict[str, Any]) -> None:
    assert data(entries) == expected


def test_an_indented_text_and_dos_line_ends_are_fine() -> None:
    assert pairs("    start\r\n      x: 1\r\n    end\r\n    start -> end\r\n") == [("start", "end", None)]


def test_edges() -> None:
    nodes = "agent a\nagent a-b\nagent c\n"
    assert pairs(nodes + "a->a-b->c") == [("a", "a-b", None), ("a-b", "c", None)]
    assert pairs(nodes + 'a -"two words"-> c') == [("a", "c", "two words")]
    assert pairs(nodes + 'a - x -> c, "a-b" -> c') == [
        ("a", "c", "x"),
        ("a", "a-b", "x"),
        ("c", "c", None),
        ("a-b", "c", None),
    ]
    assert pairs("a -> c\n" + nodes) == [("a", "c", None)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "a node at least"),
        ("start\nagent", 2, "needs an id behind the type, as in: agent my_id"),
        ("start one two", 1, 'must be a node, type id "Name"'),
        ("start\nend ?", 2, "not '?'"),
        ('agent "\\x"', 1, "JSON string"),
        ("agent a\nagent a", 2, "there is a node 'a' already"),
        ("start\nstart ->", 2, "needs the id of a node at the end"),
        ("start\nstart -> -> start", 2, "needs the id of a node before ->"),
        ("start\nstart -> start start", 2, "needs ->, -label-> or a comma before start"),
        ("start\nend\nstart -> gneral", 3, "'gneral' has none"),
        ("  prompt: x", 1, "must be a node"),
        ("description: x\n  y\ntags: a\ntags: b\nstart", 4, "'tags' a second time"),
        ("start\n  nonsense", 2, "'key: value'"),
        ("agent a\n  prompt: x\n  prompt: y", 3, "'prompt' a second time"),
        ("agent a\n  model: m\n  temperature: hot", 3, "temperature must be a number"),
        ("router a\n  when x: y\n  when z: " + "y" * 2001, 3, "conditions[1].pattern must have at most 2,000"),
        ("router a\n  conditions: 1\n  when z: y", 3, "which is no list"),
        ("tags: " + "x" * 65 + "\nstart", 1, "at most 64"),
        ("metadata: [1]\nstart", 1, "metadata must be an object"),
    ],
)
def test_faults_name_the_line_and_what_was_expected(text: str, line: int, words: str) -> None:
    (field, error), *_ = faults(text)
    assert field == f"line {line}"
    assert words in error


def test_every_line_with_a_fault_is_reported() -> None:
    assert [field for field, _ in faults("agent\nstart\nend one two", first_line=2)] == ["line 2", "line 4"]
    assert faults("a ->\nstart")[0] == ("line 1", "needs the id of a node at the end")


def test_a_name_is_checked_as_everywhere() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_plain("start", name=" ")
    assert caught.value.details == [{"field": "name", "error": "must not be blank"}]


def test_products_of_edges_are_bounded() -> None:
    many = ", ".join(["start"] * 300)
    with pytest.raises(TooLarge):
        parse_plain(f"start\n{many} -> {many}", name="w")


A = Node("a", "agent")

PLACED = """\
start @ 0, -12.5
human ask "Ask" @ 120, 1e3  # on the right
    prompt: Well?
    field width: 240
    field style: {"color": "red"}
end

start -> ask
    id: e1
    animated: true
ask -yes-> end
    sourceHandle: out
    condition: "5"
"""


def test_what_a_canvas_adds_is_said_below() -> None:
    workflow = parse_plain(PLACED, name="w")
    start, ask, end = workflow.nodes
    assert (start.position, ask.position, end.position) == (Position(0, -12.5), Position(120, 1000.0), None)
    assert ask.extra == {"width": 240, "style": {"color": "red"}}
    first, second = workflow.edges
    assert (first.id, first.label, first.extra) == ("e1", None, {"animated": True})
    assert (second.label, second.source_port, second.condition) == ("yes", "out", "5")
    assert write_plain(workflow) == PLACED.replace("1e3  # on the right", "1000.0")


def test_fields_below_edges_are_those_of_each_of_them() -> None:
    workflow = parse_plain("start\nagent a\nagent b\nstart -> a, b\n    animated: true", name="w")
    assert [edge.extra for edge in workflow.edges] == [{"animated": True}] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("start @ 1", "line 1 must be a node"),
        ("start @ 1, 2 there", "line 1 must be a node"),
        ("start\n@ 1, 2", "line 2 must be a node"),
        ("start\nstart -> start @ 1, 2", "line 2 needs ->"),
        ("start\n    field type: x", "line 2 must not give 'type' a second time"),
        ("start\n    field data: {}\n    name: x", "line 3 must not follow 'field data'"),
        ("start @ 1, 2\n    field position: {}", "line 2 must not give 'position' a second time"),
        ("start\n    field position: 5", "line 2 position must be an object"),
        ("start\nstart -x-> start\n    label: y", "line 3 must not give 'label' a second time"),
        ("start\nstart -> start\n    when x: y", "line 3 must be 'key: value': 'when' is said of a node"),
        ("start\nstart -> start\n    target: x", "line 3 must not give 'target' a second time"),
    ],
)
def test_what_a_canvas_adds_may_be_wrong(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)):
        parse_plain(text, name="w")


@pytest.mark.parametrize(
    ("workflow", "words"),
    [
        (Workflow(nodes=(A,), edges=(Edge("a", "b"),)), "an end that is no node"),
        (Workflow(nodes=(A, A)), "share an id"),
        (Workflow(nodes=(A,), profile=Profile.DIRECT), "profile 'direct'"),
        (Workflow(), "no node"),
        (Workflow(nodes=(Node("", "agent"),)), "empty id"),
        (Workflow(nodes=(Node("a", "agent", freeze({"prompt": 5})),)), "'prompt' of node 'a' is no text"),
        (Workflow(nodes=(Node("a b", "start"),)), "more than a word"),
        (Workflow(nodes=(Node("a", "agent", freeze({"x": float("nan")})),)), "not finite"),
    ],
)
def test_what_the_form_cannot_say_is_refused(workflow: Workflow, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        write_plain(workflow)
    assert caught.value.code == "NOT_PLAIN"


def test_long_texts_are_written_readably_and_chains_are_broken() -> None:
    agents = [Node(f"agent_number_{i}", "agent") for i in range(12)]
    first = replace(agents[0], data=freeze({"prompt": "One.\n\n  Two.", "model": "ends with a break\n"}))
    edges = [Edge(a.id, b.id) for a, b in pairwise(agents)]
    workflow = Workflow(
        "w", (first, *agents[1:]), tuple(edges), metadata=freeze({"tags": ["a b", "c"], "deployed": False})
    )
    text = write_plain(workflow)
    assert "    prompt:\n        One.\n\n          Two.\n" in text
    assert '    model: "ends with a break\\n"\n' in text
    assert 'tags: a b, c\nmetadata: {"deployed": false}\n' in text
    assert max(map(len, text.splitlines())) <= 100
    assert parse_plain(text, name="w") == workflow
