"""What a cell shows for a workflow: its picture, and behind it its text and its JSON.

`register` hooks into IPython by the class's name, so that the graph layer knows nothing of notebooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.notebook.svg import looks_of, workflow_svg

if TYPE_CHECKING:
    from builder_jupyter.graph.model import Workflow

WORKFLOW_MIME = "application/vnd.builder.workflow.v1+json"
"""The MIME type under which a workflow's own wire shape lies in an output."""


def workflow_mimebundle(workflow: Workflow, **_selection: object) -> dict[str, Any]:
    """Return a workflow by MIME type: text, HTML with the picture inline, the picture alone, and JSON.

    A front end takes the richest it can show. JupyterLab draws ``image/svg+xml`` as an ``<img>``, which its
    theme does not reach; so the same picture is also given as HTML, inline, which it prefers. IPython's
    ``include`` and ``exclude`` are accepted and left to it.
    """
    picture = workflow_svg(workflow, looks=looks_of(default_registry(), workflow.profile))
    return {
        "text/plain": repr(workflow),
        "text/html": f'<div style="overflow-x:auto">{picture}</div>',
        "image/svg+xml": picture,
        WORKFLOW_MIME: workflow.to_dict(),
    }


def register(ip: Any) -> None:
    """Teach an IPython shell to show workflows; doing it twice changes nothing."""
    ip.display_formatter.mimebundle_formatter.for_type_by_name(
        "builder_jupyter.graph.model", "Workflow", workflow_mimebundle
    )
