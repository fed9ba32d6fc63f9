"""What a `Client` needs of the place that it talks to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from builder_jupyter.client.team import Team
    from builder_jupyter.graph.model import Workflow
    from builder_jupyter.portal import Portal

Wire = dict[str, Any]
"""A JSON object as the surfaces write it."""

MAX_PAGE = 100
"""The most workflows that one answer lists."""


class CreditsTransport(Protocol):
    """What a `Transport` has of `services.credits.CreditService`, in the shapes that the REST routes answer."""

    async def balance(self) -> Wire:
        """Return ``{workspaceId, balance, updatedAt}``."""
        ...

    async def transactions(self, limit: int = 50) -> list[Wire]:
        """Return the newest transactions, newest first."""
        ...

    async def budget(self) -> Wire:
        """Return ``{workspaceId, creditsPerMonth, used, held, left, month, resetsAt}``."""
        ...

    async def set_budget(self, credits_per_month: int | None) -> Wire:
        """Limit what may be spent in a calendar month, or no longer; return as `budget`."""
        ...

    async def add(self, amount: int, **about: str | None) -> Wire:
        """Add credits: ``kind paid_usd workspace receipt pack note`` as for `services.postings`; return the balance."""
        ...

    async def refund(self, entry_or_execution: str, **about: str | None) -> Wire:
        """Take back a purchase or usage; ``workspace note``. Return the balance."""
        ...

    async def export(self, target: Path, start: str, end: str, **options: Any) -> None:
        """Write the charges of a window into a file; ``fmt focus_version columns safe`` as `services.billing`."""
        ...


class Transport(Protocol):
    """A way to the services. Its coroutines run on the loop of ``portal``, and nowhere else.

    Every method raises the `BuilderError` that the service raised, wherever that runs, and `Unavailable` when the
    service cannot be reached.
    """

    @property
    def portal(self) -> Portal:
        """The loop on which the coroutines run."""
        ...

    @property
    def where(self) -> str:
        """Which place this is, in a few words for a ``repr``; never a credential."""
        ...

    async def create_workflow(self, workflow: Workflow, message: str | None = None) -> Workflow:
        """Save a new workflow and return it with its id."""
        ...

    async def update_workflow(self, workflow_id: str, workflow: Workflow, message: str | None = None) -> Workflow:
        """Save the next version of a workflow and return it."""
        ...

    async def list_workflows(self, name: str | None = None, *, limit: int = MAX_PAGE, offset: int = 0) -> list[Wire]:
        """Return summaries as the Builder API lists them, newest change first; of exactly this name if given."""
        ...

    async def get_workflow(self, workflow_id: str, version: int | None = None) -> Workflow:
        """Return the current or a given version. Raises `NotFound` (``WORKFLOW_NOT_FOUND``, ``VERSION_NOT_FOUND``)."""
        ...

    async def delete_workflow(self, workflow_id: str) -> None:
        """Delete a workflow with all its versions."""
        ...

    async def versions(self, workflow_id: str) -> list[Wire]:
        """Return ``{version, created_at, created_by, message}`` of each version, newest first."""
        ...

    async def roll_back(self, workflow_id: str, version: int) -> None:
        """Save a new version with the content of an earlier one."""
        ...

    async def publish(self, workflow_id: str, version: int | None = None) -> int:
        """Let the triggers run a version, the current one if none is given; return which."""
        ...

    async def unpublish(self, workflow_id: str) -> None:
        """Let the triggers run the current version again."""
        ...

    async def validate(self, workflow: Workflow) -> Wire:
        """Return ``{"valid", "errors", "warnings"}``, each finding with its ``fixes``."""
        ...

    async def estimate(self, workflow: Workflow, trigger: str | None = None, target: str | None = None) -> Wire:
        """Return ``{"credits", "mayRepeat", "steps"}``: what a run from a trigger, or for a target node, would cost."""
        ...

    async def import_code(self, code: str, layout: str = "hierarchical") -> Wire:
        """Return ``{"workflow", "validation", "message", "report"}`` of LangGraph code, which is read and not run.

        Raises `InvalidInput` (``INVALID_CODE``) for what is no Python.
        """
        ...

    async def generate(self, workflow: Workflow, options: Mapping[str, bool]) -> Wire:
        """Return ``{"code", "filename", "language", "dependencies"}``: the workflow as a LangGraph module.

        Raises `Unprocessable` (``VALIDATION_FAILED``, ``NOT_EXPORTABLE``).
        """
        ...

    async def start(
        self,
        workflow_id: str,
        inputs: Mapping[str, Any],
        trigger_node: str | None = None,
        *,
        target: str | None = None,
        whole: bool = False,
    ) -> str:
        """Begin an execution and return its id.

        It begins at a trigger, which may be left out where there is one; or it is of a ``target`` node and all that
        this needs, or of the ``whole`` workflow.
        """
        ...

    async def snapshot(self, execution_id: str) -> Wire:
        """Return the picture of an execution."""
        ...

    async def wait(self, execution_id: str, seconds: float | None = None) -> Wire:
        """Wait for the end of an execution, at most so long, and return its picture then, ended or not."""
        ...

    async def cancel(self, execution_id: str) -> Wire:
        """Stop an execution and return its picture; a finished one stays as it is."""
        ...

    async def complete(self, waitpoint_id: str, answer: Any) -> Wire:
        """Answer a waitpoint; return the picture of its execution with ``counted``: whether this answer was the one."""
        ...

    async def link(self, execution_id: str, waitpoint_id: str) -> Wire:
        """Return ``{"url", "token", "expiresAt"}``: a way for somebody else to answer."""
        ...

    async def replay(
        self,
        execution_id: str,
        *,
        from_step: str | None = None,
        visit: int | None = None,
        inputs: Mapping[str, Any] | None = None,
        edits: Mapping[str, Any] | None = None,
    ) -> str:
        """Run a finished execution again, whole or from a step on, and return the id of the new one."""
        ...

    async def results(self, workflow_id: str) -> dict[str, Wire]:
        """Return by node id how each node of a workflow ended last."""
        ...

    def events(self, execution_id: str, after: int = 0) -> AsyncGenerator[list[Wire], None]:
        """Yield the events with ``seq > after`` in batches until the execution is over."""
        ...

    async def history(self, execution_id: str, after: int = 0) -> list[Wire]:
        """Return the events so far with ``seq > after``."""
        ...

    async def executions(self, workflow_id: str | None = None, *, limit: int = 50) -> list[Wire]:
        """Return the newest executions in short."""
        ...

    @property
    def team(self) -> Team:
        """What can be done with workspaces, members and invites."""
        ...

    async def create_key(
        self, name: str, scopes: Sequence[str] | None = None, *, expires_at: datetime | None = None
    ) -> Wire:
        """Make an API key. The answer's ``key`` is the secret, which nobody can read again."""
        ...

    async def list_keys(self) -> list[Wire]:
        """Return the keys without their secrets."""
        ...

    async def revoke_key(self, key_id: str) -> None:
        """Make a key open nothing. Raises `NotFound` (``KEY_NOT_FOUND``)."""
        ...

    async def status(self) -> Wire:
        """Return ``{version, resumed, active, waiting, failure, dataDir}``."""
        ...

    @property
    def credits(self) -> CreditsTransport:
        """The way to balances and budgets."""
        ...

    async def purge(self, *, older_than_seconds: int, dry_run: bool = False) -> Wire:
        """Remove executions that ended so long ago; return in numbers what went, ``executions`` and ``events``."""
        ...

    async def back_up(self, target: Path) -> None:
        """Write a backup of the whole database into a file."""
        ...

    async def list_tools(self) -> list[Wire]:
        """Return the tools that workflows may name: ``{name, description, parameters}``."""
        ...

    async def list_resources(self) -> list[Wire]:
        """Return the resources of MCP servers: ``{uri, name, mimeType}``."""
        ...

    async def artefact(self, sha256: str) -> bytes:
        """Return the content of an artefact. Raises `NotFound` (``ARTEFACT_NOT_FOUND``)."""
        ...

    async def asset(self, asset_id: str) -> bytes:
        """Return the content of an asset. Raises `NotFound` (``ASSET_NOT_FOUND``)."""
        ...

    async def attach(self, *, everything: bool = False) -> str:
        """Let this process run the python steps of what it starts; return the worker's token, ``""`` if none is needed.

        Raises `Unavailable` when the place cannot be reached.
        """
        ...

    async def detach(self) -> None:
        """Run no more steps here; those under way are interrupted."""
        ...

    def close(self) -> None:
        """Let go of everything, the portal included. Blocks; call it from outside the loop. Idempotent."""
        ...
