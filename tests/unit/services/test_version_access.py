"""Who may read versions, go back to one and publish one. Source: spec langgraph-builder §10, the table of callers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from scenes import flow

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.tools import Toolbox, built_in_tools
from builder_jupyter.errors import Forbidden, NotFound
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.services.access import AccessService
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.grants import GrantStore
from builder_jupyter.storage.workflows import WorkflowStore

ALICE, ADMIN = replace(local_principal("alice"), is_admin=False), local_principal("root")
BOB = replace(local_principal("bob"), is_admin=False)
ACTIONS: dict[str, Callable[[WorkflowService, Any, str], Coroutine[Any, Any, Any]]] = {
    "versions": lambda service, who, name: service.versions(who, name),
    "version": lambda service, who, name: service.get(who, name, 1),
    "rollback": lambda service, who, name: service.rollback(who, name, 1),
    "publish": lambda service, who, name: service.publish(who, name, 1),
    "unpublish": lambda service, who, name: service.unpublish(who, name),
}
MAY = {
    (): set(),
    ("view",): {"versions", "version"},
    ("edit",): {"versions", "version", "rollback"},
    ("deploy",): {"versions", "version", "publish", "unpublish"},
    ("edit", "deploy"): set(ACTIONS),
}


@pytest.mark.parametrize("granted", MAY)
def test_what_a_grant_allows(granted: tuple[str, ...]) -> None:
    async def work(database: Database) -> None:
        access = AccessService(GrantStore(database))
        toolbox = Toolbox(built_in_tools(None))
        store, registry = WorkflowStore(database), default_registry()
        service = WorkflowService(store, access, registry, lambda _: toolbox.specs(), ManualClock())
        name = (await service.create(ALICE, flow("start>end"))).id
        await service.update(ALICE, name, {"description": "two"})
        if granted:
            await access.grant(ALICE, name, "user:bob", granted)
        refusal = Forbidden if granted else NotFound
        for action, do in ACTIONS.items():
            await do(service, ALICE, name)
            await do(service, ADMIN, name)
            if action in MAY[granted]:
                await do(service, BOB, name)
                continue
            before = await service.get(ALICE, name)
            with pytest.raises(refusal) as refused:
                await do(service, BOB, name)
            assert refused.value.code == ("AUTH_ACCESS_DENIED" if granted else "WORKFLOW_NOT_FOUND")
            assert await service.get(ALICE, name) == before

    with Database() as database:
        asyncio.run(work(database))
