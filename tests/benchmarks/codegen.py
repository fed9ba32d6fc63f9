"""How long validating and generating a large graph takes. Run by hand; prints one table.

``python tests/benchmarks/codegen.py [--nodes 5000] [--rounds 5]``

The peer is the least that any generator in Python could do with the same graph: write it as JSON, parse a module of as
many functions, and print it with `ast.unparse`. Only ratios within one run mean anything on a shared machine.
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from builder_jupyter.codegen.generate import generate
from builder_jupyter.graph.model import Workflow
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.validation import validate

TARGETS = {"validate": 0.2, "generate": 2.0}


def chain(size: int) -> Workflow:
    """One agent after the other."""
    return _workflow(size, lambda n: [(f"n{n}", f"n{n + 1}", None)])


def fans(size: int) -> Workflow:
    """Forks of two and their joins, one after the other."""

    def edges(n: int) -> list[tuple[str, str, str | None]]:
        place = n % 4
        ways = {0: [1, 2], 1: [2], 2: [1]}.get(place, [1])
        return [(f"n{n}", f"n{n + way}", None) for way in ways]

    return _workflow(size - size % 4, edges)


def routed(size: int) -> Workflow:
    """Routers between agents, each with a way back and a way on."""

    def edges(n: int) -> list[tuple[str, str, str | None]]:
        if n % 2:
            return [(f"n{n}", f"n{n + 1}", None)]
        return [(f"n{n}", f"n{n + 1}", None), *([(f"n{n}", f"n{n - 1}", "again")] if n else [])]

    return _workflow(size, edges, router=lambda n: n % 2 == 0)


def _workflow(
    size: int,
    edges: Callable[[int], list[tuple[str, str, str | None]]],
    router: Callable[[int], bool] = lambda _n: False,
) -> Workflow:
    count = size - 2
    nodes: list[dict[str, Any]] = [{"id": "start", "type": "start"}]
    drawn: list[tuple[str, str, str | None]] = [("start", "n0", None)]
    for n in range(count):
        data: dict[str, Any] = {"prompt": f"You are agent {n}.", "temperature": 0.5}
        if router(n):
            data = {"conditions": [{"label": "again", "pattern": "once more"}]}
        nodes.append({"id": f"n{n}", "type": "router" if router(n) else "agent", "data": data})
        drawn += edges(n)
    nodes.append({"id": "end", "type": "end"})
    known = {node["id"] for node in nodes}
    last = {"source": f"n{count - 1}", "target": "end"}
    wires = [
        {"source": s, "target": t} | ({"label": label} if label else {}) for s, t, label in drawn if {s, t} <= known
    ]
    return Workflow.from_dict({"name": "big", "nodes": nodes, "edges": [*wires, last]})


def peer(workflow: Workflow) -> None:
    """Do the least: JSON out, a module of as many functions parsed and printed."""
    json.dumps(workflow.to_dict())
    ast.unparse(
        ast.parse("\n".join(f"def n{n}(state):\n    return ask(state, {n})" for n in range(len(workflow.nodes))))
    )


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--nodes", type=int, default=5000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    registry = default_registry()
    print(f"{'graph':22} {'what':10} {'seconds':>9} {'x peer':>8}  target")
    for name, make in {"chain": chain, "forks and joins": fans, "routers and loops": routed}.items():
        workflow = make(chosen.nodes)
        work: dict[str, Callable[[], object]] = {
            "validate": lambda w=workflow: validate(w, registry=registry),
            "generate": lambda w=workflow: generate(w),
        }
        took: dict[str, list[float]] = {what: [] for what in ("peer", *work)}
        for _ in range(chosen.rounds):
            took["peer"].append(seconds(lambda w=workflow: peer(w)))
            for what, do in work.items():
                took[what].append(seconds(do))
        for what, target in TARGETS.items():
            middle = statistics.median(took[what])
            ratio = statistics.median(a / b for a, b in zip(took[what], took["peer"], strict=True))
            met = "met" if middle <= target else "MISSED"
            print(f"{name:22} {what:10} {middle:9.3f} {ratio:8.2f}  <= {target:g} s: {met}")


if __name__ == "__main__":
    main()
