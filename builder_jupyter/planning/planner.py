"""Choose the nodes of a run, order them, and refuse what cannot run.

Source: spec builder-studio §7.3: a trigger run takes everything reachable from the trigger and the side inputs that
this needs; a target run takes the node and everything it depends on.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.graph.algorithms import reachable
from builder_jupyter.graph.model import Edge, Node, Port, Profile, Workflow
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.plan import Mode, Plan, PlannedEdge, PlannedStep
from builder_jupyter.planning.topology import topology_of


def plan_trigger(workflow: Workflow, trigger: str, *, registry: Registry, version: int = 1) -> Plan:
    """Return the plan of a run that starts at a trigger node.

    Raises
    ------
    NotFound : ``NODE_NOT_FOUND``, or ``UNKNOWN_NODE_TYPE`` for a node that takes part.
    InvalidInput : ``NOT_A_TRIGGER``, ``CYCLE_DETECTED``, ``MISSING_REQUIRED_INPUT``, ``INVALID_NODE_DATA``.
    """
    graph = _Graph(workflow, registry)
    node_type = graph.type_of(graph.node(trigger))
    if not node_type.is_trigger:
        raise InvalidInput(
            f"Node {trigger!r} is a {node_type.type} node, which cannot start a run.",
            code="NOT_A_TRIGGER",
            hint=f"Name one of: {', '.join(graph.triggers()) or 'none in this workflow'}.",
        )
    downstream = reachable([trigger], graph.successors)
    return graph.plan(Mode.TRIGGER, trigger, reachable(downstream, graph.predecessors), version)


def plan_target(workflow: Workflow, target: str, *, registry: Registry, version: int = 1) -> Plan:
    """Return the plan of a run that produces one node: the node and everything upstream. Raises as `plan_trigger`."""
    graph = _Graph(workflow, registry)
    graph.node(target)
    return graph.plan(Mode.TARGET, target, reachable([target], graph.predecessors), version)


def find_trigger(workflow: Workflow, *, registry: Registry) -> str:
    """Return the id of the workflow's one trigger node.

    Raises `InvalidInput` with ``code="TRIGGER_REQUIRED"`` when there is none, or more than one to choose from.
    """
    triggers = _Graph(workflow, registry).triggers()
    if len(triggers) != 1:
        found = f"has {len(triggers)} ({', '.join(triggers)})" if triggers else "has none"
        raise InvalidInput(
            f"A run starts at a trigger node, and workflow {workflow.name!r} {found}.",
            code="TRIGGER_REQUIRED",
            hint="Name the trigger node to start from." if triggers else "Add a start or trigger node.",
        )
    return triggers[0]


class _Graph:
    """The usable part of a workflow: first node of each id, edges between nodes that exist, each edge once."""

    def __init__(self, workflow: Workflow, registry: Registry) -> None:
        self.workflow = workflow
        self.registry = registry
        self.nodes = workflow.nodes_by_id
        self.position = {node.id: index for index, node in reversed(list(enumerate(workflow.nodes)))}
        self.edges = list(self._usable())
        self.successors: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        self.predecessors: dict[str, list[str]] = {node_id: [] for node_id in self.nodes}
        for edge in self.edges:
            self.successors[edge.source].append(edge.target)
            self.predecessors[edge.target].append(edge.source)

    def _usable(self) -> Iterable[Edge]:
        seen: set[tuple[str | None, ...]] = set()
        closed_in = {n.id for n in self.nodes.values() if self._is(n, "start")}
        closed_out = {n.id for n in self.nodes.values() if self._is(n, "end")}
        for edge in self.workflow.edges:
            key = (edge.source, edge.target, edge.route_label, edge.source_port, edge.target_port)
            known = edge.source in self.nodes and edge.target in self.nodes
            if known and edge.target not in closed_in and edge.source not in closed_out and key not in seen:
                seen.add(key)
                yield edge

    def _is(self, node: Node, kind: str) -> bool:
        return self.workflow.profile is Profile.BUILDER and node.type == kind

    def node(self, node_id: str) -> Node:
        try:
            return self.nodes[node_id]
        except KeyError:
            raise NotFound(
                f"Workflow {self.workflow.name!r} has no node {node_id!r}.", code="NODE_NOT_FOUND"
            ) from None

    def type_of(self, node: Node) -> NodeType:
        return self.registry.get(self.workflow.profile, node.type)

    def triggers(self) -> list[str]:
        profile = self.workflow.profile
        return [n.id for n in self.nodes.values() if (t := self.registry.find(profile, n.type)) and t.is_trigger]

    def plan(self, mode: Mode, root: str, members: set[str], version: int) -> Plan:
        edges = [e for e in self.edges if e.source in members and e.target in members]
        order = sorted(members, key=self.position.__getitem__)
        at = {node_id: index for index, node_id in enumerate(order)}
        topology = topology_of(len(order), [(at[e.source], at[e.target]) for e in edges], at[root])
        waves = dict(zip(order, topology.levels, strict=True))
        steps = [self._step(self.nodes[node_id], waves[node_id]) for node_id in order]
        if self.workflow.profile is Profile.DIRECT:
            self._check_acyclic([order[region.head] for region in topology.regions[1:]])
            self._check_inputs(order, edges)
        steps.sort(key=lambda step: step.wave)
        return Plan(
            workflow_id=self.workflow.id or "",
            workflow_version=version,
            workflow_name=self.workflow.name,
            profile=self.workflow.profile,
            mode=mode,
            root=root,
            steps=tuple(steps),
            edges=tuple(self._edge(edge) for edge in edges),
        )

    def _step(self, node: Node, wave: int) -> PlannedStep:
        node_type = self.type_of(node)
        try:
            node_type.Data.model_validate(node.data)
        except ValidationError as error:
            raise InvalidInput(
                f"Node {node.id!r} cannot run with the data it has.",
                code="INVALID_NODE_DATA",
                details=[
                    {"field": ".".join(["data", *map(str, e["loc"])]), "error": e["msg"]} for e in error.errors()
                ],
            ) from None
        return PlannedStep(
            node.id, node.type, node.data, wave, node_type.credits, node_type.timeout_of(node)
        )

    def _edge(self, edge: Edge) -> PlannedEdge:
        if self.workflow.profile is Profile.BUILDER:
            return PlannedEdge(edge.source, edge.target, edge.route_label)
        source, target = self._ports(edge)
        return PlannedEdge(edge.source, edge.target, None, source, target)

    def _ports(self, edge: Edge) -> tuple[str | None, str | None]:
        """Return the ports an edge joins; where it names none, the first pair of one type. Source: §8.1."""
        outputs = self.type_of(self.nodes[edge.source]).outputs
        inputs = self.type_of(self.nodes[edge.target]).inputs
        for out in _choice(outputs, edge.source_port):
            for into in _choice(inputs, edge.target_port):
                if out.type is into.type:
                    return out.name, into.name
        return edge.source_port, edge.target_port

    def _check_acyclic(self, heads: list[str]) -> None:
        if heads:
            raise InvalidInput(
                f"The connections into {', '.join(map(repr, heads))} close a circle.",
                code="CYCLE_DETECTED",
                details={"nodeIds": heads},
            )

    def _check_inputs(self, order: list[str], edges: list[Edge]) -> None:
        wired = {(e.target, self._ports(e)[1]) for e in edges}
        for node_id in order:
            node = self.nodes[node_id]
            node_type = self.type_of(node)
            for port in node_type.inputs:
                if port.required and (node_id, port.name) not in wired and not node_type.own_input(node, port.name):
                    raise InvalidInput(
                        f"Node {node_id!r} needs something on its input {port.name!r}.",
                        code="MISSING_REQUIRED_INPUT",
                        details={"nodeId": node_id, "port": port.name},
                    )


def _choice(ports: tuple[Port, ...], name: str | None) -> list[Port]:
    return [port for port in ports if name is None or port.name == name]
