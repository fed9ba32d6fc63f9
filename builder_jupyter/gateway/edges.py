"""Tools that join nodes, and that tell which joints are possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from builder_jupyter.errors import Conflict, Forbidden, InvalidInput, NotFound
from builder_jupyter.gateway.nodes import node_of, ports_of
from builder_jupyter.gateway.shapes import EdgeShown, Id, OnCanvas, PortShown, Removed, edge_name, show_edge
from builder_jupyter.gateway.tool import REMOVE, WRITE, Args, Call, Result, tool
from builder_jupyter.graph.edits import Change
from builder_jupyter.graph.model import Profile, Workflow
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.nodes.connections import Joint, connect
from builder_jupyter.nodes.ports import Refusal


class JoinArgs(OnCanvas):
    """What to join; ports that are not named are chosen, the first pair that fits."""

    source_node_id: Id
    target_node_id: Id
    source_port: Id | None = None
    target_port: Id | None = None


class EdgeChanged(Result):
    """An edge after a change; ``version`` is that of its canvas."""

    canvas_id: str
    version: int
    edge: EdgeShown


@tool("Add an edge", Scope.WRITE_CANVAS, hints=WRITE)
async def add_edge(call: Call, args: JoinArgs) -> EdgeChanged:
    """Join an output to an input. Ports that are not named are chosen: the first pair that fits.

    Refused with one of these codes, the first that applies: self_connection, unknown_node, unknown_port,
    wrong_direction, incompatible_types, duplicate_edge, input_occupied, cycle, locked. In builder workflows, whose
    edges carry control alone, ``sourcePort`` is the label of a router's way.
    """
    await _check(call, args)
    made: list[str] = []

    def change(workflow: Workflow) -> Sequence[Change]:
        joint = connect(
            workflow, call.runtime.registry, args.source_node_id, args.target_node_id,
            source_port=args.source_port, target_port=args.target_port,
        )  # fmt: skip
        if isinstance(joint, Refusal):
            raise refused(joint)
        edge = _wire(workflow, joint)
        made[:] = [str(edge["id"])]
        return ({"op": "add_edge", "edge": edge},)

    between = f"{args.source_node_id} to {args.target_node_id}"
    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Joined {between}")
    edge = next(edge for edge in stored.workflow.edges if edge.id == made[0])
    return EdgeChanged(canvas_id=stored.id, version=stored.version, edge=show_edge(edge))


class EdgeArgs(OnCanvas):
    """Which edge."""

    edge_id: Id


@tool("Delete an edge", Scope.WRITE_CANVAS, hints=REMOVE)
async def delete_edge(call: Call, args: EdgeArgs) -> Removed:
    """Take an edge away; its id is as get_canvas_state tells it."""
    gone: list[str] = []

    def change(workflow: Workflow) -> Sequence[Change]:
        found = [i for i, edge in enumerate(workflow.edges) if edge_name(edge) == args.edge_id]
        gone[:] = [args.edge_id] if found else []
        return [{"op": "remove_edge", "index": found[0]}] if found else ()

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Deleted edge {args.edge_id}")
    return Removed(canvas_id=stored.id, version=stored.version, removed=bool(gone), edge_ids=gone)


class PortsArgs(Args):
    """A type, or a node of a canvas."""

    type: Id | None = None
    profile: Literal["direct", "builder"] = "direct"
    canvas_id: Id | None = None
    node_id: Id | None = None


class Ports(Result):
    """The ports of a node type, inputs first."""

    type: str
    ports: list[PortShown]


@tool("List ports", Scope.READ_CANVASES)
async def list_node_ports(call: Call, args: PortsArgs) -> Ports:
    """List the ports of a node type, or of a node: give ``type``, or ``canvasId`` and ``nodeId``."""
    named = args.canvas_id is not None and args.node_id is not None
    if named is (args.type is not None):
        raise InvalidInput("Give type, or canvasId and nodeId.", code="INVALID_ARGUMENTS")
    profile, type_name = Profile(args.profile), args.type or ""
    if args.canvas_id is not None and args.node_id is not None:
        stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
        profile, type_name = stored.workflow.profile, node_of(stored.workflow, args.node_id).type
    return Ports(type=type_name, ports=ports_of(call.runtime.registry.get(profile, type_name)))


class CompatibleArgs(OnCanvas):
    """A port of a node."""

    node_id: Id
    port: Id


class CompatiblePort(Result):
    """A port of another node that may be joined to it."""

    node_id: str
    port: PortShown


class CompatiblePorts(Result):
    """What a port may be joined to."""

    node_id: str
    port: str
    compatible: list[CompatiblePort]


@tool("List compatible ports", Scope.READ_CANVASES)
async def list_compatible_ports(call: Call, args: CompatibleArgs) -> CompatiblePorts:
    """List the ports on a canvas to which an edge from, or into, a port could be drawn now."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    workflow, registry = stored.workflow, call.runtime.registry
    own = ports_of(registry.get(workflow.profile, node_of(workflow, args.node_id).type))
    direction = next((port.direction for port in own if port.name == args.port), None)
    if direction is None:
        raise NotFound(f"Node {args.node_id!r} has no port {args.port!r}.", code="UNKNOWN_PORT")
    found = []
    for node_id, node in workflow.nodes_by_id.items():
        kind = registry.find(workflow.profile, node.type)
        for port in ports_of(kind) if kind is not None else ():
            ends = ((args.node_id, args.port), (node_id, port.name))
            (source, source_port), (target, target_port) = ends if direction == "output" else ends[::-1]
            joint = connect(workflow, registry, source, target, source_port=source_port, target_port=target_port)
            if port.direction != direction and not isinstance(joint, Refusal):
                found.append(CompatiblePort(node_id=node_id, port=port))
    return CompatiblePorts(node_id=args.node_id, port=args.port, compatible=found)


class Verdict(Result):
    """Whether an edge may be drawn, and which ports it would join; ``code`` and ``reason`` say why not."""

    valid: bool
    code: str | None = None
    reason: str | None = None
    source_port: str | None = None
    target_port: str | None = None


@tool("Validate a connection", Scope.READ_CANVASES)
async def validate_connection(call: Call, args: JoinArgs) -> Verdict:
    """Say whether an edge may be drawn, without drawing it. The codes are those of add_edge."""
    joint = await _joint(call, args)
    if isinstance(joint, Refusal):
        return Verdict(
            valid=False, code=joint.code.lower(), reason=joint.reason,
            source_port=args.source_port, target_port=args.target_port,
        )  # fmt: skip
    return Verdict(valid=True, source_port=joint[1], target_port=joint[3])


async def _joint(call: Call, args: JoinArgs) -> Joint | Refusal:
    return await call.runtime.canvases.connection(
        call.principal, args.canvas_id, args.source_node_id, args.target_node_id,
        source_port=args.source_port, target_port=args.target_port,
    )  # fmt: skip


async def _check(call: Call, args: JoinArgs) -> None:
    joint = await _joint(call, args)
    if isinstance(joint, Refusal):
        raise refused(joint)


def refused(refusal: Refusal) -> Conflict | Forbidden:
    """Return the error for a connection that must not be."""
    kind = Forbidden if refusal.code == "LOCKED" else Conflict
    return kind(f"The connection is refused: {refusal.reason}.", code=refusal.code)


def _wire(workflow: Workflow, joint: Joint) -> dict[str, Any]:
    source, source_port, target, target_port = joint
    taken = {edge.id for edge in workflow.edges}
    edge_id = next(name for i in range(1, len(taken) + 2) if (name := f"edge-{i}") not in taken)
    edge: dict[str, Any] = {"id": edge_id, "source": source, "target": target}
    if workflow.profile is not Profile.DIRECT:
        return edge | ({"label": source_port} if source_port is not None else {})
    return edge | {"sourcePort": source_port, "targetPort": target_port}


TOOLS = (add_edge, delete_edge, list_node_ports, list_compatible_ports, validate_connection)
