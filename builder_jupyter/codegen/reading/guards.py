"""Tests in the code of routing functions, as patterns over the newest text or as a person's answer."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Final

from builder_jupyter.codegen.reading.expressions import Expressions, iterable
from builder_jupyter.codegen.reading.operations import is_known
from builder_jupyter.codegen.reading.values import Attribute, Call, Scope, StatePath, Value, last_name

_ANCHORS: Final = {"startswith": "^{}", "endswith": "{}$"}


@dataclass(frozen=True, slots=True)
class Guard:
    """A test that leads somewhere. ``pattern`` says it of the newest text, ``answer`` of a person's answer."""

    pattern: str | None = None
    answer: str | None = None


def guard_of(test: ast.expr, scope: Scope, reader: Expressions) -> Guard:
    """Return what a test asks, as far as a workflow has words for it."""
    pattern = _pattern(test, scope, reader)
    if pattern is None and any(isinstance(n, ast.Attribute) and n.attr == "tool_calls" for n in ast.walk(test)):
        return Guard()
    return Guard(pattern, None if pattern is not None else _answer(test, scope, reader))


def _answer(test: ast.expr, scope: Scope, reader: Expressions) -> str | None:
    """Return the text that something unknown is compared with."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return None
    found = [reader.value(side, scope) for side in (test.left, test.comparators[0])]
    texts = [value for value in found if isinstance(value, str)]
    is_asked = [value for value in found if _is_answer(value)]
    return texts[0] if len(texts) == 1 and is_asked else None


def _is_answer(value: Value) -> bool:
    """Say whether a value is what a person answered, or a part of it."""
    while isinstance(value, Attribute):
        value = value.owner
    if isinstance(value, Call):
        return value.name in ("interrupt", "input") or (
            isinstance(value.callee, Attribute) and _is_answer(value.callee.owner)
        )
    return False


def _pattern(test: ast.expr, scope: Scope, reader: Expressions) -> str | None:
    if isinstance(test, ast.BoolOp):
        parts = [_pattern(part, scope, reader) for part in test.values]
        known = [part for part in parts if part is not None]
        return "|".join(known) if isinstance(test.op, ast.Or) and len(known) == len(parts) else None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _compared(test, scope, reader)
    if isinstance(test, ast.Call):
        if last_name(reader.value(test.func, scope)) == "any" and len(test.args) == 1:
            return _any_of(test.args[0], scope, reader)
        return _called(reader.value(test, scope))
    return None


def _compared(test: ast.Compare, scope: Scope, reader: Expressions) -> str | None:
    left, right = reader.value(test.left, scope), reader.value(test.comparators[0], scope)
    op = test.ops[0]
    if isinstance(op, ast.In) and isinstance(left, str) and _is_newest(right):
        return re.escape(left)
    if isinstance(op, ast.In) and _is_newest(left) and isinstance(right, list | tuple):
        return f"^(?:{'|'.join(map(re.escape, right))})$" if all(isinstance(word, str) for word in right) else None
    if isinstance(op, ast.Eq):
        for one, other in ((left, right), (right, left)):
            if _is_newest(one) and isinstance(other, str):
                return f"^{re.escape(other)}$"
    if isinstance(op, ast.IsNot | ast.NotEq) and right is None:
        return _called(left)  # re.search(...) is not None
    return None


def _any_of(node: ast.expr, scope: Scope, reader: Expressions) -> str | None:
    """Return the pattern of ``any(word in text for word in WORDS)``."""
    if not (isinstance(node, ast.GeneratorExp | ast.ListComp) and len(node.generators) == 1):
        return None
    generator = node.generators[0]
    words = iterable(reader.value(generator.iter, scope))
    if words is None or generator.ifs or not words or not is_known(words):
        return None
    parts = []
    for word in words:
        inner = Scope(scope)
        reader.assign(generator.target, word, inner)
        parts.append(_pattern(node.elt, inner, reader))
    known = [part for part in parts if part is not None]
    return "|".join(known) if len(known) == len(parts) else None


def _called(value: Value) -> str | None:
    """Return the pattern of ``re.search(pattern, text)``, ``text.startswith(word)`` and their like."""
    if not isinstance(value, Call):
        return None
    if value.name in ("search", "match", "fullmatch") and len(value.args) > 1:
        pattern, text = value.args[:2]
        if isinstance(pattern, str) and _is_newest(text):
            return {"search": "{}", "match": "^(?:{})", "fullmatch": "^(?:{})$"}[value.name].replace("{}", pattern)
        return None
    owner = value.callee.owner if isinstance(value.callee, Attribute) else None
    if value.name in _ANCHORS and _is_newest(owner) and len(value.args) == 1 and isinstance(value.args[0], str):
        return _ANCHORS[value.name].replace("{}", re.escape(value.args[0]))
    return None


def _is_newest(value: Value) -> bool:
    return isinstance(value, StatePath) and value.is_newest_text
