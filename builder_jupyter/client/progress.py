"""Live status of a run: who shows it, and how the choice is made."""

from __future__ import annotations

import sys
from typing import Final, Protocol

from builder_jupyter.client.protocol import Wire

DONE: Final = ("completed", "error", "skipped")
"""The statuses of a step's visit after which nothing more happens to it."""


class Progress(Protocol):
    """Shows how a run gets on. It takes what comes and never asks."""

    @property
    def seconds(self) -> float:
        """The least time between two updates."""
        ...

    def begin(self, picture: Wire) -> None:
        """Show the run as it is before the first event."""
        ...

    def update(self, events: list[Wire]) -> None:
        """Show what has happened since."""
        ...

    def end(self, picture: Wire) -> None:
        """Show how it stands now that nobody looks any more: it is over, it waits, or it goes on unseen."""
        ...


class Silence:
    """Shows nothing."""

    seconds = 0.0

    def begin(self, picture: Wire) -> None:
        """Show nothing."""

    def update(self, events: list[Wire]) -> None:
        """Show nothing."""

    def end(self, picture: Wire) -> None:
        """Show nothing."""


def grown(text: str, offset: int, piece: str) -> str:
    """Return a text with a piece at its place; what is there already stays: a picture may be ahead of its events."""
    return text if text.startswith(piece, offset) else text[:offset] + piece


def choose(show: bool | None = None) -> Progress:
    """Return who shows a run here.

    In a kernel it is one output updated in place, in a terminal it is lines on stderr, elsewhere nothing. ``True``
    writes lines where otherwise nothing would be shown; ``False`` is always silent.
    """
    if show is False:
        return Silence()
    if in_kernel():
        from builder_jupyter.client.progress_notebook import NotebookProgress

        return NotebookProgress()
    if show or sys.stderr.isatty():
        from builder_jupyter.client.progress_terminal import TerminalProgress

        return TerminalProgress(sys.stderr)
    return Silence()


def in_kernel() -> bool:
    """Whether this code runs in a kernel, whose outputs can be updated in place. Imports nothing."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
