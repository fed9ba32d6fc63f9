"""Where edges leave and arrive: the named ways out of nodes that choose, and the typed ports of Builder Studio's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes.ports import Refusal, join_ports

if TYPE_CHECKING:
    from builder_jupyter.graph.model import Edge, Node, Workflow
    from builder_jupyter.nodes.base import NodeType
    from builder_jupyter.nodes.registry import Registry


class Ends(NamedTuple):
    """The sockets of an edge, by name; None where it leaves or arrives at the node as a whole."""

    source: str | None
    target: str | None


class Sockets:
    """The sockets of one workflow's nodes; each type and each node is asked once."""

    def __init__(self, workflow: Workflow, registry: Registry) -> None:
        self._nodes = workflow.nodes_by_id
        self._is_direct = workflow.profile is Profile.DIRECT
        self._kinds = {kind.type: kind for kind in registry.of(workflow.profile)}
        self._ways: dict[str, tuple[str, ...]] = {}
        self._joined: dict[tuple[str, str, str | None, str | None], Ends] = {}

    def ways_out(self, node: Node) -> tuple[str, ...]:
        """Return the labels by which a node chooses, in the order in which they are drawn; none where it has ports."""
        if self._is_direct:
            return ()
        if node.id not in self._ways:
            kind = self._kinds.get(node.type)
            self._ways[node.id] = tuple(kind.ways_out(node)) if kind else ()
        return self._ways[node.id]

    def ports_of(self, kind: NodeType) -> dict[str, list[dict[str, str]]]:
        """Return ``{"inputs", "outputs"}`` of a type, each ``{"name", "type"}``; empty where types have no sockets."""
        if not self._is_direct:
            return {}
        sides = {"inputs": kind.inputs, "outputs": kind.outputs}
        return {side: [{"name": port.name, "type": str(port.type)} for port in ports] for side, ports in sides.items()}

    def ends_of(self, edge: Edge) -> Ends:
        """Return the sockets that an edge joins; a port that it does not name is the first that fits."""
        source, target = self._nodes[edge.source], self._nodes[edge.target]
        if not self._is_direct:
            label = edge.route_label
            return Ends(label if label in self.ways_out(source) else None, None)
        key = (source.type, target.type, edge.source_port, edge.target_port)
        if key not in self._joined:
            self._joined[key] = self._join(*key)
        return self._joined[key]

    def _join(self, source: str, target: str, output: str | None, into: str | None) -> Ends:
        from_kind, to_kind = self._kinds.get(source), self._kinds.get(target)
        if from_kind is None or to_kind is None:
            return Ends(None, None)
        joined = join_ports(from_kind, to_kind, source_port=output, target_port=into)
        return Ends(None, None) if isinstance(joined, Refusal) else Ends(joined[0].name, joined[1].name)


def socket_list(ends: dict[Ends, None]) -> dict[str, Any]:
    """Return ``{"sockets": [[source, target], …]}`` of the edges between two nodes; nothing where none is named."""
    return {"sockets": [list(pair) for pair in ends]} if any(any(pair) for pair in ends) else {}
