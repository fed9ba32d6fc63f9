"""What a node hands to the workflow that it runs, and what it makes of what comes back."""

import asyncio
from dataclasses import replace

import pytest
from pydantic import ValidationError
from stage import context

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node
from builder_jupyter.nodes.base import OnFailure
from builder_jupyter.nodes.workflow import MAX_ITEMS, MapNode, WorkflowNode


class Children:
    """Runs nothing; keeps what it was asked, and answers with the inputs."""

    async def run(self, jobs, *, concurrency, on_failure):
        self.asked = (list(jobs), concurrency, on_failure)
        return [f"out {index}" for index in range(len(jobs))]


def run(node_type, data, **stage):
    made, _ = context(node_type.type, data, **stage)
    children = Children()
    result = asyncio.run(node_type.run(replace(made, children=children)))
    return result, *children.asked


def test_a_workflow_gets_its_inputs_filled_in_and_leaves_its_output():
    data = {"workflow": "wf", "inputs": {"topic": "{{state.topic}}", "n": 1}}
    result, jobs, concurrency, on_failure = run(WorkflowNode(), data, inputs={"topic": "cats"})
    assert (jobs, concurrency, on_failure) == ([{"topic": "cats", "n": 1}], 1, OnFailure.FAIL)
    assert (result.result, result.text, result.outputs["text-out"].value) == ("out 0", "out 0", "out 0")


def test_without_inputs_it_gets_the_newest_message():
    assert run(WorkflowNode(), {"workflow": "wf"}, messages=["old", "new"])[1] == [{"message": "new"}]


def test_a_map_runs_once_an_item():
    data = {"workflow": "wf", "items": ["x", {"y": 1}], "concurrency": 3, "onFailure": "collect"}
    result, jobs, concurrency, on_failure = run(MapNode(), data)
    assert [(job["item"], job["index"]) for job in jobs] == [("x", 0), ({"y": 1}, 1)]
    assert jobs[0]["message"] == "x"
    assert (concurrency, on_failure) == (3, OnFailure.COLLECT)
    assert result.result == ["out 0", "out 1"]


def test_items_come_from_the_state_and_inputs_see_each():
    data = {"workflow": "wf", "inputs": {"q": "{{state.item}} of {{state.n}} at {{state.index}}"}}
    assert run(MapNode(), data, inputs={"items": ["a", "b"], "n": 2})[1] == [{"q": "a of 2 at 0"}, {"q": "b of 2 at 1"}]


def test_a_map_over_nothing():
    result, jobs, *_ = run(MapNode(), {"workflow": "wf", "items": []})
    assert (jobs, result.result) == ([], [])


@pytest.mark.parametrize("items", ["abc", 3, {"a": 1}, None, "{{state.nothing}}"])
def test_what_is_no_list_is_refused(items):
    with pytest.raises(StepError) as failed:
        run(MapNode(), {"workflow": "wf", "items": items})
    assert failed.value.code == "NOT_A_LIST"


def test_too_many_items_are_refused():
    with pytest.raises(StepError, match=str(MAX_ITEMS)):
        run(MapNode(), {"workflow": "wf", "items": [0] * (MAX_ITEMS + 1)})


def test_a_node_that_names_no_workflow_fails():
    for node_type in (WorkflowNode(), MapNode()):
        made, _ = context(node_type.type, {"items": []})
        with pytest.raises(StepError) as failed:
            asyncio.run(node_type.run(made))
        assert failed.value.code == "MISSING_WORKFLOW"
        assert node_type.child_of(Node("n", node_type.type, {})) is None
        assert node_type.child_of(Node("n", node_type.type, {"workflow": "wf"})) == "wf"


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"concurrency": 1001}, {"onFailure": "shrug"}])
def test_data_that_makes_no_sense(wrong):
    with pytest.raises(ValidationError):
        MapNode.Data.model_validate(wrong)
