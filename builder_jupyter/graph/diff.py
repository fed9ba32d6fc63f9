"""The difference of two workflows: which nodes and edges came, went and changed, field by field.

A node is the same node when it has the same id. An edge is the same edge when it joins the same ends; of several
between the same two, the one with the same id, else the one in the same place. Positions count as layout: a node that
was only moved is ``moved``, not changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from builder_jupyter.graph.model import Edge, Node, Workflow, canonical_json

LONGEST = 100
ABSENT = object()
MARKS = {"added": "+", "removed": "-", "changed": "~", "moved": ">"}


class Change(StrEnum):
    """What has become of a node or an edge."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that differs. ``path`` names it (``data.prompt``); a value that is not there is `ABSENT`."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{_printable(self.path)}: {_shown(self.before)} -> {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node on either side. ``node`` is the later one where there is one."""

    node: Node
    change: Change
    fields: tuple[FieldChange, ...] = ()

    def __str__(self) -> str:
        return f"node {_printable(self.node.id)} ({_printable(self.node.type)})"


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An edge on either side. ``edge`` is the later one where there is one."""

    edge: Edge
    change: Change
    fields: tuple[FieldChange, ...] = ()

    def __str__(self) -> str:
        arrow = f"-{_printable(self.edge.route_label)}->" if self.edge.route_label else "->"
        return f"edge {_printable(self.edge.source)} {arrow} {_printable(self.edge.target)}"


@dataclass(frozen=True, slots=True)
class WorkflowDiff:
    """What lies between two workflows. Its text has a line for each change; a notebook draws it, too.

    Parameters
    ----------
    before, after : what is compared; ``titles`` say what they are (``version 2``).
    nodes, edges : every node and edge of both sides, those that stayed the same too: the later ones in their order,
        then those that are gone.
    header : fields of the workflow itself: name, description, metadata.
    """

    before: Workflow
    after: Workflow
    nodes: tuple[NodeChange, ...]
    edges: tuple[EdgeChange, ...]
    header: tuple[FieldChange, ...]
    titles: tuple[str, str] = ("before", "after")

    @property
    def parts(self) -> tuple[NodeChange | EdgeChange, ...]:
        """The nodes, then the edges."""
        return (*self.nodes, *self.edges)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs, layout included."""
        same = all(one.change is Change.SAME for one in self.parts)
        return same and not self.header

    @property
    def counts(self) -> dict[str, int]:
        """How many nodes and edges were added, removed, changed and moved, by those words."""
        changes = [one.change for one in self.parts]
        return {change: changes.count(Change(change)) for change in MARKS}

    @property
    def union(self) -> Workflow:
        """The later workflow with what is gone still in it, for a picture."""
        nodes = tuple(one.node for one in self.nodes)
        return replace(self.after, nodes=nodes, edges=tuple(one.edge for one in self.edges))

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each thing that differs: ``+`` came, ``-`` went, ``~`` changed, ``>`` moved."""
        return tuple(_lines(self))

    def __str__(self) -> str:
        head = f"{self.titles[0]} -> {self.titles[1]}"
        return "\n".join([head, *(self.lines or ("  nothing differs",))])

    def __repr__(self) -> str:
        found = ", ".join(f"{count} {word}" for word, count in self.counts.items() if count) or "nothing"
        about = ", header" if self.header else ""
        return f"<WorkflowDiff of {self.after.name!r}, {self.titles[0]} to {self.titles[1]}: {found}{about}>"


def diff_workflows(before: Workflow, after: Workflow, *, titles: tuple[str, str] = ("before", "after")) -> WorkflowDiff:
    """Compare two workflows. Linear in their size."""
    return WorkflowDiff(
        before, after, tuple(_nodes(before, after)), tuple(_edges(before, after)), tuple(_header(before, after)), titles
    )


def _nodes(before: Workflow, after: Workflow) -> Iterator[NodeChange]:
    old, new = before.nodes_by_id, after.nodes_by_id
    for node_id, node in new.items():
        earlier = old.get(node_id)
        if earlier is None:
            yield NodeChange(node, Change.ADDED)
            continue
        fields = tuple(_differences(_content(earlier), _content(node)))
        moved = Change.SAME if earlier.position == node.position else Change.MOVED
        yield NodeChange(node, Change.CHANGED if fields else moved, fields)
    yield from (NodeChange(node, Change.REMOVED) for node_id, node in old.items() if node_id not in new)


def _content(node: Node) -> dict[str, Any]:
    """Return what a node says beside where it is drawn."""
    return {"type": node.type, "data": node.data} | {
        name: item for name, item in node.extra.items() if name != "position"
    }


def _edges(before: Workflow, after: Workflow) -> Iterator[EdgeChange]:
    pairs, gone = _paired(before.edges, after.edges)
    for earlier, edge in pairs:
        if earlier is None:
            yield EdgeChange(edge, Change.ADDED)
        else:
            fields = tuple(_differences(_wire(earlier), _wire(edge)))
            yield EdgeChange(edge, Change.CHANGED if fields else Change.SAME, fields)
    yield from (EdgeChange(edge, Change.REMOVED) for edge in gone)


def _paired(old: tuple[Edge, ...], new: tuple[Edge, ...]) -> tuple[list[tuple[Edge | None, Edge]], list[Edge]]:
    """Return each later edge with the earlier one that it was, and the earlier ones that are left over.

    Between the same ends, those that are equal come first, then those with the same id, then the others in order.
    """
    left: dict[tuple[str, str], list[Edge]] = {}
    for edge in old:
        left.setdefault((edge.source, edge.target), []).append(edge)
    found: dict[int, Edge] = {}
    for is_same in (_are_equal, _have_one_id, _join_the_same):
        for index, edge in enumerate(new):
            rivals = left.get((edge.source, edge.target), [])
            match = None if index in found else next((one for one in rivals if is_same(one, edge)), None)
            if match is not None:
                found[index] = match
                rivals.remove(match)
    pairs = [(found.get(index), edge) for index, edge in enumerate(new)]
    return pairs, [edge for rivals in left.values() for edge in rivals]


def _are_equal(one: Edge, other: Edge) -> bool:
    return one == other


def _have_one_id(one: Edge, other: Edge) -> bool:
    return one.id is not None and one.id == other.id


def _join_the_same(_one: Edge, _other: Edge) -> bool:
    return True


def _wire(edge: Edge) -> dict[str, Any]:
    fields = ("id", "label", "source_port", "target_port", "condition")
    given = {name: getattr(edge, name) for name in fields if getattr(edge, name) is not None}
    return given | dict(edge.extra)


def _header(before: Workflow, after: Workflow) -> Iterator[FieldChange]:
    for name in ("name", "description"):
        one, other = getattr(before, name), getattr(after, name)
        if one != other:
            yield FieldChange(name, one, other)
    yield from _differences(before.metadata, after.metadata, "metadata")


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[FieldChange]:
    """Yield the fields that differ, into objects; lists are compared whole."""
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name, ABSENT), after.get(name, ABSENT)
        place = f"{path}.{name}" if path else name
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differences(one, other, place)
        elif one != other or type(one) is not type(other):  # to Python, 1 is True
            yield FieldChange(place, one, other)


def _lines(diff: WorkflowDiff) -> Iterator[str]:
    yield from (f"~ {field}" for field in diff.header)
    for one in diff.parts:
        if one.change is not Change.SAME:
            yield f"{MARKS[one.change]} {one}"
            yield from (f"    {field}" for field in one.fields)


def _shown(value: Any) -> str:
    """Return a value on one line, cut where it is long."""
    if value is ABSENT:
        return "(none)"
    text = _printable(canonical_json(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _printable(text: str) -> str:
    """Return a text that steers no terminal and stays on its line."""
    return text if text.isprintable() else ascii(text)[1:-1]
