"""What goes into a kernel and what comes out of it, as values.

A dataframe is no JSON: in states and results a reference stands for it, and it is kept beside the journal::

    {"$artefact": <sha256>, "kind": "dataframe", "library", "rows", "columns", "preview"}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

ARTEFACT = "$artefact"


@dataclass(frozen=True, slots=True)
class Job:
    """Code to be run, and the state it sees. ``paths`` are where artefacts of the state lie on this machine.

    Of a call of a function that the kernel offers as a tool, ``tool`` is its name and ``state`` are the arguments.
    """

    node: str
    code: str
    state: Any
    paths: Mapping[str, str] = field(default_factory=dict)
    tool: str | None = None

    def to_json(self) -> str:
        """Return the job as text."""
        told = {"node": self.node, "code": self.code, "state": self.state, "paths": dict(self.paths)}
        return json.dumps(told | ({"tool": self.tool} if self.tool is not None else {}))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read back what `to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(slots=True)
class Outcome:
    """What code came to.

    Parameters
    ----------
    value : JSON-like, with references to ``frames``.
    notes : a sentence for each part of the value that JSON cannot hold and that is kept as its ``repr``.
    error : ``{message, code}`` when it failed.
    display : what was printed and displayed, as MIME bundles in order.
    frames : dataframes by hash, as Parquet.
    """

    value: Any = None
    notes: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None
    display: list[dict[str, Any]] = field(default_factory=list)
    frames: dict[str, bytes] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return all but the dataframes as text."""
        told = {"value": self.value, "notes": self.notes, "error": self.error, "display": self.display}
        return json.dumps(told, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, frames: Mapping[str, bytes]) -> Self:
        """Read back what `to_json` wrote. Raises `ValueError` or `TypeError` for what is no outcome."""
        return cls(**json.loads(text), frames=dict(frames))


def is_frame(value: Any) -> bool:
    """Say whether a value is a reference to a dataframe."""
    return isinstance(value, Mapping) and isinstance(value.get(ARTEFACT), str) and value.get("kind") == "dataframe"


def references(value: Any) -> Iterator[str]:
    """Yield the hashes of the artefacts that a value refers to, at any depth."""
    work = [value]
    while work:
        item = work.pop()
        if is_frame(item):
            yield item[ARTEFACT]
        elif isinstance(item, Mapping):
            work.extend(item.values())
        elif isinstance(item, list | tuple):
            work.extend(item)
