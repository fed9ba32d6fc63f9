import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from strategies import TYPES, data_objects, ids, json_values, metadata, names, texts, workflows

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.dialects.plain import parse_plain, write_plain
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow, freeze

BITS = st.sampled_from(
    ["start", "end", "agent a", "when ", "->", "-x->", "tags:", "description: ", "metadata: ", '"', "\\", ":", ",", "#",
     "\n", "\n    ", "\n\t", " ", "a", "b", "{", "[1]", "\r\n", "\u2028", "prompt: x", "null", "-"]
)  # fmt: skip
lines = st.lists(BITS, max_size=30).map("".join)
long_texts = st.one_of(texts, lines)
data = st.one_of(
    data_objects,
    st.fixed_dictionaries({}, optional={"name": long_texts, "prompt": long_texts, "output": long_texts}),
    st.dictionaries(texts, st.one_of(json_values, long_texts), max_size=3).filter(lambda d: "conditions" not in d),
    st.fixed_dictionaries(
        {"conditions": st.lists(st.fixed_dictionaries({"label": long_texts, "pattern": long_texts}), max_size=3)}
    ),
)


@st.composite
def sayable(draw):
    """Workflows of which the text form can say everything."""
    node_ids = draw(st.lists(st.one_of(ids, st.sampled_from(["a-b", "a.b", "a b", "-"])), unique=True, min_size=1))
    nodes = tuple(Node(id_, draw(st.sampled_from(TYPES)), freeze(draw(data))) for id_ in node_ids)
    end = st.sampled_from(node_ids)
    label = st.one_of(st.none(), texts, st.sampled_from(["x", "a-b"]))
    edges = draw(st.lists(st.builds(Edge, source=end, target=end, label=label), max_size=12))
    return Workflow(draw(names), nodes, tuple(edges), draw(long_texts), freeze(draw(metadata)))


def told(workflow):
    try:
        return write_plain(workflow)
    except InvalidInput as error:
        if error.code != "NOT_PLAIN":
            raise
        return None


def read(text, name="w"):
    try:
        return parse_plain(text, name=name)
    except InvalidInput as error:
        faults = error.details
    assert faults
    assert all(fault["field"] and fault["error"] for fault in faults)
    return None


def check(workflow):
    text = told(workflow)
    if text is None:
        return
    bare = workflow.with_nodes(replace(node, position=None) for node in workflow.nodes)
    back = parse_plain(text, name=workflow.name)
    assert back == bare
    assert json.dumps(back.to_dict(), sort_keys=True) == json.dumps(bare.to_dict(), sort_keys=True)
    assert write_plain(back) == text


@given(sayable())
def test_what_is_written_is_read_back(workflow):
    check(workflow)


@given(st.one_of(workflows(Profile.BUILDER), workflows(Profile.DIRECT)))
def test_any_workflow_is_written_whole_or_refused(workflow):
    check(workflow)


@given(sayable())
def test_little_is_not_plain(workflow):
    nameless = any(node.type in ("start", "end") and "name" not in node.data for node in workflow.nodes)
    assert told(workflow) is not None or nameless


@given(lines)
def test_any_text_is_read_or_refused(text):
    workflow = read(text)
    if workflow is not None:
        again = told(workflow)
        assert again is None or read(again) == workflow
