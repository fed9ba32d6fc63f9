"""Text inside pictures: made safe for XML, cut to the room there is, in an ink legible on its ground."""

from __future__ import annotations

import re
from functools import lru_cache

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return a text in one line, without characters that XML forbids or that turn the reading direction."""
    return " ".join(_FORBIDDEN.sub("", text).split())


def escape(text: str) -> str:
    """Escape a text for XML, and make it `visible`."""
    clean = visible(text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def shorten(text: str, room: float, size: float) -> str:
    """Return a text cut, with an ellipsis, to fit into ``room`` pixels at a font size."""
    text = visible(text[:400])
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is, rather too wide: which font will be there is not known."""
    return size * sum(map(_em, text))


@lru_cache(maxsize=1024)
def _em(char: str) -> float:
    if char in "iljI.,:;'|!()[] ":
        return 0.34
    if char in "mwMW@%—":
        return 1.06
    if char > "\u2e80":
        return 1.05
    return 0.74 if char.isupper() else 0.59


def ink_on(color: str) -> str:
    """Return the ink that is legible on a colour."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#1f2937" if 0.299 * red + 0.587 * green + 0.114 * blue > 160 else "#ffffff"
