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
MAX_CODE = 100_000
MAX_DESCRIPTION = 100_000
MAX_PATTERN = 2_000
MAX_DEPTH = 100
"""Levels of lists and objects inside one node, edge or metadata; values are walked recursively later on."""


MAX_FAULTS = 10_000
"""Faults that are reported: a list of a million wrong items must not be answered by a million sentences."""


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
        """Note one fault; beyond `MAX_FAULTS` none is noted any more."""
        if len(self.found) < MAX_FAULTS:
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
        found = _first_json_fault(value, field)
        if found is None:
            return True
        self.add(*found)
        return False

    def raise_if_any(self) -> None:
        """Raise `InvalidInput` with ``code="INVALID_WORKFLOW"`` and all faults, when there are any."""
        if self.found:
            raise InvalidInput("Invalid workflow definition", code="INVALID_WORKFLOW", details=list(self.found))


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
                steps.append(f"[{place.step}]" if isinstance(place.step, int) else f".{str(place.step)[:100]}")
            place = place.parent
        # A key may be the very text that cannot be encoded; the report must be sendable.
        return "".join(reversed(steps)).encode("utf-8", "replace").decode()


def _first_json_fault(value: Any, field: str) -> tuple[str, str] | None:
    """Return (field, error) of the first fault, or None.

    Only containers go on the stack: a body may hold millions of numbers.
    """
    root = _Path(None, field, 0)
    if not _is_container(value):
        error = _scalar_error(value)
        return None if error is None else (root.render(), error)
    stack: list[tuple[Any, _Path]] = [(value, root)]
    while stack:
        container, path = stack.pop()
        error = _container_error(container, path.depth)
        if error is not None:
            return path.render(), error
        for step, item in container.items() if isinstance(container, Mapping) else enumerate(container):
            if type(item) in _HARMLESS:
                continue
            if _is_container(item):
                stack.append((item, _Path(path, step, path.depth + 1)))
            elif (error := _scalar_error(item)) is not None:
                return _Path(path, step, path.depth + 1).render(), error
    return None


_HARMLESS = frozenset({int, bool, type(None)})


def _is_container(value: Any) -> bool:
    return isinstance(value, dict | list | tuple | Mapping)


def _scalar_error(value: Any) -> str | None:
    if isinstance(value, str):
        return None if _encodable(value) else "must not contain lone surrogates"
    if isinstance(value, float):
        return None if math.isfinite(value) else "must be a finite number"
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
