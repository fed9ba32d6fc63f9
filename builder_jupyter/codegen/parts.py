"""The functions and imports that a module needs, worked out from the names it uses."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files

from builder_jupyter.codegen.quotes import Synchronous

IMPORTS: dict[str, str] = {
    "asyncio": "",
    "json": "",
    "operator": "",
    "re": "",
    "Awaitable": "collections.abc",
    "Callable": "collections.abc",
    "ThreadPoolExecutor": "concurrent.futures",
    "wraps": "functools",
    "Annotated": "typing",
    "Any": "typing",
    "NotRequired": "typing",
    "TypedDict": "typing",
    "BaseChatModel": "langchain_core.language_models",
    "AIMessage": "langchain_core.messages",
    "AnyMessage": "langchain_core.messages",
    "BaseMessage": "langchain_core.messages",
    "HumanMessage": "langchain_core.messages",
    "SystemMessage": "langchain_core.messages",
    "ToolCall": "langchain_core.messages",
    "ToolMessage": "langchain_core.messages",
    "ToolException": "langchain_core.tools",
    "InMemorySaver": "langgraph.checkpoint.memory",
    "END": "langgraph.graph",
    "START": "langgraph.graph",
    "StateGraph": "langgraph.graph",
    "add_messages": "langgraph.graph",
    "Command": "langgraph.types",
    "interrupt": "langgraph.types",
}
"""Where each name comes from that generated modules import; ``""`` for modules themselves."""

VARIANT = "__"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@lru_cache
def _definitions() -> dict[str, Definition]:
    """Return the definitions that can be embedded, by name; traversal's classes first, then in their order."""
    room = files("builder_jupyter.codegen")
    found: dict[str, Definition] = {}
    for source in ("traversal.py", "embedded.py"):
        for node in ast.parse(room.joinpath(source).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name != "AgentState":
                found[node.name] = node
    return {**found, "call_tool__mcp": found["call_mcp_tool"]}


def embeddable() -> list[str]:
    """Return the names of all functions and classes that a module may be given."""
    return list(dict.fromkeys(name.partition(VARIANT)[0] for name in _definitions()))


def names_in(node: ast.AST) -> set[str]:
    """Return the names that a tree mentions, annotations included."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


class Bare(ast.NodeTransformer):
    """Takes annotations, docstrings or both out of a tree."""

    def __init__(self, *, types: bool, docstrings: bool) -> None:
        self.types = types
        self.docstrings = docstrings

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Keep or drop a parameter's annotation."""
        return node if self.types else ast.arg(node.arg)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Keep an annotated assignment or make it a plain one."""
        return node if self.types or node.value is None else ast.Assign([node.target], node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Strip a function."""
        return self._stripped(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """Strip a function."""
        return self._stripped(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Strip a class."""
        return self._stripped(node)

    def _stripped(self, node: Definition) -> ast.AST:
        self.generic_visit(node)
        if not self.types and not isinstance(node, ast.ClassDef):
            node.returns = None
        if not self.docstrings and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node


@lru_cache
def embedded(name: str, *, is_async: bool, types: bool, docstrings: bool) -> Definition:
    """Return an embeddable function or class as the options want it; not to be changed. ``x__y`` is named ``x``."""
    node: Definition = copy.deepcopy(_definitions()[name])
    if not is_async and name != "call_mcp_tool":
        node = Synchronous().visit(node)
    node = Bare(types=types, docstrings=docstrings).visit(node)
    node.name = name.partition(VARIANT)[0]
    return node


def import_groups(used: set[str]) -> list[list[ast.stmt]]:
    """Return the imports for the names that are used: the standard library's, then others'."""
    plain = [name for name, module in IMPORTS.items() if name in used and not module]
    by_module: dict[str, list[str]] = {}
    for name in sorted(used & IMPORTS.keys(), key=_as_isort):
        if IMPORTS[name]:
            by_module.setdefault(IMPORTS[name], []).append(name)
    groups: list[list[ast.stmt]] = [[ast.Import([ast.alias(name)]) for name in plain], []]
    for module in sorted(by_module):
        group = groups[module.startswith("lang")]
        group.append(ast.ImportFrom(module, [ast.alias(name) for name in by_module[module]], 0))
    return [group for group in groups if group]


def _as_isort(name: str) -> tuple[int, str]:
    """Sort constants first, then classes, then functions."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


def closure(used: Iterable[str], wanted: dict[str, str], **options: bool) -> dict[str, Definition]:
    """Return what is to be embedded so that all names that are used exist, in the order of the source.

    Parameters
    ----------
    wanted : which variant of a function to take, by its name, where it is not the plain one.
    """
    found: dict[str, Definition] = {}
    known = _definitions()
    stack = list(used)
    while stack:
        name = stack.pop()
        variant = wanted.get(name, name)
        if variant in known and variant not in found:
            found[variant] = embedded(variant, **options)
            stack.extend(names_in(found[variant]))
    order = list(known)
    return {name: found[name] for name in sorted(found, key=order.index)}
