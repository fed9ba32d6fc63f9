"""Agent workflows as first-class objects of a notebook.

Importing this costs next to nothing: a public name is loaded when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builder_jupyter.client.client import Client
    from builder_jupyter.client.code import Code
    from builder_jupyter.client.default import budget, connect, estimate, run, save, start, to_langgraph, validate
    from builder_jupyter.client.diff import diff
    from builder_jupyter.client.execution import Execution
    from builder_jupyter.client.focus import billing, focus
    from builder_jupyter.client.function_nodes import node
    from builder_jupyter.client.function_tools import tool
    from builder_jupyter.codegen.reading.compiled import from_langgraph
    from builder_jupyter.drawing.pictures import to_mermaid, to_png, to_svg
    from builder_jupyter.errors import BuilderError
    from builder_jupyter.graph.build import workflow
    from builder_jupyter.graph.model import Edge, Node, Position, Workflow
    from builder_jupyter.notebook.widgets.billing import BillingPanel
    from builder_jupyter.notebook.widgets.canvas import Canvas

__version__ = "0.1.0"

__all__ = [
    "BillingPanel",
    "BuilderError",
    "Canvas",
    "Client",
    "Code",
    "Edge",
    "Execution",
    "Node",
    "Position",
    "Workflow",
    "__version__",
    "billing",
    "budget",
    "connect",
    "diff",
    "estimate",
    "focus",
    "from_langgraph",
    "load_ipython_extension",
    "node",
    "run",
    "save",
    "start",
    "to_langgraph",
    "to_mermaid",
    "to_png",
    "to_svg",
    "tool",
    "validate",
    "workflow",
]

_HOMES = {
    "BillingPanel": "builder_jupyter.notebook.widgets.billing",
    "BuilderError": "builder_jupyter.errors",
    "Canvas": "builder_jupyter.notebook.widgets.canvas",
    "Client": "builder_jupyter.client.client",
    "Code": "builder_jupyter.client.code",
    "Edge": "builder_jupyter.graph.model",
    "Execution": "builder_jupyter.client.execution",
    "Node": "builder_jupyter.graph.model",
    "Position": "builder_jupyter.graph.model",
    "Workflow": "builder_jupyter.graph.model",
    "billing": "builder_jupyter.client.focus",
    "budget": "builder_jupyter.client.default",
    "estimate": "builder_jupyter.client.default",
    "focus": "builder_jupyter.client.focus",
    "connect": "builder_jupyter.client.default",
    "diff": "builder_jupyter.client.diff",
    "from_langgraph": "builder_jupyter.codegen.reading.compiled",
    "node": "builder_jupyter.client.function_nodes",
    "run": "builder_jupyter.client.default",
    "save": "builder_jupyter.client.default",
    "start": "builder_jupyter.client.default",
    "tool": "builder_jupyter.client.function_tools",
    "to_langgraph": "builder_jupyter.client.default",
    "to_mermaid": "builder_jupyter.drawing.pictures",
    "to_png": "builder_jupyter.drawing.pictures",
    "to_svg": "builder_jupyter.drawing.pictures",
    "validate": "builder_jupyter.client.default",
    "workflow": "builder_jupyter.graph.build",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(home), name)
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        _show_workflows(shell)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(ipython: Any) -> None:
    """Give an IPython shell the magics and teach it to show workflows. Twice changes nothing.

    ``%load_ext builder_jupyter`` calls it. Without it workflows are shown all the same, since that takes no names in
    the user's session; the magics do.
    """
    from builder_jupyter.notebook.magics import register

    _show_workflows(ipython)
    register(ipython)


def _show_workflows(ipython: Any) -> None:
    from builder_jupyter.notebook.display import register

    register(ipython)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name the server extension to Jupyter Server."""
    from builder_jupyter.rest.app import BuilderApp

    return [{"module": "builder_jupyter", "app": BuilderApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Name the lab extension to Jupyter, for links to a source tree."""
    return [{"src": "labextension", "dest": "@builder-jupyter/labextension"}]
