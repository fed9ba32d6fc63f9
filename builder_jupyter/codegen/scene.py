"""What the writers of one module share: the workflow's facts, the options, and the names that the module uses."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

from builder_jupyter.codegen.options import Options
from builder_jupyter.codegen.parts import names_in
from builder_jupyter.codegen.quotes import statements
from builder_jupyter.codegen.shape import Shape, decides, plan_edges, shape_of
from builder_jupyter.codegen.spoken import texts
from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.graph.names import graph_names, input_keys
from builder_jupyter.nodes.chat import ToolSpec

STATE = "state"


class Scene:
    """One workflow on its way to code. Writers note in ``used`` every name of the module that they mention."""

    def __init__(self, workflow: Workflow, options: Options, tools: Sequence[ToolSpec]) -> None:
        self.workflow = workflow
        self.options = options
        self.specs = {spec.name: spec for spec in tools}
        self.nodes: Mapping[str, Node] = workflow.nodes_by_id
        self.names = graph_names(workflow)
        self.inputs = input_keys(workflow)
        self.shape: Shape = shape_of(workflow)
        self.used: set[str] = set()
        self.paths: set[str | int] = set()

    @cached_property
    def start(self) -> Node:
        """The one start node."""
        return next(node for node in self.nodes.values() if node.type == "start")

    @cached_property
    def edges(self) -> list[Edge]:
        """The edges that connect something, each once."""
        return plan_edges(self.workflow)

    @cached_property
    def outgoing(self) -> dict[str, list[Edge]]:
        """The edges that leave each node."""
        found: dict[str, list[Edge]] = {node_id: [] for node_id in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return found

    @cached_property
    def first(self) -> set[str]:
        """The nodes that a run begins with."""
        return {edge.target for edge in self.outgoing[self.start.id]}

    @cached_property
    def graph_nodes(self) -> list[Node]:
        """The nodes that have a function, in request order."""
        return [self.nodes[node_id] for node_id in self.names]

    @cached_property
    def has_tools(self) -> bool:
        """Whether anything calls a tool."""
        return any(node.type == "tool" or is_agent_with_tools(node) for node in self.graph_nodes)

    def begins(self, node: Node) -> bool:
        """Say whether a node must write the message that a run without messages begins with."""
        return bool(self.inputs) and not self.shape.dispatched and node.id in self.first

    def decides(self, node: Node) -> bool:
        """Say whether a routing function follows a node."""
        edges = self.outgoing[node.id]
        return bool(edges) and decides(node, edges)

    def target(self, node_id: str) -> ast.expr:
        """Return the name of a node in lists of targets: a text, or ``END``."""
        name = self.names.get(node_id)
        if name is not None:
            return ast.Constant(name)
        self.used.add("END")
        return ast.Name("END")

    def targets(self, edges: Sequence[Edge]) -> ast.List:
        """Return a list of targets, each once."""
        ids = {self.names.get(edge.target, ""): edge.target for edge in edges}
        return ast.List([self.target(node_id) for node_id in ids.values()])

    def write(self, snippet: str, **values: ast.expr) -> list[ast.stmt]:
        """Return the statements of a snippet of ours, and note what it uses."""
        self.used |= _names(snippet)
        return statements(snippet, is_async=self.options.async_mode, **values)

    def lookup(self, path: Sequence[str | int]) -> ast.expr:
        """Return the expression that reads a path of the state; the text of one message needs no walk."""
        if len(path) == 2 and path[0] == "messages" and isinstance(path[1], int):
            self.used.add("message_at")
            return ast.Call(ast.Name("message_at"), [ast.Name(STATE), _step(path[1])], [])
        self.used.add("lookup")
        self.paths.add(path[0])
        return ast.Call(ast.Name("lookup"), [ast.Name(STATE), *(_step(step) for step in path)], [])


def is_agent_with_tools(node: Node) -> bool:
    """Say whether a node is an agent that may call tools."""
    return node.type == "agent" and bool(texts(node.data.get("tools")))


def _step(step: str | int) -> ast.expr:
    if isinstance(step, int) and step < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-step))
    return ast.Constant(step)


@lru_cache(maxsize=256)
def _names(snippet: str) -> frozenset[str]:
    return frozenset(name for statement in statements(snippet) for name in names_in(statement))
