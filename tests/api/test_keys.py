"""API keys over HTTP: made, shown once, listed, revoked; and where their secrets never turn up."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from server import Call

from builder_jupyter.identity.api_keys import hash_key
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.services.runtime import Runtime

KEYS = "/api/builder/keys"


async def test_life_of_a_key(call: Call, full_key: str) -> None:
    made = await call(
        "POST", KEYS, key=full_key, body={"name": " notebook ", "scopes": ["run:workflows", "read:canvases"]}
    )
    assert made.status == 201
    about = made.json
    secret = about.pop("key")
    assert set(about) == {
        "id", "name", "prefix", "scopes", "created_by", "created_at", "last_used_at", "expires_at", "revoked_at",
    }  # fmt: skip
    assert secret.startswith(about["prefix"])
    assert (len(secret), len(about["prefix"])) == (51, 16)
    assert (about["name"], about["created_by"]) == ("notebook", "alice")
    assert about["scopes"] == ["read:canvases", "run:workflows"], "in published order"
    assert about["last_used_at"] is about["expires_at"] is about["revoked_at"] is None

    listed = await call("GET", KEYS, key=full_key)
    assert secret not in listed.text
    assert listed.json["keys"][-1] == about

    verified = await call("GET", "/api/verify-key", key=secret)
    assert verified.json == {"ok": True, "workspaceId": "default", "scopes": about["scopes"]}
    assert (await call("GET", KEYS, key=full_key)).json["keys"][-1]["last_used_at"] is not None

    path = f"{KEYS}/{about['id']}"
    revoked = await call("DELETE", path, key=full_key)
    assert revoked.status == 200
    assert revoked.json["revoked_at"] is not None
    assert (await call("GET", "/api/verify-key", key=secret)).status == 401
    again = await call("DELETE", path, key=full_key)
    assert (again.status, again.json["revoked_at"]) == (200, revoked.json["revoked_at"])
    assert (await call("GET", KEYS, key=full_key)).json["keys"][-1]["revoked_at"] == revoked.json["revoked_at"]


async def test_a_new_key_may_read_and_run(call: Call, full_key: str) -> None:
    made = await call("POST", KEYS, key=full_key, body={"name": "default"})
    assert made.json["scopes"] == ["read:canvases", "run:workflows"]


async def test_a_key_cannot_make_more_of_itself(call: Call, make_key: Callable[..., str]) -> None:
    key = make_key("manage:integrations", "read:canvases")
    for scopes in (["run:workflows"], list(Scope), None):
        answer = await call("POST", KEYS, key=key, body={"name": "x"} | ({"scopes": scopes} if scopes else {}))
        assert (answer.status, answer.json["code"]) == (403, "SCOPE_EXCEEDED")
        assert "run:workflows" in answer.json["message"]
    assert (await call("POST", KEYS, key=key, body={"name": "x", "scopes": ["read:canvases"]})).status == 201
    assert len((await call("GET", KEYS, key=key)).json["keys"]) == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALID_REQUEST"),
        ({"name": 1}, "INVALID_REQUEST"),
        ({"name": "x", "scopes": "read:canvases"}, "INVALID_REQUEST"),
        ({"name": "x", "scopes": [None]}, "INVALID_REQUEST"),
        ({"name": " "}, "INVALID_KEY_NAME"),
        ({"name": "x" * 256}, "INVALID_KEY_NAME"),
        ({"name": "x", "scopes": []}, "NO_SCOPES"),
        ({"name": "x", "scopes": [" "]}, "NO_SCOPES"),
        ({"name": "x", "scopes": ["read:everything"]}, "UNKNOWN_SCOPE"),
    ],
)
async def test_what_is_no_key(body: dict[str, Any], code: str, call: Call, full_key: str) -> None:
    answer = await call("POST", KEYS, key=full_key, body=body)
    assert (answer.status, answer.json["code"]) == (400, code)


async def test_keys_of_another_workspace(call: Call, full_key: str, foreign_key: str) -> None:
    mine = (await call("GET", KEYS, key=full_key)).json["keys"]
    theirs = (await call("GET", KEYS, key=foreign_key)).json["keys"]
    assert {key["created_by"] for key in mine} == {"alice"}
    assert {key["created_by"] for key in theirs} == {"mallory"}
    for key_id in (mine[0]["id"], "key_0"):
        answer = await call("DELETE", f"{KEYS}/{key_id}", key=foreign_key)
        assert (answer.status, answer.json["code"]) == (404, "KEY_NOT_FOUND")
    assert (await call("GET", "/api/verify-key", key=full_key)).status == 200


async def test_a_key_without_a_workspace_opens_nothing(
    call: Call, full_key: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    store = runtime._key_store
    monkeypatch.setitem(store._keys, hash_key(full_key), replace(store.find(full_key), workspace=""))
    answer = await call("GET", "/api/verify-key", key=full_key)
    assert (answer.status, answer.json["code"]) == (403, "no_workspace")
    assert "workspace" in answer.json["error"]


async def test_secrets_are_written_nowhere(
    *,
    call: Call,
    full_key: str,
    runtime: Runtime,
    save: Callable[..., Awaitable[str]],
    builder_log: pytest.LogCaptureFixture,
    jp_logging_stream: Any,
) -> None:
    builder_log.set_level(logging.DEBUG)
    made = (await call("POST", KEYS, key=full_key, body={"name": "x", "scopes": list(Scope)})).json
    secret = made["key"]
    # Good use, bad use, refusals, and an error nobody foresaw, whose stack is logged.
    run = {"canvasId": await save(), "triggerNodeId": "start", "inputs": {"query": "x"}, "sync": True}
    assert (await call("POST", "/api/run", key=secret, body=run)).status == 200
    assert (await call("GET", "/api/run", key=secret)).status == 405
    assert (await call("POST", "/api/run", key=secret, raw=b"{")).status == 400
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime.workflows, "list", None)
        broken = await call("GET", "/api/builder/workflows", key=secret)
        assert broken.status == 500
    await call("DELETE", f"{KEYS}/{made['id']}", key=full_key)
    assert (await call("GET", "/api/verify-key", key=secret)).status == 401

    assert broken.json["error"] == "internal_error"
    incident = broken.json["message"].partition("incident ")[2].rstrip(")")
    assert len(incident) == 12
    assert any(incident in record.getMessage() and record.exc_info for record in builder_log.records)
    hidden = secret[16:]  # the part after the display prefix
    assert hidden not in broken.text
    assert hidden not in builder_log.text
    assert hidden not in jp_logging_stream.getvalue()

    def dump(connection: Any) -> dict[str, list[Any]]:
        tables = [row[0] for row in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()]
        return {table: connection.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables}

    rows = runtime.portal.wait(runtime.database.read(dump))
    assert rows["events"]
    assert hash_key(secret) in repr(rows["api_keys"])
    assert hidden not in repr(rows)
