"""A workflow that lies in a store: the value, with its history within reach."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from builder_jupyter.graph.model import Workflow

if TYPE_CHECKING:
    import pandas as pd

    from builder_jupyter.client.client import Client
    from builder_jupyter.client.estimate import Estimate
    from builder_jupyter.graph.diff import WorkflowDiff


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SavedWorkflow(Workflow):
    """What a `Client` returns for a workflow that it has saved or found.

    It is the same value as a `Workflow` of that content, and equal to it; beside that it knows where it lies. One that
    is changed with ``dataclasses.replace`` still does. A copy that leaves the process (pickle) is a plain `Workflow`.
    """

    client: Client | None = field(default=None, compare=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Workflow):
            return NotImplemented
        return _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash(_content(self))

    def __reduce__(self) -> tuple[type[Workflow], tuple[Any, ...]]:
        return Workflow, tuple(getattr(self, one.name) for one in fields(Workflow))

    def __deepcopy__(self, _memo: object) -> SavedWorkflow:
        return self

    @property
    def _home(self) -> Client:
        if self.client is None:
            raise TypeError("a SavedWorkflow is made by a Client")
        return self.client

    def versions(self) -> pd.DataFrame:
        """Return its saved versions, one row each, newest first; see `Client.versions`."""
        return self._home.versions(self)

    def estimate(self, *, trigger: str | None = None, target: str | None = None) -> Estimate:
        """Return what a run of this value would cost; see `Client.estimate`."""
        return self._home.estimate(self, trigger=trigger, target=target)

    def diff(self, before: int | None = None, after: int | None = None) -> WorkflowDiff:
        """Return what has changed since a version, the newest if none is given; up to another one, or to this value.

        ``wf.diff(2)`` is what version 2 lacks of ``wf``; ``wf.diff(2, 3)`` is what version 3 has changed; ``wf.diff()``
        is what of ``wf`` is not saved. A notebook shows it as a coloured picture and as text.

        Raises
        ------
        NotFound : ``VERSION_NOT_FOUND``, ``WORKFLOW_NOT_FOUND``.
        """
        return self._home.diff(self, before, after)

    def rollback(self, version: int) -> SavedWorkflow:
        """Save a new version with the content of an earlier one, and return it; see `Client.rollback`."""
        return self._home.rollback(self, version)

    def publish(self, version: int | None = None) -> int:
        """Let webhooks, API calls and other triggers run one version, the newest if none is given; return which."""
        return self._home.publish(self, version)

    def unpublish(self) -> None:
        """Let the triggers run the newest version again."""
        self._home.unpublish(self)


def saved_by(client: Client, workflow: Workflow) -> SavedWorkflow:
    """Return a workflow as one that a client has saved or found."""
    content: dict[str, Any] = {one.name: getattr(workflow, one.name) for one in fields(Workflow)}
    return SavedWorkflow(**content, client=client)


def _content(workflow: Workflow) -> tuple[Any, ...]:
    return tuple(getattr(workflow, one.name) for one in fields(Workflow) if one.compare)
