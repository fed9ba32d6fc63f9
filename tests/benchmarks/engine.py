"""How fast the engine is, beside the engines users would pick instead. Run by hand; prints one table.

``python tests/benchmarks/engine.py [--quick] [--rows engine,http,million,startup,memory,lateness,listeners] [--dir D]``

Needs ``pip install langgraph langgraph-checkpoint-sqlite dbos`` beside the test extra. Every engine has a process of
its own; they take turns, several rounds, and the table has the medians. Only ratios within one run mean anything on a
shared machine. All engines write to a real file, fsync on, except where the store is off.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import service_rows
from contestants import CONTESTANTS, GRAPHS

PEER, LIMIT = "langgraph", "taskgroup"
TITLES = {
    "chain": "chain of 100",
    "fan": "fan-out 1-100-1",
    "five": "5 steps, one at a time",
    "five-at-once": "5 steps, 100 at once",
}
NAMES = {
    "taskgroup": "asyncio.TaskGroup (limit)",
    "langgraph": "LangGraph + AsyncSqliteSaver, sync",
    "dbos": "DBOS on SQLite",
    "strict": "ours, strict",
    "pipelined": "ours, pipelined",
    "strict-off": "ours, store off, a task for each step",
    "pipelined-off": "ours, store off",
}
# (engine, graph) -> how many times LangGraph's rate it must reach at least
AT_LEAST = {
    ("pipelined", "five-at-once"): 80, ("strict", "five-at-once"): 40,
    ("pipelined", "five"): 5, ("strict", "five"): 1.2,
    ("pipelined", "chain"): 60, ("pipelined", "fan"): 25,
}  # fmt: skip
# (engine, graph) -> how many times slower than the limit it may be at most
AT_MOST = {("pipelined-off", graph): 3.0 for graph in GRAPHS}


class Child:
    """A contestant in its process."""

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        script = Path(__file__).with_name("contestants.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), name, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer("ready")

    def _answer(self, wanted: str = "") -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(wanted) and (wanted or line[0].isdigit()):
                return line
        raise RuntimeError(f"a contestant ended with {self._process.wait()}")

    def measure(self, graph: str, seconds: float) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{graph} {seconds}\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def engines(folder: Path, *, rounds: int, seconds: float) -> dict[tuple[str, str], list[float]]:
    """Return the seconds of a run by engine and graph, one number a round."""
    children = {name: Child(name, folder / name) for name in CONTESTANTS}
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for graph in GRAPHS:
            for name, child in children.items():
                found.setdefault((name, graph), []).append(child.measure(graph, seconds))
    for child in children.values():
        child.close()
    return found


def verdict(*, met: bool) -> str:
    return "met" if met else "MISSED"


def engine_table(found: dict[tuple[str, str], list[float]]) -> None:
    """Print runs and ratios; ratios are the medians of each round's."""
    print(f"{'engine':39} {'graph':23} {'runs/s':>9} {'ms/run':>9} {'x LangGraph':>11} {'x slower':>9}  target")
    print(f"{'':39} {'':23} {'':>9} {'':>9} {'':>11} {'than limit':>9}")
    for graph, title in TITLES.items():
        for name, label in NAMES.items():
            took = found[name, graph]
            ratio = statistics.median(p / o for p, o in zip(found[PEER, graph], took, strict=True))
            slower = statistics.median(o / p for p, o in zip(found[LIMIT, graph], took, strict=True))
            target = ""
            if (least := AT_LEAST.get((name, graph))) is not None:
                target = f">= {least:g} x LangGraph: {verdict(met=ratio >= least)}"
            if (most := AT_MOST.get((name, graph))) is not None:
                target = f"<= {most:g} x limit: {verdict(met=slower <= most)}"
            middle = statistics.median(took)
            print(f"{label:39} {title:23} {1 / middle:9.0f} {middle * 1e3:9.3f} {ratio:11.2f} {slower:9.2f}  {target}")
        print()


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--quick", action="store_true", help="fewer rounds, less data")
    options.add_argument("--rows", default=",".join(("engine", *service_rows.ROWS)))
    options.add_argument("--dir", type=Path, help="where the databases lie; default: a temporary directory")
    chosen = options.parse_args()
    rows = chosen.rows.split(",")
    with tempfile.TemporaryDirectory(dir=chosen.dir) as folder:
        if "engine" in rows:
            rounds, seconds = (3, 0.2) if chosen.quick else (7, 0.5)
            engine_table(engines(Path(folder), rounds=rounds, seconds=seconds))
        wanted = [row for row in rows if row in service_rows.ROWS]
        if wanted:
            print(f"{'row':62} {'value':>34}  target")
        for row in wanted:
            for label, value, target, met in service_rows.measure(row, Path(folder) / row, quick=chosen.quick):
                text = "" if target is None else f"{target}: {verdict(met=bool(met))}"
                print(f"{label:62} {value:>34}  {text}", flush=True)


if __name__ == "__main__":
    main()
