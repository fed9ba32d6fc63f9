"""Both journals pass the suite; DuckDB's keeps what it was given across a restart."""

import asyncio
from contextlib import contextmanager

import pytest

from builder_jupyter.storage.conformance import CHECKS, admitted, entry, status
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.journal import DuckDBJournal
from builder_jupyter.storage.memory import MemoryJournal


@contextmanager
def in_memory(_path):
    yield MemoryJournal


@contextmanager
def in_duckdb(path):
    with Database(path) as database:
        yield lambda: DuckDBJournal(database)


@contextmanager
def in_duckdb_without_a_file(_path):
    with Database() as database:
        yield lambda: DuckDBJournal(database)


@pytest.mark.parametrize("place", [in_memory, in_duckdb, in_duckdb_without_a_file])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_journal_passes_the_suite(place, check, tmp_path):
    async def work(make):
        journal = make()
        if isinstance(journal, DuckDBJournal):
            await journal.open()
        await check(journal)

    with place(tmp_path) as make:
        asyncio.run(work(make))


class Forgetful(MemoryJournal):
    def append(self, entries):
        return super().append(entries[:1])


class Backwards(MemoryJournal):
    async def read(self, subject, *, after=0):
        return (await super().read(subject, after=after))[::-1]


@pytest.mark.parametrize("journal", [Forgetful, Backwards])
def test_the_suite_refuses_a_journal_that_loses_or_shuffles(journal):
    async def failed():
        return [name for name in map(check_name, await gather(journal)) if name]

    async def gather(make):
        return await asyncio.gather(*(check(make()) for check in CHECKS), return_exceptions=True)

    def check_name(outcome):
        return type(outcome).__name__ if outcome is not None else None

    assert "AssertionError" in asyncio.run(failed())


def test_what_was_written_is_there_after_a_restart_and_positions_go_on(tmp_path):
    async def write(database, subject):
        journal = DuckDBJournal(database)
        await journal.open()
        await journal.append([admitted(subject), entry(subject, 2, body='{"text":"a\\u0000b"}')])
        return await journal.unfinished()

    with Database(tmp_path) as database:
        asyncio.run(write(database, "exec_a"))
    with Database(tmp_path) as database:
        assert asyncio.run(write(database, "exec_b")) == ["exec_a", "exec_b"]
        rows = asyncio.run(database.read(lambda c: c.execute("SELECT position FROM events ORDER BY ALL").fetchall()))
    assert rows == [(1,), (2,), (3,), (4,)]


def test_appending_before_opening_is_a_mistake():
    async def work(database):
        with pytest.raises(RuntimeError):
            DuckDBJournal(database).append([entry("exec_a", 1)])

    with Database() as database:
        asyncio.run(work(database))


def test_what_the_projections_lack_is_read_in_one_go():
    async def work(database):
        journal = DuckDBJournal(database)
        await journal.open()
        await journal.append([entry("pl_1", 1, "plan", "{}")])
        await journal.append([admitted("exec_b"), admitted("exec_a")])
        await journal.append([status(subject, 2, "completed") for subject in ("exec_a", "exec_b")])
        await journal.append([admitted("exec_c")])
        found = await journal.unsettled()
        assert [[e.seq for e in entries] for entries in found] == [[1, 2], [1, 2], [1]]
        assert [entries[0].subject for entries in found] == ["exec_b", "exec_a", "exec_c"]
        assert found[1] == await journal.read("exec_a")
        assert await journal.plans(["pl_1", "pl_2"]) == {"pl_1": "{}"}
        row = ("exec_a", "wf", 1, "name", "w", "me", "api", "completed", 1, 2, 3, 0, None, None)
        await journal.project(row, [])
        assert [entries[0].subject for entries in await journal.unsettled()] == ["exec_b", "exec_c"]
        assert [found["execution_id"] for found in await journal.finished("w", None, 10)] == ["exec_a"]
        assert await journal.finished("w", "other", 10) == []
        assert await journal.finished("other", None, 10) == []

    with Database() as database:
        asyncio.run(work(database))


def test_a_finished_execution_is_found_by_where_it_lies(tmp_path):
    """Of another process's executions the projection says where; of unprojected ones nobody does."""
    row = ("wf", 1, "name", "w", "me", "api", "completed", 1, 2, 3, 0, None, None)
    written = {name: [admitted(name), status(name, 2, "completed")] for name in ("exec_a", "exec_b", "exec_c")}

    async def write(database):
        journal = DuckDBJournal(database)
        await journal.open()
        for entries in written.values():
            await journal.append(entries)
        await asyncio.gather(*(journal.project((name, *row), []) for name in ("exec_a", "exec_b")))
        assert [await journal.read(name) for name in written] == list(written.values())

    async def read(database):
        journal = DuckDBJournal(database)
        await journal.open()
        assert [await journal.read(name) for name in written] == list(written.values())
        assert await journal.read("exec_b", after=1) == written["exec_b"][1:]

    with Database(tmp_path) as database:
        asyncio.run(write(database))
        database._connection.execute("UPDATE executions SET first_position = NULL WHERE execution_id = 'exec_a'")
    with Database(tmp_path) as database:
        asyncio.run(read(database))
