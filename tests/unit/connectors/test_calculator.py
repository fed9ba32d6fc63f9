from __future__ import annotations

import json
import math

import pytest

from builder_jupyter.connectors.calculator import MAX_BITS, calculate
from builder_jupyter.errors import StepError


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4", 14),
        (" (2 + 3) * -4 ", -20),
        ("7 // 2 + 7 % 4", 6),
        ("7 / 2", 3.5),
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("sqrt(16) + abs(-3)", 7.0),
        ("round(pi, 2)", 3.14),
        ("round(2.5)", 2),
        ("max(1, 2, 3) - min(4, 5)", -1),
        ("sin(0) + cos(0) + log(e) + exp(0)", 3.0),
        ("tau / 2", math.pi),
        ("1 ** 100000", 1),
        ("(-1) ** 100001", -1),
        (f"2 ** {MAX_BITS - 1}", 2 ** (MAX_BITS - 1)),
    ],
)
def test_computes(expression: str, value: float) -> None:
    assert calculate(expression) == value
    json.dumps(calculate(expression), allow_nan=False)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "1 +",
        "9**9**9",
        "10**100000",
        "10**-10**100000",
        "2**1024 * 2**1000",
        f"2**{MAX_BITS}",
        "9e307 * 100",
        "1e999",
        "exp(1000)",
        "exp(100) ** 100",
        "1 / 0",
        "5 % 0",
        "0 ** -1",
        "log(0)",
        "sqrt(-1)",
        "(-8) ** 0.5",
        "1j",
        "True",
        "'a' * 1000000",
        "[1] * 9",
        "__import__('os').system('true')",
        "(1).__class__",
        "max(1, key=abs)",
        "max(*[1, 2])",
        "max(1)",
        "min()",
        "sqrt(1, 2)",
        "round(5, -10**9)",
        "round(5, 0.5)",
        "x",
        "2 ^ 3",
        "1 if 1 else 2",
        "1 < 2",
        "lambda: 1",
        "1" * 501,
        "9" * 400,
        "+".join(["1"] * 240),
        "(" * 240 + "1" + ")" * 240,
        "-" * 450 + "1",
        "1\x002",
    ],
)
def test_refuses(expression: str) -> None:
    with pytest.raises(StepError) as caught:
        calculate(expression)
    assert caught.value.code == "TOOL_ARGUMENTS"
    assert not caught.value.retryable
    assert caught.value.message.endswith(".")


def test_says_how_a_power_is_written() -> None:
    with pytest.raises(StepError, match=r"\*\*"):
        calculate("2 ^ 3")
