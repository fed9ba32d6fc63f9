"""What a step sees of the rest: its ancestors, in causal order, whoever was faster."""

import random

import pytest
from engine_kit import Walk, plan_of

from builder_jupyter.execution.events import StepCompleted
from builder_jupyter.execution.view import VisibleState, final_output
from builder_jupyter.nodes.base import StepResult


def walked(text, routes=lambda _step, _visit: None, *, silent=(), pick=lambda running: running[0]):
    """Every step writes ``name`` (``name#2`` in later visits), but for the silent ones."""

    def messages(step, visit):
        return None if step.startswith(tuple(silent)) else step if visit == 1 else f"{step}#{visit}"

    return Walk(plan_of(text), routes, pick=pick, messages=messages).run()


def seen(walk, step, number=1):
    return [message.content for message in VisibleState(walk.state, walk.state.visit(step, number)).messages]


def read_by(walk, router, number=1):
    return VisibleState(walk.state, walk.state.visit(router, number)).routed_text


def test_a_step_sees_what_its_ancestors_wrote_oldest_first():
    assert seen(walked("a>b>c>d"), "d") == ["a", "b", "c"]


def test_branches_do_not_see_each_other_and_a_join_sees_both():
    walk = walked("a>b>b2>join a>c>join")
    assert seen(walk, "b2") == ["a", "b"]
    assert seen(walk, "c") == ["a"]
    assert seen(walk, "join") == ["a", "b", "c", "b2"], "by depth, then by place in the plan"


@pytest.mark.parametrize("seed", range(10))
def test_the_order_does_not_depend_on_who_was_faster(seed):
    text = "a>b>b2>join a>c>join a>d>d2>d3>join"
    walk = walked(text, pick=random.Random(seed).choice)
    assert seen(walk, "join") == ["a", "b", "c", "d", "b2", "d2", "d3"]


def test_a_branch_not_taken_leaves_no_trace():
    walk = walked("a>r r>b>join r>c>join", lambda step, _visit: ("c",) if step == "r" else None, silent=("r",))
    assert seen(walk, "join") == ["a", "c"]


def test_each_visit_of_a_loop_sees_the_visits_before():
    def routes(step, visit):
        return (("work",) if visit < 3 else ("end",)) if step == "check" else None

    walk = walked("a>work>check>work check>end", routes, silent=("check",))
    assert seen(walk, "work", 1) == ["a"]
    assert seen(walk, "work", 3) == ["a", "work", "work#2"]
    assert seen(walk, "end") == ["a", "work", "work#2", "work#3"]


def taking_all(*routers):
    return lambda step, _visit: {"r": ("x",), "r2": ("x",), "q": ("r",)}.get(step) if step in routers else None


def test_a_router_reads_the_newest_message_of_what_leads_to_it():
    assert read_by(walked("a>b>r"), "r") == "b"
    assert read_by(walked("a>b>r a>c>c2>r"), "r") == "c2", "the deeper of two"
    assert read_by(walked("a>b>r a>c>r"), "r") == "c", "the later place of two at one depth"


def test_a_router_looks_through_routers_and_not_past_a_sibling():
    walk = walked("a>b>q>r>x a>c>c2>c3>end", taking_all("q", "r"), silent=("q", "r"))
    assert read_by(walk, "r") == "b"


def test_a_router_behind_silent_steps_reads_the_last_message():
    assert read_by(walked("a>b>quiet>r", silent=("quiet",)), "r") == "b"
    assert read_by(walked("quiet>r", silent=("quiet", "r")), "r") == ""


def with_inputs(inputs):
    walk = Walk(plan_of("a>b"))
    walk.state.admitted.inputs.update(inputs)
    walk.run()
    return VisibleState(walk.state, walk.state.visit("b", 1))


@pytest.mark.parametrize(
    ("inputs", "first"),
    [
        ({"message": "hi", "other": "x"}, "hi"),
        ({"question": "why"}, "why"),
        ({"messages": ["one"]}, "one"),
        ({"a": 1, "b": "x", "c": "y"}, '{"a": 1, "b": "x", "c": "y"}'),
    ],
)
def test_the_inputs_are_the_first_message(inputs, first):
    view = with_inputs(inputs)
    assert [message.content for message in view.messages] == [first]
    assert view.routed_text == first
    assert view.as_mapping()["messages"] == [{"role": "user", "content": first}]


class Results(Walk):
    """Every step leaves its name as its result and its output."""

    def complete(self, visit):
        name = self.name(visit)
        result = StepResult(result=f"{name}!", output=name, has_output=True)
        self.record(StepCompleted(name, visit.number, visit.attempt, result))


@pytest.mark.parametrize("last", [0, -1])
def test_results_and_outputs_come_from_ancestors_and_the_last_in_causal_order_wins(last):
    walk = Results(plan_of("a>b>join a>c>join a>d"), pick=lambda running: running[last]).run()
    state = VisibleState(walk.state, walk.state.visit("join", 1)).as_mapping()
    assert state["results"] == {"a": "a!", "b": "b!", "c": "c!"}
    assert state["output"] == "c"
    assert final_output(walk.state) == "join"
