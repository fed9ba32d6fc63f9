"""A foreign graph as a workflow of ours.

What LangGraph decides on its edges, a router or human decides with us: where a node has conditional edges, a router
stands behind it, unless the node itself can be that router or is a person's question.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from builder_jupyter.codegen.reading.drafts import END, START, BranchDraft, GraphDraft, NodeDraft
from builder_jupyter.codegen.reading.nodes import Understood, understand
from builder_jupyter.codegen.reading.program import Program
from builder_jupyter.codegen.reading.routes import Choice, Route, routes_of_branch, routes_of_node
from builder_jupyter.codegen.reading.values import StatePath, last_name
from builder_jupyter.graph.dialects.faults import MAX_EDGES, MAX_NODES, MAX_PATTERN
from builder_jupyter.graph.model import Edge, Node, Workflow, freeze
from builder_jupyter.nodes.patterns import compile_pattern

_Labelled = tuple[str, str | None]


def assemble(graph: GraphDraft, program: Program, *, name: str, description: str) -> Workflow:
    """Return the workflow of a graph; what it cannot say goes into the program's report."""
    return _Assembly(graph, program).workflow(name, description)


class _Assembly:
    def __init__(self, graph: GraphDraft, program: Program) -> None:
        self._graph = graph
        self._program = program
        self._report = program.report
        is_list = graph.made.name == "MessageGraph"
        self._state = StatePath(("messages",)) if is_list else StatePath()
        self._taken = set(graph.nodes)
        self._start, self._end = self._free("start"), self._free("end")
        self._nodes: list[Node] = []
        self._edges: dict[tuple[str, str, str | None], None] = {}
        self._unsure: set[str] = set()

    def workflow(self, name: str, description: str) -> Workflow:
        plain: dict[str, list[str]] = {}
        for edge in self._graph.edges:
            if self._exists(edge.source, edge.node) and self._exists(edge.target, edge.node):
                plain.setdefault(edge.source, []).append(edge.target)
        branches: dict[str, list[BranchDraft]] = {}
        for branch in self._graph.branches:
            if self._exists(branch.source, branch.node):
                branches.setdefault(branch.source, []).append(branch)
        self._nodes.append(Node(self._start, "start"))
        self._leave(self._start, plain.get(START, ()), self._choices(branches.get(START, ())))
        for draft in self._graph.nodes.values():
            self._add(draft, plain.get(draft.name, []), branches.get(draft.name, []))
        self._finish()
        edges = tuple(Edge(source, target, label=label) for source, target, label in self._edges)
        if len(self._nodes) > MAX_NODES or len(edges) > MAX_EDGES:
            self._report.add(self._graph.node, "graph", f"A workflow has at most {MAX_NODES:,} nodes.")
        return Workflow(name, tuple(self._nodes[:MAX_NODES]), edges[:MAX_EDGES], description)

    def _add(self, draft: NodeDraft, plain: list[str], branches: list[BranchDraft]) -> None:
        choices = self._choices(branches)
        own = self._known(routes_of_node(draft, self._program, self._state), draft.node)
        if len(own.routes) == 1 and own.default is not None:
            plain, own = [*plain, own.routes[0].target], Choice()
        if own.routes:
            choices.append((f"{draft.name}_router", own))
        if any(not choice.routes for _, choice in choices):
            self._unsure.add(draft.name)
        choices = [(title, choice) for title, choice in choices if choice.routes]
        decides = bool(choices) and not plain
        found = understand(draft, self._program, self._state, decides=decides)
        only = choices[0][1] if len(choices) == 1 and not plain else None
        data: dict[str, Any] = {"name": draft.name, **found.data}
        labelled: list[_Labelled] = []
        if found.type == "router" and only is not None:
            data |= self._router_data(only, draft.node)
            choices, labelled = [], [(route.target, route.label) for route in only.routes]
        elif found.type == "human" and only is not None and not any(route.pattern for route in only.routes):
            choices, labelled = [], _answers(only, data)
        else:
            found = self._no_router(found, draft)
        self._nodes.append(Node(draft.name, found.type, freeze(data)))
        for target, label in labelled:
            self._connect(draft.name, target, label)
        self._leave(draft.name, plain, choices)

    def _no_router(self, found: Understood, draft: NodeDraft) -> Understood:
        if found.type != "router":
            return found
        self._report.add(draft.node, draft.name, "It has edges that are always taken beside those it chooses.")
        return Understood("agent", found.data)

    def _choices(self, branches: Iterable[BranchDraft]) -> list[tuple[str, Choice]]:
        found = []
        for branch in branches:
            title = last_name(branch.path) or getattr(branch.path, "title", None) or f"{branch.source}_router"
            title = f"{'start' if branch.source == START else branch.source}_router" if "__" in title else title
            choice = routes_of_branch(branch, self._program, self._state)
            found.append((title, self._known(choice, branch.node)))
        return found

    def _known(self, choice: Choice, node: ast.AST) -> Choice:
        choice.routes = [route for route in choice.routes if self._exists(route.target, node)]
        if choice.default is not None and all(route.label != choice.default for route in choice.routes):
            choice.default = None
        return choice

    def _exists(self, name: str, node: ast.AST) -> bool:
        if name in self._graph.nodes or name in (START, END):
            return True
        self._report.add(node, name, "The graph has no node of this name; the edge is left out.")
        return False

    def _leave(self, source: str, plain: Iterable[str], choices: Iterable[tuple[str, Choice]]) -> None:
        """Draw what leaves a node: plain edges, and a router for each choice."""
        for target in plain:
            self._connect(source, target, None)
        for title, choice in choices:
            if not choice.routes:
                continue
            router = self._free(title)
            data = self._router_data(choice, self._graph.node)
            self._nodes.append(Node(router, "router", freeze({"name": router, **data})))
            self._connect(source, router, None)
            for route in choice.routes:
                self._connect(router, route.target, route.label)

    def _router_data(self, choice: Choice, node: ast.AST) -> dict[str, Any]:
        conditions: dict[str, str] = {}
        for route in choice.routes:
            if route.label != choice.default or route.pattern is not None:
                conditions.setdefault(route.label, self._pattern(route, node))
        data: dict[str, Any] = {"conditions": [{"label": label, "pattern": p} for label, p in conditions.items()]}
        return data if choice.default is None else {**data, "default": choice.default}

    def _pattern(self, route: Route, node: ast.AST) -> str:
        """Return the pattern of a route, or one that finds its label; what no router could run is reported."""
        if route.pattern is None:
            return re.escape(route.label)
        try:
            if len(route.pattern) > MAX_PATTERN:
                raise ValueError(f"it has more than {MAX_PATTERN:,} characters")
            compile_pattern(route.pattern)
        except ValueError as error:
            self._report.add(
                node, route.pattern, f"Routers cannot search for it ({error}); this one looks for its label."
            )
            return re.escape(route.label)
        return route.pattern

    def _connect(self, source: str, target: str, label: str | None) -> None:
        self._edges[source, self._end if target == END else target, label] = None

    def _finish(self) -> None:
        """Lead to the end what leads nowhere: there a graph of LangGraph stops too."""
        leaving = {source for source, _, _ in self._edges}
        for node in self._nodes[1:]:
            if node.id not in leaving and node.id not in self._unsure:
                self._connect(node.id, END, None)
        if self._start not in leaving:
            self._report.add(self._graph.node, "START", "Nothing says where the graph begins.")
        if any(target == self._end for _, target, _ in self._edges):
            self._nodes.append(Node(self._end, "end"))

    def _free(self, title: str) -> str:
        """Return an id that no node has yet: the title itself, or with a number."""
        name, number = title, 1
        while name in self._taken:
            number += 1
            name = f"{title}_{number}"
        self._taken.add(name)
        return name


def _answers(choice: Choice, data: dict[str, Any]) -> list[_Labelled]:
    """Return what leaves a human node, and give it the options that the code compares its answer with."""
    edges: list[_Labelled] = []
    for route in choice.routes:
        is_rest = route.label == choice.default and route.answer is None
        edges.append((route.target, None if is_rest else route.answer or route.label))
    data.setdefault("options", list(dict.fromkeys(label for _, label in edges if label is not None)))
    return edges


def annotated_fields(module: ast.Module) -> dict[str, str]:
    """Return the fields of the state: annotated ones of the first class that is called, or derives from, a state.

    Source: spec langgraph-builder §7.
    """
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and ("State" in node.name or _has_fields(node)):
            return dict(_fields(node))
    return {}


def _has_fields(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).rpartition(".")[2] in ("TypedDict", "BaseModel") for base in node.bases)


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field in node.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            yield field.target.id, ast.unparse(field.annotation)
