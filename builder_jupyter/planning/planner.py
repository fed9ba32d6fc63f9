"""Choose the nodes of a run, order them, and refuse what cannot run.

Source: spec builder-studio §7.3: a trigger run takes everything reachable from the trigger and the side inputs that
this needs; a target run takes the node and everything it depends on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pydantic import ValidationError

from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.graph.algorithms import reachable, upstream
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow
from builder_jupyter.graph.names import graph_names
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.nodes.ports import Refusal, join_ports
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.nodes.retry import RetryPolicy
from builder_jupyter.planning.plan import Mode, Plan, PlannedEdge, PlannedStep
from builder_jupyter.planning.topology import topology_of
from builder_jupyter.validation.facts import Facts

Children = Mapping[str, Plan]
"""The plans of the workflows that nodes run as a part of their own, by workflow id."""


def plan_trigger(
    workflow: Workflow, trigger: str, *, registry: Registry, version: int = 1, children: Children = MappingProxyType({})
) -> Plan:
    """Return the plan of a run that starts at a trigger node.

    Raises
    ------
    NotFound : ``NODE_NOT_FOUND``, or ``UNKNOWN_NODE_TYPE`` for a node that takes part.
    InvalidInput : ``NOT_A_TRIGGER``, ``MISSING_REQUIRED_INPUT``, ``INVALID_NODE_DATA``.
    """
    graph = _Graph(workflow, registry, children)
    node_type = graph.type_of(graph.node(trigger))
    if not node_type.is_trigger:
        raise InvalidInput(
            f"Node {trigger!r} is a {node_type.type} node, which cannot start a run.",
            code="NOT_A_TRIGGER",
            hint=f"Name one of: {', '.join(graph.triggers()) or 'none in this workflow'}.",
        )
    downstream = reachable(graph.facts.successors, [trigger])
    return graph.plan(Mode.TRIGGER, trigger, upstream(graph.facts.successors, downstream), version)


def plan_target(
    workflow: Workflow, target: str, *, registry: Registry, version: int = 1, children: Children = MappingProxyType({})
) -> Plan:
    """Return the plan of a run that produces one node: the node and everything upstream. Raises as `plan_trigger`."""
    graph = _Graph(workflow, registry, children)
    graph.node(target)
    return graph.plan(Mode.TARGET, target, upstream(graph.facts.successors, [target]), version)


def plan_canvas(
    workflow: Workflow, *, registry: Registry, version: int = 1, children: Children = MappingProxyType({})
) -> Plan:
    """Return the plan of a run of all that is connected. Raises as `plan_trigger`, and ``NOTHING_TO_RUN``."""
    graph = _Graph(workflow, registry, children)
    joined = {end for edge in graph.facts.usable_edges for end in (edge.source, edge.target)}
    members = joined or {node_id for node_id in graph.nodes if len(graph.nodes) == 1}
    if not members:
        raise InvalidInput(
            f"Nothing in workflow {workflow.name!r} is connected.",
            code="NOTHING_TO_RUN",
            hint="Draw edges between the nodes that are to run, or name one of them.",
        )
    return graph.plan(Mode.CANVAS, "", members, version)


def find_trigger(workflow: Workflow, *, registry: Registry) -> str:
    """Return the id of the workflow's one trigger node.

    Raises `InvalidInput` with ``code="TRIGGER_REQUIRED"`` when there is none, or more than one to choose from.
    """
    triggers = _Graph(workflow, registry, {}).triggers()
    if len(triggers) != 1:
        found = f"has {len(triggers)} ({', '.join(triggers)})" if triggers else "has none"
        raise InvalidInput(
            f"A run starts at a trigger node, and workflow {workflow.name!r} {found}.",
            code="TRIGGER_REQUIRED",
            hint="Name the trigger node to start from." if triggers else "Add a start or trigger node.",
        )
    return triggers[0]


class _Graph:
    """A workflow as the planner sees it: the first node of each id, and each usable edge once."""

    def __init__(self, workflow: Workflow, registry: Registry, children: Children) -> None:
        self.children = children
        self.workflow = workflow
        self.registry = registry
        self.facts = Facts(workflow, registry=registry, tool_names=None)
        self.nodes = self.facts.nodes

    def node(self, node_id: str) -> Node:
        try:
            return self.nodes[node_id]
        except KeyError:
            raise NotFound(f"Workflow {self.workflow.name!r} has no node {node_id!r}.", code="NODE_NOT_FOUND") from None

    def type_of(self, node: Node) -> NodeType:
        return self.registry.get(self.workflow.profile, node.type)

    def triggers(self) -> list[str]:
        found = ((node_id, self.facts.kind(node_id)) for node_id in self.nodes)
        return [node_id for node_id, node_type in found if node_type is not None and node_type.is_trigger]

    def plan(self, mode: Mode, root: str, members: set[str], version: int) -> Plan:
        order = [node_id for node_id in self.nodes if node_id in members and self.type_of(self.nodes[node_id]).executes]
        if not order:
            raise InvalidInput(
                f"Nothing that could run is there for {root or self.workflow.name!r}.",
                code="NOTHING_TO_RUN",
                hint="Text, shapes, documents and code are never run.",
            )
        edges = list(self._edges(members))
        at = {node_id: index for index, node_id in enumerate(order)}
        trigger = at[root] if mode is Mode.TRIGGER else None
        topology = topology_of(len(order), [(at[e.source], at[e.target]) for e in edges], trigger)
        names = graph_names(self.workflow) if self.workflow.profile is Profile.BUILDER else {}
        steps = [
            self._step(self.nodes[node_id], wave, names.get(node_id))
            for node_id, wave in zip(order, topology.levels, strict=True)
        ]
        if self.workflow.profile is Profile.DIRECT:
            self._check_inputs(order, edges)
        return Plan(
            workflow_id=self.workflow.id or "",
            workflow_version=version,
            workflow_name=self.workflow.name,
            profile=self.workflow.profile,
            mode=mode,
            root=root,
            steps=tuple(sorted(steps, key=lambda step: step.wave)),
            edges=tuple(edges),
            price_version=self.registry.price_version,
            tags=tuple(tag for tag in self.workflow.metadata.get("tags", ()) if isinstance(tag, str)),
        )

    def _edges(self, members: set[str]) -> Iterable[PlannedEdge]:
        usable = (e for e in self.facts.usable_edges if e.source in members and e.target in members)
        return dict.fromkeys(map(self._edge, usable))

    def _step(self, node: Node, wave: int, name: str | None) -> PlannedStep:
        node_type = self.type_of(node)
        try:
            node_type.Data.model_validate(node.data)
        except ValidationError as error:
            raise _invalid(node, error, "data") from None
        child = node_type.child_of(node)
        return PlannedStep(
            node.id, node.type, node.data, wave, node_type.credits, node_type.timeout_of(node),
            _retry_of(node, node_type), None if child is None else self._child(node, child), name,
        )  # fmt: skip

    def _child(self, node: Node, workflow_id: str) -> Plan:
        try:
            return self.children[workflow_id]
        except KeyError:
            raise InvalidInput(
                f"Node {node.id!r} runs workflow {workflow_id!r}, which is not to be found.",
                code="CHILD_WORKFLOW_NOT_FOUND",
            ) from None

    def _edge(self, edge: Edge) -> PlannedEdge:
        if self.workflow.profile is Profile.BUILDER:
            return PlannedEdge(edge.source, edge.target, edge.route_label)
        ports = join_ports(
            self.type_of(self.nodes[edge.source]),
            self.type_of(self.nodes[edge.target]),
            source_port=edge.source_port,
            target_port=edge.target_port,
        )
        if isinstance(ports, Refusal):
            raise InvalidInput(
                f"The connection {edge.source!r} -> {edge.target!r} is not possible: {ports.reason}.",
                code=ports.code,
            )
        return PlannedEdge(edge.source, edge.target, None, ports[0].name, ports[1].name)

    def _check_inputs(self, order: list[str], edges: list[PlannedEdge]) -> None:
        wired = {(edge.target, edge.target_port) for edge in edges}
        for node in map(self.nodes.__getitem__, order):
            node_type = self.type_of(node)
            for port in node_type.inputs:
                if port.required and (node.id, port.name) not in wired and not node_type.own_input(node, port.name):
                    raise InvalidInput(
                        f"Node {node.id!r} needs something on its input {port.name!r}.",
                        code="MISSING_REQUIRED_INPUT",
                        details={"nodeId": node.id, "port": port.name},
                    )


def _retry_of(node: Node, node_type: NodeType) -> RetryPolicy:
    """Return the node's own retry policy, else its type's."""
    own = node.data.get("retry")
    if own is None:
        return node_type.retry
    try:
        return RetryPolicy.model_validate(own)
    except ValidationError as error:
        raise _invalid(node, error, "data", "retry") from None


def _invalid(node: Node, error: ValidationError, *place: str) -> InvalidInput:
    found = [{"field": ".".join([*place, *map(str, e["loc"])]), "error": e["msg"]} for e in error.errors()]
    return InvalidInput(f"Node {node.id!r} cannot run with the data it has.", code="INVALID_NODE_DATA", details=found)
