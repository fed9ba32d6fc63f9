"""Hypothesis strategies for documents and workflows; kept free of tests for reuse."""

from hypothesis import strategies as st

from builder_jupyter.graph.model import Edge, Node, Position, Profile, Workflow, freeze

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ids = st.one_of(st.sampled_from(["start", "end", "a", "b", "c"]), texts.filter(bool))
numbers = st.one_of(st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
names = texts.filter(str.strip)
TYPES = ("start", "agent", "router", "tool", "human", "end", "Start", "custom")

conditions = st.lists(
    st.one_of(texts, st.fixed_dictionaries({}, optional={"label": texts, "pattern": texts, "more": json_values})),
    max_size=3,
)
_DATA = {
    "name": texts,
    "prompt": texts,
    "model": texts,
    "tools": st.lists(texts, max_size=2),
    "temperature": numbers,
    "conditions": conditions,
    "default": texts,
    "tool_name": texts,
    "arguments": st.dictionaries(texts, st.one_of(st.just("{{state.a}}"), json_values), max_size=2),
    "timeout": numbers,
    "options": st.lists(texts, max_size=2),
    "output": st.one_of(texts, st.just("state.a[0]")),
    "custom": json_values,
}
data_objects = st.fixed_dictionaries({}, optional=_DATA)
positions = st.one_of(
    st.fixed_dictionaries({"x": numbers, "y": numbers}), st.dictionaries(st.sampled_from("xyz"), json_values)
)


def node_documents(id_name="id"):
    """JSON objects of nodes with canonical names, some fields beside ours."""
    return st.fixed_dictionaries(
        {id_name: ids, "type": st.sampled_from(TYPES)},
        optional={"position": positions, "data": data_objects, "width": numbers, "über": json_values},
    )


def edge_documents(source_port="sourceHandle", target_port="targetHandle"):
    """JSON objects of edges with canonical names; optional fields of any type."""
    optional = dict.fromkeys(
        ("id", "label", source_port, target_port, "condition", "animated"), st.one_of(texts, json_values)
    )
    return st.fixed_dictionaries({"source": ids, "target": ids}, optional=optional)


metadata = st.fixed_dictionaries(
    {}, optional={"tags": st.lists(texts, max_size=3), "deployed": st.booleans(), "more": json_values}
)


def _documents(nodes, edges, **fixed):
    return st.fixed_dictionaries(
        {
            "name": names,
            "description": texts,
            "nodes": st.lists(nodes, max_size=5),
            "edges": st.lists(edges, max_size=6),
            "metadata": metadata,
            **fixed,
        }
    )


builder_documents = _documents(node_documents(), edge_documents())
direct_documents = _documents(
    node_documents("clientId"), edge_documents("sourcePort", "targetPort"), dialect=st.just("direct")
)
documents = st.one_of(builder_documents, direct_documents)

_optional_text = st.one_of(st.none(), texts)
_extras = st.dictionaries(st.sampled_from(["width", "über", "zIndex"]), json_values).map(freeze)


def workflows(profile=Profile.BUILDER):
    """Workflow values, most of them wrong in some way, whose ``extra`` shadows no field."""
    nodes = st.builds(
        Node,
        id=ids,
        type=st.sampled_from(TYPES),
        data=data_objects.map(freeze),
        position=st.one_of(st.none(), st.builds(Position, numbers, numbers)),
        extra=_extras,
    )
    edges = st.builds(
        Edge,
        source=ids,
        target=ids,
        id=_optional_text,
        label=_optional_text,
        source_port=_optional_text,
        target_port=_optional_text,
        condition=_optional_text,
        extra=_extras,
    )
    return st.builds(
        Workflow,
        name=names,
        nodes=st.lists(nodes, max_size=6).map(tuple),
        edges=st.lists(edges, max_size=8).map(tuple),
        description=texts,
        metadata=metadata.map(freeze),
        profile=st.just(profile),
    )
