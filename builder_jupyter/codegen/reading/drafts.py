"""A graph as the calls of the code build it: nodes, edges and branches with what they were given."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from builder_jupyter.codegen.reading.report import Report, source_of
from builder_jupyter.codegen.reading.values import (
    UNKNOWN,
    Call,
    Function,
    Instance,
    Symbol,
    Value,
    last_name,
)

START: Final = "__start__"
END: Final = "__end__"
BUILDERS: Final = frozenset({"StateGraph", "MessageGraph", "Graph"})
"""Classes whose objects build graphs."""

_READS = frozenset({"get_graph", "draw_mermaid_png", "validate"})


@dataclass(frozen=True, slots=True)
class NodeDraft:
    """A node: its name, what it does, where it is added, and the targets that it is declared to choose from."""

    name: str
    action: Value
    node: ast.AST
    destinations: Value = UNKNOWN


@dataclass(frozen=True, slots=True)
class EdgeDraft:
    """An edge."""

    source: str
    target: str
    node: ast.AST


@dataclass(frozen=True, slots=True)
class BranchDraft:
    """A choice: what chooses, and what its answers mean, if the code says so."""

    source: str
    path: Value
    path_map: Value
    node: ast.AST


class Compiled:
    """What ``compile()`` gives."""

    def __init__(self, graph: GraphDraft) -> None:
        self.graph = graph
        self.title: str | None = None


class GraphDraft:
    """A graph that is being built. ``owner`` is the function that builds it, ``made`` the call that began it."""

    def __init__(self, node: ast.AST, owner: str, made: Call, report: Report) -> None:
        self.node = node
        self.owner = owner
        self.made = made
        self.title: str | None = None
        self.compiled: list[Compiled] = []
        self.nodes: dict[str, NodeDraft] = {}
        self.edges: list[EdgeDraft] = []
        self.branches: list[BranchDraft] = []
        self._report = report

    @property
    def titles(self) -> list[str]:
        """The variables that hold it, compiled or not."""
        return [title for title in (*(each.title for each in self.compiled), self.title) if title]

    def perform(self, call: Call, is_certain: bool) -> Value:
        """Do what a call of one of the graph's methods does."""
        name = call.name
        action = _METHODS.get(name)
        if action is None:
            if name not in _READS:
                self._report.add(call.node, source_of(call.node), f"The method {name!r} of a graph is not known.")
            return self if name == "validate" or name not in _READS else UNKNOWN
        if not is_certain and name != "compile":
            why = "It is drawn, but whether and how often it happens depends on what the code finds when it runs."
            self._report.add(call.node, source_of(call.node), why)
        return action(self, call)

    def add_node(self, call: Call) -> Value:
        """``add_node(name, action)``, ``add_node(action)``, with keywords or without."""
        first = call.argument(0, "node")
        action = call.argument(1, "action")
        if action is UNKNOWN and not isinstance(first, str):
            name, action = last_name(first) or _title(first), first
        else:
            name = first if isinstance(first, str) else ""
        self._add(name, action, call.node, call.argument(9, "destinations"))
        if "error_handler" in call.keywords:
            self._report.add(call.node, "error_handler", "What is done about errors is left out.")
        return self

    def _add(self, name: str, action: Value, node: ast.AST, destinations: Value = UNKNOWN) -> None:
        if not name:
            self._report.add(node, source_of(node), "The name of the node cannot be read from the code.")
        elif name in self.nodes:
            self._report.add(node, name, "A node of this name is there already; the first one is kept.")
        else:
            self.nodes[name] = NodeDraft(name, action, node, destinations)

    def add_edge(self, call: Call) -> Value:
        """``add_edge(source, target)``; ``source`` may be a list."""
        sources, target = call.argument(0, "start_key"), name_of(call.argument(1, "end_key"))
        for each in sources if isinstance(sources, list | tuple) else [sources]:
            self._connect(name_of(each), target, call.node)
        return self

    def _connect(self, source: str | None, target: str | None, node: ast.AST) -> None:
        if source is None or target is None:
            self._report.add(node, source_of(node), "The ends of the edge cannot be read from the code.")
        else:
            self.edges.append(EdgeDraft(source, target, node))

    def add_conditional_edges(self, call: Call) -> Value:
        """``add_conditional_edges(source, path, path_map)``."""
        return self._branch(call, call.argument(0, "source"), call.argument(1, "path", "condition"), 2)

    def set_conditional_entry_point(self, call: Call) -> Value:
        """``set_conditional_entry_point(path, path_map)``."""
        return self._branch(call, START, call.argument(0, "path", "condition"), 1)

    def _branch(self, call: Call, source: Value, path: Value, position: int) -> Value:
        if len(call.args) > position + 1 or "then" in call.keywords:
            self._report.add(call.node, "then", "The old argument 'then' is left out: draw its edges.")
        name = name_of(source)
        if name is None:
            why = "The node that the choice follows cannot be read from the code."
            self._report.add(call.node, source_of(call.node), why)
        else:
            self.branches.append(
                BranchDraft(name, path, call.argument(position, "path_map", "conditional_edge_mapping"), call.node)
            )
        return self

    def add_sequence(self, call: Call) -> Value:
        """``add_sequence([action, (name, action), ...])``: nodes one after another."""
        steps = call.argument(0, "nodes")
        if not isinstance(steps, list | tuple):
            self._report.add(call.node, source_of(call.node), "The nodes of the sequence cannot be read from the code.")
            return self
        names = []
        for step in steps:
            is_pair = isinstance(step, tuple) and len(step) == 2
            name = step[0] if is_pair else last_name(step) or _title(step)
            self._add(name if isinstance(name, str) else "", step[1] if is_pair else step, call.node)
            names.append(name if isinstance(name, str) else "")
        for source, target in pairwise(names):
            self._connect(source or None, target or None, call.node)
        return self

    def set_entry_point(self, call: Call) -> Value:
        """``set_entry_point(name)``."""
        self._connect(START, name_of(call.argument(0, "key")), call.node)
        return self

    def set_finish_point(self, call: Call) -> Value:
        """``set_finish_point(name)``."""
        self._connect(name_of(call.argument(0, "key")), END, call.node)
        return self

    def compile(self, call: Call) -> Value:
        """``compile(...)``."""
        for name in ("interrupt_before", "interrupt_after"):
            if call.keywords.get(name):
                why = "The run would stop here for a person: draw a human node where it should."
                self._report.add(call.node, name, why)
        self.compiled.append(Compiled(self))
        return self.compiled[-1]

    def ignore(self, call: Call) -> Value:
        """Settings of the graph that a workflow does not have."""
        self._report.add(call.node, call.name, "Settings of nodes are left out.")
        return self


_METHODS: Final[Mapping[str, Callable[[GraphDraft, Call], Value]]] = {
    method.__name__: method
    for method in (
        GraphDraft.add_node,
        GraphDraft.add_edge,
        GraphDraft.add_conditional_edges,
        GraphDraft.add_sequence,
        GraphDraft.set_entry_point,
        GraphDraft.set_finish_point,
        GraphDraft.set_conditional_entry_point,
        GraphDraft.compile,
    )
} | {"set_node_defaults": GraphDraft.ignore}


def name_of(value: Value) -> str | None:
    """Return the name of a node that a value stands for; None when it is none."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Symbol) and value.last in ("START", "END"):
        return START if value.last == "START" else END
    return last_name(value) or None if isinstance(value, Function) else None


def _title(value: Value) -> str:
    if isinstance(value, Function | Compiled | GraphDraft):
        return value.title or ""
    if isinstance(value, Instance):
        return value.made_by.name
    return ""
