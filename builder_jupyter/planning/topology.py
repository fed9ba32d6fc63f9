"""The shape of a plan's graph: which edges close loops, how loops nest, and how deep each step lies.

A loop is a *region*: a strongly connected part entered at its *head*. Edges back to the head are the region's back
edges; with them removed, what is left of the region may hold inner regions, and so on. Seen from outside, a region is
one member of the region around it, so every level is a graph without cycles. That is what makes joins inside, around
and after loops well defined (docs/engine.md); a flat notion of "back edge" fires a join behind an inner loop twice.

The nesting is the recursion of Bourdoncle's weak topological order (1993), written as a work list, with one thing more:
a loop may begin with several steps side by side (two drafts, one review, both drafts again). With one head, the way
back to the second would look like an inner loop, and the review would not wait for it; see `_cut`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.algorithms import loops

MAX_LOOP_DEPTH = 100


class EdgeKind(Enum):
    """How an edge lies to the regions: inside one or into deeper ones, back to a head, or out of a region."""

    FORWARD = 1
    BACK = 2
    EXIT = 3


@dataclass(frozen=True, slots=True)
class Link:
    """An edge, by step positions.

    ``shared`` is the number of regions that hold both ends. ``region`` is the region that a BACK edge iterates or the
    outermost region that an EXIT edge leaves; 0 (the whole graph) for FORWARD edges.
    """

    index: int
    source: int
    target: int
    kind: EdgeKind
    shared: int
    region: int


@dataclass(frozen=True, slots=True)
class Region:
    """A loop, or (region 0) the whole graph. ``members`` counts its own steps and the regions directly in it."""

    parent: int
    head: int
    depth: int
    members: int
    back: tuple[int, ...]
    exits: tuple[int, ...]


@dataclass(frozen=True)
class Topology:
    """The graph of a plan by positions: step ``i`` is the i-th name it was made from."""

    links: tuple[Link, ...]
    outgoing: tuple[tuple[int, ...], ...]
    incoming: tuple[tuple[int, ...], ...]
    regions: tuple[Region, ...]
    region_of: tuple[int, ...]
    levels: tuple[int, ...]

    @cached_property
    def entries(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """The steps that wait for nothing, each with the context of its loops."""
        contexts = ((1,) * self.regions[region].depth for region in self.region_of)
        return tuple((step, context) for step, context in enumerate(contexts) if not self.awaited(step, context))

    def awaited(self, step: int, context: tuple[int, ...]) -> int:
        """Return how many incoming edges step ``step`` waits for in a loop context (iteration number per region).

        Edges that enter a loop from outside arrive in its first iteration only, back edges in all others.
        """
        if not context:  # in no loop: all of them
            return len(self.incoming[step])
        return sum(1 for index in self.incoming[step] if self._arrives(self.links[index], context))

    def _arrives(self, link: Link, context: tuple[int, ...]) -> bool:
        shared = link.shared
        if link.kind is EdgeKind.BACK:
            shared = self.regions[link.region].depth
            if context[shared - 1] == 1:
                return False
        return all(number == 1 for number in context[shared:])


def topology_of(size: int, edges: Sequence[tuple[int, int]], trigger: int | None) -> Topology:
    """Return the topology of ``size`` steps joined by ``edges`` (source, target).

    Runs enter at ``trigger``, if they have one, and at the steps that nothing leads to.

    Linear in steps and edges for each level of loop nesting.

    Raises
    ------
    InvalidInput : ``LOOPS_TOO_DEEP`` beyond `MAX_LOOP_DEPTH` nested loops.
    """
    outgoing: list[list[int]] = [[] for _ in range(size)]
    incoming: list[list[int]] = [[] for _ in range(size)]
    for index, (source, target) in enumerate(edges):
        outgoing[source].append(index)
        incoming[target].append(index)
    entered = _preorder(size, edges, outgoing, trigger)
    parents, heads, region_of, back = _nest(edges, outgoing, incoming, entered)
    paths = _paths(parents)
    links = []
    for index, (source, target) in enumerate(edges):
        shared = _common(paths[region_of[source]], paths[region_of[target]])
        path = paths[region_of[source]]
        if index in back:
            links.append(Link(index, source, target, EdgeKind.BACK, shared, back[index]))
        elif len(path) > shared:
            links.append(Link(index, source, target, EdgeKind.EXIT, shared, path[shared]))
        else:
            links.append(Link(index, source, target, EdgeKind.FORWARD, shared, 0))
    members = Counter([*region_of, *parents[1:]])
    around: dict[tuple[EdgeKind, int], list[int]] = {}
    for link in links:
        around.setdefault((link.kind, link.region), []).append(link.index)
    regions = tuple(
        Region(
            parents[r], heads[r], len(paths[r]), members[r],
            tuple(around.get((EdgeKind.BACK, r), ())), tuple(around.get((EdgeKind.EXIT, r), ())),
        )
        for r in range(len(parents))
    )  # fmt: skip
    return Topology(
        links=tuple(links),
        outgoing=tuple(map(tuple, outgoing)),
        incoming=tuple(map(tuple, incoming)),
        regions=regions,
        region_of=tuple(region_of),
        levels=_levels(size, links, outgoing),
    )


def _preorder(size: int, edges: Sequence[tuple[int, int]], outgoing: list[list[int]], trigger: int | None) -> list[int]:
    """Number the steps in the order a depth-first walk enters them: from the trigger, the sources, then the rest.

    Sources go before the rest because the first step entered becomes the head of its loop, and a run comes from there.
    """
    entered = [-1] * size
    count = 0
    followed = {target for _, target in edges}
    sources = (step for step in range(size) if step not in followed)
    for start in [*([] if trigger is None else [trigger]), *sources, *range(size)]:
        stack = [start]
        while stack:
            step = stack.pop()
            if entered[step] >= 0:
                continue
            entered[step] = count
            count += 1
            stack.extend(edges[index][1] for index in reversed(outgoing[step]))
    return entered


def _nest(
    edges: Sequence[tuple[int, int]], outgoing: list[list[int]], incoming: list[list[int]], entered: list[int]
) -> tuple[list[int], list[int], list[int], dict[int, int]]:
    """Find the regions. Return parent and head by region, region by step, and the region of each back edge."""
    parents, heads, depths = [-1], [-1], [0]
    size = len(entered)
    region_of = [0] * size
    back: dict[int, int] = {}
    work: list[tuple[int, list[int]]] = [(0, list(range(size)))]
    while work:
        region, members = work.pop()
        inside = set(members)
        successors = {
            step: [edges[i][1] for i in outgoing[step] if i not in back and edges[i][1] in inside] for step in members
        }
        for group in loops(successors):
            if depths[region] >= MAX_LOOP_DEPTH:
                raise InvalidInput(f"Loops are nested more than {MAX_LOOP_DEPTH} deep.", code="LOOPS_TOO_DEEP")
            inner = len(parents)
            head = min(group, key=entered.__getitem__)
            parents.append(region)
            heads.append(head)
            depths.append(depths[region] + 1)
            held = set(group)
            for step in group:
                region_of[step] = inner
            entries = {step for step in group if any(edges[i][0] not in held or i in back for i in incoming[step])}
            inner_edges = {
                i: edges[i] for step in group for i in outgoing[step] if edges[i][1] in held and i not in back
            }
            back.update(dict.fromkeys(_cut(group, head, entries, inner_edges), inner))
            work.append((inner, [step for step in members if step in held]))
    return parents, heads, region_of, back


def _cut(group: list[int], head: int, entries: set[int], inside: Mapping[int, tuple[int, int]]) -> set[int]:
    """Return the edges that close a loop: all to its head, and those to steps that begin it beside the head.

    What these leave of the loop may hold inner loops. One that is entered at two steps, one of them from outside the
    whole loop, is none: that step begins the loop too. Preferred is one that the same steps lead back to as to the head
    ("again: both"); else all edges inside to the first such step are cut. An inner loop with a single way in stays one,
    even if that is from outside: joins behind it must wait for its end.
    """
    cut = {i for i, (_, target) in inside.items() if target == head}
    while True:
        kept = {i: edge for i, edge in inside.items() if i not in cut}
        part = _parts(group, kept.values())
        beside = _beside(part, entries, inside.values())
        closing = {inside[i][0] for i in cut}
        within = {i: edge for i, edge in kept.items() if edge[1] in beside and part.get(edge[0]) == part[edge[1]]}
        more = {i for i, (source, _) in within.items() if source in closing}
        if not more:
            first = next(iter(within.values()), None)
            more = {i for i, (_, target) in within.items() if first is not None and target == first[1]}
        if not more:
            return cut
        cut |= more


def _parts(group: list[int], pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Number the loops that some edges form; steps in none are left out."""
    successors: dict[int, list[int]] = {step: [] for step in group}
    for source, target in pairs:
        successors[source].append(target)
    return {step: number for number, members in enumerate(loops(successors)) for step in members}


def _beside(part: Mapping[int, int], entries: set[int], pairs: Iterable[tuple[int, int]]) -> set[int]:
    """Return the entries of a loop that lie in an inner one with another way in."""
    ways_in: dict[int, set[int]] = {}
    for target in [*entries, *(target for source, target in pairs if part.get(source) != part.get(target))]:
        if target in part:
            ways_in.setdefault(part[target], set()).add(target)
    return {step for step in entries & part.keys() if len(ways_in[part[step]]) > 1}


def _paths(parents: list[int]) -> list[tuple[int, ...]]:
    """Return the regions around each region, outermost first, itself last; () for the whole graph."""
    paths: list[tuple[int, ...]] = [()]
    for region in range(1, len(parents)):
        paths.append((*paths[parents[region]], region))
    return paths


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    count = 0
    while count < len(a) and count < len(b) and a[count] == b[count]:
        count += 1
    return count


def _levels(size: int, links: Sequence[Link], outgoing: list[list[int]]) -> tuple[int, ...]:
    """Return the longest path to each step without back edges."""
    level = [0] * size
    missing = [0] * size
    for link in links:
        missing[link.target] += link.kind is not EdgeKind.BACK
    ready = [step for step in range(size) if missing[step] == 0]
    for step in ready:  # grows while it is walked
        for index in outgoing[step]:
            link = links[index]
            if link.kind is not EdgeKind.BACK:
                level[link.target] = max(level[link.target], level[step] + 1)
                missing[link.target] -= 1
                if missing[link.target] == 0:
                    ready.append(link.target)
    return tuple(level)
