"""Where an issuer's keys come from: a real server on loopback, or a file. The clock is ours."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from issuer import Issuer, KeyServer, key_server

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors import jwks
from builder_jupyter.connectors.jwks import KEPT_SECONDS, MAX_BYTES, PAUSE_SECONDS, keys_at, keys_of_file
from builder_jupyter.errors import NotConfigured


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def issuer() -> Issuer:
    made = Issuer(now=0)
    made.key()
    return made


@pytest.fixture
def served(issuer: Issuer) -> Iterator[KeyServer]:
    with key_server() as server:
        server.content = issuer.document()
        yield server


KID = "key-ES256"


async def test_keys_are_fetched_when_first_asked_for_and_kept_for_an_hour(
    served: KeyServer, clock: ManualClock
) -> None:
    keys = keys_at(served.url, clock)
    assert served.asked == 0
    assert await keys.find(KID) is not None
    clock.advance(KEPT_SECONDS - 1)
    assert await keys.find(KID) is not None
    assert served.asked == 1
    clock.advance(1)
    assert await keys.find(KID) is not None
    assert served.asked == 2


async def test_an_unknown_name_makes_it_look_again_at_once_but_seldom(served: KeyServer, clock: ManualClock) -> None:
    keys = keys_at(served.url, clock)
    assert await keys.find(KID) is not None
    clock.advance(PAUSE_SECONDS)
    for number in range(200):
        assert await keys.find(f"made up {number}") is None
    assert served.asked == 2
    clock.advance(PAUSE_SECONDS - 0.1)
    assert await keys.find("made up") is None
    assert served.asked == 2
    clock.advance(0.1)
    assert await keys.find("made up") is None
    assert served.asked == 3
    assert await keys.find(KID) is not None
    assert served.asked == 3


async def test_new_keys_take_the_place_of_old_ones(served: KeyServer, clock: ManualClock, issuer: Issuer) -> None:
    keys = keys_at(served.url, clock)
    old = await keys.find(KID)
    issuer.rotate(kid="next")
    served.content = issuer.document()
    clock.advance(PAUSE_SECONDS)
    new = await keys.find("next")
    assert new is not None
    assert new.as_dict(private=False) == issuer.key().as_dict(private=False)
    assert old is not None
    assert await keys.find(KID) is None, "what the issuer no longer tells of opens nothing"


async def test_all_who_ask_at_once_wait_for_one_look(served: KeyServer, clock: ManualClock) -> None:
    keys = keys_at(served.url, clock)
    served.hold.clear()
    asking = [asyncio.create_task(keys.find(name)) for name in [KID, "made up"] * 50]
    hung_up = asyncio.create_task(keys.find(KID))
    while not served.asked:
        await asyncio.sleep(0)
    hung_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hung_up
    served.hold.set()
    found = await asyncio.gather(*asking)
    assert [key is not None for key in found] == [True, False] * 50
    assert served.asked == 1


def answers(content: bytes = b"", status: int = 200, location: str = "") -> dict[str, Any]:
    return {"content": content, "status": status, "location": location}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (answers(status=500), "status 500"),
        (answers(b"<html>", 404), "status 404"),
        (answers(status=302, location="http://127.0.0.1:9/certs"), "status 302"),
        (answers(status=301, location="/elsewhere"), "status 301"),
        (answers(b"<html>"), "Expecting value"),
        (answers(b"[]"), "no JSON Web Key Set"),
        (answers(b'{"keys": []}'), "no key"),
        (answers(b" " * (MAX_BYTES + 1)), "more than"),
        (answers(b""), "Expecting value"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_issuer_that_answers_nonsense_takes_no_keys_away(
    served: KeyServer, clock: ManualClock, *, broken: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys = keys_at(served.url, clock)
    assert await keys.find(KID) is not None
    vars(served).update(broken)
    clock.advance(KEPT_SECONDS)
    for _ in range(3):
        assert await keys.find(KID) is not None
        assert await keys.find("made up") is None
    assert served.asked == 2, "nor is it asked all the time"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert said in caplog.text


async def test_an_issuer_that_cannot_be_reached(issuer: Issuer, clock: ManualClock) -> None:
    with key_server() as server:
        server.content = issuer.document()
        keys, strange = keys_at(server.url, clock), keys_at(server.url, clock)
        assert await keys.find(KID) is not None
    clock.advance(10 * KEPT_SECONDS)
    assert await keys.find(KID) is not None, "what it told before goes on working"
    assert await strange.find(KID) is None


async def test_an_issuer_that_never_answers(
    served: KeyServer, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keys = keys_at(served.url, clock)
    served.hold.clear()
    with monkeypatch.context() as impatient:
        impatient.setattr(jwks, "FETCH_SECONDS", 0.05)
        assert await keys.find(KID) is None
    assert "no answer within" in caplog.text
    served.hold.set()
    clock.advance(PAUSE_SECONDS)
    assert await keys.find(KID) is not None


async def test_closing_gives_up_the_look_that_is_under_way(served: KeyServer, clock: ManualClock) -> None:
    keys = keys_at(served.url, clock)
    await keys.close()
    served.hold.clear()
    asking = asyncio.create_task(keys.find(KID))
    while not served.asked:
        await asyncio.sleep(0)
    await keys.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_keys_in_a_file_follow_the_file(tmp_path: Path, clock: ManualClock, issuer: Issuer) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(issuer.document())
    keys = keys_of_file(file, clock)
    assert await keys.find(KID) is not None
    issuer.rotate(kid="next")
    file.write_bytes(issuer.document())
    clock.advance(PAUSE_SECONDS)
    assert await keys.find("next") is not None
    file.unlink()
    clock.advance(KEPT_SECONDS)
    assert await keys.find("next") is not None


@pytest.mark.parametrize(
    "content", [None, "", "{}", json.dumps({"keys": [{"kty": "oct", "k": "AAAA", "kid": "x"}]}), "x" * (MAX_BYTES + 1)]
)
def test_a_file_that_cannot_be_used_is_said_at_the_start(
    tmp_path: Path, clock: ManualClock, content: str | None
) -> None:
    file = tmp_path / "keys.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(NotConfigured, match="jwt_jwks_file") as error:
        keys_of_file(file, clock)
    assert error.value.code == "JWT_SETTINGS"
