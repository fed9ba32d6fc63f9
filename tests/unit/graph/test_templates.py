import pytest

from builder_jupyter.graph.model import freeze
from builder_jupyter.graph.templates import (
    evaluate,
    evaluate_output,
    fill,
    find_invalid,
    parse_output,
    parse_path,
)

MESSAGE = {"role": "user", "content": "hi"}
STATE = {
    "query": "cats",
    "limit": 5,
    "none": None,
    "list": [1, [2, 3]],
    "obj": {"a": {"b": True}, "_x": 1},
    "trap": "{{state.query}}",
    "messages": [{"role": "user", "content": "first"}, MESSAGE],
}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("state.a", ("a",)),
        ("state.a.b2_[3][-1].c", ("a", "b2_", 3, -1, "c")),
        ("state", None),
        ("state[0]", None),
        ("state._a", None),
        ("state.a._b", None),
        ("state.a.__class__", None),
        ("state.1a", None),
        ("state.a[b]", None),
        ("state.a['b']", None),
        ("state.a[1.5]", None),
        ("state.a[]", None),
        ("state.a[" + "9" * 5000 + "]", None),
        ("state.a()", None),
        ("state.ä", None),
        ("state.a\n", None),
        (" state.a", None),
        ("states.a", None),
        ("", None),
    ],
)
def test_grammar(text, path):
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("state.query", "cats"),
        ("state.missing", None),
        ("state.missing.more[0]", None),
        ("state.list[1][-1]", 3),
        ("state.list[2]", None),
        ("state.list[-3]", None),
        ("state.obj.a.b", True),
        ("state.obj[0]", None),
        ("state.query[0]", None),
        ("state.query.upper", None),
        ("state.messages[-1]", MESSAGE),
        ("state.messages[-1].content", "hi"),
    ],
)
def test_evaluate(text, value):
    assert evaluate(parse_path(text), STATE) == value
    assert evaluate(parse_path(text), freeze(STATE)) == freeze(value)


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("{{state.limit}}", 5),
        ("{{  state.limit\t}}", 5),
        ("{{state.list}}", [1, [2, 3]]),
        ("{{state.messages[-1]}}", "hi"),
        ("{{state.messages[-1].role}}", "user"),
        ("{{state.missing}}", None),
        ("a {{state.query}} b {{state.limit}}", "a cats b 5"),
        (" {{state.limit}}", " 5"),
        ("<{{state.missing}}{{state.none}}>", "<>"),
        ("<{{state.messages[0]}}>", "<first>"),
        ("<{{state.obj.a}} {{state.list}}>", '<{"b": true} [1, [2, 3]]>'),
        ("{{state.trap}}", "{{state.query}}"),
        ("x{{state.trap}}", "x{{state.query}}"),
        ("{{{state.limit}}}", "{5}"),
        ("{{state._x}} {{state}} {{user.name}} {{ }}", "{{state._x}} {{state}} {{user.name}} {{ }}"),
        ("{state.query}", "{state.query}"),
        (
            {"{{state.query}}": ["{{state.limit}}", {"q": "{{state.query}}!"}]},
            {"{{state.query}}": [5, {"q": "cats!"}]},
        ),
        (("{{state.limit}}",), [5]),
        (7, 7),
        (None, None),
    ],
)
def test_fill(value, filled):
    result = fill(value, STATE)
    assert result == filled
    assert type(result) is type(filled)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("state.messages[-1]", "hi"),
        ("{{ state.messages[-1] }}", "hi"),
        (" state.limit ", 5),
        ("state.missing", None),
        ("Done!", "Done!"),
        ("state._x", "state._x"),
        ("see {{state.limit}}", "see {{state.limit}}"),
        ("{{state.limit}", "{{state.limit}"),
    ],
)
def test_output(text, value):
    assert evaluate_output(text, STATE) == value


def test_parse_output():
    assert parse_output("{{state.a}}") == ("a",)
    assert parse_output("plain") is None


def test_find_invalid():
    value = {
        "a": ["{{state.ok}}", "x {{state._no}} {{ state }} {{other}} {{stateful}}"],
        "{{state}}": 5,
        "b": '{{state["x"]}} {{state.open',
    }
    assert find_invalid(value) == ["{{state._no}}", "{{ state }}", '{{state["x"]}}']


@pytest.mark.parametrize("text", ["{{state ", "{{ state.a", "{{", "{{state." + "a" * 50, "{{" + " " * 100])
def test_a_million_hostile_characters_are_plain_text(text):
    # What backtracks on these never comes back.
    text *= 1_000_000 // len(text)
    assert fill(text, {}) == text
    find_invalid(text)
