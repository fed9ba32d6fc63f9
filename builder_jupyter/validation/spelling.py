"""Which known name a misspelt one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 64
"""Characters of a name that is compared letter by letter; that takes time quadratic in them."""

COMPARISONS = 20_000
"""How many names are compared letter by letter for one workflow: about a fifth of a second."""


class Spelling:
    """Known names. Those that differ in case, blanks, ``-`` and ``_`` only are found at once, others by likeness."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = list(dict.fromkeys(known))
        self._plain: dict[str, list[str]] = {}
        for name in self._known:
            self._plain.setdefault(_plain(name), []).append(name)
        self._left = COMPARISONS

    def closest(self, word: str) -> str | None:
        """Return the known name that ``word`` resembles most; None when none or several come into question."""
        alike = self._plain.get(_plain(word), [])
        if alike:
            return alike[0] if len(alike) == 1 else None
        if len(word) > LONGEST or self._left < len(self._known):
            return None
        self._left -= len(self._known)
        found = get_close_matches(word, [name for name in self._known if len(name) <= LONGEST], n=1, cutoff=0.75)
        return found[0] if found else None


def _plain(name: str) -> str:
    return "".join(name.casefold().split()).replace("-", "").replace("_", "")
