"""What stands behind a magic: split into words, parsed, its values looked up.

A wrong argument is a `BuilderError`. IPython's own ``UsageError`` is printed and then forgotten: the cell counts as
done, for nbval and for *Run all* alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.model import Workflow

if TYPE_CHECKING:
    from argparse import Namespace

QUOTED = r"""(?:[^\s"']|"(?:[^"\\]|\\.)*"|'[^']*')+"""
"""A regular expression: one word of a line, with the quotations in it."""

_WORD = re.compile(QUOTED)
_VARIABLE = re.compile(r"\$(?P<dollar>[^\W\d]\w*)|\{(?P<braces>[^\W\d]\w*)\}")


def parse(magic: Any, line: str) -> Namespace:
    """Parse the arguments of a magic that ``@magic_arguments`` made.

    Raises
    ------
    InvalidInput : ``USAGE``; the hint is the magic's usage.
    """
    try:
        found: Namespace = magic.parser.parse_intermixed_args(split(line))
    except UsageError as error:
        usage, said = " ".join(magic.parser.format_usage().split()).removeprefix(":: "), str(error)
        raise InvalidInput(f"{said[:1].upper()}{said[1:]}.", code="USAGE", hint=f"Usage: {usage}") from error
    return found


def split(line: str) -> list[str]:
    """Split a line at blanks outside quotes. The quotes stay: they tell the text ``"5"`` from the number.

    Raises `InvalidInput` (``USAGE``) for a quotation without an end.
    """
    if rest := _WORD.sub("", line).strip():
        raise InvalidInput(f"The quotation has no end: {rest}", code="USAGE", hint='Write key="It\'s late".')
    return _WORD.findall(line)


def value(word: str, variables: Mapping[str, Any]) -> Any:
    """Return what a word stands for: a variable's value (``$name``, ``{name}``), a JSON value, or the word itself.

    Single quotes only hold a word together: ``'{"a": 1}'`` is an object.

    Raises
    ------
    InvalidInput : ``UNKNOWN_VARIABLE``.
    """
    if variable := _VARIABLE.fullmatch(word):
        name = variable["dollar"] or variable["braces"]
        if name not in variables:
            raise InvalidInput(f"There is no variable {name!r}.", code="UNKNOWN_VARIABLE")
        return variables[name]
    if len(word) > 1 and word[0] == word[-1] == "'":
        word = word[1:-1]
    try:
        return json.loads(word)
    except ValueError:
        return word


def target(word: str, variables: Mapping[str, Any]) -> Workflow | str:
    """Return which workflow is meant: the value of a variable, or a name or id, in quotes or not.

    Raises
    ------
    InvalidInput : ``USAGE`` for a variable that is neither workflow nor text; else as `value`.
    """
    found = value(word, variables)
    if isinstance(found, str | Workflow):
        return found
    if _VARIABLE.fullmatch(word):
        raise InvalidInput(f"{word} is neither a workflow nor the name of one.", code="USAGE")
    return word.strip("'")


def inputs(pairs: Sequence[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that words such as ``key=value`` give.

    Raises
    ------
    InvalidInput : ``USAGE`` for a word without ``=``; else as `value`.
    """
    found = {}
    for pair in pairs:
        name, equals, word = pair.partition("=")
        if not equals or not name:
            raise InvalidInput(f"An input is written key=value, not {pair}.", code="USAGE")
        found[name] = value(word, variables)
    return found


def variable(word: str) -> str:
    """Return the name of a variable to assign to; `ValueError` when it cannot be one."""
    if not word.isidentifier() or iskeyword(word):
        raise ValueError(word)
    return word
