"""Where edges leave and arrive: the named ways out of nodes that choose, and the typed ports of Builder Studio's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes.ports import Refusal, join_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builder_jupyter.graph.model import Edge, Node, Workflow
    from builder_jupyter.nodes.base import NodeType
    from builder_jupyter.nodes.registry import Registry


UNNAMED = ""
"""The way out of edges without a label, or with one that the node does not know."""


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
        self._ways = {} if self._is_direct else dict(self._named_ways())
        for edge in workflow.edges:
            ways = self._ways.get(edge.source)
            if ways and edge.route_label not in ways and UNNAMED not in ways:
                self._ways[edge.source] = (*ways, UNNAMED)
        self._joined: dict[tuple[str, str, str | None, str | None], Ends] = {}

    def ways_out(self, node: Node) -> tuple[str, ...]:
        """Return the labels by which a node chooses, in the order in which they are drawn; none where it has ports.

        The last is `UNNAMED` where an edge leaves by none of them.
        """
        return self._ways.get(node.id, ())

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
            ways = self.ways_out(source)
            return Ends((edge.route_label if edge.route_label in ways else UNNAMED) if ways else None, None)
        key = (source.type, target.type, edge.source_port, edge.target_port)
        if key not in self._joined:
            self._joined[key] = self._join(*key)
        return self._joined[key]

    def _named_ways(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for node in self._nodes.values():
            kind = self._kinds.get(node.type)
            if kind is not None and (ways := tuple(kind.ways_out(node))):
                yield node.id, ways

    def _join(self, source: str, target: str, output: str | None, into: str | None) -> Ends:
        from_kind, to_kind = self._kinds.get(source), self._kinds.get(target)
        if from_kind is None or to_kind is None:
            return Ends(None, None)
        joined = join_ports(from_kind, to_kind, source_port=output, target_port=into)
        return Ends(None, None) if isinstance(joined, Refusal) else Ends(joined[0].name, joined[1].name)


def socket_list(ends: dict[Ends, None]) -> dict[str, Any]:
    """Return ``{"sockets": [[source, target], …]}`` of the edges between two nodes; nothing where none is named."""
    return {"sockets": [list(pair) for pair in ends]} if any(pair != (None, None) for pair in ends) else {}
