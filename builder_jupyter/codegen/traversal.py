"""Which nodes run next, worked out from those that have run: the engine's rules of edges, joins and loops.

Generated modules whose graph LangGraph's own edges cannot express carry these classes with them, so nothing but the
standard library is used here. The rules are those of `execution.state`, explained in docs/engine.md.
"""

from __future__ import annotations

from typing import Any


class Visit:
    """One visit of one node.

    ``context`` holds the iteration of each loop around the node, outermost first; ``missing`` counts the edges that
    are still open. ``number`` counts the node's visits from 1, ``depth`` is the longest chain of visits before it,
    ``parents`` are the visits whose edges led here, and ``place`` is its index in the trail once it is complete.
    """

    def __init__(self, node: str, context: tuple[int, ...], missing: int) -> None:
        self.node = node
        self.context = context
        self.missing = missing
        self.number = 0
        self.depth = 0
        self.place = -1
        self.parents: list[Visit] = []


class Passage:
    """One passage through a loop: its iteration, the members settled in it, and the visits that took its edges."""

    def __init__(self) -> None:
        self.iteration = 1
        self.settled = 0
        self.back: dict[int, Visit] = {}
        self.exits: dict[int, Visit] = {}


class Traversal:
    """Replays a trail over a graph.

    An edge is satisfied or dead once its source is complete. A node is ready when none of its edges is open and one is
    satisfied; it is dead when all are dead. A loop begins again when all in it is settled and a way back was taken,
    and what follows it starts when it is over.

    Parameters
    ----------
    edges : (source, target) in order; runs begin at ``__start__``, and edges to ``__end__`` lead nowhere.
    loops : by number from 1: ``within`` (the loop around it, 0 for none), its own ``nodes``, and the indexes of the
        edges that lead ``back`` to its beginning and of those that leave it, its ``exits``.
    trail : the completed visits in any order that can have happened: ``node``, and ``taken``, the positions among its
        outgoing edges that were taken, or None for all.

    Attributes
    ----------
    ready : the visits that can run now, by node; a node never has two.
    done : the completed visits, in the order of the trail.
    """

    def __init__(
        self, edges: list[tuple[str, str]], loops: dict[int, dict[str, Any]], trail: list[dict[str, Any]]
    ) -> None:
        self.edges = edges
        self.loops = loops
        self.ready: dict[str, Visit] = {}
        self.done: list[Visit] = []
        self._numbers: dict[str, int] = {}
        self._open: dict[tuple[str, tuple[int, ...]], Visit] = {}
        self._passages: dict[tuple[int, tuple[int, ...]], Passage] = {}
        self._outgoing: dict[str, list[int]] = {}
        self._incoming: dict[str, list[int]] = {}
        for index, (source, target) in enumerate(edges):
            self._outgoing.setdefault(source, []).append(index)
            self._incoming.setdefault(target, []).append(index)
        self._around = {node: self._path(loop) for loop, about in loops.items() for node in about["nodes"]}
        self._members = {loop: len(about["nodes"]) for loop, about in loops.items()}
        for about in loops.values():
            if about["within"]:
                self._members[about["within"]] += 1
        self._back = {index: loop for loop, about in loops.items() for index in about["back"]}
        self._exits = {index: loop for loop, about in loops.items() for index in about["exits"]}
        self._settle(Visit("__start__", (), 0), None)
        for entry in trail:
            visit = self.ready.pop(entry["node"])
            visit.place = len(self.done)
            self.done.append(visit)
            self._settle(visit, entry["taken"])

    def before(self, node: str) -> list[int]:
        """Return the places in the trail of all visits that lead to a ready node, in causal order."""
        found: set[Visit] = set()
        stack = list(self.ready[node].parents)
        while stack:
            visit = stack.pop()
            if visit not in found:
                found.add(visit)
                stack.extend(visit.parents)
        return self._in_order(found)

    def order(self) -> list[int]:
        """Return the places of all that is in the trail, in causal order."""
        return self._in_order(set(self.done))

    def _in_order(self, visits: set[Visit]) -> list[int]:
        ordered = sorted(visits, key=lambda visit: (visit.depth, visit.node, visit.number))
        return [visit.place for visit in ordered if visit.place >= 0]

    def _path(self, loop: int) -> tuple[int, ...]:
        path: tuple[int, ...] = ()
        while loop:
            path = (loop, *path)
            loop = self.loops[loop]["within"]
        return path

    def _shared(self, index: int) -> int:
        """Return how many loops hold both ends of an edge."""
        source, target = (self._around.get(node, ()) for node in self.edges[index])
        return sum(a == b for a, b in zip(source, target))  # noqa: B905 - paths of different length

    def _settle(self, done: Visit, taken: list[int] | None) -> None:
        """Tell everything behind a completed visit; a dead one behind it has taken no edge."""
        work: list[tuple[Visit, list[int] | None]] = [(done, taken)]
        for visit, chosen in work:  # grows while it is walked
            for place, index in enumerate(self._outgoing.get(visit.node, ())):
                source = visit if chosen is None or place in chosen else None
                if index in self._back or index in self._exits:
                    self._remember(index, visit.context, source)
                else:
                    self._deliver(index, visit.context[: self._shared(index)], source, work)
            self._count(visit, work)

    def _remember(self, index: int, context: tuple[int, ...], source: Visit | None) -> None:
        """Note that an edge back or out of a loop was taken; it is followed when the iteration is over."""
        if source is not None and index in self._back:
            self._passage(self._back[index], context).back[index] = source
        elif source is not None:
            self._passage(self._exits[index], context).exits[index] = source

    def _deliver(self, index: int, context: tuple[int, ...], source: Visit | None, work: list[Any]) -> None:
        """Bring an edge, satisfied by ``source`` or dead, to its target; loops on the way are in iteration 1."""
        node = self.edges[index][1]
        if node == "__end__":
            return
        context += (1,) * (len(self._around.get(node, ())) - len(context))
        key = (node, context)
        if key not in self._open:
            self._open[key] = Visit(node, context, sum(self._arrives(i, context) for i in self._incoming[node]))
        visit = self._open[key]
        visit.missing -= 1
        if source is not None:
            visit.parents.append(source)
        if visit.missing == 0:
            del self._open[key]
            if visit.parents:
                visit.number = self._numbers[node] = self._numbers.get(node, 0) + 1
                visit.depth = 1 + max(parent.depth for parent in visit.parents)
                self.ready[node] = visit
            else:
                work.append((visit, []))

    def _arrives(self, index: int, context: tuple[int, ...]) -> bool:
        """Say whether an edge comes in an iteration: those from outside in the first, those back in all others."""
        shared = self._shared(index)
        if index in self._back:
            shared = len(self._path(self._back[index]))
            if context[shared - 1] == 1:
                return False
        return all(number == 1 for number in context[shared:])

    def _passage(self, loop: int, context: tuple[int, ...]) -> Passage:
        return self._passages.setdefault((loop, context[: len(self._path(loop)) - 1]), Passage())

    def _count(self, visit: Visit, work: list[Any]) -> None:
        """Count a settled member of a loop; when an iteration is over, begin the next or leave the loop."""
        path = self._around.get(visit.node, ())
        for depth in range(len(path), 0, -1):
            loop, outside = path[depth - 1], visit.context[: depth - 1]
            passage = self._passage(loop, visit.context)
            passage.settled += 1
            if passage.settled < self._members[loop]:
                return
            if passage.back:
                taken, passage.back = passage.back, {}
                passage.iteration += 1
                passage.settled = 0
                for index in self.loops[loop]["back"]:
                    self._deliver(index, (*outside, passage.iteration), taken.get(index), work)
                return
            del self._passages[loop, outside]
            for index in self.loops[loop]["exits"]:
                self._deliver(index, outside, passage.exits.get(index), work)
