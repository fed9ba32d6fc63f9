"""Text -> syntax tree, whatever the text is. Nothing is run, imported or looked up."""

from __future__ import annotations

import ast
import re
import warnings
from threading import Lock
from typing import Any

from builder_jupyter.errors import InvalidInput

MAX_CHARACTERS = 16 * 1024 * 1024
MAX_PROGRAM = 4 * 1024 * 1024
"""Characters outside of texts and comments: a syntax tree takes about 200 times their size in memory."""
_one_at_a_time = Lock()  # what warnings are shown belongs to the process, and two trees at once to no memory

_TEXTS = re.compile(
    r"""
    \"{3} (?: [^"\\] | \\. | "(?!"") )* \"{3}
    | '{3} (?: [^'\\] | \\. | '(?!'') )* '{3}
    | "(?: [^"\\\n] | \\. )*"
    | '(?: [^'\\\n] | \\. )*'
    | \#[^\n]*
    """,
    re.DOTALL | re.VERBOSE,
)


def parse(code: Any) -> ast.Module:
    """Return the syntax tree of Python code.

    Raises
    ------
    InvalidInput : ``INVALID_CODE``, field ``code``: no text, no Python, too large or nested too deeply.

    Source: spec langgraph-builder §7, §12.
    """
    if not isinstance(code, str):
        raise unreadable("must be text")
    if len(code) > MAX_CHARACTERS:
        raise unreadable(f"must have at most {MAX_CHARACTERS:,} characters")
    if len(code) > MAX_PROGRAM and len(_TEXTS.sub("", code)) > MAX_PROGRAM:
        raise unreadable(f"must have at most {MAX_PROGRAM:,} characters outside of texts")
    try:
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes that Python will refuse one day are its author's business
            return ast.parse(code.removeprefix("\ufeff"))
    except SyntaxError as error:
        place = f"line {error.lineno}: " if error.lineno else ""
        raise unreadable(f"must be Python ({place}{error.msg})") from None
    except (RecursionError, MemoryError):
        raise too_deep() from None
    except ValueError as error:  # NUL bytes, lone surrogates
        raise unreadable(f"must be Python ({error})") from None


def too_deep() -> InvalidInput:
    """Return the error for code whose expressions or blocks stand too deep in one another."""
    return unreadable("must not be nested that deeply")


def unreadable(reason: str) -> InvalidInput:
    """Return the error for code that cannot be read."""
    return InvalidInput(
        "Invalid code",
        code="INVALID_CODE",
        details=[{"field": "code", "error": reason.encode("utf-8", "replace").decode()}],
    )
