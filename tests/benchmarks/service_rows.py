"""The rows of `engine.py` beyond the comparison of engines: the server, large files, start-up, memory, listeners.

Each row is measured in a process of its own: ``python service_rows.py ROW FOLDER QUICK`` prints a JSON list of
``[label, value, target, met]``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from itertools import count, pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

Found = list[tuple[str, str, str | None, bool | None]]

CONNECTIONS = 32
READERS = 50
PIECES = 1000
KEY = b"@" * 12
"""Stands in a request for a number that no other has."""


def measure(row: str, folder: Path, *, quick: bool) -> Found:
    """Return what a row's own process found."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, __file__, row, str(folder), "quick" if quick else "full"],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return [tuple(found) for found in json.loads(done.stdout.splitlines()[-1])]


def node_types() -> Any:
    """Return the built-in types and those that the rows need, as a registry."""
    from builder_jupyter.graph.model import Profile
    from builder_jupyter.nodes import BUILT_IN
    from builder_jupyter.nodes.base import Effect, NodeType, StepContext, StepResult
    from builder_jupyter.nodes.registry import Registry

    class Nothing(NodeType):
        type = "nothing"
        profiles = frozenset({Profile.BUILDER})
        title = description = "does nothing"

        def decide(self, context: StepContext) -> StepResult:
            return StepResult(result=1)

    class Held(Nothing):
        """Runs until it is cancelled."""

        type = "held"
        effect = Effect.WORLD
        timeout_seconds = 3600.0

        async def run(self, context: StepContext) -> StepResult:
            await asyncio.Event().wait()
            return StepResult()

    class Talker(Nothing):
        """Streams pieces of text, ten at a time, about a thousand a second; begins when the file ``go`` is there."""

        type = "talker"
        effect = Effect.WORLD
        timeout_seconds = 3600.0

        async def run(self, context: StepContext) -> StepResult:
            while not os.path.exists(str(context.node.data["go"])):  # noqa: ASYNC240, PTH110 - a file on this machine
                await asyncio.sleep(0.05)
            for number in range(PIECES):
                context.emit(f"piece {number:04} ")
                if number % 10 == 9:
                    await asyncio.sleep(0.01)
            return StepResult(result=1)

    return Registry((*BUILT_IN, Nothing, Held, Talker))


def chain(*types: str, **data: Any) -> Any:
    """Return a workflow of nodes one after another, from a start to an end."""
    from builder_jupyter.graph.model import Edge, Node, Workflow

    names = ["start", *(f"n{i}" for i in range(len(types))), "end"]
    nodes = [Node(name, kind, dict(data) if kind in types else {})
             for name, kind in zip(names, ["start", *types, "end"], strict=True)]  # fmt: skip
    edges = [Edge(source, target) for source, target in pairwise(names)]
    return Workflow("bench", tuple(nodes), tuple(edges))


def me() -> Any:
    from builder_jupyter.identity.principal import local_principal

    return local_principal("bench")


def runtime(folder: Path) -> Any:
    from builder_jupyter.services.runtime import Runtime, Settings

    return Runtime(Settings(folder), registry=node_types())


# -- the server ------------------------------------------------------------------------------------------------


def server(folder: Path, workflow: Any) -> tuple[Any, int, str, dict[str, str]]:
    """Make a real Jupyter server in this process; return it, its port, the workflow's id and the headers to send."""
    from jupyter_server.base.handlers import APIHandler
    from jupyter_server.serverapp import ServerApp
    from tornado import web

    from builder_jupyter.services import runtime as composition

    types = node_types()
    composition.default_registry = lambda: types  # type: ignore[assignment]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    class Trivial(APIHandler):
        @web.authenticated
        def get(self) -> None:
            self.finish('{"ok": true}')

    app = ServerApp()
    (folder / "root").mkdir()
    app.initialize(argv=[
        "--ServerApp.jpserver_extensions={'builder_jupyter': True}", f"--ServerApp.root_dir={folder / 'root'}",
        f"--BuilderApp.data_dir={folder / 'data'}", "--IdentityProvider.token=bench", "--ServerApp.open_browser=False",
        "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.log_level=ERROR",
    ])  # fmt: skip
    app.web_app.add_handlers(".*$", [(r"/trivial", Trivial)])
    extension = app.extension_manager.extension_points["builder_jupyter"].app
    rt = extension.require_runtime()
    stored = rt.portal.wait(rt.workflows.create(me(), workflow))
    _, key = rt.portal.wait(rt.keys.create(me(), "bench", None))
    return app, port, stored.id, {"Authorization": f"Bearer {key}"}


async def request(reader: Any, writer: Any, head: bytes) -> bytes:
    """Send a request over a connection that stays open; return the body."""
    writer.write(head)
    answered = await reader.readuntil(b"\r\n\r\n")
    status = answered.split(b" ", 2)[1]
    length = next(int(line[15:]) for line in answered.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    body: bytes = await reader.readexactly(length)
    assert status == b"200", (status, body)
    return body


def raw(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{k}: {v}" for k, v in headers.items()), "", ""]).encode() + body


async def client(port: int, seconds: float, rounds: int, cases: dict[str, str]) -> dict[str, list[float]]:
    """Return requests a second of each case, one number a round; the cases take turns."""
    rates: dict[str, list[float]] = {name: [] for name in cases}
    numbers = count()
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    for number in range(rounds + 1):
        for name, head in cases.items():
            until = time.perf_counter() + (seconds if number else 0.3)
            counts = [0] * CONNECTIONS

            async def ask(place: int, head: bytes = head.encode(), until: float = until) -> None:
                while time.perf_counter() < until:
                    await request(*connections[place], head.replace(KEY, f"{next(numbers):012}".encode()))
                    counts[place] += 1  # noqa: B023 - read in the same turn of the outer loop

            begun = time.perf_counter()
            await asyncio.gather(*map(ask, range(CONNECTIONS)))
            if number:
                rates[name].append(sum(counts) / (time.perf_counter() - begun))
    return rates


def with_server(folder: Path, workflow: Any, clients: Callable[[int, str, dict[str, str]], list[str]]) -> Any:
    """Serve until the client process that ``clients`` names has ended; return what it printed and what serving took."""
    from tornado.ioloop import IOLoop

    app, port, workflow_id, headers = server(folder, workflow)
    found: dict[str, Any] = {}

    async def drive() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, *clients(port, workflow_id, headers), stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
        found["out"] = json.loads(out.splitlines()[-1])
        app.stop()

    IOLoop.current().add_callback(drive)
    app.start()
    return found["out"]


def http(folder: Path, *, quick: bool) -> Found:
    """``POST /api/run`` beside a trivial authenticated GET of the same server."""

    def clients(port: int, workflow_id: str, headers: dict[str, str]) -> list[str]:
        body = json.dumps({"canvasId": workflow_id, "triggerNodeId": "start", "sync": True}).encode()
        # Without a key of its own, each request would be the first one again.
        of_its_own = {"Content-Type": "application/json", "Idempotency-Key": KEY.decode()}
        cases = {
            "trivial": raw("GET", "/trivial", {"Authorization": "token bench"}).decode(),
            "status": raw("GET", "/api/verify-key", headers).decode(),
            "run": raw("POST", "/api/run", headers | of_its_own, body).decode(),
        }
        return ["client", json.dumps([port, 0.5 if quick else 2.0, 2 if quick else 5, cases])]

    rates = with_server(folder, chain("nothing", "nothing", "nothing"), clients)
    part = statistics.median(r / t for r, t in zip(rates["run"], rates["trivial"], strict=True))
    key = statistics.median(r / t for r, t in zip(rates["status"], rates["trivial"], strict=True))
    trivial, run = statistics.median(rates["trivial"]), statistics.median(rates["run"])
    return [
        (f"trivial GET, {CONNECTIONS} connections", f"{trivial:.0f} requests/s", None, None),
        ("GET /api/verify-key", f"{key:.0%} of it", None, None),
        ("POST /api/run, sync, 5 pure steps", f"{run:.0f} requests/s, {part:.0%} of it", ">= 60 %", part >= 0.6),
    ]


# -- large files -----------------------------------------------------------------------------------------------

BULK = """
CREATE TEMP TABLE x AS SELECT range AS n, 'exec_' || left(md5(range::VARCHAR), 20) AS id,
    1700000000000 + range * 10 AS ms FROM range({first}, {last});
INSERT INTO events SELECT {base} + (n - {first}) * {each} + k AS position, id, k, ms + k,
    CASE k WHEN 1 THEN 'admitted' WHEN 2 THEN 'status' WHEN {each} THEN 'status'
        ELSE CASE k % 2 WHEN 1 THEN 'step_started' ELSE 'step_completed' END END,
    CASE k WHEN 1 THEN '{{"plan_id":"{plan}","workspace":"default","principal":"bench","trigger":"api","inputs":{{}}}}'
        WHEN 2 THEN '{{"status":"running"}}' WHEN {each} THEN '{{"status":"completed"}}'
        ELSE '{{"step":"' || ['start','n0','n1','n2','end'][(k - 1) // 2] || '","visit":1,"attempt":1}}' END
  FROM x, (SELECT unnest(range(1, {each} + 1)) AS k) ORDER BY position;
"""
PROJECT = """
INSERT INTO executions SELECT id, 'wf_' || (n % 100), 1, 'bench', 'default', 'bench', 'api', 'completed', ms, ms + 1,
    ms + 9, 0, NULL, {base} + (n - {first}) * {each} + 1, {base} + (n - {first}) * {each} + {each}, NULL FROM x;
INSERT INTO steps SELECT id, step, 1, 'nothing', 'completed', 1, ms, ms + 1, 0, NULL, NULL, NULL, NULL, NULL
  FROM x, (SELECT unnest(['start','n0','n1','n2','end']) AS step);
"""
EACH = 13


def filled(rt: Any, count: int) -> tuple[str, str]:
    """Put so many finished executions into a runtime's file; return the ids of a workflow and of an execution."""
    stored = rt.portal.wait(rt.workflows.create(me(), chain("nothing", "nothing", "nothing")))
    run = rt.portal.wait(rt.executions.start(me(), stored.id))
    rt.portal.wait(run.wait())
    rt.portal.wait(rt.executions.settle())
    numbers = {"first": 0, "last": count, "base": 1000, "each": EACH, "plan": run.state.plan.plan_id}

    def work(connection: Any) -> None:
        connection.execute((BULK + PROJECT).format(**numbers))
        connection.execute("DROP TABLE x")

    rt.portal.wait(rt.database.write(work))
    rt.portal.wait(_checkpoint(rt))
    about, middle = "SELECT execution_id FROM executions WHERE created_at = ?", 1700000000000 + count // 2 * 10
    found = rt.portal.wait(rt.database.read(lambda c: c.execute(about, [middle]).fetchone()))
    return "wf_7", found[0]


async def _checkpoint(rt: Any) -> None:
    await rt.database.read(lambda c: c.execute("CHECKPOINT"))


async def _times(work: Callable[[], Awaitable[Any]], count: int) -> list[float]:
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        await work()
        took.append((time.perf_counter() - begun) * 1e3)
    return took


def million(folder: Path, *, quick: bool) -> Found:
    """Many executions in a file: the newest of a workflow, and one with its steps, through the service."""
    count = 100_000 if quick else 1_000_000
    with runtime(folder) as rt:
        workflow_id, execution_id = filled(rt, count)

        async def both() -> tuple[list[float], list[float]]:
            async def newest() -> None:
                assert len(await rt.executions.list(me(), workflow_id=workflow_id, limit=50)) == 50

            async def one() -> None:
                picture = await rt.executions.snapshot(me(), execution_id)
                assert len(picture["steps"]) == 5

            return await _times(newest, 30), await _times(one, 30)

        newest, one = (statistics.median(took) for took in rt.portal.wait(both()))
    size = (folder / "builder.duckdb").stat().st_size
    return [
        (f"{count:,} executions: last 50 of a workflow", f"{newest:.1f} ms", "<= 5 ms", newest <= 5),
        (f"{count:,} executions: one with its steps", f"{one:.1f} ms", "<= 5 ms", one <= 5),
        ("bytes on disk for each event, its share of the projections in", f"{size / count / EACH:.0f}", None, None),
    ]


def startup(folder: Path, *, quick: bool) -> Found:
    """A start after a kill, with a million events and a thousand unfinished executions."""
    count = 10_000 if quick else 77_000
    child = subprocess.run([sys.executable, __file__, "killed", str(folder), str(count)], check=False)
    assert child.returncode == -9, child.returncode
    with runtime(folder / "empty"):  # what is imported for the first time is measured by startup.py
        pass
    begun = time.perf_counter()
    with runtime(folder) as rt:
        took = (time.perf_counter() - begun) * 1e3
        assert rt.resumed == 1000, rt.resumed
    begun = time.perf_counter()
    with runtime(folder):
        clean = (time.perf_counter() - begun) * 1e3
    label = f"start after a kill: {count * EACH / 1e6:.1f} M events, 1,000 unfinished"
    return [(label, f"{took:.0f} ms", "<= 500 ms", took <= 500), ("start after a stop", f"{clean:.0f} ms", None, None)]


def killed(folder: Path, count: int) -> None:
    """Fill a file, leave a thousand executions running, and die."""
    rt = runtime(folder)
    filled(rt, count)

    async def begin() -> None:
        stored = await rt.workflows.create(me(), chain("nothing", "held", "nothing"))
        runs = await asyncio.gather(*(rt.executions.start(me(), stored.id) for _ in range(1000)))
        await asyncio.gather(*(run.on_disk() for run in runs))

    rt.portal.wait(begin())
    os.kill(os.getpid(), 9)


# -- memory, lateness ------------------------------------------------------------------------------------------


def memory(folder: Path, *, quick: bool) -> Found:
    """What an execution of five steps takes while it waits in its fourth: traced, and of the process."""
    count = 500

    async def live(rt: Any, kind: str) -> None:
        stored = await rt.workflows.create(me(), chain("nothing", "nothing", kind))
        runs = await asyncio.gather(*(rt.executions.start(me(), stored.id) for _ in range(count)))
        await asyncio.gather(*(run.on_disk() for run in runs))

    found: Found = []
    with runtime(folder) as rt:
        rt.portal.wait(live(rt, "held"))  # warm
        for kind, what in (("human", "waiting for a human"), ("held", "running")):
            gc.collect()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            rt.portal.wait(live(rt, kind))
            gc.collect()
            each = (tracemalloc.get_traced_memory()[0] - before) / count
            tracemalloc.stop()
            found.append((f"memory of a live execution of 5 steps, {what}", f"{each:,.0f} B", "<= 3 kB", each <= 3000))
    return found


def lateness(folder: Path, *, quick: bool) -> Found:
    """How late the runtime's loop is with 100 executions at once and a report being made beside it."""
    seconds = 2.0 if quick else 8.0
    report = "SELECT step, node_type, count(*), sum(credits), max(finished_at) FROM steps GROUP BY ALL"
    found: Found = []
    with runtime(folder) as rt:
        filled(rt, 100_000 if quick else 400_000)

        async def under(load: bool) -> list[float]:
            stored = await rt.workflows.create(me(), chain("nothing", "nothing", "nothing"))
            until = time.perf_counter() + seconds
            late: list[float] = []

            async def runs() -> None:
                while load and time.perf_counter() < until:
                    run = await rt.executions.start(me(), stored.id)
                    await run.wait()

            async def reports() -> None:
                while load and time.perf_counter() < until:
                    await rt.database.read(lambda c: c.execute(report).fetchall())

            async def timer() -> None:
                while time.perf_counter() < until:
                    begun = time.perf_counter()
                    await asyncio.sleep(0.001)
                    late.append((time.perf_counter() - begun - 0.001) * 1e3)

            await asyncio.gather(timer(), reports(), *(runs() for _ in range(100)))
            return sorted(late)

        for load, label in ((False, "idle"), (True, "100 at once and a report")):
            late = rt.portal.wait(under(load))
            p99 = late[int(len(late) * 0.99)]
            value = f"p99 {p99:.1f} ms, max {late[-1]:.0f}"
            found.append((f"lateness of the loop, {label}", value, "p99 <= 5 ms" if load else None, p99 <= 5))
    return found


# -- listeners -------------------------------------------------------------------------------------------------


def listeners(folder: Path, *, quick: bool) -> Found:
    """A thousand pieces of text to fifty readers of a real server, one of whom does not read."""
    go = folder / "go"

    def clients(port: int, workflow_id: str, headers: dict[str, str]) -> list[str]:
        return ["readers", json.dumps([port, workflow_id, headers, str(go), os.getpid()])]

    out = with_server(folder, chain("talker", go=str(go)), clients)
    each = out["cpu"] / (READERS * PIECES) * 1e6
    whole = out["complete"] == READERS
    return [
        (f"{PIECES:,} pieces to {READERS} readers: CPU of the server for each", f"{each:.1f} us", "<= 2 us", each <= 2),
        ("readers that got all in order beside one who stalls", f"{out['complete']} of {READERS}", "all", whole),
        ("the last reader done after the last piece", f"{out['behind'] * 1e3:.0f} ms", None, None),
    ]  # fmt: skip


async def readers(port: int, workflow_id: str, headers: dict[str, str], go: str, pid: int) -> dict[str, Any]:
    """Follow one execution many times over."""
    body = json.dumps({"canvasId": workflow_id, "triggerNodeId": "start"}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw("POST", "/api/run", headers | {"Content-Type": "application/json"}, body))
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    execution = json.loads(await reader.readexactly(length))["executionId"]
    path = f"/api/builder/executions/{execution}/events"
    wanted = raw("GET", path, headers | {"Accept": "text/event-stream", "Connection": "close"})
    slow = await asyncio.open_connection("127.0.0.1", port, limit=1)
    slow[1].write(wanted)

    def cpu() -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def follow() -> tuple[bool, float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        writer.write(wanted)
        pieces, ended = [], 0.0
        while line := await reader.readline():
            if line.startswith(b"data: "):
                pieces += [event["text"] for event in json.loads(line[6:]) if event["kind"] == "token"]
                ended = time.perf_counter()
        return pieces == [f"piece {number:04} " for number in range(PIECES)], ended

    following = [asyncio.create_task(follow()) for _ in range(READERS)]
    await asyncio.sleep(2)
    before, begun = cpu(), time.perf_counter()
    Path(go).touch()  # noqa: ASYNC240
    done = await asyncio.gather(*following)
    used = cpu() - before
    ends = sorted(ended for _, ended in done)
    return {"cpu": used, "complete": sum(ok for ok, _ in done), "behind": ends[-1] - ends[0], "took": ends[-1] - begun}


ROWS: dict[str, Callable[..., Found]] = {
    "http": http,
    "million": million,
    "startup": startup,
    "memory": memory,
    "lateness": lateness,
    "listeners": listeners,
}


def main() -> None:
    """Be the process of a row, or a client of one."""
    what, *rest = sys.argv[1:]
    if what == "killed":
        killed(Path(rest[0]), int(rest[1]))
    elif what == "client":
        print(json.dumps(asyncio.run(client(*json.loads(rest[0])))))
    elif what == "readers":
        print(json.dumps(asyncio.run(readers(*json.loads(rest[0])))))
    else:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        print(json.dumps(ROWS[what](Path(rest[0]), quick=rest[1] == "quick")))


if __name__ == "__main__":
    main()
