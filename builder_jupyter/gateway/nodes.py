"""Tools that put nodes on a canvas, change, move and remove them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from builder_jupyter.drawing.catalogue import catalogue
from builder_jupyter.errors import Conflict, InvalidInput, NotFound
from builder_jupyter.gateway.canvases import NodeIds
from builder_jupyter.gateway.shapes import (
    Coordinate,
    Extent,
    Id,
    NodeChanged,
    NodeShown,
    OnCanvas,
    OnNode,
    PortShown,
    Removed,
    edge_name,
    part,
    show_node,
)
from builder_jupyter.gateway.tool import REMOVE, SET, WRITE, Args, Call, Result, tool
from builder_jupyter.graph.dialects import dialect_of
from builder_jupyter.graph.edits import Change
from builder_jupyter.graph.frames import FRAMES, boxes
from builder_jupyter.graph.layout import COLUMN, ROW, layout
from builder_jupyter.graph.model import Node, Profile, Workflow, thaw
from builder_jupyter.graph.version import WorkflowVersion
from builder_jupyter.identity.scopes import Scope


class NodeInfo(Result):
    """A node with the ports of its type and the edges at it."""

    canvas_id: str
    version: int
    node: NodeShown
    ports: list[PortShown]
    edge_ids: list[str]


@tool("Read a node", Scope.READ_CANVASES)
async def get_node_info(call: Call, args: OnNode) -> NodeInfo:
    """Read one node: its data, where it lies, its ports and the ids of the edges at it."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    node = node_of(stored.workflow, args.node_id)
    kind = call.runtime.registry.find(stored.workflow.profile, node.type)
    return NodeInfo(
        canvas_id=stored.id,
        version=stored.version,
        node=show_node(node, boxes(stored.workflow)[node.id]),
        ports=[] if kind is None else ports_of(kind),
        edge_ids=[edge_name(edge) for edge in stored.workflow.edges if node.id in (edge.source, edge.target)],
    )


class DefaultsArgs(Args):
    """Which type; all of the profile when left out."""

    type: Id | None = None
    profile: Literal["direct", "builder"] = "direct"


class NodeDefaults(Result):
    """A node type. ``data_schema`` is the JSON Schema of its data, told when one type is asked for."""

    type: str
    title: str
    description: str
    credits: float
    is_trigger: bool
    ports: list[PortShown]
    defaults: dict[str, Any]
    data_schema: dict[str, Any] | None


class Defaults(Result):
    """Node types in palette order."""

    profile: str
    types: list[NodeDefaults]


@tool("List node types", Scope.READ_CANVASES)
async def list_node_defaults(call: Call, args: DefaultsArgs) -> Defaults:
    """List the node types that can be placed, with ports, price and default data; one type with its whole schema."""
    registry, profile = call.runtime.registry, Profile(args.profile)
    if args.type is not None:
        registry.get(profile, args.type)
    found = [kind for kind in catalogue(registry, profile) if args.type in (None, kind["type"])]
    return Defaults(profile=args.profile, types=[_defaults(kind, args.type is not None) for kind in found])


class AddNodeArgs(OnCanvas):
    """The node; without a place one is found when the canvas is drawn."""

    type: Id
    data: dict[str, Any] | None = None
    x: Coordinate | None = None
    y: Coordinate | None = None
    width: Extent | None = None
    height: Extent | None = None
    parent_id: Id | None = None
    node_id: Id | None = None


@tool("Add a node", Scope.WRITE_CANVAS, hints=WRITE)
async def add_node(call: Call, args: AddNodeArgs) -> NodeChanged:
    """Put a node on a canvas. ``x`` and ``y`` are its centre; ``nodeId`` names it, else a name is made of its type."""
    if (args.x is None) is not (args.y is None):
        raise InvalidInput("Give x and y, or neither.", code="INVALID_ARGUMENTS")
    added: list[str] = []

    def change(workflow: Workflow) -> Sequence[Change]:
        call.runtime.registry.get(workflow.profile, dialect_of(workflow.profile).type_aliases.get(args.type, args.type))
        if args.parent_id is not None:
            node_of(workflow, args.parent_id)
        node_id = args.node_id or _fresh(workflow, args.type)
        if node_id in workflow.nodes_by_id:
            raise Conflict(f"There is a node {node_id!r} already.", code="NODE_EXISTS")
        added[:] = [node_id]
        place = None if args.x is None else {"x": args.x, "y": args.y}
        wire = {
            dialect_of(workflow.profile).node_id[0]: node_id, "type": args.type, "data": args.data, "position": place,
            "width": args.width, "height": args.height, "parentId": args.parent_id,
        }  # fmt: skip
        return ({"op": "add_node", "node": {name: value for name, value in wire.items() if value is not None}},)

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Added a {args.type} node")
    return changed(stored, added[0])


class DataArgs(OnNode):
    """New data: put over what is there, or in its place."""

    data: dict[str, Any]
    replace: bool = False


@tool("Update a node's data", Scope.WRITE_CANVAS, hints=SET)
async def update_node_data(call: Call, args: DataArgs) -> NodeChanged:
    """Set fields of a node's data; the others stay, unless ``replace`` is true."""

    def change(workflow: Workflow) -> Sequence[Change]:
        before = thaw(node_of(workflow, args.node_id).data)
        return rewritten(workflow, args.node_id, data=args.data if args.replace else {**before, **args.data})

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Changed {args.node_id}")
    return changed(stored, args.node_id)


@tool("Delete a node", Scope.WRITE_CANVAS, hints=REMOVE)
async def delete_node(call: Call, args: OnNode) -> Removed:
    """Take a node off a canvas with the edges at it. What it held stays, held by nothing."""
    gone: list[str] = []
    was_there = False

    def change(workflow: Workflow) -> Sequence[Change]:
        nonlocal was_there
        was_there = args.node_id in workflow.nodes_by_id
        gone.clear()
        if not was_there:
            return ()
        gone[:] = [edge_name(edge) for edge in workflow.edges if args.node_id in (edge.source, edge.target)]
        freed = [
            one
            for node in workflow.nodes
            if node.extra.get("parentId") == args.node_id
            for one in rewritten(workflow, node.id, parentId=None)
        ]
        return (*freed, {"op": "remove_node", "node_id": args.node_id})

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Deleted {args.node_id}")
    return Removed(canvas_id=stored.id, version=stored.version, removed=was_there, edge_ids=gone)


class MoveArgs(OnNode):
    """Where to."""

    x: Coordinate
    y: Coordinate


@tool("Move a node", Scope.WRITE_CANVAS, hints=SET)
async def move_node(call: Call, args: MoveArgs) -> NodeChanged:
    """Put the centre of a node somewhere else. What it holds stays; see move_frame_with_children."""

    def change(workflow: Workflow) -> Sequence[Change]:
        node_of(workflow, args.node_id)
        return ({"op": "move_node", "node_id": args.node_id, "position": {"x": args.x, "y": args.y}},)

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Moved {args.node_id}")
    return changed(stored, args.node_id)


class ResizeArgs(OnNode):
    """How large."""

    width: Extent
    height: Extent


@tool("Resize a node", Scope.WRITE_CANVAS, hints=SET)
async def resize_node(call: Call, args: ResizeArgs) -> NodeChanged:
    """Give a node another size around the same centre."""
    stored = await call.runtime.canvases.edit(
        call.principal,
        args.canvas_id,
        lambda now: rewritten(now, args.node_id, width=args.width, height=args.height),
        f"Resized {args.node_id}",
    )
    return changed(stored, args.node_id)


class LayoutArgs(OnCanvas):
    """Which nodes, which way, and how many free pixels between columns."""

    node_ids: NodeIds = None
    direction: Literal["right", "down"] = "right"
    spacing: Annotated[float | None, Field(gt=0, le=10_000)] = None


class Moved(Result):
    """The nodes that were placed."""

    canvas_id: str
    version: int
    nodes: list[NodeShown]


@tool("Lay out nodes", Scope.WRITE_CANVAS, hints=WRITE)
async def layout_nodes(call: Call, args: LayoutArgs) -> Moved:
    """Place nodes in layers along their edges, around the middle of where they were. Frames stay unless named."""

    def change(workflow: Workflow) -> Sequence[Change]:
        for node_id in args.node_ids or ():
            node_of(workflow, node_id)
        places = _laid_out(workflow, args)
        return [
            {"op": "move_node", "node_id": node_id, "position": {"x": x, "y": y}} for node_id, (x, y) in places.items()
        ]

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, "Laid out")
    places = boxes(stored.workflow)
    shown = [node for node in stored.workflow.nodes if args.node_ids is None or node.id in args.node_ids]
    return Moved(
        canvas_id=stored.id, version=stored.version, nodes=[show_node(node, places[node.id]) for node in shown]
    )


def node_of(workflow: Workflow, node_id: str) -> Node:
    """Return a node. Raises `NotFound` (``NODE_NOT_FOUND``)."""
    found = workflow.nodes_by_id.get(node_id)
    if found is None:
        raise NotFound(f"There is no node {node_id!r} on this canvas.", code="NODE_NOT_FOUND")
    return found


def rewritten(workflow: Workflow, node_id: str, **fields: Any) -> Sequence[Change]:
    """Return the change that sets fields of a node's wire, none when they are so already; None takes one away."""
    before = dialect_of(workflow.profile).write_node(node_of(workflow, node_id))
    after = {name: value for name, value in {**before, **fields}.items() if value is not None}
    return () if after == before else ({"op": "replace_node", "node_id": node_id, "node": after},)


def changed(stored: WorkflowVersion, node_id: str) -> NodeChanged:
    """Return a node of a canvas that was just saved."""
    node = node_of(stored.workflow, node_id)
    shown = show_node(node, boxes(stored.workflow)[node_id])
    return NodeChanged(canvas_id=stored.id, version=stored.version, node=shown)


def ports_of(kind: Any) -> list[PortShown]:
    """Return the ports of a node type, inputs first."""
    both = (("input", kind.inputs), ("output", kind.outputs))
    return [
        PortShown(
            name=port.name, direction=direction, type=str(port.type), required=port.required, multiple=port.multiple
        )
        for direction, ports in both
        for port in ports
    ]


def _defaults(kind: Mapping[str, Any], with_schema: bool) -> NodeDefaults:
    fields = kind["schema"]["properties"]
    ports = [
        part(PortShown, {**port, "direction": direction})
        for direction, given in (("input", kind["inputs"]), ("output", kind["outputs"]))
        for port in given
    ]
    return NodeDefaults(
        type=kind["type"],
        title=kind["title"],
        description=kind["description"],
        credits=kind["credits"],
        is_trigger=kind["is_trigger"],
        ports=ports,
        defaults={name: field["default"] for name, field in fields.items() if "default" in field},
        data_schema=kind["schema"] if with_schema else None,
    )


def _fresh(workflow: Workflow, type_name: str) -> str:
    taken = workflow.nodes_by_id
    return next(name for i in range(1, len(taken) + 2) if (name := f"{type_name[:200]}-{i}") not in taken)


def _laid_out(workflow: Workflow, args: LayoutArgs) -> dict[str, tuple[float, float]]:
    wanted = set(args.node_ids or (node.id for node in workflow.nodes if node.type not in FRAMES))
    part = workflow.with_nodes(node for node in workflow.nodes if node.id in wanted)
    raw = layout(part, fresh=True)
    if not raw:
        return {}
    stretch = 1.0 if args.spacing is None else (args.spacing + COLUMN - 60.0) / COLUMN
    turned = {key: (place.y * COLUMN / ROW, place.x * ROW / COLUMN) for key, place in raw.items()}
    flat = turned if args.direction == "down" else {key: (place.x, place.y) for key, place in raw.items()}
    before = [box for key, box in boxes(workflow).items() if key in flat]
    shift = [
        sum(old) / len(flat) - stretch * sum(new) / len(flat)
        for old, new in zip(
            zip(*((b.x, b.y) for b in before), strict=True), zip(*flat.values(), strict=True), strict=True
        )
    ]
    return {key: (round(stretch * x + shift[0]), round(stretch * y + shift[1])) for key, (x, y) in flat.items()}


TOOLS = (
    get_node_info, list_node_defaults, add_node, update_node_data, delete_node, move_node, resize_node, layout_nodes,
)  # fmt: skip
