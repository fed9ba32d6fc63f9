"""What code has come to as JSON-like data, and back: dataframes travel beside it, as Parquet.

Whatever JSON cannot hold is kept as its ``repr``, part by part, with a note for each: a structure keeps its shape.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder_jupyter.errors import OutputInvalid
from builder_jupyter.nodes.code import ARTEFACT, is_frame
from builder_jupyter.nodes.display import clean

MAX_RESULT_BYTES = 50_000_000
MAX_FRAME_BYTES = 500_000_000
MAX_DEPTH = 90
MAX_NOTES = 20
MAX_REPR = 10_000
PREVIEW_ROWS = 10
PREVIEW_COLUMNS = 50
PREVIEW_CELL = 200


@dataclass
class Packed:
    """A value on its way: JSON-like ``value``, ``frames`` as Parquet by hash, ``notes`` on what was lost."""

    value: Any = None
    frames: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def pack(value: Any) -> Packed:
    """Return a value as JSON-like data and dataframes.

    Raises
    ------
    OutputInvalid : more than 50 MB of JSON, or a dataframe above 500 MB of Parquet.
    """
    packed = Packed()
    packed.value = _packed(value, "result", packed, MAX_DEPTH)
    size = len(json.dumps(packed.value, allow_nan=False).encode())
    if size > MAX_RESULT_BYTES:
        raise OutputInvalid(
            f"The result is {size / 1e6:,.0f} MB of JSON; {MAX_RESULT_BYTES / 1e6:.0f} MB is the most.",
            hint="Return a dataframe: it is kept beside the journal, as a file.",
        )
    return packed


def unpack(value: Any, load: Callable[[str], bytes]) -> Any:
    """Return a value with its references to dataframes replaced by the dataframes."""
    if is_frame(value):
        from builder_jupyter.storage.frames import from_parquet

        return from_parquet(load(value[ARTEFACT]), str(value.get("library", "pandas")))
    if isinstance(value, Mapping):
        return {key: unpack(item, load) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [unpack(item, load) for item in value]
    return value


def _packed(value: Any, place: str, packed: Packed, depth: int) -> Any:
    if depth > 0 and isinstance(value, Mapping):
        return {clean(str(key)): _packed(item, f"{place}[{key!r}]", packed, depth - 1) for key, item in value.items()}
    if depth > 0 and isinstance(value, list | tuple):
        return [_packed(item, f"{place}[{at}]", packed, depth - 1) for at, item in enumerate(value)]
    is_scalar, scalar = _scalar(value)
    return scalar if is_scalar else _frame(value, place, packed) or _repr(value, place, packed)


def _scalar(value: Any) -> tuple[bool, Any]:
    """Return whether a value is one of JSON's, and that; a number of numpy's becomes Python's own."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype") and hasattr(value, "item"):
        value = value.item()
    match value:
        case None | bool():
            return True, value
        case str():
            return True, clean(str(value))
        case int():
            return True, int(value)
        case float() if math.isfinite(value):
            return True, float(value)
    return False, None


def _repr(value: Any, place: str, packed: Packed) -> str:
    name = type(value).__qualname__
    if len(packed.notes) < MAX_NOTES:
        packed.notes.append(f"{place} is a {name}, which JSON cannot hold: its repr was kept.")
    try:
        return clean(repr(value))[:MAX_REPR]
    except Exception as error:  # noqa: BLE001 - somebody else's __repr__ may raise anything
        return f"<{name} whose repr raised {type(error).__name__}>"


def _frame(value: Any, place: str, packed: Packed) -> dict[str, Any] | None:
    from builder_jupyter.storage.frames import library_of, plain, to_parquet

    library = library_of(value)
    if library is None:
        return None
    try:
        content = to_parquet(value)
    except (ValueError, TypeError) as error:
        packed.notes.append(f"{place} is a dataframe that Parquet cannot hold ({error}).")
        return None
    if len(content) > MAX_FRAME_BYTES:
        raise OutputInvalid(
            f"A dataframe is {len(content) / 1e6:,.0f} MB of Parquet; {MAX_FRAME_BYTES / 1e6:.0f} MB is the most.",
            hint="Write it to a file, and return its path.",
        )
    digest = hashlib.sha256(content).hexdigest()
    packed.frames[digest] = content
    frame = plain(value) if library == "pandas" else value
    head = frame.head(PREVIEW_ROWS)
    rows = head.to_dict("records") if library == "pandas" else head.to_dicts()
    return {
        ARTEFACT: digest,
        "kind": "dataframe",
        "library": library,
        "rows": len(frame),
        "columns": [clean(str(name)) for name in frame.columns],
        "preview": [{clean(str(k)): _cell(v) for k, v in list(row.items())[:PREVIEW_COLUMNS]} for row in rows],
    }


def _cell(value: Any) -> Any:
    """Return a cell for the preview: a number as it is, what is missing as None, anything else as a short text."""
    is_scalar, scalar = _scalar(value)
    if is_scalar and not isinstance(scalar, str):
        return scalar
    missing = isinstance(value, float) or str(value) in ("NaT", "<NA>")
    return None if missing else clean(str(value))[:PREVIEW_CELL]
