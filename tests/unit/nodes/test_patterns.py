import pytest

from builder_jupyter.nodes.patterns import compile_pattern, read_conditions


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("billing|payment", "My PAYMENT failed", True),
        ("billing|payment", "hello", False),
        ("a.b", "a\nb", False),
        ("", "anything", True),
        (".*", "", True),
        ("é", "CAFÉ", True),
        ("x", "\ud800x", True),
        ("(a+)+$", "a" * 100_000 + "b", False),
    ],
)
def test_search(pattern, text, found):
    assert compile_pattern(pattern).search(text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "(?=a)",
        r"(a)\1",
        r"\pL",
        "(?U)a",
        "[[:alpha:]]",
        "a{1001}",
        "a**",
        "\ud800",
        "(" * 999 + ")" * 999,
    ],
)
def test_refused_by_either_engine(pattern, capfd):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the reason is the engine's own
        compile_pattern(pattern)
    assert str(caught.value)
    assert capfd.readouterr().err == ""


def test_conditions():
    data = {"conditions": ("a.b (c)", {"label": "x", "pattern": "y"}, {"label": None}, 5, {"pattern": "z"})}
    conditions = read_conditions(data)
    assert conditions[1:] == [("x", "y"), ("", ""), ("", "z")]
    assert conditions[0].label == "a.b (c)"
    assert compile_pattern(conditions[0].pattern).search("see A.B (C)")
    assert not compile_pattern(conditions[0].pattern).search("axb (c)")
    assert read_conditions({}) == read_conditions({"conditions": "x"}) == []
