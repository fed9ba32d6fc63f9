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
add_group      group                                          ``{"id", "title", "nodes"}``: draws a box around nodes,
                                                              which leave the groups they are in
remove_group   group_id                                       takes the box away; its nodes stay
replace_group  group_id, group                                gives it another title or other nodes
put_workflow   workflow                                       puts another workflow of the same dialect in its place,
                                                              such as an earlier version
============== ============================================== ====================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from builder_jupyter.graph.dialects.faults import OBJECT, Faults
from builder_jupyter.graph.dialects.header import read_header
from builder_jupyter.graph.dialects.wire import point
from builder_jupyter.graph.drafting import Change, Draft, Reader, invalid
from builder_jupyter.graph.groups import add_group, remove_group, replace_group, with_renamed, without_nodes
from builder_jupyter.graph.model import FrozenDict, Node, Profile, Workflow, freeze, thaw

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["OPS", "Change", "Performed", "apply", "perform"]


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
    draft = Draft(workflow)
    inverses: list[Sequence[Change]] = []
    for i, change in enumerate(changes):
        inverses.append(_make(draft, change, f"changes[{i}]"))
    inverses.append(_leave_groups(draft))
    return Performed(draft.workflow(), tuple(step for steps in reversed(inverses) for step in steps))


def _make(draft: Draft, change: Any, path: str) -> Sequence[Change]:
    faults = Faults()
    if not faults.check(change, OBJECT, path):
        raise invalid(faults)
    reader = Reader(change, path, faults, draft)
    op = OPS.get(str(change.get("op")))
    if op is None:
        raise reader.refuse("op", f"must be one of {', '.join(OPS)}")
    inverse = op(draft, reader)
    if faults.found:
        raise invalid(faults)
    return inverse


def _leave_groups(draft: Draft) -> Sequence[Change]:
    """Take nodes that are gone out of their groups: once for all changes, as each may name thousands."""
    metadata: FrozenDict = draft.field("metadata")
    gone = {node.id for node in draft.before.nodes} - {node.id for node in draft.nodes}
    left = without_nodes(metadata, gone) if gone else metadata
    if left is metadata:
        return ()
    draft.fields["metadata"] = left
    return ({"op": "set_workflow", "field": "metadata", "value": thaw(metadata)},)


def _add_node(draft: Draft, given: Reader) -> Sequence[Change]:
    index = given.place(len(draft.nodes))
    draft.nodes.insert(index, given.node())
    # Not remove_node: that would take edges along that were there before the node.
    return ({"op": "remove_node", "index": index, "edges": False},)


def _remove_node(draft: Draft, given: Reader) -> Sequence[Change]:
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


def _replace_node(draft: Draft, given: Reader) -> Sequence[Change]:
    index = given.which_node()
    return (_put_node(draft, index, given.node()),)


def _rename_node(draft: Draft, given: Reader) -> Sequence[Change]:
    index, to = given.which_node(), given.text("to")
    node = draft.nodes[index]
    if to == node.id:
        return ()
    if any(other.id == to for other in draft.nodes):
        raise given.refuse("to", "is the id of another node")
    written = {**draft.dialect.write_node(node), draft.dialect.node_id[0]: to}
    renamed = draft.dialect.read_node(written, given.path, given.faults)
    if renamed is None:
        raise invalid(given.faults)
    back: list[Change] = []
    if draft.is_spoken_of(index):
        for i in draft.touching(node.id):
            back.append({"op": "replace_edge", "index": i, "edge": draft.dialect.write_edge(draft.edges[i])})
            source, target = (to if end == node.id else end for end in (draft.edges[i].source, draft.edges[i].target))
            draft.edges[i] = replace(draft.edges[i], source=source, target=target)
        metadata: FrozenDict = draft.field("metadata")
        draft.fields["metadata"] = with_renamed(metadata, node.id, to)
        if draft.fields["metadata"] is not metadata:
            back.append({"op": "set_workflow", "field": "metadata", "value": thaw(metadata)})
    return (*back, _put_node(draft, index, renamed))


def _move_node(draft: Draft, given: Reader) -> Sequence[Change]:
    index = given.which_node()
    raw = given.change.get("position", ...)
    place = point(raw["x"], raw["y"]) if isinstance(raw, Mapping) and {"x", "y"} <= raw.keys() else None
    if raw is not None and place is None:
        raise given.refuse("position", 'must be {"x", "y"} of two numbers, or null')
    given.faults.check_json(raw, f"{given.path}.position")
    node = draft.nodes[index]
    extra = FrozenDict({name: value for name, value in node.extra.items() if name != "position"})
    return (_put_node(draft, index, replace(node, position=place, extra=extra)),)


def _set_data(draft: Draft, given: Reader) -> Sequence[Change]:
    index, field = given.which_node(), given.text("field")
    node = draft.nodes[index]
    data = {name: value for name, value in node.data.items() if name != field or "value" in given.change}
    if "value" in given.change:
        data[field] = given.change["value"]
    path = f"{given.path}.data"
    if given.faults.check_json(data, path):
        draft.dialect.check_data(node.type, data, path, given.faults)
    if given.faults.found:
        raise invalid(given.faults)
    back: dict[str, Any] = {"op": "set_data", "index": index, "field": field}
    if field in node.data:
        back["value"] = thaw(node.data[field])
    draft.nodes[index] = replace(node, data=FrozenDict(data))
    return (back,)


def _add_edge(draft: Draft, given: Reader) -> Sequence[Change]:
    index = given.place(len(draft.edges))
    draft.edges.insert(index, given.edge())
    return ({"op": "remove_edge", "index": index},)


def _remove_edge(draft: Draft, given: Reader) -> Sequence[Change]:
    index = given.which_edge()
    edge = draft.edges.pop(index)
    return ({"op": "add_edge", "index": index, "edge": draft.dialect.write_edge(edge)},)


def _replace_edge(draft: Draft, given: Reader) -> Sequence[Change]:
    index = given.which_edge()
    back = {"op": "replace_edge", "index": index, "edge": draft.dialect.write_edge(draft.edges[index])}
    draft.edges[index] = given.edge()
    return (back,)


def _set_workflow(draft: Draft, given: Reader) -> Sequence[Change]:
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
    draft.fields.update(freeze(fields))
    return ({"op": "set_workflow", "field": field, "value": thaw(before)},)


def _put_workflow(draft: Draft, given: Reader) -> Sequence[Change]:
    raw = given.change.get("workflow")
    path = f"{given.path}.workflow"
    if not (isinstance(raw, Mapping) and given.faults.check(raw, OBJECT, path)):
        raise given.refuse("workflow", "must be an object")
    profile = draft.before.profile
    if raw.get("dialect", Profile.BUILDER) != profile:
        raise given.refuse("workflow.dialect", f"must be {profile}, as that of the workflow that is edited")
    inside = Faults()
    nodes, edges = draft.dialect.graph(raw, inside)
    fields = read_header(raw, inside)
    for fault in inside.found:
        given.faults.add(f"{path}.{fault['field']}", fault["error"])
    given.raise_if_any()
    before = draft.dialect.write(draft.workflow())
    draft.nodes, draft.edges = list(nodes), list(edges)
    whole = replace(Workflow(), **fields)
    draft.fields.update(name=whole.name, description=whole.description, metadata=whole.metadata)
    return ({"op": "put_workflow", "workflow": before},)


def _put_node(draft: Draft, index: int, node: Node) -> Change:
    back = {"op": "replace_node", "index": index, "node": draft.dialect.write_node(draft.nodes[index])}
    draft.nodes[index] = node
    return back


OPS: Mapping[str, Callable[[Draft, Reader], Sequence[Change]]] = {
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
    "add_group": add_group,
    "remove_group": remove_group,
    "replace_group": replace_group,
    "put_workflow": _put_workflow,
}
"""What each op does to a draft; it returns the changes that take it back."""
