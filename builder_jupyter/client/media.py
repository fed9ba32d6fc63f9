"""Pictures, films and sounds that a step has made: their bytes, a file of them, and themselves in a notebook."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

MAX_INLINE = 20_000_000
"""Bytes that are put into a notebook; what is larger is saved by its reader."""

_AS_THEY_ARE = frozenset({"image/png", "image/jpeg", "image/gif"})


class MediaOutput(dict[str, Any]):
    """The value of a port that carries media, ``{"url", "mimeType", "assetId", …}``, and what lies behind it.

    In a notebook it shows itself.
    """

    def __init__(self, value: Mapping[str, Any], load: Callable[[str], bytes], title: str) -> None:
        super().__init__(value)
        self._load = load
        self._title = title
        self._content: bytes | None = None

    @property
    def mime_type(self) -> str:
        """What it is, e.g. ``image/png``."""
        return str(self.get("mimeType", ""))

    @property
    def content(self) -> bytes:
        """The file, fetched once. Raises `NotFound` (``ASSET_NOT_FOUND``), `KeyError` where it is no asset."""
        if self._content is None:
            self._content = self._load(self["assetId"])
        return self._content

    def save(self, path: str | Path) -> Path:
        """Write the file and return its path."""
        target = Path(path)
        target.write_bytes(self.content)
        return target

    def __repr__(self) -> str:
        return f"<{self._title}: {self.mime_type} {self.get('assetId') or self.get('url')}>"

    def _repr_mimebundle_(self, **_selection: object) -> dict[str, Any]:
        text = {"text/plain": repr(self)}
        if "assetId" not in self or len(self.content) > MAX_INLINE:
            return text
        encoded = base64.b64encode(self.content).decode("ascii")
        if self.mime_type in _AS_THEY_ARE:
            return text | {self.mime_type: encoded}
        return text | {"text/html": _html(self.mime_type, encoded, self._title)}


def outputs_of(row: Mapping[str, Any], load: Callable[[str], bytes]) -> dict[str, Any]:
    """Return a step's values by port; media as `MediaOutput`."""
    name = row.get("name") or row["stepId"]
    return {
        port: MediaOutput(given["value"], load, f"{name} {port}") if _is_media(given) else given["value"]
        for port, given in row["outputs"].items()
    }


def _is_media(given: Mapping[str, Any]) -> bool:
    return given["type"] in {"image", "video", "audio", "media"} and isinstance(given["value"], Mapping)


def _html(mime_type: str, encoded: str, title: str) -> str:
    source = f"data:{escape(mime_type)};base64,{encoded}"
    label = escape(title)
    match mime_type.partition("/")[0]:
        case "audio":
            return f'<audio controls aria-label="{label}" src="{source}"></audio>'
        case "video":
            return f'<video controls aria-label="{label}" style="max-width:100%" src="{source}"></video>'
    return f'<img alt="{label}" style="max-width:100%" src="{source}">'
