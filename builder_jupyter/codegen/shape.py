"""How a workflow maps onto LangGraph's primitives, so that generated code means what the engine does (docs/engine.md).

LangGraph runs whatever an edge leads to in its next step and shows every node all that has been written. That is our
meaning wherever one node at a time runs, and where every branch of a fork is always taken and all meet again: such a
*block* is entered as a whole and left as a whole. `shape_of` finds the blocks; any other graph is `Shape.dispatched`.

In doubt the answer is `dispatched`: never wrong, only less idiomatic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from builder_jupyter.graph.algorithms import loops
from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.graph.names import is_graph_node
from builder_jupyter.nodes.patterns import read_conditions
from builder_jupyter.nodes.router import FALLBACKS
from builder_jupyter.planning.topology import topology_of

MAX_BESIDE = 1_000
"""How many pairs of (node, node that it must not see) a module may list before it is dispatched instead."""

_MATCH_ALL = frozenset({"", ".*"})

Ways = tuple[tuple[str, ...], ...]
"""The sets of nodes that can follow a node, each sorted; of a node that decides nothing there is one."""


@dataclass(frozen=True)
class Shape:
    """How a workflow is to be written; everything is by node id.

    Parameters
    ----------
    dispatched : plain edges cannot express it: one node decides what runs next (`codegen.traversal`).
    joins : by target, the groups of sources that enter it by one list edge; all other edges stand alone.
    beside : by node, the nodes that LangGraph would show it although they do not lead to it.
    """

    dispatched: bool
    joins: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    beside: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tables:
    """What `codegen.traversal.Traversal` is given: names of graph nodes, ``__start__`` and ``__end__``."""

    edges: list[tuple[str, str]]
    loops: dict[int, dict[str, Any]]


def shape_of(workflow: Workflow) -> Shape:
    """Return how a valid workflow is to be written. Linear in nodes and edges but for the sets of ancestors in blocks.

    Of several nodes with one id the first counts; edges that connect nothing are left out.
    """
    return _Shaping(workflow).shape()


def tables_of(workflow: Workflow, names: Mapping[str, str]) -> Tables:
    """Return the tables for the traversal of a valid workflow; its edges stand in the order of `plan_edges`.

    An edge's place among those of its source is the position that ``taken`` names.

    Parameters
    ----------
    names : the graph names by node id; edges to nodes without one lead to the end.
    """
    edges = plan_edges(workflow)
    order = list(workflow.nodes_by_id)
    start = next(node.id for node in workflow.nodes_by_id.values() if node.type == "start")
    for _ in range(2):  # plans are sorted by level, which follows from the topology of the unsorted graph
        at = {node_id: index for index, node_id in enumerate(order)}
        topology = topology_of(len(order), [(at[e.source], at[e.target]) for e in edges], at[start])
        levels = dict(zip(order, topology.levels, strict=True))
        sorted_by, order = order, sorted(order, key=levels.__getitem__)
    found: dict[int, dict[str, Any]] = {
        number: {"within": region.parent, "nodes": [], "back": list(region.back), "exits": list(region.exits)}
        for number, region in enumerate(topology.regions)
        if number
    }
    for node_id, number in zip(sorted_by, topology.region_of, strict=True):
        if number:
            found[number]["nodes"].append(names[node_id])
    written = {start: "__start__"}
    return Tables(
        [(written.get(e.source) or names[e.source], names.get(e.target, "__end__")) for e in edges],
        found,
    )


def plan_edges(workflow: Workflow) -> list[Edge]:
    """Return the edges that a plan has, in its order: usable, and each (source, target, route label) once."""
    nodes = workflow.nodes_by_id
    found: dict[tuple[str, str, str | None], Edge] = {}
    for edge in workflow.edges:
        source, target = nodes.get(edge.source), nodes.get(edge.target)
        if source is not None and target is not None and source.type != "end" and target.type != "start":
            found.setdefault((edge.source, edge.target, edge.route_label), edge)
    return list(found.values())


def ways_out(node: Node, edges: Iterable[Edge]) -> list[tuple[Edge, ...]]:
    """Return the sets of outgoing edges that one visit of a node can take, besides none at all."""
    out = tuple(edges)
    if not decides(node, out):
        return [out]
    by_label: dict[str | None, list[Edge]] = {}
    for edge in out:
        by_label.setdefault(edge.route_label, []).append(edge)
    found = _ways_of_router(node, out, by_label) if node.type == "router" else by_label.values()
    return [way for way in dict.fromkeys(map(tuple, found)) if way]


def decides(node: Node, edges: Iterable[Edge]) -> bool:
    """Say whether a node chooses among its outgoing edges, or may take none of them."""
    return node.type == "router" or (node.type == "human" and len({edge.target for edge in edges}) > 1)


def _ways_of_router(
    node: Node, out: tuple[Edge, ...], by_label: Mapping[str | None, list[Edge]]
) -> list[Sequence[Edge]]:
    """Return what `nodes.router` can take: conditions behind one that matches everything are never asked."""
    conditions = read_conditions(node.data)
    default = node.data.get("default")
    otherwise: Sequence[Edge] = by_label.get(None) or [edge for edge in out if edge.route_label in FALLBACKS]
    if isinstance(default, str):
        otherwise = by_label.get(default, otherwise)
    by_place = len(out) == len(conditions) and set(by_label) == {None}
    found: list[Sequence[Edge]] = []
    for place, condition in enumerate(conditions):
        found.append([out[place]] if by_place else by_label.get(condition.label, otherwise))
        if condition.pattern in _MATCH_ALL:
            return found
    return [*found, otherwise]


@dataclass
class _Block:
    """What lies between a fork and the node where its branches meet (None: they end). ``nodes`` are in order."""

    nodes: list[str]
    meeting: str | None


class _Dispatched(Exception):
    """Some part of the graph is no block."""


class _Shaping:
    """The search for blocks: one walk from the start, a block at a time."""

    def __init__(self, workflow: Workflow) -> None:
        nodes = workflow.nodes_by_id
        self.start = next(node.id for node in nodes.values() if node.type == "start")
        self.graph = {node_id: None for node_id, node in nodes.items() if is_graph_node(node)}
        out: dict[str, list[Edge]] = {self.start: [], **{node_id: [] for node_id in self.graph}}
        for edge in plan_edges(workflow):
            out[edge.source].append(edge)
        self.ways: dict[str, Ways] = {
            node_id: tuple(dict.fromkeys(self._targets(way) for way in ways_out(nodes[node_id], edges)))
            for node_id, edges in out.items()
        }
        self.before: dict[str, dict[str, None]] = {node_id: {} for node_id in out}
        for node_id, ways in self.ways.items():
            for target in dict.fromkeys(target for way in ways for target in way):
                self.before[target][node_id] = None
        self.decides = {node_id for node_id, edges in out.items() if decides(nodes[node_id], edges)}
        self.joins: dict[str, list[tuple[str, ...]]] = {}
        self.beside: dict[str, frozenset[str]] = {}
        self.listed = 0

    def _targets(self, way: Iterable[Edge]) -> tuple[str, ...]:
        return tuple(sorted({edge.target for edge in way if edge.target in self.graph}))

    def shape(self) -> Shape:
        try:
            self._walk()
        except _Dispatched:
            return Shape(dispatched=True)
        if self.beside and self._in_loop(self.beside):
            return Shape(dispatched=True)
        return Shape(False, {target: tuple(groups) for target, groups in self.joins.items()}, self.beside)

    def _walk(self) -> None:
        """Follow the one node at a time that runs outside of blocks, and find the blocks on the way."""
        reached = {self.start}
        stack = [self.start]
        blocks: dict[tuple[str, ...], _Block] = {}
        while stack:
            node_id = stack.pop()
            for way in self.ways[node_id]:
                following: str | None = way[0] if way else None
                if len(way) > 1:
                    if way not in blocks:
                        blocks[way] = self._block(way)
                    following = blocks[way].meeting
                if following is not None and following not in reached:
                    reached.add(following)
                    stack.append(following)

    def _block(self, way: tuple[str, ...]) -> _Block:
        """Find what lies behind a fork. Raises `_Dispatched` when that is no block."""
        forks = [node_id for node_id in self.before[way[0]] if way in self.ways[node_id]]
        block = _Block([], None)
        inside: set[str] = set()
        missing = {target: self._missing(target, way, forks) for target in way}
        ready = [target for target in way if missing[target] == 0]
        frontier = len(way)
        ends = False
        while ready:
            if frontier == 1 and not ends:
                break
            node_id = ready.pop()
            if node_id in self.decides:
                raise _Dispatched
            block.nodes.append(node_id)
            inside.add(node_id)
            frontier -= 1
            targets = self.ways[node_id][0]
            ends = ends or not targets
            for target in targets:
                if target not in missing:
                    missing[target] = len(self.before[target])
                    frontier += 1
                if target in inside:
                    raise _Dispatched
                missing[target] -= 1
                if missing[target] == 0:
                    ready.append(target)
        left = [target for target in missing if target not in inside]
        if len(left) > 1 or (left and ends):
            raise _Dispatched
        block.meeting = left[0] if left else None
        self._join(block, way, forks, inside)
        self._hide(block, inside)
        return block

    def _missing(self, target: str, way: tuple[str, ...], forks: list[str]) -> int:
        """Return how many predecessors a node behind a fork waits for besides the fork."""
        others = 0
        for source in self.before[target]:
            if source in forks and all(other == way for other in self.ways[source] if target in other):
                continue
            others += 1
        return others

    def _join(self, block: _Block, way: tuple[str, ...], forks: list[str], inside: set[str]) -> None:
        """Note the list edges of a block. One from the fork itself needs a fork that is a node and decides nothing."""
        for target in [*block.nodes, *([] if block.meeting is None else [block.meeting])]:
            sources = [source for source in self.before[target] if source in inside]
            if target in way and sources:
                if len(forks) > 1 or forks[0] in self.decides or forks[0] == self.start:
                    raise _Dispatched
                sources = [forks[0], *sources]
            if len(sources) > 1:
                self.joins.setdefault(target, []).append(tuple(sources))

    def _hide(self, block: _Block, inside: set[str]) -> None:
        """Note, for each node of a block, what runs before it in other branches: LangGraph would show it."""
        bit = {node_id: 1 << place for place, node_id in enumerate(block.nodes)}
        level: dict[str, int] = {}
        above: dict[str, int] = {}
        for node_id in block.nodes:  # predecessors first
            sources = [source for source in self.before[node_id] if source in inside]
            level[node_id] = 1 + max((level[source] for source in sources), default=0)
            above[node_id] = 0
            for source in sources:
                above[node_id] |= above[source] | bit[source]
        earlier, so_far = {0: 0}, 0
        ordered = sorted(block.nodes, key=level.__getitem__)
        for node_id, following in pairwise([*ordered, ""]):
            so_far |= bit[node_id]
            if not following or level[following] != level[node_id]:
                earlier[level[node_id]] = so_far
        for node_id in block.nodes:
            hidden = earlier[level[node_id] - 1] & ~above[node_id]
            if hidden:
                self.listed += hidden.bit_count()
                if self.listed > MAX_BESIDE:
                    raise _Dispatched
                self.beside[node_id] = frozenset(other for other in block.nodes if bit[other] & hidden)

    def _in_loop(self, some: Iterable[str]) -> bool:
        """Say whether a loop holds any of some nodes."""
        successors = {node_id: [t for way in ways for t in way] for node_id, ways in self.ways.items()}
        looping = {node_id for group in loops(successors) for node_id in group}
        return any(node_id in looping for node_id in some)
