"""Fixes that change which nodes and edges there are.

Each is safe by construction: what it would take for it to bring an error of its own (a loop, a node that is not
reached) is excluded before it is offered, and where that cannot be told cheaply nothing is offered. Added edges lead
into end nodes or out of the start wherever possible, since neither can close a loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder_jupyter.graph.algorithms import strongly_connected
from builder_jupyter.graph.dialects.faults import MAX_NODES
from builder_jupyter.graph.model import Profile
from builder_jupyter.validation.endless import DECISIONS, endless_loops
from builder_jupyter.validation.finding import Fix

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from builder_jupyter.graph.edits import Change
    from builder_jupyter.graph.model import Edge
    from builder_jupyter.validation.facts import Facts

MAX_ENDS = 3
"""With more end nodes it is not clear which one is meant."""

MAX_BRANCHES = 20
"""With more branches that stop it is not clear which of them an end belongs to."""

MAX_COPIES = 1_000
"""Edges that one fix may add for nodes which get an id of their own."""

MAX_WALK = 1_000
"""Nodes that are looked at to tell whether an edge would close a loop."""


def add_start(facts: Facts) -> Iterator[Fix]:
    """Add a start before everything that nothing leads to, and an end's way in if it has none."""
    if not may_be_started(facts) or len(facts.workflow.nodes) >= MAX_NODES:
        return
    node_id = "start" if "start" not in facts.nodes else facts.fresh_id("start")
    named = {edge.target for edge in facts.workflow.edges if edge.source == node_id}
    apart = [i for i in facts.ids_of_type("end") if i not in facts.connected and i not in named]
    stopping = [i for i in facts.nodes if not facts.successors[i] and facts.nodes[i].type != "end"]
    if len(apart) > 1:
        return
    entries = [i for i in _entries(facts, named) if not (stopping and i in apart)]
    changes: list[Change] = [{"op": "add_node", "index": 0, "node": {facts.id_name: node_id, "type": "start"}}]
    changes += (_joined(node_id, entry) for entry in entries)
    changes += (_joined(last, end) for end in apart for last in stopping)
    before = listed([*entries, *(i for i in facts.nodes if i in named)])
    yield Fix(f"Add a start node before {before}" if before else "Add a start node", tuple(changes))


def may_be_started(facts: Facts) -> bool:
    """Say whether everything could be led to from one start without a loop that never stops."""
    return next(endless_loops(facts, facts.nodes), None) is None


def add_end(facts: Facts) -> Iterator[Fix]:
    """Add an end behind every node whose branch stops."""
    node_id = "end" if "end" not in facts.nodes else facts.fresh_id("end")
    named = {edge.source for edge in facts.workflow.edges if edge.target == node_id}
    running = facts.reached if facts.has_start else facts.nodes
    last = [i for i in facts.nodes if i in running and not facts.successors[i] and i not in named]
    if not (last or named.intersection(running)) or len(facts.workflow.nodes) >= MAX_NODES:
        return
    changes: list[Change] = [{"op": "add_node", "node": {facts.id_name: node_id, "type": "end"}}]
    changes += (_joined(source, node_id) for source in last)
    behind = listed([i for i in facts.nodes if i in named or i in last])
    yield Fix(f"Add an end node after {behind}", tuple(changes))


def merge_starts(facts: Facts) -> Iterator[Fix]:
    """Keep the first start and let it lead to what the others lead to."""
    standing = facts.ids_of_type("start")
    others = set(standing[1:])
    if not standing or any(node.id in others and node.type != "start" for node in facts.workflow.nodes):
        return
    kept = standing[0]
    stays = facts.indices[kept][0]
    changes: list[Change] = []
    for edge in facts.usable_edges:
        if edge.source in others:
            wire = {**facts.dialect.write_edge(edge), "source": kept}
            changes.append({"op": "replace_edge", **facts.which_edge(edge), "edge": wire})
    places = [i for i, node in enumerate(facts.workflow.nodes) if node.type == "start" and i != stays]
    changes += ({"op": "remove_node", "index": i} for i in reversed(places))
    yield Fix(f"Keep {kept!r} and let it lead to what the other start nodes lead to", tuple(changes))


def join_orphan(facts: Facts, node_id: str) -> Iterator[Fix]:
    """Put a node between the start and what follows, or remove it."""
    if facts.is_shared(node_id):
        return
    starts, ends = facts.ids_of_type("start"), facts.ids_of_type("end")
    if len(starts) == 1 and _is_first_of_its_part(facts, node_id) and _leads_to_no_loop(facts, node_id):
        changes = [_joined(starts[0], node_id)]
        title = f"Connect {starts[0]!r} to {node_id!r}"
        if not facts.successors[node_id] and len(ends) == 1:
            changes.append(_joined(node_id, ends[0]))
            title = f"Connect {node_id!r} between {starts[0]!r} and {ends[0]!r}"
        yield Fix(title, tuple(changes))
    yield Fix(f"Remove {node_id!r}", ({"op": "remove_node", "node_id": node_id},))


def reach_end(facts: Facts, node_id: str) -> Iterator[Fix]:
    """Lead the branches that stop to an end, or remove it when there is another."""
    last = facts.stopping
    if 0 < len(last) <= MAX_BRANCHES:
        yield Fix(f"Connect {listed(last)} to {node_id!r}", tuple(_joined(source, node_id) for source in last))
    if not facts.is_shared(node_id) and len(facts.ids_of_type("end")) > 1:
        yield Fix(f"Remove {node_id!r}", ({"op": "remove_node", "node_id": node_id},))


def open_loop(facts: Facts, group: Sequence[str]) -> Iterator[Fix]:
    """Remove an edge from a node to itself, where that alone is the loop; which edge of a longer one is too many,
    only its author knows."""
    [node_id, *more] = group
    if more or facts.nodes[node_id].type in DECISIONS:
        return
    edges = [edge for edge in facts.outgoing[node_id] if edge.target == node_id]
    yield Fix(f"Remove the edge from {node_id!r} to itself", _without(facts, edges))


def tell_apart(facts: Facts, node_id: str) -> Iterator[Fix]:
    """Remove copies of a node, or give the later nodes ids of their own and connect them as the first is."""
    nodes = facts.workflow.nodes
    first, later = facts.nodes[node_id], facts.indices[node_id][1:]
    if all((nodes[i].type, nodes[i].data) == (first.type, first.data) for i in later):
        copies = "the copy" if len(later) == 1 else f"the {len(later)} copies"
        yield Fix(f"Remove {copies} of {node_id!r}", tuple({"op": "remove_node", "index": i} for i in reversed(later)))
    ways_in = _ways_in(facts, node_id)
    on_canvas = facts.workflow.profile is Profile.DIRECT
    if not on_canvas and (not ways_in or any(nodes[i].type == "start" for i in later)):
        return  # it would be connected to nothing
    if len(later) * (len(ways_in) + len(facts.outgoing[node_id])) > MAX_COPIES:
        return
    changes: list[Change] = []
    taken: list[str] = []
    for i in later:
        new_id = facts.fresh_id(node_id, taken)
        taken.append(new_id)
        changes.append({"op": "rename_node", "index": i, "to": new_id})
        if on_canvas:
            continue
        copied = [{**facts.dialect.write_edge(edge), "target": new_id} for edge in ways_in]
        if nodes[i].type == first.type and node_id not in facts.looping:
            copied += ({**facts.dialect.write_edge(edge), "source": new_id} for edge in facts.outgoing[node_id])
        changes += ({"op": "add_edge", "edge": {k: v for k, v in edge.items() if k != "id"}} for edge in copied)
    how = "" if on_canvas else f", connected as {node_id!r} is"
    which = "the second" if len(later) == 1 else "the later ones"
    yield Fix(f"Rename {which} to {listed(taken)}{how}", tuple(changes))


def mend_edge(facts: Facts, edge: Edge) -> Iterator[Fix]:
    """Let an edge that names a missing node name the one that is meant, or remove it."""
    source, target = (i if i in facts.nodes else facts.node_ids.closest(i) for i in (edge.source, edge.target))
    if source is not None and target is not None and _may_join(facts, edge, source, target):
        wire = {**facts.dialect.write_edge(edge), "source": source, "target": target}
        change = {"op": "replace_edge", **facts.which_edge(edge), "edge": wire}
        yield Fix(f"Lead the edge from {source!r} to {target!r}", (change,))
    yield from remove_edge(facts, edge)


def remove_edge(facts: Facts, edge: Edge) -> Iterator[Fix]:
    """Remove an edge."""
    yield Fix(f"Remove the edge from {edge.source!r} to {edge.target!r}", _without(facts, [edge]))


def end_branch(facts: Facts, node_id: str) -> Iterator[Fix]:
    """Lead a branch that stops to an end."""
    ends = facts.ids_of_type("end")
    for end in ends if len(ends) <= MAX_ENDS else ():
        yield Fix(f"Connect {node_id!r} to {end!r}", (_joined(node_id, end),))


def listed(ids: Sequence[str]) -> str:
    """Return ids as a sentence has them; of more than five their number."""
    if len(ids) > 5:
        return f"{len(ids)} nodes"
    shown = [repr(node_id) for node_id in ids]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _joined(source: str, target: str) -> dict[str, Any]:
    return {"op": "add_edge", "edge": {"source": source, "target": target}}


def _without(facts: Facts, edges: Sequence[Edge]) -> tuple[Change, ...]:
    """Return the changes that remove edges: from the last to the first, so that no place shifts before its turn."""
    places = sorted((facts.edge_places[id(edge)] for edge in edges), reverse=True)
    return tuple({"op": "remove_edge", "index": i} for i in places)


def _entries(facts: Facts, named: set[str]) -> list[str]:
    """Return a first node of every part that nothing leads into, but for parts with a node of ``named``."""
    part_of = {i: part for part, ids in enumerate(strongly_connected(facts.successors)) for i in ids}
    entered = {part_of[t] for s, targets in facts.successors.items() for t in targets if part_of[s] != part_of[t]}
    entered.update(part_of[i] for i in named if i in part_of)
    first: dict[int, str] = {}
    for node_id, part in part_of.items():
        if part not in entered:
            first.setdefault(part, node_id)
    order = {node_id: i for i, node_id in enumerate(facts.nodes)}
    return sorted(first.values(), key=order.__getitem__)


def _is_first_of_its_part(facts: Facts, node_id: str) -> bool:
    return all(source == node_id for source in facts.predecessors[node_id])


def _leads_to_no_loop(facts: Facts, node_id: str) -> bool:
    """Say whether no loop comes to light when a node that was not reached is: those further on are reached already."""
    found = _walk(facts, node_id, stop=facts.reached)
    return found is not None and found.isdisjoint(facts.looping)


def _walk(facts: Facts, node_id: str, stop: Collection[str] = ()) -> set[str] | None:
    """Return a node and what is behind it, not going on at the nodes of ``stop``; None beyond `MAX_WALK`."""
    seen, stack = {node_id}, [node_id]
    while stack:
        for target in facts.successors[stack.pop()]:
            if target not in seen and target not in stop:
                seen.add(target)
                stack.append(target)
        if len(seen) > MAX_WALK:
            return None
    return seen


def _ways_in(facts: Facts, node_id: str) -> list[Edge]:
    """Return the edges that may lead to a second node too; unlabelled ones of a router go by their number."""
    running = facts.reached if facts.has_start else facts.connected
    return [
        edge
        for edge in facts.incoming[node_id]
        if edge.source != node_id
        and edge.source in running
        and (facts.nodes[edge.source].type not in DECISIONS or edge.route_label is not None)
    ]


def _may_join(facts: Facts, edge: Edge, source: str, target: str) -> bool:
    """Say whether an edge may lead from source to target: usable there, and closing no loop."""
    if facts.workflow.profile is not Profile.BUILDER or source == target:
        return False
    if facts.nodes[target].type == "start" or facts.nodes[source].type == "end" or edge.target == edge.source:
        return False
    if facts.nodes[source].type in DECISIONS and edge.route_label is None:
        return False
    found = _walk(facts, target)
    return found is not None and source not in found and facts.reached.issuperset(found & facts.looping)
