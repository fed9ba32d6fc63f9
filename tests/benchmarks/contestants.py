"""The engines that `engine.py` compares, each behind the same small interface, each in a process of its own.

``python contestants.py NAME FOLDER`` reads a line ``GRAPH SECONDS`` at a time and prints the seconds that one run of
the graph took, on average over about that many seconds. Every step leaves the value 1 behind and does nothing else.
"""

from __future__ import annotations

import asyncio
import gc
import operator
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypedDict

CHAIN = 100
WIDTH = 100
STEPS = 5
AT_ONCE = 100

# name -> (steps, edges, runs at once)
GRAPHS: dict[str, tuple[list[str], list[tuple[str, str]], int]] = {}


def _graphs() -> None:
    for name, size, at_once in (("chain", CHAIN, 1), ("five", STEPS, 1), ("five-at-once", STEPS, AT_ONCE)):
        steps = [f"s{i}" for i in range(size)]
        GRAPHS[name] = (steps, list(pairwise(steps)), at_once)
    middle = [f"m{i}" for i in range(WIDTH)]
    GRAPHS["fan"] = (["in", *middle, "out"], [*(("in", m) for m in middle), *((m, "out") for m in middle)], 1)


_graphs()

Once = Callable[[], Awaitable[Any]]


def _layers(graph: str) -> list[list[str]]:
    """Return the steps of a graph in groups that may run side by side."""
    steps, _, _ = GRAPHS[graph]
    return [["in"], steps[1:-1], ["out"]] if graph == "fan" else [[step] for step in steps]


class TaskGroups:
    """The limit: one group of tasks after another, no state, nothing kept."""

    async def open(self, folder: Path, stack: AsyncExitStack) -> None:
        """Nothing to open."""

    def once(self, graph: str) -> Once:
        layers = _layers(graph)

        async def step() -> int:
            return 1

        async def run() -> None:
            for layer in layers:
                async with asyncio.TaskGroup() as group:
                    for _ in layer:
                        group.create_task(step())

        return run


class LangGraph:
    """LangGraph with its SQLite saver, durable at every step."""

    async def open(self, folder: Path, stack: AsyncExitStack) -> None:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        saver = AsyncSqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite"))
        self._saver = await stack.enter_async_context(saver)
        self._threads = 0

    def once(self, graph: str) -> Once:
        from langgraph.graph import END, START, StateGraph

        class State(TypedDict):
            n: Annotated[int, operator.add]

        async def step(_state: State) -> dict[str, int]:
            return {"n": 1}

        steps, edges, _ = GRAPHS[graph]
        builder = StateGraph(State)
        for name in steps:
            builder.add_node(name, step)
        builder.add_edge(START, steps[0])
        builder.add_edge(steps[-1], END)
        if graph == "fan":
            for name in steps[1:-1]:
                builder.add_edge("in", name)
            builder.add_edge(steps[1:-1], "out")
        else:
            for source, target in edges:
                builder.add_edge(source, target)
        app = builder.compile(checkpointer=self._saver)

        async def run() -> None:
            self._threads += 1
            config: Any = {"configurable": {"thread_id": f"{graph}-{self._threads}"}, "recursion_limit": 1000}
            done = await app.ainvoke({"n": 0}, config, durability="sync")
            assert done["n"] == len(steps)

        return run


class Dbos:
    """DBOS with its system database in SQLite."""

    async def open(self, folder: Path, stack: AsyncExitStack) -> None:
        from dbos import DBOS

        url = f"sqlite:///{folder}/dbos.sqlite"
        DBOS(config={"name": "bench", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"})

        @DBOS.step()
        async def step() -> int:
            return 1

        async def body(graph: str) -> int:
            count = 0
            for layer in _layers(graph):
                count += sum(await asyncio.gather(*(step() for _ in layer)))
            return count

        self._workflow = DBOS.workflow(name="bench")(body)
        DBOS.launch()
        stack.callback(DBOS.destroy)

    def once(self, graph: str) -> Once:
        async def run() -> None:
            assert await self._workflow(graph) == len(GRAPHS[graph][0])

        return run


class Ours:
    """Our engine: from admission to the completion on disk (or in memory, with the store off)."""

    def __init__(self, *, strict: bool, store: bool) -> None:
        self._strict = strict
        self._store = store

    async def open(self, folder: Path, stack: AsyncExitStack) -> None:
        from builder_jupyter.clock import SystemClock
        from builder_jupyter.execution.attempts import World
        from builder_jupyter.execution.engine import Engine
        from builder_jupyter.nodes.base import Effect, NodeType, StepContext, StepResult
        from builder_jupyter.nodes.registry import Registry
        from builder_jupyter.storage.database import Database
        from builder_jupyter.storage.journal import DuckDBJournal
        from builder_jupyter.storage.memory import MemoryJournal

        class Pure(NodeType):
            type = "pure"
            profiles = frozenset({_profile()})
            title = description = "leaves 1"

            def decide(self, context: StepContext) -> StepResult:
                return StepResult(result=1)

        class Barrier(Pure):
            type = "barrier"
            effect = Effect.WORLD

            async def run(self, context: StepContext) -> StepResult:
                return StepResult(result=1)

        journal: Any = MemoryJournal()
        if self._store:
            journal = DuckDBJournal(stack.enter_context(Database(folder)))
            await journal.open()
        self._journal = journal
        world: Any = World(Registry((Pure, Barrier)), None, None)  # type: ignore[arg-type]
        self._engine = Engine(journal, world, SystemClock(), on_over=self._forget)

    def _forget(self, run: Any) -> None:
        self._engine.runs.pop(run.execution_id, None)
        if not self._store:
            self._journal.entries.pop(run.execution_id, None)

    def once(self, graph: str) -> Once:
        from builder_jupyter.execution.status import ExecutionStatus, TriggerType

        plan = plan_of(graph, "barrier" if self._strict else "pure")

        async def run() -> None:
            run = await self._engine.admit(
                plan, workspace="default", principal="me", trigger=TriggerType.API, inputs={}
            )
            await run.wait()
            assert run.status is ExecutionStatus.COMPLETED, run.state.error

        return run


def _profile() -> Any:
    from builder_jupyter.graph.model import Profile

    return Profile.BUILDER


def plan_of(graph: str, node_type: str) -> Any:
    """Return a graph as a plan whose steps are all of one type."""
    from builder_jupyter.graph.model import EMPTY
    from builder_jupyter.money import ZERO
    from builder_jupyter.planning.plan import Mode, Plan, PlannedEdge, PlannedStep

    steps, edges, _ = GRAPHS[graph]
    wave = {name: number for number, layer in enumerate(_layers(graph)) for name in layer}
    return Plan(
        "wf_bench", 1, "bench", _profile(), Mode.TRIGGER, steps[0],
        tuple(PlannedStep(name, node_type, EMPTY, wave[name], ZERO, 10.0) for name in steps),
        tuple(PlannedEdge(source, target) for source, target in edges),
    )  # fmt: skip


CONTESTANTS: dict[str, Callable[[], Any]] = {
    "taskgroup": TaskGroups,
    "langgraph": LangGraph,
    "dbos": Dbos,
    "strict": lambda: Ours(strict=True, store=True),
    "pipelined": lambda: Ours(strict=False, store=True),
    "strict-off": lambda: Ours(strict=True, store=False),
    "pipelined-off": lambda: Ours(strict=False, store=False),
}


async def measure(once: Once, at_once: int, seconds: float) -> float:
    """Return the seconds a run takes: all of them divided by the runs made in them."""
    gc.collect()
    begun, runs = time.perf_counter(), 0
    while True:
        if at_once == 1:
            await once()
        else:
            await asyncio.gather(*(once() for _ in range(at_once)))
        runs += at_once
        spent = time.perf_counter() - begun
        if spent >= seconds:
            return spent / runs


async def serve(name: str, folder: Path) -> None:
    """Answer the lines of standard input."""
    contestant = CONTESTANTS[name]()
    async with AsyncExitStack() as stack:
        await contestant.open(folder, stack)
        cases = {graph: contestant.once(graph) for graph in GRAPHS}
        for once in cases.values():
            await once()  # warm
        gc.freeze()  # as our server does at its start: what is loaded by now stays
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            graph, seconds = line.split()
            print(await measure(cases[graph], GRAPHS[graph][2], float(seconds)), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
