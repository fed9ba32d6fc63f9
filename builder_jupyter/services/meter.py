"""What the services tell whoever counts: one call for an execution that began, one for an execution that ended.

The core knows no metrics library; a surface brings a `Meter` of its own (`rest.metrics`). Steps are counted from the
state of the finished execution, so that running one costs nothing for it and a piece of text even less.
"""

from __future__ import annotations

from typing import Protocol

from builder_jupyter.execution.state import ExecutionState


class Meter(Protocol):
    """Counts. Its methods must be cheap, must not raise, and are called from several threads."""

    def started(self, trigger: str) -> None:
        """An execution was admitted; ``trigger`` is a `TriggerType`."""
        ...

    def finished(self, state: ExecutionState) -> None:
        """The terminal status of an execution is on disk. Called on the runtime's loop."""
        ...

    def committed(self, seconds: float) -> None:
        """A batch of journal rows is on disk and took so long. Called in the writer's thread."""
        ...


class SilentMeter:
    """Counts nothing: scripts, tests, the command line."""

    def started(self, trigger: str) -> None:
        """Do nothing."""

    def finished(self, state: ExecutionState) -> None:
        """Do nothing."""

    def committed(self, seconds: float) -> None:
        """Do nothing."""
