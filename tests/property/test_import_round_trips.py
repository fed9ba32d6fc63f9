"""What is generated is read back equal in every field, whatever the workflow and the options."""

from __future__ import annotations

import os
from dataclasses import replace

from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from runnable import runnable
from strategies import ids as ids_of_clients
from strategies import json_values, metadata, names, numbers, texts
from tangled import dressed, tangled

from builder_jupyter.codegen.generate import generate
from builder_jupyter.codegen.options import Options
from builder_jupyter.codegen.reading import read_code
from builder_jupyter.graph.model import Edge, Node, Position, Workflow, freeze
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation import result, validate

EXAMPLES = int(os.environ.get("ROUND_TRIPS", "100"))
OPTIONS = st.builds(
    Options,
    include_types=st.booleans(),
    include_docstrings=st.booleans(),
    include_mcp_tools=st.booleans(),
    checkpoint_config=st.booleans(),
    async_mode=st.booleans(),
)
PATIENT = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def check(workflow: Workflow, options: Options) -> None:
    code = generate(workflow, options).code
    note(f"{workflow.to_dict()}\n{code}")
    reading = read_code(code)
    assert reading.workflow.to_dict() == workflow.to_dict()
    assert reading.workflow == workflow
    assert reading.report == ()


@PATIENT
@given(runnable(), OPTIONS)
def test_workflows_of_blocks_come_back(made, options):
    check(made[0], options)


@PATIENT
@given(dressed(tangled()), OPTIONS)
def test_tangled_workflows_come_back(workflow, options):
    check(workflow, options)


NASTY = st.one_of(
    texts,
    st.sampled_from(
        [
            '"""',
            "\\",
            "{{state.a}}",
            "{{ state.a[0] }} {{state.messages[-1]}}",
            "\x00\r\u2028",
            "a\nb",
            " x ",
            "é" * 120,
        ]
    ),
)
SPELLED = {
    "agent": {"prompt": NASTY, "model": texts, "tools": st.lists(NASTY, max_size=3), "temperature": numbers},
    "tool": {"tool_name": NASTY, "arguments": st.dictionaries(NASTY, st.one_of(NASTY, json_values), max_size=3)},
    "human": {"prompt": NASTY, "options": st.lists(NASTY, max_size=3), "timeout": numbers, "schema": json_values},
    "router": {"default": NASTY},
    "end": {"output": NASTY},
    "start": {},
}
OF_CLIENTS = st.fixed_dictionaries({}, optional={"name": NASTY, "custom": json_values, "": texts})
PLACES = st.one_of(st.none(), st.builds(Position, numbers, numbers))
EXTRAS = st.dictionaries(st.sampled_from(["width", "über", "zIndex"]), json_values).map(freeze)


@st.composite
def spelled(draw, workflows):
    """Workflows in which ids, texts and numbers are anything that a client may send, with fields of its own."""
    workflow = draw(workflows)
    ids = {node.id: draw(st.one_of(st.just(node.id), ids_of_clients)) for node in workflow.nodes}
    assume(len(set(ids.values())) == len(ids))
    nodes = []
    for node in workflow.nodes:
        given = draw(st.fixed_dictionaries({}, optional=SPELLED[node.type]))
        data = freeze({**node.data, **given, **draw(OF_CLIENTS)})
        if draw(st.booleans()) and "conditions" in data:
            data = freeze({**data, "conditions": [c["label"] for c in data["conditions"]]})
        nodes.append(Node(ids[node.id], node.type, data, draw(PLACES), draw(EXTRAS)))
    edges = [
        replace(
            edge, source=ids[edge.source], target=ids[edge.target], id=draw(st.one_of(st.none(), texts)),
            target_port=draw(st.one_of(st.none(), texts)), extra=draw(EXTRAS),
        )
        for edge in workflow.edges
    ]  # fmt: skip
    strays = draw(
        st.lists(st.builds(Edge, ids_of_clients, ids_of_clients, label=st.one_of(st.none(), NASTY)), max_size=2)
    )
    repeated = draw(st.lists(st.sampled_from(edges), max_size=2))
    made = Workflow(draw(names), tuple(nodes), (*edges, *strays, *repeated), draw(NASTY), draw(metadata.map(freeze)))
    assume(result(validate(made, registry=default_registry()))["valid"])
    return made


@PATIENT
@given(spelled(st.one_of(dressed(tangled(most=4)), runnable().map(lambda made: made[0]))), OPTIONS)
def test_anything_that_a_client_sends_comes_back(workflow, options):
    check(workflow, options)
