"""The difference of any two workflows."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given
from strategies import workflows

from builder_jupyter.graph.diff import Change, diff_workflows
from builder_jupyter.graph.model import Workflow


@given(workflows(), workflows())
def test_every_part_of_both_sides_is_told_of_once(one: Workflow, other: Workflow) -> None:
    diff = diff_workflows(one, other)
    kept = [part for part in diff.nodes if part.change is not Change.REMOVED]
    assert [part.node for part in kept] == list(other.nodes_by_id.values())
    gone = {part.node.id for part in diff.nodes if part.change is Change.REMOVED}
    assert gone == set(one.nodes_by_id) - set(other.nodes_by_id)
    assert [part.edge for part in diff.edges if part.change is not Change.REMOVED] == list(other.edges)
    new = sum(part.change is Change.ADDED for part in diff.edges)
    lost = sum(part.change is Change.REMOVED for part in diff.edges)
    assert len(one.edges) - lost == len(other.edges) - new
    assert isinstance(str(diff), str)


@given(workflows())
def test_nothing_differs_from_itself(one: Workflow) -> None:
    diff = diff_workflows(one, one)
    assert diff.is_empty
    assert diff.lines == ()
    assert "nothing differs" in str(diff)


@given(workflows(), st.text())
def test_one_word_is_one_line(one: Workflow, text: str) -> None:
    other = replace(one, description=one.description + "!" + text)
    diff = diff_workflows(one, other)
    assert [field.path for field in diff.header] == ["description"]
    assert len(diff.lines) == 1
