"""Names of tools as models know them."""

from __future__ import annotations

import re

from builder_jupyter.codegen.reading.values import Call, Function, Value, last_name


def tool_name(value: Value) -> str:  # noqa: PLR0911
    """Return the name under which a model knows a tool; ``""`` when nobody can tell."""
    if isinstance(value, Function):
        for decorator in getattr(value.node, "decorator_list", ()):
            given = getattr(decorator, "args", [])
            first = getattr(given[0], "value", None) if given else None
            if isinstance(first, str):
                return first
        return value.name or ""
    if isinstance(value, Call):
        given = value.keywords.get("name")
        if isinstance(given, str):
            return given
        if value.name in ("tool", "StructuredTool", "from_function", "Tool") and value.args:
            return tool_name(value.args[0]) if not isinstance(value.args[0], str) else value.args[0]
        return _snake(value.name)
    if isinstance(value, dict):
        inner = value.get("function", value)
        name = inner.get("name", inner.get("type")) if isinstance(inner, dict) else None
        return name if isinstance(name, str) else ""
    if isinstance(value, str):
        return value
    return _snake(last_name(value))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
