"""Secrets that have to be read again, as text that the database may hold: AES-256-GCM with a key beside it.

What only has to be recognised is hashed instead. Source: spec builder-studio §5.2, §12.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from builder_jupyter.errors import Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE = "secrets.key"
"""Where the key lies in the data directory; `secret.read_or_make` reads it. A backup of the database has it not."""

NONCE_BYTES = 12


def encrypt(key: bytes, text: str) -> str:
    """Return a text as ``<id of the key>.<nonce and ciphertext>``, different each time. ``key`` has 32 bytes."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = _cipher(key).encrypt(nonce, text.encode(), _id_of(key).encode())
    return f"{_id_of(key)}.{urlsafe_b64encode(nonce + sealed).decode()}"


def decrypt(key: bytes, sealed: str) -> str:
    """Return the text that `encrypt` was given.

    Raises
    ------
    Unavailable : ``SECRET_UNREADABLE``: another key was used, or it is not what was written.
    """
    from cryptography.exceptions import InvalidTag

    key_id, _, content = sealed.partition(".")
    try:
        raw = urlsafe_b64decode(content)
        return _cipher(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], key_id.encode()).decode()
    except (InvalidTag, ValueError) as error:
        other = "was encrypted with another key" if key_id != _id_of(key) else "is damaged"
        raise Unavailable(
            f"A stored secret {other} and cannot be read.",
            code="SECRET_UNREADABLE",
            hint=f"Put back the file {KEY_FILE!r} of the data directory, or make the secret anew.",
        ) from error


def _id_of(key: bytes) -> str:
    return hashlib.sha256(b"key id" + key).hexdigest()[:8]


def _cipher(key: bytes) -> AESGCM:
    # The cryptography is loaded only where it is needed.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
