"""A saved state of a workflow: what a store keeps, and what the services hand out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from builder_jupyter.graph.model import Workflow


@dataclass(frozen=True, slots=True)
class WorkflowVersion:
    """One version of a workflow. Immutable; a change is a new version.

    Parameters
    ----------
    version : from 1.
    created_at, updated_at : when version 1 and this version were saved; aware, UTC.
    version_by : who saved this version; ``owner`` saved the first.
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
