"""What a person is asked, and where an answer leads."""

from dataclasses import replace

import pytest
from stage import context

from builder_jupyter.errors import StepError
from builder_jupyter.nodes.base import Answer, AnswerKind, Wait
from builder_jupyter.nodes.human import Human

FORM = {"type": "object", "properties": {"n": {"type": "integer"}}}


def decide(value=None, *, kind=AnswerKind.ANSWERED, routes=(), targets=(), data=None):
    asked, _ = context("human", data or {}, routes=routes)
    return Human().decide(replace(asked, answer=Answer(kind, {}, value, "alice"), targets=targets))


def test_the_question():
    asked, _ = context("human", {"prompt": "Ship it?", "options": ["yes", "no"], "timeout": 60, "schema": FORM})
    assert Human().decide(asked) == Wait(
        "human", {"prompt": "Ship it?", "options": ["yes", "no"], "schema": FORM}, timeout_seconds=60
    )
    plain, _ = context("human")
    assert Human().decide(plain) == Wait("human", {"prompt": "", "options": []})


@pytest.mark.parametrize(
    ("value", "text"),
    [("yes", "yes"), ({"response": "no", "why": "x"}, "no"), ({"n": 1}, '{"n":1}'), (None, ""), (7, "7")],
)
def test_an_answer_is_a_message_and_a_result(value, text):
    result = decide(value)
    assert result.result == value
    assert [(m.role, m.name) for m in result.messages] == [("user", "me")]
    assert result.outputs["text-out"].value.replace(" ", "") == text
    assert result.text.replace(" ", "") == text


@pytest.mark.parametrize(("value", "taken"), [("yes", (0,)), ({"response": "no"}, (1,)), ("what?", (2,)), ("", (2,))])
def test_an_answer_takes_the_edge_of_its_name_or_those_without_one(value, taken):
    assert decide(value, routes=["yes", "no", None], targets=["a", "b", "c"]).taken == taken


def test_with_one_way_on_every_answer_takes_it():
    assert decide("no", routes=["yes"], targets=["a"]).taken is None


def test_an_answer_that_no_edge_is_for_takes_none():
    assert decide("what?", routes=["yes", "no"], targets=["a", "b"]).taken == ()


def test_the_way_for_nobody_answered():
    assert decide(kind=AnswerKind.EXPIRED, routes=[None, "timeout"], targets=["a", "b"]).taken == (1,)
    with pytest.raises(StepError) as failed:
        decide(kind=AnswerKind.EXPIRED, routes=[None], targets=["a"])
    assert (failed.value.code, failed.value.retryable) == ("human_timeout", False)
