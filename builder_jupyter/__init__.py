"""Agent workflows as first-class objects of a notebook."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server what to load."""
    from builder_jupyter.rest.app import BuilderApp

    return [{"module": "builder_jupyter", "app": BuilderApp}]
