"""The difference of two workflows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder_jupyter.graph.diff import ABSENT, Change, FieldChange, diff_workflows
from builder_jupyter.graph.model import Edge, FrozenDict, Node, Position, Workflow

BASE = Workflow(
    "desk",
    (
        Node("start", "start"),
        Node("ask", "agent", FrozenDict(prompt="Be kind.", tools=["calculator"]), Position(0, 0)),
        Node("old", "agent"),
        Node("end", "end"),
    ),
    (Edge("start", "ask", id="e1"), Edge("ask", "old"), Edge("old", "end", label="x"), Edge("ask", "end")),
    metadata=FrozenDict(tags=["a"], deep={"x": 1, "y": 2}),
)
LATER = replace(
    BASE,
    name="help desk",
    nodes=(
        BASE.nodes[0],
        Node("ask", "agent", FrozenDict(prompt="Be brief.", temperature=1), Position(5, 0)),
        replace(BASE.nodes[3], position=Position(1, 1)),
        Node("new", "tool"),
    ),
    edges=(Edge("start", "ask", id="e1"), Edge("ask", "new"), Edge("ask", "end", label="done")),
    metadata=FrozenDict(tags=["a"], deep={"x": True, "z": None}),
)


def test_nodes_edges_and_fields() -> None:
    diff = diff_workflows(BASE, LATER, titles=("version 1", "version 2"))
    assert [(one.node.id, one.change) for one in diff.nodes] == [
        ("start", Change.SAME),
        ("ask", Change.CHANGED),
        ("end", Change.MOVED),
        ("new", Change.ADDED),
        ("old", Change.REMOVED),
    ]
    ask = diff.nodes[1]
    assert ask.node is LATER.nodes[1]
    assert ask.fields == (
        FieldChange("data.prompt", "Be kind.", "Be brief."),
        FieldChange("data.tools", ("calculator",), ABSENT),
        FieldChange("data.temperature", ABSENT, 1),
    )
    assert [(one.edge.source, one.edge.target, one.change) for one in diff.edges] == [
        ("start", "ask", Change.SAME),
        ("ask", "new", Change.ADDED),
        ("ask", "end", Change.CHANGED),
        ("ask", "old", Change.REMOVED),
        ("old", "end", Change.REMOVED),
    ]
    assert diff.header == (
        FieldChange("name", "desk", "help desk"),
        FieldChange("metadata.deep.x", 1, True),
        FieldChange("metadata.deep.y", 2, ABSENT),
        FieldChange("metadata.deep.z", ABSENT, None),
    )
    assert diff.counts == {"added": 2, "removed": 3, "changed": 2, "moved": 1}
    assert {node.id for node in diff.union.nodes} == {"start", "ask", "old", "end", "new"}
    assert len(diff.union.edges) == 5


def test_its_text() -> None:
    diff = diff_workflows(BASE, LATER, titles=("version 1", "version 2"))
    assert str(diff).splitlines() == [
        "version 1 -> version 2",
        '~ name: "desk" -> "help desk"',
        "~ metadata.deep.x: 1 -> true",
        "~ metadata.deep.y: 2 -> (none)",
        "~ metadata.deep.z: (none) -> null",
        "~ node ask (agent)",
        '    data.prompt: "Be kind." -> "Be brief."',
        '    data.tools: ["calculator"] -> (none)',
        "    data.temperature: (none) -> 1",
        "> node end (end)",
        "+ node new (tool)",
        "- node old (agent)",
        "+ edge ask -> new",
        "~ edge ask -done-> end",
        '    label: (none) -> "done"',
        "- edge ask -> old",
        "- edge old -x-> end",
    ]
    words = "version 1 to version 2: 2 added, 3 removed, 2 changed, 1 moved, header"
    assert repr(diff) == f"<WorkflowDiff of 'help desk', {words}>"


def test_edges_between_the_same_two_are_told_apart() -> None:
    def of(*edges: Edge) -> Workflow:
        return Workflow("w", (Node("a", "agent"), Node("b", "agent")), edges)

    before = of(Edge("a", "b", id="1", label="x"), Edge("a", "b", id="2", label="y"), Edge("a", "b", label="z"))
    after = of(Edge("a", "b", label="z"), Edge("a", "b", id="2", label="Y"), Edge("a", "b", id="3", label="new"))
    edges = {
        one.edge.label: (one.change, [str(field) for field in one.fields])
        for one in diff_workflows(before, after).edges
    }
    assert edges == {
        "z": (Change.SAME, []),
        "Y": (Change.CHANGED, ['label: "y" -> "Y"']),
        "new": (Change.CHANGED, ['id: "1" -> "3"', 'label: "x" -> "new"']),
    }
    fewer = diff_workflows(before, of(Edge("a", "b", id="2", label="y")))
    assert [one.change for one in fewer.edges] == [Change.SAME, Change.REMOVED, Change.REMOVED]


@pytest.mark.parametrize("text", ["\x1b[31mred", "two\nlines", "\u202eback", "\u009b2J"])
def test_a_text_steers_no_terminal(text: str) -> None:
    hostile = Workflow(text, (Node(text, text, FrozenDict({text: text})),), (Edge(text, text, label=text),))
    for diff in (diff_workflows(Workflow(), hostile), diff_workflows(hostile, Workflow())):
        assert str(diff).replace("\n", "").isprintable()
        assert len(str(diff).splitlines()) == 4
