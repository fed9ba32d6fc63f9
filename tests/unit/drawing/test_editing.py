"""A workflow that is being drawn, and the undoing of it."""

from __future__ import annotations

import pytest

from builder_jupyter.drawing.catalogue import catalogue
from builder_jupyter.drawing.editing import Editing
from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.model import Profile, Workflow
from builder_jupyter.nodes.registry import default_registry

FLOW = Workflow.from_dict({
    "name": "flow",
    "nodes": [{"id": "start", "type": "start"}, {"id": "a", "type": "agent"}, {"id": "end", "type": "end"}],
    "edges": [{"source": "start", "target": "a"}, {"source": "a", "target": "end"}],
})  # fmt: skip
NEW = {"op": "add_node", "node": {"id": "b", "type": "agent", "position": {"x": 5, "y": 900}}}


def places(document):
    return {node["id"]: (node["x"], node["y"]) for node in document["nodes"]}


def test_nothing_jumps_when_a_node_is_put_in():
    editing = Editing(FLOW)
    before = places(editing.document())
    editing.edit("Add agent", [NEW, {"op": "add_edge", "edge": {"source": "start", "target": "b"}}])
    after = editing.document()
    assert places(after) == {**before, "b": (5, 900)}
    assert (after["undoes"], after["redoes"], after["version"]) == ("Add agent", None, 2)
    editing.undo()
    assert editing.workflow == FLOW
    assert editing.document()["redoes"] == "Add agent"
    editing.redo()
    assert "b" in editing.workflow.nodes_by_id


def test_what_is_no_matter_of_places_stores_none():
    editing = Editing(FLOW)
    editing.edit("Prompt", [{"op": "set_data", "node_id": "a", "field": "prompt", "value": "Be kind."}])
    assert editing.workflow.node("a").data["prompt"] == "Be kind."
    assert all(node.position is None for node in editing.workflow.nodes)


def test_what_cannot_be_done_changes_nothing():
    editing = Editing(FLOW)
    with pytest.raises(InvalidInput) as caught:
        editing.edit("Both", [NEW, {"op": "remove_node", "node_id": "missing"}])
    assert caught.value.code == "INVALID_EDIT"
    with pytest.raises(InvalidInput, match="layered"):
        editing.arrange("by chance")
    assert editing.workflow is FLOW
    assert editing.document()["undoes"] is None


def test_arranging_is_one_step():
    editing = Editing(FLOW)
    editing.edit("Move", [{"op": "move_node", "node_id": "a", "position": {"x": -500, "y": -500}}])
    editing.arrange("layered")
    tidy = places(editing.document())
    assert tidy == places(Editing(FLOW).document())
    editing.arrange("grid")
    assert places(editing.document())["a"] == (350, 100)
    editing.undo()
    editing.undo()
    assert places(editing.document())["a"] == (-500, -500)


def test_cells_and_mice_share_one_line():
    editing = Editing(FLOW)
    editing.edit("Add agent", [NEW])
    editing.replace(FLOW)
    editing.undo()
    assert "b" in editing.workflow.nodes_by_id
    editing.undo()
    assert editing.workflow == FLOW


def test_a_palette_knows_every_type():
    found = {kind["type"]: kind for kind in catalogue(default_registry(), Profile.BUILDER)}
    assert {"start", "agent", "router", "tool", "human", "end"} <= found.keys()
    assert found["start"]["is_trigger"]
    assert found["agent"]["schema"]["properties"]["prompt"]["type"] == "string"
    assert next(iter(found["agent"]["schema"]["properties"])) == "name"
    assert {kind["type"] for kind in catalogue(default_registry(), Profile.DIRECT)} >= {"prompt", "text-gen"}
