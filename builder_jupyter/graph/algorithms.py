"""Graph algorithms over plain mappings ``node -> successors``: all linear, none recursive.

The order of a mapping is the order of every answer, so that the same graph always gives the same answer. A
successor that is not a key of the mapping is a node without successors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from builder_jupyter.errors import InvalidInput

Successors = Mapping[str, Sequence[str]]


def adjacency(nodes: Iterable[str], pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the different successors of each node, in the order of the pairs.

    Parameters
    ----------
    pairs : (source, target); a pair that names a node outside ``nodes`` is left out.
    """
    successors: dict[str, dict[str, None]] = {node: {} for node in nodes}
    for source, target in pairs:
        if source in successors and target in successors:
            successors[source][target] = None
    return {node: list(targets) for node, targets in successors.items()}


def reverse(successors: Successors) -> dict[str, list[str]]:
    """Return the graph with every edge turned round: the predecessors of each node."""
    predecessors: dict[str, list[str]] = {node: [] for node in successors}
    for source, targets in successors.items():
        for target in targets:
            predecessors.setdefault(target, []).append(source)
    return predecessors


def restrict(successors: Successors, keep: Iterable[str]) -> dict[str, list[str]]:
    """Return the part of a graph that has only the nodes in ``keep``, in the order of the graph."""
    kept = set(keep)
    return {
        node: [target for target in targets if target in kept]
        for node, targets in successors.items()
        if node in kept
    }


def reachable(successors: Successors, sources: Iterable[str]) -> set[str]:
    """Return the nodes that a walk from any source comes to, sources included."""
    seen = set(sources)
    stack = list(seen)
    while stack:
        for target in successors.get(stack.pop(), ()):
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return seen


def upstream(successors: Successors, targets: Iterable[str]) -> set[str]:
    """Return the nodes from which a walk comes to any target, targets included."""
    return reachable(reverse(successors), targets)


def strongly_connected(successors: Successors) -> list[list[str]]:
    """Return the strongly connected components, successors before predecessors; each in the graph's order.

    Tarjan's algorithm with the recursion laid out as a stack of (node, iterator over its successors).
    """
    order = {node: i for i, node in enumerate(_all_nodes(successors))}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    open_nodes: list[str] = []
    is_open: set[str] = set()
    components: list[list[str]] = []

    def enter(node: str) -> tuple[str, Iterator[str]]:
        index[node] = low[node] = len(index)
        open_nodes.append(node)
        is_open.add(node)
        return node, iter(successors.get(node, ()))

    def leave(node: str) -> None:
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


def loops(successors: Successors) -> list[list[str]]:
    """Return the components with a loop (two or more nodes, or a self edge), by their first node's place."""
    order = {node: i for i, node in enumerate(_all_nodes(successors))}
    found = (
        component
        for component in strongly_connected(successors)
        if len(component) > 1 or component[0] in successors.get(component[0], ())
    )
    return sorted(found, key=lambda component: order[component[0]])


def levels(successors: Successors) -> list[list[str]]:
    """Return the nodes by the length of the longest path to them (Kahn), each level in the graph's order.

    Every predecessor of a node is in an earlier level, and one of them in the level just before.

    Raises
    ------
    InvalidInput : ``code="CYCLE_DETECTED"`` for a loop; ``details["node_ids"]`` are the nodes in loops.
    """
    order = {node: i for i, node in enumerate(_all_nodes(successors))}
    waiting = dict.fromkeys(order, 0)
    for targets in successors.values():
        for target in targets:
            waiting[target] += 1
    result: list[list[str]] = []
    ready = [node for node, count in waiting.items() if count == 0]
    while ready:
        result.append(ready)
        ready = sorted(_released(successors, ready, waiting), key=order.__getitem__)
    if sum(map(len, result)) < len(order):
        names = [node for component in loops(successors) for node in component]
        shown = ", ".join(map(repr, names[:5])) + (", ..." if len(names) > 5 else "")
        raise InvalidInput(
            f"The nodes {shown} form a loop.", code="CYCLE_DETECTED", details={"node_ids": names}
        )
    return result


def _released(successors: Successors, done: Iterable[str], waiting: dict[str, int]) -> Iterator[str]:
    """Count off the edges that leave ``done`` and yield the targets that wait for nothing more."""
    for node in done:
        for target in successors.get(node, ()):
            waiting[target] -= 1
            if waiting[target] == 0:
                yield target


def _all_nodes(successors: Successors) -> dict[str, None]:
    nodes = dict.fromkeys(successors)
    for targets in successors.values():
        nodes.update(dict.fromkeys(targets))
    return nodes
