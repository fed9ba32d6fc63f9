"""Backup, restore and purge of real files: what comes back, what goes, and what must stay."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from engine_kit import registry_of, workflow_of

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import Conflict, InvalidInput, NotFound, StoreLocked, Unavailable
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.services.upkeep import open_offline
from builder_jupyter.storage.backup import contents_of
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.restore import restore

ME = local_principal("alice")
DAY = 86_400


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data"


def open_runtime(place: Path | None, clock: ManualClock) -> Runtime:
    models = ScriptedModels(ScriptedModel(lambda request: f"answer to {request.messages[-1].content}"))
    return Runtime(Settings(data_dir=place), clock=clock, models=models, registry=registry_of(None))


@pytest.fixture
def rt(place: Path, clock: ManualClock) -> Iterator[Runtime]:
    with open_runtime(place, clock) as runtime:
        yield runtime


def save(rt: Runtime, text: str = "start>agent>end") -> str:
    return rt.portal.wait(rt.workflows.create(ME, workflow_of(text), draft=True)).id


def run(rt: Runtime, workflow_id: str, message: str = "hi") -> str:
    execution_id = rt.portal.wait(rt.executions.start(ME, workflow_id, inputs={"message": message})).execution_id
    picture = rt.portal.wait(rt.executions.wait(ME, execution_id, seconds=30))
    assert picture["status"] == "completed", picture
    rt.portal.wait(rt.executions.settle())
    return execution_id


def start_waiting(rt: Runtime) -> str:
    execution_id = rt.portal.wait(rt.executions.start(ME, save(rt, "start>human>end"))).execution_id
    for batch in rt.portal.iterate(rt.executions.events(ME, execution_id)):
        if any(event.get("status") == "waiting" for event in batch):
            return execution_id
    raise AssertionError("it never waited")


def purge(rt: Runtime, days: int, **options: bool) -> dict[str, Any]:
    return rt.portal.wait(rt.upkeep.purge(older_than_seconds=days * DAY, **options))


def known(rt: Runtime) -> set[str]:
    return {row["executionId"] for row in rt.portal.wait(rt.executions.list(ME))}


def ask(rt: Runtime, sql: str, *values: Any) -> list[Any]:
    return rt.portal.wait(rt.database.read(lambda c: c.execute(sql, list(values)).fetchall()))


def write(rt: Runtime, sql: str, *values: Any) -> None:
    rt.portal.wait(rt.database.write(lambda c: c.execute(sql, list(values)).fetchall()))


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


# -- backup and restore ----------------------------------------------------------------------------------------


def test_what_was_backed_up_comes_back(rt: Runtime, place: Path, tmp_path: Path, clock: ManualClock) -> None:
    done, waiting = run(rt, save(rt)), start_waiting(rt)
    (place / "artefacts" / "ab").mkdir(parents=True)
    (place / "artefacts" / "ab" / "ab12.parquet").write_bytes(b"table")
    archive = tmp_path / "backup.tar"
    held = rt.portal.wait(rt.upkeep.back_up(archive))
    assert names(archive) == ["backup.json", "builder.duckdb", "artefacts/ab/ab12.parquet"]
    assert held == contents_of(archive)
    assert held.rows["executions"] == 1
    assert archive.stat().st_mode & 0o777 == 0o600
    assert list((place / "scratch").iterdir()) == []
    later = run(rt, save(rt))
    picture = rt.portal.wait(rt.executions.snapshot(ME, done))

    elsewhere = tmp_path / "elsewhere"
    assert restore(elsewhere, archive).kept is None
    with open_runtime(elsewhere, clock) as other:
        assert other.resumed == 1
        assert known(other) == {done, waiting}
        assert other.portal.wait(other.executions.snapshot(ME, done)) == picture
        assert later not in known(other)
    assert (elsewhere / "artefacts" / "ab" / "ab12.parquet").read_bytes() == b"table"


def test_a_backup_under_load_is_one_moment(rt: Runtime, tmp_path: Path) -> None:
    """Writers go on meanwhile, and an execution is in it as far as it was on disk then: no gap in the positions."""
    workflow_id, over = save(rt), threading.Event()
    ids = [run(rt, workflow_id)]

    def load() -> None:
        while not over.is_set():
            ids.append(run(rt, workflow_id))

    thread = threading.Thread(target=load)
    thread.start()
    try:
        archives = [tmp_path / f"{number}.tar" for number in range(5)]
        for archive in archives:
            rt.portal.wait(rt.upkeep.back_up(archive))
    finally:
        over.set()
        thread.join()
    for number, archive in enumerate(archives):
        target = tmp_path / str(number)
        restore(target, archive)
        with duckdb.connect(str(target / "builder.duckdb"), read_only=True) as connection:
            (found,) = connection.execute("SELECT count(*), max(position) FROM events").fetchall()
            assert found[0] == found[1]


def test_backups_at_the_same_time_take_turns(rt: Runtime, tmp_path: Path) -> None:
    run(rt, save(rt))
    rt.portal.wait(rt.credits.summary(ME))  # the ledger is made in the background: now it has everything

    async def several() -> None:
        await asyncio.gather(*(rt.upkeep.back_up(tmp_path / f"{number}.tar") for number in range(3)))

    rt.portal.wait(several())
    assert {contents_of(tmp_path / f"{number}.tar").total for number in range(3)} == {
        contents_of(tmp_path / "0.tar").total
    }


def test_a_backup_that_fails_leaves_the_old_one(rt: Runtime, tmp_path: Path, place: Path) -> None:
    target = tmp_path / "no such folder" / "x.tar"
    with pytest.raises(InvalidInput) as refused:
        rt.portal.wait(rt.upkeep.back_up(target))
    assert refused.value.code == "FILE_NOT_WRITABLE"
    assert list((place / "scratch").iterdir()) == []
    assert run(rt, save(rt)), "and the database is as before"


def test_a_database_in_memory_has_no_file_to_back_up(clock: ManualClock, tmp_path: Path) -> None:
    with open_runtime(None, clock) as rt:
        for work in (rt.upkeep.back_up(tmp_path / "x.tar"), rt.upkeep.pack()):
            with pytest.raises(InvalidInput) as refused:
                rt.portal.wait(work)
            assert refused.value.code == "STORE_IN_MEMORY"


def test_nothing_is_restored_under_a_server(rt: Runtime, place: Path, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    rt.portal.wait(rt.upkeep.back_up(archive))
    with pytest.raises(StoreLocked):
        restore(place, archive, force=True)
    assert run(rt, save(rt))


def test_what_was_there_is_kept_beside(place: Path, tmp_path: Path, clock: ManualClock) -> None:
    archive = tmp_path / "backup.tar"
    with open_runtime(place, clock) as rt:
        first = run(rt, save(rt))
        rt.portal.wait(rt.upkeep.back_up(archive))
        second = run(rt, save(rt))
    (place / "artefacts").mkdir()
    (place / "artefacts" / "cd34").write_bytes(b"newer")
    with pytest.raises(Conflict) as refused:
        restore(place, archive)
    assert refused.value.code == "STORE_NOT_EMPTY"
    assert "--force" in str(refused.value)
    done = restore(place, archive, force=True)
    assert done.kept == place / "builder.duckdb.before-restore"
    again = restore(place, archive, force=True)
    assert again.kept == place / "builder.duckdb.before-restore-2"
    assert not (place / "artefacts").exists()
    assert (place / "artefacts.before-restore" / "cd34").read_bytes() == b"newer"
    with open_runtime(place, clock) as rt:
        assert known(rt) == {first}
    (tmp_path / "old").mkdir()
    done.kept.rename(tmp_path / "old" / "builder.duckdb")
    with open_runtime(tmp_path / "old", clock) as rt:
        assert known(rt) == {first, second}


def test_the_log_of_a_killed_server_goes_with_its_database(place: Path, tmp_path: Path, clock: ManualClock) -> None:
    """A write-ahead log that stays behind would be played into the restored database."""
    archive = tmp_path / "backup.tar"
    with open_runtime(tmp_path / "source", clock) as rt:
        kept = run(rt, save(rt))
        rt.portal.wait(rt.upkeep.back_up(archive))
    with open_runtime(place, clock) as rt:
        lost = run(rt, save(rt))
        killed = {path.name: path.read_bytes() for path in place.glob("builder.duckdb*")}
    assert "builder.duckdb.wal" in killed
    for name, content in killed.items():  # as they were before the orderly end
        (place / name).write_bytes(content)
    done = restore(place, archive, force=True)
    assert not (place / "builder.duckdb.wal").exists()
    assert (place / "builder.duckdb.before-restore.wal").exists()
    with open_runtime(place, clock) as rt:
        assert known(rt) == {kept}
    assert done.kept is not None
    with duckdb.connect(str(done.kept)) as connection:
        assert connection.execute("SELECT execution_id FROM executions").fetchall() == [(lost,)]


def test_an_empty_database_is_in_nobodys_way(place: Path, tmp_path: Path, clock: ManualClock) -> None:
    archive = tmp_path / "backup.tar"
    with open_runtime(tmp_path / "source", clock) as rt:
        execution_id = run(rt, save(rt))
        rt.portal.wait(rt.upkeep.back_up(archive))
    open_runtime(place, clock).stop()
    assert restore(place, archive).kept is None
    with open_runtime(place, clock) as rt:
        assert known(rt) == {execution_id}


def broken_archives(good: Path) -> Iterator[tuple[str, bytes]]:
    """Archives that must not be restored, by what is wrong with them."""
    content = good.read_bytes()
    yield "empty", b""
    yield "something else", b"PK\x03\x04" * 500
    yield "cut in the database", content[: len(content) // 2]
    yield "flipped", content[:200_000] + b"\xff" * 50_000 + content[250_000:]

    def tar(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as made:
            for name, data in members:
                about = tarfile.TarInfo(name)
                about.size, about.type, about.linkname = (
                    len(data) if kind == tarfile.REGTYPE else 0,
                    kind,
                    "/etc/passwd",
                )
                made.addfile(about, io.BytesIO(data))
        return out.getvalue()

    with tarfile.open(good) as read:
        manifest, database = (read.extractfile(name).read() for name in ("backup.json", "builder.duckdb"))  # type: ignore[union-attr]
    head = ("backup.json", manifest)
    yield "no manifest", tar(("builder.duckdb", database))
    yield "no database", tar(head)
    yield "a manifest that is none", tar(("backup.json", b"[]"), ("builder.duckdb", database))
    other = json.dumps(json.loads(manifest) | {"format": 99}).encode()
    yield "another format", tar(("backup.json", other), ("builder.duckdb", database))
    less = json.dumps(json.loads(manifest) | {"artefacts": 1}).encode()
    yield "an artefact missing", tar(("backup.json", less), ("builder.duckdb", database))
    for name in ("../evil", "/evil", "artefacts/../../evil", "evil", "lock"):
        yield f"a member {name}", tar(head, ("builder.duckdb", database), (name, b"x"))
    yield "links", tar(head, ("builder.duckdb", b""), kind=tarfile.SYMTYPE)
    yield "not ours", tar(head, ("builder.duckdb", b"x" * 9000))


def test_what_is_no_whole_backup_touches_nothing(place: Path, tmp_path: Path, clock: ManualClock) -> None:
    good = tmp_path / "good.tar"
    with open_runtime(place, clock) as rt:
        execution_id = run(rt, save(rt))
        rt.portal.wait(rt.upkeep.back_up(good))
    bad = tmp_path / "bad.tar"
    for why, content in broken_archives(good):
        bad.write_bytes(content)
        with pytest.raises(InvalidInput) as refused:
            restore(place, bad, force=True)
        assert (refused.value.code, str(bad) in str(refused.value)) == ("NOT_A_BACKUP", True), why
    assert not list(tmp_path.rglob("evil"))
    with pytest.raises(InvalidInput) as refused:
        restore(place, tmp_path / "nothing.tar", force=True)
    assert refused.value.code == "FILE_NOT_READABLE"
    with open_runtime(place, clock) as rt:
        assert known(rt) == {execution_id}
    assert {path.name for path in place.iterdir()} <= {"builder.duckdb", "links.key", "secrets.key", "lock", "scratch"}


# -- purge -----------------------------------------------------------------------------------------------------


def test_old_executions_go_with_all_that_is_theirs(rt: Runtime, place: Path, clock: ManualClock) -> None:
    old_one, shared = save(rt, "start>agent>end"), save(rt, "start>a>end")
    old = {run(rt, old_one), run(rt, shared)}
    clock.advance(20 * DAY)
    fresh = {run(rt, shared)}
    clock.advance(15 * DAY)
    theirs = "SELECT * FROM events WHERE subject IN (SELECT unnest(?)) AND NOT starts_with(kind, 'credits_')"
    events = len(ask(rt, theirs, list(old)))
    before = ask(rt, "SELECT * FROM events ORDER BY position")

    planned = purge(rt, 30, dry_run=True)
    assert ask(rt, "SELECT * FROM events ORDER BY position") == before
    assert (planned["dryRun"], planned["executions"]) == (True, 2)
    rt.portal.wait(forget_runs(rt))  # as after a day with many runs: plans of what is in memory are kept
    gone = purge(rt, 30)
    assert gone == planned | {"dryRun": False}
    assert gone["events"] == events + 1, "and the plan that nobody needs any more"
    assert gone["plans"] == 1
    assert known(rt) == fresh
    for execution_id in old:
        with pytest.raises(NotFound):
            rt.portal.wait(rt.executions.snapshot(ME, execution_id))
    for table in ("executions", "steps"):
        assert {row[0] for row in ask(rt, f"SELECT execution_id FROM {table}")} == fresh
    assert purge(rt, 30)["executions"] == 0
    rt.stop()
    with open_runtime(place, clock) as again:
        assert again.resumed == 0
        assert known(again) == fresh
        (execution_id,) = fresh
        assert again.portal.wait(again.executions.snapshot(ME, execution_id))["status"] == "completed"


async def forget_runs(rt: Runtime) -> None:
    rt._engine.runs.clear()


def test_unfinished_executions_stay_however_old(rt: Runtime, place: Path, clock: ManualClock) -> None:
    waiting = start_waiting(rt)
    clock.advance(1000 * DAY)
    assert purge(rt, 0) == purge(rt, 0, dry_run=True) | {"dryRun": False}
    rt.stop()
    with open_runtime(place, clock) as again:
        assert again.resumed == 1
        picture = again.portal.wait(again.executions.snapshot(ME, waiting))
        assert (picture["status"], picture["waitingOn"]["stepId"]) == ("waiting", "human")


def test_money_stays(rt: Runtime, clock: ManualClock) -> None:
    execution_id = run(rt, save(rt))
    clock.advance(DAY)
    assert purge(rt, 0)["executions"] == 1
    left = ask(rt, "SELECT kind FROM events WHERE subject = ?", execution_id)
    assert left == [("credits_held",), ("credits_spent",)]


def test_artefacts_go_when_nobody_names_them_any_more(rt: Runtime, place: Path, clock: ManualClock) -> None:
    own, shared, foreign = ("a" * 64, "b" * 64, "c" * 64)
    folder = place / "artefacts" / "x"
    folder.mkdir(parents=True)
    files = {name: folder / f"{name}.parquet" for name in (own, shared, foreign)}
    for path in files.values():
        path.write_bytes(b"rows")
    workflow_id = save(rt)
    run(rt, workflow_id, f"see {own} and {shared}")
    clock.advance(DAY)
    run(rt, workflow_id, f"see {shared}")
    clock.advance(10)
    assert purge(rt, 0, dry_run=True)["artefacts"] == 2, "both executions would go"
    one_day = rt.portal.wait(rt.upkeep.purge(older_than_seconds=3600))
    assert (one_day["executions"], one_day["artefacts"]) == (1, 1)
    assert {name: path.exists() for name, path in files.items()} == {own: False, shared: True, foreign: True}


def test_a_plan_is_written_again_after_it_was_purged(rt: Runtime, place: Path, clock: ManualClock) -> None:
    """The engine writes a plan once; it must learn that it is gone, or nobody could read the next execution."""
    workflow_id = save(rt)
    run(rt, workflow_id)
    clock.advance(DAY)
    rt.portal.wait(forget_runs(rt))
    assert purge(rt, 0)["plans"] == 1
    execution_id = run(rt, workflow_id)
    rt.stop()
    with open_runtime(place, clock) as again:
        assert again.portal.wait(again.executions.snapshot(ME, execution_id))["status"] == "completed"


def test_purging_while_executions_begin_and_end(rt: Runtime, place: Path, clock: ManualClock) -> None:
    """Whatever the moment: each execution is there in full or gone, and none lacks its plan."""
    workflow_id, over = save(rt), threading.Event()

    def load() -> None:
        for _ in range(60):
            execution_id = rt.portal.wait(rt.executions.start(ME, workflow_id, inputs={"message": "x"})).execution_id
            try:
                rt.portal.wait(rt.executions.wait(ME, execution_id, seconds=30))
            except NotFound:
                continue
        over.set()

    thread = threading.Thread(target=load)
    thread.start()
    removed = 0
    while not over.is_set():
        clock.advance(1)
        removed += purge(rt, 0)["executions"]
    thread.join()
    assert removed > 0
    rt.stop()
    with open_runtime(place, clock) as again:
        left = ask(again, "SELECT DISTINCT subject FROM events WHERE kind = 'admitted'")
        for (execution_id,) in left:
            assert again.portal.wait(again.executions.snapshot(ME, execution_id))["status"] == "completed"
        assert again.resumed == 0
        assert removed + len(left) == 60


def test_a_purge_that_cannot_be_written_removes_nothing(rt: Runtime, clock: ManualClock) -> None:
    execution_id = run(rt, save(rt))
    clock.advance(DAY)
    rt.database.failure = "the disk is full"
    with pytest.raises(Unavailable):
        purge(rt, 0)
    assert execution_id in known(rt)


def test_an_age_has_limits(rt: Runtime) -> None:
    for seconds in (-1, 10**12):
        with pytest.raises(InvalidInput) as refused:
            rt.portal.wait(rt.upkeep.purge(older_than_seconds=seconds))
        assert refused.value.code == "INVALID_DURATION"


# -- without a server ------------------------------------------------------------------------------------------


def test_upkeep_alone_resumes_nothing(place: Path, clock: ManualClock, tmp_path: Path) -> None:
    with open_runtime(place, clock) as rt:
        done, waiting = run(rt, save(rt)), start_waiting(rt)
    with Database(place) as database:
        before = asyncio.run(
            database.read(lambda c: c.execute("SELECT * FROM events WHERE subject = ?", [waiting]).fetchall())
        )
    with open_offline(place) as upkeep:
        held = asyncio.run(upkeep.back_up(tmp_path / "backup.tar"))
        assert held.rows["executions"] == 1
        gone = asyncio.run(upkeep.purge(older_than_seconds=0))
        assert (gone["executions"], gone["plans"]) == (1, 1)
    with Database(place) as database:
        left = asyncio.run(
            database.read(lambda c: c.execute("SELECT * FROM events WHERE subject = ?", [waiting]).fetchall())
        )
        assert left == before
        assert asyncio.run(
            database.read(
                lambda c: c.execute("SELECT DISTINCT kind[:8] FROM events WHERE subject = ?", [done]).fetchall()
            )
        ) == [("credits_",)]


def test_upkeep_makes_no_database(place: Path) -> None:
    with pytest.raises(NotFound) as refused, open_offline(place):
        pass
    assert refused.value.code == "STORE_NOT_FOUND"
    assert not place.exists()
