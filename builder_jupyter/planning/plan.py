"""The plan of an execution: a value that never changes once built, and all that an execution needs of its workflow.

Editing the workflow during a run changes nothing for that run. Source: spec builder-studio §7.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from typing import Any

from builder_jupyter.costs.prices import PUBLISHED
from builder_jupyter.graph.model import FrozenDict, Node, Profile, canonical_json, freeze, thaw
from builder_jupyter.money import Credits, credits_of, total
from builder_jupyter.nodes.retry import ONCE, RetryPolicy
from builder_jupyter.planning.topology import Topology, topology_of

RUN_TIMEOUT_SECONDS = 30 * 60.0
"""How long a run may take, without the time it waits. Source: spec builder-studio §7.6."""


class Mode(StrEnum):
    """How the nodes of a plan were chosen."""

    TRIGGER = "trigger"
    TARGET = "target"
    CANVAS = "canvas"


@dataclass(frozen=True)
class PlannedStep:
    """One node's part in a plan, with the snapshot of its data.

    ``wave`` is the longest-path level without back edges: steps of one wave form the parallel group of the seed's
    sibling rule. ``timeout_seconds`` bounds one attempt. ``child`` is the plan that a node with a workflow of its own
    runs. ``name`` is the node's graph name, if it has one; plans stored by older versions have none.
    """

    node_id: str
    node_type: str
    data: FrozenDict
    wave: int
    credits: Credits
    timeout_seconds: float | None
    retry: RetryPolicy = ONCE
    child: Plan | None = None
    name: str | None = None

    @cached_property
    def node(self) -> Node:
        """The node as it was at admission."""
        return Node(self.node_id, self.node_type, self.data)

    def to_dict(self) -> dict[str, Any]:
        """Return the stored shape of the step."""
        wire: dict[str, Any] = {
            "nodeId": self.node_id,
            "nodeType": self.node_type,
            "data": thaw(self.data),
            "wave": self.wave,
            "credits": str(self.credits),
            "timeoutSeconds": self.timeout_seconds,
        }
        if self.retry != ONCE:
            wire["retry"] = self.retry.to_dict()
        if self.child is not None:
            wire["child"] = self.child.to_dict()
        if self.name is not None:
            wire["name"] = self.name
        return wire

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> PlannedStep:
        """Read back what `to_dict` wrote."""
        return cls(
            wire["nodeId"],
            wire["nodeType"],
            freeze(wire["data"]),
            wire["wave"],
            credits_of(wire["credits"]),
            wire["timeoutSeconds"],
            RetryPolicy(**wire["retry"]) if "retry" in wire else ONCE,
            Plan.from_dict(wire["child"]) if "child" in wire else None,
            wire.get("name"),
        )


@dataclass(frozen=True, slots=True)
class PlannedEdge:
    """A connection between two steps of the plan. ``label`` is the route label; ports are None in builder graphs."""

    source: str
    target: str
    label: str | None = None
    source_port: str | None = None
    target_port: str | None = None


@dataclass(frozen=True)
class Plan:
    """Steps in order and the edges between them.

    ``steps`` are sorted by wave, then by place in the workflow; ``edges`` stand in workflow order. ``timeout_seconds``
    bounds the run, without the time it waits. ``price_version`` names the price list of its steps' ``credits``.
    ``tags`` are the workflow's, which its charges carry.
    """

    workflow_id: str
    workflow_version: int
    workflow_name: str
    profile: Profile
    mode: Mode
    root: str
    steps: tuple[PlannedStep, ...]
    edges: tuple[PlannedEdge, ...]
    timeout_seconds: float = RUN_TIMEOUT_SECONDS
    price_version: str = PUBLISHED
    tags: tuple[str, ...] = ()

    @cached_property
    def plan_id(self) -> str:
        """``pl_`` and the hash of the content: equal plans have equal ids and are stored once."""
        return f"pl_{hashlib.sha256(canonical_json(self.to_dict()).encode()).hexdigest()[:32]}"

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each step by node id."""
        return {step.node_id: index for index, step in enumerate(self.steps)}

    @cached_property
    def ways(self) -> tuple[tuple[tuple[str | None, ...], tuple[str, ...]], ...]:
        """The labels and the targets of the edges that lead out of each step, by position."""
        out = [[self.edges[index] for index in indexes] for indexes in self.topology.outgoing]
        return tuple((tuple(edge.label for edge in edges), tuple(edge.target for edge in edges)) for edges in out)

    @cached_property
    def ranks(self) -> tuple[int, ...]:
        """The order of steps that lie equally deep, by position: by graph name, as LangGraph orders what they write."""
        order = sorted(range(len(self.steps)), key=lambda step: (self.steps[step].name or "", step))
        return tuple(sorted(range(len(order)), key=order.__getitem__))

    @cached_property
    def result_keys(self) -> tuple[tuple[str, ...], ...]:
        """The keys under which templates find each step's result, by position.

        Its graph name, and its node id unless another node is called that. What a router chose is no result.
        """
        names = {step.name for step in self.steps}
        return tuple(map(partial(_result_keys, names), self.steps))

    @cached_property
    def has_ports(self) -> bool:
        """Whether values flow from port to port."""
        return any(edge.source_port for edge in self.edges)

    @cached_property
    def topology(self) -> Topology:
        """The graph of the plan by positions, with its loops."""
        at = self.positions
        trigger = at[self.root] if self.mode is Mode.TRIGGER else None
        return topology_of(len(self.steps), [(at[e.source], at[e.target]) for e in self.edges], trigger)

    @cached_property
    def total_credits(self) -> Credits:
        """What the plan costs when every step runs once; child executions are priced as they begin."""
        return total([step.credits for step in self.steps])

    def to_dict(self) -> dict[str, Any]:
        """Return the stored shape of the plan."""
        wire: dict[str, Any] = {
            "workflowId": self.workflow_id,
            "workflowVersion": self.workflow_version,
            "workflowName": self.workflow_name,
            "profile": str(self.profile),
            "mode": str(self.mode),
            "root": self.root,
            "timeoutSeconds": self.timeout_seconds,
            "steps": [step.to_dict() for step in self.steps],
            "edges": [[e.source, e.target, e.label, e.source_port, e.target_port] for e in self.edges],
        }
        if self.price_version != PUBLISHED:
            wire["priceVersion"] = self.price_version
        if self.tags:
            wire["tags"] = list(self.tags)
        return wire

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> Plan:
        """Read back what `to_dict` wrote."""
        return cls(
            workflow_id=wire["workflowId"],
            workflow_version=wire["workflowVersion"],
            workflow_name=wire["workflowName"],
            profile=Profile(wire["profile"]),
            mode=Mode(wire["mode"]),
            root=wire["root"],
            steps=tuple(PlannedStep.from_dict(step) for step in wire["steps"]),
            edges=tuple(PlannedEdge(*edge) for edge in wire["edges"]),
            timeout_seconds=wire.get("timeoutSeconds", RUN_TIMEOUT_SECONDS),
            price_version=wire.get("priceVersion", PUBLISHED),
            tags=tuple(wire.get("tags", ())),
        )


def _result_keys(names: Collection[str | None], step: PlannedStep) -> tuple[str, ...]:
    if step.node_type == "router":
        return ()
    if step.name is None or step.name == step.node_id:
        return (step.node_id,)
    return (step.name,) if step.node_id in names else (step.name, step.node_id)
