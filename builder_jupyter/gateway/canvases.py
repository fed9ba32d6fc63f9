"""Tools that list, read, make, name and put away canvases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from builder_jupyter.gateway.shapes import (
    CanvasShown,
    EdgeShown,
    Extent,
    Id,
    Name,
    NodeShown,
    OnCanvas,
    show_canvas,
    show_edge,
    show_node,
)
from builder_jupyter.gateway.tool import DESTROY, SET, WRITE, Args, Call, Result, tool
from builder_jupyter.graph.frames import around, boxes, children
from builder_jupyter.graph.model import Node, Profile, Workflow
from builder_jupyter.identity.scopes import Scope

NodeIds = Annotated[list[Id] | None, Field(max_length=5_000, description="Only these nodes; all when left out.")]


class ListCanvases(Args):
    """Which canvases."""

    include_archived: bool = False


class Canvases(Result):
    """Canvases, newest change first."""

    canvases: list[CanvasShown]


@tool("List canvases", Scope.READ_CANVASES)
async def list_canvases(call: Call, args: ListCanvases) -> Canvases:
    """List the canvases of the workspace, newest change first. Archived ones only on request."""
    found = await call.runtime.canvases.list(call.principal, include_archived=args.include_archived)
    return Canvases(canvases=[show_canvas(stored) for stored in found])


class CanvasState(Result):
    """A canvas with all that is on it, nodes from back to front."""

    canvas: CanvasShown
    nodes: list[NodeShown]
    edges: list[EdgeShown]


@tool("Read a canvas", Scope.READ_CANVASES)
async def get_canvas_state(call: Call, args: OnCanvas) -> CanvasState:
    """Read a whole canvas: every node with its data, centre and size, and every edge."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    return CanvasState(
        canvas=show_canvas(stored),
        nodes=_shown(stored.workflow),
        edges=[show_edge(edge) for edge in stored.workflow.edges],
    )


class Layer(Result):
    """A node in the pile: ``z`` 0 lies at the bottom."""

    z: int
    node_id: str
    type: str
    name: str
    parent_id: str | None


class Layers(Result):
    """The nodes of a canvas, the one on top first."""

    canvas_id: str
    layers: list[Layer]


@tool("Summarise layers", Scope.READ_CANVASES)
async def get_layer_summary(call: Call, args: OnCanvas) -> Layers:
    """List the nodes of a canvas from front to back, without their data."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    shown = [
        Layer(z=z, node_id=node.node_id, type=node.type, name=node.name, parent_id=node.parent_id)
        for z, node in enumerate(_shown(stored.workflow))
    ]
    return Layers(canvas_id=stored.id, layers=shown[::-1])


class TreeArgs(OnCanvas):
    """How deep to look."""

    max_depth: Annotated[int | None, Field(ge=1, le=100)] = None


class TreeNode(Result):
    """A node in the tree of what holds what; ``children`` counts what it holds itself."""

    depth: int
    node_id: str
    type: str
    name: str
    children: int


class VisualTree(Result):
    """The tree in reading order, and as an outline for people."""

    canvas_id: str
    nodes: list[TreeNode]
    outline: str


@tool("Summarise the visual tree", Scope.READ_CANVASES)
async def get_visual_tree_summary(call: Call, args: TreeArgs) -> VisualTree:
    """Show which frames hold which nodes, as a tree in reading order."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    nodes, held = stored.workflow.nodes_by_id, children(stored.workflow)
    found: list[TreeNode] = []
    waiting = [(node_id, 0) for node_id in reversed(held.get(None, []))]
    while waiting:
        node_id, depth = waiting.pop()
        node, below = nodes[node_id], held.get(node_id, [])
        found.append(TreeNode(depth=depth, node_id=node_id, type=node.type, name=node.label, children=len(below)))
        if args.max_depth is None or depth + 1 < args.max_depth:
            waiting += [(child, depth + 1) for child in reversed(below)]
    outline = "\n".join(f"{'  ' * one.depth}- {one.name} ({one.type})" for one in found)
    return VisualTree(canvas_id=stored.id, nodes=found, outline=outline)


class VisualArgs(OnCanvas):
    """Which nodes."""

    node_ids: NodeIds = None


class Visual(Result):
    """Where a node is drawn: its sides in world coordinates."""

    node_id: str
    left: float
    top: float
    right: float
    bottom: float


class Visuals(Result):
    """Where nodes are drawn, and the rectangle around them; null around nothing."""

    canvas_id: str
    nodes: list[Visual]
    bounds: Visual | None


@tool("Compute visuals", Scope.READ_CANVASES)
async def get_computed_visuals(call: Call, args: VisualArgs) -> Visuals:
    """Compute where nodes are drawn, those without a stored position included, and the rectangle around them."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    found = {key: box for key, box in boxes(stored.workflow).items() if args.node_ids is None or key in args.node_ids}
    everything = around(found.values())
    shown = [
        Visual(node_id=key, left=box.left, top=box.top, right=box.left + box.width, bottom=box.top + box.height)
        for key, box in ({**found, "": everything} if everything is not None else found).items()
    ]
    return Visuals(canvas_id=stored.id, nodes=shown[: len(found)], bounds=shown[-1] if everything else None)


class FitArgs(VisualArgs):
    """What to show, and in how large a window."""

    padding: Annotated[float, Field(ge=0, le=10_000, description="Free pixels on each side.")] = 40.0
    viewport_width: Extent = 1280.0
    viewport_height: Extent = 720.0


class Viewport(Result):
    """A camera: a world point p is shown at ``p * zoom + (x, y)``."""

    x: float
    y: float
    zoom: float


@tool("Fit the viewport", Scope.READ_CANVASES)
async def fit_viewport(call: Call, args: FitArgs) -> Viewport:
    """Compute the camera that shows nodes as large as a window allows. Cameras are each user's own: none is stored."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    shown = (box for key, box in boxes(stored.workflow).items() if args.node_ids is None or key in args.node_ids)
    frame = around(shown)
    middle = args.viewport_width / 2, args.viewport_height / 2
    if frame is None:
        return Viewport(x=middle[0], y=middle[1], zoom=1.0)
    room = (max(1.0, side - 2 * args.padding) for side in (args.viewport_width, args.viewport_height))
    zoom = min(4.0, *(side / taken for side, taken in zip(room, (frame.width, frame.height), strict=True)))
    return Viewport(x=middle[0] - frame.x * zoom, y=middle[1] - frame.y * zoom, zoom=zoom)


class CreateArgs(Args):
    """What the canvas is called; ``profile`` is the family of its node types."""

    name: Name
    profile: Literal["direct", "builder"] = "direct"


@tool("Create a canvas", Scope.WRITE_CANVAS, hints=WRITE)
async def create_canvas(call: Call, args: CreateArgs) -> CanvasShown:
    """Create an empty canvas. Its nodes are of the direct profile (typed ports) unless another is asked for."""
    return show_canvas(await call.runtime.canvases.create(call.principal, args.name, Profile(args.profile)))


class RenameArgs(OnCanvas):
    """The new name."""

    name: Name


@tool("Rename a canvas", Scope.WRITE_CANVAS, hints=SET)
async def rename_canvas(call: Call, args: RenameArgs) -> CanvasShown:
    """Give a canvas another name."""
    change = {"op": "set_workflow", "field": "name", "value": args.name}
    stored = await call.runtime.canvases.edit(
        call.principal, args.canvas_id, lambda now: () if now.name == args.name else (change,), "Renamed"
    )
    return show_canvas(stored)


@tool("Archive a canvas", Scope.WRITE_CANVAS, hints=SET)
async def archive_canvas(call: Call, args: OnCanvas) -> CanvasShown:
    """Take a canvas out of the list. It stays as it is, and what has its id goes on working."""
    return show_canvas(await call.runtime.canvases.archive(call.principal, args.canvas_id, archived=True))


@tool("Restore a canvas", Scope.WRITE_CANVAS, hints=SET)
async def restore_canvas(call: Call, args: OnCanvas) -> CanvasShown:
    """Put an archived canvas back into the list."""
    return show_canvas(await call.runtime.canvases.archive(call.principal, args.canvas_id, archived=False))


class DeleteArgs(OnCanvas):
    """Deleting cannot be undone, so it is said twice."""

    confirm: Literal[True]


class Deleted(Result):
    """What is gone."""

    id: str
    deleted: bool


@tool("Delete a canvas", Scope.DELETE_CANVAS, hints=DESTROY)
async def delete_canvas(call: Call, args: DeleteArgs) -> Deleted:
    """Delete a canvas with all its versions, for good. Asks for ``confirm: true``; archive_canvas can be undone."""
    await call.runtime.workflows.delete(call.principal, args.canvas_id)
    return Deleted(id=args.canvas_id, deleted=True)


def _shown(workflow: Workflow) -> list[NodeShown]:
    """Return the nodes from back to front: by ``zIndex`` where a client gave one, then in request order."""
    places = boxes(workflow)
    piled = sorted(workflow.nodes_by_id.values(), key=_height)
    return [show_node(node, places[node.id]) for node in piled]


def _height(node: Node) -> float:
    given = node.extra.get("zIndex")
    return given if isinstance(given, int | float) else 0.0


TOOLS = (
    list_canvases, get_canvas_state, get_layer_summary, get_visual_tree_summary, get_computed_visuals, fit_viewport,
    create_canvas, rename_canvas, archive_canvas, restore_canvas, delete_canvas,
)  # fmt: skip
