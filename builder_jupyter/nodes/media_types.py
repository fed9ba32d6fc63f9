"""Which files may be kept: their types, their sizes, and whether they are what they say. Source: spec builder-studio
§8.4, media nodes.
"""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable, Mapping
from typing import Any

from builder_jupyter.errors import InvalidInput, TooLarge

MEBIBYTE = 2**20
MAX_BYTES: Mapping[str, int] = {"image": 20 * MEBIBYTE, "audio": 50 * MEBIBYTE, "video": 500 * MEBIBYTE}
"""The largest file of each kind."""

SVG = "image/svg+xml"

_ALIASES: Mapping[str, str] = {
    "image/jpg": "image/jpeg",
    "image/x-png": "image/png",
    "video/mov": "video/quicktime",
    "video/x-mov": "video/quicktime",
    "video/avi": "video/x-msvideo",
    "video/msvideo": "video/x-msvideo",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-aac": "audio/aac",
    "audio/x-flac": "audio/flac",
}

_EXTENSIONS: Mapping[str, str] = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif", SVG: "svg",
    "video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov", "video/x-msvideo": "avi",
    "audio/mpeg": "mp3", "audio/wav": "wav", "audio/ogg": "ogg", "audio/webm": "weba", "audio/aac": "aac",
    "audio/flac": "flac",
}  # fmt: skip

_EBML = b"\x1aE\xdf\xa3"


def _is_svg(content: bytes) -> bool:
    head = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<svg", b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in head


def _is_mp3(content: bytes) -> bool:
    return content[:3] == b"ID3" or (content[0] == 0xFF and content[1] & 0xE6 in {0xE2, 0xE4, 0xE6})


_LOOKS: Mapping[str, Callable[[bytes], bool]] = {
    "image/jpeg": lambda c: c[:3] == b"\xff\xd8\xff",
    "image/png": lambda c: c[:8] == b"\x89PNG\r\n\x1a\n",
    "image/gif": lambda c: c[:6] in {b"GIF87a", b"GIF89a"},
    "image/webp": lambda c: c[:4] == b"RIFF" and c[8:12] == b"WEBP",
    "image/avif": lambda c: c[4:8] == b"ftyp" and b"avi" in c[8:32],
    SVG: _is_svg,
    "video/mp4": lambda c: c[4:8] == b"ftyp",
    "video/quicktime": lambda c: c[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free"},
    "video/webm": lambda c: c[:4] == _EBML,
    "video/x-msvideo": lambda c: c[:4] == b"RIFF" and c[8:12] == b"AVI ",
    "audio/mpeg": _is_mp3,
    "audio/wav": lambda c: c[:4] in {b"RIFF", b"RF64"} and c[8:12] == b"WAVE",
    "audio/ogg": lambda c: c[:4] == b"OggS",
    "audio/webm": lambda c: c[:4] == _EBML,
    "audio/aac": lambda c: c[:4] == b"ADIF" or (c[0] == 0xFF and c[1] & 0xF6 == 0xF0),
    "audio/flac": lambda c: c[:4] == b"fLaC",
}

KNOWN_TYPES = tuple(_LOOKS)
"""The types of files that are kept."""


def canonical(mime_type: str) -> str:
    """Return a MIME type without its parameters and under its usual name."""
    plain = mime_type.partition(";")[0].strip().lower()
    return _ALIASES.get(plain, plain)


def kind_of(mime_type: str) -> str:
    """Return ``image``, ``audio`` or ``video``."""
    return canonical(mime_type).partition("/")[0]


def extension_of(mime_type: str) -> str:
    """Return the usual ending of a file's name, without the dot."""
    return _EXTENSIONS[canonical(mime_type)]


def check(content: bytes, mime_type: str) -> str:
    """Return the canonical MIME type of a file that may be kept. Nothing is decoded beyond its first bytes.

    Raises
    ------
    InvalidInput : ``UNSUPPORTED_MEDIA_TYPE``, ``EMPTY_FILE``, ``NOT_THAT_MEDIA_TYPE``.
    TooLarge : ``FILE_TOO_LARGE``.
    """
    found = canonical(mime_type)
    if found not in _LOOKS:
        raise InvalidInput(
            f"Files of the type {found[:80]!r} are not kept.",
            code="UNSUPPORTED_MEDIA_TYPE",
            hint=f"Known: {', '.join(_LOOKS)}.",
        )
    if not content:
        raise InvalidInput("The file is empty.", code="EMPTY_FILE")
    most = MAX_BYTES[kind_of(found)]
    if len(content) > most:
        raise TooLarge(
            f"The file has {len(content):,} bytes; {most:,} is the most for {kind_of(found)}.", code="FILE_TOO_LARGE"
        )
    if len(content) < 4 or not _LOOKS[found](content):
        raise InvalidInput(f"The file is no {found}.", code="NOT_THAT_MEDIA_TYPE")
    return found


def guess(content: bytes) -> str | None:
    """Return the MIME type that a file's first bytes speak for, None when they speak for none."""
    return next((name for name, looks in _LOOKS.items() if len(content) >= 4 and looks(content)), None)


def measures(content: bytes, mime_type: str) -> dict[str, Any]:
    """Return ``width`` and ``height`` in pixels, or ``durationSeconds``, where the file says so near its beginning."""
    try:
        return _MEASURES[mime_type](content) if mime_type in _MEASURES else {}
    except (struct.error, IndexError, EOFError, wave.Error):
        return {}  # it begins like such a file; what it is worth is for the player to say


def _png(content: bytes) -> dict[str, Any]:
    width, height = struct.unpack(">II", content[16:24])
    return {"width": width, "height": height}


def _gif(content: bytes) -> dict[str, Any]:
    width, height = struct.unpack("<HH", content[6:10])
    return {"width": width, "height": height}


def _jpeg(content: bytes) -> dict[str, Any]:
    at = 2
    while content[at] == 0xFF:
        marker, size = content[at + 1], struct.unpack(">H", content[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return {"width": width, "height": height}
        at += 2 + size
    return {}


def _wav(content: bytes) -> dict[str, Any]:
    try:
        with wave.open(io.BytesIO(content)) as sound:
            return {"durationSeconds": round(sound.getnframes() / sound.getframerate(), 3)}
    except (RuntimeError, ZeroDivisionError):  # what the module raises for files that are cut or say a rate of nothing
        return {}


_MEASURES: Mapping[str, Callable[[bytes], dict[str, Any]]] = {
    "image/png": _png,
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "audio/wav": _wav,
}
