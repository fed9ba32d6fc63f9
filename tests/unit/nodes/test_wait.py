"""Timers, calls from outside, turns of a conversation."""

from dataclasses import replace

import pytest
from pydantic import ValidationError
from stage import context

from builder_jupyter.errors import StepError
from builder_jupyter.nodes.base import Answer, AnswerKind, StepResult, Wait
from builder_jupyter.nodes.wait import WaitNode


def decide(data, answer=None, routes=(), targets=()):
    made, _ = context("wait", data, routes=routes)
    return WaitNode().decide(replace(made, answer=answer, targets=targets))


@pytest.mark.parametrize("what", ["timer", "callback", "user-turn"])
def test_what_is_waited_for_and_how_long(what):
    assert decide({"for": what, "seconds": 5, "prompt": "p"}) == Wait(what, {"prompt": "p"}, timeout_seconds=5)


def test_a_form_is_shown_and_for_ever_is_possible():
    assert decide({"for": "callback", "schema": {"type": "string"}}) == Wait(
        "callback", {"prompt": "", "schema": {"type": "string"}}
    )


def test_a_timer_needs_a_number():
    with pytest.raises(StepError) as failed:
        decide({"for": "timer"})
    assert failed.value.code == "NO_SECONDS"
    for wrong in ({"for": "godot"}, {"seconds": -1}, {"seconds": "soon"}):
        with pytest.raises(ValidationError):
            WaitNode.Data.model_validate(wrong)


def test_a_timer_goes_on_by_itself():
    assert decide({"seconds": 5}, Answer(AnswerKind.EXPIRED, {}), routes=[None, "timeout"]) == StepResult()


@pytest.mark.parametrize("what", ["callback", "user-turn"])
def test_what_did_not_come_takes_its_own_way_or_fails(what):
    expired = Answer(AnswerKind.EXPIRED, {})
    assert decide({"for": what}, expired, routes=["timeout", None]).taken == (0,)
    with pytest.raises(StepError) as failed:
        decide({"for": what}, expired, routes=[None])
    assert failed.value.code == "wait_timeout"


def test_what_came_is_a_message_a_result_and_a_route():
    result = decide({"for": "callback"}, Answer(AnswerKind.ANSWERED, {}, "b"), ["a", "b"], ["x", "y"])
    assert (result.result, result.text, result.taken) == ("b", "b", (1,))
