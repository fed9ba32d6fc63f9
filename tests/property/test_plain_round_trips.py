import json

from hypothesis import given
from hypothesis import strategies as st
from strategies import TYPES, data_objects, ids, json_values, metadata, names, numbers, texts, workflows

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.dialects.plain import parse_plain, write_plain
from builder_jupyter.graph.model import Edge, Node, Position, Profile, Workflow, freeze

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


places = st.one_of(st.none(), st.builds(Position, numbers, numbers))
small_values = st.one_of(st.none(), st.booleans(), numbers, texts, st.just({"a": [1, {}]}), st.just("[1"))
fields = st.dictionaries(
    st.one_of(st.sampled_from(["width", "über", "z-index", "when", "field"]), texts), small_values, max_size=2
)
OWN_NODE = {"id", "type", "position", "data"}
OWN_EDGE = {"id", "source", "from", "target", "to", "label", "sourceHandle", "targetHandle", "condition"}
optional_texts = st.one_of(st.none(), long_texts)


@st.composite
def nodes(draw, node_id):
    """A node as a canvas may hold one: placed or not, with data and fields of a client's own."""
    type_name = draw(st.sampled_from((*TYPES, "python")))
    said = draw(st.fixed_dictionaries({"code": long_texts, "timeout": numbers}) if type_name == "python" else data)
    place = draw(places)
    extra = {key: value for key, value in draw(fields).items() if key not in OWN_NODE}
    if place is None:
        extra |= draw(st.sampled_from([{}, {}, {"position": {}}, {"position": {"x": 1, "y": "2"}}]))
    if not said:
        extra |= draw(st.sampled_from([{}, {"data": {}}]))
    return Node(node_id, type_name, freeze(said), place, freeze(extra))


@st.composite
def edges_between(draw, node_ids):
    """An edge as a canvas may hold one: labelled or not, with an id, ports, and fields of a client's own."""
    end = st.sampled_from(node_ids)
    label = draw(st.one_of(st.none(), texts, st.sampled_from(["x", "a-b"])))
    extra = {key: value for key, value in draw(fields).items() if key not in OWN_EDGE}
    extra |= draw(st.sampled_from([{}, {}, {"label": None}] if label is None else [{}]))
    more = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "source_port", "condition"), optional_texts)))
    if draw(st.booleans()):
        more, extra = {}, {}
    return Edge(draw(end), draw(end), label=label, **more, extra=freeze(extra))


@st.composite
def sayable(draw):
    """Workflows of which the text form can say everything."""
    node_ids = draw(
        st.lists(st.one_of(ids, st.sampled_from(["a-b", "a.b", "a b", "-"])), unique=True, min_size=1, max_size=5)
    )
    made = tuple(draw(nodes(node_id)) for node_id in node_ids)
    edges = draw(st.lists(edges_between(node_ids), max_size=8))
    return Workflow(draw(names), made, tuple(edges), draw(long_texts), freeze(draw(metadata)))


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
    back = parse_plain(text, name=workflow.name)
    assert back == workflow
    assert json.dumps(back.to_dict(), sort_keys=True) == json.dumps(workflow.to_dict(), sort_keys=True)
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
