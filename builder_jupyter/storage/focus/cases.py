"""Ready-made questions. Each is a file in `cases/`: what it asks, what it needs, and its SQL.

A file begins with comments ``-- name: value``: ``title``, ``question``, ``family``, ``columns``, ``source``, and a line
``parameter: name = default, what it means`` for each that the SQL has beside ``$start`` and ``$end``.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from builder_jupyter.errors import NotFound


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a question can be told; ``default`` is used when it is not."""

    name: str
    default: Any
    meaning: str


@dataclass(frozen=True, slots=True)
class Case:
    """A ready-made question. ``columns`` are those it reads, ``source`` where the question comes from."""

    name: str
    title: str
    question: str
    family: str
    columns: tuple[str, ...]
    source: str
    parameters: tuple[Parameter, ...]
    sql: str


_KEYS = frozenset({"title", "question", "family", "columns", "source", "parameter"})


@cache
def cases() -> dict[str, Case]:
    """Return all questions by name, family by family."""
    folder = resources.files(__package__) / "cases"
    files = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    read = [_read(file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in files]
    return {case.name: case for case in sorted(read, key=lambda case: (case.family, case.name))}


def case_of(name: str) -> Case:
    """Return a question. Raises `NotFound` (``UNKNOWN_USE_CASE``) naming those that sound alike."""
    found = cases().get(name)
    if found is None:
        alike = difflib.get_close_matches(name, cases(), n=3, cutoff=0.4)
        raise NotFound(
            f"There is no use case {name!r}.",
            code="UNKNOWN_USE_CASE",
            hint=f"Did you mean {' or '.join(map(repr, alike))}?" if alike else "use_cases() lists them.",
        )
    return found


def _read(name: str, text: str) -> Case:
    told: dict[str, str] = {}
    parameters = []
    lines = text.splitlines()
    while (key := lines[0].removeprefix("-- ").partition(": ")[0]) in _KEYS:
        value = lines.pop(0).partition(": ")[2]
        if key == "parameter":
            parameters.append(_parameter(value))
        else:
            told[key] = value
    columns = tuple(column.strip() for column in told["columns"].split(","))
    return Case(
        name, told["title"], told["question"], told["family"], columns, told["source"], tuple(parameters),
        "\n".join(lines).strip(),
    )  # fmt: skip


def _parameter(line: str) -> Parameter:
    """Read ``name = default, meaning``; the default is JSON."""
    name, _, rest = line.partition(" = ")
    default, end = json.JSONDecoder().raw_decode(rest)
    return Parameter(name, default, rest[end:].lstrip(", "))
