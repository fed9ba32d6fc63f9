"""Workflows and their versions in DuckDB."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from engine_kit import workflow_of

from builder_jupyter.errors import Conflict
from builder_jupyter.graph.model import FrozenDict, Profile, Workflow
from builder_jupyter.graph.version import Publication, WorkflowVersion
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.workflows import WorkflowStore

BEGIN = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def stored(workflow_id="wf_1", *, minutes=0, **changes):
    at = BEGIN + timedelta(minutes=minutes)
    workflow = replace(workflow_of("start>end"), name="first", id=workflow_id)
    return replace(WorkflowVersion(workflow_id, "w", "alice", 1, at, at, workflow, "alice", "Initial"), **changes)


def named(name, *tags):
    return replace(workflow_of("start>end"), name=name, metadata=FrozenDict({"tags": tags}))


@pytest.fixture
def store():
    with Database() as database:
        yield WorkflowStore(database)


def test_what_is_created_is_found_whole(store):
    async def work():
        first = stored(workflow=replace(workflow_of("start>a>router>a router>end"), name='a\x00"ü🜁', id="wf_1"))
        await store.create(first)
        assert await store.find("wf_1") == first
        assert (await store.find("wf_1")).workflow.id == "wf_1"
        assert await store.find("wf_1", 1) == first
        assert await store.find("wf_1", 2) is None
        assert await store.find("wf_2") is None

    asyncio.run(work())


def test_a_canvas_keeps_its_profile(store):
    async def work():
        await store.create(stored(workflow=Workflow("canvas", profile=Profile.DIRECT)))
        assert (await store.find("wf_1")).workflow.profile is Profile.DIRECT

    asyncio.run(work())


def test_versions_are_kept_and_the_newest_is_the_current(store):
    async def work():
        first = stored()
        await store.create(first)
        later = BEGIN + timedelta(hours=1)
        second = await store.add_version(
            replace(first, workflow=named("second"), updated_at=later, version_by="bob", message="why"), expected=None
        )
        assert second.version == 2
        current = await store.find("wf_1")
        assert (current.version, current.workflow.name, current.message) == (2, "second", "why")
        assert (current.version_by, current.owner) == ("bob", "alice")
        assert (current.created_at, current.updated_at) == (BEGIN, later)
        assert (await store.find("wf_1", 1)).workflow == first.workflow
        assert await store.add_version(stored("wf_gone"), expected=None) is None

    asyncio.run(work())


def test_forty_updates_at_once_get_forty_numbers(store):
    async def work():
        first = stored()
        await store.create(first)
        saved = await asyncio.gather(
            *(store.add_version(replace(first, workflow=named(f"n{i}")), expected=None) for i in range(40))
        )
        assert sorted(version.version for version in saved) == list(range(2, 42))
        assert (await store.find("wf_1")).version == 41
        for version in saved:
            assert (await store.find("wf_1", version.version)).workflow.name == version.workflow.name

    asyncio.run(work())


def test_of_two_that_expect_the_same_version_one_is_refused(store):
    async def work():
        first = stored()
        await store.create(first)
        ended = await asyncio.gather(
            store.add_version(first, expected=1), store.add_version(first, expected=1), return_exceptions=True
        )
        assert ended[0].version == 2
        assert isinstance(ended[1], Conflict)
        assert ended[1].details == {"expected": 1, "current": 2}
        assert (await store.find("wf_1")).version == 2

    asyncio.run(work())


def test_lists_are_narrowed_ordered_and_paged(store):
    async def work():
        await store.create(stored("wf_1", minutes=1, workflow=named("one", "x", "y")))
        await store.create(stored("wf_2", minutes=3, workflow=named("two", "y"), owner="bob"))
        await store.create(stored("wf_3", minutes=2, workflow=named("one")))
        await store.create(stored("wf_4", minutes=4, workflow=named("one", "x"), workspace="other"))
        odd = replace(named("odd"), metadata=FrozenDict({"other": 1}))
        await store.create(stored("wf_5", minutes=0, workflow=odd))

        async def ids(**narrowed):
            return [found.id for found in await store.list("w", **narrowed)]

        assert await ids() == ["wf_2", "wf_3", "wf_1", "wf_5"], "the newest change first"
        assert await ids(owner="bob") == ["wf_2"]
        assert await ids(name="one") == ["wf_3", "wf_1"]
        assert await ids(tag="y") == ["wf_2", "wf_1"]
        assert await ids(tag="x", owner="alice", name="one") == ["wf_1"]
        assert await ids(tag="no such") == []
        assert await ids(limit=2) == ["wf_2", "wf_3"]
        assert await ids(limit=2, offset=3) == ["wf_5"]
        await store.add_version(stored("wf_1", minutes=9, workflow=named("renamed")), expected=None)
        assert await ids() == ["wf_1", "wf_2", "wf_3", "wf_5"]
        assert await ids(tag="x") == [], "only the current version counts"

    asyncio.run(work())


def test_what_is_deleted_is_gone_with_its_versions_and_alone(store):
    async def work():
        await store.create(stored("wf_1"))
        await store.create(stored("wf_2"))
        await store.add_version(stored("wf_1"), expected=1)
        with pytest.raises(Conflict):
            await store.delete("wf_1", at=BEGIN, expected=1)
        assert await store.delete("wf_1", at=BEGIN, expected=2)
        assert not await store.delete("wf_1", at=BEGIN, expected=None)
        assert await store.find("wf_1") is None
        assert await store.find("wf_1", 1) is None
        assert [found.id for found in await store.list("w")] == ["wf_2"]
        assert await store.versions("wf_1") == []
        assert not await store.publish("wf_1", Publication(1, BEGIN), by="alice")

    asyncio.run(work())


def test_an_id_is_given_once(store):
    async def work():
        assert await store.create(stored("wf_1"))
        assert not await store.create(stored("wf_1", owner="bob")), "while it is there"
        assert await store.delete("wf_1", at=BEGIN, expected=None)
        assert not await store.create(stored("wf_1")), "nor afterwards"
        assert await store.find("wf_1") is None

    asyncio.run(work())


def test_what_is_published_is_kept_beside_the_versions(store):
    async def work():
        first = stored()
        await store.create(first)
        await store.add_version(replace(first, workflow=named("second"), message="why"), expected=None)
        assert (await store.find("wf_1")).publication is None
        later = BEGIN + timedelta(hours=1)
        assert await store.publish("wf_1", Publication(1, later), by="bob")
        assert (await store.find("wf_1")).publication == Publication(1, later)
        assert (await store.find("wf_1", 1)).publication == Publication(1, later)
        assert [found.published_version for found in await store.list("w")] == [1]
        assert [(one.version, one.message) for one in await store.versions("wf_1")] == [(2, "why"), (1, "Initial")]
        assert await store.publish("wf_1", Publication(None, later), by="bob")
        withdrawn = await store.find("wf_1")
        assert (withdrawn.version, withdrawn.publication, withdrawn.published_version) == (
            2,
            Publication(None, later),
            None,
        )

    asyncio.run(work())


def test_marks_of_deployment_are_the_clients_until_something_is_published():
    claimed = replace(named("x"), metadata=FrozenDict(deployed=True, deployed_at="long ago", other=1))
    first = stored(workflow=claimed)
    assert first.marked() is claimed
    withdrawn = replace(first, publication=Publication(None, BEGIN))
    assert withdrawn.marked().metadata == {"deployed": False, "other": 1}
    published = replace(first, publication=Publication(2, BEGIN))
    at = "2026-01-01T12:00:00.123456Z"
    assert published.marked().metadata == {"deployed": True, "deployed_at": at, "deployed_version": 2, "other": 1}
    assert published.marked(as_version=True).metadata == {"deployed": False, "other": 1}
    assert replace(published, version=2).marked(as_version=True).metadata["deployed_at"] == at
