"""Who runs when: joins, dead branches, loops. Without an engine; every step does what the script says."""

import random
from itertools import pairwise

import pytest
from engine_kit import Walk, check_history, plan_from, plan_of

from builder_jupyter.execution.status import ExecutionStatus


def walk(text, routes=None, *, root=None, pick=None):
    """Run a graph; ``routes`` maps a step to targets, or to a list of targets by visit (the last one stays)."""
    routes = routes or {}

    def taken(step, visit):
        choice = routes.get(step)
        if isinstance(choice, list):
            choice = choice[min(visit, len(choice)) - 1]
        return None if choice is None else choice.split()

    done = Walk(plan_of(text, root), taken, **({} if pick is None else {"pick": pick})).run()
    assert done.state.status is ExecutionStatus.COMPLETED
    check_history(done.history, done.plan)
    return done


def test_a_chain():
    assert walk("a>b>c").started == ["a", "b", "c"]


def test_a_join_runs_once_after_all_its_branches():
    for pick in (lambda running: running[0], lambda running: running[-1]):
        started = walk("a>b>d a>c>c2>d d>e", pick=pick).started
        assert sorted(started) == ["a", "b", "c", "c2", "d", "e"]
        assert started[-2:] == ["d", "e"]


def test_twin_edges_start_a_step_once():
    assert walk("a>b a>b>c").started == ["a", "b", "c"]


def test_a_branch_not_taken_is_skipped_to_its_end():
    done = walk("a>r r>b>b2>end r>c>c2>end2", {"r": "b"})
    assert done.started == ["a", "r", "b", "b2", "end"]
    assert done.skipped == ["c", "c2", "end2"]


def test_a_join_behind_exclusive_branches_runs_once():
    done = walk("a>r r>b>join r>c>join join>end", {"r": "c"})
    assert done.started == ["a", "r", "c", "join", "end"]
    assert done.skipped == ["b"]


def test_a_router_in_one_branch_joined_with_another():
    done = walk("a>r a>long>longer>join r>b>join r>c>join join>end", {"r": "b"})
    assert sorted(done.started[:-2]) == ["a", "b", "long", "longer", "r"]
    assert done.started[-2:] == ["join", "end"]
    assert done.skipped == ["c"]


def test_a_router_that_takes_several_ways_runs_them_all():
    done = walk("a>r r>b>join r>c>join r>d>join", {"r": "b c"})
    assert sorted(done.started) == ["a", "b", "c", "join", "r"]
    assert done.skipped == ["d"]


def test_a_router_that_finds_no_way_ends_its_branch():
    done = walk("a>r r>b>join a>c>join", {"r": ""})
    assert done.started == ["a", "r", "c", "join"]
    assert walk("a>r r>b", {"r": ""}).skipped == ["b"]


def test_a_loop_numbers_its_visits_and_leaves_by_the_route():
    done = walk("a>work>check>work check>end", {"check": ["work", "work", "end"]})
    assert done.started == ["a", "work", "check", "work#2", "check#2", "work#3", "check#3", "end"]


def test_a_loop_that_is_left_at_once():
    assert walk("a>work>check>work check>end", {"check": "end"}).started == ["a", "work", "check", "end"]


def test_a_step_that_asks_itself_again():
    assert walk("a>ask>ask ask>end", {"ask": ["ask", "ask", "end"]}).started == ["a", "ask", "ask#2", "ask#3", "end"]


def test_a_loop_that_is_left_by_no_edge_ends_there():
    done = walk("a>work>check>work check>end", {"check": ["work", ""]})
    assert done.started == ["a", "work", "check", "work#2", "check#2"]
    assert done.skipped == ["end"]


def test_a_join_in_a_loop_waits_for_both_branches_each_time():
    for pick in (lambda running: running[0], lambda running: running[-1]):
        done = walk("a>h h>b>join h>c>c2>join join>h join>end", {"join": ["h", "h", "end"]}, pick=pick)
        joins = [name for name in done.started if name.startswith("join")]
        assert joins == ["join", "join#2", "join#3"]
        for number in ("", "#2", "#3"):
            before = done.started[: done.started.index(f"join{number}")]
            assert {f"b{number}", f"c2{number}"} <= set(before)
        assert done.started[-1] == "end"


def test_a_loop_in_a_loop():
    done = walk(
        "a>outer>inner>check>inner check>last>outer last>end",
        {"check": ["inner", "last", "inner", "last"], "last": ["outer", "end"]},
    )
    assert done.started == [
        "a", "outer", "inner", "check", "inner#2", "check#2", "last",
        "outer#2", "inner#3", "check#3", "inner#4", "check#4", "last#2", "end",
    ]  # fmt: skip


def test_a_join_of_a_branch_with_an_inner_loops_exit_runs_once():
    text = "a>outer outer>inner>check>inner check>join outer>side>join join>outer join>end"
    for pick in (lambda running: running[0], lambda running: running[-1]):
        done = walk(text, {"check": ["inner", "join", "join"], "join": ["outer", "end"]}, pick=pick)
        assert [name for name in done.started if name.startswith("join")] == ["join", "join#2"]
        assert [name for name in done.started if name.startswith("side")] == ["side", "side#2"]
        assert done.started[-1] == "end"


def test_a_join_behind_a_loop_and_a_branch_beside_it():
    done = walk("a>work>check>work check>join a>side>join", {"check": ["work", "join"]})
    assert sorted(done.started) == ["a", "check", "check#2", "join", "side", "work", "work#2"]
    assert done.started[-1] == "join"


def test_several_ways_back_at_once_start_one_iteration():
    done = walk("a>h h>b>h h>c>h b>end c>end", {"b": ["h", "end"], "c": ["h", "end"]})
    assert sorted(done.started) == ["a", "b", "b#2", "c", "c#2", "end", "h", "h#2"]
    assert done.started[-1] == "end"


@pytest.mark.parametrize("pick", [lambda running: running[0], lambda running: running[-1]])
def test_a_loop_that_begins_with_two_steps_side_by_side(pick):
    text = "a>b>d a>c>d d>r r>b r>c r>end"
    both = walk(text, {"r": ["b c", "b c", "end"]}, pick=pick)
    assert [name for name in both.started if name[0] in "dr"] == ["d", "r", "d#2", "r#2", "d#3", "r#3"]
    for number in ("", "#2", "#3"):
        before = both.started[: both.started.index(f"d{number}")]
        assert {f"b{number}", f"c{number}"} <= set(before), "the join waits for both, each time"
    one = walk(text, {"r": ["c", "end"]}, pick=pick)
    assert [name for name in one.started if "#" in name] == ["c#2", "d#2", "r#2"]


def test_a_loop_whose_steps_side_by_side_have_their_own_routers_back():
    done = walk("a>b>d a>c>d d>r>b d>q>c r>end q>end", {"r": ["b", "end"], "q": ["c", "end"]})
    assert sorted(done.started) == ["a", "b", "b#2", "c", "c#2", "d", "d#2", "end", "q", "q#2", "r", "r#2"]


def test_a_branch_that_leaves_and_goes_on_leaves_when_the_loop_is_over():
    done = walk("a>h>b>h b>out", {"b": ["h out", "h", "out"]})
    assert done.started == ["a", "h", "b", "h#2", "b#2", "h#3", "b#3", "out"]
    ended = walk("a>h>b>h b>out", {"b": ["h out", ""]})
    assert ended.started == ["a", "h", "b", "h#2", "b#2", "out"], "the way out was taken, if not in the last iteration"


def test_a_way_out_of_two_loops_at_once():
    done = walk("a>o>i>j>i j>k>o k>end i>end", {"i": ["j", "end"], "j": ["i"], "k": ["o"]})
    assert done.started == ["a", "o", "i", "j", "i#2", "end"]
    assert done.skipped == ["k"]


def test_a_loop_with_two_ways_in_waits_for_both_in_its_first_iteration():
    done = walk("a>b>c a>c c>b c>end", {"c": ["b", "end"]})
    assert done.started == ["a", "b", "c", "b#2", "c#2", "end"]


def test_a_loop_with_two_ways_in_of_which_one_is_dead():
    done = walk("a>r r>b>c r>c c>b c>end", {"r": "c", "c": ["b", "end"]})
    assert done.started == ["a", "r", "c", "b", "c#2", "end"]


def test_a_dead_loop_is_skipped_whole():
    done = walk("a>r r>work>check>work check>end r>end2", {"r": "end2"})
    assert done.started == ["a", "r", "end2"]
    assert done.skipped == ["check", "end", "work"]


def test_a_step_of_a_loop_that_was_visited_once_is_not_skipped_when_it_is_not_again():
    done = walk("a>h>r r>x>h r>y>h r>end", {"r": ["x", "end"]})
    assert done.started == ["a", "h", "r", "x", "h#2", "r#2", "end"]
    assert done.skipped == ["y"]


def test_sources_beside_the_trigger_run_too():
    assert sorted(walk("a>join side>join").started) == ["a", "join", "side"]


def test_a_trigger_in_a_loop_begins_it():
    assert walk("b>t>b t>end", {"t": ["b", "end"]}, root="t").started == ["t", "b", "t#2", "end"]


@pytest.mark.parametrize("taken", ["dead", "live"])
def test_five_thousand_steps_in_a_row(taken):
    names = [f"s{i}" for i in range(5_000)]
    plan = plan_from(["a", *names, "b"], [("a", "s0"), ("a", "b"), *pairwise(names)])
    done = Walk(plan, lambda step, _visit: (["b"] if taken == "dead" else ["s0"]) if step == "a" else None).run()
    assert done.state.status is ExecutionStatus.COMPLETED
    assert len(done.skipped) == (5_000 if taken == "dead" else 1)


def test_two_thousand_branches():
    names = [f"s{i}" for i in range(2_000)]
    plan = plan_from(["a", *names, "join"], [e for name in names for e in (("a", name), (name, "join"))])
    done = Walk(plan, pick=lambda running: running[-1]).run()
    assert len(done.started) == 2_002
    assert done.started[-1] == "join"


def test_two_thousand_times_round_a_loop():
    plan = plan_of("a>work>check>work check>end")
    done = Walk(plan, lambda step, visit: (["work"] if visit < 2_000 else ["end"]) if step == "check" else None).run()
    assert done.started[-1] == "end"
    assert len(done.started) == 4_002


@pytest.mark.parametrize("seed", range(20))
def test_what_runs_does_not_depend_on_which_step_is_faster(seed):
    text = "a>b a>c>h h>i>j>h h>k>j j>d b>d d>r r>e>g r>f>g g>end"
    routes = {"j": ["h", "h", "d"], "r": "f"}
    usual = walk(text, routes)
    other = walk(text, routes, pick=random.Random(seed).choice)
    assert sorted(other.started) == sorted(usual.started)
    assert other.skipped == usual.skipped
