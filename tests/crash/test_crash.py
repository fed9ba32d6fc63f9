"""Killed, held, on a full disk or with a torn log: a process keeps what it promised, and all goes on by itself.

How often and how thoroughly is in rounds.py, which can do the same a thousand times.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
import pytest
from crash.load import GRAPHS, runtime
from crash.rig import Child, Lane, Promises, Report, Server, call_over_http, compare, read, stopped
from crash.rounds import bare_rounds, server_rounds

from builder_jupyter.errors import StoreLocked, Unavailable
from builder_jupyter.storage.lock import read_owner

BARE, SERVER = 20, 5
WAL = "builder.duckdb.wal"


@pytest.fixture
def report() -> Report:
    return Report()


@pytest.fixture
def lane(tmp_path: Path, report: Report) -> Lane:
    return Lane(tmp_path / "lane", report)


@pytest.fixture
def seed() -> int:
    """A new one each time; a failure shows it."""
    chosen = random.SystemRandom().randrange(1 << 32)
    print(f"seed {chosen}")
    return chosen


def run_and_kill(lane: Lane, promises: Promises | None = None) -> Promises:
    """Load the directory until much was promised, then kill; what was promised."""
    promises = promises or Promises()
    child = Child(lane.place, promises, seed=1)
    child.go()
    child.until_lines(800)
    child.kill()
    return promises


# -- killed ----------------------------------------------------------------------------------------------------


def test_a_killed_runtime_keeps_what_it_promised(tmp_path, report, seed):
    bare_rounds(tmp_path, BARE, seed, report)
    assert not report.wrong
    assert (report.rounds, report.kills) == (BARE, BARE)
    assert report.executions > BARE
    assert report.events > 10 * BARE
    assert report.resumed > 0


def test_a_killed_server_keeps_what_it_promised(tmp_path, report, seed):
    server_rounds(tmp_path, SERVER, seed, report)
    assert not report.wrong
    assert report.kills == SERVER
    assert report.executions > 0


def without_an_event(lane, stored):
    del stored.entries[next(iter(lane.promises.events))]


def with_another_body(lane, stored):
    place = next(iter(lane.promises.events))
    at, kind, body = stored.entries[place]
    stored.entries[place] = (at, kind, {**body, "more": 1})


def without_an_execution(lane, stored):
    del stored.histories[next(iter(lane.promises.admitted))]


def with_a_step_that_is_done_twice(lane, stored):
    history = next(h for h in stored.histories.values() if h[-2].event.kind == "step_completed")
    history.insert(-1, history[-2])


def with_an_execution_that_hangs(lane, stored):
    next(h for h in stored.histories.values() if h[-1].event.kind == "status").pop()


def with_a_projection_too_many(lane, stored):
    stored.executions.append(stored.executions[0])


def with_a_charge_too_many(lane, stored):
    charge = (0, "credits_charged", {"step": "a", "visit": 1})
    stored.entries.update({("exec_paid", 1): charge, ("exec_paid", 2): charge})


TAMPERED = {
    "lost": [without_an_event, with_another_body, without_an_execution],
    "doubled": [with_a_step_that_is_done_twice, with_a_projection_too_many, with_a_charge_too_many],
    "broken": [with_an_execution_that_hangs],
}


def test_the_checks_notice_what_is_lost_and_what_is_doubled(lane, report):
    lane.promises = run_and_kill(lane)
    lane.check(lane.place)
    assert not report.wrong
    for field, changes in TAMPERED.items():
        for change in changes:
            with duckdb.connect(str(lane.place / "builder.duckdb")) as connection:
                stored = read(connection)
            change(lane, stored)
            seen = Report()
            compare(lane.promises, stored, seen)
            assert getattr(seen, field), change.__name__


# -- held ------------------------------------------------------------------------------------------------------


def test_a_server_that_is_held_for_a_while_goes_on_and_so_do_its_listeners(lane, report):
    ids, key = lane.prepare()
    server = Server(lane.place, key).until_up()

    async def load():
        async with server.client() as client:
            calls = [call_over_http(client, ids, lane.promises, GRAPHS) for _ in range(6)]
            tasks = [asyncio.create_task(work) for work in calls]
            await asyncio.sleep(0.3)
            with stopped(server.process):
                before = len(lane.promises.wire)
                await asyncio.sleep(5)
                assert not any(task.done() for task in tasks)
            await asyncio.gather(*tasks)  # each listener has heard how its execution ended, or that it waits
            return before

    try:
        before = asyncio.run(load())
    finally:
        server.kill()
    assert len(lane.promises.wire) > before
    assert len(lane.promises.admitted) == 6 * len(GRAPHS)
    lane.check(lane.place)
    assert not report.wrong


# -- two on one file -------------------------------------------------------------------------------------------


def test_a_second_server_on_the_same_data_is_told_why_not_and_the_first_is_unharmed(lane, report):
    ids, key = lane.prepare()
    first = Server(lane.place, key)
    second = None

    async def load():
        async with first.client() as client:
            await asyncio.gather(*(call_over_http(client, ids, lane.promises, GRAPHS) for _ in range(2)))

    try:
        first.until_up()
        second = Server(lane.place, key, name="second").until_up()
        refused = httpx.get(f"{second.url}/api/canvases", headers=second.headers)
        assert refused.status_code == 503
        assert refused.json()["code"] == "store_locked"
        said = second.log.read_text()
        assert f"in use by process {first.process.pid}" in said
        assert "Connect to that server, stop it, or choose another place with BuilderApp.data_dir" in said
        asyncio.run(load())
        second.kill()
        for _ in range(2):  # neither the second server nor the first refusal has taken the lock away
            with pytest.raises(StoreLocked, match=f"process {first.process.pid}") as locked:
                runtime(lane.place)
            assert "stop it" in locked.value.hint
        assert read_owner(lane.place)["pid"] == first.process.pid
        asyncio.run(load())
    finally:
        first.kill()
        if second is not None:
            second.kill()
    lane.check(lane.place)
    assert not report.wrong


# -- a full disk -----------------------------------------------------------------------------------------------


def test_a_full_disk_is_said_to_everybody_and_loses_nothing(lane, report):
    """The kernel refuses each byte beyond a file's largest size, as it would on a full disk, and asks for no root."""
    child = Child(lane.place, lane.promises, seed=1, room=200_000)
    child.go()
    (failure,) = child.until("stopping")
    child.until("stopped")
    child.close()
    assert "Could not write file" in failure
    assert lane.promises.events
    assert len(lane.promises.refused) == 24, "every caller was told"
    for code, text in lane.promises.refused:
        assert code == "STORE_FAILED"
        assert "Free disk space" in text
    lane.check(lane.place)  # there is room again
    assert not report.wrong


# -- a torn log ------------------------------------------------------------------------------------------------


def journal(place: Path) -> list[tuple]:
    with duckdb.connect(str(place / "builder.duckdb")) as connection:
        if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'events'").fetchall():
            return []  # the log was cut before the tables were on disk
        return connection.execute("SELECT * FROM events ORDER BY position").fetchall()


TAILS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": lambda log, chance: log[: -chance.randrange(1, 200)],
    "garbage": lambda log, chance: log + chance.randbytes(chance.randrange(1, 500)),
    "zeros": lambda log, chance: log + bytes(chance.randrange(1, 5000)),
}


def test_a_log_that_was_cut_anywhere_opens_with_all_that_lies_before(lane, report, seed):
    chance = random.Random(seed)
    run_and_kill(lane)
    whole = journal(lane.copy())
    size = (lane.place / WAL).stat().st_size
    kept = []
    for _ in range(8):
        copy = lane.copy()
        os.truncate(copy / WAL, chance.randrange(1, size))
        kept.append(journal(copy))
        assert kept[-1] == whole[: len(kept[-1])]
    assert len({len(rows) for rows in kept}) > 1
    # Nobody knows how much of the log a disk loses; whatever is left goes on.
    for at in sorted(chance.sample(range(size // 2, size), 2)):
        copy = lane.copy()
        os.truncate(copy / WAL, at)
        lane.check(copy)
        assert not report.wrong


@pytest.mark.parametrize("tail", TAILS)
def test_what_is_written_after_a_torn_tail_is_safe_as_well(lane, report, seed, tail):
    """If new entries were put behind the torn one, the next start would stop reading there and miss them."""
    before = run_and_kill(lane)
    log = lane.place / WAL
    log.write_bytes(TAILS[tail](log.read_bytes(), random.Random(seed)))
    lane.promises = run_and_kill(lane, None if tail == "cut" else before)
    assert lane.promises.events
    lane.check(lane.place)
    assert not report.wrong


@pytest.mark.parametrize("where", ["middle", "tail"])
def test_a_damaged_log_is_refused_and_the_error_says_what_to_do(lane, report, where):
    lane.promises = run_and_kill(lane)
    log = lane.place / WAL
    good = log.read_bytes()
    at = len(good) // 2 if where == "middle" else len(good) - 1
    bad = good[:at] + bytes([good[at] ^ 255]) + good[at + 1 :]
    whole = journal(lane.copy())
    log.write_bytes(bad)
    for _ in range(2):  # the second time shows that the first gave the lock back
        with pytest.raises(Unavailable) as refused:
            runtime(lane.place)
        assert refused.value.code == "STORE_UNREADABLE"
        assert log.read_bytes() == bad, "and nothing was changed"
    # What it says is what helps: everything before the damage comes back.
    command = re.search(r"truncate -s (\d+) (\S+)", refused.value.hint)
    assert command, refused.value.hint
    size, path = command.groups()
    assert int(size) <= at
    assert Path(path) == log
    os.truncate(path, int(size))
    rows = journal(lane.copy())
    assert rows == whole[: len(rows)]
    assert rows
    lane.promises = Promises()
    lane.check(lane.place)
    assert not report.wrong
