"""What a step shows beside its result: printed text and displays, as MIME bundles in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

STDOUT = "application/vnd.jupyter.stdout"
STDERR = "application/vnd.jupyter.stderr"
"""The MIME types under which JupyterLab shows streams."""

MAX_DISPLAY = 5_000_000
"""Characters of output that are kept with a step."""


class Display:
    """Collects bundles; consecutive pieces of one stream are one. What is too much is counted and left out.

    Parameters
    ----------
    emit : takes each piece of stdout as it comes.
    """

    def __init__(self, emit: Callable[[str], None] = lambda _text: None) -> None:
        self._emit = emit
        self._bundles: list[dict[str, Any]] = []
        self._stream: tuple[str, list[str]] | None = None
        self._left = MAX_DISPLAY
        self._lost = 0

    def write(self, mime: str, text: str) -> None:
        """Take a piece of a stream."""
        text = clean(text)
        kept = text[: self._left]
        self._count(len(text), len(kept))
        if not kept:
            return
        if self._stream is None or self._stream[0] != mime:
            self._close_stream()
            self._stream = (mime, [])
        self._stream[1].append(kept)
        if mime == STDOUT:
            self._emit(kept)

    def show(self, bundle: Mapping[str, Any]) -> None:
        """Take something that was displayed; its values are JSON-like."""
        size = sum(len(content) if isinstance(content, str) else len(repr(content)) for content in bundle.values())
        fits = size <= self._left
        self._count(size, size if fits else 0)
        if fits:
            self._close_stream()
            self._bundles.append(dict(bundle))

    def bundles(self) -> list[dict[str, Any]]:
        """Return everything so far."""
        self._close_stream()
        lost = {"text/plain": f"[{self._lost:,} characters of output were left out: {MAX_DISPLAY:,} are kept]"}
        return [*self._bundles, *([lost] if self._lost else [])]

    def _count(self, size: int, kept: int) -> None:
        self._left -= kept
        self._lost += size - kept

    def _close_stream(self) -> None:
        if self._stream is not None:
            mime, parts = self._stream
            self._bundles.append({mime: "".join(parts)})
            self._stream = None


def clean(text: str) -> str:
    """Return a text that every store and answer can hold: halves of surrogate pairs become question marks."""
    return text if text.isascii() else text.encode(errors="replace").decode()
