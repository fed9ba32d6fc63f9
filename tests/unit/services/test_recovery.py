"""What a runtime does with what an earlier one left: it goes on, loses nothing, and repeats no number."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from engine_kit import check_history, registry_of, workflow_of

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import NotFound, StepError, Unavailable
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.identity.principal import Principal, local_principal
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.storage.database import Database

ME = local_principal("alice")
MAP = {"items": ["x", "y"]}


def runtime(place, behaviours=None):
    models = ScriptedModels(ScriptedModel(lambda request: f"answer to {request.messages[-1].content}"))
    return Runtime(Settings(data_dir=place), models=models, registry=registry_of(behaviours))


def gate():
    """A behaviour that never ends, and the event that says it was begun."""
    entered = threading.Event()

    async def behaviour(_context):
        entered.set()
        await asyncio.Event().wait()

    return behaviour, entered


def start(rt, text, principal=ME, inputs=None):
    # `do` is a node type of the tests alone, which validation does not mind in a draft.
    stored = rt.portal.wait(rt.workflows.create(principal, workflow_of(text), draft=True))
    return rt.portal.wait(rt.executions.start(principal, stored.id, inputs=inputs or {"message": "hi"})).execution_id


def finish(rt, execution_id):
    picture = rt.portal.wait(rt.executions.wait(ME, execution_id, seconds=30))
    assert picture["status"] == "completed", picture
    return picture


def projections(place, table="executions"):
    with Database(place) as database:
        return sorted(asyncio.run(database.read(lambda c: c.execute(f"SELECT execution_id FROM {table}").fetchall())))


def until_waiting(rt, execution_id):
    for batch in rt.portal.iterate(rt.executions.events(ME, execution_id)):
        if any(event["kind"] == "status" and event["status"] == "waiting" for event in batch):
            return
    raise AssertionError("it never waited")


def test_an_unfinished_execution_is_resumed_and_completes(tmp_path):
    behaviour, entered = gate()
    with runtime(tmp_path, {"b": behaviour}) as rt:
        execution_id = start(rt, "start>agent>b>c>end")
        assert entered.wait(30)
        seen = rt.portal.wait(rt.executions.history(ME, execution_id))
    with runtime(tmp_path) as rt:
        assert rt.resumed == 1
        picture = finish(rt, execution_id)
        attempts = {step["stepId"]: step["attempt"] for step in picture["steps"]}
        assert attempts == {"start": 1, "agent": 1, "b": 2, "c": 1, "end": 1}
        after = rt.portal.wait(rt.executions.history(ME, execution_id, after=seen[-1]["seq"]))
        assert after[0]["seq"] >= 1 << 20
        whole = rt.portal.wait(rt.executions.find(ME, execution_id))
        check_history(whole.published(), whole.state.plan)
        durable = [event for event in seen if event["kind"] != "token"]
        assert rt.portal.wait(rt.executions.history(ME, execution_id))[: len(durable)] == durable
    with runtime(tmp_path) as rt:
        assert rt.resumed == 0
        assert finish(rt, execution_id) == picture


def test_two_interruptions_and_numbers_still_rise(tmp_path):
    numbers, execution_id = [], ""
    for _ in range(3):
        behaviour, entered = gate()
        with runtime(tmp_path, {"a": behaviour}) as rt:
            execution_id = execution_id or start(rt, "start>a>end")
            assert entered.wait(30)
            numbers = [event["seq"] for event in rt.portal.wait(rt.executions.history(ME, execution_id))]
            assert numbers == sorted(set(numbers))
    with runtime(tmp_path) as rt:
        assert {step["stepId"]: step["attempt"] for step in finish(rt, execution_id)["steps"]}["a"] == 4


def test_an_execution_that_waits_for_somebody_still_does(tmp_path):
    with runtime(tmp_path) as rt:
        execution_id = start(rt, "start>human>end start>a>end")
        until_waiting(rt, execution_id)
        before = rt.portal.wait(rt.executions.snapshot(ME, execution_id))
        assert before["waitingOn"]["stepId"] == "human"
    with runtime(tmp_path) as rt:
        assert rt.portal.wait(rt.executions.snapshot(ME, execution_id)) == before
        assert rt.executions.active == 1
        assert rt.portal.wait(rt.executions.cancel(ME, execution_id))["status"] == "cancelled"


def test_projections_are_made_at_the_end_and_again_when_they_are_missing(tmp_path):
    with runtime(tmp_path) as rt:
        done = [start(rt, "start>a>end") for _ in range(3)]
        for execution_id in done:
            finish(rt, execution_id)
    expected = sorted((execution_id,) for execution_id in done)
    assert projections(tmp_path) == expected
    with Database(tmp_path) as database:
        asyncio.run(database.write(lambda c: c.execute("DELETE FROM executions; DELETE FROM steps")))
    with runtime(tmp_path):
        pass
    assert projections(tmp_path) == expected
    assert len(projections(tmp_path, "steps")) == 9


def test_what_ends_during_recovery_is_projected_once(tmp_path):
    behaviour, entered = gate()
    with runtime(tmp_path, {"a": behaviour}) as rt:
        left = [start(rt, "start>a>end") for _ in range(30)]
        assert entered.wait(30)
    with runtime(tmp_path) as rt:
        assert rt.resumed == 30
        for execution_id in left:
            finish(rt, execution_id)
    assert projections(tmp_path) == sorted((execution_id,) for execution_id in left)


def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path):
    document = workflow_of("start>agent>middle>last>end").save(tmp_path / "flow.workflow.json")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path])}
    child = Path(__file__).with_name("crash_child.py")
    lines = []
    with subprocess.Popen(
        [sys.executable, str(child), str(tmp_path / "data"), str(document)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        for line in process.stdout:
            lines.append(line.split())
            if len([words for words in lines if words[0] == "admitted"]) == 12:
                break
        process.send_signal(signal.SIGKILL)
        lines.extend(line.split() for line in process.stdout if line.endswith("\n"))
    admitted = [words[1] for words in lines if words[0] == "admitted"]
    assert len(admitted) >= 12
    (workflow_id,) = [words[1] for words in lines if words[0] == "workflow"]
    with runtime(tmp_path / "data") as rt:
        assert rt.portal.wait(rt.workflows.get(ME, workflow_id)).version == 1
        assert rt.resumed >= len(admitted)
        for execution_id in admitted:
            picture = finish(rt, execution_id)
            assert all(step["status"] == "completed" for step in picture["steps"])
            run = rt.portal.wait(rt.executions.find(ME, execution_id))
            check_history(run.published(), run.state.plan)
            history = rt.portal.wait(rt.executions.history(ME, execution_id))
            known = {(event["seq"], event["kind"], str(event.get("status"))) for event in history}
            told = {
                (int(w[2]), w[3], w[4]) for w in lines if w[0] == "event" and w[1] == execution_id and w[3] != "token"
            }
            assert told or execution_id == admitted[-1]
            assert told <= known, "every event that a listener saw is in the history"


# -- lists, and who may see what -------------------------------------------------------------------------------


def test_a_list_has_what_runs_and_what_has_ended_once_each(tmp_path):
    with runtime(tmp_path) as rt:
        done = start(rt, "start>a>end")
        finish(rt, done)
    behaviour, entered = gate()
    with runtime(tmp_path, {"b": behaviour}) as rt:
        live = start(rt, "start>b>end")
        assert entered.wait(30)
        both = rt.portal.wait(rt.executions.list(ME))
        assert {row["executionId"]: row["status"] for row in both} == {done: "completed", live: "running"}
        times = [row["createdAt"] for row in both]
        assert times == sorted(times, reverse=True)
        assert both[0].keys() == both[1].keys()
        third = start(rt, "start>c>end")
        finish(rt, third)
        rt.portal.wait(rt.executions.settle())
        ids = [row["executionId"] for row in rt.portal.wait(rt.executions.list(ME))]
        assert sorted(ids) == sorted([done, live, third])
        assert len(rt.portal.wait(rt.executions.list(ME, limit=2))) == 2
        canvas = both[1]["canvasId"]
        assert [r["canvasId"] for r in rt.portal.wait(rt.executions.list(ME, workflow_id=canvas))] == [canvas]

        def listed(**wanted):
            return {row["executionId"] for row in rt.portal.wait(rt.executions.list(ME, **wanted))}

        assert listed(status=ExecutionStatus.RUNNING) == {live}
        assert listed(status=ExecutionStatus.COMPLETED) == {done, third}
        assert listed(status=ExecutionStatus.COMPLETED, workflow_id=canvas) == {done}
        assert listed(status=ExecutionStatus.ERROR) == set()
        for one in (done, live, third):
            assert listed(text=one.upper()) == {one}
        assert listed(text="%") == listed(text="no such thing") == set()


def test_a_list_is_searched_for_what_went_wrong(tmp_path):
    async def fail(_context):
        raise StepError("The Provider is out of quota.", code="QUOTA")

    with runtime(tmp_path, {"b": fail}) as rt:
        failed = start(rt, "start>b>end")
        assert rt.portal.wait(rt.executions.wait(ME, failed, seconds=30))["status"] == "error"
        finish(rt, start(rt, "start>a>end"))
        for _ in range(2):  # in memory, then also as a row
            found = rt.portal.wait(rt.executions.list(ME, text="provider IS out"))
            assert [row["executionId"] for row in found] == [failed]
            rt.portal.wait(rt.executions.settle())
    with runtime(tmp_path) as rt:
        found = rt.portal.wait(rt.executions.list(ME, text="provider IS out", status=ExecutionStatus.ERROR))
        assert [row["executionId"] for row in found] == [failed]


def test_a_list_leaves_children_out(tmp_path):
    with runtime(tmp_path) as rt:
        inner = rt.portal.wait(rt.workflows.create(ME, workflow_of("start>a>end"), draft=True)).id
        flow = workflow_of("start>do>end")
        flow = flow.with_nodes(
            type(n)(n.id, "map", MAP | {"workflow": inner}) if n.id == "do" else n for n in flow.nodes
        )
        outer = rt.portal.wait(rt.workflows.create(ME, flow, draft=True))
        parent = rt.portal.wait(rt.executions.start(ME, outer.id)).execution_id
        picture = finish(rt, parent)
        assert len(rt.portal.wait(rt.executions.list(ME))) == 1
        rt.portal.wait(rt.executions.settle())
        assert [row["executionId"] for row in rt.portal.wait(rt.executions.list(ME))] == [parent]
    with runtime(tmp_path) as rt:
        assert [row["executionId"] for row in rt.portal.wait(rt.executions.list(ME))] == [parent]
        assert finish(rt, parent) == picture
    assert len(projections(tmp_path)) == 3


def test_another_workspace_sees_nothing(tmp_path):
    stranger = Principal("mallory", "elsewhere", ME.scopes, ME.credential, is_admin=True)
    with runtime(tmp_path) as rt:
        wait, runs = rt.portal.wait, rt.executions
        execution_id = start(rt, "start>a>end")
        workflow_id = finish(rt, execution_id)["canvasId"]

        async def listen():
            async for _ in runs.events(stranger, execution_id):
                pass

        for attempt in (
            lambda: runs.snapshot(stranger, execution_id),
            lambda: runs.history(stranger, execution_id),
            lambda: runs.cancel(stranger, execution_id),
            lambda: runs.wait(stranger, execution_id, seconds=1),
            lambda: runs.start(stranger, workflow_id),
            lambda: rt.workflows.get(stranger, workflow_id),
            lambda: rt.workflows.delete(stranger, workflow_id),
            lambda: rt.workflows.update(stranger, workflow_id, {"name": "mine"}),
            listen,
        ):
            with pytest.raises(NotFound):
                wait(attempt())
        assert wait(runs.list(stranger)) == []
        assert wait(rt.workflows.list(stranger)) == []
        assert wait(rt.workflows.get(ME, workflow_id)).version == 1


# -- nothing is told before it is on disk; stopping ------------------------------------------------------------


def test_a_picture_shows_nothing_that_is_not_on_disk(tmp_path):
    with runtime(tmp_path) as rt:
        execution_id = start(rt, "start>human>end start>a>end")
        until_waiting(rt, execution_id)
        inside, go = threading.Event(), threading.Event()

        def hold(_connection):
            inside.set()
            go.wait(30)

        async def look():
            held = asyncio.ensure_future(rt.database.write(hold))
            await asyncio.to_thread(inside.wait, 30)
            run = await rt.executions.find(ME, execution_id)
            rt._engine.cancel(run, by="alice")
            looks = [
                asyncio.ensure_future(rt.executions.snapshot(ME, execution_id)),
                asyncio.ensure_future(rt.executions.wait(ME, execution_id, seconds=0)),
                asyncio.ensure_future(rt.executions.list(ME)),
            ]
            # The reader threads answer in the meantime; only the writer is held.
            await asyncio.wait(looks, timeout=0.2)
            early = [task.done() for task in looks]
            go.set()
            await held
            return early, await asyncio.gather(*looks)

        early, (picture, waited, rows) = rt.portal.wait(look())
        assert early == [False, False, False]
        assert picture["status"] == waited["status"] == rows[0]["status"] == "cancelled"


def test_stopping_lets_go_of_those_who_wait(tmp_path):
    behaviour, entered = gate()
    rt = runtime(tmp_path, {"a": behaviour})
    execution_id = start(rt, "start>a>end")
    assert entered.wait(30)
    ended = []
    waiting = threading.Event()

    async def wait():
        waiting.set()
        return await rt.executions.wait(ME, execution_id)

    def caller():
        try:
            ended.append(rt.portal.wait(wait()))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it must come
            ended.append(error)

    thread = threading.Thread(target=caller, daemon=True)
    thread.start()
    assert waiting.wait(30)
    rt.stop()
    thread.join(30)
    assert not thread.is_alive(), "a caller must not hang because the runtime was stopped"
    assert isinstance(ended[0], BaseException)


def test_a_runtime_whose_store_fails_can_still_be_stopped(tmp_path):
    behaviour, entered = gate()
    rt = runtime(tmp_path, {"a": behaviour})
    execution_id = start(rt, "start>a>end")
    assert entered.wait(30)
    rt.database._fail(OSError("no space left on device"))
    with pytest.raises(Unavailable):
        rt.portal.wait(rt.executions.cancel(ME, execution_id))
    assert rt.failure is not None
    rt.stop()
    with runtime(tmp_path) as again:
        finish(again, execution_id)


def test_what_cannot_be_read_back_keeps_nothing_else_from_going_on(tmp_path):
    behaviour, entered = gate()
    with runtime(tmp_path, {"a": behaviour}) as rt:
        execution_id = start(rt, "start>a>end")
        assert entered.wait(10)
        broken = [(10_000, "exec_broken", 1, 0, "admitted", '{"plan_id": "pl_gone"}')]

        async def write():
            await rt.database.append("events", broken)

        rt.portal.wait(write())
    with runtime(tmp_path) as rt:
        assert rt.resumed == 1
        finish(rt, execution_id)


def test_a_step_whose_type_is_gone_fails_and_says_so(tmp_path):
    behaviour, entered = gate()
    with runtime(tmp_path, {"a": behaviour}) as rt:
        execution_id = start(rt, "start>a>end")
        assert entered.wait(10)
    # The built-in types lack `do`, the type of the step: as if its package had been removed.
    with Runtime(Settings(data_dir=tmp_path)) as rt:
        picture = rt.portal.wait(rt.executions.wait(ME, execution_id, seconds=30))
        assert (picture["status"], picture["error"]["code"]) == ("error", "UNKNOWN_NODE_TYPE")
