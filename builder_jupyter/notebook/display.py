"""What a cell shows for a workflow: its picture, its text and its JSON; and for a run: a form, while it waits.

`register` hooks into IPython by the class's name, so that the layers below know nothing of notebooks.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.progress import in_kernel
from builder_jupyter.client.waitpoints import ANSWERABLE_HERE
from builder_jupyter.drawing.lettering import escape
from builder_jupyter.drawing.svg import Drawing, draw, looks_of, status_color
from builder_jupyter.graph.diff import MARKS, Change
from builder_jupyter.nodes.registry import default_registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builder_jupyter.client.execution import Execution
    from builder_jupyter.graph.diff import WorkflowDiff
    from builder_jupyter.graph.model import Position, Workflow

VIEW_MIME = "application/vnd.jupyter.widget-view+json"
WORKFLOW_MIME = "application/vnd.builder.workflow.v1+json"
"""The MIME type under which a workflow's own wire shape lies in an output."""


# How a line of a difference looks, by what it begins with.
_LINES = {sign: f"color:{status_color(change)}" for change, sign in MARKS.items()}


def workflow_mimebundle(
    workflow: Workflow,
    *,
    statuses: Mapping[str, str] | None = None,
    places: Mapping[str, Position] | None = None,
    **_selection: object,
) -> dict[str, Any]:
    """Return a workflow by MIME type: text, HTML with an image, the image alone, and JSON.

    A front end takes the richest it can show. ``statuses`` by node id are drawn too; ``places`` by node id are those
    of `layout.layout`, for who has them. IPython's ``include`` and
    ``exclude`` are accepted, and left to it.
    """
    drawing = draw(workflow, looks=looks_of(default_registry(), workflow.profile), statuses=statuses, places=places)
    return {
        "text/plain": repr(workflow),
        "text/html": _image(drawing, workflow.name),
        "image/svg+xml": drawing.svg,
        WORKFLOW_MIME: workflow.to_dict(),
    }


def diff_mimebundle(diff: WorkflowDiff, **_selection: object) -> dict[str, Any]:
    """Return the difference of two workflows by MIME type: text, and HTML with a coloured picture above that text."""
    nodes = {part.node.id: str(part.change) for part in diff.nodes if part.change is not Change.SAME}
    ways: dict[tuple[str, str], str] = {}
    for one in diff.edges:
        ends = (one.edge.source, one.edge.target)  # one line stands for all edges between the two
        ways[ends] = str(one.change if ways.get(ends, one.change) == one.change else Change.CHANGED)
    looks = looks_of(default_registry(), diff.after.profile)
    drawing = draw(diff.union, looks=looks, statuses=nodes, ways=ways)
    lines = "".join(
        f'<div style="{_LINES.get(line[0], "opacity:.7;padding-left:2em")}">{escape(line)}</div>' for line in diff.lines
    )
    head = escape(f"{diff.titles[0]} → {diff.titles[1]}")
    text = lines or "nothing differs"
    return {
        "text/plain": str(diff),
        "text/html": f"{_image(drawing, f'{diff.after.name}: {diff.titles[0]} to {diff.titles[1]}')}"
        f'<div style="font-family:monospace;white-space:pre-wrap"><b>{head}</b>{text}</div>',
        "image/svg+xml": drawing.svg,
    }


def execution_mimebundle(execution: Execution, **_selection: object) -> dict[str, Any]:
    """Return a run by MIME type; in a kernel, while it waits for a person, with a form to answer."""
    bundle: dict[str, Any] = execution._repr_mimebundle_()
    if in_kernel() and any(one.kind in ANSWERABLE_HERE for one in execution.waitpoints):
        from builder_jupyter.notebook.widgets.answers import run_view

        view = {"version_major": 2, "version_minor": 0, "model_id": run_view(execution).model_id}
        bundle[VIEW_MIME] = view
    return bundle


def register(ip: Any) -> None:
    """Teach an IPython shell to show workflows and runs; doing it twice changes nothing."""
    ip.display_formatter.mimebundle_formatter.for_type_by_name(
        "builder_jupyter.client.execution", "Execution", execution_mimebundle
    )
    ip.display_formatter.mimebundle_formatter.for_type_by_name(
        "builder_jupyter.graph.model", "Workflow", workflow_mimebundle
    )
    ip.display_formatter.mimebundle_formatter.for_type_by_name(
        "builder_jupyter.graph.diff", "WorkflowDiff", diff_mimebundle
    )


def _image(drawing: Drawing, name: str) -> str:
    """Return HTML with the picture as a data URL.

    Not inline: JupyterLab strips inline SVG from notebooks that are not trusted and leaves a heap of words.
    Nor ``image/svg+xml`` alone: there it is not shown at all, and has no text for screen readers anywhere. An
    image still follows the light or dark theme, through the page's ``color-scheme``.
    """
    source = b64encode(drawing.svg.encode()).decode()
    narrowest = min(drawing.width, 2400.0, max(320.0, drawing.width * 0.55))  # else letters get too small: scroll
    return (
        f'<div style="overflow-x:auto"><img alt="{escape(f"{name}. {drawing.description}")}" '
        f'width="{drawing.width:.0f}" style="max-width:100%;min-width:{narrowest:.0f}px;height:auto" '
        f'src="data:image/svg+xml;base64,{source}"></div>'
    )
