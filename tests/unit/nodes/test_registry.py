"""Where node types are looked up."""

import importlib.metadata

import pytest

from builder_jupyter.errors import NotFound
from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes import BUILT_IN, registry
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.nodes.registry import ENTRY_POINT_GROUP, Registry


class Mine(NodeType):
    type = title = description = "mine"
    profiles = frozenset({Profile.BUILDER, Profile.DIRECT})


def test_a_type_is_found_under_each_of_its_profiles():
    known = Registry((Mine,))
    assert known.get(Profile.BUILDER, "mine") is known.get(Profile.DIRECT, "mine")
    assert [node_type.type for node_type in known.of(Profile.DIRECT)] == ["mine"]


def test_an_unknown_type_is_refused_with_those_there_are():
    known = Registry(BUILT_IN)
    assert known.find(Profile.BUILDER, "Start") is None
    everything = "agent, end, human, map, python, router, start, tool, wait, workflow"
    with pytest.raises(NotFound, match=everything) as refused:
        known.get(Profile.BUILDER, "Start")
    assert refused.value.code == "UNKNOWN_NODE_TYPE"
    with pytest.raises(NotFound):
        known.get(Profile.DIRECT, "agent")


def test_a_place_is_given_once():
    known = Registry((Mine,))
    with pytest.raises(ValueError, match="mine"):
        known.add(Mine)


def test_installed_packages_add_types(monkeypatch):
    def entry_points(group):
        assert group == ENTRY_POINT_GROUP
        return [importlib.metadata.EntryPoint("mine", f"{__name__}:Mine", group)]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    registry.default_registry.cache_clear()
    try:
        assert isinstance(registry.default_registry().get(Profile.BUILDER, "mine"), NodeType)
    finally:
        registry.default_registry.cache_clear()


@pytest.mark.parametrize("node_type", BUILT_IN)
def test_a_built_in_type_says_what_it_is(node_type):
    assert node_type.title
    assert node_type.description.endswith(".")
    assert node_type.timeout_seconds is None or node_type.timeout_seconds > 0
    assert node_type.Data.model_validate({"something": "else"}), "data of a client's own is kept"
    does = {name for name in ("decide", "run") if getattr(node_type, name) is not getattr(NodeType, name)}
    assert len(does) == node_type.executes
