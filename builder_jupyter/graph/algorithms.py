"""Graph algorithms over plain mappings ``node -> successors``: all linear, none recursive.

The order of a mapping is the order of every answer, so that the same graph always gives the same answer. A
successor that is not a key of the mapping is a node without successors.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def adjacency(nodes: Iterable[K], pairs: Iterable[tuple[K, K]]) -> dict[K, list[K]]:
    """Return the different successors of each node, in the order of the pairs.

    Parameters
    ----------
    pairs : (source, target); a pair that names a node outside ``nodes`` is left out.
    """
    successors: dict[K, dict[K, None]] = {node: {} for node in nodes}
    for source, target in pairs:
        if source in successors and target in successors:
            successors[source][target] = None
    return {node: list(targets) for node, targets in successors.items()}


def reverse(successors: Mapping[K, Sequence[K]]) -> dict[K, list[K]]:
    """Return the graph with every edge turned round: the predecessors of each node."""
    predecessors: dict[K, list[K]] = {node: [] for node in successors}
    for source, targets in successors.items():
        for target in targets:
            predecessors.setdefault(target, []).append(source)
    return predecessors


def restrict(successors: Mapping[K, Sequence[K]], keep: Iterable[K]) -> dict[K, list[K]]:
    """Return the part of a graph that has only the nodes in ``keep``, in the order of the graph."""
    kept = set(keep)
    return {
        node: [target for target in targets if target in kept] for node, targets in successors.items() if node in kept
    }


def reachable(successors: Mapping[K, Sequence[K]], sources: Iterable[K]) -> set[K]:
    """Return the nodes that a walk from any source comes to, sources included."""
    seen = set(sources)
    stack = list(seen)
    while stack:
        for target in successors.get(stack.pop(), ()):
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return seen


def upstream(successors: Mapping[K, Sequence[K]], targets: Iterable[K]) -> set[K]:
    """Return the nodes from which a walk comes to any target, targets included."""
    return reachable(reverse(successors), targets)


def strongly_connected(successors: Mapping[K, Sequence[K]]) -> list[list[K]]:
    """Return the strongly connected components, successors before predecessors; each in the graph's order.

    Tarjan's algorithm with the recursion laid out as a stack of (node, iterator over its successors).
    """
    order = {node: i for i, node in enumerate(_all_nodes(successors))}
    index: dict[K, int] = {}
    low: dict[K, int] = {}
    open_nodes: list[K] = []
    is_open: set[K] = set()
    components: list[list[K]] = []

    def enter(node: K) -> tuple[K, Iterator[K]]:
        index[node] = low[node] = len(index)
        open_nodes.append(node)
        is_open.add(node)
        return node, iter(successors.get(node, ()))

    def leave(node: K) -> None:
        if low[node] != index[node]:
            return
        position = len(open_nodes) - 1
        while open_nodes[position] != node:
            position -= 1
        component = open_nodes[position:]
        del open_nodes[position:]
        is_open.difference_update(component)
        components.append(sorted(component, key=order.__getitem__))

    for root in order:
        calls = [enter(root)] if root not in index else []
        while calls:
            node, targets = calls[-1]
            for target in targets:
                if target not in index:
                    calls.append(enter(target))
                    break
                if target in is_open:
                    low[node] = min(low[node], index[target])
            else:
                calls.pop()
                leave(node)
                if calls:
                    parent = calls[-1][0]
                    low[parent] = min(low[parent], low[node])
    return components


def loops(successors: Mapping[K, Sequence[K]]) -> list[list[K]]:
    """Return the components with a loop (two or more nodes, or a self edge), by their first node's place."""
    order = {node: i for i, node in enumerate(_all_nodes(successors))}
    found = (
        component
        for component in strongly_connected(successors)
        if len(component) > 1 or component[0] in successors.get(component[0], ())
    )
    return sorted(found, key=lambda component: order[component[0]])


def _all_nodes(successors: Mapping[K, Sequence[K]]) -> dict[K, None]:
    nodes = dict.fromkeys(successors)
    for targets in successors.values():
        nodes.update(dict.fromkeys(targets))
    return nodes
