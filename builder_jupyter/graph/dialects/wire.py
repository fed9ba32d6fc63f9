"""Wire JSON <-> `Workflow`, driven by the table of names that a dialect is.

Lossless both ways. What the core cannot hold in its own fields (an explicit ``"data": {}``, a position that
is not two numbers, a label that is null) stays verbatim in ``extra`` under its wire name, and writing fills
in from ``extra`` only keys it has not written itself. Hence ``write(read(doc)) == doc`` for a document that
uses canonical names, and ``read(write(wf)) == wf`` for a workflow whose ``extra`` does not shadow a field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder_jupyter.errors import TooLarge
from builder_jupyter.graph.dialects.faults import (
    LIST,
    MAX_EDGES,
    MAX_NODE_ID,
    MAX_NODES,
    OBJECT,
    TEXT,
    Faults,
)
from builder_jupyter.graph.dialects.header import read_header
from builder_jupyter.graph.model import Edge, Node, Position, Profile, Workflow, freeze, thaw

DataCheck = Callable[[str, Mapping[str, Any], str, Faults], None]


def _no_check(_type: str, _data: Mapping[str, Any], _path: str, _faults: Faults) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Dialect:
    """A wire shape.

    Parameters
    ----------
    node_id : wire names of a node's id: the canonical one, then aliases that are understood.
    edge : wire names, likewise, by attribute of `Edge`; the order is the order of writing.
    type_aliases : old or short type names and what they stand for.
    check_data : called with (type, data, path, faults) for each node with data.
    tagged : whether documents carry ``"dialect": <profile>``.
    """

    profile: Profile
    node_id: tuple[str, ...]
    edge: Mapping[str, tuple[str, ...]]
    type_aliases: Mapping[str, str] = field(default_factory=dict)
    check_data: DataCheck = _no_check
    tagged: bool = False

    def write(self, workflow: Workflow) -> dict[str, Any]:
        """Return the document of a workflow: plain dicts and lists, canonical names, ints still ints."""
        document: dict[str, Any] = {
            "name": workflow.name,
            "description": workflow.description,
            "nodes": [self.write_node(node) for node in workflow.nodes],
            "edges": [self.write_edge(edge) for edge in workflow.edges],
            "metadata": thaw(workflow.metadata),
        }
        if self.tagged:
            document["dialect"] = str(self.profile)
        return document

    def write_node(self, node: Node) -> dict[str, Any]:
        """Return one node's JSON object."""
        wire: dict[str, Any] = {self.node_id[0]: node.id, "type": node.type}
        if node.position is not None:
            wire["position"] = {"x": node.position.x, "y": node.position.y}
        if node.data:
            wire["data"] = thaw(node.data)
        return _with_extra(wire, node.extra)

    def write_edge(self, edge: Edge) -> dict[str, Any]:
        """Return one edge's JSON object."""
        texts = ((names[0], getattr(edge, attribute)) for attribute, names in self.edge.items())
        return _with_extra({name: text for name, text in texts if text is not None}, edge.extra)

    def read(self, document: Any) -> Workflow:
        """Read a workflow: nodes and edges are required and may be empty, the rest may be absent.

        Raises
        ------
        InvalidInput : ``code="INVALID_WORKFLOW"``, all faults in ``details``.
        TooLarge : more than 5,000 nodes or 50,000 edges.
        """
        faults = Faults()
        nodes, edges = self.graph(document, faults)
        fields = read_header(document, faults)
        faults.raise_if_any()
        return Workflow(nodes=nodes, edges=edges, profile=self.profile, **fields)

    def read_graph(self, body: Any) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
        """Read nodes and edges only, as ``/validate`` takes them; ``nodes: []`` is fine. Raises as `read`."""
        faults = Faults()
        graph = self.graph(body, faults)
        faults.raise_if_any()
        return graph

    def read_create(self, body: Any) -> Workflow:
        """Read the body that creates a workflow; name and nodes are required. Raises as `read`."""
        faults = Faults()
        nodes, edges = self.graph(body, faults, allow_empty=False)
        fields = read_header(body, faults, name_required=True)
        faults.raise_if_any()
        return Workflow(nodes=nodes, edges=edges, profile=self.profile, **fields)

    def read_update(self, body: Any) -> dict[str, Any]:
        """Read the body that changes a workflow, as fields for ``dataclasses.replace``. Raises as `read`."""
        faults = Faults()
        changes: dict[str, Any] = {}
        if faults.check(body, OBJECT, "body"):
            given = {name: body[name] for name in ("nodes", "edges") if name in body}
            graph = self.graph({"nodes": (), "edges": (), **given}, faults, allow_empty="nodes" not in given)
            changes = {name: items for name, items in zip(("nodes", "edges"), graph, strict=True) if name in given}
            changes.update(read_header(body, faults))
        faults.raise_if_any()
        return changes

    def graph(
        self, body: Any, faults: Faults, *, allow_empty: bool = True
    ) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
        """Read nodes and edges, noting faults; what has one is left out of the answer.

        Raises
        ------
        TooLarge : more than 5,000 nodes or 50,000 edges. Source: spec langgraph-builder §12.
        """
        if not isinstance(body, Mapping):
            faults.add("body", OBJECT.error)
            return (), ()
        raw_nodes = _items(body, "nodes", MAX_NODES, faults)
        raw_edges = _items(body, "edges", MAX_EDGES, faults)
        if raw_nodes is not None and not raw_nodes and not allow_empty:
            faults.add("nodes", "must not be empty")
        nodes = (self.read_node(raw, f"nodes[{i}]", faults) for i, raw in enumerate(raw_nodes or ()))
        edges = (self.read_edge(raw, f"edges[{i}]", faults) for i, raw in enumerate(raw_edges or ()))
        return tuple(n for n in nodes if n is not None), tuple(e for e in edges if e is not None)

    def read_node(self, raw: Any, path: str, faults: Faults) -> Node | None:
        """Read one node; None when it has a fault, which is noted."""
        if not faults.check(raw, OBJECT, path):
            return None
        before = len(faults.found)
        faults.check_json(raw, path)
        extra = dict(raw)
        node_id = _take_required(extra, self.node_id, path, faults)
        faults.check_length(node_id, MAX_NODE_ID, f"{path}.{self.node_id[0]}")
        type_name = _take_required(extra, ("type",), path, faults)
        data = _take_data(extra, path, faults)
        self.check_data(type_name, data, f"{path}.data", faults)
        position = _take_position(extra, path, faults)
        if len(faults.found) > before:
            return None
        type_name = self.type_aliases.get(type_name, type_name)
        return Node(node_id, type_name, freeze(data), position, freeze(extra))

    def read_edge(self, raw: Any, path: str, faults: Faults) -> Edge | None:
        """Read one edge; None when it has a fault, which is noted."""
        if not faults.check(raw, OBJECT, path):
            return None
        before = len(faults.found)
        faults.check_json(raw, path)
        extra = dict(raw)
        values = {attribute: _take_text(extra, names) for attribute, names in self.edge.items()}
        for end in ("source", "target"):
            if values[end] is None:
                name = next((name for name in self.edge[end] if name in raw), None)
                faults.add(f"{path}.{name or end}", "is required" if name is None else TEXT.error)
        if len(faults.found) > before:
            return None
        return Edge(**values, extra=freeze(extra))  # type: ignore[arg-type]


def _with_extra(wire: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    wire.update((name, thaw(value)) for name, value in extra.items() if name not in wire)
    return wire


def _items(body: Mapping[str, Any], name: str, limit: int, faults: Faults) -> Any:
    if name not in body:
        faults.add(name, "is required")
        return None
    items = body[name]
    if not faults.check(items, LIST, name):
        return None
    if len(items) > limit:
        raise TooLarge(f"A workflow has at most {limit:,} {name}; this one has {len(items):,}.")
    return items


def _take_text(extra: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """Take the text under the first name that is present; a value that is no text stays where it is."""
    for name in names:
        if name in extra:
            return extra.pop(name) if isinstance(extra[name], str) else None
    return None


def _take_required(extra: dict[str, Any], names: tuple[str, ...], path: str, faults: Faults) -> str:
    """Take a text that must be there and not be empty; note a fault and return ``""`` otherwise."""
    given = next((name for name in names if name in extra), None)
    text = _take_text(extra, names)
    if not text:
        error = "is required" if given is None else TEXT.error if text is None else "must not be empty"
        faults.add(f"{path}.{given or names[0]}", error)
    return text or ""


def _take_data(extra: dict[str, Any], path: str, faults: Faults) -> Mapping[str, Any]:
    if "data" not in extra or not faults.check(extra["data"], OBJECT, f"{path}.data") or not extra["data"]:
        return {}
    data: Mapping[str, Any] = extra.pop("data")
    return data


def _take_position(extra: dict[str, Any], path: str, faults: Faults) -> Position | None:
    if "position" not in extra or not faults.check(extra["position"], OBJECT, f"{path}.position"):
        return None
    raw = extra["position"]
    if raw.keys() != {"x", "y"}:
        return None
    position = point(raw["x"], raw["y"])
    if position is not None:
        del extra["position"]
    return position


def point(x: Any, y: Any) -> Position | None:
    """Return the position of two numbers, or None when one is no number."""
    numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in (x, y))
    return Position(x, y) if numbers else None
