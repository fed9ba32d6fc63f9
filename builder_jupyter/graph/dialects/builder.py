"""The wire shape of the Builder API. Source: seed "Builder API"; spec langgraph-builder §2.1, §3, §4.1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from builder_jupyter.graph.dialects.faults import (
    BOOLEAN,
    LIST,
    MAX_CODE,
    MAX_PATTERN,
    MAX_PROMPT,
    NUMBER,
    OBJECT,
    TEXT,
    Faults,
    Kind,
)
from builder_jupyter.graph.dialects.wire import Dialect
from builder_jupyter.graph.model import Profile

Check = Callable[[Any, str, Faults], None]


def _is(kind: Kind) -> Check:
    def check(value: Any, path: str, faults: Faults) -> None:
        faults.check(value, kind, path)

    return check


def _text(limit: int) -> Check:
    def check(value: Any, path: str, faults: Faults) -> None:
        if faults.check(value, TEXT, path):
            faults.check_length(value, limit, path)

    return check


def _list_of(check: Check) -> Check:
    def check_list(value: Any, path: str, faults: Faults) -> None:
        if faults.check(value, LIST, path):
            for i, item in enumerate(value):
                check(item, f"{path}[{i}]", faults)

    return check_list


def _condition(value: Any, path: str, faults: Faults) -> None:
    """Check one condition of a router: text, or an object whose label and pattern are text where given."""
    if isinstance(value, str):
        faults.check_length(value, MAX_PATTERN, path)
    elif not isinstance(value, Mapping):
        faults.add(path, "must be text or an object")
    else:
        _check_fields(_CONDITION, value, path, faults)


def _check_fields(checks: Mapping[str, Check], value: Mapping[str, Any], path: str, faults: Faults) -> None:
    for name, check in checks.items():
        if name in value:
            check(value[name], f"{path}.{name}", faults)


_CONDITION: dict[str, Check] = {"label": _is(TEXT), "pattern": _text(MAX_PATTERN)}
_NAME: dict[str, Check] = {"name": _is(TEXT)}

_OPTIONS: dict[str, Check] = dict.fromkeys(
    ("include_types", "include_docstrings", "include_mcp_tools", "checkpoint_config", "async_mode"), _is(BOOLEAN)
)

DATA_FIELDS: Mapping[str, Mapping[str, Check]] = {
    "start": _NAME,
    "agent": {
        **_NAME,
        "prompt": _text(MAX_PROMPT),
        "model": _is(TEXT),
        "tools": _list_of(_is(TEXT)),
        "temperature": _is(NUMBER),
    },
    "router": {**_NAME, "conditions": _list_of(_condition), "default": _is(TEXT)},
    "tool": {**_NAME, "tool_name": _is(TEXT), "arguments": _is(OBJECT)},
    "python": {**_NAME, "code": _text(MAX_CODE), "timeout": _is(NUMBER)},
    "human": {
        **_NAME,
        "prompt": _text(MAX_PROMPT),
        "timeout": _is(NUMBER),
        "options": _list_of(_is(TEXT)),
    },
    "end": {**_NAME, "output": _is(TEXT)},
}
"""What each node type's ``data`` must be made of; other fields and other types are not looked at."""


def _check_data(type_name: str, data: Mapping[str, Any], path: str, faults: Faults) -> None:
    _check_fields(DATA_FIELDS.get(type_name, {}), data, path, faults)


BUILDER = Dialect(
    profile=Profile.BUILDER,
    node_id=("id",),
    edge={
        "id": ("id",),
        "source": ("source", "from"),
        "target": ("target", "to"),
        "label": ("label",),
        "source_port": ("sourceHandle",),
        "target_port": ("targetHandle",),
        "condition": ("condition",),
    },
    check_data=_check_data,
)


def unwrap(body: Any) -> Any:
    """Return the flat body of a request that puts its graph under ``workflow``; any other body as it is.

    Fields beside ``workflow`` (``options``) are kept; the inner ones win. Source: spec langgraph-builder §0.1
    row 1.
    """
    if not isinstance(body, Mapping) or "nodes" in body or "edges" in body:
        return body
    inner = body.get("workflow")
    if not isinstance(inner, Mapping):
        return body
    return {**{name: value for name, value in body.items() if name != "workflow"}, **inner}


def check_options(body: Mapping[str, Any], faults: Faults) -> None:
    """Note faults of ``options``, where given: an object whose known values are booleans; others are ignored.

    Source: spec langgraph-builder §0.1 row 11, §4.1, §5.
    """
    options = body.get("options", {})
    if faults.check(options, OBJECT, "options"):
        _check_fields(_OPTIONS, options, "options", faults)
