"""Artefacts and the dataframes in them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builder_jupyter.errors import NotFound, Unavailable
from builder_jupyter.storage.artefacts import ArtefactStore
from builder_jupyter.storage.frames import from_parquet, library_of, to_parquet


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_content_is_found_by_its_hash_in_its_workspace(tmp_path: Path, *, on_disk: bool) -> None:
    store = ArtefactStore(tmp_path if on_disk else None)
    digest = store.put("mine", b"content")
    assert digest == hashlib.sha256(b"content").hexdigest()
    assert store.put("mine", b"content") == digest
    assert store.read("mine", digest) == b"content"
    folder = store.path("mine", digest).parent
    assert (folder.parent == tmp_path) is on_disk
    for workspace, name in [("theirs", digest), ("mine", "0" * 64), ("mine", "../lock"), ("mine", "")]:
        with pytest.raises(NotFound) as error:
            store.read(workspace, name)
        assert error.value.code == "ARTEFACT_NOT_FOUND"
    store.put("theirs", b"content")
    assert store.read("theirs", digest) == b"content"
    store.close()
    assert folder.exists() is on_disk
    assert sorted(path.suffix for path in tmp_path.rglob("*.*")) == (
        [".parquet", ".reader", ".reader"] if on_disk else []
    )


def test_what_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArtefactStore(tmp_path)

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("builder_jupyter.storage.artefacts.os.fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        store.put("mine", b"content")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_dataframe_comes_back_as_it_was() -> None:
    frame = pd.DataFrame({
        "n": [1, 2], "x": [0.5, np.nan], "s": ["a", None], "b": [True, False],
        "t": pd.to_datetime(["2024-01-01", None]), "i": pd.array([1, None], dtype="Int64"),
    })  # fmt: skip
    back = from_parquet(to_parquet(frame))
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)
    assert (str(back.n.dtype), str(back.i.dtype)) == ("int64", "Int64")


def test_moments_with_a_zone_come_back_as_utc() -> None:
    moments = pd.date_range("2024-06-01", periods=2, tz="Europe/Berlin")
    back = from_parquet(to_parquet(pd.DataFrame({'the "when"': moments})))
    assert str(back['the "when"'].dt.tz) == "UTC"
    assert (back['the "when"'] == moments).all()


def test_names_and_indexes() -> None:
    frame = pd.DataFrame(np.ones((2, 2)), columns=["a", "a"])
    assert list(from_parquet(to_parquet(frame)).columns) == ["a", "a_1"]
    assert list(from_parquet(to_parquet(pd.DataFrame({1: [1]}))).columns) == ["1"]
    named = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert from_parquet(to_parquet(named)).to_dict("list") == {"key": ["x", "y"], "n": [1, 2]}
    filtered = pd.DataFrame({"n": [1, 2, 3]}).query("n > 1")
    assert from_parquet(to_parquet(filtered)).to_dict("list") == {"n": [2, 3]}


def test_what_is_no_dataframe() -> None:
    assert library_of([1]) is None
    assert library_of(pd.Series([1])) is None
    with pytest.raises(ValueError, match="column"):
        to_parquet(pd.DataFrame())
