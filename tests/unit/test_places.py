from __future__ import annotations

from pathlib import Path

import pytest

from builder_jupyter.places import default_data_dir, demo_folder


def test_each_root_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    one, two = default_data_dir(tmp_path / "a" / "work"), default_data_dir(tmp_path / "b" / "work")
    assert one.parent == two.parent == tmp_path / "data" / "builder_jupyter"
    assert one != two
    assert one == default_data_dir(tmp_path / "a" / "x" / ".." / "work")
    assert one.name.startswith("work-")
    odd = default_data_dir(tmp_path / "naïve: name / *").name
    assert odd.isascii()
    assert default_data_dir(Path("/")).name.startswith("root-")


def test_the_demo_is_found() -> None:
    assert (demo_folder() / "quickstart.ipynb").is_file()
