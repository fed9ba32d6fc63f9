"""The python node: what it leaves behind, whatever kernel it is given."""

import asyncio
from dataclasses import replace

import pytest
from pydantic import ValidationError
from stage import context

from builder_jupyter.errors import StepError
from builder_jupyter.graph.dialects.plain import parse_plain, write_plain
from builder_jupyter.graph.model import Node
from builder_jupyter.nodes.base import Effect, Place
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.code import Outcome, references
from builder_jupyter.nodes.python import MAX_TEXT, Python, PythonData, fault_of, text_of
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.nodes.retry import ONCE
from builder_jupyter.validation import validate

FRAME = {
    "$artefact": "ab" * 32, "kind": "dataframe", "library": "pandas", "rows": 3, "columns": ["n", "who"],
    "preview": [{"n": 1, "who": "a"}, {"n": 2, "who": None}],
}  # fmt: skip


class Scripted:
    """A kernel that says what it is told to."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.asked = []

    async def run(self, code, state):
        self.asked.append((code, state))
        return self.outcome


def ran(outcome, data=None, **given):
    kernel = Scripted(outcome)
    made, _ = context("python", {"code": "1"} if data is None else data, **given)
    return asyncio.run(Python().run(replace(made, kernel=kernel))), kernel


def test_it_touches_the_world_in_a_kernel_for_nothing_and_once():
    assert (Python.place, Python.effect, Python.credits, Python.retry) == (Place.KERNEL, Effect.WORLD, 0, ONCE)
    assert Python().timeout_of(Node("p", "python", {"timeout": 3})) == 3
    assert Python().timeout_of(Node("p", "python", {})) == 600


def test_its_code_sees_the_state_that_templates_see():
    _, kernel = ran(Outcome(), {"code": "x"}, inputs={"n": 1}, messages=["hi"], results={"t": 2})
    ((code, state),) = kernel.asked
    assert code == "x"
    assert (state["n"], state["results"], state["messages"][0]["content"], state["output"]) == (1, {"t": 2}, "hi", None)


@pytest.mark.parametrize(
    ("value", "text"),
    [({"a": 1}, '{"a": 1}'), ("said", "said"), (0, "0"), (False, "false"), ([], "[]"), (1.5, "1.5")],
)
def test_a_result_is_kept_raw_and_said_as_text(value, text):
    result, _ = ran(Outcome(value, display=[{"text/plain": "x"}]))
    assert result.result == value
    assert result.messages == (Message("assistant", text, name="me"),)
    assert result.outputs["text-out"].value == text
    assert result.display == ({"text/plain": "x"},)


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_said_where_there_is_nothing_to_say(value):
    result, _ = ran(Outcome(value))
    assert result.messages == ()
    assert result.outputs["text-out"].value == ""


def test_a_dataframe_is_said_as_its_shape_and_first_rows():
    assert text_of(FRAME) == '3 rows: n, who\n{"n": 1, "who": "a"}\n{"n": 2, "who": null}\n…'
    assert list(references({"a": [FRAME, {"b": FRAME}], "c": {"$artefact": 3}})) == [FRAME["$artefact"]] * 2


def test_a_long_text_is_cut_short_for_the_conversation_only():
    result, _ = ran(Outcome("x" * (MAX_TEXT + 7)))
    assert len(result.result) == MAX_TEXT + 7
    assert result.messages[0].content == "x" * MAX_TEXT + "… (7 more characters in the result)"


def test_notes_are_shown():
    assert ran(Outcome("r", ["one", "two"]))[0].display == ({"text/plain": "one\ntwo"},)


def test_without_code_or_a_kernel_it_fails():
    with pytest.raises(StepError, match="no code") as empty:
        ran(Outcome(), {"code": " \n"})
    assert empty.value.code == "EMPTY_CODE"
    with pytest.raises(StepError) as nowhere:
        asyncio.run(Python().run(context("python", {"code": "1"})[0]))
    assert nowhere.value.code == "NO_KERNEL"


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), "x"])
def test_a_time_limit_is_a_number_of_seconds(timeout):
    with pytest.raises(ValidationError):
        PythonData.model_validate({"code": "1", "timeout": timeout})


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("1 + 1\nawait x", None),
        ("x = 1\ny = = 2", "invalid syntax (line 2)"),
        ("'\\d'", None),
        ("\0", "source code string cannot contain null bytes"),
        ("(" * 10_000, "too many nested parentheses (line 1)"),
    ],
)
def test_code_is_parsed_and_never_run(code, fault):
    assert fault_of(code) == fault
    assert fault_of("raise SystemExit") is None


def test_validation_names_the_node_and_the_line():
    nodes = 'start\npython a\n    code: 1 +\npython b\n    code: " "\npython c\n    code: 1\nend\n'
    text = f"{nodes}start -> a -> b -> c -> end"
    found = validate(parse_plain(text, name="w"), registry=default_registry())
    assert [(f.code, f.severity, f.node_id, f.message) for f in found] == [
        ("EMPTY_CODE", "error", "b", "Python node 'b' has no code"),
        ("INVALID_CODE", "error", "a", "Python node 'a' has code that cannot run: invalid syntax (line 1)"),
    ]


def test_code_in_the_text_form():
    code = "import math\n\ndef f(x):\n    # half\n    return x / 2\n\nf(state['n'])"
    indented = "\n".join(f"        {line}".rstrip() for line in code.split("\n"))
    text = f'start\npython half "Half"\n    code:\n{indented}\n    timeout: 30\nend\n\nstart -> half -> end\n'
    workflow = parse_plain(text, name="w")
    assert workflow.nodes[1].data == {"name": "Half", "code": code, "timeout": 30}
    assert parse_plain(write_plain(workflow), name="w") == workflow
    assert write_plain(workflow) == text
    # Code that looks like JSON is code.
    assert (
        parse_plain("start\npython p\n    code: [1]\nend\nstart -> p -> end", name="w").nodes[1].data["code"] == "[1]"
    )
