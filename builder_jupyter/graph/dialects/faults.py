"""What can be wrong with the shape of a document: the collector, the kinds of value, the limits.

Shape only: whether the graph makes sense is the business of `validation`. Every fault is reported, not the
first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from builder_jupyter.errors import InvalidInput

MAX_NODES = 5_000
MAX_EDGES = 50_000
MAX_NAME = 255
MAX_TAG = 64
MAX_TAGS = 50
MAX_NODE_ID = 1_024
MAX_PROMPT = 1_000_000
MAX_DESCRIPTION = 100_000
MAX_PATTERN = 2_000
MAX_DEPTH = 100
"""Levels of lists and objects inside one node, edge or metadata; values are walked recursively later on."""


class Kind(NamedTuple):
    """A kind of JSON value: how it is recognised and what is said of a value that is not it."""

    accepts: Callable[[Any], bool]
    error: str


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TEXT = Kind(lambda value: isinstance(value, str), "must be text")
NUMBER = Kind(_is_number, "must be a number")
BOOLEAN = Kind(lambda value: isinstance(value, bool), "must be true or false")
LIST = Kind(lambda value: isinstance(value, list | tuple), "must be a list")
OBJECT = Kind(lambda value: isinstance(value, Mapping), "must be an object")


class Faults:
    """Collects faults as ``{field, error}``, in the order in which they are found.

    ``field`` is a path such as ``nodes[2].id``; ``body`` is the whole. Source: spec langgraph-builder §1.1,
    §4.1.
    """

    def __init__(self) -> None:
        self.found: list[dict[str, str]] = []

    def add(self, field: str, error: str) -> None:
        """Note one fault."""
        self.found.append({"field": field, "error": error})

    def check(self, value: Any, kind: Kind, field: str) -> bool:
        """Say whether a value is of a kind; note a fault when it is not."""
        if kind.accepts(value):
            return True
        self.add(field, kind.error)
        return False

    def check_length(self, value: str, limit: int, field: str) -> bool:
        """Say whether a text has at most ``limit`` characters; note a fault when it has more."""
        if len(value) <= limit:
            return True
        self.add(field, f"must have at most {limit:,} characters")
        return False

    def check_json(self, value: Any, field: str) -> bool:
        """Say whether a value can be stored and sent as JSON; note the first fault in it.

        Refused: nesting beyond `MAX_DEPTH`, numbers that are not finite, texts that no UTF-8 can hold (lone
        surrogates), keys that are not text, values that JSON does not have. n_steps = n_values.
        """
        stack: list[tuple[Any, _Path]] = [(value, _Path(None, field, 0))]
        while stack:
            item, path = stack.pop()
            error = _json_error(item, path.depth)
            if error is not None:
                self.add(path.render(), error)
                return False
            if isinstance(item, Mapping):
                stack.extend((child, _Path(path, key, path.depth + 1)) for key, child in item.items())
            elif isinstance(item, list | tuple):
                stack.extend((child, _Path(path, index, path.depth + 1)) for index, child in enumerate(item))
        return True

    def raise_if_any(self) -> None:
        """Raise `InvalidInput` with ``code="INVALID_WORKFLOW"`` and all faults, when there are any."""
        if not self.found:
            return
        first, more = self.found[0], len(self.found) - 1
        hint = f"{first['field']}: {first['error']}" + (f" (and {more} more)." if more else ".")
        raise InvalidInput(
            "Invalid workflow definition", code="INVALID_WORKFLOW", details=list(self.found), hint=hint
        )


class _Path(NamedTuple):
    """Where a value stands, as a chain; rendered only for a fault, so long keys are not copied in vain."""

    parent: _Path | None
    step: Any
    depth: int

    def render(self) -> str:
        steps: list[str] = []
        place: _Path | None = self
        while place is not None:
            if place.parent is None:
                steps.append(str(place.step))
            else:
                steps.append(
                    f"[{place.step}]" if isinstance(place.step, int) else f".{str(place.step)[:100]}"
                )
            place = place.parent
        # A key may be the very text that cannot be encoded; the report must be sendable.
        return "".join(reversed(steps)).encode("utf-8", "replace").decode()


def _json_error(value: Any, depth: int) -> str | None:
    if isinstance(value, str):
        return None if _encodable(value) else "must not contain lone surrogates"
    if isinstance(value, float):
        return None if math.isfinite(value) else "must be a finite number"
    if isinstance(value, Mapping | list | tuple):
        return _container_error(value, depth)
    return None if value is None or isinstance(value, int) else "must be a JSON value"


def _container_error(value: Any, depth: int) -> str | None:
    if depth >= MAX_DEPTH:
        return f"must not be nested more than {MAX_DEPTH} levels deep"
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            return "must have text keys only"
        if not all(map(_encodable, value)):
            return "must not have keys with lone surrogates"
    return None


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
