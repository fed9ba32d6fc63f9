"""Patterns match in generated code what they match in the engine, and come back as they were."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder_jupyter.codegen.patterns import from_python, to_python
from builder_jupyter.nodes.patterns import compile_pattern

PATTERNS = [
    "billing|payment|invoice", ".*", "", "^a", "a$", "^$", r"\$5", r"[$]$", r"[]$]a$", r"[^]$]+$", r"\bfoo\b", r"\d+",
    r"[\w-]+@x", r"\W", "é", "Ä.$", r"ß\b", r"[à-ü]\d", "(a|b)$|c", "(?i)x", "(?m)^a$", "(?s)a.b", "a{2,3}", r"\\$",
    "日本",    r"\x41$", r"\Qa", "(?P<n>a)$", "[[:alpha:]]", r"é\s$",
]  # fmt: skip
TEXTS = ["", "a", "A\n", "aa\n", "billing", "x$5", "$", "foo bar", "foobar", "É", "ä\n", "äb", "5", "٣", "é3", "à9",
         "日本", "]",         "c\nd", "a\nb", "A", "ß x", "ßx", "a b\n\n", "@x", "é ", "-@X"]  # fmt: skip


def agrees(pattern: str, text: str) -> bool:
    ours = compile_pattern(pattern).search(text)
    return ours == bool(re.search(to_python(pattern), text, re.ASCII | re.IGNORECASE))


def accepted(pattern: str) -> bool:
    try:
        compile_pattern(pattern)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("pattern", list(filter(accepted, PATTERNS)))
def test_patterns_match_the_same(pattern: str) -> None:
    assert [text for text in TEXTS if not agrees(pattern, text)] == []
    assert from_python(to_python(pattern)) == pattern


def test_plain_patterns_stay_as_they_are() -> None:
    assert to_python(r"billing|\bpay\w*|[$]5") == r"billing|\bpay\w*|[$]5"
    assert to_python("é|a$") == r"(?u:é|a\Z)"


@given(st.lists(st.sampled_from(["a", "b", "é", "$", "^", ".", "|", "(", ")", "[a$]", "*",
                                 r"\w", r"\b", r"\d", "\n", " "]),
                max_size=8),
       st.text("abéÉ$ \nAB5_-", max_size=8))  # fmt: skip
def test_any_pattern(parts: list[str], text: str) -> None:
    pattern = "".join(parts)
    if accepted(pattern):
        assert agrees(pattern, text)
        assert from_python(to_python(pattern)) == pattern
