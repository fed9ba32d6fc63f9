"""A bare runtime under load in a process that tells, line by line, what it promised to whom. See rig.py."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import resource
import secrets
import sys
import threading
from pathlib import Path
from typing import Any

from crash.load import ME, flows, runtime

from builder_jupyter.errors import BuilderError
from builder_jupyter.execution.events import Delta, StatusChanged
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.services.runtime import Runtime

REST = {status for status in ExecutionStatus if status.is_terminal or status is ExecutionStatus.WAITING}
TELLING = threading.Lock()  # what was left is gone on with in the runtime's thread while this one says "open"


def tell(*words: Any) -> None:
    """Tell the parent something that is now promised; it counts once the whole line is out."""
    with TELLING:
        print(json.dumps(words), flush=True)


async def follow(rt: Runtime, execution_id: str) -> None:
    """Listen until the execution is over or waits, and tell of each event that was published."""
    run = await rt.executions.find(ME, execution_id)
    async for batch in run.follow():
        for recorded in batch:
            event = recorded.event
            if isinstance(event, Delta):
                tell("piece", execution_id, recorded.seq)
            else:
                tell("event", execution_id, recorded.seq, event.kind, event.body())
        last = batch[-1].event
        if isinstance(last, StatusChanged) and last.status is ExecutionStatus.WAITING:
            return
    tell("over", execution_id, str(run.status))


async def caller(rt: Runtime, ids: dict[str, str], chance: random.Random, limit: int | None) -> None:
    """Start one execution after the other and follow each; cancel some."""
    for _ in range(limit) if limit else itertools.count():
        name = chance.choice(list(ids))
        token = secrets.token_hex(chance.randrange(4, 8)) + "x" * chance.randrange(2)
        try:
            run = await rt.executions.start(ME, ids[name], inputs={"message": name, "token": token})
            tell("admitted", run.execution_id, token)
            if chance.random() < 0.1:
                await asyncio.sleep(chance.random() * 0.03)
                picture = await rt.executions.cancel(ME, run.execution_id)
                tell("over", run.execution_id, picture["status"])
            else:
                await follow(rt, run.execution_id)
        except BuilderError as error:
            tell("refused", error.code, str(error))
            return


async def load(rt: Runtime, chance: random.Random, callers: int, limit: int | None) -> None:
    left = await rt.executions.list(ME, limit=100_000)
    ids = await flows(rt)
    async with asyncio.TaskGroup() as group:
        for row in left:
            if row["status"] not in REST:
                group.create_task(follow(rt, row["executionId"]))
        for _ in range(callers):
            group.create_task(caller(rt, ids, chance, limit))


def main(place: str, seed: str, callers: str, limit: str, room: str) -> None:
    """Work in the directory ``place``. ``limit``: executions of each caller, 0 for no end; ``room``: bytes that files
    may grow to, counted from the size of the database when it is open, 0 for as many as they like.
    """
    if not sys.stdin.readline():  # the imports are done; the parent says when to begin, unless it is gone
        return
    tell("opening")
    rt = runtime(Path(place), lambda token, step: tell("touched", token, step))
    tell("open", rt.resumed)
    if int(room):
        # The next byte beyond is refused by the kernel as a full disk would refuse it: Python ignores the signal.
        size = max(path.stat().st_size for path in Path(place).iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + int(room), resource.RLIM_INFINITY))
    rt.portal.wait(load(rt, random.Random(seed), int(callers), int(limit) or None))
    tell("stopping", rt.failure)
    rt.stop()
    tell("stopped")


main(*sys.argv[1:])
