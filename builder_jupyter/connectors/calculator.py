"""Arithmetic from text, without ``eval`` and without a way to hang or to fill the memory.

The text is parsed by `ast` and a short list of node kinds is computed; anything else is refused. What bounds
the work: the length of the text, the number of nodes, and the size of every intermediate integer. Powers are
estimated before they are computed, since ``9**9**9`` would be too late to refuse afterwards.
"""

from __future__ import annotations

import ast
import math
import operator
from typing import TYPE_CHECKING

from builder_jupyter.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_CHARACTERS = 500
MAX_NODES = 200
MAX_BITS = 1024  # an integer that a float can still hold, about 308 digits
_MAX_DECIMALS = 308  # round(7, -10**9) would compute 10**10**9

Number = int | float

_CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}
_UNARY: Mapping[type[ast.unaryop], Callable[[Number], Number]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


def calculate(expression: str) -> Number:
    """Compute an arithmetic expression.

    Known are ``+ - * / // % **``, parentheses, the constants ``pi e tau`` and the functions named in
    `FUNCTIONS`.

    Returns
    -------
    An integer of at most `MAX_BITS` bits or a finite float, so that it can be written as JSON.

    Raises
    ------
    StepError : ``code="TOOL_ARGUMENTS"`` when the text is not such an expression, is over a limit, or has no
        value.
    """
    text = expression.strip()
    if not text:
        raise _refused("The expression is empty.")
    if len(text) > MAX_CHARACTERS:
        raise _refused(f"The expression is longer than {MAX_CHARACTERS} characters.")
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refused("The expression is not valid arithmetic.") from error
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise _refused(f"The expression has more than {MAX_NODES} parts.")
    try:
        return _value(tree.body)
    except ZeroDivisionError as error:
        raise _refused("The expression divides by zero.") from error
    except OverflowError as error:
        raise _too_large() from error
    except (ValueError, TypeError) as error:
        raise _refused("A function in the expression has no value for its arguments.") from error


def _value(node: ast.expr) -> Number:
    """Compute one node. Recursion is bounded by `MAX_NODES`."""
    match node:
        case ast.Constant(value=bool()):
            raise _refused("The expression may hold numbers only.")
        case ast.Constant(value=int() | float() as number):
            return _checked(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)](_value(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _checked(_BINARY[type(op)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _checked(FUNCTIONS[name](*(_value(arg) for arg in args)))
        case ast.BinOp(op=ast.BitXor()):
            raise _refused("The operator ^ is not known; a power is written **.")
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
            known = ", ".join(sorted({*FUNCTIONS, *_CONSTANTS}))
            raise _refused(f"The name {name[:40]!r} is not known. Known: {known}.")
        case _:
            raise _refused("The expression may hold numbers, + - * / // % **, parentheses and functions only.")


def _power(base: Number, exponent: Number) -> Number:
    """Raise to a power, refusing an integer that would not fit before it is computed."""
    whole = isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1
    # bit_length - 1 is a lower bound of log2, so nothing that fits is refused; _checked does the rest.
    if whole and (int(abs(base)).bit_length() - 1) * exponent > MAX_BITS:
        raise _too_large()
    result = base**exponent
    if isinstance(result, complex):
        raise _refused("A negative number has no real power with a fraction as exponent.")
    return _checked(result)


def _round(number: Number, decimals: Number = 0) -> Number:
    """Round half to even like Python; the number of decimals is bounded."""
    if not isinstance(decimals, int) or abs(decimals) > _MAX_DECIMALS:
        raise _refused("The second argument of round is a whole number of decimals.")
    return round(number, decimals) if decimals else round(number)


def _checked(number: Number) -> Number:
    """Return the number, or refuse what is too large, infinite, not a number, or complex."""
    if isinstance(number, int):
        if number.bit_length() > MAX_BITS:
            raise _too_large()
        return number
    if not isinstance(number, float):
        raise _refused("The expression may hold real numbers only.")
    if not math.isfinite(number):
        raise _too_large()
    return number


def _refused(message: str) -> StepError:
    return StepError(message, code="TOOL_ARGUMENTS")


def _too_large() -> StepError:
    return _refused("A number in the expression is too large.")


_BINARY: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}

FUNCTIONS: Mapping[str, Callable[..., Number]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "max": max,
    "min": min,
    "round": _round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
