"""Fields of a document beside its graph. Source: spec langgraph-builder §2, §4.1, §12."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from builder_jupyter.graph.dialects.faults import (
    BOOLEAN,
    LIST,
    MAX_DESCRIPTION,
    MAX_NAME,
    MAX_TAG,
    MAX_TAGS,
    OBJECT,
    TEXT,
    Faults,
)


def read_header(body: Any, faults: Faults, *, name_required: bool = False) -> dict[str, Any]:
    """Read the fields beside the graph; ``message`` and ``draft`` are checked, not returned."""
    if not isinstance(body, Mapping):
        return {}
    if name_required and "name" not in body:
        faults.add("name", "is required")
    for name, check in _HEADER.items():
        if name in body:
            check(body[name], name, faults)
    return {name: body[name] for name in ("name", "description", "metadata") if name in body}


def _check_name(value: Any, path: str, faults: Faults) -> None:
    if not (faults.check(value, TEXT, path) and faults.check_json(value, path)):
        return
    if not value.strip():
        faults.add(path, "must not be blank")
    faults.check_length(value, MAX_NAME, path)


def _check_description(value: Any, path: str, faults: Faults) -> None:
    if faults.check(value, TEXT, path) and faults.check_json(value, path):
        faults.check_length(value, MAX_DESCRIPTION, path)


def _check_metadata(value: Any, path: str, faults: Faults) -> None:
    if not (faults.check(value, OBJECT, path) and faults.check_json(value, path)) or "tags" not in value:
        return
    tags = value["tags"]
    if not faults.check(tags, LIST, f"{path}.tags"):
        return
    if len(tags) > MAX_TAGS:
        faults.add(f"{path}.tags", f"must have at most {MAX_TAGS} entries")
    for i, tag in enumerate(tags):
        if faults.check(tag, TEXT, f"{path}.tags[{i}]"):
            faults.check_length(tag, MAX_TAG, f"{path}.tags[{i}]")


def _check_draft(value: Any, path: str, faults: Faults) -> None:
    faults.check(value, BOOLEAN, path)


_HEADER: dict[str, Callable[[Any, str, Faults], None]] = {
    "name": _check_name,
    "description": _check_description,
    "metadata": _check_metadata,
    "message": _check_description,
    "draft": _check_draft,
}
