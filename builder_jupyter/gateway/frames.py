"""Tools for frames and artboards: what holds which nodes, and moving them together."""

from __future__ import annotations

from collections.abc import Sequence

from builder_jupyter.errors import InvalidInput
from builder_jupyter.gateway.nodes import AddNodeArgs, Moved, add_node, changed, node_of, rewritten
from builder_jupyter.gateway.shapes import Coordinate, Extent, Id, Name, NodeChanged, OnCanvas, show_node
from builder_jupyter.gateway.tool import SET, WRITE, Call, tool
from builder_jupyter.graph.edits import Change
from builder_jupyter.graph.frames import FRAMES, boxes, inside
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.scopes import Scope


class FrameArgs(OnCanvas):
    """The frame; ``x`` and ``y`` are its centre."""

    name: Name | None = None
    x: Coordinate
    y: Coordinate
    width: Extent
    height: Extent


@tool("Create an artboard", Scope.WRITE_CANVAS, hints=WRITE)
async def create_artboard(call: Call, args: FrameArgs) -> NodeChanged:
    """Put an artboard on a canvas: a frame for one finished picture or page."""
    return await _create(call, args, "artboard")


@tool("Create a frame", Scope.WRITE_CANVAS, hints=WRITE)
async def create_frame(call: Call, args: FrameArgs) -> NodeChanged:
    """Put a frame on a canvas, which holds nodes that belong together."""
    return await _create(call, args, "frame")


class IntoFrameArgs(OnCanvas):
    """Which node into which frame."""

    frame_id: Id
    node_id: Id


@tool("Add a node to a frame", Scope.WRITE_CANVAS, hints=SET)
async def add_node_to_frame(call: Call, args: IntoFrameArgs) -> NodeChanged:
    """Let a frame or an artboard hold a node. The node stays where it is."""

    def change(workflow: Workflow) -> Sequence[Change]:
        _check_frame(workflow, args.frame_id)
        return _held(workflow, args.node_id, args.frame_id)

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Framed {args.node_id}")
    return changed(stored, args.node_id)


class ParentArgs(OnCanvas):
    """Which node, and what is to hold it; null for nothing."""

    node_id: Id
    parent_id: Id | None


@tool("Set a node's parent", Scope.WRITE_CANVAS, hints=SET)
async def set_node_parent(call: Call, args: ParentArgs) -> NodeChanged:
    """Let another node hold a node, or nothing with ``parentId: null``. The node stays where it is."""
    stored = await call.runtime.canvases.edit(
        call.principal,
        args.canvas_id,
        lambda now: _held(now, args.node_id, args.parent_id),
        f"Changed what holds {args.node_id}",
    )
    return changed(stored, args.node_id)


class WithinArgs(IntoFrameArgs):
    """Where in the frame: from its upper left corner to the node's centre."""

    x: Coordinate
    y: Coordinate


@tool("Move a node within a frame", Scope.WRITE_CANVAS, hints=SET)
async def move_node_within_frame(call: Call, args: WithinArgs) -> NodeChanged:
    """Move a node that a frame holds; ``x`` and ``y`` lead from the frame's upper left corner to the node's centre."""

    def change(workflow: Workflow) -> Sequence[Change]:
        node_of(workflow, args.node_id)
        _check_frame(workflow, args.frame_id)
        if args.node_id not in inside(workflow, args.frame_id):
            raise InvalidInput(
                f"The frame {args.frame_id!r} does not hold {args.node_id!r}.",
                code="NOT_IN_FRAME",
                hint="Call add_node_to_frame first.",
            )
        frame = boxes(workflow)[args.frame_id]
        position = {"x": frame.left + args.x, "y": frame.top + args.y}
        return ({"op": "move_node", "node_id": args.node_id, "position": position},)

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Moved {args.node_id}")
    return changed(stored, args.node_id)


class MoveFrameArgs(OnCanvas):
    """Where the frame's centre is to be."""

    frame_id: Id
    x: Coordinate
    y: Coordinate


@tool("Move a frame with what it holds", Scope.WRITE_CANVAS, hints=SET)
async def move_frame_with_children(call: Call, args: MoveFrameArgs) -> Moved:
    """Put the centre of a frame somewhere else; all that it holds, directly or not, moves along."""

    def change(workflow: Workflow) -> Sequence[Change]:
        _check_frame(workflow, args.frame_id)
        places = boxes(workflow)
        frame = places[args.frame_id]
        dx, dy = args.x - frame.x, args.y - frame.y
        moved = [args.frame_id, *inside(workflow, args.frame_id)]
        return [
            {"op": "move_node", "node_id": one, "position": {"x": places[one].x + dx, "y": places[one].y + dy}}
            for one in moved
        ]

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Moved {args.frame_id}")
    nodes, places = stored.workflow.nodes_by_id, boxes(stored.workflow)
    shown = [show_node(nodes[one], places[one]) for one in (args.frame_id, *inside(stored.workflow, args.frame_id))]
    return Moved(canvas_id=stored.id, version=stored.version, nodes=shown)


async def _create(call: Call, args: FrameArgs, kind: str) -> NodeChanged:
    given = args.model_dump(by_alias=True, exclude={"name"})
    name = {} if args.name is None else {"name": args.name}
    wanted = AddNodeArgs.model_validate({**given, "type": kind, "data": name})
    made: NodeChanged = await add_node.run(call, wanted)  # type: ignore[assignment]
    return made


def _check_frame(workflow: Workflow, frame_id: str) -> None:
    frame = node_of(workflow, frame_id)
    if frame.type not in FRAMES:
        raise InvalidInput(f"Node {frame_id!r} is a {frame.type} node and no frame.", code="NOT_A_FRAME")


def _held(workflow: Workflow, node_id: str, parent_id: str | None) -> Sequence[Change]:
    node_of(workflow, node_id)
    if parent_id is not None:
        node_of(workflow, parent_id)
        if parent_id == node_id or parent_id in inside(workflow, node_id):
            raise InvalidInput(f"{node_id!r} cannot lie in what it holds.", code="PARENT_CYCLE")
    return rewritten(workflow, node_id, parentId=parent_id)


TOOLS = (
    create_artboard, create_frame, add_node_to_frame, set_node_parent, move_node_within_frame, move_frame_with_children,
)  # fmt: skip
