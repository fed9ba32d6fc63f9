"""The engine goes by graph names where LangGraph does: what lies equally deep, and the keys of results."""

import dataclasses

import pytest
from engine_kit import Walk, plan_of, registry_of
from scenes import flow

from builder_jupyter.execution.events import StepCompleted
from builder_jupyter.execution.view import VisibleState, final_output
from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.nodes.base import StepResult
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.planning.plan import Plan
from builder_jupyter.planning.planner import plan_trigger


class Results(Walk):
    def complete(self, visit):
        name = self.name(visit)
        said = (Message("assistant", name, name=name),)
        result = StepResult(messages=said, result=f"{name}!", output=name, has_output=True)
        self.record(StepCompleted(name, visit.number, visit.attempt, result))


def plan_with_names(**names):
    """Start, three tools side by side with these names in this order, and an agent that joins them."""
    tools = [Node(node_id, "tool", {"tool_name": "echo", "name": name}) for node_id, name in names.items()]
    nodes = (Node("s", "start"), *tools, Node("join", "agent"), Node("e", "end"))
    edges = [edge for tool in tools for edge in (Edge("s", tool.id), Edge(tool.id, "join"))]
    workflow = Workflow("w", nodes, (*edges, Edge("join", "e")))
    return plan_trigger(workflow, "s", registry=default_registry())


def state_of_join(plan):
    walk = Results(plan).run()
    return walk.state, VisibleState(walk.state, walk.state.visit("join", 1))


def test_what_lies_equally_deep_is_ordered_by_graph_name():
    state, view = state_of_join(plan_with_names(one="Zeta", two="Alpha", three="Mid"))
    assert [message.content for message in view.messages[1:]] == ["two", "three", "one"]
    assert view.routed_text == "one"
    assert view.as_mapping()["output"] == "one"
    assert final_output(state) == "e"


def test_a_plan_stored_without_names_keeps_the_order_it_had():
    plan = plan_with_names(one="Zeta", two="Alpha", three="Mid")
    wire = plan.to_dict()
    assert Plan.from_dict(wire) == plan
    for step in wire["steps"]:
        step.pop("name", None)
    old = Plan.from_dict(wire)
    assert [message.content for message in state_of_join(old)[1].messages[1:]] == ["one", "two", "three"]
    assert set(state_of_join(old)[1].as_mapping()["results"]) == {"s", "one", "two", "three"}


def test_results_are_found_by_graph_name_and_by_node_id():
    _, view = state_of_join(plan_with_names(t1="Search", t2="Look up"))
    results = view.as_mapping()["results"]
    assert {"search", "t1", "look_up", "t2"} <= results.keys()
    assert results["search"] == results["t1"] == "t1!"


def test_a_node_id_that_is_another_nodes_name_leads_to_that_node():
    _, view = state_of_join(plan_with_names(search="Other", t2="Search"))
    results = view.as_mapping()["results"]
    assert (results["search"], results["other"], results["t2"]) == ("t2!", "search!", "t2!")


class Fickle(Walk):
    """Its steps have a result on their first visits only."""

    def complete(self, visit):
        taken = None if self.name(visit) != "r" else ((0,) if visit.number == 1 else (1,))
        result = StepResult(result="first" if visit.number == 1 else None, taken=taken)
        self.record(StepCompleted(self.name(visit), visit.number, visit.attempt, result))


def test_a_visit_that_leaves_no_result_takes_away_that_of_the_visit_before():
    walk = Fickle(plan_of("s>work>r>work r>end")).run()
    assert VisibleState(walk.state, walk.state.visit("work", 2)).as_mapping()["results"]["work"] == "first"
    assert "work" not in VisibleState(walk.state, walk.state.visit("end", 1)).as_mapping()["results"]


def test_what_a_router_chose_is_no_result():
    plan = plan_trigger(
        flow("start>a>router>b>end", a={}, router={"conditions": ["x"]}), "start", registry=registry_of()
    )
    walk = Results(plan).run()
    view = VisibleState(walk.state, walk.state.visit("b", 1))
    assert "router" not in view.as_mapping()["results"]
    assert "a" in view.as_mapping()["results"]


@pytest.mark.parametrize("field", ["ranks", "result_keys"])
def test_both_are_worked_out_once_a_plan(field):
    plan = plan_with_names(one="Zeta", two="Alpha")
    assert getattr(plan, field) is getattr(plan, field)
    assert dataclasses.replace(plan) == plan
