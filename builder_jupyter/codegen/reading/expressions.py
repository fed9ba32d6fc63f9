"""Expressions -> values."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from builder_jupyter.codegen.reading.operations import (
    MAX_ITEMS,
    attribute_of,
    binary,
    compare,
    item_of,
    joined,
    size_of,
)
from builder_jupyter.codegen.reading.report import source_of
from builder_jupyter.codegen.reading.values import UNKNOWN, Attribute, Class, Function, Instance, Scope, Symbol, Value

MAX_COMPREHENSION = 2_000


class Expressions:
    """Evaluates expressions. What a call gives is for the subclass to say: see `Program`."""

    def value(self, node: ast.expr | None, scope: Scope) -> Value:
        """Return what an expression is, as far as that can be known."""
        if node is None:
            return None
        evaluate: Callable[[Any, Scope], Value] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        found = UNKNOWN if evaluate is None else evaluate(node, scope)
        if not isinstance(node, ast.Constant | ast.Name):
            self.spend(size_of(found))
        return found

    def spend(self, size: int) -> None:
        """Count work: a step for itself and one for each 64 pieces that it makes. Raises when it is too much."""
        raise NotImplementedError

    def call(self, node: ast.Call, scope: Scope) -> Value:
        """Return what a call gives."""
        raise NotImplementedError

    def invoke(self, function: Function, args: list[Value], keywords: dict[str, Value]) -> Value:
        """Return what a function of the code gives."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a name, an attribute of an object of the code, an item, or each of several targets."""
        if isinstance(target, ast.Name):
            scope.names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            items = value if isinstance(value, list | tuple) and len(value) == len(target.elts) else None
            for i, inner in enumerate(target.elts):
                self.assign(inner, UNKNOWN if items is None else items[i], scope)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value, scope)
            if isinstance(owner, Instance):
                owner.attributes[target.attr] = value
        elif isinstance(target, ast.Subscript):
            owner, key = self.value(target.value, scope), self.value(target.slice, scope)
            if isinstance(owner, dict) and isinstance(key, str | int):
                owner[key] = value

    def attribute(self, owner: Value, name: str) -> Value:
        """Return an attribute of a value."""
        if isinstance(owner, Instance):
            return owner.attributes[name] if name in owner.attributes else self._member(owner.made_by, name, owner)
        if isinstance(owner, Class):
            return self._member(owner, name, None)
        return attribute_of(owner, name)

    def _member(self, made_by: Class, name: str, owner: Instance | None) -> Value:
        for found in self._ancestry(made_by):
            if name not in found.scope.names:
                continue
            member = found.scope.names[name]
            if owner is None or not isinstance(member, Function):
                return member
            decorators = {ast.unparse(decorator) for decorator in getattr(member.node, "decorator_list", ())}
            if "staticmethod" in decorators:
                return member
            method = Function(member.node, member.scope, owner=owner)
            return self.invoke(method, [], {}) if decorators & {"property", "cached_property"} else method
        return Attribute(owner or made_by, name)

    def _ancestry(self, made_by: Class) -> list[Class]:
        found = [made_by]
        for each in found:  # grows while it is walked
            bases = (self.value(base, each.scope.parent or each.scope) for base in each.node.bases)
            found += [base for base in bases if isinstance(base, Class) and base not in found]
        return found

    # -- one method for each kind of expression ------------------------------------------------------------------

    def _constant(self, node: ast.Constant, _scope: Scope) -> Value:
        return node.value if node.value is None or isinstance(node.value, str | int | float | bool) else UNKNOWN

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        return scope.find(node.id)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Value:
        return self.attribute(self.value(node.value, scope), node.attr)

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        return self.call(node, scope)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Value:
        return Function(node, scope)

    def _await(self, node: ast.Await, scope: Scope) -> Value:
        return self.value(node.value, scope)

    def _namedexpr(self, node: ast.NamedExpr, scope: Scope) -> Value:
        found = self.value(node.value, scope)
        self.assign(node.target, found, scope)
        return found

    def _list(self, node: ast.List, scope: Scope) -> Value:
        return self._items(node.elts, scope)

    def _set(self, node: ast.Set, scope: Scope) -> Value:
        return self._items(node.elts, scope)

    def _tuple(self, node: ast.Tuple, scope: Scope) -> Value:
        return tuple(self._items(node.elts, scope))

    def _items(self, nodes: list[ast.expr], scope: Scope) -> list[Value]:
        found: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                inner = self.value(node.value, scope)
                found += inner if isinstance(inner, list | tuple) else [UNKNOWN]
            else:
                found.append(self.value(node, scope))
            if len(found) > MAX_ITEMS:
                break
        return found

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        found: dict[Any, Value] = {}
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.value(value_node, scope)
            if key_node is None:
                found |= value if isinstance(value, dict) else {}
                continue
            key = self.value(key_node, scope)
            if key is None or isinstance(key, str | int | float | bool | Symbol):
                found[key] = value
        return found

    def _joinedstr(self, node: ast.JoinedStr, scope: Scope) -> Value:
        pieces: list[Value] = []
        names: list[str] = []
        for part in node.values:
            is_hole = isinstance(part, ast.FormattedValue)
            pieces.append(self.value(part.value if isinstance(part, ast.FormattedValue) else part, scope))
            names.append(source_of(part.value) if isinstance(part, ast.FormattedValue) else "")
            if is_hole and getattr(part, "format_spec", None) is not None:
                pieces[-1] = UNKNOWN
        return joined(pieces, names)

    def _binop(self, node: ast.BinOp, scope: Scope) -> Value:
        return binary(node.op, self.value(node.left, scope), self.value(node.right, scope))

    def _boolop(self, node: ast.BoolOp, scope: Scope) -> Value:
        found: Value = UNKNOWN
        for part in node.values:
            found = self.value(part, scope)
            truth = truth_of(found)
            if truth is None or truth is isinstance(node.op, ast.Or):
                return found
        return found

    def _unaryop(self, node: ast.UnaryOp, scope: Scope) -> Value:
        found = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            truth = truth_of(found)
            return UNKNOWN if truth is None else not truth
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return -found if is_number and isinstance(node.op, ast.USub) else UNKNOWN

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.value(node.left, scope)
        rest = [self.value(part, scope) for part in node.comparators]
        return compare(node.ops[0], left, rest[0]) if len(rest) == 1 else UNKNOWN

    def _ifexp(self, node: ast.IfExp, scope: Scope) -> Value:
        truth = truth_of(self.value(node.test, scope))
        if truth is None:
            first, second = self.value(node.body, scope), self.value(node.orelse, scope)
            return UNKNOWN if first is not second else first
        return self.value(node.body if truth else node.orelse, scope)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Value:
        return item_of(self.value(node.value, scope), self._key(node.slice, scope))

    def _key(self, node: ast.expr, scope: Scope) -> Value:
        if not isinstance(node, ast.Slice):
            return self.value(node, scope)
        bounds = [self.value(bound, scope) for bound in (node.lower, node.upper, node.step)]
        return slice(*bounds) if all(b is None or isinstance(b, int) for b in bounds) else UNKNOWN

    def _listcomp(self, node: ast.ListComp, scope: Scope) -> Value:
        return self._comprehension(node.generators, scope, lambda inner: self.value(node.elt, inner))

    _generatorexp = _setcomp = _listcomp

    def _dictcomp(self, node: ast.DictComp, scope: Scope) -> Value:
        pairs = self._comprehension(
            node.generators, scope, lambda inner: (self.value(node.key, inner), self.value(node.value, inner))
        )
        if not isinstance(pairs, list):
            return UNKNOWN
        return {key: value for key, value in pairs if isinstance(key, str | int)}

    def _comprehension(
        self, generators: list[ast.comprehension], scope: Scope, element: Callable[[Scope], Value]
    ) -> Value:
        rows = [Scope(scope)]
        for generator in generators:
            longer: list[Scope] = []
            for row in rows:
                items = iterable(self.value(generator.iter, row))
                if items is None or len(items) * len(rows) > MAX_COMPREHENSION:
                    inner = Scope(row)
                    self.assign(generator.target, UNKNOWN, inner)
                    element(inner)  # what it calls is seen all the same
                    return UNKNOWN
                for item in items:
                    self.spend(1)
                    inner = Scope(row)
                    self.assign(generator.target, item, inner)
                    if all(truth_of(self.value(test, inner)) is not False for test in generator.ifs):
                        longer.append(inner)
            rows = longer
        return [element(row) for row in rows]


def truth_of(value: Value) -> bool | None:
    """Say whether a value counts as true; None when nobody knows."""
    if value is None or isinstance(value, str | int | float | bool | list | tuple | dict | set):
        return bool(value)
    return True if isinstance(value, Function | Class | Instance) else None


def iterable(value: Value) -> list[Value] | None:
    """Return what a loop over a value goes through; None when nobody knows."""
    return list(value) if isinstance(value, list | tuple | dict | set) else None
