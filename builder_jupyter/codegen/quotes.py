"""Syntax trees from snippets of our own code, with values put in as literals.

A snippet is a constant of this package; whatever comes from a request goes in through `literal`, so that no text can
become code. Trees share what they have in common: nothing may change one.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

T = TypeVar("T", bound=ast.AST)


def literal(value: Any) -> ast.expr:
    """Return a JSON-like value as a literal."""
    if isinstance(value, Mapping):
        return ast.Dict([literal(key) for key in value], [literal(item) for item in value.values()])
    if isinstance(value, list | tuple):
        return ast.List([literal(item) for item in value])
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def call(function: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.Call:
    """Return a call of a function of the module."""
    return ast.Call(ast.Name(function), list(arguments), [ast.keyword(name, value) for name, value in keywords.items()])


def statements(snippet: str, *, is_async: bool = True, **values: ast.expr) -> list[ast.stmt]:
    """Return the statements of a snippet, with the names in ``values`` replaced. Without async, `await` goes away.

    Those names are written in capitals.
    """
    parsed, ways = _parsed(snippet, is_async=is_async)
    return [_filled(one, values, ways) for one in parsed] if values else list(parsed)


def statement(snippet: str, **values: ast.expr) -> ast.stmt:
    """Return the one statement of a snippet."""
    return statements(snippet, is_async=True, **values)[0]


def _filled(node: T, values: Mapping[str, ast.AST], ways: frozenset[int]) -> T:
    """Return a tree in which names are replaced; ``ways`` are the parts that lead to such names, others are shared."""
    if isinstance(node, ast.Name):
        return values.get(node.id, node)  # type: ignore[return-value]
    fields: dict[str, Any] = {}
    for name in node._fields:
        part: Any = getattr(node, name, None)
        if isinstance(part, list):
            part = [_filled(one, values, ways) if id(one) in ways else one for one in part]
        elif id(part) in ways:
            part = _filled(part, values, ways)
        fields[name] = part
    return type(node)(**fields)


class Synchronous(ast.NodeTransformer):
    """Takes `async` and `await` out of a tree."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Make it a plain function."""
        self.generic_visit(node)
        return ast.FunctionDef(**dict(ast.iter_fields(node)))

    def visit_Await(self, node: ast.Await) -> ast.AST:
        """Leave the call alone."""
        found: ast.AST = self.visit(node.value)
        return found

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Say what is returned instead of what can be awaited."""
        self.generic_visit(node)
        return node.slice if isinstance(node.value, ast.Name) and node.value.id == "Awaitable" else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Use the other method of models and tools."""
        self.generic_visit(node)
        return ast.Attribute(node.value, "invoke", node.ctx) if node.attr == "ainvoke" else node


@lru_cache(maxsize=256)
def _parsed(snippet: str, *, is_async: bool) -> tuple[tuple[ast.stmt, ...], frozenset[int]]:
    """Return the statements of a snippet, and the identities of all parts that hold a name in capitals."""
    wrapped = ast.parse("async def _():\n" + "\n".join(f"    {line}" for line in snippet.strip().splitlines()))
    module: Any = wrapped if is_async else Synchronous().visit(wrapped)
    found = tuple(module.body[0].body)
    ways = (part for one in found for part in ast.walk(one) if _holds_capitals(part))
    return found, frozenset(map(id, ways))


def _holds_capitals(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Name) and part.id.isupper() for part in ast.walk(node))
