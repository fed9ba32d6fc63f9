"""Definite assignment: what an expression reads has been set on every way from the start.

A warning is given only when there is a run in which it has not: a node sees what its ancestors left, a join waits for
every branch that was taken, and which branch that is, routers and people decide (docs/engine.md). So ``results.x`` is

- never there when ``x`` does not lead to the reader, or only by way of the reader itself (a loop's first time round);
- always there when every way to the reader leads through ``x`` (it *dominates* the reader), or when nothing decides
  whether ``x`` runs and it leads to the reader;
- else looked at more closely, see `_skips`.

Time is close to linear; see `MAX_LOOKS`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from builder_jupyter.graph.algorithms import dominators, reachable, restrict, strongly_connected
from builder_jupyter.graph.names import graph_names
from builder_jupyter.graph.templates import parse_path
from builder_jupyter.nodes.patterns import CATCH_ALL
from builder_jupyter.nodes.router import edges_taken
from builder_jupyter.validation.expressions import paths_read
from builder_jupyter.validation.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from builder_jupyter.graph.model import Node
    from builder_jupyter.nodes.patterns import Condition
    from builder_jupyter.validation.facts import Facts

GIVEN = frozenset({"messages", "results", "output", "message"})
"""Names of the state that are no inputs, and the input that every run may have."""

ITEM_NAMES = frozenset({"item", "index"})
"""What a map node's ``inputs`` may read besides the state."""

WITHOUT_RESULT = frozenset({"start", "agent", "router", "end"})
"""Types that leave nothing under ``results`` for others to read: an agent's answer is a message."""

CHOOSERS = frozenset({"router", "human", "wait"})

MAX_LOOKS = 200_000
"""Nodes and edges that the closer looks at one workflow may take; what is left then is not warned of."""


class Unassigned(NamedTuple):
    """An expression of a node whose value may be missing, why, and what was probably meant."""

    node: Node
    field: str
    path: str
    reason: str
    meant: str | None = None


def unassigned(facts: Facts) -> Iterator[Unassigned]:
    """Yield the expressions that read what may not be there, each once a node and field."""
    if not facts.ids_of_type("start"):
        return
    inputs = declared_inputs(facts.nodes[node_id] for node_id in facts.ids_of_type("start"))
    declared = None if inputs is None else GIVEN | inputs
    order: _Order | None = None
    for node in facts.nodes.values():
        if node.id not in facts.reached:
            continue
        heads = dict.fromkeys((field, path[:2]) for field, path in paths_read(node))
        for field, (root, *rest) in heads:
            step = rest[0] if rest else None
            if root == "output":
                yield Unassigned(node, field, "state.output", "which only an end node sets")
            elif root == "results" and isinstance(step, str):
                order = order or _Order(facts)
                reason = order.why_missing(step, node.id)
                if reason is not None:
                    meant = order.meant(step, node.id)
                    yield Unassigned(node, field, f"state.results.{step}", reason, meant)
            elif declared is not None and root not in declared and not (node.type == "map" and root in ITEM_NAMES):
                reason = "which is none of the inputs that the start node declares"
                yield Unassigned(node, field, f"state.{root}", reason)


def declared_inputs(starts: Iterable[Node]) -> frozenset[str] | None:
    """Return the names of the inputs that start nodes declare; None when one does not say which it takes."""
    names = set()
    for start in starts:
        inputs = start.data.get("inputs")
        if not isinstance(inputs, tuple | dict):
            return None
        for item in inputs:
            name = item.get("name") if isinstance(item, dict) else item
            if not isinstance(name, str):
                return None
            names.add(name)
    return frozenset(names)


class _Order:
    """Which node has certainly run before which."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.starts = facts.ids_of_type("start")
        # As `Plan.result_keys`: by graph name, and by node id unless another node is called that.
        self.setters = {name: node_id for node_id, name in graph_names(facts.workflow).items()}
        for node_id in facts.nodes:
            self.setters.setdefault(node_id, node_id)
        self._looks = MAX_LOOKS
        self._skipped: dict[str, set[str]] = {}

    def why_missing(self, name: str, reader: str) -> str | None:
        """Return why ``results.<name>`` may be missing where ``reader`` runs; None when it is not known to be."""
        setter = self.setters.get(name)
        if setter is None:
            return "but there is no node of that name"
        if leaves_nothing(self.facts.nodes[setter]):
            return f"but {setter!r} leaves no result"
        return self._reason(setter, reader)

    def meant(self, name: str, reader: str) -> str | None:
        """Return the expression with the name of a node that is there for the reader and is spelt alike."""
        if name in self.setters:
            return None
        close = self._spelling.closest(name)
        path = f"state.results.{close}"
        is_there = close is not None and parse_path(path) is not None and self.why_missing(close, reader) is None
        return path if is_there else None

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(self.setters)

    def _reason(self, setter: str, reader: str) -> str | None:
        if setter == reader:
            return f"but {setter!r} does not run before itself"
        if setter not in self.facts.reached:
            return f"but {setter!r} never runs"
        if self._dominates(setter, reader):
            return None
        if self._dominates(reader, setter) or not self._precedes(setter, reader):
            return f"but {setter!r} does not run before {reader!r}"
        if setter in self._certain or not self._skips(setter, reader):
            return None
        return f"but {setter!r} does not always run before {reader!r}"

    # -- order ---------------------------------------------------------------------------------------------------

    @cached_property
    def _tree(self) -> dict[str, tuple[int, int]]:
        return dominators(restrict(self.facts.successors, self.facts.reached), self.starts)

    def _dominates(self, first: str, second: str) -> bool:
        (enter, leave), (place, _) = self._tree[first], self._tree[second]
        return enter <= place < leave

    @cached_property
    def _parts(self) -> tuple[dict[str, int], list[int]]:
        """The component of each node, and for each component a bit set of those that lead to it.

        n_components ** 2 bits, a few megabytes for the largest workflow; each edge is one `or` of two such sets.
        """
        components = strongly_connected(self.facts.successors)[::-1]
        part_of = {node_id: i for i, ids in enumerate(components) for node_id in ids}
        before = [0] * len(components)
        for i, ids in enumerate(components):
            if len(ids) > 1:
                before[i] |= 1 << i
            reach = before[i] | 1 << i
            for target in {part_of[t] for node_id in ids for t in self.facts.successors[node_id]} - {i}:
                before[target] |= reach
        return part_of, before

    def _precedes(self, first: str, second: str) -> bool:
        """Say whether a way leads from one node to another."""
        part_of, before = self._parts
        return bool(before[part_of[second]] >> part_of[first] & 1)

    # -- decisions -----------------------------------------------------------------------------------------------

    @cached_property
    def _certain(self) -> set[str]:
        """The nodes that run whatever is decided, as far as single edges tell."""
        plain = {i: targets for i, targets in self.facts.successors.items() if i not in self._choices}
        return reachable(plain, self.starts)

    @cached_property
    def _choices(self) -> dict[str, list[set[str]]]:
        """The sets of targets among which each deciding node chooses one."""
        choosers = (i for i in self.facts.nodes if self.facts.nodes[i].type in CHOOSERS)
        return {i: _choices(self.facts, i) for i in choosers if self._forks(i)}

    def _forks(self, node_id: str) -> bool:
        return len(self.facts.successors[node_id]) > 1

    def _skips(self, setter: str, reader: str) -> bool:
        """Say whether decisions can keep the setter from running and let the reader run all the same.

        First all nodes that must not run lest the setter does: a plain node that leads to one of them, and a deciding
        node when all it can choose leads to one. If the start is none of them, and a way to the reader is left that
        avoids them, then choosing along that way is such a run. What the reader itself leads to comes too late to
        count, which matters where both are in one loop.
        """
        in_loop = self._precedes(reader, setter)
        if not in_loop and setter in self._skipped:
            return reader in self._skipped[setter]
        cost = len(self.facts.nodes) + len(self.facts.usable_edges)
        if cost > self._looks:
            return False
        self._looks -= cost
        left = self._left_without(setter, reader if in_loop else None)
        if not in_loop:
            self._skipped[setter] = left
        return reader in left

    def _left_without(self, setter: str, reader: str | None) -> set[str]:
        """Return the nodes that some run without the setter reaches."""
        out = {setter}
        stack = [setter]
        while stack:
            for node_id in self.facts.predecessors[stack.pop()]:
                if node_id in out or node_id == reader:
                    continue
                choices = self._choices.get(node_id)
                if choices is None or not any(targets.isdisjoint(out) for targets in choices):
                    out.add(node_id)
                    stack.append(node_id)
        if not out.isdisjoint(self.starts):
            return set()
        seen = set(self.starts)
        stack = list(seen)
        while stack:
            node_id = stack.pop()
            choices = self._choices.get(node_id, [set(self.facts.successors[node_id])])
            for targets in choices:
                if targets.isdisjoint(out):
                    fresh = targets - seen
                    seen |= fresh
                    stack += fresh
        return seen


def leaves_nothing(node: Node) -> bool:
    """Say whether nothing of a node is found under ``results``."""
    return node.type in WITHOUT_RESULT or (node.type == "wait" and node.data.get("for", "timer") == "timer")


def _choices(facts: Facts, node_id: str) -> list[set[str]]:
    """Return the sets of targets, one of which is taken; an empty one where the branch may stop here."""
    node, edges = facts.nodes[node_id], facts.outgoing[node_id]
    routes = [edge.route_label for edge in edges]
    if node.type != "router":
        others = [*dict.fromkeys(route for route in routes if route is not None), None]
        return [{edge.target for edge in edges if edge.route_label == label} for label in others]
    conditions = facts.conditions(node)
    default = node.data.get("default")
    matches: list[Condition | None] = [*conditions]
    if not any(condition.pattern in CATCH_ALL for condition in conditions):
        matches.append(None)
    taken = (edges_taken(conditions, match, default, routes) for match in matches)
    return [{edges[i].target for i in positions} for positions in taken]
