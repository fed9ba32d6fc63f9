"""Processes to be killed, what they promised before, and whether it was kept.

A `Lane` is one data directory through many kills. After each kill the directory is copied and a runtime is started on
the copy: everything promised in this directory so far must be there, and everything must come to rest by itself. The
next process starts on the original, so that kills also meet what kills left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx
from crash.load import ME, flows, runtime
from engine_kit import check_history

from builder_jupyter.errors import BuilderError
from builder_jupyter.execution.records import DURABLE, Recorded, event_of, to_wire
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.planning.plan import Plan

HANG = 300.0  # no promise about speed: whoever takes longer than this hangs
REST = {str(status) for status in ExecutionStatus if status.is_terminal or status is ExecutionStatus.WAITING}
TERMINAL = {str(status) for status in ExecutionStatus if status.is_terminal}
TESTS = Path(__file__).parents[1]


# -- what was promised -----------------------------------------------------------------------------------------


@dataclass
class Promises:
    """What callers and listeners were told, by execution."""

    admitted: dict[str, str] = field(default_factory=dict)
    events: dict[tuple[str, int], tuple[str, Any]] = field(default_factory=dict)
    wire: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    pieces: set[tuple[str, int]] = field(default_factory=set)
    over: dict[str, str] = field(default_factory=dict)
    touched: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    def admit(self, execution: str, token: str) -> None:
        self.admitted[execution] = token

    def event(self, execution: str, seq: int, kind: str, body: Any) -> None:
        if self.events.setdefault((execution, seq), (kind, body)) != (kind, body):
            self.contradictions.append(f"{execution} {seq} was published twice, differently")

    def piece(self, execution: str, seq: int) -> None:
        if (execution, seq) in self.pieces:
            self.contradictions.append(f"{execution} {seq} is the number of two pieces")
        self.pieces.add((execution, seq))

    def on_wire(self, event: dict[str, Any], execution: str) -> None:
        if event["kind"] == "token":
            self.piece(execution, event["seq"])
        elif self.wire.setdefault((execution, event["seq"]), event) != event:
            self.contradictions.append(f"{execution} {event['seq']} was published twice, differently")

    def end(self, execution: str, status: str) -> None:
        if self.over.setdefault(execution, status) != status:
            self.contradictions.append(f"{execution} ended as {self.over[execution]} and as {status}")

    def touch(self, token: str, step: str) -> None:
        self.touched[token, step] += 1

    def refuse(self, code: str, text: str) -> None:
        self.refused.append((code, text))


# -- processes -------------------------------------------------------------------------------------------------


def start(*command: str, log: Path, **options: Any) -> subprocess.Popen[str]:
    # Nobody's configuration, and no extension that we do not name.
    settings = {"PYTHONPATH": str(TESTS), "JUPYTER_NO_CONFIG": "1", "TMPDIR": str(log.parent)}
    with log.open("a") as out:
        return subprocess.Popen(
            [sys.executable, "-m", *command], env=os.environ | settings, stderr=out, text=True, **options
        )


class Child:
    """A bare runtime under load; what it tells goes into the promises as it comes."""

    def __init__(
        self, place: Path, promises: Promises, *, seed: int, callers: int = 24, limit: int = 0, room: int = 0
    ) -> None:
        self.log = place.with_suffix(".log")
        self.process = start(
            "crash.child", str(place), str(seed), str(callers), str(limit), str(room),
            log=self.log, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.promises = promises
        self.limited = bool(limit)
        self.told: dict[str, list[Any]] = {}
        self.lines = 0
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            self._take_all()
        finally:
            with self._news:
                self.told["end"] = []
                self._news.notify_all()

    def _take_all(self) -> None:
        take: dict[str, Callable[..., None]] = {
            "admitted": self.promises.admit, "event": self.promises.event, "piece": self.promises.piece,
            "over": self.promises.end, "touched": self.promises.touch, "refused": self.promises.refuse,
        }  # fmt: skip
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):  # half a line was never told
                word, *rest = json.loads(line)
                if word in take:
                    take[word](*rest)
                with self._news:
                    self.lines += 1
                    self.told.setdefault(word, rest)
                    self._news.notify_all()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def until(self, word: str) -> list[Any]:
        """Wait until the child has told something of the kind; what it told first."""
        with self._news:
            assert self._news.wait_for(lambda: word in self.told or "end" in self.told, HANG), f"it hangs: {self.log}"
        assert word in self.told, self.log.read_text()
        return self.told[word]

    def until_lines(self, count: int) -> None:
        """Wait until the child has told so much, or all it has to tell."""
        with self._news:
            assert self._news.wait_for(lambda: self.lines >= count or "end" in self.told, HANG), f"it hangs: {self.log}"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Read what it told to the last line, and let go of it."""
        self.process.wait(HANG)
        self._reader.join(HANG)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()


class Server:
    """A real Jupyter server on a data directory."""

    def __init__(self, place: Path, key: str, *, name: str = "server") -> None:
        self.log = place.with_suffix(f".{name}.log")
        root = place.with_suffix(f".{name}")
        root.mkdir(exist_ok=True)
        self.process = start(
            "crash.server", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
            "--ServerApp.jpserver_extensions=builder_jupyter=True", f"--ServerApp.root_dir={root}",
            f"--BuilderApp.data_dir={place}", "--BuilderApp.unlimited_credits=True",
            log=self.log, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.headers = {"Authorization": f"Bearer {key}"}
        self.url = ""

    def until_up(self) -> Server:
        """Wait until it answers."""
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            self.url = self.url or self._address()
            if self.url:
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"{self.url}/api/builder/health")
                    return self
            time.sleep(0.02)
        raise AssertionError(f"it hangs: {self.log.read_text()}")

    def _address(self) -> str:
        """Where it listens; it chose the port itself and wrote it down."""
        from jupyter_server.serverapp import list_running_servers

        return next((s["url"].rstrip("/") for s in list_running_servers() if s["pid"] == self.process.pid), "")

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=HANG)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(HANG)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(HANG)


async def call_over_http(
    client: httpx.AsyncClient, ids: dict[str, str], promises: Promises, names: Iterable[str]
) -> None:
    """Start one execution after the other and follow each over server-sent events, until the server is gone."""
    for name in names:
        token = os.urandom(4).hex()
        body = {"canvasId": ids[name], "triggerNodeId": "start", "inputs": {"message": name, "token": token}}
        answer = await client.post("/api/run", json=body)
        assert answer.status_code == 202, answer.text
        execution = answer.json()["executionId"]
        promises.admit(execution, token)
        await follow_over_http(client, execution, promises)


async def follow_over_http(client: httpx.AsyncClient, execution: str, promises: Promises) -> None:
    accept = {"Accept": "text/event-stream"}
    status = ""
    async with client.stream("GET", f"/api/builder/executions/{execution}/events", headers=accept) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                for event in json.loads(line.removeprefix("data: ")):
                    promises.on_wire(event, execution)
                    status = event["status"] if event["kind"] == "status" else status
            if status == "waiting":
                return
    assert status in TERMINAL, "a stream that ends orderly ends with the execution"
    promises.end(execution, status)


async def rest_over_http(client: httpx.AsyncClient, executions: Iterable[str]) -> None:
    """Wait until each execution is over or waits."""
    async with asyncio.timeout(HANG):
        for execution in executions:
            while True:
                answer = await client.get("/api/executions", params={"executionId": execution})
                assert answer.status_code == 200, answer.text
                if answer.json()["status"] in REST:
                    break
                await asyncio.sleep(0.02)


# -- whether it was kept ---------------------------------------------------------------------------------------


@dataclass
class Report:
    """What was checked, and what was wrong: all three lists must be empty."""

    rounds: int = 0
    kills: int = 0
    executions: int = 0
    events: int = 0
    resumed: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.broken]


@dataclass
class Stored:
    """What a data directory holds."""

    entries: dict[tuple[str, int], tuple[int, str, Any]] = field(default_factory=dict)
    histories: dict[str, list[Recorded]] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    executions: list[tuple[str, str]] = field(default_factory=list)
    steps: list[tuple[str, str, int, str]] = field(default_factory=list)
    ledger: list[tuple[str, int, str]] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)


def read(connection: duckdb.DuckDBPyConnection) -> Stored:
    stored = Stored()
    subjects: dict[str, list[tuple[int, int, str, Any]]] = defaultdict(list)
    journal = connection.execute("SELECT subject, seq, at_ms, kind, body FROM events ORDER BY position").fetchall()
    for subject, seq, at, kind, text in journal:
        body = json.loads(text)
        if kind == "plan":  # stored by each process that uses it first
            stored.plans[subject] = Plan.from_dict(body)
            continue
        if (subject, seq) in stored.entries:
            stored.repeated.append(f"{subject} {seq} is in the journal twice")
        stored.entries[subject, seq] = (at, kind, body)
        subjects[subject].append((seq, at, kind, body))
    for subject, rows in subjects.items():
        if "/" in subject:  # a workspace's own entries of the ledger
            continue
        events = [Recorded(subject, seq, at, event_of(kind, body)) for seq, at, kind, body in rows if kind in DURABLE]
        stored.histories[subject] = events
    stored.executions = connection.execute("SELECT execution_id, status FROM executions").fetchall()
    stored.ledger = connection.execute("SELECT entry_id, position, kind FROM ledger").fetchall()
    stored.steps = connection.execute("SELECT execution_id, step, visit, status FROM steps").fetchall()
    return stored


def doubled_credits(stored: Stored) -> list[str]:
    """Entries of the ledger that a visit has twice: an attempt that is made again must not be paid for again."""
    found: Counter[tuple[Any, ...]] = Counter(
        (subject, kind, body.get("step"), body.get("visit"))
        for (subject, _), (_, kind, body) in stored.entries.items()
        if kind.startswith("credits_") and "/" not in subject
    )
    found += Counter(("ledger", entry_id) for entry_id, _, _ in stored.ledger)
    return [f"{entry} is in the ledger {count} times" for entry, count in found.items() if count > 1]


def compare(promises: Promises, stored: Stored, report: Report) -> None:
    """Hold what is stored against what was promised, and against the rules."""
    report.broken += promises.contradictions
    report.doubled += [*stored.repeated, *doubled_credits(stored)]
    for execution in promises.admitted.keys() - stored.histories.keys():
        report.lost.append(f"{execution} was admitted and is gone")
    _compare_events(promises, stored, report)
    statuses = {
        execution: _check(execution, history, stored, report) for execution, history in stored.histories.items()
    }
    for execution, status in promises.over.items():
        if statuses.get(execution) != status:
            report.lost.append(f"{execution} ended as {status} and is now {statuses.get(execution)}")
    _compare_touched(promises, stored, report)
    _compare_projections(statuses, stored, report)


def _compare_events(promises: Promises, stored: Stored, report: Report) -> None:
    for place, (kind, body) in promises.events.items():
        entry = stored.entries.get(place)
        if entry is None or entry[1:] != (kind, body):
            report.lost.append(f"{place} was published as {kind} {body}, the journal has {entry}")
    for place, event in promises.wire.items():
        entry = stored.entries.get(place)
        now = None
        if entry is not None:
            at, kind, body = entry
            now = json.loads(json.dumps(to_wire(Recorded(*place, at, event_of(kind, body)))))
        if now != event:
            report.lost.append(f"{place} was published as {event}, the journal has {now}")
    for place in promises.pieces & stored.entries.keys():
        report.broken.append(f"{place} is the number of a piece that was published and of an entry")


def _check(execution: str, history: list[Recorded], stored: Stored, report: Report) -> str:
    """The status of an execution; its history must follow the rules and have come to rest."""
    status = "planning"
    for recorded in history:
        if recorded.event.kind == "status":
            status = str(recorded.event.status)
    try:
        check_history(history, stored.plans[history[0].event.plan_id], over=status in TERMINAL)
    except AssertionError as error:
        report.broken.append(f"{execution} has a history that cannot be: {error}")
    if status not in REST:
        report.broken.append(f"{execution} is {status} and does not go on")
    done = Counter((r.event.step, r.event.visit) for r in history if r.event.kind == "step_completed")
    report.doubled += [f"{execution} {step} is completed {count} times" for step, count in done.items() if count > 1]
    return status


def _compare_touched(promises: Promises, stored: Stored, report: Report) -> None:
    """The world is touched only by attempts that are on disk."""
    begun: Counter[tuple[str, str]] = Counter()
    for history in stored.histories.values():
        token = history[0].event.inputs["token"]
        begun.update((token, r.event.step) for r in history if r.event.kind == "step_started")
    for place, count in promises.touched.items():
        if count > begun[place]:
            report.lost.append(f"{place} touched the world {count} times, the journal knows of {begun[place]}")


def _compare_projections(statuses: dict[str, str], stored: Stored, report: Report) -> None:
    over = {execution: status for execution, status in statuses.items() if status in TERMINAL}
    rows = Counter(stored.executions)
    report.doubled += [f"{row} is projected {count} times" for row, count in rows.items() if count > 1]
    if rows.keys() != set(over.items()):
        report.broken.append(f"projected wrongly: {rows.keys() ^ set(over.items())}")
    visits = Counter(row[:3] for row in stored.steps)
    report.doubled += [f"step {visit} is projected {count} times" for visit, count in visits.items() if count > 1]
    expected = {
        (execution, recorded.event.step, recorded.event.visit)
        for execution in over
        for recorded in stored.histories[execution]
        if getattr(recorded.event, "visit", None) is not None
    }
    if visits.keys() != expected:
        report.broken.append(f"steps are projected wrongly: {visits.keys() ^ expected}")


class Lane:
    """One data directory, and all that was promised there."""

    def __init__(self, place: Path, report: Report) -> None:
        self.place = place
        self.report = report
        self.promises = Promises()
        self._counted = [0, 0]
        place.mkdir(parents=True)

    def prepare(self) -> tuple[dict[str, str], str]:
        """Store the workflows and make a key, as an owner does before others call; the ids by name, and the key."""
        with runtime(self.place) as rt:
            return rt.portal.wait(flows(rt)), rt.portal.wait(rt.keys.create(ME, "crash", Scope))[1]

    def copy(self) -> Path:
        copy = self.place.with_suffix(".copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.place, copy)
        return copy

    def check(self, place: Path) -> Stored:
        """Start a runtime where a process was killed, let all come to rest, and compare; what is stored."""
        report = self.report
        try:
            rt = runtime(place)
        except BuilderError as error:
            report.broken.append(f"{place} cannot be opened: {error}")
            return Stored()
        with rt:
            report.resumed += rt.resumed
            rt.portal.wait(at_rest(rt))
            stored = rt.portal.wait(rt.database.read(read))
        compare(self.promises, stored, report)
        events = len(self.promises.events) + len(self.promises.wire)
        counted = [len(stored.histories), events]
        report.executions += counted[0] - self._counted[0]
        report.events += counted[1] - self._counted[1]
        self._counted = counted
        return stored

    def remove(self) -> None:
        for path in self.place.parent.glob(f"{self.place.name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


async def at_rest(rt: Any) -> None:
    """Wait until every execution is over or waits, and what is over is projected."""
    async with asyncio.timeout(HANG):
        while any(row["status"] not in REST for row in await rt.executions.list(ME, limit=1_000_000)):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)  # an answer may be a turn of the loop ahead of the projection that it begins
        await rt.executions.settle()


@contextlib.contextmanager
def stopped(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Hold a process as a laptop's lid does."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
