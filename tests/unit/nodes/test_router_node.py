"""The router: which ways out it takes."""

import pytest
from stage import context

from builder_jupyter.nodes.router import Router

AB = [{"label": "a", "pattern": "apple"}, {"label": "b", "pattern": "b[ae]r"}]


def taken(text, routes, conditions=AB, **data):
    made, _ = context("router", {"conditions": conditions, **data}, messages=[text], routes=routes)
    return Router().decide(made).taken


@pytest.mark.parametrize(
    ("text", "routes", "expected"),
    [
        ("an APPLE", ["a", "b"], (0,)),
        ("a bar", ["a", "b"], (1,)),
        ("bar and apple", ["b", "a"], (1,)),
        ("apple", ["a", "b", "a"], (0, 2)),
        ("apple", [None, None], (0,)),
        ("bar", [None, None], (1,)),
        ("bar", [None, None, None], (0, 1, 2)),
        ("apple", ["b", None], (1,)),
        ("apple", ["b"], ()),
        ("app\nle", ["a", "b"], ()),
    ],
    ids=["label", "pattern", "first condition wins", "several edges", "by position", "by position 2",
         "no position if the numbers differ", "unlabelled if the label has no edge", "nowhere", "within a line"],
)  # fmt: skip
def test_the_condition_that_is_met_first_decides(text, routes, expected):
    assert taken(text, routes) == expected


@pytest.mark.parametrize(
    ("routes", "data", "expected"),
    [
        (["a", "other", None, "default"], {"default": "other"}, (1,)),
        (["a", None, "default"], {"default": "other"}, (1,)),
        (["a", None, "default"], {}, (1,)),
        (["a", "default", "else"], {}, (1, 2)),
        (["a", "else"], {}, (1,)),
        (["a", "b"], {}, ()),
        ([], {}, ()),
    ],
)
def test_when_nothing_is_met_the_default_comes_first_then_unlabelled_then_else(routes, data, expected):
    assert taken("nothing", routes, **data) == expected


def test_plain_texts_are_conditions_that_match_themselves():
    assert taken("is it a+b?", ["a+b", "x"], ["a+b", "x"]) == (0,)
    assert taken("aab", ["a+b", "x"], ["a+b", "x"]) == ()


def test_its_result_is_the_label_it_chose():
    made, _ = context("router", {"conditions": AB, "default": "d"}, messages=["bar"], routes=["a", "b"])
    assert Router().decide(made).result == "b"
    made, _ = context("router", {"conditions": AB, "default": "d"}, routes=["a", "b"])
    assert Router().decide(made).result == "d"
