"""What the rules ask about a graph, computed once. Linear in nodes and edges."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from builder_jupyter.graph.algorithms import adjacency, loops, reachable, reverse, upstream
from builder_jupyter.graph.dialects import Dialect, dialect_of
from builder_jupyter.graph.dialects.faults import MAX_NODE_ID
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow
from builder_jupyter.nodes.connections import Wired
from builder_jupyter.nodes.patterns import Condition, read_conditions
from builder_jupyter.nodes.ports import Refusal, join_ports
from builder_jupyter.validation.spelling import Spelling

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
        self._conditions: dict[int, list[Condition]] = {}

    @property
    def dialect(self) -> Dialect:
        """The wire shape in which fixes write nodes and edges."""
        return dialect_of(self.workflow.profile)

    @property
    def id_name(self) -> str:
        """What a node's id is called there."""
        return self.dialect.node_id[0]

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
        for node_id, kind in ((edge.source, source), (edge.target, target)):
            if kind is not None and not kind.executes:
                return f"touches {node_id!r}, which never runs"
        if source is not None and edge.source_port is None and not source.outputs:
            return f"leaves {edge.source!r}, which has no outputs"
        if target is not None and edge.target_port is None and not target.inputs:
            return f"enters {edge.target!r}, which has no inputs"
        return None

    def kind(self, node_id: str) -> NodeType | None:
        """Return the node type of a node, or None when it is not registered."""
        return self.registry.find(self.workflow.profile, self.nodes[node_id].type)

    @cached_property
    def stopping(self) -> list[str]:
        """The reached nodes, ends apart, whose branch stops."""
        return self.select(lambda node: node.type != "end" and not self.successors[node.id])

    def conditions(self, node: Node) -> list[Condition]:
        """Return a router's conditions; every rule about routers asks for them."""
        found = self._conditions.get(id(node))
        if found is None:
            found = self._conditions[id(node)] = read_conditions(node.data)
        return found

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
        """The usable edges that must not be, with the reason; unknown types are not judged."""
        found = []
        wired = Wired()
        for edge in self.usable_edges:
            source, target = self.kind(edge.source), self.kind(edge.target)
            if source is None or target is None:
                continue
            ports = join_ports(source, target, source_port=edge.source_port, target_port=edge.target_port)
            if isinstance(ports, Refusal):
                found.append((edge, ports))
                continue
            joint = (edge.source, ports[0].name, edge.target, ports[1].name)
            refusal = wired.refusal(joint, ports[1])
            if refusal is not None:
                found.append((edge, refusal))
            wired.add(joint)
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

    @cached_property
    def predecessors(self) -> dict[str, list[str]]:
        """The different nodes from which each node has a usable edge."""
        return reverse(self.successors)

    @cached_property
    def incoming(self) -> dict[str, list[Edge]]:
        """The usable edges that enter each node."""
        edges: dict[str, list[Edge]] = {node_id: [] for node_id in self.nodes}
        for edge in self.usable_edges:
            edges[edge.target].append(edge)
        return edges

    @cached_property
    def looping(self) -> set[str]:
        """The nodes that are in some loop, reached or not."""
        return {node_id for group in loops(self.successors) for node_id in group}

    @cached_property
    def indices(self) -> dict[str, list[int]]:
        """The places of the nodes with each id."""
        places: dict[str, list[int]] = {}
        for i, node in enumerate(self.workflow.nodes):
            places.setdefault(node.id, []).append(i)
        return places

    @cached_property
    def node_ids(self) -> Spelling:
        """The ids there are, for those that are misspelt."""
        return Spelling(self.nodes)

    @cached_property
    def tools(self) -> Spelling:
        """The names of the tools on offer, likewise."""
        return Spelling(sorted(self.tool_names or ()))

    @cached_property
    def edge_places(self) -> dict[int, int]:
        """The place of each edge in the workflow, by ``id(edge)``."""
        return {id(edge): i for i, edge in enumerate(self.workflow.edges)}

    @cached_property
    def _edge_ids(self) -> Counter[str | None]:
        return Counter(edge.id for edge in self.workflow.edges)

    @cached_property
    def _node_places(self) -> dict[int, int]:
        return {id(node): i for i, node in enumerate(self.workflow.nodes)}

    @cached_property
    def _names(self) -> set[str]:
        return {name for edge in self.workflow.edges for name in (edge.source, edge.target)} | self.nodes.keys()

    def which_edge(self, edge: Edge) -> dict[str, Any]:
        """Return the fields by which a change names an edge: its id where that is its alone, else its place."""
        alone = edge.id and self._edge_ids[edge.id] == 1
        return {"edge_id": edge.id} if alone else {"index": self.edge_places[id(edge)]}

    def which_node(self, node: Node) -> dict[str, Any]:
        """Return the fields by which a change names a node."""
        return {"index": self._node_places[id(node)]} if self.is_shared(node.id) else {"node_id": node.id}

    def is_shared(self, node_id: str) -> bool:
        """Say whether several nodes have this id."""
        return len(self.indices[node_id]) > 1

    def fresh_id(self, base: str, taken: Collection[str] = ()) -> str:
        """Return an id that no node has, no edge names and is not in ``taken``: ``base_2``, ``base_3``, ..."""
        stem = base[: MAX_NODE_ID - 10]
        return next(name for i in count(2) if (name := f"{stem}_{i}") not in self._names and name not in taken)

    def select(self, condition: Callable[[Node], bool]) -> list[str]:
        """Return the ids of the reached nodes that meet a condition, in request order."""
        return [node_id for node_id, node in self.nodes.items() if node_id in self.reached and condition(node)]
