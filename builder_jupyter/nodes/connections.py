"""Whether two nodes of a workflow may be joined: one answer for tools, editors and validation.

Source: spec builder-studio §8.1. The codes stand here in the order in which they are looked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING

from builder_jupyter.graph.algorithms import adjacency, reachable
from builder_jupyter.graph.model import Port, Profile
from builder_jupyter.nodes.ports import Refusal, feeds, join_ports

if TYPE_CHECKING:
    from builder_jupyter.graph.model import Workflow
    from builder_jupyter.nodes.base import NodeType
    from builder_jupyter.nodes.registry import Registry

REFUSALS = (
    "SELF_CONNECTION", "UNKNOWN_NODE", "UNKNOWN_PORT", "WRONG_DIRECTION", "INCOMPATIBLE_TYPES", "DUPLICATE_EDGE",
    "INPUT_OCCUPIED", "CYCLE", "LOCKED",
)  # fmt: skip
"""Why a connection may be refused; the first that applies is told."""

Joint = tuple[str, str | None, str, str | None]
"""What an edge joins: source node and port, target node and port; no ports in workflows whose edges carry control."""


def connect(
    workflow: Workflow,
    registry: Registry,
    source: str,
    target: str,
    *,
    source_port: str | None = None,
    target_port: str | None = None,
    may_edit: bool = True,
) -> Joint | Refusal:
    """Return what a new edge between two nodes would join, or why there must be none.

    A port that is not named is chosen: of the pairs that fit the first whose input is free, else the first. Edges of
    builder workflows carry control, not values: they have no ports, and loops are for validation to judge.
    """
    if source == target:
        return Refusal("SELF_CONNECTION", f"{source!r} cannot feed itself")
    nodes = workflow.nodes_by_id
    missing = [end for end in (source, target) if end not in nodes]
    if missing:
        return Refusal("UNKNOWN_NODE", f"there is no node {missing[0]!r}")
    joined = _choose(workflow, registry, (source, source_port, target, target_port))
    if isinstance(joined, Refusal):
        return joined
    if workflow.profile is Profile.DIRECT and _closes_cycle(workflow, source, target):
        return Refusal("CYCLE", f"{target!r} leads to {source!r} already")
    if not may_edit:
        return Refusal("LOCKED", "this credential may not edit the workflow")
    return joined


class Wired:
    """The joints that there are already, asked in constant time."""

    def __init__(self, joints: Iterable[Joint] = ()) -> None:
        self._joints: set[Joint] = set()
        self._inputs: set[tuple[str, str | None]] = set()
        for joint in joints:
            self.add(joint)

    def add(self, joint: Joint) -> None:
        """Take note of one more."""
        self._joints.add(joint)
        self._inputs.add(joint[2:])

    def refusal(self, joint: Joint, into: Port | None) -> Refusal | None:
        """Return why a joint cannot be added, None when it can. ``into`` is the input that it enters."""
        source, _, target, target_port = joint
        if joint in self._joints:
            return Refusal("DUPLICATE_EDGE", f"{source!r} feeds {target!r} there already")
        if into is not None and not into.multiple and joint[2:] in self._inputs:
            return Refusal("INPUT_OCCUPIED", f"the input {target_port!r} of {target!r} takes one edge and has it")
        return None


def joints(workflow: Workflow, registry: Registry) -> list[Joint]:
    """Return what the edges of a workflow join, as far as their ports fit, in their order."""
    nodes = workflow.nodes_by_id
    found: list[Joint] = []
    for edge in workflow.edges:
        if workflow.profile is not Profile.DIRECT:
            found.append((edge.source, edge.route_label, edge.target, None))
            continue
        kinds = [registry.find(workflow.profile, nodes[end].type) for end in (edge.source, edge.target) if end in nodes]
        if len(kinds) < 2 or kinds[0] is None or kinds[1] is None:
            continue
        pair = join_ports(kinds[0], kinds[1], source_port=edge.source_port, target_port=edge.target_port)
        if not isinstance(pair, Refusal):
            found.append((edge.source, pair[0].name, edge.target, pair[1].name))
    return found


def _choose(workflow: Workflow, registry: Registry, wanted: Joint) -> Joint | Refusal:
    source, source_port, target, target_port = wanted
    wired = Wired(joints(workflow, registry))
    if workflow.profile is not Profile.DIRECT:
        joint: Joint = (source, source_port, target, None)
        return wired.refusal(joint, None) or joint
    nodes = workflow.nodes_by_id
    kinds = [registry.get(workflow.profile, nodes[end].type) for end in (source, target)]
    first = join_ports(kinds[0], kinds[1], source_port=source_port, target_port=target_port)
    if isinstance(first, Refusal):
        return first
    refused: Refusal | None = None
    for output, into in _pairs(kinds[0], kinds[1], source_port, target_port):
        joint = (source, output.name, target, into.name)
        refusal = wired.refusal(joint, into)
        if refusal is None:
            return joint
        refused = refused or refusal
    return refused or (source, first[0].name, target, first[1].name)


def _pairs(
    source: NodeType, target: NodeType, source_port: str | None, target_port: str | None
) -> list[tuple[Port, Port]]:
    outputs = [port for port in source.outputs if source_port in (None, port.name)]
    inputs = [port for port in target.inputs if target_port in (None, port.name)]
    return [(output, into) for output, into in product(outputs, inputs) if feeds(output.type, into.type)]


def _closes_cycle(workflow: Workflow, source: str, target: str) -> bool:
    successors = adjacency(workflow.nodes_by_id, ((edge.source, edge.target) for edge in workflow.edges))
    return source in reachable(successors, [target])
