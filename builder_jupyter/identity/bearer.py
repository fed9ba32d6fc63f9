"""What an ``Authorization: Bearer …`` header holds, told by its shape alone."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")


def bearer_of(header: str) -> str | None:
    """Return what the header holds after ``Bearer``, in any case; None when it is about something else."""
    scheme, *value = header.split(None, 1)[:2] or [""]
    if scheme.lower() != "bearer":
        return None
    return value[0].strip() if value else ""


def jose_header(text: str) -> dict[str, Any] | None:
    """Return the header of a JSON Web Token, unverified; None when the text does not have the shape of one.

    That shape is three parts of base64url, the last possibly empty, of which the first is a JSON object.
    """
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return None
    first = parts[1]
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return header if isinstance(header, dict) else None
