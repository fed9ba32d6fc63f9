"""One writer, whole batches, clear errors, a lock that means what it says."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import duckdb
import pytest

from builder_jupyter.errors import StoreLocked, Unavailable
from builder_jupyter.storage import database as module
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.lock import read_owner
from builder_jupyter.storage.schema import migrate, migrations


def row(number, text="{}"):
    return (number, "exec_a", number, 0, "kind", text)


def count(database, table="events"):
    return asyncio.run(database.read(lambda c: c.execute(f"SELECT count(*) FROM {table}").fetchone()[0]))


@pytest.fixture
def database(tmp_path):
    with Database(tmp_path / "data") as opened:
        yield opened


class Blocked:
    """Holds the writer inside a job until it is let go, so that what a test queues meets in one batch."""

    def __init__(self, database):
        self.database, self.inside, self.go = database, threading.Event(), threading.Event()

    def _work(self, _connection):
        self.inside.set()
        self.go.wait(20)

    async def __aenter__(self):
        self.job = asyncio.ensure_future(self.database.write(self._work))
        await asyncio.get_running_loop().run_in_executor(None, self.inside.wait, 20)
        return self

    async def __aexit__(self, *_exc):
        self.go.set()
        await asyncio.gather(self.job, return_exceptions=True)


def watch(database, monkeypatch, before_commit=lambda: None):
    """Note the sizes of the batches as they are committed."""
    batches = []
    commit = database._commit

    def noted(batch):
        before_commit()
        batches.append(len(batch))
        commit(batch)

    monkeypatch.setattr(database, "_commit", noted)
    return batches


# -- writing ---------------------------------------------------------------------------------------------------


def test_what_is_queued_during_a_commit_is_the_next_one(database, monkeypatch):
    batches = watch(database, monkeypatch)

    async def work():
        order = []
        async with Blocked(database):
            futures = [database.append("events", [row(2 * n), row(2 * n + 1)]) for n in range(200)]
            for number, future in enumerate(futures):
                future.add_done_callback(lambda _f, number=number: order.append(number))
            assert not any(future.done() for future in futures)
        await asyncio.gather(*futures)
        assert order == list(range(200))

    asyncio.run(work())
    assert batches == [200], "one transaction for all that was waiting"
    stored = asyncio.run(database.read(lambda c: c.execute("SELECT position FROM events").fetchall()))
    assert stored == [(number,) for number in range(400)]


def test_a_batch_has_a_largest_size(database, monkeypatch):
    monkeypatch.setattr(module, "MAX_BATCH_ROWS", 10)
    batches = watch(database, monkeypatch)

    async def work():
        async with Blocked(database):
            futures = [database.append("events", [row(n)]) for n in range(25)]
        await asyncio.gather(*futures)

    asyncio.run(work())
    assert batches == [10, 10, 5]


def test_appends_and_jobs_keep_their_order(database):
    seen = []

    def look(connection):
        seen.append(connection.execute("SELECT count(*) FROM events").fetchone()[0])

    async def work():
        async with Blocked(database):
            waiting = []
            for number in range(5):
                waiting.append(database.append("events", [row(number)]))
                waiting.append(asyncio.ensure_future(database.write(look)))
                await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    asyncio.run(work())
    assert seen == [1, 2, 3, 4, 5]


def test_rows_for_different_tables_do_not_mix(database):
    migrations = count(database, "schema_migrations")

    async def work():
        async with Blocked(database):
            events = database.append("events", [row(1)])
            numbers = database.append("schema_migrations", [(99, None)])
        await asyncio.gather(events, numbers)

    asyncio.run(work())
    assert count(database) == 1
    assert count(database, "schema_migrations") == migrations + 1


def test_many_tasks_and_loops_append_at_once(database):
    def one_loop(first):
        async def one(number):
            for step in range(5):
                await database.append("events", [row(first + 5 * number + step)])
                await database.room()

        async def all_of_them():
            await asyncio.gather(*map(one, range(40)))

        asyncio.run(all_of_them())

    threads = [threading.Thread(target=one_loop, args=(1000 * n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 600


def test_a_full_queue_makes_producers_wait(database, monkeypatch):
    monkeypatch.setattr(module, "MAX_QUEUED_ROWS", 10)

    async def work():
        async with Blocked(database):
            await database.room()
            database.append("events", [row(n) for n in range(11)])
            waiting = asyncio.ensure_future(database.room())
            for _ in range(20):
                await asyncio.sleep(0)
            assert not waiting.done()
        await waiting
        await database.append("events", [])
        await asyncio.wait_for(database.room(), 10)

    asyncio.run(work())


def test_a_job_that_fails_leaves_nothing_behind(database):
    def work(connection):
        connection.execute("INSERT INTO events VALUES (1, 'a', 1, 1, 'k', '{}')")
        raise KeyError("no")

    with pytest.raises(KeyError):
        asyncio.run(database.write(work))
    assert count(database) == 0

    def fine(connection):
        connection.execute("INSERT INTO events VALUES (1, 'a', 1, 1, 'k', '{}')")
        return 7

    assert asyncio.run(database.write(fine)) == 7
    assert count(database) == 1


def test_a_caller_that_gives_up_takes_its_job_with_it_and_nothing_else(database):
    async def work():
        done = []
        async with Blocked(database):
            given_up = asyncio.ensure_future(database.write(lambda _c: done.append("given up")))
            kept = asyncio.ensure_future(database.write(lambda _c: done.append("kept")))
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.sleep(0)
        await asyncio.wait_for(kept, 10)
        assert done == ["kept"]

    asyncio.run(work())


def test_a_statement_that_is_wrong_fails_alone(database):
    with pytest.raises(duckdb.Error):
        asyncio.run(database.write(lambda c: c.execute("SELECT * FROM nowhere")))
    assert database.failure is None
    assert asyncio.run(database.write(lambda c: c.execute("SELECT 1").fetchone())) == (1,)


def test_awkward_texts_survive_a_restart(tmp_path):
    texts = ["\x00", "a\x00b", "", "🜁", "'; --", "x" * 5_000_000]

    async def write(database):
        await database.append("events", [row(n, text) for n, text in enumerate(texts)])

    with Database(tmp_path) as database:
        asyncio.run(write(database))
    with Database(tmp_path) as database:
        stored = asyncio.run(database.read(lambda c: c.execute("SELECT body FROM events ORDER BY position").fetchall()))
    assert [text for (text,) in stored] == texts


# -- a store that fails ----------------------------------------------------------------------------------------


class Broken:
    """A connection or an appender of which one method fails, as a full disk would have it."""

    def __init__(self, whole, method, fault):
        self._whole, self._method, self._fault = whole, method, fault

    def __getattr__(self, name):
        if name == self._method:
            return self._fail
        return getattr(self._whole, name)

    def _fail(self, *_args):
        raise self._fault


FAULTS = [
    ("append_rows", UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed")),
    ("append_rows", MemoryError()),
    ("flush", duckdb.IOException("no space left on device")),
    ("flush", duckdb.FatalException("could not write")),
    ("flush", MemoryError()),
]


@pytest.mark.parametrize(("method", "fault"), FAULTS)
def test_a_commit_that_fails_fails_the_batch_and_everything_after(database, method, fault):
    async def work():
        await database.append("events", [row(1)])
        async with Blocked(database):
            batch = [database.append("events", [row(2)]), database.append("events", [row(3)])]
            behind = asyncio.ensure_future(database.write(lambda c: c.execute("SELECT 1")))
            await asyncio.sleep(0)
            later = database.append("events", [row(4)])
            database._appenders["events"] = Broken(database._appenders["events"], method, fault)
        ended = await asyncio.wait_for(asyncio.gather(*batch, behind, later, return_exceptions=True), 20)
        ended += await asyncio.gather(
            database.append("events", [row(5)]), database.write(lambda c: None), return_exceptions=True
        )
        await asyncio.wait_for(database.room(), 10)
        return ended

    for error in asyncio.run(work()):
        assert isinstance(error, Unavailable), error
        assert error.code == "STORE_FAILED"
    assert count(database) == 1, "what was acknowledged is there, and can be read"
    database.close()
    with Database(database.directory) as again:
        assert count(again) == 1


def test_an_appender_that_cannot_be_made_fails_the_store(database, monkeypatch):
    fault = duckdb.IOException("no space left on device")
    monkeypatch.setattr(database, "_connection", Broken(database._connection, "appender", fault))

    async def work():
        with pytest.raises(Unavailable, match="no space left") as failed:
            await database.append("events", [row(1)])
        assert failed.value.code == "STORE_FAILED"

    asyncio.run(work())


def test_nothing_of_a_large_batch_is_there_before_all_of_it_is(database):
    """More rows and bytes than DuckDB's own appender holds back: half a batch would be an execution half recorded."""
    rows = [(i, "exec_a", i, 1, "k", "x" * 1000) for i in range(250_000)] + [("no number", "exec_a", 1, 1, "k", "x")]

    async def work():
        with pytest.raises(Unavailable):
            await database.append("events", rows)

    asyncio.run(work())
    assert count(database) == 0
    database.close()
    with Database(database.directory) as again:
        assert count(again) == 0


def test_a_job_whose_commit_fails_fails_the_store(database, monkeypatch):
    monkeypatch.setattr(database, "_connection", Broken(database._connection, "commit", duckdb.FatalException("gone")))
    with pytest.raises(Unavailable) as failed:
        asyncio.run(database.write(lambda c: c.execute("INSERT INTO events VALUES (1, 'a', 1, 1, 'k', '{}')")))
    assert failed.value.code == "STORE_FAILED"
    assert database.failure is not None


def test_a_checkpoint_that_fails_stops_nothing(database, monkeypatch):
    tried = threading.Event()
    monkeypatch.setattr(module, "CHECKPOINT_AFTER_ROWS", 1)

    class NoCheckpoint(Broken):
        def execute(self, sql, *args):
            if sql == "CHECKPOINT":
                tried.set()
                raise duckdb.TransactionException("other transactions are active")
            return self._whole.execute(sql, *args)

    monkeypatch.setattr(database, "_connection", NoCheckpoint(database._connection, "", None))

    async def append(number):
        await asyncio.wait_for(database.append("events", [row(number)]), 10)

    asyncio.run(append(1))
    assert tried.wait(10)
    asyncio.run(append(2))
    assert count(database) == 2


def test_a_closed_database_says_so(tmp_path):
    database = Database(tmp_path)
    database.close()
    database.close()

    async def use():
        for attempt in (database.append("events", [row(1)]), database.write(lambda c: None)):
            with pytest.raises(Unavailable):
                await asyncio.wait_for(attempt, 5)

    asyncio.run(use())


# -- opening and owning ----------------------------------------------------------------------------------------


def test_migrations_run_once(tmp_path):
    with Database(tmp_path) as database:
        assert count(database, "schema_migrations") == len(migrations())
    with Database(tmp_path) as database:
        assert count(database, "schema_migrations") == len(migrations())
        asyncio.run(database.write(lambda c: c.execute("SELECT 1")))
    with duckdb.connect(":memory:") as connection:
        migrate(connection)
        migrate(connection)
        assert connection.execute("SELECT number FROM schema_migrations").fetchall() == [(n,) for n in migrations()]


@pytest.mark.parametrize("content", [b"this is not a database, not at all" * 200, b"x", os.urandom(20_000)])
def test_a_file_that_is_no_database_is_named(tmp_path, content):
    (tmp_path / "builder.duckdb").write_bytes(content)
    for _ in range(2):  # the second time shows that the first gave the lock back
        with pytest.raises(Unavailable) as refused:
            Database(tmp_path)
        assert refused.value.code == "STORE_UNREADABLE"
        assert str(tmp_path) in str(refused.value)
    assert (tmp_path / "builder.duckdb").read_bytes() == content, "and left as it is"


def test_a_directory_whose_name_speaks_of_locks_is_still_unreadable(tmp_path):
    place = tmp_path / "blocks" / "lock"
    place.mkdir(parents=True)
    (place / "builder.duckdb").write_bytes(b"x" * 9000)
    with pytest.raises(Unavailable) as refused:
        Database(place)
    assert refused.value.code == "STORE_UNREADABLE"


def test_a_place_that_is_no_directory(tmp_path):
    (tmp_path / "file").write_text("hello")
    with pytest.raises(Unavailable) as refused:
        Database(tmp_path / "file")
    assert refused.value.code == "STORE_UNREADABLE"


def test_a_second_runtime_of_this_process_is_refused_and_changes_nothing(tmp_path):
    with Database(tmp_path) as database:
        with pytest.raises(StoreLocked, match=f"process {os.getpid()}") as refused:
            Database(tmp_path)
        assert refused.value.code == "STORE_LOCKED"
        assert refused.value.details["pid"] == os.getpid()
        assert read_owner(tmp_path)["pid"] == os.getpid()
        asyncio.run(database.write(lambda c: c.execute("INSERT INTO events VALUES (1, 'a', 1, 1, 'k', '{}')")))
    assert read_owner(tmp_path) == {}
    with Database(tmp_path) as database:
        assert count(database) == 1


OWNER = """
import asyncio, sys
from pathlib import Path
from builder_jupyter.errors import StoreLocked
from builder_jupyter.storage.database import Database
try:
    database = Database(Path(sys.argv[1]))
except StoreLocked as error:
    print(error.details["pid"], flush=True)
    sys.exit(3)
async def write():
    await database.append("events", [(1, "a", 1, 1, "k", "{}")])
asyncio.run(write())
print("open", flush=True)
sys.stdin.read()
"""


def start_owner(path):
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path):
    with Database(tmp_path), start_owner(tmp_path) as other:
        out, _ = other.communicate(timeout=60)
        assert other.returncode == 3
        assert out.strip() == str(os.getpid())


def test_the_lock_of_a_killed_process_is_gone_and_what_it_wrote_is_not(tmp_path):
    with start_owner(tmp_path) as owner:
        try:
            assert owner.stdout.readline() == "open\n"
            with pytest.raises(StoreLocked, match=f"process {owner.pid}"):
                Database(tmp_path)
        finally:
            owner.send_signal(signal.SIGKILL)
        owner.wait(timeout=60)
    with Database(tmp_path) as database:
        assert count(database) == 1


def test_the_files_are_for_their_owner_only(tmp_path):
    with Database(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0
        assert (tmp_path / "data" / "lock").stat().st_mode & 0o077 == 0
