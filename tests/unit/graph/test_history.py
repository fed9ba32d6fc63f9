"""Undo and redo of a workflow."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from builder_jupyter.graph.history import History
from builder_jupyter.graph.model import Workflow


def named(name: str) -> Workflow:
    return Workflow(name)


def test_what_was_done_is_taken_back_and_done_again():
    history = History(named("a"))
    history.do("Rename", named("b"))
    history.do("Rename again", named("c"))
    assert (history.undoes, history.redoes) == ("Rename again", None)
    assert history.undo() == named("b")
    assert (history.undoes, history.redoes) == ("Rename", "Rename again")
    assert history.undo() == named("a")
    assert history.undo() == named("a")
    assert history.redo() == named("b")
    assert history.redo() == history.redo() == named("c")


def test_something_new_forgets_what_was_taken_back():
    history = History(named("a"))
    history.do("Rename", named("b"))
    history.undo()
    history.do("Other", named("x"))
    assert history.redoes is None
    assert history.redo() == named("x")
    assert history.undo() == named("a")


def test_what_changes_nothing_is_no_step():
    history = History(named("a"))
    history.do("Rename", named("b"))
    history.undo()
    history.do("Save", replace(named("a"), id="wf_1"))
    assert history.workflow.id == "wf_1"
    assert (history.undoes, history.redoes) == (None, "Rename")


def test_what_was_saved_keeps_its_id():
    history = History(named("a"))
    history.do("Rename", named("b"))
    history.do("Save", replace(named("b"), id="wf_1"))
    assert history.undo().id == history.redo().id == "wf_1"


def test_old_steps_are_forgotten():
    history = History(named("0"), kept=3)
    for number in range(1, 6):
        history.do(str(number), named(str(number)))
    for _ in range(9):
        history.undo()
    assert history.workflow == named("2")


@given(st.lists(st.sampled_from("abcUR"), max_size=40))
def test_it_is_a_line_with_a_cursor(moves):
    history, line, cursor = History(named("start")), [named("start")], 0
    for move in moves:
        if move == "U":
            cursor = max(0, cursor - 1)
            assert history.undo() == line[cursor]
        elif move == "R":
            cursor = min(len(line) - 1, cursor + 1)
            assert history.redo() == line[cursor]
        elif named(move) != line[cursor]:
            line, cursor = [*line[: cursor + 1], named(move)], cursor + 1
            history.do(move, named(move))
        assert history.workflow == line[cursor]
        assert (history.undoes is None, history.redoes is None) == (cursor == 0, cursor == len(line) - 1)
