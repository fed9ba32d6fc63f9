"""The names that expressions can read."""

from __future__ import annotations

from builder_jupyter.drawing.catalogue import catalogue
from builder_jupyter.drawing.document import canvas_document
from builder_jupyter.drawing.names import state_names
from builder_jupyter.graph.model import Node, Profile, Workflow
from builder_jupyter.nodes.registry import default_registry

NODES = (
    Node("start", "start"),
    Node("route", "router"),
    Node("Look Up", "tool", {"arguments": {"q": "{{state.topic}}"}}),
    Node("ask", "human", {"name": "Your say"}),
    Node("agent", "agent"),
    Node("pause", "wait", {"for": "timer", "seconds": 1}),
    Node("call", "wait", {"for": "callback"}),
    Node("end", "end", {"output": "state.results.look_up"}),
)


def test_results_are_those_that_are_left_by_the_name_they_have() -> None:
    names = state_names(Workflow("w", NODES))
    assert names["results"] == {"Look Up": "look_up", "ask": "your_say", "call": "call"}


def test_inputs_are_those_declared_else_those_read() -> None:
    assert state_names(Workflow("w", NODES))["inputs"] == ["message", "topic"]
    start = Node("start", "start", {"inputs": ["b", {"name": "a"}]})
    assert state_names(Workflow("w", (start, *NODES[1:])))["inputs"] == ["a", "b"]


def test_the_document_has_them() -> None:
    workflow = Workflow("w", NODES)
    assert canvas_document(workflow)["names"] == state_names(workflow)
    canvas = Workflow("w", (Node("t", "prompt"),), (), profile=Profile.DIRECT)
    assert canvas_document(canvas)["names"] == {"inputs": [], "results": {}}


def test_every_field_of_a_form_has_a_title() -> None:
    for profile in (Profile.BUILDER, Profile.DIRECT):
        for kind in catalogue(default_registry(), profile):
            for name, about in kind["schema"]["properties"].items():
                assert about.get("title"), (kind["type"], name)
                assert name == "name" or about.get("description") or kind["type"] == "text-gen", (kind["type"], name)


def test_the_forms_know_what_to_ask() -> None:
    fields = {kind["type"]: kind["schema"]["properties"] for kind in catalogue(default_registry(), Profile.BUILDER)}
    assert fields["agent"]["prompt"]["x-form"] == "prompt"
    assert (fields["agent"]["temperature"]["minimum"], fields["agent"]["temperature"]["maximum"]) == (0, 2)
    assert fields["python"]["code"]["x-form"] == "code"
    assert fields["tool"]["arguments"] | {"x-form": "pairs", "x-suggest": "template"} == fields["tool"]["arguments"]
    assert fields["human"]["schema"]["type"] == "object"
