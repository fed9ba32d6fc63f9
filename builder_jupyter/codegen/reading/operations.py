"""Operators, built-in functions and methods on values that are known: the few that programs build graphs with.

Nothing here calls what the code brings along. Results have limits, so that no line of code can fill the memory.
"""

from __future__ import annotations

import ast
import operator
import re
import textwrap
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

from builder_jupyter.codegen.reading.values import (
    UNKNOWN,
    Attribute,
    Call,
    PartialText,
    Pipe,
    StatePath,
    Symbol,
    TemplateText,
    Value,
)

MAX_TEXT = 200_000
MAX_ITEMS = 20_000
_STATE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_METHODS_OF_STATE = frozenset({"get", "copy", "items", "keys", "values", "update", "model_dump", "dict"})
_SAME_TEXT = frozenset({"lower", "upper", "strip", "casefold", "lstrip", "rstrip", "title", "text", "content"})

_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


def is_known(value: Value) -> bool:
    """Say whether a value is a constant, or a container of nothing but constants and not very large.

    Lists may hold one another many times over, so what counts is what they would be written out.
    """
    stack, count = [value], 0
    while stack:
        found = stack.pop()
        count += 1
        if count > MAX_ITEMS or isinstance(found, PartialText):
            return False
        if isinstance(found, dict):
            stack.extend(found.values())
        elif isinstance(found, list | tuple | set):
            stack.extend(found)
        elif found is not None and not isinstance(found, str | int | float | bool):
            return False
    return True


def is_scalar(value: Value) -> bool:
    """Say whether a value is a known text, number, flag or None."""
    return value is None or (isinstance(value, str | int | float | bool) and not isinstance(value, PartialText))


def binary(op: ast.operator, left: Value, right: Value) -> Value:
    """Return ``left op right``: sums of texts and lists, differences and sums of numbers, chains by ``|``."""
    if isinstance(op, ast.Add):
        return _sum(left, right)
    if isinstance(op, ast.BitOr):
        if isinstance(left, dict) and isinstance(right, dict):
            return left | right
        return Pipe([*_chain(left), *_chain(right)])
    if isinstance(op, ast.Sub) and _are_numbers(left, right):
        return left - right
    if isinstance(op, ast.Mod) and isinstance(left, str):
        return PartialText(left)
    return UNKNOWN


def _sum(left: Value, right: Value) -> Value:
    if _are_numbers(left, right):
        return left + right
    if isinstance(left, str | StatePath) and isinstance(right, str | StatePath):
        return joined([left, right])
    if isinstance(left, str) or isinstance(right, str):
        return joined([left if isinstance(left, str) else UNKNOWN, right if isinstance(right, str) else UNKNOWN])
    if type(left) is type(right) and isinstance(left, list | tuple):
        return type(left)([*left, *right]) if len(left) + len(right) <= MAX_ITEMS else UNKNOWN
    if isinstance(left, list) != isinstance(right, list):  # messages of ours before or behind those of the state
        both = [*left, right] if isinstance(left, list) else [left, *right]
        return both if len(both) <= MAX_ITEMS else UNKNOWN
    return UNKNOWN


def _are_numbers(*values: Value) -> bool:
    return all(isinstance(value, int | float) and abs(value) < 1e15 for value in values)


def _chain(value: Value) -> list[Value]:
    return value.parts if isinstance(value, Pipe) else [value]


def joined(pieces: list[Value], names: list[str] | None = None) -> Value:
    """Return texts put together. Places in the state become templates, what is unknown stands there by its name."""
    kind: type[str] = str
    words = []
    for i, piece in enumerate(pieces):
        if isinstance(piece, StatePath):
            words.append(f"{{{{{piece}}}}}")
            kind = kind if kind is PartialText else TemplateText
        elif isinstance(piece, str | int | float | bool) or piece is None:
            words.append(str(piece))
            kind = PartialText if isinstance(piece, PartialText) else kind
            kind = TemplateText if isinstance(piece, TemplateText) and kind is str else kind
        else:
            words.append(f"{{{names[i] if names else '...'}}}")
            kind = PartialText
    return kind("".join(words)) if sum(map(len, words)) <= MAX_TEXT else UNKNOWN


def compare(op: ast.cmpop, left: Value, right: Value) -> Value:
    """Return what a comparison of known values gives."""
    items = right if isinstance(right, list | tuple | dict) and isinstance(op, ast.In | ast.NotIn) else (right,)
    if not (is_scalar(left) and all(map(is_scalar, items))):
        return UNKNOWN
    try:
        return bool(_COMPARISONS[type(op)](left, right))
    except TypeError:
        return UNKNOWN


def item_of(value: Value, key: Value) -> Value:
    """Return ``value[key]``."""
    if isinstance(value, StatePath):
        return place(value, key)
    if isinstance(value, dict):
        return value.get(key, UNKNOWN) if is_scalar(key) else UNKNOWN
    if isinstance(value, list | tuple | str) and isinstance(key, int | slice):
        try:
            return value[key]
        except (IndexError, TypeError, ValueError):
            return UNKNOWN
    return UNKNOWN


def place(path: StatePath, step: Value) -> Value:
    """Return a place further into the state; `UNKNOWN` where templates have no words for it."""
    if step == "content" and path.steps and isinstance(path.steps[-1], int):
        return path
    if isinstance(step, str) and _STATE_NAME.fullmatch(step):
        return StatePath((*path.steps, step))
    if isinstance(step, int) and not isinstance(step, bool) and path.steps:
        return StatePath((*path.steps, step))
    return UNKNOWN


def attribute_of(value: Value, name: str) -> Value:
    """Return ``value.name`` for what is not an object of the code."""
    if isinstance(value, Symbol):
        return Symbol(f"{value.path}.{name}")
    if isinstance(value, StatePath):
        if not value.steps and name not in _METHODS_OF_STATE:
            return place(value, name)
        return value if name in ("content", "text") else Attribute(value, name)
    if name == "value" and isinstance(value, str | int):  # a member of an enumeration
        return value
    return Attribute(value, name)


def call_method(owner: Value, name: str, args: list[Value], keywords: dict[str, Value]) -> Value:  # noqa: PLR0911
    """Return what a method of a known value gives; `NotImplemented` when this is none of those that are known."""
    if isinstance(owner, StatePath):
        if name in _SAME_TEXT:
            return owner
        return place(owner, args[0]) if name == "get" and args else NotImplemented
    if isinstance(owner, str) and name in _TEXT_METHODS:
        if all(is_scalar(arg) or (name == "join" and is_known(arg)) for arg in args):
            return _checked(lambda: _TEXT_METHODS[name](owner, *args), type(owner))
        return joined(args[0]) if name == "join" and owner == "" and isinstance(args[0], list) else PartialText(owner)
    if isinstance(owner, str) and name in ("format", "format_map"):
        return _formatted(owner, args, keywords)
    if isinstance(owner, dict) and name in _DICT_METHODS:
        return _checked(lambda: _DICT_METHODS[name](owner, *args))
    if isinstance(owner, list) and name in _LIST_METHODS and len(owner) < MAX_ITEMS:
        return _checked(lambda: _LIST_METHODS[name](owner, *args))
    return NotImplemented


def call_builtin(name: str, args: list[Value], keywords: dict[str, Value]) -> Value:
    """Return what a function of Python's gives; `NotImplemented` when it is none of those that are known."""
    if name in ("str", "dedent") and args and isinstance(args[0], StatePath):
        return args[0]
    if name == "dict" and not args:
        return dict(keywords)
    if name not in _BUILTINS or any(not isinstance(arg, list | tuple | dict | str | int) for arg in args):
        return NotImplemented
    return _checked(lambda: _BUILTINS[name](*args))


def _checked(work: Callable[[], Value], kind: type = str) -> Value:
    try:
        found = work()
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return UNKNOWN
    if isinstance(found, str):
        return (kind(found) if kind in (PartialText, TemplateText) else found) if len(found) <= MAX_TEXT else UNKNOWN
    return found


def _formatted(text: str, args: list[Value], keywords: dict[str, Value]) -> Value:
    """Fill in ``{}``, ``{0}`` and ``{name}``; anything else between braces stays and makes the text partial."""
    complete = True
    counter = iter(range(len(args)))

    def fill(match: re.Match[str]) -> str:
        nonlocal complete
        name = match[1]
        key = next(counter, None) if not name else int(name) if name.isdecimal() and len(name) < 6 else None
        value = args[key] if key is not None and key < len(args) else keywords.get(name, UNKNOWN)
        if isinstance(value, str | int | float) and not isinstance(value, PartialText):
            return str(value)
        complete = False
        return match[0]

    filled = re.sub(r"\{(\w*)\}", fill, text)
    return (filled if complete else PartialText(filled)) if len(filled) <= MAX_TEXT else UNKNOWN


def _range(*bounds: Any) -> Value:
    found = range(*bounds)
    return list(found) if len(found) <= MAX_ITEMS else UNKNOWN


def _pairs(items: Any) -> list[tuple[Value, Value]]:
    return list(items.items()) if isinstance(items, dict) else [(key, value) for key, value in items]


def _keep(action: Callable[..., object]) -> Callable[..., Value]:
    """Return a method that changes its list or dict and gives None, whatever ``action`` returns."""

    def perform(owner: Any, *args: Any) -> None:
        action(owner, *args)

    return perform


_TEXT_METHODS: Final[Mapping[str, Callable[..., Any]]] = {
    name: getattr(str, name)
    for name in (
        "capitalize", "endswith", "join", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "split",
        "splitlines", "startswith", "strip", "title", "upper",
    )
}  # fmt: skip
_DICT_METHODS: Final[Mapping[str, Callable[..., Any]]] = {
    "get": lambda owner, key, default=None: owner.get(key, default) if is_scalar(key) else UNKNOWN,
    "items": lambda owner: [tuple(pair) for pair in owner.items()],
    "keys": list,
    "values": lambda owner: list(owner.values()),
    "update": _keep(dict.update),
    "copy": dict,
}
_LIST_METHODS: Final[Mapping[str, Callable[..., Any]]] = {
    "append": _keep(list.append),
    "extend": _keep(lambda owner, more: owner.extend(list(more)[:MAX_ITEMS])),
    "insert": _keep(list.insert),
    "copy": list,
}
_BUILTINS: Final[Mapping[str, Callable[..., Any]]] = {
    "dedent": textwrap.dedent,
    "dict": lambda pairs: {key: value for key, value in _pairs(pairs) if is_scalar(key)},
    "enumerate": lambda items, start=0: [(start + i, item) for i, item in enumerate(items)],
    "len": len,
    "list": list,
    "pairwise": lambda items: list(pairwise(items)),
    "range": _range,
    "reversed": lambda items: list(reversed(items)),
    "set": list,  # in the order of the code, so that reading gives the same twice
    "sorted": lambda items: sorted(items) if all(map(is_scalar, items)) else UNKNOWN,
    "str": lambda value: str(value) if is_scalar(value) else UNKNOWN,
    "tuple": tuple,
    "zip": lambda *rows: [tuple(row) for row in zip(*rows, strict=False)],
}


def is_call_of(value: Value, *names: str) -> bool:
    """Say whether a value is what a call of one of these functions or classes gives."""
    return isinstance(value, Call) and value.name in names


def size_of(value: Value) -> int:
    """Return how much room a value takes: characters of a text, items of a list."""
    return len(value) if isinstance(value, str | list | tuple | dict) else 1
