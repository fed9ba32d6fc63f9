"""What a replay takes over, what it carries out again, what it costs, and what cannot be replayed.

==========================================  ==================================================================
rule (specification §7.6, §15)              test
==========================================  ==================================================================
full: the whole plan again                  test_a_full_replay_takes_nothing_over
from a step: outputs before it reused       test_from_a_step_on_everything_behind_it_is_done_again
`replayOf`, `replayFromStepId`, trigger     test_a_replay_says_what_it_repeats
stored plan, not the live canvas            test_a_replay_has_the_plan_of_what_it_repeats
reused: `completed`, `reused`, cost 0       test_only_what_is_carried_out_again_costs
not completed reused output: 409            test_what_never_completed_cannot_be_taken_over
only terminal executions: 409               test_only_an_execution_that_is_over_can_be_replayed
==========================================  ==================================================================
"""

import pytest
from engine_kit import Walk, plan_of, rebuilt
from scenes import failing, flow, gate, live, scene, statuses, steps

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import Conflict, InvalidInput, NotFound
from builder_jupyter.execution.events import StepCompleted, StepStarted
from builder_jupyter.execution.replay import plan_replay
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.money import as_number
from builder_jupyter.planning.planner import plan_trigger

COMPLETED, ERROR, WAITING = ExecutionStatus.COMPLETED, ExecutionStatus.ERROR, ExecutionStatus.WAITING


def reused(run):
    return {name for name, step in steps(run).items() if step["reused"]}


def started(run):
    return [recorded.event.step for recorded in run.published() if isinstance(recorded.event, StepStarted)]


async def replayed(life, run, inputs=None, **kwargs):
    return await life.admit(run.state.plan, inputs, plan_replay(run.state, **kwargs))


def test_a_full_replay_takes_nothing_over():
    async def work(life):
        run = await life.run(flow("start>a>b>end"))
        again = await replayed(life, run)
        assert (again.status, reused(again)) == (COMPLETED, set())
        assert started(again) == started(run)

    live(work)


def test_from_a_step_on_everything_behind_it_is_done_again():
    async def work(life):
        run = await life.run(flow("start>a>b>d>end start>c>d"))
        again = await replayed(life, run, from_step="b")
        assert again.status is COMPLETED
        assert reused(again) == {"start", "a", "c"}
        assert started(again) == ["b", "d"]
        assert snapshot(again.state)["outputs"] == snapshot(run.state)["outputs"]

    live(work)


def test_a_replay_says_what_it_repeats():
    async def work(life):
        run = await life.run(flow("start>a>end"))
        again = await replayed(life, run, from_step="a")
        picture = snapshot(again.state)
        assert (picture["replayOf"], picture["replayFromStepId"]) == (run.execution_id, "a")
        assert picture["triggerType"] == "replay"
        assert again.execution_id != run.execution_id
        assert snapshot((await replayed(life, again)).state)["replayOf"] == again.execution_id

    live(work)


def test_a_replay_has_the_plan_of_what_it_repeats():
    async def work(life):
        run = await life.run(flow("start>a>end"))
        again = await replayed(life, run)
        assert again.state.plan.plan_id == run.state.plan.plan_id
        assert [name for name in life.journal.entries if name.startswith("pl_")] == [run.state.plan.plan_id]

    live(work)


def test_only_what_is_carried_out_again_costs():
    async def work(life):
        run = await life.run(flow("start>agent>agent2>agent3>end"), {"message": "hi"})
        plan = plan_replay(run.state, from_step="agent2")
        assert as_number(plan.saved) == 1
        again = await life.admit(run.state.plan, run.state.admitted.inputs, plan)
        assert snapshot(again.state)["credits"]["charged"] == 2
        assert [steps(again)[name]["credits"] for name in ("agent", "agent2", "agent3")] == [0, 1, 1]
        assert steps(again)["agent"]["status"] == "completed"

    live(work, {}, model=ScriptedModel(lambda _request: "hello"))


def test_a_failed_run_goes_on_from_the_step_that_failed():
    async def work(life):
        run = await life.run(flow("start>a>b>end"))
        assert run.status is ERROR
        again = await replayed(life, run, from_step="b")
        assert (again.status, reused(again)) == (COMPLETED, {"start", "a"})

    live(work, {"b": failing(1)})


def test_what_never_completed_cannot_be_taken_over():
    async def work(life):
        run = await life.run(flow("start>a>b>end start>c>end"))
        for step in ("b", "end"):
            with pytest.raises(Conflict) as refused:
                plan_replay(run.state, from_step=step)
            assert refused.value.code == "NOT_REPLAYABLE"
            assert "'a'" in str(refused.value)
        again = await replayed(life, run, from_step="a")
        assert again.status is COMPLETED, "c was cut off beside it, and is carried out"

    live(work, {"a": failing(1)})


def test_only_an_execution_that_is_over_can_be_replayed():
    async def work(life):
        waits = await life.admit(scene("human", "plain"))
        runs = await life.run(flow("start>a>end"))
        for run in (waits, runs):
            for kwargs in ({}, {"from_step": "start"}, {"edits": {"start": "x"}}):
                with pytest.raises(Conflict) as refused:
                    plan_replay(run.state, **kwargs)
                assert refused.value.code == "EXECUTION_NOT_OVER"

    live(work, {"a": gate()})


def test_a_step_or_visit_that_is_not_there():
    async def work(life):
        run = await life.run(flow("start>a>end"))
        for kwargs in ({"from_step": "z"}, {"from_step": "a", "visit": 2}, {"edits": {"z": "x"}}):
            with pytest.raises(NotFound) as missing:
                plan_replay(run.state, **kwargs)
            assert missing.value.code == "STEP_NOT_FOUND"

    live(work)


def test_a_branch_that_was_not_taken_is_decided_upon_again():
    data = {"conditions": [{"label": "x", "pattern": "x"}, {"label": "y", "pattern": "y"}]}

    async def work(life):
        run = await life.run(flow("start>router>a>end router>b>end", router=data), {"message": "x"})
        same = await replayed(life, run, run.state.admitted.inputs, from_step="a")
        assert (reused(same), statuses(same)["b"]) == ({"start", "router"}, "skipped")
        with pytest.raises(Conflict, match="another way") as caught:
            plan_replay(run.state, from_step="b")
        assert caught.value.code == "NOT_REPLAYABLE"
        other = await replayed(life, run, {"message": "y"}, from_step="router")
        assert (statuses(other)["a"], statuses(other)["b"]) == ("skipped", "completed")

    live(work)


def test_other_inputs_make_it_a_fork():
    async def work(life):
        run = await life.run(flow("start>a>end"), {"message": "one"})
        again = await replayed(life, run, {"message": "two"}, from_step="a")
        assert again.state.admitted.inputs == {"message": "two"}
        assert run.state.admitted.inputs == {"message": "one"}

    live(work)


@pytest.mark.parametrize(
    ("edit", "text", "result"),
    [
        ("other", "other", None),
        ({"text": "other"}, "other", None),
        ({"result": {"n": 1}}, "a", {"n": 1}),
        ({"text": "t", "result": 2}, "t", 2),
    ],
)
def test_an_edited_result_is_kept_and_what_depends_on_it_is_done_again(edit, text, result):
    async def work(life):
        run = await life.run(flow("start>a>b>end start>c>end"))
        again = await replayed(life, run, edits={"a": edit})
        assert reused(again) == {"start", "a", "c"}
        found = again.state.visit("a", 1).result
        assert (found.text, found.result) == (text, result)
        assert run.state.visit("a", 1).result.text == "a", "what is repeated stays as it was"

    live(work)


def test_an_edited_output_of_an_end_is_the_output():
    async def work(life):
        run = await life.run(flow("start>a>end"))
        again = await replayed(life, run, edits={"end": {"output": [1]}})
        assert (snapshot(again.state)["output"], started(again)) == ([1], [])

    live(work)


@pytest.mark.parametrize("edit", [3, None, [], {}, {"colour": "red"}, {"text": "x", "colour": "red"}])
def test_edits_that_make_no_sense(edit):
    async def work(life):
        run = await life.run(flow("start>a>end"))
        with pytest.raises(InvalidInput) as refused:
            plan_replay(run.state, edits={"a": edit})
        assert refused.value.code == "INVALID_EDIT"

    live(work)


def test_a_replay_survives_a_crash():
    b = gate()

    async def work(life):
        run = await life.run(flow("start>a>b>end"))
        b.open.clear()
        again = await replayed(life, run, from_step="b")
        await life.dies()
        assert reused(life.again(again)) == {"start", "a"}
        b.open.set()
        await life.quiet()
        assert life.again(again).status is COMPLETED
        assert snapshot(await rebuilt(life.journal, again.execution_id)) == snapshot(life.again(again).state)

    b.open.set()
    live(work, {"b": b})


def test_a_replay_takes_over_what_a_child_execution_made():
    async def work(life):
        inner = plan_trigger(flow("start>a>end"), "start", registry=life.registry)
        made = flow("start>workflow>b>end", workflow={"workflow": "inner"})
        run = await life.run(made, children={"inner": inner})
        before = len(life.engine.runs)
        again = await replayed(life, run, from_step="b")
        assert (again.status, "workflow" in reused(again)) == (COMPLETED, True)
        assert len(life.engine.runs) == before + 1, "no child is begun for it"

    live(work)


# -- loops -----------------------------------------------------------------------------------------------------


def walk(text, routes):
    return Walk(plan_of(text), lambda step, visit: routes.get((step, visit))).run()


def kept(made, **kwargs):
    return sorted(f"{name}{number}" for name, number in plan_replay(made.state, **kwargs).results)


def test_from_a_visit_in_a_loop():
    made = walk("a>b>c>b c>d", {("c", 1): ["b"], ("c", 2): ["b"], ("c", 3): ["d"]})
    assert kept(made, from_step="b", visit=1) == ["a1"]
    assert kept(made, from_step="c", visit=1) == ["a1", "b1"]
    assert kept(made, from_step="b", visit=2) == ["a1", "b1", "c1"]
    assert kept(made, from_step="c") == ["a1", "b1", "b2", "b3", "c1", "c2"], "the latest visit unless one is named"
    assert kept(made, from_step="d") == ["a1", "b1", "b2", "b3", "c1", "c2", "c3"]


def test_the_next_iteration_follows_from_all_of_the_one_before():
    routes = {("x", 1): [], ("y", 1): ["h"], ("x", 2): ["h"], ("y", 2): [], ("x", 3): [], ("y", 3): ["end"]}
    made = walk("s>h>x>h h>y>h y>end", routes)
    assert made.started.count("h") == 1
    assert "h#3" in made.started
    assert kept(made, from_step="x", visit=1) == ["h1", "s1", "y1"]


def test_what_a_loop_led_to_on_its_way_follows_from_its_end():
    routes = {("b", 1): ["a", "side"], ("b", 2): ["a"], ("b", 3): ["end"]}
    made = walk("s>a>b>a b>side b>end", routes)
    assert "side" in made.started
    assert kept(made, from_step="a", visit=2) == ["a1", "b1", "s1"], "side starts when the loop is over"


def test_a_loop_in_a_loop():
    routes = {("d", 1): ["c"], ("d", 2): ["e"], ("e", 1): ["b"], ("d", 3): ["e"], ("e", 2): ["f"]}
    made = walk("a>b>c>d>c d>e>b e>f", routes)
    assert kept(made, from_step="d", visit=2) == ["a1", "b1", "c1", "c2", "d1"]
    assert kept(made, from_step="b", visit=2) == ["a1", "b1", "c1", "c2", "d1", "d2", "e1"]


def test_a_visit_that_is_taken_over_was_made_by_the_same_step():
    made = walk("a>b>c>b c>d", {("c", 1): ["b"], ("c", 2): ["d"]})
    done = {(e.step, e.visit): e.result for e in (r.event for r in made.history) if isinstance(e, StepCompleted)}
    results = plan_replay(made.state, from_step="d").results
    assert results == {key: value for key, value in done.items() if key[0] != "d"}
