"""Placeholders, made here and always the same for the same prompt: coloured pictures, a moving one, a tone.

For trying out canvases without a provider; used where a node or a setting names ``local``, never in a provider's place.
Source: spec builder-studio §8.5.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import math
import struct
import wave
import zlib
from dataclasses import dataclass

from builder_jupyter.nodes.media import Action, Done, MediaFile, MediaRequest, Pending

SIDE = 256
FRAMES = 12
FRAME_SIDE = 48
SAMPLES_PER_SECOND = 16_000
_PREFIX = "local-"


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A `MediaModel` of placeholders. A film is pending once, as films are."""

    name: str = "local:placeholder"

    async def submit(self, request: MediaRequest) -> Done | Pending:
        """Make it; a film is begun."""
        told = "\0".join([str(request.action), request.prompt, str(request.settings.get("seed", ""))])
        seed = hashlib.sha256(told.encode(errors="replace")).digest()
        if request.action is Action.VIDEO:
            return Pending(_PREFIX + seed.hex())
        if request.action is Action.IMAGE:
            return Done(MediaFile(await asyncio.to_thread(_png, seed), "image/png"))
        seconds = float(request.settings.get("duration", 1.0))
        return Done(MediaFile(await asyncio.to_thread(_tone, seed, seconds), "audio/wav"))

    async def poll(self, external_id: str) -> Done:
        """Return the film, which its id is enough to make."""
        seed = bytes.fromhex(external_id.removeprefix(_PREFIX))
        return Done(MediaFile(await asyncio.to_thread(_gif, seed), "image/gif"))

    async def cancel(self, external_id: str) -> None:
        """Do nothing: nobody is at work."""


def _colour(seed: bytes, x: float, y: float) -> tuple[int, int, int]:
    """Return a colour of a slope between the colours that the seed chooses."""
    corners = [seed[3 * i : 3 * i + 3] for i in range(4)]
    weights = ((1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y)
    red, green, blue = (
        round(sum(corner[i] * weight for corner, weight in zip(corners, weights, strict=True))) for i in range(3)
    )
    return red, green, blue


def _png(seed: bytes) -> bytes:
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)
        for x in range(SIDE):
            rows += bytes(_colour(seed, x / (SIDE - 1), y / (SIDE - 1)))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")
    )


def _gif(seed: bytes) -> bytes:
    """Return a bar that goes across, in 128 colours, ten frames a second.

    Pixels are written as plain 8-bit codes with a clear code before the table would grow: LZW that compresses nothing.
    """
    palette = b"".join(bytes(_colour(seed, i / 127, i / 127)) for i in range(128))
    size = struct.pack("<HH", FRAME_SIDE, FRAME_SIDE)
    parts = [b"GIF89a", size, b"\xf6\x00\x00", palette, b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"]
    for frame in range(FRAMES):
        bar = frame * FRAME_SIDE // FRAMES
        pixels = bytes(127 - x if abs(x - bar) < 4 else x for _ in range(FRAME_SIDE) for x in range(FRAME_SIDE))
        parts += [b"!\xf9\x04\x04", struct.pack("<H", 10), b"\x00\x00", b",\x00\x00\x00\x00", size, b"\x00\x07"]
        codes = bytearray()
        for start in range(0, len(pixels), 100):
            codes += b"\x80" + pixels[start : start + 100]
        codes += b"\x81"
        for start in range(0, len(codes), 255):
            block = codes[start : start + 255]
            parts += [bytes([len(block)]), bytes(block)]
        parts.append(b"\x00")
    return b"".join([*parts, b";"])


def _tone(seed: bytes, seconds: float) -> bytes:
    pitch = 220 + 2 * seed[0]
    count = round(SAMPLES_PER_SECOND * seconds)
    samples = (
        round(9000 * math.sin(2 * math.pi * pitch * i / SAMPLES_PER_SECOND) * math.exp(-2 * i / count))
        for i in range(count)
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLES_PER_SECOND)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()
