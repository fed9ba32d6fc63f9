"""Groups of nodes: a titled box behind its members, for people. Nothing that runs or is validated knows of them.

They lie in ``metadata.groups`` as ``{"id", "title", "nodes": [node ids]}``, which every dialect and file carries. A
node is in one group at most. Metadata is anybody's: what is not such an object is passed over and left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NamedTuple

from builder_jupyter.graph.dialects.faults import LIST, MAX_NAME, OBJECT, TEXT
from builder_jupyter.graph.model import FrozenDict, Workflow, freeze, thaw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder_jupyter.graph.drafting import Change, Draft, Reader

FIELD = "groups"
"""Its name in the metadata of a workflow."""


class Group(NamedTuple):
    """A group: ``nodes`` are the ids of members that are there, in their order, at least one."""

    id: str
    title: str
    nodes: tuple[str, ...]


def groups_of(workflow: Workflow) -> tuple[Group, ...]:
    """Return the groups of a workflow as they are drawn: a node counts for the first that names it. Linear."""
    free = {node.id for node in workflow.nodes}
    found = []
    known: set[str] = set()
    for raw in _listed(workflow.metadata):
        if not is_group(raw) or raw["id"] in known:
            continue
        members = tuple(dict.fromkeys(node_id for node_id in raw["nodes"] if node_id in free))
        if members:
            known.add(raw["id"])
            free.difference_update(members)
            found.append(Group(raw["id"], raw["title"], members))
    return tuple(found)


def is_group(raw: Any) -> bool:
    """Say whether a value of the metadata is a group."""
    return (
        isinstance(raw, Mapping)
        and all(isinstance(raw.get(name), str) and raw[name] for name in ("id", "title"))
        and isinstance(raw.get("nodes"), list | tuple)
        and all(isinstance(node_id, str) for node_id in raw["nodes"])
    )


def without_nodes(metadata: FrozenDict, gone: AbstractSet[str]) -> FrozenDict:
    """Return the metadata with nodes taken out of all groups; what has no member left goes, too."""
    kept = []
    for raw in _listed(metadata):
        if not is_group(raw) or gone.isdisjoint(raw["nodes"]):
            kept.append(raw)
        elif left := [node_id for node_id in raw["nodes"] if node_id not in gone]:
            kept.append({**raw, "nodes": left})
    return _with(metadata, kept)


def with_renamed(metadata: FrozenDict, old: str, new: str) -> FrozenDict:
    """Return the metadata with a member of groups under its new id."""
    kept = [
        {**raw, "nodes": [new if node_id == old else node_id for node_id in raw["nodes"]]} if is_group(raw) else raw
        for raw in _listed(metadata)
    ]
    return _with(metadata, kept)


def add_group(draft: Draft, given: Reader) -> Sequence[Change]:
    """Do ``add_group``: its members leave the groups in which they are."""
    before: FrozenDict = draft.field("metadata")
    if not isinstance(before.get(FIELD, ()), tuple):
        raise given.refuse("group", f"cannot be kept: metadata.{FIELD} holds something else")
    group = _group(given)
    metadata = without_nodes(before, set(group["nodes"]))
    listed = _listed(metadata)
    if any(is_group(raw) and raw["id"] == group["id"] for raw in listed):
        raise given.refuse("group.id", "is the id of another group")
    draft.fields["metadata"] = _with(metadata, [*listed, group])
    return _back(before)


def remove_group(draft: Draft, given: Reader) -> Sequence[Change]:
    """Do ``remove_group``: its members stay."""
    before: FrozenDict = draft.field("metadata")
    at = _which(before, given)
    listed = _listed(before)
    draft.fields["metadata"] = _with(before, [*listed[:at], *listed[at + 1 :]])
    return _back(before)


def replace_group(draft: Draft, given: Reader) -> Sequence[Change]:
    """Do ``replace_group``: another title, other members; it keeps its place and what else a client wrote there."""
    before: FrozenDict = draft.field("metadata")
    at = _which(before, given)
    group = _group(given)
    listed = _listed(before)
    if group["id"] != listed[at]["id"]:
        raise given.refuse("group.id", "must stay the same")
    members = set(group["nodes"])
    earlier, later = (_listed(without_nodes(_with(before, part), members)) for part in (listed[:at], listed[at + 1 :]))
    draft.fields["metadata"] = _with(before, [*earlier, {**listed[at], **group}, *later])
    return _back(before)


def _group(given: Reader) -> dict[str, Any]:
    """Read ``group``; every fault of it is noted."""
    raw = given.change.get("group")
    path = f"{given.path}.group"
    if not isinstance(raw, Mapping):
        raise given.refuse("group", OBJECT.error if "group" in given.change else "is required")
    given.faults.check_json(raw, path)
    for name in ("id", "title"):
        if given.faults.check(raw.get(name), TEXT, f"{path}.{name}"):
            given.faults.check_length(raw[name], MAX_NAME, f"{path}.{name}")
            if not raw[name].strip():
                given.faults.add(f"{path}.{name}", "must not be blank")
    if given.faults.check(raw.get("nodes"), LIST, f"{path}.nodes"):
        ids = {node.id for node in given.draft.nodes}
        if not raw["nodes"]:
            given.faults.add(f"{path}.nodes", "must not be empty")
        for i, node_id in enumerate(raw["nodes"]):
            if not isinstance(node_id, str) or node_id not in ids:
                given.faults.add(f"{path}.nodes[{i}]", "names no node of this workflow")
    given.raise_if_any()
    return {**thaw(raw), "nodes": list(dict.fromkeys(raw["nodes"]))}


def _which(metadata: FrozenDict, given: Reader) -> int:
    wanted = given.text("group_id")
    for at, raw in enumerate(_listed(metadata)):
        if is_group(raw) and raw["id"] == wanted:
            return at
    raise given.refuse("group_id", "names nothing in this workflow")


def _listed(metadata: Mapping[str, Any]) -> tuple[Any, ...]:
    raw = metadata.get(FIELD, ())
    return raw if isinstance(raw, tuple) else ()


def _with(metadata: FrozenDict, listed: Sequence[Any]) -> FrozenDict:
    """Return the metadata with other groups: the same object where they are the same, without the field for none."""
    frozen = freeze(list(listed))
    if frozen == _listed(metadata):
        return metadata
    others = {name: value for name, value in metadata.items() if name != FIELD}
    return FrozenDict({**others, FIELD: frozen} if frozen else others)


def _back(before: FrozenDict) -> Sequence[Change]:
    return ({"op": "set_workflow", "field": "metadata", "value": thaw(before)},)
