"""A saved state of a workflow: what a store keeps, and what the services hand out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from builder_jupyter.clock import iso_z
from builder_jupyter.graph.model import FrozenDict, Workflow

DEPLOYMENT_MARKS = frozenset({"deployed", "deployed_at", "deployed_version"})
"""The keys of ``metadata`` that say what is published."""


@dataclass(frozen=True, slots=True)
class Publication:
    """Which version the triggers of a workflow run, and since when.

    Parameters
    ----------
    version : None when it was withdrawn; then the triggers run the current version again.
    changed_at : when it was published or withdrawn; aware, UTC.
    """

    version: int | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """A version in the history of a workflow, without its content."""

    version: int
    created_at: datetime
    created_by: str
    message: str


@dataclass(frozen=True, slots=True)
class WorkflowVersion:
    """One version of a workflow. Immutable; a change is a new version.

    Parameters
    ----------
    version : from 1.
    created_at, updated_at : when version 1 and this version were saved; aware, UTC.
    version_by : who saved this version; ``owner`` saved the first.
    publication : what of the workflow is published; None when nothing ever was.
    """

    id: str
    workspace: str
    owner: str
    version: int
    created_at: datetime
    updated_at: datetime
    workflow: Workflow
    version_by: str
    message: str
    publication: Publication | None = None

    @property
    def published_version(self) -> int | None:
        """The version that is published; None when none is."""
        return self.publication.version if self.publication is not None else None

    def marked(self, *, as_version: bool = False) -> Workflow:
        """Return the workflow with what is published in its metadata: ``deployed``, ``deployed_at``.

        Until a workflow is published for the first time these are what its client has sent. ``as_version`` marks this
        version by itself: as deployed only if it is the one that is published.
        """
        if self.publication is None:
            return self.workflow
        is_deployed = self.version == self.published_version if as_version else self.published_version is not None
        marks: dict[str, Any] = {"deployed": is_deployed}
        if is_deployed:
            marks |= {"deployed_at": iso_z(self.publication.changed_at), "deployed_version": self.published_version}
        return replace(self.workflow, metadata=FrozenDict({**without_marks(self.workflow).metadata, **marks}))


def without_marks(workflow: Workflow) -> Workflow:
    """Return a workflow without the marks of deployment in its metadata."""
    kept = {name: value for name, value in workflow.metadata.items() if name not in DEPLOYMENT_MARKS}
    return replace(workflow, metadata=FrozenDict(kept))
