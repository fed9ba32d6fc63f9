"""Edit a stored workflow in small steps, as tools do: each is a version of its own, and none is lost to another.

The steps are those of `graph.edits`, worked out from the newest version and made again when somebody was faster.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from builder_jupyter.drawing.editing import edited
from builder_jupyter.errors import Conflict, Forbidden
from builder_jupyter.graph.edits import Change
from builder_jupyter.graph.model import Profile, Workflow, thaw
from builder_jupyter.graph.version import WorkflowVersion
from builder_jupyter.identity.grants import Permission
from builder_jupyter.nodes.connections import Joint, connect
from builder_jupyter.nodes.ports import Refusal
from builder_jupyter.validation import result

if TYPE_CHECKING:
    from builder_jupyter.identity.principal import Principal
    from builder_jupyter.nodes.registry import Registry
    from builder_jupyter.services.workflows import WorkflowService

ATTEMPTS = 20
ARCHIVED = "archived"


class CanvasService:
    """What can be done with a workflow as a canvas."""

    def __init__(self, workflows: WorkflowService, registry: Registry) -> None:
        self._workflows = workflows
        self._registry = registry

    async def create(self, principal: Principal, name: str, profile: Profile = Profile.DIRECT) -> WorkflowVersion:
        """Save an empty canvas."""
        workflow = Workflow(name=name, profile=profile)
        return await self._workflows.create(principal, workflow, draft=not self._is_valid(principal, workflow))

    async def get(self, principal: Principal, canvas_id: str) -> WorkflowVersion:
        """Return the current version. Raises as `WorkflowService.get`."""
        return await self._workflows.get(principal, canvas_id)

    async def list(self, principal: Principal, *, include_archived: bool = False) -> list[WorkflowVersion]:
        """Return the workspace's canvases that the principal may see, newest change first."""
        found = await self._workflows.list_workspace(principal)
        return [stored for stored in found if include_archived or not is_archived(stored.workflow)]

    async def edit(
        self, principal: Principal, canvas_id: str, change: Callable[[Workflow], Sequence[Change]], message: str
    ) -> WorkflowVersion:
        """Save the version that changes make of the newest one; without any it stays.

        Parameters
        ----------
        change : returns the changes for the workflow that it is given; it may be asked again for a newer one.

        Raises
        ------
        NotFound, Forbidden : as `WorkflowService.get`, with the permission to edit.
        InvalidInput : ``INVALID_EDIT``.
        Conflict : ``VERSION_CONFLICT`` after `ATTEMPTS` others were faster.
        """
        attempts = 0
        while True:
            current = await self._workflows.get(principal, canvas_id, permission=Permission.EDIT)
            changes = change(current.workflow)
            if not changes:
                return current
            try:
                return await self._save(principal, current, edited(current.workflow, changes), message)
            except Conflict:
                attempts += 1
                if attempts == ATTEMPTS:
                    raise

    async def _save(
        self, principal: Principal, current: WorkflowVersion, workflow: Workflow, message: str
    ) -> WorkflowVersion:
        changed: dict[str, Any] = {
            name: getattr(workflow, name) for name in ("name", "nodes", "edges", "description", "metadata")
        }
        is_draft = not self._is_valid(principal, workflow)
        return await self._workflows.update(
            principal, current.id, changed, message=message, draft=is_draft, expected=current.version
        )

    def _is_valid(self, principal: Principal, workflow: Workflow) -> bool:
        return bool(result(self._workflows.findings(principal, workflow))["valid"])

    async def archive(self, principal: Principal, canvas_id: str, *, archived: bool) -> WorkflowVersion:
        """Take a canvas out of the list, or put it back; whatever has its id goes on working. Raises as `edit`."""

        def change(workflow: Workflow) -> Sequence[Change]:
            if is_archived(workflow) is archived:
                return ()
            metadata = thaw(workflow.metadata) | {ARCHIVED: True}
            if not archived:
                del metadata[ARCHIVED]
            return ({"op": "set_workflow", "field": "metadata", "value": metadata},)

        return await self.edit(principal, canvas_id, change, "Archived" if archived else "Restored")

    async def connection(
        self, principal: Principal, canvas_id: str, source: str, target: str, **ports: str | None
    ) -> Joint | Refusal:
        """Say what an edge between two nodes would join, or why there must be none. See `nodes.connections`."""
        current = await self._workflows.get(principal, canvas_id)
        may_edit = True
        try:
            await self._workflows.require(principal, canvas_id, Permission.EDIT)
        except Forbidden:
            may_edit = False
        return connect(current.workflow, self._registry, source, target, may_edit=may_edit, **ports)


def is_archived(workflow: Workflow) -> bool:
    """Say whether a canvas is left out of lists."""
    return workflow.metadata.get(ARCHIVED) is True
