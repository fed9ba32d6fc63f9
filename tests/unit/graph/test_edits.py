import json

import pytest

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.edits import OPS, apply, perform
from builder_jupyter.graph.model import Edge, Node, Position, Profile, Workflow, freeze

WORKFLOW = Workflow(
    name="w",
    nodes=[
        Node("start", "start", position=Position(1, 2)),
        Node("a", "agent", freeze({"prompt": "p", "tools": ["x"]})),
        Node("a", "tool"),
        Node("end", "end"),
    ],
    edges=[Edge("start", "a", id="e1", label="go"), Edge("a", "end"), Edge("a", "a", id="e1")],
    metadata=freeze({"tags": ["t"]}),
)


def ids(workflow):
    return [node.id for node in workflow.nodes]


def pairs(workflow):
    return [(edge.source, edge.target) for edge in workflow.edges]


def made(*changes):
    """Make changes that went through JSON, and check that taking them back gives the same workflow again."""
    done = perform(WORKFLOW, json.loads(json.dumps(changes)))
    assert apply(done.workflow, json.loads(json.dumps(done.inverse))) == WORKFLOW
    return done.workflow


def test_add_node():
    assert ids(made({"op": "add_node", "node": {"id": "b", "type": "tool"}})) == ["start", "a", "a", "end", "b"]
    found = made({"op": "add_node", "index": 0, "node": {"id": "b", "type": "tool", "data": {"x": 1}, "own": 2}})
    assert found.nodes[0] == Node("b", "tool", freeze({"x": 1}), extra=freeze({"own": 2}))


def test_adding_a_node_that_edges_name_already_can_be_taken_back():
    dangling = Workflow(nodes=WORKFLOW.nodes, edges=[Edge("start", "b")])
    done = perform(dangling, [{"op": "add_node", "node": {"id": "b", "type": "tool"}}])
    assert apply(done.workflow, done.inverse) == dangling


def test_remove_node_takes_its_edges_along():
    found = made({"op": "remove_node", "node_id": "end"})
    assert (ids(found), pairs(found)) == (["start", "a", "a"], [("start", "a"), ("a", "a")])


def test_remove_node_leaves_the_edges_to_another_of_its_id():
    found = made({"op": "remove_node", "index": 2})
    assert (ids(found), found.edges) == (["start", "a", "end"], WORKFLOW.edges)


def test_replace_node():
    found = made(
        {"op": "replace_node", "node_id": "end", "node": {"id": "end", "type": "end", "data": {"output": "x"}}}
    )
    assert found.node("end").data == {"output": "x"}


def test_rename_node_and_what_edges_say():
    found = made({"op": "rename_node", "node_id": "a", "to": "b"})
    assert ids(found) == ["start", "b", "a", "end"]
    assert pairs(found) == [("start", "b"), ("b", "end"), ("b", "b")]
    assert made({"op": "rename_node", "index": 2, "to": "b"}).edges == WORKFLOW.edges
    assert made({"op": "rename_node", "index": 2, "to": "a"}) == WORKFLOW


def test_move_node():
    assert made({"op": "move_node", "node_id": "end", "position": {"x": 5, "y": 6.5}}).nodes[3].position == Position(
        5, 6.5
    )
    assert made({"op": "move_node", "node_id": "start", "position": None}).nodes[0].position is None


def test_set_data():
    assert made({"op": "set_data", "node_id": "a", "field": "prompt", "value": "q"}).nodes[1].data["prompt"] == "q"
    assert made({"op": "set_data", "node_id": "a", "field": "prompt"}).nodes[1].data == {"tools": ("x",)}
    assert made({"op": "set_data", "index": 2, "field": "tool_name", "value": "x"}).nodes[2].data == {"tool_name": "x"}
    assert made({"op": "set_data", "index": 2, "field": "gone"}) == WORKFLOW


def test_edges():
    assert pairs(made({"op": "add_edge", "edge": {"source": "a", "target": "end"}}))[-1] == ("a", "end")
    assert pairs(made({"op": "add_edge", "index": 0, "edge": {"from": "a", "to": "b"}}))[0] == ("a", "b")
    assert made({"op": "remove_edge", "edge_id": "e1"}).edges == WORKFLOW.edges[1:]
    assert made({"op": "remove_edge", "index": 1}).edges == (WORKFLOW.edges[0], WORKFLOW.edges[2])
    found = made({"op": "replace_edge", "index": 1, "edge": {"source": "a", "target": "x", "label": "l"}})
    assert found.edges[1] == Edge("a", "x", label="l")


def test_set_workflow():
    found = made(
        {"op": "set_workflow", "field": "name", "value": "v"},
        {"op": "set_workflow", "field": "description", "value": "d"},
        {"op": "set_workflow", "field": "metadata", "value": {"tags": []}},
        {"op": "set_workflow", "field": "name", "value": "u"},
    )
    assert (found.name, found.description, found.metadata) == ("u", "d", {"tags": ()})


def test_changes_are_made_in_their_order():
    found = made(
        {"op": "add_node", "node": {"id": "b", "type": "tool"}},
        {"op": "add_edge", "edge": {"source": "a", "target": "b"}},
        {"op": "rename_node", "node_id": "b", "to": "c"},
        {"op": "remove_node", "node_id": "start"},
    )
    assert (ids(found), pairs(found)) == (["a", "a", "end", "c"], [("a", "end"), ("a", "a"), ("a", "c")])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (5, "changes[0]"),
        ({}, "changes[0].op"),
        ({"op": "drop_node"}, "changes[0].op"),
        ({"op": "add_node"}, "changes[0].node"),
        ({"op": "add_node", "node": {"type": "x"}}, "changes[0].node.id"),
        (
            {"op": "add_node", "node": {"id": "n", "type": "agent", "data": {"prompt": 5}}},
            "changes[0].node.data.prompt",
        ),
        ({"op": "add_node", "node": {"id": "n", "type": "x"}, "index": 5}, "changes[0].index"),
        ({"op": "remove_node", "node_id": "gone"}, "changes[0].node_id"),
        ({"op": "remove_node", "node_id": 5}, "changes[0].node_id"),
        ({"op": "remove_node", "index": True}, "changes[0].index"),
        ({"op": "remove_node", "index": -1}, "changes[0].index"),
        ({"op": "remove_node"}, "changes[0].index"),
        ({"op": "replace_node", "node_id": "a", "node": 5}, "changes[0].node"),
        ({"op": "rename_node", "node_id": "end", "to": "a"}, "changes[0].to"),
        ({"op": "rename_node", "node_id": "end", "to": ""}, "changes[0].to"),
        ({"op": "rename_node", "node_id": "end", "to": "\ud800"}, "changes[0].to"),
        ({"op": "move_node", "node_id": "a"}, "changes[0].position"),
        ({"op": "move_node", "node_id": "a", "position": {"x": "1", "y": 2}}, "changes[0].position"),
        ({"op": "move_node", "node_id": "a", "position": {"x": float("nan"), "y": 2}}, "changes[0].position.x"),
        ({"op": "set_data", "node_id": "a", "value": 1}, "changes[0].field"),
        ({"op": "set_data", "node_id": "a", "field": "prompt", "value": 1}, "changes[0].data.prompt"),
        ({"op": "set_data", "node_id": "a", "field": "x", "value": object()}, "changes[0].data.x"),
        ({"op": "add_edge", "edge": {"source": "a"}}, "changes[0].edge.target"),
        ({"op": "remove_edge", "edge_id": "e9"}, "changes[0].edge_id"),
        ({"op": "remove_edge", "index": 3}, "changes[0].index"),
        ({"op": "replace_edge", "index": 0, "edge": []}, "changes[0].edge"),
        ({"op": "set_workflow", "field": "id", "value": "x"}, "changes[0].field"),
        ({"op": "set_workflow", "field": "name"}, "changes[0].value"),
        ({"op": "set_workflow", "field": "name", "value": " "}, "changes[0].value"),
    ],
)
def test_what_cannot_be_made(change, field):
    with pytest.raises(InvalidInput) as caught:
        apply(WORKFLOW, [change])
    assert caught.value.code == "INVALID_EDIT"
    assert field in [fault["field"] for fault in caught.value.details]


def test_canvases_are_edited_in_their_own_shape():
    canvas = Workflow(nodes=[Node("p", "prompt")], profile=Profile.DIRECT)
    done = perform(canvas, [{"op": "rename_node", "node_id": "p", "to": "q"}])
    assert done.workflow.nodes == (Node("q", "prompt"),)
    assert done.inverse[0]["node"] == {"clientId": "p", "type": "prompt"}
    assert apply(done.workflow, done.inverse) == canvas


def test_every_op_is_documented():
    import builder_jupyter.graph.edits as module

    rows = [line.split()[0] for line in module.__doc__.splitlines() if "_" in line[:14]]
    assert rows == list(OPS)
