"""Requests that are sent again: later, after a restart, after the caller has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import Conflict
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.idempotency import Begun, fingerprint
from builder_jupyter.services.runtime import Runtime, Settings

ME = local_principal("alice")
HELLO = Workflow.from_dict(
    {
        "name": "hello",
        "nodes": [{"id": "start", "type": "start"}, {"id": "end", "type": "end"}],
        "edges": [{"source": "start", "target": "end"}],
    }
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_runtime(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[[], Runtime]]:
    """Open the database, after closing the runtime of before."""
    opened: list[Runtime] = []

    def open_() -> Runtime:
        close()
        opened.append(Runtime(Settings(tmp_path), clock=clock, models=ScriptedModels(ScriptedModel("x"))))
        return opened[-1]

    def close() -> None:
        while opened:
            opened.pop().stop()

    yield open_
    close()


def save(runtime: Runtime) -> str:
    return runtime.portal.wait(runtime.workflows.create(ME, HELLO)).id


def start(runtime: Runtime, workflow_id: str, **request: Any) -> Begun:
    about = {"canvasId": workflow_id, **request.pop("about", {})}
    return runtime.portal.wait(runtime.admissions.start(ME, workflow_id, about=about, **request))


def test_how_long_keys_are_remembered(open_runtime: Callable[[], Runtime], clock: ManualClock) -> None:
    runtime = open_runtime()
    workflow = save(runtime)
    keyed, derived = start(runtime, workflow, key="k"), start(runtime, workflow, derive=True)
    assert keyed.execution_id != derived.execution_id
    clock.advance(299)
    assert start(runtime, workflow, derive=True) == Begun(derived.execution_id, is_replay=True)
    clock.advance(1)
    assert not start(runtime, workflow, derive=True).is_replay
    clock.advance(24 * 3600 - 301)
    assert start(runtime, workflow, key="k") == Begun(keyed.execution_id, is_replay=True)
    clock.advance(1)
    assert not start(runtime, workflow, key="k").is_replay
    assert len(runtime.admissions._claims) == 1, "what has lapsed is forgotten"


def test_a_restart_forgets_nothing(open_runtime: Callable[[], Runtime], clock: ManualClock) -> None:
    runtime = open_runtime()
    workflow = save(runtime)
    keyed = start(runtime, workflow, key="k")
    derived = start(runtime, workflow, derive=True)
    named = start(runtime, workflow, execution_id="my-own-id", trigger=TriggerType.MANUAL)
    clock.advance(200)
    runtime = open_runtime()
    assert start(runtime, workflow, key="k") == Begun(keyed.execution_id, is_replay=True)
    assert start(runtime, workflow, derive=True) == Begun(derived.execution_id, is_replay=True)
    assert start(runtime, workflow, execution_id="my-own-id", trigger=TriggerType.MANUAL) == Begun(
        named.execution_id, is_replay=True
    )
    with pytest.raises(Conflict) as taken:
        start(runtime, workflow, key="k", about={"inputs": {"a": 1}})
    assert taken.value.code == "IDEMPOTENCY_CONFLICT"
    clock.advance(100)
    assert not start(runtime, workflow, derive=True).is_replay
    clock.advance(24 * 3600)
    runtime = open_runtime()
    assert runtime.admissions._claims == {}
    assert not start(runtime, workflow, key="k").is_replay


@pytest.mark.parametrize("trigger", TriggerType)
def test_every_trigger_is_recorded(trigger: TriggerType, open_runtime: Callable[[], Runtime]) -> None:
    runtime = open_runtime()
    begun = start(runtime, save(runtime), trigger=trigger)
    picture = runtime.portal.wait(runtime.executions.snapshot(ME, begun.execution_id))
    assert picture["triggerType"] == str(trigger)


def test_a_caller_that_goes_away_leaves_its_key_behind(open_runtime: Callable[[], Runtime]) -> None:
    runtime = open_runtime()
    workflow = save(runtime)

    async def impatient() -> None:
        work = asyncio.ensure_future(runtime.admissions.start(ME, workflow, about={}, key="k"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    runtime.portal.wait(impatient())
    again = runtime.portal.wait(runtime.admissions.start(ME, workflow, about={}, key="k"))
    assert again.is_replay
    assert len(runtime.portal.wait(runtime.executions.list(ME))) == 1


def test_fingerprints() -> None:
    assert fingerprint({"a": 1, "b": {"c": "ä", "d": [1]}}) == fingerprint({"b": {"d": [1], "c": "ä"}, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
