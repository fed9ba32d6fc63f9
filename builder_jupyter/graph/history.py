"""Undo and redo: one line of versions of a workflow, whoever made them (mouse, form, cell, API).

A `Workflow` never changes and shares its nodes with the one it was made from, so the whole of each step is kept: a step
costs a tuple of pointers, and taking it back cannot go wrong.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import NamedTuple

from builder_jupyter.graph.model import Workflow

STEPS_KEPT = 200


class Step(NamedTuple):
    """A workflow as it was before something was done to it, and what that was, e.g. ``Move 3 nodes``."""

    title: str
    before: Workflow


class History:
    """The line of what was done to one workflow.

    Parameters
    ----------
    workflow : where it begins; there is nothing to undo.
    kept : how many steps can be taken back; older ones are forgotten.
    """

    def __init__(self, workflow: Workflow, *, kept: int = STEPS_KEPT) -> None:
        self._workflow = workflow
        self._past: deque[Step] = deque(maxlen=kept)
        self._future: list[Step] = []

    @property
    def workflow(self) -> Workflow:
        """The workflow as it is now."""
        return self._workflow

    @property
    def undoes(self) -> str | None:
        """What `undo` would take back; None for nothing."""
        return self._past[-1].title if self._past else None

    @property
    def redoes(self) -> str | None:
        """What `redo` would do again; None for nothing."""
        return self._future[-1].title if self._future else None

    def do(self, title: str, workflow: Workflow) -> None:
        """Go on to another workflow; what had been taken back is forgotten. Nothing happens when it is equal."""
        if workflow == self._workflow:
            self._workflow = workflow  # it may have an id now, which is not part of the content
            return
        self._past.append(Step(title, self._workflow))
        self._future.clear()
        self._workflow = workflow

    def undo(self) -> Workflow:
        """Take the last step back and return the workflow as it was; the same when there is none."""
        if self._past:
            title, before = self._past.pop()
            self._future.append(Step(title, self._workflow))
            self._workflow = self._with_id(before)
        return self._workflow

    def redo(self) -> Workflow:
        """Take the next step again and return what comes of it; the same when there is none."""
        if self._future:
            title, after = self._future.pop()
            self._past.append(Step(title, self._workflow))
            self._workflow = self._with_id(after)
        return self._workflow

    def _with_id(self, workflow: Workflow) -> Workflow:
        """Return it with the id it has in the store by now: saving cannot be undone."""
        return replace(workflow, id=self._workflow.id or workflow.id)
