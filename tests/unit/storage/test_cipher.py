"""Secrets at rest: what is encrypted comes back with its key and with nothing else."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from builder_jupyter.errors import Unavailable
from builder_jupyter.storage.cipher import KEY_FILE, decrypt, encrypt
from builder_jupyter.storage.secret import read_or_make

KEY = secrets.token_bytes(32)


@pytest.mark.parametrize("text", ["", "whsec_abc", "ключ 🔑", "x" * 10_000])
def test_what_goes_in_comes_out(text: str) -> None:
    sealed = encrypt(KEY, text)
    assert decrypt(KEY, sealed) == text
    assert not text or text not in sealed
    assert encrypt(KEY, text) != sealed, "a nonce of its own each time"


@pytest.mark.parametrize(
    "broken",
    ["", "x", "a.b", encrypt(KEY, "x")[:-6], "00000000" + encrypt(KEY, "x")[8:]],
    ids=["nothing", "one letter", "no secret", "shortened", "of another key"],
)
def test_what_was_changed_is_refused(broken: str) -> None:
    with pytest.raises(Unavailable) as refused:
        decrypt(KEY, broken)
    assert refused.value.code == "SECRET_UNREADABLE"


def test_another_key_opens_nothing_and_the_error_says_what_to_do() -> None:
    sealed = encrypt(KEY, "whsec_abc")
    with pytest.raises(Unavailable) as refused:
        decrypt(secrets.token_bytes(32), sealed)
    assert KEY_FILE in str(refused.value)
    assert "whsec_abc" not in str(refused.value)


def test_the_key_lies_beside_the_database_for_its_owner_alone(tmp_path: Path) -> None:
    key = read_or_make(tmp_path, KEY_FILE)
    assert read_or_make(tmp_path, KEY_FILE) == key
    assert read_or_make(tmp_path) != key, "links have a secret of their own"
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
