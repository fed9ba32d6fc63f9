"""Expressions as text, and broken over lines where they are too long for one.

`ast.unparse` puts everything on one line and quotes otherwise than formatters do; calling a formatter would need one
at run time. What is written here ``ruff format`` leaves as it is, for the Python that generated modules consist of.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Callable, Iterator

WIDTH = 88

_BINARY = {
    ast.BitOr: ("|", 6), ast.BitXor: ("^", 7), ast.BitAnd: ("&", 8), ast.LShift: ("<<", 9), ast.RShift: (">>", 9),
    ast.Add: ("+", 10), ast.Sub: ("-", 10), ast.Mult: ("*", 11), ast.Div: ("/", 11), ast.FloorDiv: ("//", 11),
    ast.Mod: ("%", 11), ast.MatMult: ("@", 11), ast.Pow: ("**", 13),
}  # fmt: skip
_UNARY = {ast.USub: ("-", 12), ast.UAdd: ("+", 12), ast.Invert: ("~", 12), ast.Not: ("not ", 4)}
_COMPARE = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_TEST, _OR, _AND, _COMPARISON, _ATOM = 1, 2, 3, 5, 15

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_PIECES = re.compile(r"[^\n]*\n|[^\n]+")


def quoted(text: str) -> str:
    """Return a text as a Python literal on one line, with the quotes that need fewer escapes.

    The escaping is `repr`'s: whatever is not printable is escaped, so no text can end the literal or the line.
    """
    if text.count('"') <= text.count("'"):
        return '"' + '\\"'.join(repr("'" + part)[2:-1] for part in text.split('"')) + '"'
    return "'" + "\\'".join(repr('"' + part)[2:-1] for part in text.split("'")) + "'"


def width(line: str) -> int:
    """Return the columns that a line takes; East Asian letters take two."""
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def flat(node: ast.expr, level: int = 0) -> str:
    """Return an expression on one line; in parentheses if it binds weaker than ``level``."""
    write = _FLAT.get(type(node))
    return ast.unparse(node) if write is None else write(node, level)


def lay(prefix: str, node: ast.expr, suffix: str, indent: str) -> list[str]:
    """Return the lines of ``prefix`` + expression + ``suffix``, at most `WIDTH` wide where they can be broken."""
    if not _is_long(node):
        line = f"{indent}{prefix}{flat(node)}{suffix}"
        if width(line) <= WIDTH:
            return [line]
    if isinstance(node, ast.Await):
        return lay(f"{prefix}await ", node.value, suffix, indent)
    if isinstance(node, ast.Starred):
        return lay(f"{prefix}*", node.value, suffix, indent)
    if isinstance(node, _COMPREHENSIONS):
        return _comprehension_lines(prefix, node, suffix, indent)
    broken = _bracketed(node)
    if broken is None:
        return _in_parentheses(prefix, node, suffix, indent)
    opening, items, closing, always = broken
    return bracket(f"{prefix}{opening}", items, f"{closing}{suffix}", indent, one_each=always)


def _comprehension_lines(prefix: str, node: ast.expr, suffix: str, indent: str) -> list[str]:
    """Return a comprehension in its brackets: on one line of its own if it fits, else split at `for` and `if`."""
    assert isinstance(node, _COMPREHENSIONS)  # noqa: S101
    deeper = f"{indent}    "
    text = flat(node)
    opening, inner, closing = text[0], text[1:-1], text[-1]
    parts = [inner]
    if width(deeper) + width(inner) > WIDTH:
        first = f"{flat(node.key)}: {flat(node.value)}" if isinstance(node, ast.DictComp) else flat(node.elt)
        parts = [first, *_clauses(node.generators)]
    return [f"{indent}{prefix}{opening}", *(f"{deeper}{part}" for part in parts), f"{indent}{closing}{suffix}"]


Item = tuple[str, ast.expr]
"""A part between brackets: what stands before it (``name=``, ``"key": ``, ``*``) and the expression."""


def bracket(opening: str, items: list[Item], closing: str, indent: str, *, one_each: bool) -> list[str]:
    """Return lines with the items between brackets: together on a line of their own if they fit, else one each."""
    deeper = f"{indent}    "
    if not one_each and not any(_is_long(item) for _, item in items):
        body = ", ".join(f"{before}{flat(item)}" for before, item in items)
        if width(deeper) + width(body) <= WIDTH:
            return [f"{indent}{opening}", f"{deeper}{body}", f"{indent}{closing}"]
    lines = [f"{indent}{opening}"]
    for before, item in items:
        lines += lay(before, item, ",", deeper)
    return [*lines, f"{indent}{closing}"]


def _is_long(node: ast.expr) -> bool:
    """Say whether an expression is a text of several lines or too long for any: such a one stands in pieces."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > WIDTH


def _in_parentheses(prefix: str, node: ast.expr, suffix: str, indent: str) -> list[str]:
    """Return a long expression without brackets of its own in parentheses, split where it binds least."""
    deeper = f"{indent}    "
    if not isinstance(node, ast.Constant) and width(f"{deeper}{flat(node)}") <= WIDTH:
        return [f"{indent}{prefix}(", f"{deeper}{flat(node)}", f"{indent}){suffix}"]
    pieces = list(_split(node))
    if len(pieces) < 2:
        return [f"{indent}{prefix}{flat(node)}{suffix}"]
    return [f"{indent}{prefix}(", *(f"{deeper}{piece}" for piece in pieces), f"{indent}){suffix}"]


def _split(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from map(quoted, _text_pieces(node.value))
    elif isinstance(node, ast.BoolOp):
        word = "and" if isinstance(node.op, ast.And) else "or"
        level = _AND if isinstance(node.op, ast.And) else _OR
        for place, value in enumerate(node.values):
            yield f"{word} {flat(value, level + 1)}" if place else flat(value, level + 1)
    elif isinstance(node, ast.IfExp):
        yield flat(node.body, _OR)
        yield f"if {flat(node.test, _OR)}"
        yield f"else {flat(node.orelse, _TEST)}"
    elif isinstance(node, ast.BinOp):
        sign, level = _BINARY[type(node.op)]
        yield flat(node.left, level)
        yield f"{sign} {flat(node.right, level + 1)}"
    else:
        yield flat(node)


def _text_pieces(text: str) -> Iterator[str]:
    """Cut a text after its line breaks, and lines that are too long at blanks."""
    for line in _PIECES.findall(text):
        rest = line
        while len(rest) > 72:
            cut = rest.rfind(" ", 0, 72) + 1 or rest.find(" ") + 1 or len(rest)
            yield rest[:cut]
            rest = rest[cut:]
        if rest:
            yield rest


def _bracketed(node: ast.expr) -> tuple[str, list[Item], str, bool] | None:  # noqa: PLR0911
    """Return what opens the last brackets of an expression, its items, what closes, and whether each has a line."""
    match node:
        case ast.Call(func=func, args=args, keywords=keywords) if args or keywords:
            if len(args) == 1 and not keywords and isinstance(args[0], ast.GeneratorExp):
                return f"{flat(func, _ATOM)}(", [("", args[0])], ")", False
            return f"{flat(func, _ATOM)}(", [*map(_item, args), *map(_keyword, keywords)], ")", False
        case ast.List(elts=elements) if elements:
            return "[", [_item(element) for element in elements], "]", len(elements) > 1
        case ast.Set(elts=elements):
            return "{", [_item(element) for element in elements], "}", len(elements) > 1
        case ast.Tuple(elts=elements) if elements:
            return "(", [_item(element) for element in elements], ")", True
        case ast.Dict(keys=keys, values=values) if keys:
            pairs = zip(keys, values, strict=True)
            return "{", [(f"{flat(k)}: " if k else "**", v) for k, v in pairs], "}", len(keys) > 1
        case ast.Subscript(value=value, slice=ast.Tuple(elts=elements)):
            return f"{flat(value, _ATOM)}[", [_item(element) for element in elements], "]", False
        case _:
            return None


def _item(node: ast.expr) -> Item:
    return ("*", node.value) if isinstance(node, ast.Starred) else ("", node)


def _keyword(keyword: ast.keyword) -> Item:
    return f"{keyword.arg}=" if keyword.arg else "**", keyword.value


def _comma(nodes: list[ast.expr]) -> str:
    return ", ".join(map(flat, nodes))


def _constant(node: ast.Constant, _level: int) -> str:
    if isinstance(node.value, str):
        return quoted(node.value)
    if isinstance(node.value, float) and node.value in {float("inf"), float("-inf")}:
        return "1e309" if node.value > 0 else "-1e309"
    return "..." if node.value is ... else repr(node.value)


def _call(node: ast.Call, _level: int) -> str:
    if len(node.args) == 1 and not node.keywords and isinstance(node.args[0], ast.GeneratorExp):
        return f"{flat(node.func, _ATOM)}{flat(node.args[0])}"
    inner = [*map(flat, node.args), *(f"{before}{flat(value)}" for before, value in map(_keyword, node.keywords))]
    return f"{flat(node.func, _ATOM)}({', '.join(inner)})"


def _dict(node: ast.Dict, _level: int) -> str:
    pairs = zip(node.keys, node.values, strict=True)
    return "{" + ", ".join(f"{flat(k)}: {flat(v)}" if k else f"**{flat(v, 6)}" for k, v in pairs) + "}"


def _tuple(node: ast.Tuple, _level: int) -> str:
    return f"({_comma(node.elts)},)" if len(node.elts) == 1 else f"({_comma(node.elts)})"


def _subscript(node: ast.Subscript, _level: int) -> str:
    inner = _comma(node.slice.elts) if isinstance(node.slice, ast.Tuple) and node.slice.elts else flat(node.slice)
    return f"{flat(node.value, _ATOM)}[{inner}]"


def _slice(node: ast.Slice, _level: int) -> str:
    lower, upper = (flat(end) if end else "" for end in (node.lower, node.upper))
    around = " " if any(isinstance(end, ast.BinOp | ast.Call) for end in (node.lower, node.upper)) else ""
    return f"{lower}{around if lower else ''}:{around if upper else ''}{upper}"


def _within(text: str, own: int, level: int) -> str:
    return f"({text})" if own < level else text


def _binary(node: ast.BinOp, level: int) -> str:
    sign, own = _BINARY[type(node.op)]
    return _within(f"{flat(node.left, own)} {sign} {flat(node.right, own + 1)}", own, level)


def _unary(node: ast.UnaryOp, level: int) -> str:
    sign, own = _UNARY[type(node.op)]
    return _within(f"{sign}{flat(node.operand, own)}", own, level)


def _bool(node: ast.BoolOp, level: int) -> str:
    word, own = ("and", _AND) if isinstance(node.op, ast.And) else ("or", _OR)
    return _within(f" {word} ".join(flat(value, own + 1) for value in node.values), own, level)


def _compare(node: ast.Compare, level: int) -> str:
    rest = "".join(
        f" {_COMPARE[type(op)]} {flat(right, _COMPARISON + 1)}"
        for op, right in zip(node.ops, node.comparators, strict=True)
    )
    return _within(f"{flat(node.left, _COMPARISON + 1)}{rest}", _COMPARISON, level)


def _conditional(node: ast.IfExp, level: int) -> str:
    text = f"{flat(node.body, _OR)} if {flat(node.test, _OR)} else {flat(node.orelse, _TEST)}"
    return _within(text, _TEST, level)


def _lambda(node: ast.Lambda, level: int) -> str:
    return _within(f"lambda {ast.unparse(node.args)}: {flat(node.body)}", _TEST, level)


def _generators(generators: list[ast.comprehension]) -> str:
    return "".join(f" {clause}" for clause in _clauses(generators))


def _clauses(generators: list[ast.comprehension]) -> Iterator[str]:
    for one in generators:
        yield f"for {_target(one.target)} in {flat(one.iter, _OR)}"
        yield from (f"if {flat(test, _OR)}" for test in one.ifs)


def _target(node: ast.expr) -> str:
    return _comma(node.elts) if isinstance(node, ast.Tuple) else flat(node)


def _comprehension(opening: str, closing: str) -> Callable[..., str]:
    def write(node: ast.ListComp | ast.SetComp | ast.GeneratorExp, _level: int) -> str:
        return f"{opening}{flat(node.elt)}{_generators(node.generators)}{closing}"

    return write


def _formatted(node: ast.JoinedStr, _level: int) -> str:
    text = ast.unparse(node)
    return f'f"{text[2:-1]}"' if text.startswith("f'") and '"' not in text and "\\" not in text else text


_FLAT: dict[type[ast.expr], Callable[..., str]] = {
    ast.Constant: _constant,
    ast.Name: lambda node, _: node.id,
    ast.Attribute: lambda node, _: f"{flat(node.value, _ATOM)}.{node.attr}",
    ast.Call: _call,
    ast.Await: lambda node, level: _within(f"await {flat(node.value, _ATOM)}", 14, level),
    ast.Starred: lambda node, _: f"*{flat(node.value, 6)}",
    ast.List: lambda node, _: f"[{_comma(node.elts)}]",
    ast.Set: lambda node, _: f"{{{_comma(node.elts)}}}",
    ast.Tuple: _tuple,
    ast.Dict: _dict,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _bool,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension("[", "]"),
    ast.SetComp: _comprehension("{", "}"),
    ast.GeneratorExp: _comprehension("(", ")"),
    ast.DictComp: lambda node, _: f"{{{flat(node.key)}: {flat(node.value)}{_generators(node.generators)}}}",
    ast.JoinedStr: _formatted,
}
