"""Follows a program statement by statement without running it, and notes the graphs that it builds.

Functions of the code are followed where they are called; a condition that cannot be known is taken both ways. What a
call of anything else gives is a `Call`, with its arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from builder_jupyter.codegen.reading.drafts import BUILDERS, Compiled, GraphDraft
from builder_jupyter.codegen.reading.expressions import Expressions, iterable, truth_of
from builder_jupyter.codegen.reading.operations import call_builtin, call_method
from builder_jupyter.codegen.reading.report import Report
from builder_jupyter.codegen.reading.values import (
    UNKNOWN,
    Attribute,
    Call,
    Class,
    Function,
    Instance,
    Scope,
    Symbol,
    Value,
    last_name,
)

MAX_STEPS = 400_000
MAX_CALLS_DEEP = 12
_DATA_CLASSES = frozenset({"BaseModel", "Enum", "IntEnum", "NamedTuple", "StrEnum", "TypedDict"})


class Exhausted(Exception):
    """The program takes more steps than a reader follows."""


class Returned(Exception):
    """A ``return`` that is certain."""


class Program(Expressions):
    """A program that is being followed. ``graphs`` are those it builds, in their order."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.graphs: list[GraphDraft] = []
        self.globals = Scope(None, {"__name__": "__main__", "TYPE_CHECKING": False})
        self.aliases: dict[str, ast.expr] = {}
        self.followed: set[ast.AST] = set()
        self.is_certain = True
        self._trace: list[Call] | None = None
        self._results: list[list[Value]] = []
        self._active: list[ast.AST] = []
        self._steps = 0

    def follow(self, module: ast.Module) -> None:
        """Follow a module, then the functions and classes that build graphs and that nothing in it calls."""
        try:
            self._follow(module)
        except Exhausted:
            self.report.add(None, "module", "It takes more steps than a reader follows; what comes later is left out.")
        self._steps = 0

    def _follow(self, module: ast.Module) -> None:
        self.block(module.body, self.globals)
        for found in list(self.globals.names.values()):
            if isinstance(found, Function) and found.node not in self.followed and _builds(found.node):
                self.invoke(found, [], {})
            elif isinstance(found, Class) and _builds(found.node):
                self._follow_class(found)

    def observe(self, function: Function, args: Sequence[Value]) -> tuple[list[Call], list[Value]]:
        """Follow one function; return the calls in it and in what it calls, and what it may return."""
        outer, self._trace = self._trace, []
        try:
            results: list[Value] = []
            self._run(function, list(args), {}, results)
            return self._trace, results
        finally:
            self._trace = outer

    def enter(self, function: Function, args: Sequence[Value]) -> Scope:
        """Return the scope in which the body of a function stands when it is called like this."""
        self.followed.add(function.node)
        return self._bound(function, list(args), {})

    def step(self, statement: ast.stmt, scope: Scope) -> None:
        """Follow one statement of a body that somebody else walks through."""
        self._uncertain([statement], scope)

    def spend(self, size: int) -> None:
        """Count work. Raises `Exhausted` when the program is not worth following any further."""
        self._steps += 1 + size // 64
        if self._steps > MAX_STEPS:
            raise Exhausted

    # -- calls -----------------------------------------------------------------------------------------------------

    def call(self, node: ast.Call, scope: Scope) -> Value:
        """Return what a call gives, having followed it if its function is in the code."""
        callee = self.value(node.func, scope)
        args = self._items(node.args, scope)
        keywords = self._keywords(node, scope)
        found = self._called(callee, args, keywords, node)
        if isinstance(found, Call) and self._trace is not None:
            self._trace.append(found)
        return found

    def _keywords(self, node: ast.Call, scope: Scope) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                found[keyword.arg] = value
            elif isinstance(value, dict):
                found |= {name: item for name, item in value.items() if isinstance(name, str)}
        return found

    def _called(self, callee: Value, args: list[Value], keywords: dict[str, Value], node: ast.Call) -> Value:  # noqa: PLR0911
        unknown = Call(callee, args, keywords, node)
        if isinstance(callee, Function):
            return unknown if is_tool(callee) else self.invoke(callee, args, keywords)
        if isinstance(callee, Class):
            return self.instantiate(callee, args, keywords, unknown)
        if isinstance(callee, Attribute):
            return self._method(callee, args, keywords, unknown)
        name = last_name(callee)
        if name in BUILDERS:
            graph = GraphDraft(node, self._owner(), unknown, self.report)
            self.graphs.append(graph)
            return graph
        if name == "partial" and args and isinstance(args[0], Function):
            return Function(args[0].node, args[0].scope, args[0].owner, keywords, tuple(args[1:]))
        if name in ("RunnableLambda", "cast", "deepcopy") and args:
            return args[-1] if name == "cast" else args[0]
        found = call_builtin(name, args, keywords)
        return unknown if found is NotImplemented else found

    def _method(self, callee: Attribute, args: list[Value], keywords: dict[str, Value], unknown: Call) -> Value:
        owner, name = callee.owner, callee.name
        if isinstance(owner, Compiled):
            return owner if name in ("with_config", "compile") else unknown
        if isinstance(owner, GraphDraft):
            return owner.perform(unknown, self.is_certain)
        if isinstance(owner, Function) and name in ("invoke", "ainvoke") and not is_tool(owner):
            return self.invoke(owner, args, keywords)
        found = call_method(owner, name, args, keywords)
        return unknown if found is NotImplemented else found

    def instantiate(self, made_by: Class, args: list[Value], keywords: dict[str, Value], unknown: Call) -> Value:
        """Return a new object of a class of the code; the call itself for classes that only hold data."""
        ancestry = self._ancestry(made_by)
        if any(ast.unparse(base).rpartition(".")[2] in _DATA_CLASSES for each in ancestry for base in each.node.bases):
            return unknown
        made = Instance(made_by, dict(keywords) if not any("__init__" in each.scope.names for each in ancestry) else {})
        init = self.attribute(made, "__init__")
        if isinstance(init, Function):
            self.invoke(init, args, keywords)
        return made

    def invoke(self, function: Function, args: list[Value], keywords: dict[str, Value]) -> Value:
        """Follow a function of the code and return what it gives: of several results the first that is known."""
        results: list[Value] = []
        self._run(function, args, keywords, results)
        return next((found for found in results if found is not UNKNOWN), UNKNOWN)

    def _run(self, function: Function, args: list[Value], keywords: dict[str, Value], results: list[Value]) -> None:
        node = function.node
        if node in self._active or len(self._active) >= MAX_CALLS_DEEP:
            return
        self.spend(1_000)  # a call takes as long as a row of statements
        self.followed.add(node)
        scope = self._bound(function, args, keywords)
        self._active.append(node)
        self._results.append(results)
        try:
            if isinstance(node, ast.Lambda):
                results.append(self.value(node.body, scope))
            else:
                self.block(node.body, scope)
        except Returned:
            pass  # the result is in the list
        finally:
            self._active.pop()
            self._results.pop()

    def _bound(self, function: Function, args: list[Value], keywords: dict[str, Value]) -> Scope:
        """Return the scope of a call: parameters with their arguments, defaults for the others."""
        arguments = function.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        given = [*([function.owner] if function.owner is not None else []), *function.positional, *args]
        scope = Scope(function.scope, {each.arg: UNKNOWN for each in [*positional, *arguments.kwonlyargs]})
        optional = positional[len(positional) - len(arguments.defaults) :]
        for parameter, default in [
            *zip(optional, arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]:
            if default is not None:
                scope.names[parameter.arg] = self.value(default, function.scope)
        scope.names |= {parameter.arg: value for parameter, value in zip(positional, given, strict=False)}
        known = scope.names.keys()
        extra = {**function.given, **keywords}
        scope.names |= {name: value for name, value in extra.items() if name in known}
        if arguments.vararg is not None:
            scope.names[arguments.vararg.arg] = given[len(positional) :]
        if arguments.kwarg is not None:
            scope.names[arguments.kwarg.arg] = {name: value for name, value in extra.items() if name not in known}
        return scope

    def _owner(self) -> str:
        """Return the name of the innermost function that is being followed; ``""`` for the module itself."""
        return next((str(getattr(node, "name", "")) for node in reversed(self._active) if hasattr(node, "name")), "")

    def _follow_class(self, made_by: Class) -> None:
        methods = [n for n in made_by.node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        if not any(_builds(method) and method not in self.followed for method in methods):
            return
        made = Instance(made_by)
        # The constructor first: it may set what the other methods build with.
        for method in sorted(methods, key=lambda method: method.name != "__init__"):
            function = self.attribute(made, method.name)
            if method not in self.followed and isinstance(function, Function) and (
                method.name == "__init__" or _builds(method)
            ):  # fmt: skip
                self.invoke(function, [], {})

    # -- statements ------------------------------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt], scope: Scope) -> None:
        """Follow statements in their order."""
        for statement in statements:
            self.spend(1)
            perform: Callable[[Any, Scope], None] | None = getattr(
                self, f"_do_{type(statement).__name__.lower()}", None
            )
            if perform is not None:
                perform(statement, scope)

    @contextmanager
    def _perhaps(self) -> Iterator[None]:
        """Follow statements of which nobody knows whether or how often they happen."""
        outer, self.is_certain = self.is_certain, False
        try:
            yield
        finally:
            self.is_certain = outer

    def _uncertain(self, statements: Sequence[ast.stmt], scope: Scope) -> None:
        with self._perhaps():
            self.block(statements, scope)

    def _do_expr(self, node: ast.Expr, scope: Scope) -> None:
        self.value(node.value, scope)

    def _do_assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.assign(target, value, scope)
            _entitle(value, target)
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Subscript):
                self.aliases[target.id] = node.value.slice  # Route = Literal["a", "b"]

    def _do_annassign(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            value = self.value(node.value, scope)
            self.assign(node.target, value, scope)
            _entitle(value, node.target)

    def _do_augassign(self, node: ast.AugAssign, scope: Scope) -> None:
        both = ast.BinOp(left=node.target, op=node.op, right=node.value)
        self.assign(node.target, self.value(ast.copy_location(both, node), scope), scope)

    def _do_functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        scope.names[node.name] = Function(node, scope)

    _do_asyncfunctiondef = _do_functiondef

    def _do_classdef(self, node: ast.ClassDef, scope: Scope) -> None:
        inner = Scope(scope)
        self.block(node.body, inner)
        for found in inner.names.values():
            if isinstance(found, Function) and found.scope is inner:
                found.scope = scope  # methods do not see the names of their class
        scope.names[node.name] = Class(node, inner)

    def _do_import(self, node: ast.Import, scope: Scope) -> None:
        for name in node.names:
            scope.names[name.asname or name.name.partition(".")[0]] = Symbol(
                name.name if name.asname else name.name.partition(".")[0]
            )

    def _do_importfrom(self, node: ast.ImportFrom, scope: Scope) -> None:
        for name in node.names:
            scope.names[name.asname or name.name] = Symbol(f"{node.module or ''}.{name.name}".lstrip("."))

    def _do_return(self, node: ast.Return, scope: Scope) -> None:
        if self._results:
            self._results[-1].append(self.value(node.value, scope))
            if self.is_certain:
                raise Returned

    def _do_if(self, node: ast.If, scope: Scope) -> None:
        truth = truth_of(self.value(node.test, scope))
        if truth is None:
            self._uncertain(node.body, scope)
            self._uncertain(node.orelse, scope)
        else:
            self.block(node.body if truth else node.orelse, scope)

    def _do_for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
        items = iterable(self.value(node.iter, scope))
        if items is None:
            self.assign(node.target, UNKNOWN, scope)
            self._uncertain(node.body, scope)
        for item in items or ():
            self.assign(node.target, item, scope)
            self.block(node.body, scope)
        self.block(node.orelse, scope)

    _do_asyncfor = _do_for

    def _do_while(self, node: ast.While, scope: Scope) -> None:
        self.value(node.test, scope)
        self._uncertain(node.body, scope)

    def _do_with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> None:
        for item in node.items:
            value = self.value(item.context_expr, scope)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, scope)
        self.block(node.body, scope)

    _do_asyncwith = _do_with

    def _do_try(self, node: ast.Try, scope: Scope) -> None:
        self.block(node.body, scope)
        for handler in node.handlers:
            self._uncertain(handler.body, scope)
        self.block([*node.orelse, *node.finalbody], scope)

    def _do_match(self, node: ast.Match, scope: Scope) -> None:
        self.value(node.subject, scope)
        for case in node.cases:
            self._uncertain(case.body, scope)


def is_tool(function: Function) -> bool:
    """Say whether a function is decorated as a tool for models."""
    return any(
        last in ("tool", "function_tool")
        for decorator in getattr(function.node, "decorator_list", ())
        for last in [ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator).rpartition(".")[2]]
    )


def _builds(node: ast.AST) -> bool:
    """Say whether a part of the code names a class that builds graphs."""
    return any(
        (isinstance(inner, ast.Name) and inner.id in BUILDERS)
        or (isinstance(inner, ast.Attribute) and inner.attr in BUILDERS)
        for inner in ast.walk(node)
    )


def _entitle(value: Value, target: ast.expr) -> None:
    """Let a graph, a compiled one or a lambda remember the first variable that holds it."""
    name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else None
    if isinstance(value, Function | GraphDraft | Compiled) and value.title is None:
        value.title = name
