"""Keep, change and judge workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock
from builder_jupyter.codegen.reading import as_dicts, read_code
from builder_jupyter.errors import NotFound, Unprocessable
from builder_jupyter.graph.model import FrozenDict, Workflow
from builder_jupyter.graph.version import WorkflowVersion
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

    async def import_code(self, code: Any, *, arrangement: str = "hierarchical") -> dict[str, Any]:
        """Read LangGraph code as a workflow, and judge that. Nothing is run and nothing saved.

        Returns
        -------
        ``{workflow, validation, message, report}``; ``report`` lists what was not understood as ``{line, what, why}``.

        Raises
        ------
        InvalidInput : ``INVALID_CODE``; see `codegen.reading.read_code`.
        """
        reading = await asyncio.to_thread(read_code, code, arrangement)
        return {
            "workflow": reading.workflow.to_dict(),
            "validation": result(self.findings(reading.workflow)),
            "message": "Code imported successfully",
            "report": as_dicts(reading.report),
        }

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
        await self._store.create(stored)
        return stored

    async def get(self, principal: Principal, workflow_id: str, version: int | None = None) -> WorkflowVersion:
        """Return the current or a given version. Raises `NotFound` (``WORKFLOW_NOT_FOUND``)."""
        stored = await self._store.find(workflow_id, version)
        if stored is None or not may_see(principal, stored):
            raise NotFound("Workflow not found", code="WORKFLOW_NOT_FOUND")
        return stored

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
        changed = replace(
            current,
            workflow=workflow,
            updated_at=self._clock.now(),
            version_by=principal.name,
            message=message or NEXT_MESSAGE,
        )
        saved = await self._store.add_version(changed, expected=expected)
        if saved is None:
            raise NotFound("Workflow not found", code="WORKFLOW_NOT_FOUND")
        return saved

    async def delete(self, principal: Principal, workflow_id: str, *, expected: int | None = None) -> None:
        """Delete a workflow with all its versions. Raises `NotFound`, `Conflict`."""
        await self.get(principal, workflow_id)
        if not await self._store.delete(workflow_id, expected=expected):
            raise NotFound("Workflow not found", code="WORKFLOW_NOT_FOUND")

    def _checked(self, workflow: Workflow, *, draft: bool) -> Workflow:
        metadata = {key: value for key, value in workflow.metadata.items() if key != "draft"}
        if draft:
            return replace(workflow, metadata=FrozenDict({**metadata, "draft": True}))
        verdict = result(self.findings(workflow))
        if not verdict["valid"]:
            raise Unprocessable("Workflow validation failed", details=verdict)
        return replace(workflow, metadata=FrozenDict(metadata))


def may_see(principal: Principal, stored: WorkflowVersion) -> bool:
    """Say whether a principal may see a workflow: its workspace's admins and its owner may."""
    return stored.workspace == principal.workspace and (principal.is_admin or stored.owner == principal.name)
