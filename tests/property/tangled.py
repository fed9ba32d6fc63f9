"""A Hypothesis strategy for valid workflows of any form: not built from blocks, so that every entanglement occurs.

Kept free of tests for reuse.
"""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation import result, validate

WORDS = ("red", "green", "blue")
REGISTRY = default_registry()
NAMES = ("", "", "Zeta", "alpha", "Support Agent", "class", "n2", "results", "Ünï 1")
TEMPLATES = (
    "x", "{{state.messages[-1]}}", "{{state.results}}", "of {{state.results.n1}}, {{state.results}}",
    "{{state.output}} so far", "{{state.query}}", "{{state.messages[0].content}} {{state.messages[-2].name}}",
)  # fmt: skip
OUTPUTS = ("", "state.messages[-1]", "state.results", "state.results.n2", "state.messages")


def _node(draw, number: int, plain: bool) -> Node:
    name = f"n{number}"
    kind = draw(st.sampled_from(["agent", "agent", "tool", "human"] if plain else ["router", "router", "human"]))
    if kind == "agent":
        tools = draw(st.sampled_from([[], [], ["echo"]]))
        return Node(name, "agent", {"prompt": name, **({"tools": tools} if tools else {})})
    if kind == "tool":
        return Node(name, "tool", {"tool_name": "echo", "arguments": {"value": draw(st.sampled_from(TEMPLATES))}})
    words = list(WORDS[: draw(st.integers(1, 3))])
    if kind == "human":
        return Node(name, "human", {"prompt": name, "options": words})
    conditions = [{"label": word, "pattern": word} for word in words]
    if draw(st.booleans()):
        conditions.append({"label": "rest", "pattern": draw(st.sampled_from([".*", ""]))})
    default = draw(st.sampled_from([None, "red", "other"]))
    return Node(name, "router", {"conditions": conditions, **({"default": default} if default else {})})


def _label(draw, node: Node) -> str | None:
    if node.type not in ("router", "human"):
        return None
    return draw(st.sampled_from([*WORDS, "rest", "other", "default", None]))


@st.composite
def dressed(draw, workflows):
    """Workflows with other names, which decide about order, and with templates, people and tools here and there.

    Agents that a router listens to stay agents: a script may count on what they say.
    """
    workflow = draw(workflows)
    listened = {edge.source for edge in workflow.edges if workflow.nodes_by_id[edge.target].type == "router"}
    nodes = []
    for node in workflow.nodes:
        data, kind = dict(node.data), node.type
        if kind == "agent" and node.id not in listened and draw(st.integers(0, 5)) == 0:
            kind, data = "human", {"prompt": node.id, "options": ["yes", "no"]}
        elif kind == "agent":
            data |= draw(st.sampled_from([{}, {}, {"tools": ["echo"]}, {"model": "gpt-5", "temperature": 0.5}]))
        elif kind == "tool":
            data |= {"arguments": {"value": draw(st.sampled_from(TEMPLATES))}}
        if kind in ("agent", "tool", "human", "router"):
            data |= {"name": draw(st.sampled_from(NAMES))}
        nodes.append(Node(node.id, kind, data))
    made = Workflow(workflow.name, tuple(nodes), workflow.edges)
    assume(result(validate(made, registry=REGISTRY, tool_names={"echo"}))["valid"])
    return made


@st.composite
def tangled(draw, *, most: int = 8):
    """Nodes in a row, of which each leads to one or more later ones, and those that decide to earlier ones too."""
    size = draw(st.integers(1, most))
    start = Node("start", "start")
    inner = [_node(draw, number, plain=draw(st.integers(0, 2)) > 0) for number in range(size)]
    ends = [
        Node(f"end{number}", "end", {"output": draw(st.sampled_from(OUTPUTS))})
        for number in range(draw(st.integers(1, 2)))
    ]
    row = [start, *inner, *ends]
    edges: dict[tuple[str, str, str | None], Edge] = {}

    def lead(source: Node, target: Node) -> None:
        label = _label(draw, source)
        edges.setdefault((source.id, target.id, label), Edge(source.id, target.id, label=label))

    last = len(row) - len(ends)
    for place, node in enumerate(row[1:], 1):  # everything is reached
        lead(row[draw(st.integers(0, min(place, last) - 1))], node)
    for place, node in enumerate(row[:last]):
        for _ in range(draw(st.integers(0, 2))):
            lead(node, row[draw(st.integers(place + 1, len(row) - 1))])
        if node.type in ("router", "human") and draw(st.booleans()):
            for _ in range(draw(st.integers(1, 2))):
                lead(node, row[draw(st.integers(1, place))])
    drawn = draw(st.permutations(list(edges.values())))
    workflow = Workflow("random", tuple(draw(st.permutations(row))), tuple(drawn))
    assume(result(validate(workflow, registry=REGISTRY, tool_names={"echo"}))["valid"])
    return workflow
