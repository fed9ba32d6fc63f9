"""A workflow while it is being changed, and the fields of one change: what the ops of `graph.edits` work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.dialects import dialect_of
from builder_jupyter.graph.dialects.faults import TEXT, Faults
from builder_jupyter.graph.model import Edge, Node, Workflow

Change = Mapping[str, Any]
"""One edit: ``op`` and its fields, all JSON-like."""


class Draft:
    """A workflow while it is being changed."""

    def __init__(self, workflow: Workflow) -> None:
        self.before = workflow
        self.nodes = list(workflow.nodes)
        self.edges = list(workflow.edges)
        self.fields: dict[str, Any] = {}
        self.dialect = dialect_of(workflow.profile)

    def workflow(self) -> Workflow:
        """Return the workflow as it is now."""
        return replace(self.before, nodes=tuple(self.nodes), edges=tuple(self.edges), **self.fields)

    def field(self, name: str) -> Any:
        """Return a field beside the graph as it is now."""
        return self.fields.get(name, getattr(self.before, name))

    def is_spoken_of(self, index: int) -> bool:
        """Say whether edges that name this node's id mean it: of several with one id they mean the first."""
        return next(i for i, node in enumerate(self.nodes) if node.id == self.nodes[index].id) == index

    def touching(self, node_id: str) -> list[int]:
        """Return the places of the edges that speak of a node."""
        return [i for i, edge in enumerate(self.edges) if node_id in (edge.source, edge.target)]


@dataclass(frozen=True, slots=True)
class Reader:
    """The fields of one change; what is wrong with them is noted."""

    change: Change
    path: str
    faults: Faults
    draft: Draft

    def refuse(self, field: str, error: str) -> InvalidInput:
        """Note what is wrong with a field and return the error to raise."""
        self.faults.add(f"{self.path}.{field}", error)
        return invalid(self.faults)

    def raise_if_any(self) -> None:
        """Refuse the change if something is wrong with it."""
        if self.faults.found:
            raise invalid(self.faults)

    def text(self, field: str) -> str:
        """Return a field that has to be a text."""
        if not isinstance(self.change.get(field), str) or not self.change[field]:
            raise self.refuse(field, TEXT.error if field in self.change else "is required")
        text: str = self.change[field]
        self.faults.check_json(text, f"{self.path}.{field}")
        return text

    def node(self) -> Node:
        """Return the node that is given."""
        found = self.draft.dialect.read_node(self.change.get("node"), f"{self.path}.node", self.faults)
        if found is None:
            raise invalid(self.faults)
        return found

    def edge(self) -> Edge:
        """Return the edge that is given."""
        found = self.draft.dialect.read_edge(self.change.get("edge"), f"{self.path}.edge", self.faults)
        if found is None:
            raise invalid(self.faults)
        return found

    def place(self, size: int) -> int:
        """Return where something is put in: ``index``, else behind everything."""
        return size if "index" not in self.change else self._index(size + 1)

    def which_node(self) -> int:
        """Return the place of the node that is meant."""
        return self._which("node_id", [node.id for node in self.draft.nodes])

    def which_edge(self) -> int:
        """Return the place of the edge that is meant."""
        return self._which("edge_id", [edge.id for edge in self.draft.edges])

    def _which(self, field: str, ids: list[Any]) -> int:
        if field not in self.change:
            return self._index(len(ids))
        wanted = self.text(field)
        if wanted not in ids:
            raise self.refuse(field, "names nothing in this workflow")
        return ids.index(wanted)

    def _index(self, size: int) -> int:
        index = self.change.get("index")
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < size:
            raise self.refuse("index", f"must be a whole number from 0 to {size - 1}" if size else "names nothing")
        return index


def invalid(faults: Faults) -> InvalidInput:
    """Return the error that says what is wrong with a change."""
    return InvalidInput("This edit cannot be made.", code="INVALID_EDIT", details=list(faults.found))
