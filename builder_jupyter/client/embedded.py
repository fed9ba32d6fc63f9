"""The services inside this process: for scripts, tests, nbconvert and editors without a Jupyter server."""

from __future__ import annotations

import asyncio
import atexit
import getpass
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.credits import EmbeddedCredits
from builder_jupyter.client.protocol import MAX_PAGE, Wire
from builder_jupyter.client.team import TeamHere
from builder_jupyter.clock import iso_z
from builder_jupyter.errors import NotConfigured
from builder_jupyter.identity.principal import local_principal

if TYPE_CHECKING:
    from datetime import datetime

    from builder_jupyter.client.team import Team
    from builder_jupyter.graph.model import Workflow
    from builder_jupyter.graph.version import WorkflowVersion
    from builder_jupyter.identity.api_keys import ApiKey
    from builder_jupyter.identity.principal import Principal
    from builder_jupyter.nodes.chat import ChatModels
    from builder_jupyter.portal import Portal
    from builder_jupyter.services.runtime import Runtime


def open_embedded(data_dir: Path | None = None, *, models: ChatModels | None = None) -> EmbeddedTransport:
    """Start a runtime in this process and return the way to it.

    Parameters
    ----------
    data_dir : where its database lies; None keeps everything in memory.
    models : other language models than the real ones, for tests.

    Raises
    ------
    StoreLocked : another process owns the directory.
    Unavailable : ``STORE_UNREADABLE``.
    """
    from builder_jupyter.client.steps import Steps
    from builder_jupyter.services.runtime import Runtime, Settings

    return EmbeddedTransport(Runtime(Settings(data_dir=data_dir), models=models, worker=Steps()))


class EmbeddedTransport:
    """A `Transport` over a `Runtime` of this process, which it owns from now on: `close` stops it.

    One that nobody closes is closed when the process ends, so that what is queued gets written.
    """

    def __init__(self, runtime: Runtime, principal: Principal | None = None) -> None:
        self._runtime = runtime
        self._me = principal or local_principal(_user_name())
        self._pid = os.getpid()
        atexit.register(self.close)

    @property
    def portal(self) -> Portal:
        """The runtime's own loop."""
        return self._runtime.portal

    @property
    def where(self) -> str:
        """``embedded``, and where the database lies."""
        return f"embedded, {self._runtime.settings.data_dir or 'in memory'}"

    async def create_workflow(self, workflow: Workflow, message: str | None = None) -> Workflow:
        """Save a new workflow and return it with its id."""
        return _loaded(await self._runtime.workflows.create(self._me, workflow, message=message))

    async def update_workflow(self, workflow_id: str, workflow: Workflow, message: str | None = None) -> Workflow:
        """Save the next version of a workflow and return it."""
        changes = {
            name: getattr(workflow, name) for name in ("name", "description", "nodes", "edges", "metadata", "profile")
        }
        return _loaded(await self._runtime.workflows.update(self._me, workflow_id, changes, message=message))

    async def list_workflows(self, name: str | None = None, *, limit: int = MAX_PAGE, offset: int = 0) -> list[Wire]:
        """Return summaries, newest change first."""
        found = await self._runtime.workflows.list(self._me, name=name, limit=limit, offset=offset)
        return [_summary(stored) for stored in found]

    async def get_workflow(self, workflow_id: str, version: int | None = None) -> Workflow:
        """Return the current or a given version."""
        stored = await self._runtime.workflows.get(self._me, workflow_id, version)
        return _loaded(stored, as_version=version is not None)

    async def delete_workflow(self, workflow_id: str) -> None:
        """Delete a workflow with all its versions."""
        await self._runtime.workflows.delete(self._me, workflow_id)

    async def versions(self, workflow_id: str) -> list[Wire]:
        """Return the history of a workflow, newest version first."""
        return [
            {
                "version": entry.version,
                "created_at": _time(entry.created_at),
                "created_by": entry.created_by,
                "message": entry.message,
            }
            for entry in await self._runtime.workflows.versions(self._me, workflow_id)
        ]

    async def roll_back(self, workflow_id: str, version: int) -> None:
        """Save a new version with the content of an earlier one."""
        await self._runtime.workflows.rollback(self._me, workflow_id, version)

    async def publish(self, workflow_id: str, version: int | None = None) -> int:
        """Let the triggers run a version; return which."""
        stored, _ = await self._runtime.workflows.publish(self._me, workflow_id, version)
        return stored.version

    async def unpublish(self, workflow_id: str) -> None:
        """Let the triggers run the current version again."""
        await self._runtime.workflows.unpublish(self._me, workflow_id)

    async def validate(self, workflow: Workflow) -> Wire:
        """Return ``{"valid", "errors", "warnings"}``, each finding with its ``fixes``."""
        from builder_jupyter.validation import result

        return result(self._runtime.workflows.findings(self._me, workflow), fixes=True)

    async def estimate(self, workflow: Workflow, trigger: str | None = None, target: str | None = None) -> Wire:
        """Return what a run would cost."""
        from builder_jupyter.planning.plan import Mode
        from builder_jupyter.services.planning import Entry

        entry = Entry(Mode.TARGET, target) if target is not None else Entry(node=trigger)
        return await self._runtime.executions.estimate(self._me, workflow, entry=entry)

    async def import_code(self, code: str, layout: str = "hierarchical") -> Wire:
        """Return the workflow of LangGraph code, what is wrong with it, and what was not understood."""
        return await self._runtime.workflows.import_code(self._me, code, arrangement=layout)

    async def generate(self, workflow: Workflow, options: Mapping[str, bool]) -> Wire:
        """Return the workflow as a LangGraph module."""
        from builder_jupyter.codegen.options import Options

        return (await self._runtime.generation.generate(self._me, workflow, Options.of(options))).to_dict()

    async def start(
        self,
        workflow_id: str,
        inputs: Mapping[str, Any],
        trigger_node: str | None = None,
        *,
        target: str | None = None,
        whole: bool = False,
    ) -> str:
        """Begin an execution and return its id."""
        from builder_jupyter.execution.status import TriggerType
        from builder_jupyter.planning.plan import Mode
        from builder_jupyter.services.planning import Entry

        entry = Entry(Mode.CANVAS) if whole else Entry(Mode.TARGET, target) if target else Entry(node=trigger_node)
        run = await self._runtime.executions.start(
            self._me, workflow_id, entry=entry, inputs=inputs, trigger=TriggerType.MANUAL
        )
        return run.execution_id

    async def snapshot(self, execution_id: str) -> Wire:
        """Return the picture of an execution."""
        return await self._runtime.executions.snapshot(self._me, execution_id)

    async def wait(self, execution_id: str, seconds: float | None = None) -> Wire:
        """Wait for the end of an execution, at most so long."""
        return await self._runtime.executions.wait(self._me, execution_id, seconds=seconds)

    async def cancel(self, execution_id: str) -> Wire:
        """Stop an execution."""
        return await self._runtime.executions.cancel(self._me, execution_id)

    async def complete(self, waitpoint_id: str, answer: Any) -> Wire:
        """Answer a waitpoint."""
        picture, counted = await self._runtime.waitpoints.complete(self._me, waitpoint_id, answer)
        return picture | {"counted": counted}

    async def link(self, execution_id: str, waitpoint_id: str) -> Wire:
        """Raise `NotConfigured`: nobody could follow a link to this process."""
        del execution_id, waitpoint_id
        raise NotConfigured(
            "These runs are in this process, which no link leads to.",
            code="NO_SERVER",
            hint="Connect to a Jupyter server with builder_jupyter, or answer here: run.answer(value).",
        )

    async def replay(
        self,
        execution_id: str,
        *,
        from_step: str | None = None,
        visit: int | None = None,
        inputs: Mapping[str, Any] | None = None,
        edits: Mapping[str, Any] | None = None,
    ) -> str:
        """Run a finished execution again, and return the id of the new one."""
        run, _ = await self._runtime.executions.replay(
            self._me, execution_id, from_step=from_step, visit=visit, inputs=inputs, edits=edits
        )
        return run.execution_id

    async def results(self, workflow_id: str) -> dict[str, Wire]:
        """Return by node id how each node of a workflow ended last."""
        return await self._runtime.results.results(self._me, workflow_id)

    async def events(self, execution_id: str, after: int = 0) -> AsyncGenerator[list[Wire], None]:
        """Yield the events with ``seq > after`` until the execution is over."""
        async with aclosing(self._runtime.executions.events(self._me, execution_id, after=after)) as batches:
            async for batch in batches:
                yield batch

    async def history(self, execution_id: str, after: int = 0) -> list[Wire]:
        """Return the events so far."""
        return await self._runtime.executions.history(self._me, execution_id, after=after)

    async def executions(self, workflow_id: str | None = None, *, limit: int = 50) -> list[Wire]:
        """Return the newest executions in short."""
        return await self._runtime.executions.list(self._me, workflow_id=workflow_id, limit=limit)

    async def list_tools(self) -> list[Wire]:
        """Return the tools that workflows may name."""
        return await self._runtime.tools.listing(self._me)

    async def list_resources(self) -> list[Wire]:
        """Return the resources of MCP servers."""
        return await self._runtime.tools.resource_listing(self._me)

    async def artefact(self, sha256: str) -> bytes:
        """Return the content of an artefact."""
        return await asyncio.to_thread(self._runtime.artefacts.read, self._me.workspace, sha256)

    async def asset(self, asset_id: str) -> bytes:
        """Return the content of an asset."""
        return await self._runtime.assets.read(self._me, asset_id)

    async def attach(self, *, everything: bool = False) -> str:
        """Do nothing: this process runs all steps as it is."""
        del everything
        return ""

    async def detach(self) -> None:
        """Do nothing: nobody else could run the steps."""

    @property
    def team(self) -> Team:
        """What can be done with workspaces, members and invites."""
        return TeamHere(self._runtime, self._me)

    async def create_key(
        self, name: str, scopes: Sequence[str] | None = None, *, expires_at: datetime | None = None
    ) -> Wire:
        """Make an API key."""
        key, secret = await self._runtime.keys.create(self._me, name, scopes, expires_at=expires_at)
        return {**_key(key), "key": secret}

    async def list_keys(self) -> list[Wire]:
        """Return the keys without their secrets."""
        return [_key(key) for key in await self._runtime.keys.list(self._me)]

    async def revoke_key(self, key_id: str) -> None:
        """Make a key open nothing."""
        await self._runtime.keys.revoke(self._me, key_id)

    async def status(self) -> Wire:
        """Return how the runtime does."""
        return self._runtime.status(self._me)

    @property
    def credits(self) -> EmbeddedCredits:
        """The way to balances and budgets."""
        return EmbeddedCredits(self._runtime, self._me)

    async def purge(self, *, older_than_seconds: int, dry_run: bool = False) -> Wire:
        """Remove executions that ended so long ago."""
        return await self._runtime.upkeep.purge(older_than_seconds=older_than_seconds, dry_run=dry_run)

    async def back_up(self, target: Path) -> None:
        """Write a backup of the whole database into a file."""
        await self._runtime.upkeep.back_up(target)

    def close(self) -> None:
        """Stop the runtime; unfinished executions of a database on disk go on next time."""
        atexit.unregister(self.close)
        if os.getpid() == self._pid:  # a forked child has the object, but not the threads
            self._runtime.stop()


def _user_name() -> str:
    try:
        return getpass.getuser() or "local"
    except (OSError, KeyError, ImportError):  # a container may run under a user id that has no name
        return "local"


def _loaded(stored: WorkflowVersion, *, as_version: bool = False) -> Workflow:
    from dataclasses import replace

    return replace(stored.marked(as_version=as_version), id=stored.id)


def _summary(stored: WorkflowVersion) -> Wire:
    workflow = stored.workflow
    return {
        "id": stored.id,
        "name": workflow.name,
        "description": workflow.description,
        "version": stored.version,
        "created_at": _time(stored.created_at),
        "updated_at": _time(stored.updated_at),
        "node_count": len(workflow.nodes),
        "tags": list(workflow.tags),
    }


def _key(key: ApiKey) -> Wire:
    return {
        "id": key.key_id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": [str(scope) for scope in key.scopes],
        "created_at": _time(key.created_at),
        "last_used_at": _time(key.last_used_at),
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso_z(moment)
