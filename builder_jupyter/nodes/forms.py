"""What the form of a node is told about a field beyond its JSON Schema, as keywords of that schema.

``x-form`` names the way to enter a value, ``x-suggest`` where suggestions come from; others pass over them.
Bounds that stand here and not on the field are advice: a value beyond them is kept as it is.
"""

from __future__ import annotations

from typing import Any

PROMPT: dict[str, Any] = {"x-form": "prompt"}
"""Text of several lines."""

CODE: dict[str, Any] = {"x-form": "code"}
"""Python."""

EXPRESSION: dict[str, Any] = {"x-form": "line", "x-suggest": "expression"}
"""One expression over the state, without braces."""

TEMPLATE: dict[str, Any] = {"x-form": "line", "x-suggest": "template"}
"""A text or a value in which ``{{state.…}}`` is filled in."""

ARGUMENTS: dict[str, Any] = {"x-form": "pairs", "x-suggest": "template"}
"""Values by name, in whose texts ``{{state.…}}`` is filled in."""

CONDITIONS: dict[str, Any] = {"x-form": "conditions"}
"""The ways out of a router."""

LABELS: dict[str, Any] = {"x-suggest": "labels"}
"""The label of an edge that leaves the node."""

TOOL: dict[str, Any] = {"x-suggest": "tools"}
MODEL: dict[str, Any] = {"x-suggest": "models"}
WORKFLOW: dict[str, Any] = {"x-suggest": "workflows"}
"""The name of one, or of each in a list."""


def bounded(least: float | None = None, most: float | None = None) -> dict[str, Any]:
    """Return the advice that a number lies between two, both included."""
    given = {"minimum": least, "maximum": most}
    return {name: value for name, value in given.items() if value is not None}


def also(**properties: dict[str, Any]) -> Any:
    """Return what adds fields to a schema that the model does not read by themselves."""

    def add(schema: dict[str, Any]) -> None:
        schema.setdefault("properties", {}).update(properties)

    return add
