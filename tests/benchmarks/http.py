"""How many requests a second the server answers, and how slow the slowest hundredth is.

``python tests/benchmarks/http.py`` asks a real Jupyter server and a bare Tornado handler, both in one process and the
same run, over connections that stay open. ``--quick`` for a look. Nothing is asserted: the numbers are the machine's.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# The standard library's package of the same name comes first, for whoever imports it later.
sys.path = [place for place in sys.path if Path(place or ".").resolve() != HERE]
import http.client  # noqa: E402, F401

sys.path.append(str(HERE))

CONNECTIONS = 50
Numbers = dict[str, tuple[float, float, float]]


async def measure(
    cases: dict[str, tuple[int, str]], seconds: float, rounds: int
) -> dict[str, tuple[float, float, float]]:
    """Return requests a second, median and 99th percentile in ms of each case; the cases take turns."""
    from service_rows import KEY, request

    numbers = count()
    rates: dict[str, list[float]] = {name: [] for name in cases}
    times: dict[str, list[float]] = {name: [] for name in cases}
    ports = {port for port, _ in cases.values()}
    opened = {port: [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)] for port in ports}
    for number in range(rounds + 1):
        for name, (port, head) in cases.items():
            taken: list[float] = []
            begun = time.perf_counter()
            until = begun + (seconds if number else 0.5)

            async def ask(place: int, port: int = port, head: str = head, until: float = until,
                          taken: list[float] = taken) -> None:  # fmt: skip
                while (now := time.perf_counter()) < until:
                    await request(*opened[port][place], head.encode().replace(KEY, f"{next(numbers):012}".encode()))
                    taken.append(time.perf_counter() - now)

            await asyncio.gather(*map(ask, range(CONNECTIONS)))
            if number:
                rates[name].append(len(taken) / (time.perf_counter() - begun))
                times[name] += taken
    cuts = {name: statistics.quantiles(taken, n=100) for name, taken in times.items()}
    return {name: (statistics.median(rates[name]), cuts[name][49] * 1000, cuts[name][98] * 1000) for name in cases}


def serve(folder: Path, *, quick: bool) -> Numbers:
    """Serve both from this process while another asks; return what that found."""
    from service_rows import KEY, chain, me, raw, server
    from tornado import web
    from tornado.httpserver import HTTPServer
    from tornado.ioloop import IOLoop
    from tornado.testing import bind_unused_port

    class Bare(web.RequestHandler):
        def get(self) -> None:
            self.finish('{"ok": true}')

    app, port, workflow, headers = server(folder, chain("nothing"))
    socket, bare = bind_unused_port()
    HTTPServer(web.Application([("/bare", Bare)])).add_socket(socket)
    runtime = app.extension_manager.extension_points["builder_jupyter"].app.require_runtime()
    run = runtime.portal.wait(runtime.executions.start(me(), workflow))
    runtime.portal.wait(run.wait())
    body = json.dumps({"canvasId": workflow, "triggerNodeId": "start", "sync": True}).encode()
    of_its_own = headers | {"Content-Type": "application/json", "Idempotency-Key": KEY.decode()}
    cases = {
        "bare Tornado handler": (bare, raw("GET", "/bare", {})),
        "Jupyter's own APIHandler, token": (port, raw("GET", "/trivial", {"Authorization": "token bench"})),
        "GET /api/builder/health": (port, raw("GET", "/api/builder/health", {})),
        "GET /api/verify-key": (port, raw("GET", "/api/verify-key", headers)),
        "GET /api/executions, an old run": (
            port,
            raw("GET", f"/api/executions?executionId={run.execution_id}", headers),
        ),
        "POST /api/run, sync, no-op": (port, raw("POST", "/api/run", of_its_own, body)),
    }
    told = json.dumps([{name: (at, head.decode()) for name, (at, head) in cases.items()}, 0.5 if quick else 2.0,
                       2 if quick else 5])  # fmt: skip
    found: dict[str, Any] = {}

    async def drive() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "client", told, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        found.update(json.loads(out.splitlines()[-1]))
        app.stop()

    IOLoop.current().add_callback(drive)
    app.start()
    return found


def main() -> None:
    if sys.argv[1:2] == ["client"]:
        print(json.dumps(asyncio.run(measure(*json.loads(sys.argv[2])))))
        return
    with tempfile.TemporaryDirectory() as folder:
        found = serve(Path(folder), quick="--quick" in sys.argv)
    bare = found["bare Tornado handler"][0]
    trivial = found["Jupyter's own APIHandler, token"][0]
    print(f"\n{CONNECTIONS} connections                  requests/s   p50 ms   p99 ms   of bare   of Jupyter's own")
    for name, (rate, median, slowest) in found.items():
        print(f"{name:32} {rate:11.0f} {median:8.1f} {slowest:8.1f} {rate / bare:8.0%} {rate / trivial:11.0%}")


if __name__ == "__main__":
    main()
