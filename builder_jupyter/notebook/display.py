"""What a cell shows for a workflow: its picture, and behind it its text and its JSON.

`register` hooks into IPython by the class's name, so that the graph layer knows nothing of notebooks.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.notebook.lettering import escape
from builder_jupyter.notebook.svg import Drawing, draw, looks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builder_jupyter.graph.model import Workflow

WORKFLOW_MIME = "application/vnd.builder.workflow.v1+json"
"""The MIME type under which a workflow's own wire shape lies in an output."""


def workflow_mimebundle(
    workflow: Workflow, *, statuses: Mapping[str, str] | None = None, **_selection: object
) -> dict[str, Any]:
    """Return a workflow by MIME type: text, HTML with an image, the image alone, and JSON.

    A front end takes the richest it can show. ``statuses`` by node id are drawn too. IPython's ``include`` and
    ``exclude`` are accepted, and left to it.
    """
    drawing = draw(workflow, looks=looks_of(default_registry(), workflow.profile), statuses=statuses)
    return {
        "text/plain": repr(workflow),
        "text/html": _image(drawing, workflow.name),
        "image/svg+xml": drawing.svg,
        WORKFLOW_MIME: workflow.to_dict(),
    }


def register(ip: Any) -> None:
    """Teach an IPython shell to show workflows; doing it twice changes nothing."""
    ip.display_formatter.mimebundle_formatter.for_type_by_name(
        "builder_jupyter.graph.model", "Workflow", workflow_mimebundle
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
