"""What the rules ask about a graph, computed once. Linear in nodes and edges."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from builder_jupyter.graph.algorithms import adjacency, reachable, upstream
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow
from builder_jupyter.nodes.ports import Refusal, join_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from builder_jupyter.nodes.base import NodeType
    from builder_jupyter.nodes.registry import Registry


class Facts:
    """A workflow and what follows from its shape.

    Of several nodes with one id the first stands for all in ``nodes`` and in everything about edges
    (spec langgraph-builder §4.5); ``workflow.nodes`` has them all.
    """

    def __init__(self, workflow: Workflow, *, registry: Registry, tool_names: Collection[str] | None) -> None:
        self.workflow = workflow
        self.registry = registry
        self.tool_names = None if tool_names is None else frozenset(tool_names)
        self.nodes: dict[str, Node] = {}
        for node in workflow.nodes:
            self.nodes.setdefault(node.id, node)

    def of_type(self, *types: str) -> Iterator[Node]:
        """Yield all nodes of these types, duplicates included, in request order."""
        return (node for node in self.workflow.nodes if node.type in types)

    def ids_of_type(self, *types: str) -> list[str]:
        """Return the different ids that stand for a node of these types, in request order."""
        return [node_id for node_id, node in self.nodes.items() if node.type in types]

    def defect(self, edge: Edge) -> str | None:
        """Return why an edge connects nothing, as the end of a sentence; None for a usable edge."""
        missing = [end for end in dict.fromkeys((edge.source, edge.target)) if end not in self.nodes]
        if missing:
            return f"names {' and '.join(f'the missing node {end!r}' for end in missing)}"
        if self.workflow.profile is Profile.DIRECT:
            return self._portless(edge)
        if self.nodes[edge.target].type == "start":
            return f"enters the Start node {edge.target!r}"
        if self.nodes[edge.source].type == "end":
            return f"leaves the End node {edge.source!r}"
        return None

    def _portless(self, edge: Edge) -> str | None:
        """Say why an edge that names no port finds none: layout nodes (text, shapes) carry nothing."""
        source, target = self.kind(edge.source), self.kind(edge.target)
        if source is not None and edge.source_port is None and not source.outputs:
            return f"leaves {edge.source!r}, which has no outputs"
        if target is not None and edge.target_port is None and not target.inputs:
            return f"enters {edge.target!r}, which has no inputs"
        return None

    def kind(self, node_id: str) -> NodeType | None:
        """Return the node type of a node, or None when it is not registered."""
        return self.registry.find(self.workflow.profile, self.nodes[node_id].type)

    @cached_property
    def defects(self) -> list[tuple[Edge, str]]:
        """The edges that connect nothing, each with the reason."""
        return [(edge, reason) for edge in self.workflow.edges if (reason := self.defect(edge)) is not None]

    @cached_property
    def usable_edges(self) -> list[Edge]:
        """The edges that connect two nodes."""
        unused = {id(edge) for edge, _reason in self.defects}
        return [edge for edge in self.workflow.edges if id(edge) not in unused]

    @cached_property
    def refused(self) -> list[tuple[Edge, Refusal]]:
        """The usable edges whose ports do not fit, with the reason; unknown types are not judged."""
        found = []
        for edge in self.usable_edges:
            source, target = self.kind(edge.source), self.kind(edge.target)
            if source is None or target is None:
                continue
            ports = join_ports(source, target, source_port=edge.source_port, target_port=edge.target_port)
            if isinstance(ports, Refusal):
                found.append((edge, ports))
        return found

    @cached_property
    def outgoing(self) -> dict[str, list[Edge]]:
        """The usable edges that leave each node."""
        edges: dict[str, list[Edge]] = {node_id: [] for node_id in self.nodes}
        for edge in self.usable_edges:
            edges[edge.source].append(edge)
        return edges

    @cached_property
    def successors(self) -> dict[str, list[str]]:
        """The different nodes to which each node has a usable edge."""
        return adjacency(self.nodes, ((edge.source, edge.target) for edge in self.usable_edges))

    @cached_property
    def connected(self) -> set[str]:
        """The nodes that a usable edge touches."""
        return {end for edge in self.usable_edges for end in (edge.source, edge.target)}

    @cached_property
    def has_start(self) -> bool:
        """Whether there is a node of type start."""
        return any(True for _ in self.of_type("start"))

    @cached_property
    def reached(self) -> set[str]:
        """The nodes that some start reaches, starts included."""
        return reachable(self.successors, self.ids_of_type("start"))

    @cached_property
    def ending(self) -> set[str]:
        """The nodes from which some end can be reached, ends included."""
        return upstream(self.successors, self.ids_of_type("end"))

    def select(self, condition: Callable[[Node], bool]) -> list[str]:
        """Return the ids of the reached nodes that meet a condition, in request order."""
        return [node_id for node_id, node in self.nodes.items() if node_id in self.reached and condition(node)]
