"""The arithmetic of pauses, and which outputs count as failures."""

import pytest
from pydantic import ValidationError

from builder_jupyter.nodes.agent import Agent
from builder_jupyter.nodes.prompt import Prompt
from builder_jupyter.nodes.retry import ONCE, RetryPolicy
from builder_jupyter.nodes.text_gen import TextGen

STEADY = RetryPolicy(jitter=0)


def pauses(policy, count, **kwargs):
    return [policy.delay_ms(n, **({"asked_seconds": None, "chance": 0.5} | kwargs)) for n in range(1, count + 1)]


def test_the_defaults_are_those_of_the_table():
    assert RetryPolicy().model_dump(by_alias=True) == {
        "maxAttempts": 3, "initialDelayMs": 1000, "factor": 2.0, "maxDelayMs": 30_000, "jitter": 0.2,
        "rejectIf": None, "acceptIf": None,
    }  # fmt: skip


def test_pauses_double_up_to_the_longest():
    assert pauses(STEADY, 7) == [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
    assert pauses(STEADY, 100)[-1] == 30_000
    assert pauses(RetryPolicy(initial_delay_ms=0), 3) == [0, 0, 0]
    assert pauses(RetryPolicy(factor=1, initial_delay_ms=7, jitter=0), 3) == [7, 7, 7]


def test_chance_moves_a_pause_by_the_jitter_and_no_further():
    policy = RetryPolicy()
    assert [pauses(policy, 1, chance=chance)[0] for chance in (0, 0.5, 1)] == [800, 1000, 1200]


def test_no_pause_is_shorter_than_the_peer_asked_for():
    assert pauses(STEADY, 6, asked_seconds=5) == [5000, 5000, 5000, 8000, 16_000, 30_000]
    assert pauses(STEADY, 1, asked_seconds=100) == [100_000], "not even beyond the longest of the policy"
    assert pauses(RetryPolicy(), 1, asked_seconds=1, chance=0) == [1000], "chance takes nothing away from it"


@pytest.mark.parametrize(
    ("policy", "rejected", "accepted"),
    [
        ({"reject_if": "sorry"}, ["I am SORRY"], ["done", ""]),
        ({"accept_if": "^ok"}, ["no", ""], ["OK then"]),
        ({"accept_if": "ok", "reject_if": "not"}, ["not ok", "no"], ["ok"]),
        ({}, [], ["", "anything"]),
    ],
)
def test_outputs_that_another_attempt_may_mend(policy, rejected, accepted):
    made = RetryPolicy(**policy)
    assert made.judges is bool(policy)
    assert [made.rejects(text) for text in rejected] == [True] * len(rejected)
    assert [made.rejects(text) for text in accepted] == [False] * len(accepted)


@pytest.mark.parametrize(
    "wrong",
    [
        {"maxAttempts": 0}, {"maxAttempts": 101}, {"initialDelayMs": -1}, {"factor": 0.5}, {"jitter": 1.1},
        {"maxDelayMs": 86_400_001}, {"rejectIf": "("}, {"acceptIf": "(?=x)"}, {"attempts": 3}, {"factor": float("nan")},
    ],
)  # fmt: skip
def test_policies_that_make_no_sense_are_refused(wrong):
    with pytest.raises((ValidationError, ValueError)):
        RetryPolicy.model_validate(wrong)


def test_what_differs_is_written_and_read_back():
    policy = RetryPolicy(max_attempts=5, reject_if="x")
    assert policy.to_dict() == {"maxAttempts": 5, "rejectIf": "x"}
    assert RetryPolicy(**policy.to_dict()) == policy
    assert RetryPolicy(**ONCE.to_dict()) == ONCE


def test_steps_that_ask_a_model_try_three_times_and_prompts_once():
    assert (Agent.retry.max_attempts, TextGen.retry.max_attempts, Prompt.retry.max_attempts) == (3, 3, 1)
    assert (Agent.timeout_seconds, TextGen.timeout_seconds, Prompt.timeout_seconds) == (120, 120, 10)
