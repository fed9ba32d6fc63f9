from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter.client import connect as module
from builder_jupyter.client import default
from builder_jupyter.client.connect import connect, open_or_connect
from builder_jupyter.client.http import HttpTransport
from builder_jupyter.errors import InvalidInput, StoreLocked, Unavailable
from builder_jupyter.storage.lock import OwnerLock


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in (module.URL_VARIABLE, module.KEY_VARIABLE, module.PARENT_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    seen: list[str | None] = []
    original = HttpTransport.__init__

    def note(self: HttpTransport, url: str, credential: str | None = None, **kwargs: Any) -> None:
        seen.append(credential)
        original(self, url, credential, **kwargs)

    monkeypatch.setattr(HttpTransport, "__init__", note)
    return seen


def _announce(folder: Path, pid: int, url: str, token: str = "filed") -> None:
    about = {"pid": pid, "url": url, "token": token, "base_url": "/"}
    (folder / f"jpserver-{pid}.json").write_text(json.dumps(about))


def test_alone_it_is_embedded_in_memory() -> None:
    with connect() as client:
        assert repr(client) == "<Client embedded, in memory>"


def test_a_data_folder_is_embedded_too(tmp_path: Path) -> None:
    with connect(data_dir=tmp_path / "d") as client:
        assert str(tmp_path / "d") in repr(client)
        with pytest.raises(StoreLocked):
            connect("embedded", data_dir=tmp_path / "d")
    with pytest.raises(InvalidInput):
        connect("http://127.0.0.1:1", data_dir=tmp_path)


def test_a_url_takes_its_credential_from_the_nearest(
    alone: Path, credentials: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    _announce(alone, 7, "http://127.0.0.1:1/base/")
    with connect("http://localhost:1/base") as client:
        assert repr(client) == "<Client http://localhost:1/base/>"
    monkeypatch.setenv(module.KEY_VARIABLE, "builder_env")
    for arguments in ({}, {"key": "given"}):
        connect("http://localhost:1/base", **arguments).close()
    assert credentials == ["filed", "builder_env", "given"]


def test_the_environment_names_the_server(credentials: list[str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(module.URL_VARIABLE, "http://127.0.0.1:1/")
    monkeypatch.setenv(module.KEY_VARIABLE, "builder_env")
    with connect() as client:
        assert repr(client) == "<Client http://127.0.0.1:1/>"
    with connect("embedded") as client:
        assert "embedded" in repr(client)
    assert credentials == ["builder_env"]


def test_a_parent_that_serves_no_workflows_is_passed_over(
    alone: Path, credentials: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(module.PARENT_VARIABLE, "7")
    connect().close()
    assert credentials == []
    _announce(alone, 7, "http://127.0.0.1:1/")
    with connect() as client:
        assert "embedded" in repr(client)
    assert credentials == ["filed"]


def test_a_parent_that_does_is_taken(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def yes(_client: object) -> None:
        return

    monkeypatch.setattr(module, "_probe", yes)
    monkeypatch.setenv(module.PARENT_VARIABLE, "7")
    _announce(alone, 7, "http://127.0.0.1:1/")
    with connect() as client:
        assert repr(client) == "<Client http://127.0.0.1:1/>"


def test_a_database_in_use_leads_to_its_server(alone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    with open_or_connect(folder) as client:
        assert "embedded" in repr(client)
    lock = OwnerLock(folder)
    with pytest.raises(StoreLocked):
        open_or_connect(folder)
    lock.describe(url="http://127.0.0.1:1/")
    with pytest.raises(StoreLocked):
        open_or_connect(folder)
    _announce(alone, os.getpid(), "http://127.0.0.1:1/")
    with open_or_connect(folder) as client:
        assert repr(client) == "<Client http://127.0.0.1:1/>"
        with pytest.raises(Unavailable):
            client.workflow("x")
    lock.release()


def test_what_was_connected_last_is_the_default() -> None:
    with default.connect("embedded") as client:
        assert default.default_client() is client
    assert default.default_client() is not client, "a closed client is not used"
    default.default_client().close()


def test_there_is_one_default_client() -> None:
    client = default.default_client()
    assert default.default_client() is client
    client.close()
    other = default.default_client()
    assert other is not client
    other.close()


def test_a_client_that_nobody_closes_ends_quietly_with_the_process(tmp_path: Path) -> None:
    code = f"import builder_jupyter as bj; print(bj.connect(data_dir={str(tmp_path / 'd')!r}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
