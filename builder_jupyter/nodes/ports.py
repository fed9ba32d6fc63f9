"""Which output may feed which input. Source: spec builder-studio §8.1."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from builder_jupyter.graph.model import Port, PortType

if TYPE_CHECKING:
    from builder_jupyter.nodes.base import NodeType

_FEEDS: dict[PortType, frozenset[PortType]] = {
    PortType.TEXT: frozenset({PortType.TEXT, PortType.CONTEXT}),
    PortType.IMAGE: frozenset({PortType.IMAGE, PortType.MEDIA, PortType.CONTEXT}),
    PortType.VIDEO: frozenset({PortType.VIDEO, PortType.MEDIA, PortType.CONTEXT}),
    PortType.AUDIO: frozenset({PortType.AUDIO, PortType.MEDIA, PortType.CONTEXT}),
    PortType.MEDIA: frozenset({PortType.MEDIA, PortType.CONTEXT}),
    PortType.CONTEXT: frozenset({PortType.CONTEXT}),
    PortType.BOOLEAN: frozenset({PortType.BOOLEAN}),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why two ports cannot be joined: ``code`` is a word of the compatibility rules, in upper case."""

    code: str
    reason: str


def feeds(output: PortType, into: PortType) -> bool:
    """Say whether what an output of one type carries may enter an input of another."""
    return into in _FEEDS[output]


def fed_by(output: Port) -> list[str]:
    """Return the types of the inputs that an output may enter, in the order of their names."""
    return sorted(map(str, _FEEDS[output.type]))


def join_ports(
    source: NodeType, target: NodeType, *, source_port: str | None = None, target_port: str | None = None
) -> tuple[Port, Port] | Refusal:
    """Return the output and the input that an edge joins; where a port is not named, the first that fits.

    Refusals, first match wins: ``UNKNOWN_PORT``, ``WRONG_DIRECTION``, ``INCOMPATIBLE_TYPES``.
    """
    refused = [
        refusal
        for refusal in (
            _check_end(source, source_port, source.outputs, source.inputs, "output"),
            _check_end(target, target_port, target.inputs, target.outputs, "input"),
        )
        if refusal is not None
    ]
    if refused:
        return min(refused, key=lambda refusal: refusal.code != "UNKNOWN_PORT")
    outputs = [port for port in source.outputs if source_port in (None, port.name)]
    inputs = [port for port in target.inputs if target_port in (None, port.name)]
    for output, into in product(outputs, inputs):
        if feeds(output.type, into.type):
            return output, into
    return Refusal("INCOMPATIBLE_TYPES", f"{_types(outputs)} cannot feed {_types(inputs)}")


def _check_end(
    node_type: NodeType, name: str | None, ports: tuple[Port, ...], others: tuple[Port, ...], noun: str
) -> Refusal | None:
    if name is None or any(port.name == name for port in ports):
        return None
    if any(port.name == name for port in others):
        return Refusal("WRONG_DIRECTION", f"{name!r} of {node_type.type!r} is not an {noun}")
    known = ", ".join(port.name for port in ports) or "none"
    return Refusal("UNKNOWN_PORT", f"{node_type.type!r} has no {noun} {name!r} (it has: {known})")


def _types(ports: list[Port]) -> str:
    return " or ".join(sorted({str(port.type) for port in ports})) or "nothing"
