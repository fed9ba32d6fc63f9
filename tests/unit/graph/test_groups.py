import json
from dataclasses import replace

import pytest

from builder_jupyter.codegen.generate import generate
from builder_jupyter.codegen.reading import read_code
from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.dialects import read_text, write_text
from builder_jupyter.graph.dialects.plain import parse_plain, write_plain
from builder_jupyter.graph.edits import apply, perform
from builder_jupyter.graph.groups import Group, groups_of
from builder_jupyter.graph.history import History
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow, freeze

FOREIGN = {"id": "", "title": 7}
BASE = Workflow(
    name="w",
    nodes=[
        Node("start", "start"),
        *(Node(one, "agent", freeze({"prompt": "p"})) for one in "abcd"),
        Node("end", "end"),
    ],
    edges=[Edge("start", "a"), Edge("a", "b"), Edge("b", "c"), Edge("c", "d"), Edge("d", "end")],
    metadata=freeze({"tags": ["t"], "groups": [{"id": "g", "title": "First", "nodes": ["a", "b"], "own": 1}, FOREIGN]}),
)


def made(*changes, workflow=BASE):
    """Make changes that went through JSON, and check that taking them back gives the same workflow again."""
    done = perform(workflow, json.loads(json.dumps(changes)))
    assert apply(done.workflow, json.loads(json.dumps(done.inverse))) == workflow
    return done.workflow


def group(group_id, title, *nodes):
    return {"id": group_id, "title": title, "nodes": list(nodes)}


def test_groups_of_a_workflow_are_what_can_be_drawn():
    listed = [
        group("g", "One", "a", "nobody", "a"),
        group("g", "Same id", "b"),
        group("h", "Takes what is left", "a", "c"),
        group("i", "Without members"),
        *(FOREIGN, 3, {"id": "x", "title": "t", "nodes": "abc"}, {"id": "x", "title": "t", "nodes": [1]}),
    ]
    found = groups_of(replace(BASE, metadata=freeze({"groups": listed})))
    assert found == (Group("g", "One", ("a",)), Group("h", "Takes what is left", ("c",)))
    assert groups_of(replace(BASE, metadata=freeze({"groups": {"admins": ["a"]}}))) == ()


def test_a_group_is_added_and_its_members_leave_the_ones_they_were_in():
    found = made({"op": "add_group", "group": group("h", "Second", "b", "c", "b")})
    assert groups_of(found) == (Group("g", "First", ("a",)), Group("h", "Second", ("b", "c")))
    assert found.metadata["groups"][0]["own"] == 1
    assert freeze(FOREIGN) in found.metadata["groups"]
    assert found.metadata["tags"] == ("t",)


def test_a_group_whose_members_all_leave_is_gone():
    found = made({"op": "add_group", "group": group("h", "All", "a", "b", "c")})
    assert groups_of(found) == (Group("h", "All", ("a", "b", "c")),)


def test_a_group_is_taken_away_and_its_nodes_stay():
    found = made({"op": "remove_group", "group_id": "g"})
    assert (groups_of(found), found.nodes, found.edges) == ((), BASE.nodes, BASE.edges)


def test_a_group_gets_another_title_and_keeps_what_a_client_wrote():
    found = made({"op": "replace_group", "group_id": "g", "group": group("g", "Better", "b", "d")})
    assert groups_of(found) == (Group("g", "Better", ("b", "d")),)
    assert found.metadata["groups"][0]["own"] == 1


def test_a_group_that_grows_over_others_keeps_its_place():
    three = made(
        {"op": "add_group", "group": group("h", "Second", "c")}, {"op": "add_group", "group": group("i", "Third", "d")}
    )
    change = {"op": "replace_group", "group_id": "i", "group": group("i", "Third", "a", "b", "d")}
    assert [one.id for one in groups_of(made(change, workflow=three))] == ["h", "i"]


def test_members_follow_what_becomes_of_their_nodes():
    renamed = made({"op": "rename_node", "node_id": "a", "to": "first"})
    assert groups_of(renamed) == (Group("g", "First", ("first", "b")),)
    smaller = made({"op": "remove_node", "node_id": "a"})
    assert groups_of(smaller) == (Group("g", "First", ("b",)),)
    gone = made({"op": "remove_node", "node_id": "a"}, {"op": "remove_node", "node_id": "b"})
    assert gone.metadata == freeze({"tags": ["t"], "groups": [FOREIGN]})


def test_a_later_node_of_the_same_id_is_no_member():
    gone = made({"op": "remove_node", "node_id": "a"})
    again = made({"op": "add_node", "node": {"id": "a", "type": "agent"}}, workflow=gone)
    assert groups_of(again) == (Group("g", "First", ("b",)),)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"op": "add_group"}, "group"),
        ({"op": "add_group", "group": []}, "group"),
        ({"op": "add_group", "group": group("g", "Same id", "c")}, "group.id"),
        ({"op": "add_group", "group": group("", "t", "c")}, "group.id"),
        ({"op": "add_group", "group": group("h", " ", "c")}, "group.title"),
        ({"op": "add_group", "group": group("h", "x" * 300, "c")}, "group.title"),
        ({"op": "add_group", "group": group("h", "t")}, "group.nodes"),
        ({"op": "add_group", "group": group("h", "t", "c", "nobody")}, "group.nodes[1]"),
        ({"op": "add_group", "group": group("h", "t", 7)}, "group.nodes[0]"),
        ({"op": "remove_group", "group_id": "h"}, "group_id"),
        ({"op": "remove_group"}, "group_id"),
        ({"op": "replace_group", "group_id": "g", "group": group("h", "t", "c")}, "group.id"),
    ],
)
def test_a_refused_change_says_what_is_wrong(change, field):
    with pytest.raises(InvalidInput) as caught:
        perform(BASE, [change])
    assert caught.value.code == "INVALID_EDIT"
    assert [fault["field"] for fault in caught.value.details] == [f"changes[0].{field}"]


def test_metadata_of_another_meaning_is_left_alone():
    other = replace(BASE, metadata=freeze({"groups": {"admins": ["a"]}}))
    with pytest.raises(InvalidInput) as caught:
        perform(other, [{"op": "add_group", "group": group("h", "t", "a")}])
    assert "something else" in caught.value.details[0]["error"]
    assert made({"op": "remove_node", "node_id": "a"}, workflow=other).metadata == other.metadata


@pytest.mark.parametrize("profile", Profile)
def test_groups_survive_the_file(profile):
    workflow = replace(BASE, profile=profile)
    assert groups_of(read_text(write_text(workflow))) == groups_of(workflow) != ()
    assert groups_of(Workflow.from_dict(workflow.to_dict())) == groups_of(workflow)


def test_groups_survive_the_text_form_and_generated_code():
    assert groups_of(parse_plain(write_plain(BASE), name=BASE.name)) == groups_of(BASE)
    assert groups_of(read_code(generate(BASE).code).workflow) == groups_of(BASE)


def test_grouping_is_one_step_of_undo():
    history = History(BASE)
    history.do("Group", apply(BASE, [{"op": "add_group", "group": group("h", "t", "c", "d")}]))
    assert [one.id for one in groups_of(history.workflow)] == ["g", "h"]
    assert history.undo() == BASE


def test_another_workflow_in_its_place():
    other = {"name": "earlier", "nodes": [{"id": "start", "type": "start"}], "edges": [], "metadata": {"a": 1}}
    found = made({"op": "put_workflow", "workflow": other})
    assert found == Workflow("earlier", [Node("start", "start")], metadata=freeze({"a": 1}))


@pytest.mark.parametrize(
    ("workflow", "field"),
    [
        (None, "workflow"),
        ({"nodes": [], "edges": [], "dialect": "direct"}, "workflow.dialect"),
        ({"nodes": [{"type": "start"}], "edges": []}, "workflow.nodes[0].id"),
        ({"nodes": [], "edges": [], "name": ""}, "workflow.name"),
    ],
)
def test_what_cannot_stand_in_its_place(workflow, field):
    with pytest.raises(InvalidInput) as caught:
        perform(BASE, [{"op": "put_workflow", "workflow": workflow}])
    assert [fault["field"] for fault in caught.value.details] == [f"changes[0].{field}"]
