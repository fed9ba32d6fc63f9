"""Arguments and results that more than one group of tools has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from builder_jupyter.clock import epoch_ms
from builder_jupyter.gateway.tool import Args, Result
from builder_jupyter.graph.frames import Box
from builder_jupyter.graph.frames import parent as parent_of
from builder_jupyter.graph.model import Edge, Node, Port, thaw
from builder_jupyter.graph.version import WorkflowVersion
from builder_jupyter.services.canvases import is_archived

FARTHEST = 1e6
R = TypeVar("R", bound=Result)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Id = Annotated[str, Field(min_length=1, max_length=255)]
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"\S")]
Coordinate = Annotated[
    float, Field(ge=-FARTHEST, le=FARTHEST, description="World coordinate in pixels; y points down.")
]
Extent = Annotated[float, Field(gt=0, le=FARTHEST, description="In pixels.")]


class OnCanvas(Args):
    """Names a canvas."""

    canvas_id: Id


class OnNode(OnCanvas):
    """Names a node of a canvas."""

    node_id: Id


class CanvasShown(Result):
    """A canvas in a list. ``updated_at`` is epoch milliseconds; ``profile`` is the family of its node types."""

    id: str
    name: str
    workspace_id: str
    updated_at: int
    version: int
    profile: str
    archived: bool


class PortShown(Result):
    """A port of a node type."""

    name: str
    direction: str
    type: str
    required: bool
    multiple: bool


class NodeShown(Result):
    """A node: ``x`` and ``y`` are its centre."""

    node_id: str
    type: str
    name: str
    x: float
    y: float
    width: float
    height: float
    parent_id: str | None
    data: dict[str, Any]


class EdgeShown(Result):
    """An edge from an output to an input; without ports where edges carry control alone."""

    edge_id: str
    source_node_id: str
    source_port: str | None
    target_node_id: str
    target_port: str | None
    label: str | None


class NodeChanged(Result):
    """A node after a change; ``version`` is that of its canvas."""

    canvas_id: str
    version: int
    node: NodeShown


class Removed(Result):
    """What is gone, edges that hung on it included; ``removed`` is false when it was not there."""

    canvas_id: str
    version: int
    removed: bool
    edge_ids: list[str]


def part(model: type[R], given: Mapping[str, Any]) -> R:
    """Return the fields that a result has of what a service answers, which may be more."""
    wanted = {field.alias or name for name, field in model.model_fields.items()}
    return model.model_validate({name: value for name, value in given.items() if name in wanted})


def show_canvas(stored: WorkflowVersion) -> CanvasShown:
    """Return a canvas as lists show it."""
    return CanvasShown(
        id=stored.id,
        name=stored.workflow.name,
        workspace_id=stored.workspace,
        updated_at=epoch_ms(stored.updated_at),
        version=stored.version,
        profile=str(stored.workflow.profile),
        archived=is_archived(stored.workflow),
    )


def show_node(node: Node, box: Box) -> NodeShown:
    """Return a node with where it lies."""
    return NodeShown(
        node_id=node.id,
        type=node.type,
        name=node.label,
        x=box.x,
        y=box.y,
        width=box.width,
        height=box.height,
        parent_id=parent_of(node),
        data=thaw(node.data),
    )


def show_edge(edge: Edge) -> EdgeShown:
    """Return an edge under its id, or under the name that `edge_name` gives one without."""
    return EdgeShown(
        edge_id=edge_name(edge),
        source_node_id=edge.source,
        source_port=edge.source_port,
        target_node_id=edge.target,
        target_port=edge.target_port,
        label=edge.label,
    )


def show_port(port: Port, direction: str) -> PortShown:
    """Return a port and which way it goes."""
    return PortShown(
        name=port.name, direction=direction, type=str(port.type), required=port.required, multiple=port.multiple
    )


def edge_name(edge: Edge) -> str:
    """Return the id of an edge, or for one without an id a name that says what it joins."""
    if edge.id:
        return edge.id
    return f"{edge.source}:{edge.source_port or ''}->{edge.target}:{edge.target_port or ''}"
