"""Edits of a workflow as data: what a fix proposes, what a canvas does, what its undo takes back.

A change is a JSON object with ``op`` and the fields of that op (`OPS`). A node or edge is named by its id or, where ids
do not tell them apart, by ``index``, its place in the list at the time of the change. Nodes and edges stand in the
wire shape of the workflow's own dialect, so that a browser and a file can hold changes too.

============== ============================================== ====================================================
op             fields                                         does
============== ============================================== ====================================================
add_node       node, index?                                   puts a node in at a place, else last
remove_node    node_id or index, edges?                       takes a node away and, unless ``edges`` is false, the
                                                              edges that speak of it
replace_node   node_id or index, node                         puts another node in its place; edges stay as they are
rename_node    node_id or index, to                           gives it an unused id; edges that speak of it follow
move_node      node_id or index, position                     to ``{"x", "y"}``; null takes the position away
set_data       node_id or index, field, value?                sets one field of its data; without value removes it
add_edge       edge, index?                                   puts an edge in at a place, else last
remove_edge    edge_id or index                               takes an edge away
replace_edge   edge_id or index, edge                         puts another edge in its place
set_workflow   field, value                                   sets ``name``, ``description`` or ``metadata``
============== ============================================== ====================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.dialects import dialect_of
from builder_jupyter.graph.dialects.faults import OBJECT, TEXT, Faults
from builder_jupyter.graph.dialects.header import read_header
from builder_jupyter.graph.dialects.wire import point
from builder_jupyter.graph.model import Edge, FrozenDict, Node, Workflow, thaw

if TYPE_CHECKING:
    from collections.abc import Iterable

Change = Mapping[str, Any]
"""One edit: ``op`` and its fields, all JSON-like."""


class Performed(NamedTuple):
    """A workflow after some changes, and the changes that lead back: performed on it, they give the old one exactly."""

    workflow: Workflow
    inverse: tuple[Change, ...]


def apply(workflow: Workflow, changes: Iterable[Change]) -> Workflow:
    """Return the workflow with the changes made, in their order. Raises as `perform`."""
    return perform(workflow, changes).workflow


def perform(workflow: Workflow, changes: Iterable[Change]) -> Performed:
    """Make changes in their order, all or none, and say how to take them back.

    Time is linear in the nodes and edges for each change at most.

    Raises
    ------
    InvalidInput : ``INVALID_EDIT``; ``details`` names what is wrong with the first change that cannot be made, such as
        ``changes[2].node.id``.
    """
    draft = _Draft(workflow)
    inverses: list[Sequence[Change]] = []
    for i, change in enumerate(changes):
        inverses.append(_make(draft, change, f"changes[{i}]"))
    return Performed(draft.workflow(), tuple(step for steps in reversed(inverses) for step in steps))


class _Draft:
    """A workflow while it is being changed."""

    def __init__(self, workflow: Workflow) -> None:
        self.before = workflow
        self.nodes = list(workflow.nodes)
        self.edges = list(workflow.edges)
        self.fields: dict[str, Any] = {}
        self.dialect = dialect_of(workflow.profile)

    def workflow(self) -> Workflow:
        return replace(self.before, nodes=tuple(self.nodes), edges=tuple(self.edges), **self.fields)

    def field(self, name: str) -> Any:
        return self.fields.get(name, getattr(self.before, name))

    def is_spoken_of(self, index: int) -> bool:
        """Say whether edges that name this node's id mean it: of several with one id they mean the first."""
        return next(i for i, node in enumerate(self.nodes) if node.id == self.nodes[index].id) == index

    def touching(self, node_id: str) -> list[int]:
        return [i for i, edge in enumerate(self.edges) if node_id in (edge.source, edge.target)]


@dataclass(frozen=True, slots=True)
class _Reader:
    """The fields of one change; what is wrong with them is noted."""

    change: Change
    path: str
    faults: Faults
    draft: _Draft

    def refuse(self, field: str, error: str) -> InvalidInput:
        self.faults.add(f"{self.path}.{field}", error)
        return _invalid(self.faults)

    def text(self, field: str) -> str:
        if not isinstance(self.change.get(field), str) or not self.change[field]:
            raise self.refuse(field, TEXT.error if field in self.change else "is required")
        text: str = self.change[field]
        self.faults.check_json(text, f"{self.path}.{field}")
        return text

    def node(self) -> Node:
        found = self.draft.dialect.read_node(self.change.get("node"), f"{self.path}.node", self.faults)
        if found is None:
            raise _invalid(self.faults)
        return found

    def edge(self) -> Edge:
        found = self.draft.dialect.read_edge(self.change.get("edge"), f"{self.path}.edge", self.faults)
        if found is None:
            raise _invalid(self.faults)
        return found

    def place(self, size: int) -> int:
        """Return where something is put in: ``index``, else behind everything."""
        return size if "index" not in self.change else self._index(size + 1)

    def which_node(self) -> int:
        return self._which("node_id", [node.id for node in self.draft.nodes])

    def which_edge(self) -> int:
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


def _make(draft: _Draft, change: Any, path: str) -> Sequence[Change]:
    faults = Faults()
    if not faults.check(change, OBJECT, path):
        raise _invalid(faults)
    reader = _Reader(change, path, faults, draft)
    op = OPS.get(str(change.get("op")))
    if op is None:
        raise reader.refuse("op", f"must be one of {', '.join(OPS)}")
    inverse = op(draft, reader)
    if faults.found:
        raise _invalid(faults)
    return inverse


def _invalid(faults: Faults) -> InvalidInput:
    return InvalidInput("This edit cannot be made.", code="INVALID_EDIT", details=list(faults.found))


def _add_node(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index = given.place(len(draft.nodes))
    draft.nodes.insert(index, given.node())
    # Not remove_node: that would take edges along that were there before the node.
    return ({"op": "remove_node", "index": index, "edges": False},)


def _remove_node(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index = given.which_node()
    node = draft.nodes[index]
    takes_edges = given.change.get("edges", True) and sum(other.id == node.id for other in draft.nodes) == 1
    gone = draft.touching(node.id) if takes_edges else []
    back: list[Change] = [{"op": "add_node", "index": index, "node": draft.dialect.write_node(node)}]
    back += ({"op": "add_edge", "index": i, "edge": draft.dialect.write_edge(draft.edges[i])} for i in gone)
    del draft.nodes[index]
    left = set(gone)
    draft.edges = [edge for i, edge in enumerate(draft.edges) if i not in left]
    return back


def _replace_node(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index = given.which_node()
    return (_put_node(draft, index, given.node()),)


def _rename_node(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index, to = given.which_node(), given.text("to")
    node = draft.nodes[index]
    if to == node.id:
        return ()
    if any(other.id == to for other in draft.nodes):
        raise given.refuse("to", "is the id of another node")
    written = {**draft.dialect.write_node(node), draft.dialect.node_id[0]: to}
    renamed = draft.dialect.read_node(written, given.path, given.faults)
    if renamed is None:
        raise _invalid(given.faults)
    back: list[Change] = []
    if draft.is_spoken_of(index):
        for i in draft.touching(node.id):
            back.append({"op": "replace_edge", "index": i, "edge": draft.dialect.write_edge(draft.edges[i])})
            source, target = (to if end == node.id else end for end in (draft.edges[i].source, draft.edges[i].target))
            draft.edges[i] = replace(draft.edges[i], source=source, target=target)
    return (*back, _put_node(draft, index, renamed))


def _move_node(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index = given.which_node()
    raw = given.change.get("position", ...)
    place = point(raw["x"], raw["y"]) if isinstance(raw, Mapping) and {"x", "y"} <= raw.keys() else None
    if raw is not None and place is None:
        raise given.refuse("position", 'must be {"x", "y"} of two numbers, or null')
    given.faults.check_json(raw, f"{given.path}.position")
    node = draft.nodes[index]
    extra = FrozenDict({name: value for name, value in node.extra.items() if name != "position"})
    return (_put_node(draft, index, replace(node, position=place, extra=extra)),)


def _set_data(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index, field = given.which_node(), given.text("field")
    node = draft.nodes[index]
    data = {name: value for name, value in node.data.items() if name != field or "value" in given.change}
    if "value" in given.change:
        data[field] = given.change["value"]
    path = f"{given.path}.data"
    if given.faults.check_json(data, path):
        draft.dialect.check_data(node.type, data, path, given.faults)
    if given.faults.found:
        raise _invalid(given.faults)
    back: dict[str, Any] = {"op": "set_data", "index": index, "field": field}
    if field in node.data:
        back["value"] = thaw(node.data[field])
    draft.nodes[index] = replace(node, data=FrozenDict(data))
    return (back,)


def _add_edge(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index = given.place(len(draft.edges))
    draft.edges.insert(index, given.edge())
    return ({"op": "remove_edge", "index": index},)


def _remove_edge(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index = given.which_edge()
    edge = draft.edges.pop(index)
    return ({"op": "add_edge", "index": index, "edge": draft.dialect.write_edge(edge)},)


def _replace_edge(draft: _Draft, given: _Reader) -> Sequence[Change]:
    index = given.which_edge()
    back = {"op": "replace_edge", "index": index, "edge": draft.dialect.write_edge(draft.edges[index])}
    draft.edges[index] = given.edge()
    return (back,)


def _set_workflow(draft: _Draft, given: _Reader) -> Sequence[Change]:
    field = given.text("field")
    if field not in ("name", "description", "metadata"):
        raise given.refuse("field", "must be name, description or metadata")
    if "value" not in given.change:
        raise given.refuse("value", "is required")
    header = Faults()
    fields = read_header({field: given.change["value"]}, header)
    for fault in header.found:
        given.faults.add(f"{given.path}.value", f"{fault['field']} {fault['error']}")
    before = draft.field(field)
    draft.fields.update(fields)
    return ({"op": "set_workflow", "field": field, "value": thaw(before)},)


def _put_node(draft: _Draft, index: int, node: Node) -> Change:
    back = {"op": "replace_node", "index": index, "node": draft.dialect.write_node(draft.nodes[index])}
    draft.nodes[index] = node
    return back


OPS: Mapping[str, Callable[[_Draft, _Reader], Sequence[Change]]] = {
    "add_node": _add_node,
    "remove_node": _remove_node,
    "replace_node": _replace_node,
    "rename_node": _rename_node,
    "move_node": _move_node,
    "set_data": _set_data,
    "add_edge": _add_edge,
    "remove_edge": _remove_edge,
    "replace_edge": _replace_edge,
    "set_workflow": _set_workflow,
}
"""What each op does to a draft; it returns the changes that take it back."""
