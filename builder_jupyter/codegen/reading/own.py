"""The code that we generate, read without loss; see docs/codegen.md for its forms.

The code says what a workflow does and ``CANVAS`` the rest. Where a person has changed the code, the code wins: a field
is spelled as in ``CANVAS`` only while the code still says the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from builder_jupyter.codegen.module import readable_edges
from builder_jupyter.codegen.reading.drafts import END, START, GraphDraft
from builder_jupyter.codegen.reading.nodes import understand
from builder_jupyter.codegen.reading.own_nodes import Choices, choices_of, said_by
from builder_jupyter.codegen.reading.program import Program
from builder_jupyter.codegen.reading.report import Report, source_of
from builder_jupyter.codegen.reading.source import unreadable
from builder_jupyter.codegen.reading.values import Function, StatePath
from builder_jupyter.codegen.spoken import harmless, said_data, said_name, table_edges
from builder_jupyter.errors import BuilderError
from builder_jupyter.graph.dialects.builder import BUILDER
from builder_jupyter.graph.model import Edge, Node, Workflow, canonical_json, freeze
from builder_jupyter.graph.names import is_graph_node

TITLE: Final = "Generated workflow: "
DISPATCH: Final = "dispatch"
_TABLES: Final = frozenset({"CANVAS", "EDGES", "LOOPS", "TOOLS", "NODE_IDS"})


def is_own(module: ast.Module) -> bool:
    """Say whether a module is one that we generated, by its docstring and its table of nodes."""
    docstring = ast.get_docstring(module, clean=False) or ""
    return docstring.strip().startswith(TITLE) and "NODE_IDS" in _tables(module)


def read_own(module: ast.Module, report: Report) -> Workflow | None:
    """Return the workflow of a module that we generated; None when it is not of that form any more.

    Raises
    ------
    InvalidInput : ``INVALID_CODE``; ``CANVAS`` is not of the form of a workflow.
    """
    tables = _tables(module)
    program = Program(report)
    rest = [statement for statement in module.body if _name_of_table(statement) is None]
    program.follow(ast.Module(rest, []))
    for helper in ("lookup", "message_at", "joined", "call_tool", "get_model"):
        program.globals.names.pop(helper, None)  # what stands in a call of them is data, not to be followed
    graph = next((graph for graph in reversed(program.graphs) if graph.nodes or graph.edges), None)
    if graph is None or not isinstance(tables["NODE_IDS"], dict):
        return None
    return _Own(module, program, graph, tables).workflow()


def _name_of_table(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0].id
        return name if name in _TABLES else None
    return None


def _tables(module: ast.Module) -> dict[str, Any]:
    """Return the literals that stand at module level under the names of our tables."""
    found: dict[str, Any] = {}
    for statement in module.body:
        name = _name_of_table(statement)
        if name is not None and isinstance(statement, ast.Assign):
            try:
                found[name] = ast.literal_eval(statement.value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                found[name] = None
    return found


class _Own:
    def __init__(self, module: ast.Module, program: Program, graph: GraphDraft, tables: Mapping[str, Any]) -> None:
        self.program = program
        self.graph = graph
        canvas = tables.get("CANVAS")
        if "CANVAS" in tables and not isinstance(canvas, dict):
            program.report.add(module, "CANVAS", "It is no literal; the places and ids of nodes are lost.")
        self.canvas: dict[str, Any] = canvas if isinstance(canvas, dict) else {}
        self.table = tables.get("EDGES")
        self.docstring = (ast.get_docstring(module, clean=False) or "").strip()
        self.names = [name for name in graph.nodes if name != DISPATCH or "EDGES" not in tables]
        ids = tables["NODE_IDS"]
        self.ids = {name: ids[name] if isinstance(ids.get(name), str) and ids[name] else name for name in self.names}
        self.choices = self._choices()

    def workflow(self) -> Workflow:
        drawn = self._drawn()
        nodes = self._nodes(drawn)
        ends = [node.id for node in nodes if node.type == "end" and not is_graph_node(node)]
        start = next((node.id for node in nodes if node.type == "start"), "start")
        now = list(self._edges(start, nodes))
        if not ends and any(edge.target == END for edge in now):
            end = _free("end", {node.id for node in nodes})
            nodes, ends = [*nodes, Node(end, "end")], [end]
        now = [replace(edge, target=ends[0]) if edge.target == END else edge for edge in now]
        plain = Workflow(drawn.name, tuple(nodes), tuple(now), drawn.description, drawn.metadata)
        if "edges" not in self.canvas:
            return plain
        return replace(plain, edges=tuple(self._merged(plain, drawn.edges, ends)))

    def _drawn(self) -> Workflow:
        """Return what ``CANVAS`` says, with what stands there of name and description or else in the docstring."""
        title, _, described = self.docstring.removeprefix(TITLE).partition("\n")
        document = {
            "name": self._text("name", title),
            "description": self._text("description", described),
            "nodes": self.canvas.get("nodes", []),
            "edges": self.canvas.get("edges", []),
            "metadata": self.canvas.get("metadata", {}),
        }
        try:
            return BUILDER.read(document)
        except BuilderError as error:
            raise unreadable(f"must have a CANVAS of the form of a workflow ({error})") from None

    def _text(self, field: str, said: str) -> str:
        """Return a text of ``CANVAS`` unless the docstring has been changed since it was written from it."""
        said = said.strip()
        kept = self.canvas.get(field)
        if isinstance(kept, str) and (harmless(kept) or ("Workflow" if field == "name" else "")) == said:
            return kept
        return said

    # -- nodes -----------------------------------------------------------------------------------------------------

    def _nodes(self, drawn: Workflow) -> list[Node]:
        made = {self.ids[name]: self._said(name) for name in self.names}
        if "nodes" not in self.canvas:
            return [Node("start", "start"), *(Node(id_, kind, freeze(data)) for id_, (kind, data) in made.items())]
        found: list[Node] = []
        for node in drawn.nodes:
            if node.id in made:
                kind, data = made.pop(node.id)
                is_mute = kind == "router" and not any(self.ids[name] == node.id for name in self.choices)
                found.append(_with_said(node, kind, data, is_mute=is_mute))
            elif not _was_graph_node(node):
                found.append(node)
        return [*found, *(Node(id_, kind, freeze(data)) for id_, (kind, data) in made.items())]

    def _said(self, name: str) -> tuple[str, dict[str, Any]]:
        """Return the type of a node and what the code says of it."""
        draft = self.graph.nodes[name]
        decision = self.choices.get(name)
        function = draft.action if isinstance(draft.action, Function) else None
        said = said_by(function, decision, self.program) if function is not None else None
        if said is not None:
            return said
        found = understand(draft, self.program, StatePath(), decides=decision is not None)
        return found.type, found.data

    def _choices(self) -> dict[str, Choices]:
        """Return the routing functions by the graph name of their node."""
        functions: dict[str, Any] = {branch.source: branch.path for branch in self.graph.branches}
        routes = self.program.globals.names.get("ROUTES")
        if self.table is not None and isinstance(routes, dict):
            functions |= routes
        found = {}
        for name, function in functions.items():
            decision = choices_of(function, self.program) if isinstance(function, Function) else None
            if decision is not None and name in self.ids:
                found[name] = decision
            else:
                node = self.graph.nodes.get(name)
                self.program.report.add(node.node if node else None, name, "How it chooses cannot be read any more.")
        return found

    # -- edges -----------------------------------------------------------------------------------------------------

    def _edges(self, start: str, nodes: list[Node]) -> Iterator[Edge]:
        """Yield the edges of the code in the order of its lines; the end is ``__end__``."""
        ids = {**self.ids, START: start, END: END}
        ends = {node.id for node in nodes if node.type == "end"}
        if isinstance(self.table, list):
            routed = [edge for name in self.choices for edge in self._edges_of_choice(name, ids)]
            yield from table_edges(self._rows(ids, ends), routed, END.__eq__)
            return
        for edge in self.graph.edges:
            if edge.source in ids and edge.target in ids:
                if ids[edge.source] not in ends:
                    yield Edge(ids[edge.source], ids[edge.target])
            else:
                self.program.report.add(
                    edge.node, source_of(edge.node), "It names a node that the graph does not have."
                )
        for name in self.choices:
            yield from self._edges_of_choice(name, ids)

    def _edges_of_choice(self, name: str, ids: Mapping[str, str]) -> Iterator[Edge]:
        for label, target in self.choices[name].edges:
            if target in ids:
                yield Edge(ids[name], ids[target], label=label)
            else:
                why = "It names a node that the graph does not have."
                self.program.report.add(self.graph.nodes[name].node, str(target), why)

    def _rows(self, ids: Mapping[str, str], ends: set[str]) -> Iterator[Edge]:
        for pair in self.table or ():
            if not (isinstance(pair, tuple) and len(pair) == 2 and pair[0] in ids and pair[1] in ids):
                self.program.report.add(None, f"EDGES: {pair}"[:100], "It names a node that the graph does not have.")
            elif ids[pair[0]] not in ends:
                yield Edge(ids[pair[0]], ids[pair[1]])

    def _merged(self, plain: Workflow, drawn: tuple[Edge, ...], ends: list[str]) -> Iterator[Edge]:
        """Yield the drawn edges without those that are gone from the code, then those that are new there."""
        known = {node.id for node in plain.nodes}
        gone_nodes = {node.id for node in self._drawn().nodes} - known
        kept = [edge for edge in drawn if edge.source not in gone_nodes and edge.target not in gone_nodes]
        try:
            before = readable_edges(replace(plain, edges=tuple(kept)))
        except (BuilderError, StopIteration, KeyError):
            before = []
        was, now = {_key(edge, ends) for edge in before}, {_key(edge, ends) for edge in plain.edges}
        gone = {key[:2] for key in was - now}
        for edge in kept:
            key = _key(edge, ends)
            if key[:2] not in gone or key in now:
                yield edge
        yield from (edge for edge in plain.edges if _key(edge, ends) not in was)


def _key(edge: Edge, ends: list[str]) -> tuple[str, str, str | None]:
    return edge.source, END if edge.target in ends else edge.target, edge.route_label


def _was_graph_node(node: Node) -> bool:
    """Say whether a node of ``CANVAS`` had a function: what the code says of it is not in its data."""
    return node.type not in ("start", "end")


def _with_said(node: Node, kind: str, said: Mapping[str, Any], *, is_mute: bool) -> Node:
    """Return a node of ``CANVAS`` with what the code says of it. It says nothing of mute routers."""
    if kind != node.type:
        return replace(node, type=kind, data=freeze(said))
    both = replace(node, data=freeze({**said, **node.data}))
    would_say = ({} if is_mute else said_data(both)) | ({"name": name} if (name := said_name(both)) is not None else {})
    data: dict[str, Any] = {}
    for key, value in both.data.items():
        if key not in said:
            if key not in would_say or key == "name":
                data[key] = value
        elif key in node.data and _same(would_say.get(key), said[key]):
            data[key] = node.data[key]
        else:
            data[key] = said[key]
    return replace(node, data=freeze(data))


def _same(one: Any, other: Any) -> bool:
    return canonical_json(one) == canonical_json(other)


def _free(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found
