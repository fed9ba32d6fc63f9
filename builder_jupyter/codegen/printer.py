"""A module's statements as text: blank lines, blocks and headers as ``ruff format`` has them at 88 columns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from builder_jupyter.codegen.expressions import WIDTH, Item, bracket, flat, lay, width

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass(frozen=True, slots=True)
class Printed:
    """A definition that is text already. Trees of thousands of functions would keep the garbage collector busy."""

    lines: list[str]


def printed(definition: ast.stmt) -> Printed:
    """Print a definition of the module's outermost level."""
    return Printed(_statement(definition, ""))


Group = Sequence[ast.stmt | Printed]
"""Statements that stand together, without a blank line between them."""

_APART = (*_DEFINITIONS, Printed)


def print_module(docstring: list[str], groups: Iterable[Group]) -> str:
    """Return the text of a module.

    Parameters
    ----------
    docstring : its lines, which must hold nothing but what is harmless between triple quotes.
    groups : its statements; definitions are set apart by two blank lines, other groups by one.
    """
    lines = ['"""', *docstring, '"""']
    after: ast.stmt | Printed | None = None
    for group in groups:
        for place, statement in enumerate(group):
            if isinstance(statement, _APART) or isinstance(after, _APART):
                lines += ["", ""]
            elif place == 0:
                lines.append("")
            lines += statement.lines if isinstance(statement, Printed) else _statement(statement, "")
            after = statement
    return "\n".join([*lines, ""])


def _block(body: list[ast.stmt], indent: str) -> list[str]:
    lines: list[str] = []
    for place, statement in enumerate(body):
        before = body[place - 1] if place else None
        if before is not None and _set_apart(before, statement):
            lines.append("")
        lines += _statement(statement, indent)
    return lines


def _set_apart(before: ast.stmt, statement: ast.stmt) -> bool:
    """Say whether a blank line stands between two statements of a block."""
    if isinstance(before, _IMPORTS):
        return not isinstance(statement, _IMPORTS)
    return isinstance(before, _DEFINITIONS) or isinstance(statement, _DEFINITIONS)


def _statement(node: ast.stmt, indent: str) -> list[str]:
    write = _STATEMENTS.get(type(node))
    if write is None:
        return [f"{indent}{line}" for line in ast.unparse(node).splitlines()]
    return write(node, indent)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, indent: str) -> list[str]:
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    opening = f"{word} {node.name}("
    closing = f") -> {flat(node.returns)}:" if node.returns else "):"
    parameters = list(_parameters(node.args))
    line = f"{indent}{opening}{', '.join(before + flat(value) for before, value in parameters)}{closing}"
    header = (
        [line] if width(line) <= WIDTH else bracket(opening, parameters, closing, indent, one_each=len(parameters) == 1)
    )
    decorators = [f"{indent}@{flat(one)}" for one in node.decorator_list]
    return [*decorators, *header, *_body(node.body, f"{indent}    ")]


def _parameters(arguments: ast.arguments) -> Iterable[Item]:
    given = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [*[None] * (len(given) - len(arguments.defaults)), *arguments.defaults]
    for parameter, default in zip(given, defaults, strict=True):
        yield _parameter(parameter, default)
    if arguments.vararg:
        yield _parameter(arguments.vararg, None, "*")
    elif arguments.kwonlyargs:
        yield "*", ast.Name("")
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(parameter, default)
    if arguments.kwarg:
        yield _parameter(arguments.kwarg, None, "**")


def _parameter(parameter: ast.arg, default: ast.expr | None, star: str = "") -> Item:
    name = f"{star}{parameter.arg}"
    if parameter.annotation and default:
        return f"{name}: {flat(parameter.annotation)} = ", default
    if parameter.annotation:
        return f"{name}: ", parameter.annotation
    return (f"{name}=", default) if default else ("", ast.Name(name))


def _class(node: ast.ClassDef, indent: str) -> list[str]:
    parents = [*map(flat, node.bases), *(f"{one.arg}={flat(one.value)}" for one in node.keywords)]
    header = f"{indent}class {node.name}({', '.join(parents)}):" if parents else f"{indent}class {node.name}:"
    body = node.body
    deeper = f"{indent}    "
    if ast.get_docstring(node, clean=False) is None or len(body) == 1:
        return [header, *_body(body, deeper)]
    return [header, *_body(body[:1], deeper), "", *_block(body[1:], deeper)]


def _body(body: list[ast.stmt], indent: str) -> list[str]:
    match body[0]:
        case ast.Expr(value=ast.Constant(value=str() as text)):
            rest = body[1:]
            apart = [""] if rest and isinstance(rest[0], _DEFINITIONS) else []
            return [*_docstring(text, indent), *apart, *_block(rest, indent)]
        case _:
            return _block(body, indent)


def _docstring(text: str, indent: str) -> list[str]:
    lines = f'{indent}"""{text}"""'.split("\n")
    return [line.rstrip() for line in lines]


def _assign(node: ast.Assign, indent: str) -> list[str]:
    targets = "".join(f"{_bare(target)} = " for target in node.targets)
    return lay(targets, node.value, "", indent)


def _bare(node: ast.expr) -> str:
    return ", ".join(map(flat, node.elts)) if isinstance(node, ast.Tuple) and len(node.elts) > 1 else flat(node)


def _augmented(node: ast.AugAssign, indent: str) -> list[str]:
    sign = flat(ast.BinOp(ast.Name("a"), node.op, ast.Name("b")))[2:-2]
    return lay(f"{flat(node.target)} {sign}= ", node.value, "", indent)


def _annotated(node: ast.AnnAssign, indent: str) -> list[str]:
    target = f"{flat(node.target)}: "
    if node.value is None:
        return lay(target, node.annotation, "", indent)
    return lay(f"{target}{flat(node.annotation)} = ", node.value, "", indent)


def _return(node: ast.Return, indent: str) -> list[str]:
    return lay("return ", node.value, "", indent) if node.value else [f"{indent}return"]


def _raise(node: ast.Raise, indent: str) -> list[str]:
    if node.exc is None:
        return [f"{indent}raise"]
    return lay("raise ", node.exc, f" from {flat(node.cause)}" if node.cause else "", indent)


def _if(node: ast.If, indent: str, word: str = "if") -> list[str]:
    lines = [*lay(f"{word} ", node.test, ":", indent), *_block(node.body, f"{indent}    ")]
    if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        return [*lines, *_if(node.orelse[0], indent, "elif")]
    return [*lines, *_else(node.orelse, indent)]


def _else(body: list[ast.stmt], indent: str, word: str = "else") -> list[str]:
    return [f"{indent}{word}:", *_block(body, f"{indent}    ")] if body else []


def _for(node: ast.For | ast.AsyncFor, indent: str) -> list[str]:
    word = "async for" if isinstance(node, ast.AsyncFor) else "for"
    header = lay(f"{word} {_bare(node.target)} in ", node.iter, ":", indent)
    return [*header, *_block(node.body, f"{indent}    "), *_else(node.orelse, indent)]


def _while(node: ast.While, indent: str) -> list[str]:
    return [*lay("while ", node.test, ":", indent), *_block(node.body, f"{indent}    "), *_else(node.orelse, indent)]


def _with(node: ast.With | ast.AsyncWith, indent: str) -> list[str]:
    word = "async with" if isinstance(node, ast.AsyncWith) else "with"
    items = ", ".join(
        flat(item.context_expr) + (f" as {flat(item.optional_vars)}" if item.optional_vars else "")
        for item in node.items
    )
    return [f"{indent}{word} {items}:", *_block(node.body, f"{indent}    ")]


def _try(node: ast.Try, indent: str) -> list[str]:
    lines = [f"{indent}try:", *_block(node.body, f"{indent}    ")]
    for handler in node.handlers:
        what = f" {flat(handler.type)}" if handler.type else ""
        name = f" as {handler.name}" if handler.name else ""
        lines += [f"{indent}except{what}{name}:", *_block(handler.body, f"{indent}    ")]
    return [*lines, *_else(node.orelse, indent), *_else(node.finalbody, indent, "finally")]


def _import_from(node: ast.ImportFrom, indent: str) -> list[str]:
    names = [f"{one.name} as {one.asname}" if one.asname else one.name for one in node.names]
    line = f"{indent}from {'.' * node.level}{node.module or ''} import "
    if width(line) + len(", ".join(names)) <= WIDTH:
        return [f"{line}{', '.join(names)}"]
    return [f"{line}(", *(f"{indent}    {name}," for name in names), f"{indent})"]


_STATEMENTS: dict[type[ast.stmt], Callable[..., list[str]]] = {
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
    ast.AnnAssign: _annotated,
    ast.Expr: lambda node, indent: lay("", node.value, "", indent),
    ast.Return: _return,
    ast.Raise: _raise,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.ImportFrom: _import_from,
    ast.Import: lambda node, indent: [f"{indent}import {', '.join(one.name for one in node.names)}"],
    ast.Pass: lambda _node, indent: [f"{indent}pass"],
    ast.Continue: lambda _node, indent: [f"{indent}continue"],
    ast.Break: lambda _node, indent: [f"{indent}break"],
}
