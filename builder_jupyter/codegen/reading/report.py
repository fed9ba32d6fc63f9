"""What a reader of code did not understand, for the person who imports it."""

from __future__ import annotations

import ast
from dataclasses import asdict, dataclass
from typing import Any

MAX_NOTES = 1_000
MAX_WORDS = 200


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that the workflow does not say as the code did.

    ``line`` is a line of the code, from 1; 0 where there is none. ``what`` names the thing, ``why`` is a sentence.
    """

    line: int
    what: str
    why: str


class Report:
    """Collects notes, each once, at most `MAX_NOTES`."""

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}

    def add(self, where: ast.AST | int | None, what: str, why: str) -> None:
        """Note something about the place of a syntax tree, or a line."""
        line = where if isinstance(where, int) else getattr(where, "lineno", 0)
        if len(self._notes) < MAX_NOTES:
            self._notes[Note(line, what[:MAX_WORDS], why)] = None

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was noted, by line."""
        return tuple(sorted(self._notes, key=lambda note: note.line))


def as_dicts(notes: tuple[Note, ...]) -> list[dict[str, Any]]:
    """Return notes as the Builder API shows them: ``{line, what, why}``."""
    return [asdict(note) for note in notes]


def source_of(node: ast.AST) -> str:
    """Return an expression as text, short enough for a note."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 80 else text[:77] + "..."
