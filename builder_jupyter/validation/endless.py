"""Loops that never stop. Source: spec langgraph-builder §4.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder_jupyter.graph.algorithms import loops, restrict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from builder_jupyter.validation.facts import Facts

DECISIONS = frozenset({"router", "human"})
"""The types that choose among their ways out."""


def endless_loops(facts: Facts, within: Collection[str]) -> Iterator[tuple[list[str], str]]:
    """Yield groups of nodes that loop without a way to stop, each node in one group at most, with the reason.

    LangGraph follows every plain edge, so a plain edge out of a loop does not stop it; only a router or a
    human with two targets decides. Three sweeps over strongly connected components find all offenders;
    elementary loops are never listed one by one (a complete graph has astronomically many).

    Parameters
    ----------
    within : the nodes that may run.
    """
    looping = loops(restrict(facts.successors, within))
    reported: set[str] = set()
    for group in looping:
        if facts.ending.isdisjoint(group):
            reported.update(group)
            yield group, "from which no End node can be reached"
    inside = [node_id for group in looping for node_id in group]
    sweeps = (
        ("that no router or human decides to leave", [i for i in inside if not decides(facts, i)]),
        (
            "of routers alone, which never changes what they read",
            [i for i in inside if facts.nodes[i].type == "router"],
        ),
    )
    for reason, part in sweeps:
        for group in loops(restrict(facts.successors, part)) if part else ():
            if reported.isdisjoint(group):
                reported.update(group)
                yield group, reason


def decides(facts: Facts, node_id: str) -> bool:
    """Say whether a node chooses among ways out: a router or human with two different targets."""
    return facts.nodes[node_id].type in DECISIONS and len(facts.successors[node_id]) > 1
