"""Grants in DuckDB."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from engine_kit import workflow_of

from builder_jupyter.errors import TooLarge
from builder_jupyter.graph.version import WorkflowVersion
from builder_jupyter.identity.grants import Grant, Permission, Standing, permissions_of, subjects_of
from builder_jupyter.identity.principal import CredentialKind, Principal
from builder_jupyter.identity.scopes import ALL_SCOPES
from builder_jupyter.storage import grants
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.grants import GrantStore
from builder_jupyter.storage.workflows import WorkflowStore

VIEW, EDIT, DEPLOY = Permission.VIEW, Permission.EDIT, Permission.DEPLOY
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store() -> Iterator[GrantStore]:
    with Database() as database:

        async def make() -> None:
            for workflow_id in ("wf_1", "wf_2"):
                workflow = replace(workflow_of("start>end"), name="x", id=workflow_id)
                version = WorkflowVersion(workflow_id, "w", "alice", 1, AT, AT, workflow, "alice", "")
                await WorkflowStore(database).create(version)

        asyncio.run(make())
        yield GrantStore(database)


def test_a_standing_is_what_all_subjects_were_granted_together(store: GrantStore) -> None:
    async def work() -> None:
        assert await store.standing("wf_1", ["user:bob"]) == Standing("w", "alice")
        assert await store.standing("wf_0", ["user:bob"]) is None
        assert await store.put("wf_1", Grant("user:bob", (VIEW,)))
        assert await store.put("wf_1", Grant("team:desk", (EDIT, DEPLOY)))
        assert await store.put("wf_2", Grant("user:cid", (VIEW,)))
        assert await store.standing("wf_1", []) == Standing("w", "alice")
        assert await store.standing("wf_1", ["user:cid"]) == Standing("w", "alice")
        both = await store.standing("wf_1", ["user:bob", "team:desk"])
        assert both == Standing("w", "alice", frozenset({VIEW, EDIT, DEPLOY}))
        assert await store.list("wf_1") == [Grant("team:desk", (EDIT, DEPLOY)), Grant("user:bob", (VIEW,))]

    asyncio.run(work())


def test_a_new_grant_takes_the_place_of_the_old_one(store: GrantStore) -> None:
    async def work() -> None:
        nasty = "user:x'; DROP TABLE builder_grants; --"
        for permissions in ((VIEW, EDIT), (DEPLOY,)):
            assert await store.put("wf_1", Grant(nasty, permissions))
        assert await store.list("wf_1") == [Grant(nasty, (DEPLOY,))]
        assert await store.remove("wf_1", nasty)
        assert not await store.remove("wf_1", nasty)
        assert not await store.put("wf_0", Grant(nasty, (VIEW,)))
        assert await store.list("wf_0") == []

    asyncio.run(work())


def test_there_is_an_end_to_sharing(store: GrantStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "MAX_GRANTS", 2)

    async def work() -> None:
        for name in ("a", "b"):
            await store.put("wf_1", Grant(f"user:{name}", (VIEW, EDIT)))
        with pytest.raises(TooLarge):
            await store.put("wf_1", Grant("user:c", (VIEW,)))
        assert await store.put("wf_1", Grant("user:b", (EDIT,)))
        assert len(await store.list("wf_1")) == 2

    asyncio.run(work())


def somebody(name: str, workspace: str = "w", *teams: str, is_admin: bool = False) -> Principal:
    return Principal(name, workspace, ALL_SCOPES, CredentialKind.JWT, is_admin, frozenset(teams))


def test_what_follows_from_a_standing() -> None:
    nothing, view = Standing("w", "alice"), Standing("w", "alice", frozenset({VIEW}))
    assert permissions_of(somebody("alice"), nothing) == set(Permission)
    assert permissions_of(somebody("root", is_admin=True), nothing) == set(Permission)
    assert permissions_of(somebody("bob"), nothing) == set()
    assert permissions_of(somebody("bob"), view) == {VIEW}
    assert permissions_of(somebody("bob"), Standing("w", "alice", frozenset({EDIT}))) == {VIEW, EDIT}
    assert permissions_of(somebody("bob"), Standing("w", "alice", frozenset({DEPLOY}))) == {VIEW, DEPLOY}
    for stranger in (somebody("alice", "v"), somebody("root", "v", is_admin=True), somebody("bob", "v")):
        assert permissions_of(stranger, Standing("w", "alice", frozenset({EDIT}))) == set()
    # A user of a team's name is no team, nor the other way round.
    assert subjects_of(somebody("desk", "w", "b", "a")) == ["user:desk", "team:a", "team:b"]
