"""The magics: workflows written, run and asked about in cells. ``%load_ext builder_jupyter`` brings them.

Each parses its line, asks the default client and returns something that can be shown. IPython must not expand
variables in the lines: an input ``{"a": 1}`` is JSON, and ``$name`` is the object rather than its text.
"""

from __future__ import annotations

from typing import Any

from builder_jupyter.notebook.completion import MAGICS, complete
from builder_jupyter.notebook.magics.billing import BillingMagics
from builder_jupyter.notebook.magics.runs import RunMagics
from builder_jupyter.notebook.magics.workflows import WorkflowMagics

_WITH_A_BODY = ("%%workflow", "%%runs", "%%focus")


def register(ip: Any) -> None:
    """Give an IPython shell the magics and their completions; doing it twice changes nothing."""
    if not isinstance(ip.magics_manager.registry.get(WorkflowMagics.__name__), WorkflowMagics):
        ip.register_magics(WorkflowMagics, RunMagics, BillingMagics)
        ip.input_transformers_cleanup.append(_with_a_body)
        ip.set_hook("complete_command", complete, re_key=rf"(?s).*%({MAGICS})\s")


def _with_a_body(lines: list[str]) -> list[str]:
    """Give a cell magic of ours an empty line when nothing else is below it.

    IPython refuses a cell magic without a body itself, by a ``UsageError``, which nbval and *Run all* let pass.
    """
    is_empty = len(lines) == 1 and lines[0].split(maxsplit=1)[:1] in [[name] for name in _WITH_A_BODY]
    return [*lines, "\n"] if is_empty else lines
