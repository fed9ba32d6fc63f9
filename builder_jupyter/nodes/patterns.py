"""Patterns of routers: regular expressions that cannot hang the server.

They run on RE2 (time linear in the text) and must be accepted by Python's ``re`` too, because generated code
uses that. On the common subset the two agree but for ``\\d \\w \\s \\b`` (ASCII in RE2, Unicode in ``re``)
and ``$`` (RE2: only at the very end).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> bool:
        """Say whether the pattern matches anywhere; case is ignored, ``.`` does not cross lines."""
        ...


class Condition(NamedTuple):
    """A way out of a router: the label of its edges and the pattern that chooses it."""

    label: str
    pattern: str


CATCH_ALL = frozenset({"", ".*", ".+"})
"""Patterns that count as matching anything."""


class _Re2Pattern:
    __slots__ = ("_compiled",)

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def search(self, text: str) -> bool:
        return self._compiled.search(text.encode("utf-8", "replace")) is not None


MAX_CHARACTERS = 4_000
"""Source: spec langgraph-builder §12: 2,000 as they are written; plain text doubles at most when it is escaped."""

_MAX_BYTES = 2 << 20
"""What one compiled pattern may grow to; times the size of the cache it must still be bearable."""


@lru_cache(maxsize=512)
def compile_pattern(text: str) -> Pattern:
    """Compile a router's pattern.

    Raises
    ------
    ValueError : RE2 or Python's ``re`` refuses it, or they would read it differently; says why.

    Source: spec langgraph-builder §4.3, §6.4 (search, case-insensitive, ``.`` within a line), §12.
    """
    import re2  # 20 ms that only workflows with routers need

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.max_mem = _MAX_BYTES
    try:
        compiled = re2.compile(text.encode(), options)
    except UnicodeEncodeError as error:
        raise ValueError("it contains a lone surrogate") from error
    except re2.error as error:
        raise ValueError(_reason(error)) from error
    _check_python_accepts(text)
    return _Re2Pattern(compiled)


@lru_cache(maxsize=8192)
def pattern_fault(text: str) -> str | None:
    """Return why a pattern cannot be used; None when it can. Keeps sentences only, so a large graph costs no memory."""
    if len(text) > MAX_CHARACTERS:
        return f"it has more than {MAX_CHARACTERS:,} characters"
    try:
        compile_pattern.__wrapped__(text)
    except ValueError as error:
        return str(error)
    return None


def read_conditions(data: Mapping[str, Any]) -> list[Condition]:
    """Return the conditions of a router's data, in order.

    A plain text is a condition with that label which matches that text; an object without a pattern matches
    anything. Entries that are neither are left out. Source: spec langgraph-builder §3.
    """
    raw = data.get("conditions")
    if not isinstance(raw, list | tuple):
        return []
    return [_condition(item) for item in raw if isinstance(item, str | Mapping)]


def _condition(item: str | Mapping[str, Any]) -> Condition:
    if isinstance(item, str):
        return Condition(item, re.escape(item))
    return Condition(_text(item.get("label")), _text(item.get("pattern")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _check_python_accepts(text: str) -> None:
    # A FutureWarning marks what `re` reads otherwise: "[[:alpha:]]" is a class of letters to RE2 only.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, FutureWarning) as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("its groups are nested too deeply") from error


_EXPLAINED = (
    (re.compile(r"invalid perl operator: \(\?<?[=!]"), "looking ahead or behind is not supported"),
    (
        re.compile(r"invalid escape sequence: \\[1-9]|invalid perl operator: \(\?P$"),
        "a group cannot be referred back to",
    ),
    (re.compile(r"missing \)"), "a parenthesis is not closed"),
    (re.compile(r"unexpected \)"), "a parenthesis is closed that is not open"),
    (re.compile(r"missing \]"), "a bracket is not closed"),
    (re.compile(r"no argument for repetition"), "there is nothing to repeat"),
    (re.compile(r"invalid repetition size"), "it repeats something more than 1,000 times"),
)
"""What RE2 says, and what that means to somebody who has never heard of it."""


def _reason(error: Exception) -> str:
    detail = error.args[0] if error.args else "it is not a regular expression"
    said = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
    said = said if len(said) <= 100 else f"{said[:100]}..."
    meaning = next((meaning for pattern, meaning in _EXPLAINED if pattern.match(said)), None)
    return said if meaning is None else f"{meaning} ({said})"
