"""Secrets of this database's own, beside it: one for links, one for `cipher`. Never journaled, never shown."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from builder_jupyter.errors import Unavailable

FILE = "links.key"
BYTES = 32


def read_or_make(directory: Path | None, file: str = FILE) -> bytes:
    """Return the secret in a file of a directory, made when there is none; a database in memory gets a new one.

    Raises
    ------
    Unavailable : ``STORE_UNREADABLE``.
    """
    if directory is None:
        return secrets.token_bytes(BYTES)
    place = directory / file
    try:
        if place.exists() and len(found := place.read_bytes()) == BYTES:
            return found
        return _make(place)
    except OSError as error:
        raise Unavailable(
            f"The secret of the workflow database, {place}, cannot be read or made.", code="STORE_UNREADABLE"
        ) from error


def _make(place: Path) -> bytes:
    """Write a new secret for nobody but its owner to read: whole or not at all, whenever the process may end."""
    made = secrets.token_bytes(BYTES)
    half = place.with_suffix(".new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(made)
        file.flush()
        os.fsync(file.fileno())
    half.replace(place)
    return made
