"""Lines, values and tokens of the text form; `plain` says what that is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from builder_jupyter.graph.dialects.builder import DATA_FIELDS
from builder_jupyter.graph.dialects.faults import Faults

SELF_NAMED = frozenset({"start", "end"})
"""Types of which a workflow has one as a rule: the id may be left out, and is the type then."""

WORD = re.compile(r"\w+(?:[-.]\w+)*")
_NAME = rf'{WORD.pattern}|"(?:[^"\\]|\\.)*"'
ENTRY = re.compile(rf"(?:(?P<kind>when|field)\s+)?(?P<key>{_NAME})\s*:(?P<value>.*)", re.DOTALL)
HEADER = re.compile(r"(?P<key>description|tags|metadata)\s*:(?P<value>.*)", re.DOTALL)
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_PLACE = rf"@\s*(?P<x>{_NUMBER})\s*,\s*(?P<y>{_NUMBER})(?![\w.])"
_ARROW = rf"-(?:\s*(?P<label>{_NAME})\s*-)?>"
_TOKEN = re.compile(
    rf"\s*(?:(?P<comment>#.*)|(?P<arrow>{_ARROW})|(?P<comma>,)|(?P<place>{_PLACE})|(?P<name>{_NAME}))", re.DOTALL
)


class Line(NamedTuple):
    """A line: its number, the width of its indent, and the rest; ``""`` for a blank one."""

    number: int
    indent: int
    text: str


class Token(NamedTuple):
    """A part of a line: ``kind`` is arrow, comma, word, string or place.

    An arrow without a label has no value; that of a place is a JSON list of two numbers.
    """

    kind: str
    value: str | None
    text: str


def split_lines(text: str, first_line: int = 1) -> list[Line]:
    """Return the lines of a text. A tab in an indent goes on to the next multiple of four."""
    lines = []
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), first_line):
        body = raw.lstrip(" \t")
        lines.append(Line(number, len(raw[: len(raw) - len(body)].expandtabs(4)), body.rstrip()))
    return lines


def joined(first: str, below: list[Line]) -> str:
    """Return the text of a value: what stands behind the colon, and the deeper lines below without their indent."""
    margin = min((line.indent for line in below if line.text), default=0)
    parts = [" " * (line.indent - margin) + line.text if line.text else "" for line in below]
    return "\n".join([first, *parts] if first else parts).rstrip("\n")


def value_of(text: str, *, is_text: bool) -> Any:
    """Return what a text stands for: itself, or the JSON value it spells. ``NaN`` is no JSON."""
    if is_text and not text.startswith('"'):
        return text
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return text if is_text and not isinstance(value, str) else value


def takes_text(type_name: str, key: str) -> bool:
    """Say whether a field of a node type's data is text, going by what the dialect accepts."""
    check, faults = DATA_FIELDS.get(type_name, {}).get(key), Faults()
    if check is not None:
        check("", key, faults)
    return check is not None and not faults.found


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a line of a node or of edges. Raises `ValueError` saying what is expected."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f'must be a node, type id "Name", or edges, source -> target, not {text[at:].strip()!r}')
        at = found.end()
        if found["arrow"]:
            yield Token("arrow", name_of(found["label"]) if found["label"] else None, found["arrow"])
        elif found["place"]:
            yield Token("place", f"[{found['x']}, {found['y']}]", found["place"])
        elif found["name"]:
            yield Token("string" if found["name"].startswith('"') else "word", name_of(found["name"]), found["name"])
        elif found["comma"]:
            yield Token("comma", None, ",")


def name_of(text: str) -> str:
    """Return what a word or JSON string spells. Raises `ValueError` for a string that is not JSON."""
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise ValueError(f"needs a JSON string, which {text} is not") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
