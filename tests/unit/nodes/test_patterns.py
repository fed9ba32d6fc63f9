import pytest

from builder_jupyter.nodes.patterns import compile_pattern, pattern_fault, read_conditions


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


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "a parenthesis is not closed (missing ): ()"),
        ("a)", "a parenthesis is closed that is not open (unexpected ): a))"),
        ("[a", "a bracket is not closed"),
        ("*a", "there is nothing to repeat"),
        ("(?=a)", "looking ahead or behind is not supported (invalid perl operator: (?=)"),
        ("(?<!a)", "looking ahead or behind is not supported"),
        (r"(a)\1", r"a group cannot be referred back to (invalid escape sequence: \1)"),
        ("(?P<n>a)(?P=n)", "a group cannot be referred back to"),
        ("[[:alpha:]]", "Possible nested set at position 1"),
        ("a{1001}", "it repeats something more than 1,000 times (invalid repetition size: {1001})"),
        ("(" * 500, "a parenthesis is not closed"),
        ("\ud800", "it contains a lone surrogate"),
        ("(" * 999 + ")" * 999, "its groups are nested too deeply"),
        ("x" * 4_001, "it has more than 4,000 characters"),
        ("(((a{100}){100}){100})", "it repeats something more than 1,000 times"),
    ],
)
def test_why_a_pattern_is_refused(pattern, reason):
    assert reason in pattern_fault(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){20}$", "(?:a?){50}a{50}$", "(x+x+)+y", r"(\w+\s?)*$"]
)
def test_catastrophic_patterns_take_no_time_to_speak_of(pattern):
    # A backtracking engine would not come back from these.
    assert pattern_fault(pattern) is None
    assert compile_pattern(pattern).search("a" * 50_000 + "!") in {True, False}


def test_conditions():
    data = {"conditions": ("a.b (c)", {"label": "x", "pattern": "y"}, {"label": None}, 5, {"pattern": "z"})}
    conditions = read_conditions(data)
    assert conditions[1:] == [("x", "y"), ("", ""), ("", "z")]
    assert conditions[0].label == "a.b (c)"
    assert compile_pattern(conditions[0].pattern).search("see A.B (C)")
    assert not compile_pattern(conditions[0].pattern).search("axb (c)")
    assert read_conditions({}) == read_conditions({"conditions": "x"}) == []
