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
    """Return the statements of a snippet, with the names in ``values`` replaced. Without async, `await` goes away."""
    return [filled(statement, values) for statement in _parsed(snippet, is_async=is_async)]


def statement(snippet: str, **values: ast.expr) -> ast.stmt:
    """Return the one statement of a snippet."""
    return filled(_parsed(snippet, is_async=True)[0], values)


def filled(node: T, values: Mapping[str, ast.AST]) -> T:
    """Return a tree in which names are replaced by others; parts without such names are shared."""
    if isinstance(node, ast.Name):
        return values.get(node.id, node)  # type: ignore[return-value]
    changed: dict[str, Any] = {}
    for name, part in ast.iter_fields(node):
        new = part
        if isinstance(part, ast.AST):
            new = filled(part, values)
        elif isinstance(part, list):
            new = [filled(one, values) if isinstance(one, ast.AST) else one for one in part]
            if all(a is b for a, b in zip(new, part, strict=True)):
                new = part
        if new is not part:
            changed[name] = new
    if not changed:
        return node
    return type(node)(**{**dict(ast.iter_fields(node)), **changed})


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
def _parsed(snippet: str, *, is_async: bool) -> tuple[ast.stmt, ...]:
    wrapped = ast.parse("async def _():\n" + "\n".join(f"    {line}" for line in snippet.strip().splitlines()))
    module: Any = wrapped if is_async else Synchronous().visit(wrapped)
    return tuple(module.body[0].body)
