"""Messages with large attachments over a socket that takes only small pieces.

A parcel is one text frame, a JSON object that says how long the attachments are, and then their bytes in order, cut
into binary frames. Whoever sends one must let no other begin before it is through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PIECE_BYTES = 1 << 20
MAX_PARCEL_BYTES = 1 << 30

Parcel = tuple[dict[str, Any], list[bytes]]


def pieces(message: Mapping[str, Any], attached: Sequence[bytes] = ()) -> Iterator[str | bytes]:
    """Yield the frames of a parcel."""
    yield json.dumps({**message, "attached": [len(part) for part in attached]}, allow_nan=False)
    for part in attached:
        view = memoryview(part)
        for begin in range(0, len(part), PIECE_BYTES):
            yield bytes(view[begin : begin + PIECE_BYTES])


class Unpacker:
    """Puts frames together again; give it each as it comes."""

    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._sizes: list[int] = []
        self._missing = 0
        self._bytes = bytearray()

    def take(self, frame: str | bytes) -> Parcel | None:
        """Return the parcel that this frame completes, None when more is to come.

        Raises `ValueError` for what is no part of a parcel.
        """
        if isinstance(frame, str):
            self._begin(frame)
        elif len(frame) > self._missing:
            raise ValueError("more bytes than were announced")
        else:
            self._bytes += frame
            self._missing -= len(frame)
        return None if self._missing else self._finish()

    def _begin(self, frame: str) -> None:
        message = json.loads(frame)
        sizes = message.pop("attached", None) if isinstance(message, dict) else None
        if self._missing or not isinstance(sizes, list) or not all(isinstance(n, int) and n >= 0 for n in sizes):
            raise ValueError("not the beginning of a message")
        if sum(sizes) > MAX_PARCEL_BYTES:
            raise ValueError("a message that large is not taken")
        self._message, self._sizes, self._missing, self._bytes = message, sizes, sum(sizes), bytearray()

    def _finish(self) -> Parcel:
        parts, at = [], 0
        for size in self._sizes:
            parts.append(bytes(self._bytes[at : at + size]))
            at += size
        self._bytes = bytearray()
        return self._message, parts
