"""Keep, change and judge workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock
from builder_jupyter.codegen.reading import as_dicts, read_code
from builder_jupyter.errors import NotFound, Unprocessable
from builder_jupyter.graph.diff import WorkflowDiff, diff_workflows
from builder_jupyter.graph.model import FrozenDict, Workflow
from builder_jupyter.graph.version import Publication, VersionEntry, WorkflowVersion, without_marks
from builder_jupyter.identity.grants import Permission, Standing, permissions_of, subjects_of
from builder_jupyter.identity.principal import Principal
from builder_jupyter.nodes.chat import ToolSpec
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.services.access import AccessService, unknown_workflow
from builder_jupyter.storage.workflows import WorkflowStore
from builder_jupyter.validation import Finding, result, validate

FIRST_MESSAGE = "Initial version"
NEXT_MESSAGE = "Updated workflow"
MAX_LISTED = 1_000_000


class WorkflowService:
    """What can be done with workflows. Unknown ids and those of others look the same.

    Parameters
    ----------
    tools : the tools on offer to a workspace.
    """

    def __init__(
        self,
        store: WorkflowStore,
        access: AccessService,
        registry: Registry,
        tools: Callable[[str], Iterable[ToolSpec]],
        clock: Clock,
    ) -> None:
        self._store = store
        self._access = access
        self._registry = registry
        self._tools = tools
        self._clock = clock

    def findings(self, principal: Principal, workflow: Workflow) -> tuple[Finding, ...]:
        """Judge a workflow without saving it; it may name the tools of the principal's workspace."""
        names = {spec.name for spec in self._tools(principal.workspace)}
        return validate(workflow, registry=self._registry, tool_names=names)

    async def import_code(
        self, principal: Principal, code: Any, *, arrangement: str = "hierarchical"
    ) -> dict[str, Any]:
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
            "validation": result(self.findings(principal, reading.workflow)),
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
        workflow = self._checked(principal, workflow, draft=draft)
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

    async def get(
        self,
        principal: Principal,
        workflow_id: str,
        version: int | None = None,
        *,
        permission: Permission = Permission.VIEW,
    ) -> WorkflowVersion:
        """Return the current or a given version to a principal that may do this with it.

        Raises
        ------
        NotFound : ``WORKFLOW_NOT_FOUND``: no such workflow, or the principal may not see it; ``VERSION_NOT_FOUND``.
        Forbidden : ``AUTH_ACCESS_DENIED``: the principal may see it and do no more.
        """
        await self.require(principal, workflow_id, permission)
        current = await self._store.find(workflow_id)
        if current is None:
            raise unknown_workflow()
        if version is None or version == current.version:
            return current
        if not 1 <= version < current.version:
            raise NotFound(f"The workflow has no version {version}.", code="VERSION_NOT_FOUND")
        stored = await self._store.find(workflow_id, version)
        if stored is None:  # deleted meanwhile
            raise unknown_workflow()
        return stored

    async def require(self, principal: Principal, workflow_id: str, permission: Permission) -> None:
        """Let a principal through that may do this with a workflow. Raises as `AccessService.require`.

        What is in memory and its owner's or an admin's needs no look into the store. Everything else takes one, and
        before anything else is read: neither an answer nor its time tells a foreign workflow from an unknown one.
        """
        known = self._store.known(workflow_id)
        if known is None or permission not in permissions_of(principal, Standing(known.workspace, known.owner)):
            await self._access.require(principal, workflow_id, permission)

    async def versions(self, principal: Principal, workflow_id: str) -> Sequence[VersionEntry]:
        """Return the history of a workflow, newest version first. Raises as `require`."""
        await self.require(principal, workflow_id, Permission.VIEW)
        return await self._store.versions(workflow_id)

    async def diff(
        self, principal: Principal, workflow_id: str, version: int, *, since: int | None = None
    ) -> WorkflowDiff:
        """Return what a version has changed since another; since the one before it when None, the first since nothing.

        Raises
        ------
        NotFound, Forbidden : as in `require`; one of the versions is not there.
        """
        await self.require(principal, workflow_id, Permission.VIEW)
        after = await self.get(principal, workflow_id, version)
        number = version - 1 if since is None else since
        if number == 0 and since is None:
            before, title = Workflow(after.workflow.name, profile=after.workflow.profile), "nothing"
        else:
            before, title = (await self.get(principal, workflow_id, number)).workflow, f"version {number}"
        titles = (title, f"version {version}")
        return await asyncio.to_thread(diff_workflows, before, after.workflow, titles=titles)

    async def list(
        self,
        principal: Principal,
        *,
        tag: str | None = None,
        name: str | None = None,
        published: bool | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[WorkflowVersion]:
        """Return what the principal may see, newest change first: its own and what it was granted; admins see all."""
        return await self._store.list(
            principal.workspace,
            owner=None if principal.is_admin else principal.name,
            subjects=subjects_of(principal),
            tag=tag,
            name=name,
            published=published,
            limit=limit,
            offset=offset,
        )

    async def list_workspace(self, principal: Principal) -> Sequence[WorkflowVersion]:
        """Return all workflows of the principal's workspace that it may see, newest change first."""
        return await self.list(principal, limit=MAX_LISTED)

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
        NotFound, Forbidden : as `get`; it needs the permission to edit.
        Conflict : ``VERSION_CONFLICT`` when ``expected`` is not the current version.
        Unprocessable : ``VALIDATION_FAILED``.
        """
        current = await self.get(principal, workflow_id, permission=Permission.EDIT)
        workflow = self._checked(principal, replace(current.workflow, **changes), draft=draft)
        if current.publication is not None:  # a client sends back the marks that it has read
            workflow = without_marks(workflow)
        return await self._add(principal, replace(current, workflow=workflow), message or NEXT_MESSAGE, expected)

    async def rollback(
        self, principal: Principal, workflow_id: str, version: int, *, expected: int | None = None
    ) -> WorkflowVersion:
        """Save a new version with the content of an earlier one, or of the current one.

        Raises
        ------
        NotFound, Forbidden : as in `get`.
        Conflict : as in `update`.
        """
        earlier = await self.get(principal, workflow_id, version, permission=Permission.EDIT)
        return await self._add(principal, earlier, f"Rolled back to version {version}", expected)

    async def publish(
        self, principal: Principal, workflow_id: str, version: int | None = None
    ) -> tuple[WorkflowVersion, Publication]:
        """Let the triggers run a version, the current one if none is given, and no longer whatever is saved last.

        Raises
        ------
        NotFound, Forbidden : as in `get`; it takes the permission ``deploy``.
        Unprocessable : ``VALIDATION_FAILED``: a draft that could not run.
        """
        stored = await self.get(principal, workflow_id, version, permission=Permission.DEPLOY)
        self._checked(principal, stored.workflow, draft=False)
        return await self._publish(principal, stored, stored.version)

    async def unpublish(self, principal: Principal, workflow_id: str) -> WorkflowVersion:
        """Let the triggers run the current version again. Raises as `require`."""
        current = await self.get(principal, workflow_id, permission=Permission.DEPLOY)
        stored, _ = await self._publish(principal, current, None)
        return stored

    async def _publish(
        self, principal: Principal, stored: WorkflowVersion, version: int | None
    ) -> tuple[WorkflowVersion, Publication]:
        publication = Publication(version, self._clock.now())
        if not await self._store.publish(stored.id, publication, by=principal.name):
            raise unknown_workflow()
        return replace(stored, publication=publication), publication

    async def _add(
        self, principal: Principal, content: WorkflowVersion, message: str, expected: int | None
    ) -> WorkflowVersion:
        fresh = replace(content, updated_at=self._clock.now(), version_by=principal.name, message=message)
        saved = await self._store.add_version(fresh, expected=expected)
        if saved is None:
            raise unknown_workflow()
        return saved

    async def delete(self, principal: Principal, workflow_id: str, *, expected: int | None = None) -> None:
        """Delete a workflow with all its versions and grants: its owner and admins may. Raises as `update`."""
        await self.require(principal, workflow_id, Permission.OWN)
        if not await self._store.delete(workflow_id, at=self._clock.now(), expected=expected):
            raise unknown_workflow()

    def _checked(self, principal: Principal, workflow: Workflow, *, draft: bool) -> Workflow:
        metadata = {key: value for key, value in workflow.metadata.items() if key != "draft"}
        if draft:
            return replace(workflow, metadata=FrozenDict({**metadata, "draft": True}))
        verdict = result(self.findings(principal, workflow))
        if not verdict["valid"]:
            raise Unprocessable("Workflow validation failed", details=verdict)
        return replace(workflow, metadata=FrozenDict(metadata))
