"""``{{state.query}}``: the one expression language of arguments and outputs.

A path is ``state`` followed by ``.name`` (an ASCII letter, then letters, digits, ``_``) and ``[integer]``
steps, the first a name. It walks mappings and lists of JSON-like values and nothing else: no attribute, no
call, no ``eval``. Source: spec langgraph-builder §6.5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
"""The steps after ``state``: names and indexes."""

_STEP = r"\.[A-Za-z][A-Za-z0-9_]*|\[-?[0-9]{1,18}\]"
_PATH = rf"state(?:\.[A-Za-z][A-Za-z0-9_]*)(?:{_STEP})*"
_IS_PATH = re.compile(_PATH)
_STEPS = re.compile(_STEP)
_TEMPLATE = re.compile(rf"\{{\{{\s*({_PATH})\s*\}}\}}")
_OPENING = re.compile(r"\{\{\s*state\b")


def parse_path(text: str) -> Path | None:
    """Return the steps of ``state.name[0]...``; None when the text is outside the grammar."""
    if _IS_PATH.fullmatch(text) is None:
        return None
    return tuple(step[1:] if step.startswith(".") else int(step[1:-1]) for step in _STEPS.findall(text, len("state")))


def parse_output(text: str) -> Path | None:
    """Return the path of an end node's ``output``, bare or in braces; None for plain text."""
    braced = _TEMPLATE.fullmatch(text.strip())
    return parse_path(braced.group(1) if braced else text.strip())


def evaluate(path: Path, state: Mapping[str, Any]) -> Any:
    """Return the value a path leads to; None when a key is missing or an index out of range.

    A name looks into a mapping, an index into a list; negative indexes count from the end.
    """
    value: Any = state
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        elif isinstance(value, list | tuple) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def fill(value: Any, state: Mapping[str, Any]) -> Any:
    """Return ``value`` with its templates filled in, at any depth; objects become dicts and lists lists.

    A text that is one template becomes the value itself, type kept; inside longer text the value's text is
    inserted and a missing one inserts nothing. Keys are never templates, and what was filled in is not
    expanded again.
    """
    if isinstance(value, str):
        return _fill_text(value, state)
    if isinstance(value, Mapping):
        return {key: fill(item, state) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, state) for item in value]
    return value


def evaluate_output(text: str, state: Mapping[str, Any]) -> Any:
    """Return what an end node's ``output`` gives: the value of the path, or the text when it is none."""
    path = parse_output(text)
    return text if path is None else message_text(evaluate(path, state))


def find_invalid(value: Any) -> list[str]:
    """Return the ``{{state...}}`` texts outside the grammar, at any depth; they would stay plain text."""
    return list(_iter_invalid(value))


def find_roots(value: Any) -> list[str]:
    """Return the first names of all templates in a value (``query`` of ``{{state.query[0]}}``), in order."""
    if isinstance(value, str):
        return [text.removeprefix("state.").split(".")[0].split("[")[0] for text in _TEMPLATE.findall(value)]
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [root for item in items for root in find_roots(item)]


def split_text(text: str) -> list[str | Path]:
    """Return the parts of a text: plain texts and, for each template in it, its path. None of the texts is empty."""
    parts: list[str | Path] = []
    end = 0
    for match in _TEMPLATE.finditer(text):
        path = parse_path(match.group(1))
        if path is not None:
            parts += [text[end : match.start()], path]
            end = match.end()
    return [part for part in [*parts, text[end:]] if part]


def path_text(path: Path) -> str:
    """Return a path as it is written: ``state.messages[-1]``."""
    return "state" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in path)


def output_root(text: str) -> list[str]:
    """Return the first name of an end node's ``output`` as a list; empty for plain text."""
    path = parse_output(text)
    return [] if path is None else [str(path[0])]


def message_text(value: Any) -> Any:
    """Return the content of a message (a mapping with ``role`` and ``content``); others as they are."""
    if isinstance(value, Mapping) and "role" in value and "content" in value:
        return value["content"]
    return value


def as_text(value: Any) -> str:
    """Return a value as it is inserted: text as it is, None as nothing, a message its text, others JSON."""
    value = message_text(value)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _fill_text(text: str, state: Mapping[str, Any]) -> Any:
    whole = _TEMPLATE.fullmatch(text)
    if whole is not None:
        return message_text(_evaluate_text(whole.group(1), state))
    return _TEMPLATE.sub(lambda match: as_text(_evaluate_text(match.group(1), state)), text)


def _evaluate_text(text: str, state: Mapping[str, Any]) -> Any:
    path = parse_path(text)
    return None if path is None else evaluate(path, state)


def _iter_invalid(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _invalid_in_text(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _iter_invalid(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _iter_invalid(item)


def _invalid_in_text(text: str) -> Iterator[str]:
    # Searching on from each closing brace is linear; a lazy `.*?` would rescan from every open brace.
    opening = _OPENING.search(text)
    while opening is not None:
        end = text.find("}}", opening.end())
        if end < 0:
            return
        braced = text[opening.start() : end + 2]
        if _TEMPLATE.fullmatch(braced) is None:
            yield braced
        opening = _OPENING.search(text, end + 2)
