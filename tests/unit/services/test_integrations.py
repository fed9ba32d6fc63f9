"""Credentials of workspaces' own: validated, encrypted, masked, routed, and used by their steps alone.

Source: spec builder-studio §3.5, §12.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import BuilderError, Conflict, Forbidden, InvalidInput, NotConfigured, NotFound, Unavailable
from builder_jupyter.identity.principal import Principal, local_principal
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope
from builder_jupyter.services.providers import ADDRESSES, PROVIDERS, Routing, is_among
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.storage.backup import back_up
from builder_jupyter.storage.cipher import KEY_FILE
from builder_jupyter.storage.encryption import EncryptionKey, parse_key

ME = local_principal("alice")
OTHER = replace(local_principal("mallory"), workspace="elsewhere")
SECRET = "sk-very-secret-4242"
ABOUT: dict[str, Any] = {
    "workspace": "default", "provider": "openai", "display_name": "Ours", "payload": {"apiKey": SECRET},
}  # fmt: skip


class Place:
    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.service = runtime.integrations

    def ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runtime.portal.wait(work)

    def connect(self, who: Principal = ME, **about: Any) -> Any:
        return self.ask(self.service.upsert(who, **{**ABOUT, **about}))

    def refused(self, kind: type[BuilderError], code: str, work: Coroutine[Any, Any, Any]) -> str:
        with pytest.raises(kind) as caught:
            self.ask(work)
        assert caught.value.code == code
        return f"{caught.value} {caught.value.details}"

    def credential(self, workspace: str = "default", provider: str = "openai") -> Any:
        return self.ask(self.service.credential(workspace, provider))


def runtime(folder: Path | None = None, **settings: Any) -> Runtime:
    return Runtime(Settings(folder, **settings), clock=ManualClock(), models=ScriptedModels(ScriptedModel()))


@pytest.fixture
def place() -> Iterator[Place]:
    with runtime() as running:
        yield Place(running)


def test_a_connection_is_kept_shown_masked_and_revoked(place: Place) -> None:
    made = place.connect(payload={"apiKey": SECRET, "organization": "org-1"})
    assert made.pop("created") is True
    assert made == {
        "connectionId": made["connectionId"],
        "workspaceId": "default",
        "provider": "openai",
        "displayName": "Ours",
        "mode": "service",
        "status": "active",
        "credential": {"apiKey": "…4242", "organization": "org-1"},
        "createdBy": "alice",
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
    }
    assert place.ask(place.service.list(ME)) == [made]
    assert place.credential() == {"apiKey": SECRET, "organization": "org-1"}
    assert place.credential("elsewhere") is None
    assert place.credential(provider="google") is None
    gone = place.ask(place.service.revoke(ME, made["connectionId"]))
    assert gone["status"] == "revoked"
    assert place.ask(place.service.revoke(ME, made["connectionId"])) == gone, "twice is fine"
    assert place.credential() is None


def test_short_secrets_show_nothing(place: Place) -> None:
    assert place.connect(payload={"apiKey": "short"})["credential"] == {"apiKey": "…"}


def test_upsert(place: Place) -> None:
    first = place.connect()
    second = place.connect(display_name="Renamed", payload={"apiKey": "sk-another-secret"})
    assert (second["connectionId"], second["created"]) == (first["connectionId"], False)
    third = place.connect(connection_id=first["connectionId"])
    assert (third["connectionId"], third["displayName"]) == (first["connectionId"], "Ours")
    assert place.credential()["apiKey"] == SECRET
    upsert = place.service.upsert
    wrong = {**ABOUT, "provider": "fal", "connection_id": first["connectionId"]}
    place.refused(Conflict, "CONNECTION_OF_OTHER_PROVIDER", upsert(ME, **wrong))
    place.ask(place.service.revoke(ME, first["connectionId"]))
    again = {**ABOUT, "connection_id": first["connectionId"]}
    place.refused(Conflict, "CONNECTION_REVOKED", upsert(ME, **again))
    assert place.connect()["connectionId"] != first["connectionId"]


def test_other_workspaces(place: Place) -> None:
    mine = place.connect()["connectionId"]
    assert place.ask(place.service.list(OTHER)) == []
    for name in (mine, "conn_0"):
        place.refused(NotFound, "CONNECTION_NOT_FOUND", place.service.revoke(OTHER, name))
        theirs = {**ABOUT, "workspace": "elsewhere", "connection_id": name}
        place.refused(NotFound, "CONNECTION_NOT_FOUND", place.service.upsert(OTHER, **theirs))
    place.refused(Forbidden, "WORKSPACE_DENIED", place.service.upsert(ME, **{**ABOUT, "workspace": "elsewhere"}))
    place.refused(Forbidden, "WORKSPACE_DENIED", place.service.upsert(ME, **{**ABOUT, "workspace": "ws_0"}))
    assert place.credential()["apiKey"] == SECRET


def test_it_takes_write_access_to_the_workspace(place: Place) -> None:
    rt = place.runtime
    team = place.ask(rt.workspaces.create(ME, "Team"))["id"]
    at = place.ask(rt.workspaces.enter(ME, team))
    place.ask(rt.workspaces.put_member(at, "ed", "editor"))
    place.ask(rt.workspaces.put_member(at, "vic", "viewer"))
    about = {**ABOUT, "workspace": team}
    assert place.ask(place.service.upsert(local_principal("ed"), **about))["workspaceId"] == team
    place.refused(Forbidden, "MISSING_SCOPE", place.service.upsert(local_principal("vic"), **about))
    weak = replace(ME, scopes=ALL_SCOPES - {Scope.MANAGE_INTEGRATIONS})
    place.refused(Forbidden, "MISSING_SCOPE", place.service.upsert(weak, **ABOUT))
    for work in (place.service.list(weak), place.service.providers(weak), place.service.revoke(weak, "conn_0")):
        place.refused(Forbidden, "MISSING_SCOPE", work)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_payloads(provider: str, place: Place) -> None:
    about = PROVIDERS[provider]
    good = {field.name: f"{ADDRESSES[0]}/v1" if field.is_url else f"{SECRET}" for field in about.fields}
    assert about.validated(good) == good
    assert place.connect(provider=provider, payload=good)["status"] == "active"
    bad: list[dict[str, Any]] = [{}, {**good, "strange": "x"}]
    for field in about.fields:
        bad += [
            {**good, field.name: value} for value in (1, "", " ", [SECRET], f"{SECRET}\n{SECRET}", "ä", "x" * 5_000)
        ]
        if field.is_required:
            bad.append({**good, field.name: None})
    for payload in bad:
        told = place.refused(
            InvalidInput,
            "INVALID_CREDENTIAL",
            place.service.upsert(ME, **{**ABOUT, "provider": provider, "payload": payload}),
        )
        assert SECRET not in told
        assert "strange" not in told


@pytest.mark.parametrize(
    "address",
    ["ftp://x.org", "https://", "x.org", "https://u:p@x.org", "https://x.org?a=1", "https://x.org#a", "https://x:y"],
)
def test_what_is_no_address(address: str, place: Place) -> None:
    payload = {"apiKey": "k", "baseUrl": address}
    work = place.service.upsert(ME, **{**ABOUT, "provider": "generic", "payload": payload})
    place.refused(InvalidInput, "INVALID_CREDENTIAL", work)


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("https://openrouter.ai/api", True),
        ("https://OpenRouter.ai:443/api/v1/", True),
        ("https://openrouter.ai/apis", False),
        ("https://openrouter.ai/api/../x", False),
        ("https://openrouter.ai/api/%2e%2e/x", False),
        ("https://openrouter.ai", False),
        ("http://openrouter.ai/api", False),
        ("https://openrouter.ai:444/api", False),
        ("https://openrouter.ai.evil.example/api", False),
        ("http://169.254.169.254/latest", False),
        ("http://127.0.0.1:8888", False),
        ("http://localhost", False),
    ],
)
def test_models_are_asked_where_the_server_allows_it(address: str, *, is_allowed: bool, place: Place) -> None:
    assert is_among(address, ADDRESSES) is is_allowed
    about = {**ABOUT, "provider": "generic", "payload": {"apiKey": "k", "baseUrl": address}}
    if is_allowed:
        place.ask(place.service.upsert(ME, **about))
        place.service._addresses = ()
        place.refused(InvalidInput, "ADDRESS_NOT_ALLOWED", place.service.credential("default", "generic"))
    else:
        place.refused(InvalidInput, "ADDRESS_NOT_ALLOWED", place.service.upsert(ME, **about))


def test_other_refusals(place: Place) -> None:
    upsert = place.service.upsert
    for name in ("", " ", "x" * 101, "a\nb"):
        place.refused(InvalidInput, "INVALID_DISPLAY_NAME", upsert(ME, **{**ABOUT, "display_name": name}))
    place.refused(InvalidInput, "UNKNOWN_PROVIDER", upsert(ME, **{**ABOUT, "provider": "nobody"}))
    place.refused(NotFound, "UNKNOWN_PROVIDER", place.service.route(ME, "nobody", "auto"))
    place.refused(InvalidInput, "INVALID_ROUTING", place.service.route(ME, "openai", "sometimes"))


def test_modes(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def state() -> Any:
        return next(one for one in place.ask(place.service.providers(ME)) if one["provider"] == "openai")

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert (state()["mode"], state()["builtIn"], state()["connected"]) == ("auto", False, False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-built-in")
    assert state()["builtIn"]
    assert place.credential() is None, "the server's"
    place.ask(place.service.route(ME, "openai", "byo-only"))
    told = place.refused(NotConfigured, "PROVIDER_NOT_CONNECTED", place.service.credential("default", "openai"))
    assert "OpenAI" in told
    place.connect()
    expected = {Routing.AUTO: True, Routing.BYO_ONLY: True, Routing.BUILT_IN_ONLY: False}
    for mode, is_own in expected.items():
        assert place.ask(place.service.route(ME, "openai", str(mode)))["mode"] == mode
        assert (place.credential() is not None) is is_own
    assert place.ask(place.service.providers(OTHER))[0]["mode"] == "auto", "of this workspace alone"


def test_no_key_to_encrypt_with_fails_at_once(tmp_path: Path) -> None:
    with runtime(tmp_path, makes_encryption_key=False) as running:
        place = Place(running)
        for payload in (ABOUT["payload"], {}):
            work = place.service.upsert(ME, **{**ABOUT, "payload": payload})
            told = place.refused(NotConfigured, "ENCRYPTION_KEY_MISSING", work)
            assert "BUILDER_ENCRYPTION_KEY" in told
        assert not (tmp_path / KEY_FILE).exists()
        assert place.ask(place.service.list(ME)) == []


def test_the_key_file(tmp_path: Path) -> None:
    with runtime(tmp_path / "data") as running:
        place = Place(running)
        assert not (tmp_path / "data" / KEY_FILE).exists(), "made at the first use"
        place.connect()
        assert (tmp_path / "data" / KEY_FILE).stat().st_mode & 0o777 == 0o600
        place.ask(back_up(running.database, tmp_path / "backup.tar"))
    archive = (tmp_path / "backup.tar").read_bytes()
    key = (tmp_path / "data" / KEY_FILE).read_bytes()
    assert key not in archive
    for text in (SECRET, "very-secret"):
        assert text.encode() not in archive
        assert text.encode() not in (tmp_path / "data" / "builder.duckdb").read_bytes()
    with runtime(tmp_path / "data", makes_encryption_key=False) as running:
        assert Place(running).credential()["apiKey"] == SECRET, "the file that is there is used"
    with runtime(tmp_path / "data", encryption_key="00" * 32) as running:
        place = Place(running)
        told = place.refused(Unavailable, "SECRET_UNREADABLE", place.service.credential("default", "openai"))
        assert "another key" in told
        place.connect()
        assert place.credential()["apiKey"] == SECRET
    (tmp_path / "data" / KEY_FILE).write_bytes(b"short")
    with runtime(tmp_path / "data") as running:
        place = Place(running)
        place.refused(NotConfigured, "ENCRYPTION_KEY", place.service.credential("default", "openai"))
        assert (tmp_path / "data" / KEY_FILE).read_bytes() == b"short", "never written over"


def test_keys_that_are_given() -> None:
    raw = bytes(range(224, 256))
    texts = [raw.hex(), raw.hex().upper(), "4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8", f" {raw.hex()}\n"]
    assert {parse_key(text) for text in texts} == {raw}
    for text in ("", "x", "00" * 31, "zz" * 32, "A" * 40):
        with pytest.raises(NotConfigured) as refused:
            parse_key(text)
        assert text not in str(refused.value) or not text.strip("x")
    assert EncryptionKey(None).get() != EncryptionKey(None).get()
    assert "00" * 32 not in repr(Settings(encryption_key="00" * 32))


def test_a_row_in_the_place_of_another_is_refused(place: Place) -> None:
    mine = place.connect()["connectionId"]
    theirs = place.ask(place.service.upsert(OTHER, **{**ABOUT, "workspace": "elsewhere"}))["connectionId"]
    rows = place.service._store._connections
    rows[theirs] = replace(rows[theirs], payload=rows[mine].payload)
    place.refused(Unavailable, "SECRET_UNREADABLE", place.service.credential("elsewhere", "openai"))


def test_two_at_once_make_one(place: Place) -> None:
    async def both() -> list[Any]:
        return await asyncio.gather(*(place.service.upsert(ME, **ABOUT) for _ in range(5)))

    assert len({one["connectionId"] for one in place.ask(both())}) == 1


def test_secrets_stand_nowhere_in_the_database_and_the_log(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    place.connect()

    def dump(connection: Any) -> str:
        tables = [row[0] for row in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()]
        return repr([connection.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables])

    rows = place.ask(place.runtime.database.read(dump))
    assert "4242" in rows
    assert "very-secret" not in rows
    assert "very-secret" not in caplog.text
