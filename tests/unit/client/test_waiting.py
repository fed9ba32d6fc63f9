"""Runs that wait, that are answered, run again and compared."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

import builder_jupyter as bj
from builder_jupyter.client.client import Client
from builder_jupyter.client.progress_terminal import TerminalProgress
from builder_jupyter.errors import Conflict, InvalidInput, NotConfigured, NotFound
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.dialects.plain import parse_plain
from builder_jupyter.graph.model import Workflow

AGENT = {"id": "agent", "type": "agent", "data": {"prompt": "Be kind."}}
HUMAN = {"id": "ask", "type": "human", "data": {"prompt": "Ship it?", "options": ["yes", "no"], "timeout": 600}}
TYPED = {"id": "ask", "type": "human", "data": {"schema": {"type": "integer"}}}
BOTH = "start\nhuman ann\n    prompt: Ann?\nhuman bob\n    prompt: Bob?\nend\n\nstart -> ann, bob -> end\n"
Chain = Callable[..., Workflow]


def test_an_answer_lets_the_run_go_on(client: Client, chain: Chain) -> None:
    run = client.run(chain(HUMAN), "hello", show=False)
    (waitpoint,) = run.waitpoints
    assert repr(waitpoint) == "<Waitpoint 'ask', human: Ship it?>"
    assert (waitpoint.step, waitpoint.visit, waitpoint.kind) == ("ask", 1, "human")
    assert waitpoint.form.options == ("yes", "no")
    assert waitpoint.deadline is not None
    assert waitpoint.deadline > datetime.now(UTC)
    assert waitpoint.answer("yes") is True
    assert waitpoint.answer("no") is False
    assert run.wait(show=False).status is ExecutionStatus.COMPLETED
    assert run["ask"].text == "yes"
    assert run.waitpoints == []
    with pytest.raises(NotFound) as caught:
        run.answer("no")
    assert caught.value.code == "WAITPOINT_NOT_FOUND"
    assert "completed" in caught.value.message


def test_an_answer_that_does_not_fit_changes_nothing(client: Client, chain: Chain) -> None:
    run = client.run(chain(TYPED), "hello", show=False)
    with pytest.raises(InvalidInput) as caught:
        run.answer("many")
    assert caught.value.code == "INVALID_ANSWER"
    assert run.status is ExecutionStatus.WAITING
    assert run.answer(3).wait(show=False)["ask"].text == "3"


def test_of_several_questions_one_is_named(client: Client) -> None:
    run = client.run(parse_plain(BOTH, name="both"), "hello", show=False)
    with pytest.raises(Conflict) as caught:
        run.answer("x")
    assert caught.value.code == "WAITPOINT_AMBIGUOUS"
    assert run.answer("b", step="bob").wait(show=False).status is ExecutionStatus.WAITING
    assert run.answer("a").wait(show=False).status is ExecutionStatus.COMPLETED
    assert (run["ann"].text, run["bob"].text) == ("a", "b")


def test_a_question_beside_a_timer_comes_back_too(client: Client) -> None:
    flow = "start\nwait pause\n    for: timer\n    seconds: 600\nhuman ask\nend\n\nstart -> pause, ask -> end\n"
    run = client.run(parse_plain(flow, name="pause"), "x", show=False)
    assert run.status is ExecutionStatus.WAITING
    assert {one.kind for one in run.waitpoints} == {"timer", "human"}
    with pytest.raises(Conflict) as caught:
        run.answer("x", step="pause")
    assert caught.value.code == "NOT_ANSWERABLE"
    assert run.answer("x", step="ask")["ask"].text == "x"
    run.cancel()


def test_a_process_without_a_server_makes_no_links(client: Client, chain: Chain) -> None:
    with pytest.raises(NotConfigured) as caught:
        client.run(chain(HUMAN), show=False).waitpoints[0].link()
    assert caught.value.code == "NO_SERVER"


def test_whoever_looks_is_told_how_to_answer(client: Client, chain: Chain) -> None:
    stream = io.StringIO()
    run = client.start(chain(HUMAN), "hello").wait(progress=TerminalProgress(stream))
    hint = "Ship it? [yes / no]  Answer: run.answer('yes')"
    assert hint in stream.getvalue()
    bundle = run._repr_mimebundle_()
    assert hint in bundle["text/plain"]
    assert "Ship it?" in bundle["text/html"]
    assert client.executions()["waits_for"].tolist() == ["ask"]
    run.answer("yes").wait(progress=TerminalProgress(stream))
    assert "Ask  was answered" in stream.getvalue() or "ask  was answered" in stream.getvalue()
    assert client.executions()["waits_for"].isna().all()


def test_a_replay_takes_over_what_was_before(client: Client, chain: Chain) -> None:
    first = client.run(chain(AGENT, HUMAN), "hello", show=False)
    with pytest.raises(Conflict) as caught:
        first.replay()
    assert caught.value.code == "EXECUTION_NOT_OVER"
    first.answer("yes").wait(show=False)

    second = first.replay("ask").wait(show=False)
    assert second.status is ExecutionStatus.WAITING
    assert (second.saved, second.credits) == (Decimal(1), Decimal(0))
    assert repr(second).endswith("waiting, 1 credit saved>")
    second.answer("no").wait(show=False)
    assert "1 credit saved" in second._repr_mimebundle_()["text/plain"]
    assert first.saved == 0

    fork = first.replay(edits={"agent": "changed"}, from_step="ask").wait(show=False)
    assert fork["agent"].text == "changed"
    fork.cancel()
    assert first.replay(inputs={"message": "other"}).wait(show=False)["agent"].text == "About: other"

    frame = bj.diff(first, second).set_index("step")
    assert frame["change"].to_dict() == {"start": "same", "agent": "same", "ask": "changed", "end": "changed"}
    assert frame.loc["ask", ["output_a", "output_b"]].tolist() == ["yes", "no"]
    assert frame.loc["agent", ["reused_a", "reused_b", "credits_a", "credits_b"]].tolist() == [False, True, 1.0, 0.0]
    assert frame["seconds_a"].dtype == "float64"


def test_what_only_one_of_two_runs_has(client: Client, chain: Chain) -> None:
    one, other = client.run(chain(AGENT), "x", show=False), client.run(chain(HUMAN), "x", show=False)
    frame = bj.diff(one, other)
    assert list(zip(frame["step"], frame["change"], strict=True)) == [
        ("start", "same"), ("agent", "only a"), ("end", "changed"), ("ask", "only b"),
    ]  # fmt: skip
    assert frame["status_b"].isna().tolist() == [False, True, False, False]
    assert (bj.diff(one, one)["change"] == "same").all()


def test_a_target_or_the_whole(client: Client) -> None:
    flow = parse_plain(
        "start\nagent a\n    prompt: x\nagent b\n    prompt: x\nend\n\nstart -> a, b -> end\n", name="two"
    )
    assert client.run(flow, "x", target="a", show=False).steps["step"].tolist() == ["start", "a"]
    assert set(client.run(flow, "x", whole=True, show=False).steps["step"]) == {"start", "a", "b", "end"}
    for wrong in ({"target": "a", "whole": True}, {"trigger": "start", "target": "a"}):
        with pytest.raises(InvalidInput) as caught:
            client.start(flow, "x", **wrong)
        assert caught.value.code == "TWO_ENTRIES"
