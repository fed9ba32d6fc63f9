"""Keep, change and judge workflows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock
from builder_jupyter.errors import NotFound, Unprocessable
from builder_jupyter.graph.model import FrozenDict, Workflow
from builder_jupyter.graph.version import Publication, VersionEntry, WorkflowVersion, without_marks
from builder_jupyter.identity.principal import Principal
from builder_jupyter.nodes.base import Tools
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.storage.workflows import WorkflowStore
from builder_jupyter.validation import Finding, result, validate

FIRST_MESSAGE = "Initial version"
NEXT_MESSAGE = "Updated workflow"


class WorkflowService:
    """What can be done with workflows. Unknown ids and those of others look the same."""

    def __init__(self, store: WorkflowStore, registry: Registry, tools: Tools, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._tools = tools
        self._clock = clock

    def findings(self, workflow: Workflow) -> tuple[Finding, ...]:
        """Judge a workflow without saving it."""
        names = {spec.name for spec in self._tools.specs()}
        return validate(workflow, registry=self._registry, tool_names=names)

    async def create(
        self, principal: Principal, workflow: Workflow, *, message: str | None = None, draft: bool = False
    ) -> WorkflowVersion:
        """Save a new workflow as version 1.

        Raises
        ------
        Unprocessable : ``VALIDATION_FAILED``; not for drafts, of which only the shape is checked.
        """
        workflow = self._checked(workflow, draft=draft)
        now = self._clock.now()
        while True:
            workflow_id = ids.workflow_id()
            stored = WorkflowVersion(
                id=workflow_id,
                workspace=principal.workspace,
                owner=principal.name,
                version=1,
                created_at=now,
                updated_at=now,
                workflow=replace(workflow, id=workflow_id),
                version_by=principal.name,
                message=message or FIRST_MESSAGE,
            )
            if await self._store.create(stored):
                return stored

    async def get(self, principal: Principal, workflow_id: str, version: int | None = None) -> WorkflowVersion:
        """Return the current or a given version.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``; ``VERSION_NOT_FOUND`` when there is the workflow and not the version.
        """
        current = await self._store.find(workflow_id)
        if current is None or not may_see(principal, current):
            raise not_found()
        if version is None or version == current.version:
            return current
        if not 1 <= version < current.version:
            raise NotFound(f"The workflow has no version {version}.", code="VERSION_NOT_FOUND")
        stored = await self._store.find(workflow_id, version)
        if stored is None:  # deleted meanwhile
            raise not_found()
        return stored

    async def versions(self, principal: Principal, workflow_id: str) -> Sequence[VersionEntry]:
        """Return the history of a workflow, newest version first. Raises `NotFound` (``WORKFLOW_NOT_FOUND``)."""
        await self.get(principal, workflow_id)
        return await self._store.versions(workflow_id)

    async def list(
        self,
        principal: Principal,
        *,
        tag: str | None = None,
        name: str | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[WorkflowVersion]:
        """Return what the principal may see, newest change first."""
        owner = None if principal.is_admin else principal.name
        return await self._store.list(principal.workspace, owner=owner, tag=tag, name=name, limit=limit, offset=offset)

    async def list_workspace(self, principal: Principal) -> Sequence[WorkflowVersion]:
        """Return all workflows of the principal's workspace, newest change first."""
        return await self._store.list(principal.workspace)

    async def update(
        self,
        principal: Principal,
        workflow_id: str,
        changes: dict[str, Any],
        *,
        message: str | None = None,
        draft: bool = False,
        expected: int | None = None,
    ) -> WorkflowVersion:
        """Save a new version with some fields changed (`Workflow` fields by name).

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``.
        Conflict : ``VERSION_CONFLICT`` when ``expected`` is not the current version.
        Unprocessable : ``VALIDATION_FAILED``.
        """
        current = await self.get(principal, workflow_id)
        workflow = self._checked(replace(current.workflow, **changes), draft=draft)
        if current.publication is not None:  # a client sends back the marks that it has read
            workflow = without_marks(workflow)
        return await self._add(principal, replace(current, workflow=workflow), message or NEXT_MESSAGE, expected)

    async def rollback(
        self, principal: Principal, workflow_id: str, version: int, *, expected: int | None = None
    ) -> WorkflowVersion:
        """Save a new version with the content of an earlier one, or of the current one.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``, ``VERSION_NOT_FOUND``.
        Conflict : as in `update`.
        """
        earlier = await self.get(principal, workflow_id, version)
        return await self._add(principal, earlier, f"Rolled back to version {version}", expected)

    async def publish(
        self, principal: Principal, workflow_id: str, version: int | None = None
    ) -> tuple[WorkflowVersion, Publication]:
        """Let the triggers run a version, the current one if none is given, and no longer whatever is saved last.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``, ``VERSION_NOT_FOUND``.
        Unprocessable : ``VALIDATION_FAILED``: a draft that could not run.
        """
        stored = await self.get(principal, workflow_id, version)
        self._checked(stored.workflow, draft=False)
        return await self._publish(principal, stored, stored.version)

    async def unpublish(self, principal: Principal, workflow_id: str) -> WorkflowVersion:
        """Let the triggers run the current version again. Raises `NotFound` (``WORKFLOW_NOT_FOUND``)."""
        stored, _ = await self._publish(principal, await self.get(principal, workflow_id), None)
        return stored

    async def _publish(
        self, principal: Principal, stored: WorkflowVersion, version: int | None
    ) -> tuple[WorkflowVersion, Publication]:
        publication = Publication(version, self._clock.now())
        if not await self._store.publish(stored.id, publication, by=principal.name):
            raise not_found()
        return replace(stored, publication=publication), publication

    async def _add(
        self, principal: Principal, content: WorkflowVersion, message: str, expected: int | None
    ) -> WorkflowVersion:
        fresh = replace(content, updated_at=self._clock.now(), version_by=principal.name, message=message)
        saved = await self._store.add_version(fresh, expected=expected)
        if saved is None:
            raise not_found()
        return saved

    async def delete(self, principal: Principal, workflow_id: str, *, expected: int | None = None) -> None:
        """Delete a workflow with all its versions. Raises `NotFound`, `Conflict`."""
        await self.get(principal, workflow_id)
        if not await self._store.delete(workflow_id, at=self._clock.now(), expected=expected):
            raise not_found()

    def _checked(self, workflow: Workflow, *, draft: bool) -> Workflow:
        metadata = {key: value for key, value in workflow.metadata.items() if key != "draft"}
        if draft:
            return replace(workflow, metadata=FrozenDict({**metadata, "draft": True}))
        verdict = result(self.findings(workflow))
        if not verdict["valid"]:
            raise Unprocessable("Workflow validation failed", details=verdict)
        return replace(workflow, metadata=FrozenDict(metadata))


def not_found() -> NotFound:
    """Return the error for a workflow that is not there, or not the caller's to see."""
    return NotFound("Workflow not found", code="WORKFLOW_NOT_FOUND")


def may_see(principal: Principal, stored: WorkflowVersion) -> bool:
    """Say whether a principal may see a workflow: its workspace's admins and its owner may."""
    return stored.workspace == principal.workspace and (principal.is_admin or stored.owner == principal.name)
