"""The functions that we generate: what each says of its node, field by field (docs/codegen.md)."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from builder_jupyter.codegen.patterns import from_python
from builder_jupyter.codegen.reading.drafts import name_of
from builder_jupyter.codegen.reading.program import Program
from builder_jupyter.codegen.reading.values import UNKNOWN, Call, Function, PartialText, TemplateText, Value
from builder_jupyter.codegen.spoken import repeats
from builder_jupyter.nodes.router import FALLBACKS

_UNSET: Final = object()
_READERS: Final = frozenset({"lookup", "message_at"})
"""The functions of ours that read the state."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a routing function says: ``conditions`` (None for a human), ``default``, (label, target) of its edges."""

    conditions: tuple[tuple[str, str], ...] | None
    default: str | None
    edges: tuple[tuple[str | None, str], ...]


def said_by(function: Function, choices: Choices | None, program: Program) -> tuple[str, dict[str, Any]] | None:
    """Return the type of a node and its data as its function says them; None when it has none of our forms."""
    body = dict(_assigned(function.node))
    calls = {_called(node): node for node in ast.walk(function.node) if isinstance(node, ast.Call)}

    def value(node: ast.expr) -> Any:
        return _plain(program.value(node, function.scope))

    if "get_model" in calls:
        kind, data = "agent", _agent(body, calls["get_model"], value)
    elif "call_tool" in calls:
        kind, data = "tool", _tool(body, calls["call_tool"], value)
    elif "interrupt" in calls:
        kind, data = "human", _human(body, calls["interrupt"], value)
    else:
        output = _returned(function.node, "output")
        if output is not None:
            kind, data = "end", {"output": _output(value(output))}
        elif _is_empty(function.node):
            kind, data = "router", _router(choices)
        else:
            return None
    if any(item is UNKNOWN for item in data.values()):
        return None
    return kind, _named(function.node, kind) | data


def choices_of(function: Function, program: Program) -> Choices | None:
    """Return what a routing function of ours says; None when it has another form."""
    body = dict(_assigned(function.node))
    routes = program.value(body.get("routes"), function.scope)
    last = function.node.body[-1] if isinstance(function.node, ast.FunctionDef | ast.AsyncFunctionDef) else None
    if not isinstance(routes, dict) or not (isinstance(last, ast.Return) and isinstance(last.value, ast.Call)):
        return None
    conditions = None
    if "conditions" in body:
        pairs = program.value(body["conditions"], function.scope)
        if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
            return None
        conditions = tuple((pair[0], from_python(pair[1])) for pair in pairs)
    edges = [
        (label if isinstance(label, str) else None, target)
        for label, targets in routes.items()
        for target in _targets(targets)
    ]
    otherwise = last.value.args[1] if len(last.value.args) > 1 else None
    default, rest = _otherwise(otherwise, routes, program, function)
    if not repeats({label: _targets(targets) for label, targets in routes.items()}, rest):
        edges += [(None, target) for target in rest]
    return Choices(conditions, default, tuple(edges))


def _otherwise(
    node: ast.expr | None, routes: Mapping[Any, Value], program: Program, function: Function
) -> tuple[str | None, list[str]]:
    """Return the default label and the targets without a label, of the second argument of ``routes.get``."""
    if isinstance(node, ast.Subscript):
        label = program.value(node.slice, function.scope)
        return (label if isinstance(label, str) and label not in FALLBACKS else None), []
    if isinstance(node, ast.Call) and node.args:
        label = program.value(node.args[0], function.scope)
        rest = _otherwise(node.args[1], routes, program, function)[1] if len(node.args) > 1 else []
        return (label if isinstance(label, str) else None), rest
    return None, _targets(program.value(node, function.scope))


def _targets(value: Value) -> list[str]:
    names = [name_of(item) for item in value] if isinstance(value, list) else []
    return [name for name in names if name is not None]


def _is_pair(pair: Value) -> bool:
    return isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(part, str) for part in pair)


def _agent(body: Mapping[str, ast.expr], model: ast.Call, value: Any) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if "prompt" in body:
        data["prompt"] = value(body["prompt"])
    name = value(model.args[0]) if model.args else None
    if name is not None:
        data["model"] = name
    for keyword in model.keywords:
        if keyword.arg in ("temperature", "max_tokens"):
            data[keyword.arg] = value(keyword.value)
    if "tools" in body:
        data["tools"] = value(body["tools"])
    return data


def _tool(body: Mapping[str, ast.expr], call: ast.Call, value: Any) -> dict[str, Any]:
    data: dict[str, Any] = {}
    name = value(call.args[0]) if call.args else ""
    if name != "":
        data["tool_name"] = name
    given = body.get("arguments")
    if given is None and len(call.args) > 1 and not isinstance(call.args[1], ast.Name):
        given = call.args[1]
    arguments = value(given) if given is not None else {}
    if arguments != {}:
        data["arguments"] = arguments
    return data


def _human(body: Mapping[str, ast.expr], call: ast.Call, value: Any) -> dict[str, Any]:
    question = value(body.get("question", call.args[0] if call.args else ast.Constant(None)))
    if not isinstance(question, dict):
        return {"prompt": question if isinstance(question, str) else UNKNOWN}
    empty = {"prompt": "", "options": [], "timeout": None, "schema": _UNSET}
    return {key: question[key] for key, nothing in empty.items() if key in question and question[key] != nothing}


def _router(choices: Choices | None) -> dict[str, Any]:
    if choices is None:
        return {}
    data: dict[str, Any] = {}
    if choices.conditions:
        data["conditions"] = [{"label": label, "pattern": pattern} for label, pattern in choices.conditions]
    return data if choices.default is None else {**data, "default": choices.default}


def _output(value: Any) -> Any:
    """Return the output expression: a path bare, without the braces of a template."""
    if (
        isinstance(value, str)
        and value.startswith("{{state")
        and value.endswith("}}")
        and isinstance(value, TemplateText)
    ):
        return str(value)[2:-2]
    return value


def _plain(value: Value) -> Any:
    """Return a value of our code as data: reads of the state as templates, text that is put together as one text."""
    if isinstance(value, Call):
        return _read(value)
    if isinstance(value, PartialText):
        return UNKNOWN
    if isinstance(value, dict):
        inner = {key: _plain(item) for key, item in value.items()}
        return UNKNOWN if any(item is UNKNOWN for item in inner.values()) else inner
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        return UNKNOWN if any(item is UNKNOWN for item in items) else items
    return value if value is None or isinstance(value, str | int | float | bool) else UNKNOWN


def _read(call: Call) -> Any:
    """Return ``lookup(state, "query", 0)`` as ``{{state.query[0]}}`` and ``joined(...)`` as its pieces in a row.

    ``message_at(state, -1)`` is ``{{state.messages[-1]}}``.
    """
    path = ["messages", *call.args[1:]] if call.name == "message_at" else call.args[1:]
    if call.name in _READERS and len(call.args) > 1 and all(isinstance(step, str | int) for step in path):
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        return TemplateText(f"{{{{state{''.join(steps)}}}}}")
    if call.name == "joined":
        pieces = [_plain(piece) for piece in call.args]
        return TemplateText("".join(map(str, pieces))) if all(isinstance(p, str) for p in pieces) else UNKNOWN
    return UNKNOWN


def _assigned(node: ast.AST) -> list[tuple[str, ast.expr]]:
    """Return what is assigned to names in the body of a function, in order."""
    return [
        (statement.targets[0].id, statement.value)
        for statement in getattr(node, "body", ())
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    ]


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _returned(node: ast.AST, key: str) -> ast.expr | None:
    """Return the expression that the function gives back under a key of the state."""
    last = getattr(node, "body", [None])[-1]
    if isinstance(last, ast.Return) and isinstance(last.value, ast.Dict):
        for name, value in zip(last.value.keys, last.value.values, strict=True):
            if isinstance(name, ast.Constant) and name.value == key:
                return value
    return None


def _is_empty(node: ast.AST) -> bool:
    """Say whether a function gives back nothing, or only what the run began with."""
    last = getattr(node, "body", [None])[-1]
    if not (isinstance(last, ast.Return) and isinstance(last.value, ast.Dict)):
        return False
    return all(isinstance(value, ast.Name) and value.id == "begin" for value in last.value.values)


def _named(node: ast.AST, kind: str) -> dict[str, str]:
    """Return the name that a docstring such as ``Support agent node.`` says."""
    docstring = (
        ast.get_docstring(node, clean=False) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else None
    )
    suffix = f" {kind} node."
    return {"name": docstring.removesuffix(suffix)} if docstring is not None and docstring.endswith(suffix) else {}
