import json

import pytest

from builder_jupyter.errors import InvalidInput, TooLarge
from builder_jupyter.graph.dialects import BUILDER, DIRECT, Faults, check_options, read, read_text, unwrap
from builder_jupyter.graph.dialects.faults import MAX_DEPTH
from builder_jupyter.graph.model import Edge, Node, Position, Profile, Workflow, freeze

SEED = {
    "name": "Customer Support Agent",
    "description": "Multi-agent support workflow",
    "nodes": [
        {"id": "start", "type": "start", "position": {"x": 100, "y": 100}},
        {
            "id": "agent",
            "type": "agent",
            "position": {"x": 300, "y": 100},
            "data": {"name": "Support", "prompt": "You are helpful"},
        },
        {"id": "end", "type": "end", "position": {"x": 500, "y": 100}},
    ],
    "edges": [
        {"id": "e1", "source": "start", "target": "agent"},
        {"id": "e2", "source": "agent", "target": "end"},
    ],
    "metadata": {"tags": ["support", "production"], "deployed": True},
}


def faults_of(call, *args):
    with pytest.raises(InvalidInput) as caught:
        call(*args)
    assert caught.value.code == "INVALID_WORKFLOW"
    return [(fault["field"], fault["error"]) for fault in caught.value.details]


def node(**fields):
    return {"id": "n", "type": "agent", **fields}


def test_the_documented_workflow_comes_back_equal():
    workflow = BUILDER.read(SEED)
    assert workflow.nodes[1].position == Position(300, 100)
    assert BUILDER.write(workflow) == SEED
    assert isinstance(BUILDER.write(workflow)["nodes"][0]["position"]["x"], int)


@pytest.mark.parametrize(
    "item",
    [
        node(data={}),
        node(position={}),
        node(position={"x": 1}),
        node(position={"x": 1, "y": 2, "z": 3}),
        node(position={"x": "1", "y": 2}),
        node(position={"x": True, "y": 2}),
        node(position={"x": 0.5, "y": -2}),
        node(width=5, nested={"a": [1, None, {"b": False}]}),
        node(data={"name": "x", "custom": [1, 2]}),
    ],
)
def test_a_node_is_kept_verbatim(item):
    nodes, _ = BUILDER.read_graph({"nodes": [item], "edges": []})
    assert BUILDER.write_node(nodes[0]) == item


@pytest.mark.parametrize(
    "item",
    [
        {"source": "a", "target": "b"},
        {"source": "a", "target": "b", "label": None, "id": 5},
        {
            "source": "a",
            "target": "b",
            "label": "",
            "sourceHandle": None,
            "targetHandle": "in",
            "animated": True,
        },
        {"source": "a", "target": "b", "condition": {"if": "x"}, "from": "c"},
    ],
)
def test_an_edge_is_kept_verbatim(item):
    _, edges = BUILDER.read_graph({"nodes": [], "edges": [item]})
    assert BUILDER.write_edge(edges[0]) == item


def test_from_and_to_are_understood_and_not_emitted():
    _, edges = BUILDER.read_graph({"nodes": [], "edges": [{"from": "a", "to": "b"}]})
    assert edges == (Edge("a", "b"),)
    assert BUILDER.write_edge(edges[0]) == {"source": "a", "target": "b"}


def test_direct_names_and_aliases():
    document = {
        "name": "Canvas",
        "dialect": "direct",
        "nodes": [
            {"id": "p", "type": "prompt"},
            {"clientId": "g", "type": "image-gen", "size": {"width": 5}, "id": "kept"},
        ],
        "edges": [{"source": "p", "sourceHandle": "text-out", "target": "g", "targetPort": "prompt-in"}],
    }
    workflow = read(document)
    assert workflow.profile is Profile.DIRECT
    assert workflow.nodes[1] == Node("g", "generate-image", extra=freeze({"size": {"width": 5}, "id": "kept"}))
    assert workflow.edges == (Edge("p", "g", source_port="text-out", target_port="prompt-in"),)
    written = DIRECT.write(workflow)
    assert written["dialect"] == "direct"
    assert written["nodes"][0] == {"clientId": "p", "type": "prompt"}
    assert read(written) == workflow


def test_no_dialect_key_in_the_builder_shape():
    assert "dialect" not in Workflow().to_dict()


@pytest.mark.parametrize("body", [None, [], "text", 5])
def test_a_body_that_is_no_object(body):
    assert faults_of(BUILDER.read_graph, body) == [("body", "must be an object")]
    assert faults_of(BUILDER.read_create, body) == [("body", "must be an object")]
    assert faults_of(BUILDER.read_update, body) == [("body", "must be an object")]
    assert faults_of(read, body) == [("body", "must be an object")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"nodes": 5, "edges": None}, [("nodes", "must be a list"), ("edges", "must be a list")]),
        ({}, [("nodes", "is required"), ("edges", "is required")]),
        (
            {"nodes": [5], "edges": ["x"]},
            [("nodes[0]", "must be an object"), ("edges[0]", "must be an object")],
        ),
        (
            {"nodes": [{"id": "", "type": 5}, {}], "edges": []},
            [
                ("nodes[0].id", "must not be empty"),
                ("nodes[0].type", "must be text"),
                ("nodes[1].id", "is required"),
                ("nodes[1].type", "is required"),
            ],
        ),
        (
            {"nodes": [], "edges": [{"source": 1, "to": None}]},
            [("edges[0].source", "must be text"), ("edges[0].to", "must be text")],
        ),
        ({"nodes": [], "edges": [{"source": "a"}]}, [("edges[0].target", "is required")]),
        (
            {"nodes": [node(data=[], position="x")], "edges": []},
            [("nodes[0].data", "must be an object"), ("nodes[0].position", "must be an object")],
        ),
        (
            {"nodes": [node(id="x" * 1025)], "edges": []},
            [("nodes[0].id", "must have at most 1,024 characters")],
        ),
        ({"nodes": [node(z=float("nan"))], "edges": []}, [("nodes[0].z", "must be a finite number")]),
        (
            {"nodes": [node(z=[0, "\ud800"])], "edges": []},
            [("nodes[0].z[1]", "must not contain lone surrogates")],
        ),
        (
            {"nodes": [node(z={"\ud800": 1})], "edges": []},
            [("nodes[0].z", "must not have keys with lone surrogates")],
        ),
        ({"nodes": [node(z={1: 1})], "edges": []}, [("nodes[0].z", "must have text keys only")]),
        ({"nodes": [node(z=object())], "edges": []}, [("nodes[0].z", "must be a JSON value")]),
    ],
)
def test_faults_of_the_graph(fields, expected):
    assert faults_of(BUILDER.read_graph, fields) == expected


@pytest.mark.parametrize(
    ("type_name", "data", "field"),
    [
        ("agent", {"name": 5}, "name"),
        ("agent", {"prompt": None}, "prompt"),
        ("agent", {"prompt": "x" * 1_000_001}, "prompt"),
        ("agent", {"model": []}, "model"),
        ("agent", {"tools": "web_search"}, "tools"),
        ("agent", {"tools": ["a", 5]}, "tools[1]"),
        ("agent", {"temperature": "hot"}, "temperature"),
        ("agent", {"temperature": True}, "temperature"),
        ("router", {"conditions": {}}, "conditions"),
        ("router", {"conditions": ["ok", 5]}, "conditions[1]"),
        ("router", {"conditions": [{"label": 1}]}, "conditions[0].label"),
        ("router", {"conditions": [{"pattern": "x" * 2001}]}, "conditions[0].pattern"),
        ("router", {"conditions": ["x" * 2001]}, "conditions[0]"),
        ("router", {"default": 1}, "default"),
        ("tool", {"tool_name": 5}, "tool_name"),
        ("tool", {"arguments": []}, "arguments"),
        ("human", {"timeout": "1h"}, "timeout"),
        ("human", {"timeout": False}, "timeout"),
        ("human", {"options": "yes"}, "options"),
        ("human", {"options": [None]}, "options[0]"),
        ("end", {"output": {}}, "output"),
    ],
)
def test_data_field_types(type_name, data, field):
    body = {"nodes": [{"id": "n", "type": type_name, "data": data}], "edges": []}
    assert [path for path, _ in faults_of(BUILDER.read_graph, body)] == [f"nodes[0].data.{field}"]
    body["nodes"][0]["type"] = "unknown"
    BUILDER.read_graph(body)


def test_depth_is_limited_so_that_nothing_can_overflow():
    deep = []
    for _ in range(MAX_DEPTH * 20):
        deep = [deep]
    [(field, error)] = faults_of(BUILDER.read_graph, {"nodes": [node(data={"x": deep})], "edges": []})
    assert field.startswith("nodes[0].data.x[0][0]")
    assert error == "must not be nested more than 100 levels deep"


def test_a_long_key_is_not_copied_for_every_value_below_it():
    values = {"k" * 1_000_000: [*range(20_000), float("inf")]}
    [(field, _)] = faults_of(BUILDER.read_graph, {"nodes": [node(data=values)], "edges": []})
    assert len(field) < 200


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("name", "", ("name", "must not be blank")),
        ("name", " \n", ("name", "must not be blank")),
        ("name", 5, ("name", "must be text")),
        ("name", "x" * 256, ("name", "must have at most 255 characters")),
        ("name", "\udfff", ("name", "must not contain lone surrogates")),
        ("nodes", [], ("nodes", "must not be empty")),
        ("description", None, ("description", "must be text")),
        ("description", "x" * 100_001, ("description", "must have at most 100,000 characters")),
        ("metadata", [], ("metadata", "must be an object")),
        ("metadata", {"tags": "a"}, ("metadata.tags", "must be a list")),
        ("metadata", {"tags": ["a", 5]}, ("metadata.tags[1]", "must be text")),
        ("metadata", {"tags": ["x" * 65]}, ("metadata.tags[0]", "must have at most 64 characters")),
        ("metadata", {"tags": ["x"] * 51}, ("metadata.tags", "must have at most 50 entries")),
        ("metadata", {"a": float("inf")}, ("metadata.a", "must be a finite number")),
        ("message", 5, ("message", "must be text")),
        ("draft", 1, ("draft", "must be true or false")),
    ],
)
def test_faults_beside_the_graph(name, value, expected):
    assert faults_of(BUILDER.read_create, {**SEED, name: value}) == [expected]
    assert faults_of(BUILDER.read_update, {name: value}) == [expected]


@pytest.mark.parametrize("name", ["name", "nodes", "edges"])
def test_creating_needs(name):
    body = {key: value for key, value in SEED.items() if key != name}
    assert faults_of(BUILDER.read_create, body) == [(name, "is required")]


def test_create_ignores_fields_a_client_may_not_set():
    workflow = BUILDER.read_create({**SEED, "id": "wf_mine", "version": 9, "draft": True, "message": "hi"})
    assert workflow == BUILDER.read(SEED)
    assert workflow.id is None


def test_update_takes_what_is_given():
    assert BUILDER.read_update({}) == {}
    assert BUILDER.read_update({"name": "x", "version": 3}) == {"name": "x"}
    assert BUILDER.read_update({"edges": []}) == {"edges": ()}
    assert BUILDER.read_update({"nodes": SEED["nodes"]}) == {"nodes": BUILDER.read(SEED).nodes}


@pytest.mark.parametrize(("name", "count"), [("nodes", 5_001), ("edges", 50_001)])
def test_too_many(name, count):
    with pytest.raises(TooLarge, match="at most"):
        BUILDER.read_graph({"nodes": [], "edges": [], name: [None] * count})


def test_unwrap():
    graph = {"nodes": [], "edges": []}
    assert unwrap({"workflow": graph}) == graph
    assert unwrap({"workflow": graph, "options": {"a": True}}) == {**graph, "options": {"a": True}}
    assert unwrap({**graph, "workflow": {}}) == {**graph, "workflow": {}}
    assert unwrap({"workflow": 5}) == {"workflow": 5}
    assert unwrap(None) is None


def test_check_options():
    faults = Faults()
    check_options({}, faults)
    check_options({"options": {"async_mode": "yes", "include_types": True}}, faults)
    check_options({"options": []}, faults)
    assert [fault["field"] for fault in faults.found] == ["options.async_mode", "options"]


def test_unknown_dialect():
    assert faults_of(read, {**SEED, "dialect": "other"}) == [("dialect", "must be one of builder, direct")]
    assert faults_of(read, {**SEED, "dialect": ["x"]}) == [("dialect", "must be one of builder, direct")]


class TestText:
    def test_moving_a_node_changes_one_line(self, tmp_path):
        workflow = BUILDER.read(SEED)
        moved = workflow.with_nodes([Node("start", "start", position=Position(7, 8.5)), *workflow.nodes[1:]])
        before = workflow.save(tmp_path / "a.json").read_text().splitlines()
        after = moved.save(tmp_path / "b.json").read_text().splitlines()
        assert [line for line in after if line not in before] == ['    "start": [7, 8.5]']
        assert len(before) == len(after)
        assert Workflow.load(tmp_path / "b.json") == moved

    def test_keys_are_sorted_and_it_is_plain_json(self, tmp_path):
        text = BUILDER.read(SEED).save(tmp_path / "a.json").read_text()
        document = json.loads(text)
        assert list(document) == ["description", "edges", "layout", "metadata", "name", "nodes"]
        assert document["layout"] == {"start": [100, 100], "agent": [300, 100], "end": [500, 100]}
        assert text.endswith("}\n")

    def test_both_forms_are_read(self):
        assert read_text(json.dumps(SEED)) == BUILDER.read(SEED)

    def test_positions_of_duplicate_ids_stay_inside(self, tmp_path):
        twins = Workflow(nodes=[Node("a", "x", position=Position(i, i)) for i in range(2)])
        path = twins.save(tmp_path / "a.json")
        assert "layout" not in json.loads(path.read_text())
        assert Workflow.load(path) == twins

    def test_a_nodes_own_position_wins_and_strangers_are_ignored(self):
        document = {**SEED, "layout": {"start": [1, 2], "gone": [3, 4]}}
        assert read_text(json.dumps(document)) == BUILDER.read(SEED)

    @pytest.mark.parametrize(
        ("layout", "field"),
        [([], "layout"), ({"a": [1]}, "layout.a"), ({"a": [1, "2"]}, "layout.a"), ({"a": 5}, "layout.a")],
    )
    def test_bad_layout(self, layout, field):
        assert [f for f, _ in faults_of(read_text, json.dumps({**SEED, "layout": layout}))] == [field]

    def test_bad_json_names_the_place(self):
        [(field, error)] = faults_of(read_text, '{\n  "name": oops}')
        assert field == "body"
        assert "line 2, column 11" in error

    @pytest.mark.parametrize("text", ["", "[" * 100_000, '{"a": NaN}', '{"a": ' + "9" * 5000 + "}"])
    def test_other_bad_json(self, text):
        assert [field for field, _ in faults_of(read_text, text)] == ["body"]

    def test_the_message_says_where_for_people(self):
        with pytest.raises(InvalidInput, match=r"Invalid workflow definition: nodes is required \(and 1 more\)"):
            Workflow.from_dict({})
