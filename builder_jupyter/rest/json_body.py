"""What a client sends as JSON: read strictly, and refused by naming the field at fault."""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from builder_jupyter.errors import InvalidInput

M = TypeVar("M", bound=BaseModel)

MAX_JSON_DEPTH = 100


def malformed(reason: str, field: str = "body") -> InvalidInput:
    """Return the error for a request of the wrong shape."""
    return InvalidInput(
        "Invalid workflow definition" if field == "body" else f"Invalid request: {field} {reason}",
        code="INVALID_WORKFLOW",
        details=[{"field": field, "error": reason}],
    )


def validated(model: type[M], value: Any, *, code: str) -> M:
    """Return ``value`` as a model. Raises `InvalidInput` naming each field at fault."""
    if not isinstance(value, dict):
        raise malformed("must be an object")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [{"field": _path(e["loc"]), "error": e["msg"]} for e in error.errors(include_url=False)]
        first = faults[0]
        raise InvalidInput(f"Invalid request: {first['field']}: {first['error']}.", code=code, details=faults) from None


def _path(steps: tuple[int | str, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.lstrip(".") or "body"


def parse_json(raw: bytes) -> Any:
    """Return a JSON value that every store and every answer can hold.

    Raises
    ------
    InvalidInput : ``INVALID_WORKFLOW``; not UTF-8 or JSON, deeper than `MAX_JSON_DEPTH`, with a number that is not
        finite, or with a lone surrogate.
    """
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
    except RecursionError:
        raise malformed(f"must not be nested deeper than {MAX_JSON_DEPTH}") from None
    except ValueError as error:
        raise malformed(f"must be JSON ({error})") from None
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [item for parent in level for item in _children(parent)]
        if not level:
            return value
    raise malformed(f"must not be nested deeper than {MAX_JSON_DEPTH}")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise malformed("must not contain lone surrogates") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise malformed("must not contain numbers that are not finite")
    return []


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
