"""The key with which `cipher` keeps secrets: given by whoever runs the server, or in a file beside the database."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

from builder_jupyter.errors import NotConfigured
from builder_jupyter.storage.cipher import KEY_FILE
from builder_jupyter.storage.secret import BYTES, read_or_make

_HEX = re.compile(r"[0-9a-fA-F]{64}")


class EncryptionKey:
    """Finds the key, at the first use of it.

    Parameters
    ----------
    directory : of the database; None for one in memory, whose key is as short-lived.
    given : the key as text, 32 bytes in base64 or 64 hex digits; comes before the file.
    may_make : whether a file is made, for its owner alone to read, where there is no key.

    Raises
    ------
    NotConfigured : ``ENCRYPTION_KEY``: what was given is no key. The message does not have it.
    """

    def __init__(self, directory: Path | None, given: str | None = None, *, may_make: bool = True) -> None:
        self._directory = directory
        self._may_make = may_make
        self._key = None if not given else parse_key(given)

    def get(self) -> bytes:
        """Return the key, 32 bytes. Reads or makes the file the first time.

        Raises
        ------
        NotConfigured : ``ENCRYPTION_KEY_MISSING``: there is none, and none is to be made; ``ENCRYPTION_KEY``: the file
            holds something else.
        Unavailable : ``STORE_UNREADABLE``.
        """
        if self._key is None:
            place = None if self._directory is None else self._directory / KEY_FILE
            is_there = place is not None and place.exists()
            if not self._may_make and not is_there:
                raise NotConfigured(
                    "This server has no key to keep credentials with.",
                    code="ENCRYPTION_KEY_MISSING",
                    hint="Set BUILDER_ENCRYPTION_KEY, or BuilderApp.encryption_key.",
                )
            if place is not None and is_there and place.stat().st_size != BYTES:  # never written over: it may be right
                raise NotConfigured(f"The file {KEY_FILE} of the data directory is no key.", code="ENCRYPTION_KEY")
            self._key = read_or_make(self._directory, KEY_FILE)
        return self._key


def parse_key(text: str) -> bytes:
    """Return the 32 bytes that a text stands for. Raises `NotConfigured` (``ENCRYPTION_KEY``)."""
    given = text.strip()
    if _HEX.fullmatch(given):
        return bytes.fromhex(given)
    try:
        key = base64.b64decode(given.replace("-", "+").replace("_", "/") + "=" * (-len(given) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != BYTES:
        raise NotConfigured(
            f"The encryption key is not {BYTES} bytes in base64, nor 64 hex digits.",
            code="ENCRYPTION_KEY",
            hint='Make one: python -c "import secrets; print(secrets.token_hex(32))"',
        )
    return key
