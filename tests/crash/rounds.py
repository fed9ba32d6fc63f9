"""Kill, restart, compare: over and over.

    PYTHONPATH=tests python -m crash.rounds --bare 950 --server 50 --seed 1

prints a line for every 50 rounds and a table at the end. The seed decides what is killed when; what the process was
doing at that moment is up to the machine. Ctrl-C ends the rounds of one kind.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from crash.load import GRAPHS
from crash.rig import HANG, Child, Lane, Report, Server, call_over_http, follow_over_http, rest_over_http

ROUNDS_A_LANE = 5
EVERY = 50

Note = Callable[[Report], None]


def silent(_report: Report) -> None:
    pass


def bare_rounds(folder: Path, rounds: int, seed: int, report: Report, note: Note = silent) -> None:
    """Kill bare runtimes: under load, while they start and go on with what is left, while they stop."""
    chance = random.Random(seed)
    for first in range(0, rounds, ROUNDS_A_LANE):
        lane = Lane(folder / f"bare{first}", report)
        child = ready(lane, chance)
        try:
            for _ in range(min(ROUNDS_A_LANE, rounds - first)):
                kill_once(child, chance)
                copy = lane.copy()
                child = ready(lane, chance)  # it does its imports meanwhile
                lane.check(copy)
                report.kills += 1
                report.rounds += 1
                note(report)
        finally:
            child.kill()
        lane.check(lane.place)
        if not report.wrong:  # else somebody will want to look
            lane.remove()


def ready(lane: Lane, chance: random.Random) -> Child:
    return Child(lane.place, lane.promises, seed=chance.getrandbits(32), limit=chance.choice((0, 0, 0, 0, 2)))


def kill_once(child: Child, chance: random.Random) -> None:
    """Kill at a moment that chance decides."""
    child.go()
    moment = chance.random()
    if moment < 0.2:
        child.until("opening")
        time.sleep(chance.random() * 0.15)
    elif child.limited:  # the others never stop by themselves
        child.until("stopping")
        time.sleep(chance.random() * 0.05)
    else:
        child.until_lines(chance.randrange(1500))  # counted in work, not in seconds: machines are slow at times
        time.sleep(chance.random() * 0.01)
    child.kill()


def server_rounds(folder: Path, rounds: int, seed: int, report: Report, note: Note = silent) -> None:
    """Kill real servers under load; after each restart ask over HTTP whether everything came to rest."""
    chance = random.Random(seed)
    for first in range(0, rounds, ROUNDS_A_LANE):
        lane = Lane(folder / f"server{first}", report)
        ids, key = lane.prepare()
        server = Server(lane.place, key)
        try:
            for _ in range(min(ROUNDS_A_LANE, rounds - first)):
                asyncio.run(load_and_kill(server.until_up(), ids, lane, chance))
                copy = lane.copy()
                server = Server(lane.place, key)
                lane.check(copy)
                report.kills += 1
                report.rounds += 1
                note(report)
            asyncio.run(come_to_rest(server.until_up(), lane))
            server.stop()
        finally:
            server.kill()
        lane.check(lane.place)
        if not report.wrong:
            lane.remove()


async def load_and_kill(server: Server, ids: dict[str, str], lane: Lane, chance: random.Random) -> None:
    async with server.client() as client:
        unfinished = [e for e in lane.promises.admitted if e not in lane.promises.over]
        follow = [follow_over_http(client, execution, lane.promises) for execution in unfinished]
        names = list(GRAPHS)
        calls = [
            call_over_http(
                client, ids, lane.promises, itertools.chain(chance.sample(names, len(names)), itertools.cycle(names))
            )
            for _ in range(12)
        ]
        tasks = [asyncio.create_task(work) for work in (*follow, *calls)]
        async with asyncio.timeout(HANG):
            enough = len(lane.promises.wire) + chance.randrange(600)
            while len(lane.promises.wire) < enough:
                await asyncio.sleep(0.005)
        server.kill()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if ended is not None and not isinstance(ended, httpx.TransportError):
                lane.report.broken.append(f"a caller saw {ended!r} before the server was killed")


async def come_to_rest(server: Server, lane: Lane) -> None:
    async with server.client() as client:
        await rest_over_http(client, lane.promises.admitted)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bare", type=int, default=950, help="rounds with a bare runtime")
    parser.add_argument("--server", type=int, default=50, help="rounds with a real Jupyter server")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    reports = {}
    for name, rounds, work in (("bare", options.bare, bare_rounds), ("server", options.server, server_rounds)):
        report = reports[name] = Report()
        said: set[str] = set()

        def note(report: Report, name: str = name, said: set[str] = said) -> None:
            for line in dict.fromkeys(report.wrong):
                if line not in said:
                    print(f"{name} round {report.rounds}: {line}", flush=True)
                    said.add(line)
            if report.rounds % EVERY == 0:
                print(f"{name:6} {row(report)}", flush=True)

        with contextlib.suppress(KeyboardInterrupt):  # enough of these: the table says how many there were
            work(folder, rounds, options.seed, report, note)
    print("\n       " + "".join(f"{title:>11}" for title in COLUMNS))
    for name, report in reports.items():
        print(f"{name:6} {row(report)}")
    wrong = any(report.wrong for report in reports.values())
    print(f"look into {folder}" if wrong else "everything promised was kept")
    return 1 if wrong else 0


COLUMNS = ("rounds", "kills", "executions", "events", "resumed", "lost", "doubled", "broken")


def row(report: Report) -> str:
    values = [getattr(report, name) for name in COLUMNS]
    return "".join(f"{len(value) if isinstance(value, list) else value:>11}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
