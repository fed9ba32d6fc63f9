"""The agent: one answer, or a conversation with tools that ends."""

import asyncio

import pytest
from engine_kit import until
from stage import Bench, context

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import ProviderError, StepError
from builder_jupyter.nodes.agent import MAX_TOOL_ROUNDS, Agent
from builder_jupyter.nodes.chat import ChatReply, Message, ToolCall, Usage


def wants(*names, text="", tokens=(1, 2)):
    calls = tuple(ToolCall(f"call_{i}", name, {"x": str(i)}) for i, name in enumerate(names))
    return ChatReply(text, calls, Usage("scripted", *tokens))


def run(made):
    return asyncio.run(Agent().run(made))


def test_it_answers_the_conversation_under_its_prompt_and_streams():
    model = ScriptedModel(["well hello there"])
    made, said = context(
        "agent", {"prompt": " Be kind. ", "temperature": 0.5, "max_tokens": 9}, model=model, messages=["hi"]
    )
    result = run(made)
    assert result.outputs["text-out"].value == "well hello there"
    assert result.messages == (Message("assistant", "well hello there", name="me"),)
    assert "".join(said) == "well hello there"
    assert len(said) > 1
    request = model.requests[0]
    assert [(m.role, m.content) for m in request.messages] == [("system", " Be kind. "), ("user", "hi")]
    assert (request.temperature, request.max_tokens, request.tools) == (0.5, 9, [])
    assert result.usage == Usage("scripted", 3, 3)


def test_a_blank_prompt_is_no_system_message():
    model = ScriptedModel(["x"])
    run(context("agent", {"prompt": "  "}, model=model, messages=["hi"])[0])
    assert [message.role for message in model.requests[0].messages] == ["user"]


def test_it_is_offered_the_tools_it_was_given_and_no_others():
    model = ScriptedModel(["x"])
    run(context("agent", {"tools": ["b", "nobody"]}, model=model, tools=Bench({"a": 1, "b": 2}))[0])
    assert [spec.name for spec in model.requests[0].tools] == ["b"]


def test_it_runs_tools_until_it_has_an_answer_and_sums_the_usage():
    bench = Bench({"add": {"sum": 3}, "look": "seen"})
    model = ScriptedModel(
        [wants("add", "look", text="let me see"), wants("add"), ChatReply("done", (), Usage("scripted", 10, 20))]
    )
    result = run(context("agent", {"tools": ["add", "look"]}, model=model, tools=bench, messages=["go"])[0])
    assert [name for name, _ in bench.calls] == ["add", "look", "add"]
    assert [(m.role, m.content, m.tool_call_id) for m in result.messages] == [
        ("assistant", "let me see", None),
        ("tool", '{"sum": 3}', "call_0"),
        ("tool", "seen", "call_1"),
        ("assistant", "", None),
        ("tool", '{"sum": 3}', "call_0"),
        ("assistant", "done", None),
    ]
    assert result.outputs["text-out"].value == "done"
    assert result.usage == Usage("scripted", 12, 24)
    assert list(model.requests[-1].messages[1:]) == list(result.messages[:-1])


def test_a_tool_that_fails_tells_the_model_so():
    bench = Bench({"add": StepError("two numbers, please", code="TOOL_ARGUMENTS")})
    result = run(context("agent", {"tools": ["add"]}, model=ScriptedModel([wants("add"), "sorry"]), tools=bench)[0])
    assert result.messages[1] == Message("tool", "Error: two numbers, please", name="add", tool_call_id="call_0")
    assert result.outputs["text-out"].value == "sorry"


def test_a_tool_it_was_not_given_is_not_run_whatever_the_model_says():
    # A model can be talked into asking for any name; what an agent may do is decided by its node.
    bench = Bench({"add": 1, "delete_all": 2})
    model = ScriptedModel([wants("delete_all"), "sorry"])
    result = run(context("agent", {"tools": ["add"]}, model=model, tools=bench)[0])
    assert bench.calls == []
    assert result.messages[1].role == "tool"
    assert result.messages[1].content.startswith("Error: ")


def test_after_ten_rounds_it_must_answer_without_tools():
    bench = Bench({"add": 1})
    model = ScriptedModel([*[wants("add")] * MAX_TOOL_ROUNDS, "enough"])
    result = run(context("agent", {"tools": ["add"]}, model=model, tools=bench)[0])
    assert len(bench.calls) == MAX_TOOL_ROUNDS == 10
    assert [bool(request.tools) for request in model.requests] == [True] * 10 + [False]
    assert result.outputs["text-out"].value == "enough"


def test_a_model_that_asks_for_more_than_ten_rounds_is_not_served():
    bench = Bench({"add": 1})
    model = ScriptedModel(lambda _request: wants("add", text="again"))
    result = run(context("agent", {"tools": ["add"]}, model=model, tools=bench)[0])
    assert len(bench.calls) == MAX_TOOL_ROUNDS
    assert result.outputs["text-out"].value == "again"
    last = result.messages[-1]
    assert (last.role, last.tool_calls) == ("assistant", ()), "a request nobody answers would break the next call"


def test_a_provider_that_breaks_fails_the_step():
    with pytest.raises(ProviderError):
        run(context("agent", model=ScriptedModel([ProviderError("down", retryable=True)]))[0])


def test_cancelling_it_closes_the_models_stream():
    async def work():
        model = ScriptedModel(["a long answer, in pieces"], middle_gate=asyncio.Event())
        made, said = context("agent", model=model)
        task = asyncio.ensure_future(Agent().run(made))
        await model.started.wait()
        await until(lambda: said)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (model.closed_early, model.finished) == (1, 0)

    asyncio.run(work())
