"""Look-up of node types by profile and name. The list of built-in types is in `nodes/__init__.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from functools import cache
from importlib.metadata import entry_points

from builder_jupyter.costs.prices import PUBLISHED, price_version
from builder_jupyter.errors import NotFound
from builder_jupyter.graph.model import Profile
from builder_jupyter.money import Credits
from builder_jupyter.nodes.base import NodeType

ENTRY_POINT_GROUP = "builder_jupyter.node_types"


class Registry:
    """Node types by (profile, type). The same word in two profiles may name two types; nothing is guessed."""

    def __init__(self, types: tuple[type[NodeType], ...] = ()) -> None:
        self.price_version = PUBLISHED
        self._types: dict[tuple[Profile, str], NodeType] = {}
        for node_type in types:
            self.add(node_type)

    def add(self, node_type: type[NodeType]) -> None:
        """Register a type under each of its profiles. `ValueError` when the place is taken."""
        instance = node_type()
        for profile in node_type.profiles:
            key = (profile, node_type.type)
            if key in self._types:
                raise ValueError(f"node type {node_type.type!r} is registered twice for profile {profile!r}")
            self._types[key] = instance

    def priced(self, prices: Mapping[str, Credits]) -> Registry:
        """Return a registry of the same types in which those named cost what is said, and the others what they did."""
        if not prices:
            return self
        other = Registry()
        other.price_version = price_version(prices)
        for key, node_type in self._types.items():
            other._types[key] = copy(node_type)
            other._types[key].credits = prices.get(node_type.type, node_type.credits)
        return other

    def find(self, profile: Profile, type_name: str) -> NodeType | None:
        """Return the type or None. Names are compared exactly: ``Start`` is not ``start``."""
        return self._types.get((profile, type_name))

    def get(self, profile: Profile, type_name: str) -> NodeType:
        """Return the type. Raises `NotFound` with ``code="UNKNOWN_NODE_TYPE"`` and the names there are."""
        found = self.find(profile, type_name)
        if found is None:
            raise NotFound(
                f"There is no node type {type_name!r} in {profile} workflows.",
                code="UNKNOWN_NODE_TYPE",
                hint=f"Known: {', '.join(sorted(t.type for t in self.of(profile)))}.",
            )
        return found

    def of(self, profile: Profile) -> Iterator[NodeType]:
        """Yield the types of one profile in registration order, which is palette order."""
        return (node_type for (owner, _), node_type in self._types.items() if owner == profile)


@cache
def default_registry() -> Registry:
    """Return the built-in types and those that installed packages offer through the entry-point group."""
    from builder_jupyter.nodes import BUILT_IN

    registry = Registry(BUILT_IN)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        registry.add(entry.load())
    return registry
