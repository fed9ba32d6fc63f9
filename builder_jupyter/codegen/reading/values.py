"""What an expression of a program can be known to be without running it.

A value is a constant of Python's (text, number, bool, None), a list, tuple, dict or set of values, or one of the
classes below. `UNKNOWN` is everything else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Value = Any
"""Any of the above; there is no type that says it more closely."""


class Unknown:
    """What cannot be known."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("nobody knows whether an unknown value is true")


UNKNOWN: Final = Unknown()


class PartialText(str):
    """A text of which some pieces are unknown; they stand in it in braces, as in an f-string."""

    __slots__ = ()


class TemplateText(str):
    """A text of which some pieces come from the state; they stand in it as ``{{state.name}}``."""

    __slots__ = ()


class Scope:
    """Names and what they are bound to; a function's scope has the one around it as parent."""

    def __init__(self, parent: Scope | None = None, names: dict[str, Value] | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Value] = names or {}

    def find(self, name: str) -> Value:
        """Return what a name is bound to here or further out; a `Symbol` for a name nobody has bound."""
        if name in self.names:
            return self.names[name]
        return Symbol(name) if self.parent is None else self.parent.find(name)


@dataclass(frozen=True, slots=True)
class Symbol:
    """A thing of another module, or a name that nothing in the code binds: known by its dotted name only."""

    path: str

    @property
    def last(self) -> str:
        """The last part of the name."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class StatePath:
    """A place in the graph's state: ``state["messages"][-1]`` is ``("messages", -1)``."""

    steps: tuple[str | int, ...] = ()

    @property
    def is_newest_text(self) -> bool:
        """Whether it is the text of the last message, which is what routers read."""
        return self.steps == ("messages", -1)

    def __str__(self) -> str:
        return "state" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)


@dataclass(eq=False, slots=True)
class Function:
    """A function or lambda of the code. ``given`` are arguments bound beforehand, ``owner`` a method's object."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    owner: Value = None
    given: dict[str, Value] = field(default_factory=dict)
    positional: tuple[Value, ...] = ()
    title: str | None = None

    @property
    def name(self) -> str | None:
        """Its name; None for a lambda."""
        return None if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(eq=False, slots=True)
class Class:
    """A class of the code; ``scope`` holds what its body binds."""

    node: ast.ClassDef
    scope: Scope

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name


@dataclass(eq=False, slots=True)
class Instance:
    """An object of a class of the code, with the attributes that its methods set."""

    made_by: Class
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Call:
    """What a call gives whose function is not in the code."""

    callee: Value
    args: list[Value]
    keywords: dict[str, Value]
    node: ast.Call

    @property
    def name(self) -> str:
        """The last part of the called function's name, ``""`` when it has none."""
        return last_name(self.callee)

    def argument(self, position: int, *names: str) -> Value:
        """Return an argument by position or one of its names; `UNKNOWN` when it is not given."""
        if position < len(self.args):
            return self.args[position]
        return next((self.keywords[name] for name in names if name in self.keywords), UNKNOWN)


@dataclass(eq=False, slots=True)
class Attribute:
    """An attribute of something that is not in the code."""

    owner: Value
    name: str


@dataclass(eq=False, slots=True)
class Pipe:
    """``a | b``: a chain of LangChain's."""

    parts: list[Value]


def last_name(value: Value) -> str:
    """Return the last part of the name under which a thing is known; ``""`` when it has none."""
    if isinstance(value, Symbol):
        return value.last
    if isinstance(value, Attribute | Class):
        return value.name
    if isinstance(value, Function):
        return value.name or ""
    return ""


def within(value: Value, *, limit: int = 10_000) -> Iterator[Value]:
    """Yield a value and everything it is made of, outermost first: arguments, parts, items, owners of methods."""
    seen: set[int] = set()
    stack = [value]
    while stack and len(seen) < limit:
        found = stack.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        stack.extend(reversed(_parts(found)))


def _parts(value: Value) -> list[Value]:
    if isinstance(value, Call):
        return [value.callee, *value.args, *value.keywords.values()]
    if isinstance(value, Attribute):
        return [value.owner]
    if isinstance(value, Pipe):
        return value.parts
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return list(value.values()) if isinstance(value, dict) else []
