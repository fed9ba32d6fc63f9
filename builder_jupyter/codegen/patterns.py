"""A router's pattern as Python's ``re`` must have it to match what RE2 does, and back.

Generated code matches with ``re.ASCII | re.IGNORECASE``, since RE2's ``\\d \\w \\s \\b`` are ASCII. Two things are
written otherwise: ``$``, which in `re` also matches before a last line break, is ``\\Z``; and a pattern with letters
beyond ASCII, whose case RE2 folds, is put in ``(?u:...)``, its classes in ``(?a:...)``. RE2 knows none of the three, so
the way back is unambiguous. What is left of a difference: ``\\s`` matches a vertical tab in `re` only, and k and s
match the Kelvin sign and the long s in RE2 only.
"""

from __future__ import annotations

import re

_TOKENS = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|.", re.DOTALL)
_MULTILINE = re.compile(r"\(\?[a-zA-Z]*m")
_CLASSES = frozenset([r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\b", r"\B"])
_UNICODE = re.compile(r"\(\?u:(.*)\)", re.DOTALL)


def to_python(pattern: str) -> str:
    """Return the pattern for generated code; most are as they were."""
    has_letters = not pattern.isascii()
    multiline = _MULTILINE.search(pattern) is not None
    tokens = []
    for piece in _TOKENS.findall(pattern):
        if piece == "$" and not multiline:
            tokens.append(r"\Z")
        elif piece in _CLASSES and has_letters:
            tokens.append(f"(?a:{piece})")
        else:
            tokens.append(piece)
    written = "".join(tokens)
    return f"(?u:{written})" if has_letters else written


def from_python(pattern: str) -> str:
    """Return the pattern that a router has, from the one in its code."""
    inner = _UNICODE.fullmatch(pattern)
    if inner is not None:
        pattern = inner.group(1)
    tokens = ["$" if piece == r"\Z" else piece for piece in _TOKENS.findall(pattern)]
    return re.sub(r"\(\?a:(\\[dDwWsSbB])\)", r"\1", "".join(tokens))
