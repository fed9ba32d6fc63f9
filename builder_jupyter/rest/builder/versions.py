"""The history of a workflow, going back in it, and what of it is published. Source: spec langgraph-builder §2, §8."""

from __future__ import annotations

from pydantic import BaseModel, Field

from builder_jupyter.clock import iso_z
from builder_jupyter.identity.grants import Permission
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.builder.workflows import FullWorkflow, IfMatch, WorkflowFamily, etag, full
from builder_jupyter.rest.json_body import malformed
from builder_jupyter.rest.models import Loose, Whole
from builder_jupyter.rest.routing import route

MAX_DIGITS = 9


class VersionItem(BaseModel):
    """A version in a list; ``created_by`` is who saved it."""

    version: int
    created_at: str
    created_by: str
    message: str


class WorkflowAtVersion(FullWorkflow):
    """A workflow as it was saved; ``updated_at`` is when. ``metadata.deployed``: whether this version is published."""

    message: str


class SinceQuery(BaseModel):
    """``since``: the version to compare with; the one before when it is left out, for the first a blank workflow."""

    since: int | None = Field(default=None, ge=1, lt=10**MAX_DIGITS)


class VersionDiff(BaseModel):
    """What differs: a line for each thing, ``+`` came, ``-`` went, ``~`` changed, ``>`` moved, and its fields indented.

    ``counts`` are of nodes and edges; ``titles`` say what was compared; ``text`` is all of it.
    """

    titles: list[str]
    lines: list[str]
    counts: dict[str, int]
    text: str


class RollbackBody(Loose):
    """Where to go back to."""

    version: Whole


class RolledBack(BaseModel):
    """The new version, which has the content of the earlier one."""

    id: str
    version: int
    message: str


class PublishBody(Loose):
    """What to publish; the current version when it is left out."""

    version: Whole | None = None


class Published(BaseModel):
    """Which version the triggers run from now on, and since when."""

    id: str
    version: int
    deployed_at: str
    message: str


class Unpublished(BaseModel):
    """The triggers run the current version again."""

    id: str
    message: str


class VersionsHandler(WorkflowFamily):
    """All versions of a workflow."""

    path = "/api/builder/workflows/{workflow_id}/versions"

    @route(Scope.READ_CANVASES, answer=list[VersionItem])
    async def get(self, workflow_id: str) -> None:
        """List the versions of a workflow, newest first."""
        found = await self.call(self.runtime.workflows.versions(self.caller, workflow_id))
        self.answer(
            [
                {
                    "version": entry.version,
                    "created_at": iso_z(entry.created_at),
                    "created_by": entry.created_by,
                    "message": entry.message,
                }
                for entry in found
            ]
        )


class VersionHandler(WorkflowFamily):
    """One version of a workflow."""

    path = "/api/builder/workflows/{workflow_id}/versions/{version}"

    @route(Scope.READ_CANVASES, answer=WorkflowAtVersion)
    async def get(self, workflow_id: str, version: str) -> None:
        """Get a workflow as it was saved as this version."""
        service = self.runtime.workflows
        await self.call(service.require(self.caller, workflow_id, Permission.VIEW))
        stored = await self.call(service.get(self.caller, workflow_id, number_of(version)))
        self.answer(full(stored, as_version=True) | {"message": stored.message})


class VersionDiffHandler(WorkflowFamily):
    """What a version has changed."""

    path = "/api/builder/workflows/{workflow_id}/versions/{version}/diff"

    @route(Scope.READ_CANVASES, query=SinceQuery, answer=VersionDiff)
    async def get(self, workflow_id: str, version: str) -> None:
        """Say in lines of text how a version differs from another, or from the one before it."""
        since = self.query(SinceQuery).since
        found = await self.call(self.runtime.workflows.diff(self.caller, workflow_id, number_of(version), since=since))
        self.answer({"titles": found.titles, "lines": found.lines, "counts": found.counts, "text": str(found)})


class RollbackHandler(WorkflowFamily):
    """Going back."""

    path = "/api/builder/workflows/{workflow_id}/rollback"

    @route(Scope.WRITE_CANVAS, body=RollbackBody, headers=IfMatch, answer=RolledBack, refuses=(409,))
    async def post(self, workflow_id: str) -> None:
        """Save a new version with the content of an earlier one."""
        service = self.runtime.workflows
        await self.call(service.require(self.caller, workflow_id, Permission.EDIT))
        wanted = (await self.model(RollbackBody)).version
        stored = await self.call(service.rollback(self.caller, workflow_id, wanted, expected=self.expected_version()))
        answer = {"id": stored.id, "version": stored.version, "message": stored.message}
        self.answer(answer, ETag=etag(stored.version))


class PublishHandler(WorkflowFamily):
    """What the triggers run."""

    path = "/api/builder/workflows/{workflow_id}/publish"

    @route(Scope.WRITE_CANVAS, body=PublishBody, answer=Published, refuses=(422,))
    async def post(self, workflow_id: str) -> None:
        """Let the triggers run one version, whatever is saved later."""
        service = self.runtime.workflows
        await self.call(service.require(self.caller, workflow_id, Permission.DEPLOY))
        wanted = (await self.model(PublishBody)).version
        stored, publication = await self.call(service.publish(self.caller, workflow_id, wanted))
        self.answer(
            {
                "id": stored.id,
                "version": stored.version,
                "deployed_at": iso_z(publication.changed_at),
                "message": f"Published version {stored.version}",
            }
        )

    @route(Scope.WRITE_CANVAS, answer=Unpublished)
    async def delete(self, workflow_id: str) -> None:
        """Let the triggers run the current version again."""
        stored = await self.call(self.runtime.workflows.unpublish(self.caller, workflow_id))
        self.answer({"id": stored.id, "message": "Workflow unpublished"})


HANDLERS = (VersionsHandler, VersionHandler, VersionDiffHandler, RollbackHandler, PublishHandler)


def number_of(text: str) -> int:
    """Return the number of a version in a path. Raises `InvalidInput` unless it is plain digits."""
    if not (text.isascii() and text.isdigit()):
        raise malformed("must be plain decimal digits", "version")
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS
