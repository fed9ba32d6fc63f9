"""The smaller node types."""

import asyncio
import json

import pytest
from stage import Bench, context

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node
from builder_jupyter.nodes.base import StepResult, Wait
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.end import End
from builder_jupyter.nodes.human import Human
from builder_jupyter.nodes.prompt import MAX_PROMPT_CHARACTERS, Prompt
from builder_jupyter.nodes.prompt_trigger import PromptTrigger
from builder_jupyter.nodes.start import Start
from builder_jupyter.nodes.text_gen import TextGen
from builder_jupyter.nodes.tool import Tool
from builder_jupyter.nodes.webhook_trigger import WebhookTrigger


def decided(node_type, data=None, **given):
    return node_type().decide(context(node_type.type, data, **given)[0])


def ran(node_type, data=None, **given):
    return asyncio.run(node_type().run(context(node_type.type, data, **given)[0]))


def refused(code, work, *args, **given):
    with pytest.raises(StepError) as error:
        work(*args, **given)
    assert error.value.code == code
    return str(error.value)


def test_start_leaves_everything_as_it_is():
    assert decided(Start, inputs={"a": 1}) == StepResult()


# -- tool ------------------------------------------------------------------------------------------------------


def test_a_tool_gets_its_arguments_from_the_state():
    bench = Bench({"echo": lambda arguments: arguments})
    data = {"tool_name": "echo", "arguments": {"n": "{{state.n}}", "text": "n is {{ state.n }}", "plain": [1, None]}}
    result = ran(Tool, data, tools=bench, inputs={"n": 3})
    assert bench.calls == [("echo", {"n": 3, "text": "n is 3", "plain": [1, None]})]
    assert result.result == {"n": 3, "text": "n is 3", "plain": [1, None]}
    assert result.messages == (Message("assistant", json.dumps(result.result), name="me"),)
    assert result.outputs["text-out"].value == json.dumps(result.result)


def test_a_tool_that_has_no_name_or_fails_fails_the_step():
    refused("MISSING_TOOL_NAME", ran, Tool, {})
    refused("UNKNOWN_TOOL", ran, Tool, {"tool_name": "nobody"})
    refused("NO", ran, Tool, {"tool_name": "t"}, tools=Bench({"t": StepError("no", code="NO")}))


# -- human -----------------------------------------------------------------------------------------------------


def test_a_human_is_asked_and_waited_for():
    assert ran(Human, {"prompt": "ok?", "options": ["yes", "no"], "timeout": 60}) == Wait(
        "human", {"prompt": "ok?", "options": ["yes", "no"]}, 60
    )
    assert ran(Human) == Wait("human", {"prompt": "", "options": []}, None)


# -- end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("state.messages[-1]", "last"),
        ("{{ state.messages[0] }}", "first"),
        ("state.results.t", {"n": 1}),
        ("state.results.nobody", None),
        ("all is well", "all is well"),
        (" state.n ", 3),
    ],
)
def test_an_end_gives_what_its_expression_says(output, expected):
    result = decided(End, {"output": output}, messages=["first", "last"], inputs={"n": 3}, results={"t": {"n": 1}})
    assert result.has_output
    assert result.output == expected


def test_an_end_without_an_expression_shows_the_last_message_and_sets_nothing():
    result = decided(End, {"output": "  "}, messages=["first", "last"])
    assert not result.has_output
    assert result.outputs["text-out"].value == "last"
    assert decided(End).outputs["text-out"].value == ""


# -- prompt, triggers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ports": {"prompt-in": [" wired "]}, "inputs": {"prompt": "asked"}}, "wired"),
        ({"inputs": {"prompt": " asked "}}, "asked"),
        ({"inputs": {"prompt": 3}}, "own"),
        ({}, "own"),
    ],
)
def test_a_prompt_is_what_is_wired_else_asked_else_its_own(given, expected):
    assert decided(Prompt, {"prompt": " own ", "text": "old"}, **given).outputs["text-out"].value == expected


def test_a_prompt_reads_its_other_field_and_has_limits():
    assert decided(Prompt, {"text": "old"}).outputs["text-out"].value == "old"
    assert refused("EMPTY_PROMPT", decided, Prompt, {"prompt": " \n"}) == "Prompt node has no text content."
    full = "x" * MAX_PROMPT_CHARACTERS
    assert decided(Prompt, {"prompt": f" {full} "}).outputs["text-out"].value == full
    assert "1001" in refused("PROMPT_TOO_LONG", decided, Prompt, {"prompt": full + "x"})


def test_a_prompt_trigger_takes_one_input_as_its_text_and_hands_on_all():
    result = decided(PromptTrigger, {"inputKey": "q", "prompt": "own"}, inputs={"q": "asked", "n": 1})
    assert result.outputs["text-out"].value == "asked"
    assert result.outputs["context-out"].value == {"q": "asked", "n": 1}
    assert decided(PromptTrigger, {"prompt": "own"}, inputs={"prompt": " "}).outputs["text-out"].value == "own"
    refused("EMPTY_PROMPT", decided, PromptTrigger, {}, inputs={"other": "x"})


def test_a_webhook_trigger_hands_on_the_event():
    outputs = decided(WebhookTrigger, inputs={"a": "ü"}).outputs
    assert outputs["body-out"].value == '{"a": "ü"}'
    assert outputs["context-out"].value["body"] == {"a": "ü"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"inputs": {"a": 1}}, '{"a": 1}'),
        ({}, '{"test": true}'),
        ({"inputs": {"a": 1}, "is_entry": False}, '{"test": true}'),
        ({"event": {"nodeId": "another", "body": "x"}, "inputs": {"a": 1}, "is_entry": False}, '{"test": true}'),
    ],
)
def test_a_test_event_stands_in_where_a_run_brings_no_event_for_this_trigger(given, expected):
    assert decided(WebhookTrigger, {"testPayload": {"test": True}}, **given).outputs["body-out"].value == expected


# -- text generation -------------------------------------------------------------------------------------------


def test_text_generation_asks_once_with_the_texts_that_are_wired_in():
    model = ScriptedModel(["an answer"])
    made, said = context(
        "text-gen", {"prompt": "own", "temperature": 1, "maxTokens": 5}, model=model, ports={"prompt-in": ["a", "b"]}
    )
    result = asyncio.run(TextGen().run(made))
    assert result.outputs["text-out"].value == "".join(said) == "an answer"
    assert result.usage.output_tokens == 2
    (request,) = model.requests
    assert [(m.role, m.content) for m in request.messages] == [("user", "a\n\nb")]
    assert (request.temperature, request.max_tokens) == (1, 5)


def test_text_generation_falls_back_on_its_own_prompt_and_needs_one():
    model = ScriptedModel(["x"])
    ran(TextGen, {"prompt": "own"}, model=model)
    assert model.requests[0].messages[0].content == "own"
    refused("EMPTY_PROMPT", ran, TextGen, {"prompt": "  "})
    assert TextGen().own_input(Node("me", "text-gen", {"prompt": "x"}), "prompt-in")
    assert not TextGen().own_input(Node("me", "text-gen", {"prompt": " "}), "prompt-in")
