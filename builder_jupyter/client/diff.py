"""Two runs side by side, as a dataframe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.execution import Execution
from builder_jupyter.client.frames import message_of, seconds_of, text_of
from builder_jupyter.client.protocol import Wire

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("a", "b")
COMPARED = ("status", "output", "error")
SHOWN = ("status", "output", "error", "seconds", "credits", "reused")
COLUMNS = ("step", "visit", "change", *(f"{name}_{side}" for name in SHOWN for side in SIDES))


def diff(run_a: Execution, run_b: Execution) -> pd.DataFrame:
    """Compare two runs: one row a step and visit, in the order of the first run, then what only the second has.

    ``change`` is ``same`` or ``changed`` (status, output or error), ``only a`` or ``only b``; ``output`` is what the
    step wrote, JSON where that is no text. Durations and credits differ without being a change.
    """
    import pandas as pd

    rows_a, rows_b = (_rows(run.snapshot) for run in (run_a, run_b))
    rows = []
    for key in dict.fromkeys([*rows_a, *rows_b]):
        one, other = rows_a.get(key), rows_b.get(key)
        row: Wire = {"step": key[0], "visit": key[1], "change": _change(one, other)}
        for side, values in zip(SIDES, (one, other), strict=True):
            row |= {f"{name}_{side}": (values or {}).get(name) for name in SHOWN}
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    types: dict[str, str] = {"visit": "Int64", "step": "string", "change": "string"}
    for side in SIDES:
        types |= {f"{name}_{side}": "string" for name in COMPARED}
        types |= {f"seconds_{side}": "float64", f"credits_{side}": "float64", f"reused_{side}": "boolean"}
    return frame.astype(types)


def _change(one: Wire | None, other: Wire | None) -> str:
    if one is None or other is None:
        return "only b" if one is None else "only a"
    return "same" if all(one[name] == other[name] for name in COMPARED) else "changed"


def _rows(picture: Wire) -> dict[tuple[str, int], Wire]:
    return {(step["stepId"], step["visit"]): _row(step) for step in picture["steps"]}


def _row(step: Wire) -> dict[str, Any]:
    values = {port: output["value"] for port, output in step["outputs"].items()}
    output = text_of(step) or (json.dumps(values, ensure_ascii=False, sort_keys=True) if values else None)
    return {
        "status": step["status"],
        "output": output,
        "error": message_of(step["error"]),
        "seconds": seconds_of(step),
        "credits": float(step["credits"]),
        "reused": step["reused"],
    }
