"""Publish workflows as the tools of MCP servers, and let callers in.

Whoever manages the workspace's integrations manages its servers. A server's runs are its owner's, in its workspace,
which also pays for them. Source: spec builder-studio §11.4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock
from builder_jupyter.connectors.tool_schemas import check_arguments, spec_of
from builder_jupyter.errors import Conflict, Forbidden, InvalidInput, NotFound, StepError, Unauthenticated
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.identity.api_keys import display_prefix, hash_key, new_secret
from builder_jupyter.identity.principal import CredentialKind, Principal
from builder_jupyter.identity.published import (
    PREFIX,
    SLUG,
    TOOL_NAME,
    Door,
    PublishedServer,
    PublishedTool,
    ServerKey,
)
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.services.idempotency import AdmissionService
from builder_jupyter.services.planning import Entry
from builder_jupyter.services.seats import Seats
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.storage.published import PublishedStore

MAX_TOOLS = 100
MAX_SERVERS = 1_000
MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class Definition:
    """What a server is to be, as its owner says it."""

    slug: str
    title: str
    door: Door
    tools: tuple[PublishedTool, ...]


class PublishedService:
    """What can be done with published MCP servers."""

    def __init__(
        self,
        store: PublishedStore,
        workflows: WorkflowService,
        admissions: AdmissionService,
        registry: Registry,
        seats: Seats,
        clock: Clock,
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._admissions = admissions
        self._registry = registry
        self._seats = seats
        self._clock = clock

    async def list(self, principal: Principal) -> Sequence[PublishedServer]:
        """Return the servers of the principal's workspace, oldest first."""
        return self._store.of_workspace(principal.workspace)

    async def get(self, principal: Principal, slug: str) -> PublishedServer:
        """Return a server of the principal's workspace. Raises `NotFound` (``MCP_SERVER_NOT_FOUND``)."""
        return self._find(principal.workspace, slug)

    async def create(self, principal: Principal, definition: Definition) -> PublishedServer:
        """Publish a server, whose owner is the principal.

        Raises
        ------
        InvalidInput : ``INVALID_MCP_SERVER``, naming what cannot be published.
        NotFound : ``WORKFLOW_NOT_FOUND``, ``NODE_NOT_FOUND``: what a tool runs.
        Conflict : ``SLUG_TAKEN``.
        """
        if self._store.find(principal.workspace, definition.slug) is not None:
            raise Conflict(f"There is an MCP server {definition.slug!r} already.", code="SLUG_TAKEN")
        if len(self._store.of_workspace(principal.workspace)) >= MAX_SERVERS:
            raise InvalidInput(f"A workspace publishes {MAX_SERVERS} servers at most.", code="INVALID_MCP_SERVER")
        await self._check(principal, definition)
        now = self._clock.now()
        server = PublishedServer(
            ids.server_id(), principal.workspace, definition.slug, definition.title, definition.door,
            definition.tools, principal.name, now, now,
        )  # fmt: skip
        await self._store.put(server)
        return server

    async def update(self, principal: Principal, slug: str, definition: Definition) -> PublishedServer:
        """Put another definition in a server's place; its address and its keys stay. Raises as `create` and `get`."""
        server = self._find(principal.workspace, slug)
        if definition.slug != slug:
            raise InvalidInput("The slug is the server's address and stays.", code="INVALID_MCP_SERVER")
        await self._check(principal, definition)
        changed = replace(
            server, title=definition.title, door=definition.door, tools=definition.tools, updated_at=self._clock.now()
        )
        await self._store.put(changed)
        return changed

    async def delete(self, principal: Principal, slug: str) -> None:
        """Take a server and its keys away. Raises as `get`."""
        await self._store.remove(self._find(principal.workspace, slug))

    async def keys(self, principal: Principal, slug: str) -> Sequence[ServerKey]:
        """Return the keys of a server, oldest first. Raises as `get`."""
        return self._store.keys(self._find(principal.workspace, slug).server_id)

    async def make_key(self, principal: Principal, slug: str, name: str) -> tuple[ServerKey, str]:
        """Return a new key to a server and its secret, which nobody can read again.

        Raises as `get`; `InvalidInput` (``INVALID_KEY_NAME``).
        """
        server = self._find(principal.workspace, slug)
        if not name.strip() or len(name) > MAX_NAME:
            raise InvalidInput(f"A key needs a name of 1 to {MAX_NAME} characters.", code="INVALID_KEY_NAME")
        secret = new_secret(PREFIX)
        key = ServerKey(
            ids.key_id(), server.server_id, name.strip(), display_prefix(secret), hash_key(secret), principal.name,
            self._clock.now(),
        )  # fmt: skip
        await self._store.add_key(key)
        return key, secret

    async def revoke_key(self, principal: Principal, slug: str, key_id: str) -> ServerKey:
        """Make a key open nothing; revoking twice is fine. Raises as `get`; `NotFound` (``KEY_NOT_FOUND``)."""
        for key in await self.keys(principal, slug):
            if key.key_id == key_id:
                return key if key.revoked_at is not None else await self._store.revoke_key(key, self._clock.now())
        raise NotFound(f"There is no key {key_id!r}.", code="KEY_NOT_FOUND")

    # -- callers from outside ----------------------------------------------------------------------------------

    async def admit(self, workspace: str, slug: str, bearer: str | None) -> tuple[PublishedServer, Principal]:
        """Let a caller in; return the server and the principal for whom its runs are.

        A credential that is shown must be a key to this server, even where none is needed.

        Raises
        ------
        NotFound : ``MCP_SERVER_NOT_FOUND``.
        Unauthenticated : no key to it, or one that is no longer good.
        Forbidden : ``OWNER_GONE``: who published it may run nothing in the workspace any more.
        """
        server = self._find(workspace, slug)
        is_known = bearer is not None and any(key.matches(bearer) for key in self._store.keys(server.server_id))
        if not is_known and (bearer is not None or server.door is not Door.PUBLIC):
            raise Unauthenticated("Invalid or expired token")
        return server, self._owner_of(server)

    def _owner_of(self, server: PublishedServer) -> Principal:
        """Return for whom the runs of a server are: its owner as they stand now, who may do nothing here but run."""
        seat = self._seats.of_maker(server.workspace, server.owner, None)
        if Scope.RUN_WORKFLOWS not in seat.scopes:
            raise Forbidden("Who published this server may run nothing here any more.", code="OWNER_GONE")
        scopes = frozenset({Scope.RUN_WORKFLOWS})
        return Principal(server.owner, server.workspace, scopes, CredentialKind.API_KEY, is_admin=seat.sees_all)

    async def start(self, principal: Principal, tool: PublishedTool, arguments: Mapping[str, Any]) -> str:
        """Begin the run of a tool; return the execution's id once it is on disk.

        Raises
        ------
        InvalidInput : ``TOOL_ARGUMENTS``; else as `AdmissionService.start`.
        """
        try:
            inputs = check_arguments(spec_of(tool.name, tool.description, tool.input_schema), arguments)
        except StepError as error:
            raise InvalidInput(error.message, code=error.code, details=error.details) from error
        entry = Entry(node=tool.trigger_node_id)
        about = {"canvasId": tool.canvas_id, "triggerNodeId": tool.trigger_node_id, "inputs": inputs}
        begun = await self._admissions.start(
            principal, tool.canvas_id, entry=entry, inputs=inputs, trigger=TriggerType.USER_MCP, about=about
        )
        return begun.execution_id

    # -- what can be published ---------------------------------------------------------------------------------

    def _find(self, workspace: str, slug: str) -> PublishedServer:
        found = self._store.find(workspace, slug)
        if found is None:
            raise NotFound("There is no such MCP server.", code="MCP_SERVER_NOT_FOUND")
        return found

    async def _check(self, principal: Principal, definition: Definition) -> None:
        faults: list[dict[str, str]] = []
        if not re.fullmatch(SLUG, definition.slug):
            faults.append({"field": "slug", "error": f"must match {SLUG}"})
        if not 1 <= len(definition.tools) <= MAX_TOOLS:
            faults.append({"field": "tools", "error": f"must be 1 to {MAX_TOOLS}"})
        names: set[str] = set()
        for i, tool in enumerate(definition.tools):
            faults += ({"field": f"tools[{i}].{field}", "error": error} for field, error in _faults(tool, names))
            names.add(tool.name)
        if faults:
            first = faults[0]
            raise InvalidInput(
                f"The server cannot be published: {first['field']} {first['error']}.",
                code="INVALID_MCP_SERVER",
                details=faults,
            )
        for tool in definition.tools:
            await self._check_entry(principal, tool)

    async def _check_entry(self, principal: Principal, tool: PublishedTool) -> None:
        workflow = (await self._workflows.get(principal, tool.canvas_id)).workflow
        nodes = workflow.nodes_by_id
        missing = [one for one in (tool.trigger_node_id, tool.output_step_id) if one is not None and one not in nodes]
        if missing:
            raise NotFound(f"There is no node {missing[0]!r} on the canvas of {tool.name!r}.", code="NODE_NOT_FOUND")
        kind = self._registry.find(workflow.profile, nodes[tool.trigger_node_id].type)
        if kind is None or not kind.is_trigger:
            raise InvalidInput(f"Node {tool.trigger_node_id!r} cannot start a run.", code="NOT_A_TRIGGER")


def _faults(tool: PublishedTool, names: set[str]) -> Sequence[tuple[str, str]]:
    found = []
    if not re.fullmatch(TOOL_NAME, tool.name):
        found.append(("name", f"must match {TOOL_NAME}"))
    if tool.name in names:
        found.append(("name", "is that of another tool"))
    try:
        spec_of(tool.name, tool.description, tool.input_schema)
    except ValueError as error:
        found.append(("inputSchema", f"cannot be used: {error}"))
    return found
