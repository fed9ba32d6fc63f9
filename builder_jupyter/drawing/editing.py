"""A workflow that is being drawn: edits as data go in, the next document to draw comes out, and all can be undone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from builder_jupyter.drawing.document import canvas_document
from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.arrangements import ARRANGEMENTS, arrange
from builder_jupyter.graph.edits import apply
from builder_jupyter.graph.history import History
from builder_jupyter.graph.layout import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from builder_jupyter.graph.edits import Change
    from builder_jupyter.graph.model import Position, Workflow
    from builder_jupyter.nodes.registry import Registry

# Edits that leave every node where it is drawn, whether or not its position is stored.
STAYS = frozenset(
    {"set_data", "set_workflow", "rename_node", "replace_edge", "add_group", "remove_group", "replace_group"}
)

LAYERED = "layered"
"""Left to right, as drawn where no positions are stored; `graph.arrangements` has other ways to place all nodes."""


class Editing:
    """One workflow being edited, whoever edits it.

    Parameters
    ----------
    registry : the node types there are; the installed ones when None.
    """

    def __init__(self, workflow: Workflow, *, registry: Registry | None = None) -> None:
        self._registry = registry
        self._history = History(workflow)
        self._version = 0

    @property
    def workflow(self) -> Workflow:
        """The workflow as it is now."""
        return self._history.workflow

    def edit(self, title: str, changes: Sequence[Change]) -> None:
        """Make changes as one step. Raises `InvalidInput` (``INVALID_EDIT``), and then nothing has changed."""
        self._history.do(title, edited(self.workflow, changes))

    def arrange(self, how: str) -> None:
        """Place all nodes anew as one step. Raises `InvalidInput` (``UNKNOWN_LAYOUT``)."""
        self._history.do("Arrange", arranged(self.workflow, how))

    def replace(self, workflow: Workflow, title: str = "Change in a cell") -> None:
        """Go on with another workflow as one step."""
        self._history.do(title, workflow)

    def undo(self) -> None:
        """Take the last step back, if there is one."""
        self._history.undo()

    def redo(self) -> None:
        """Take the step that was taken back again, if there is one."""
        self._history.redo()

    def document(self) -> dict[str, Any]:
        """Return what to draw now; each has a higher ``version``. See `canvas_document`."""
        self._version += 1
        drawn = canvas_document(self.workflow, version=self._version, registry=self._registry)
        return {**drawn, "undoes": self._history.undoes, "redoes": self._history.redoes}


def edited(workflow: Workflow, changes: Sequence[Change]) -> Workflow:
    """Return a workflow with changes made. What was drawn where it had no position of its own stays there."""
    if not all(change.get("op") in STAYS for change in changes if isinstance(change, dict)):
        workflow = _placed(workflow, layout(workflow))
    return apply(workflow, changes)


def arranged(workflow: Workflow, how: str) -> Workflow:
    """Return a workflow with all nodes placed anew. Raises `InvalidInput` (``UNKNOWN_LAYOUT``)."""
    if how == LAYERED:
        return _placed(workflow, layout(workflow, fresh=True))
    if how not in ARRANGEMENTS:
        known = ", ".join([LAYERED, *ARRANGEMENTS])
        raise InvalidInput(f"There is no layout {how[:80]!r}.", code="UNKNOWN_LAYOUT", hint=f"Known: {known}.")
    return arrange(workflow.with_nodes(replace(node, position=None) for node in workflow.nodes), how)


def _placed(workflow: Workflow, places: Mapping[str, Position]) -> Workflow:
    nodes = (
        node if node.position == places[node.id] else replace(node, position=places[node.id]) for node in workflow.nodes
    )
    return workflow.with_nodes(nodes)
