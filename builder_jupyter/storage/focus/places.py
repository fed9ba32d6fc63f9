"""Which files a path means: a file, a pattern, a folder of periods, or what a delivery's manifest lists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from glob import glob, has_magic
from pathlib import Path, PurePosixPath
from typing import Any

from builder_jupyter.errors import InvalidInput, NotFound

PERIOD = "billing_period="


class Kind(StrEnum):
    """How a file is written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON_LINES = "jsonl"


ENDINGS = {
    ".parquet": Kind.PARQUET,
    ".csv": Kind.CSV,
    ".csv.gz": Kind.CSV,
    ".jsonl": Kind.JSON_LINES,
    ".jsonl.gz": Kind.JSON_LINES,
    ".ndjson": Kind.JSON_LINES,
    ".ndjson.gz": Kind.JSON_LINES,
}


@dataclass(frozen=True, slots=True)
class Files:
    """Files of one kind. ``has_periods``: the folders they lie in are named ``billing_period=…`` and the like."""

    kind: Kind
    paths: tuple[str, ...]
    has_periods: bool


def files_of(path: str | Path) -> Files:
    """Return the files that a path means.

    A folder with manifests means the files that the newest manifest of each billing period lists, so that chunks which
    a later delivery replaced do not count twice; without manifests it means everything in it.

    Raises
    ------
    NotFound : ``FILE_NOT_FOUND``: nothing is there, or a manifest lists what is not there.
    InvalidInput : ``INVALID_FOCUS_FILE``: several kinds of files, or a manifest that cannot be read.
    """
    text = str(Path(path).expanduser())
    if has_magic(text):
        found = [Path(one) for one in sorted(glob(text, recursive=True))]  # noqa: PTH207 - patterns may be absolute
    elif Path(text).is_dir():
        found = sorted(Path(text).rglob("*"))
        manifests = [one for one in found if _is_manifest(one)]
        if manifests:
            found = [file for one in _newest(manifests) for file in _listed(one, found)]
    elif _is_manifest(Path(text)):
        found = list(_listed(Path(text), sorted(_root_of(Path(text)).rglob("*"))))
    else:
        found = [Path(text)]
    return _of_one_kind(str(path), found)


def _of_one_kind(asked: str, found: Iterable[Path]) -> Files:
    by_kind: dict[Kind, list[str]] = {}
    for file in found:
        kind = _kind_of(file)
        if kind is not None and file.is_file():
            by_kind.setdefault(kind, []).append(str(file))
    if not by_kind:
        raise NotFound(
            f"There is no CSV, Parquet or JSON Lines file at {asked!r}.",
            code="FILE_NOT_FOUND",
            hint="Give a file, a folder, a pattern such as 'export/*.parquet', or a manifest.",
        )
    if len(by_kind) > 1:
        raise InvalidInput(
            f"{asked!r} means files of several kinds: {', '.join(sorted(by_kind))}.",
            code="INVALID_FOCUS_FILE",
            hint="Give a pattern for one of them, such as 'export/**/*.parquet'.",
        )
    ((kind, paths),) = by_kind.items()
    return Files(kind, tuple(paths), any("=" in part for path in paths for part in Path(path).parts[:-1]))


def _kind_of(file: Path) -> Kind | None:
    name = file.name.lower()
    return next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), None)


def _is_manifest(file: Path) -> bool:
    return file.name.lower().endswith("manifest.json")


def _root_of(manifest: Path) -> Path:
    """Return the folder that holds a delivery: AWS puts manifests below ``metadata`` and files below ``data``."""
    above = next((folder for folder in manifest.parents if folder.name.lower() == "metadata"), None)
    return manifest.parent if above is None else above.parent


def _newest(manifests: list[Path]) -> Iterator[Path]:
    """Yield the manifest of each billing period that was written last; its folder says which period it is of."""
    newest: dict[str, tuple[str, Path]] = {}
    for manifest in manifests:
        period = next((p.lower() for p in manifest.parts if p.lower().startswith(PERIOD)), str(manifest.parent))
        written = _written(manifest)
        if period not in newest or newest[period][0] < written:
            newest[period] = (written, manifest)
    for _, manifest in newest.values():
        yield manifest


def _read(manifest: Path) -> dict[str, Any]:
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidInput(f"The manifest {str(manifest)!r} is not JSON.", code="INVALID_FOCUS_FILE") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"The manifest {str(manifest)!r} is no JSON object.", code="INVALID_FOCUS_FILE")
    return content


def _written(manifest: Path) -> str:
    """Return when a delivery was made, as its manifest says it; the same vendor writes its times alike."""
    content = _read(manifest)
    run = content.get("runInfo")
    told = content.get("executionCreatedAt") or (run.get("submittedTime") if isinstance(run, dict) else None)
    return str(told or f"{manifest.stat().st_mtime_ns:020d}")


def _listed(manifest: Path, there: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that a manifest lists, found here by the ends of the addresses it gives.

    AWS lists ``dataFiles``, addresses in its store; Azure ``blobs``, each with a ``blobName``.
    """
    content = _read(manifest)
    blobs = content.get("blobs")
    listed = content.get("dataFiles") or [b.get("blobName") for b in blobs or () if isinstance(b, dict)]
    names = [name for name in listed if isinstance(name, str)]
    if not names:
        raise InvalidInput(
            f"The manifest {str(manifest)!r} lists no data files.",
            code="INVALID_FOCUS_FILE",
            hint="Known are manifests with dataFiles (AWS) or blobs (Azure).",
        )
    files = [file for file in there if _kind_of(file) is not None]
    for name in names:
        address = PurePosixPath(name.partition("://")[2] or name)
        nearest = max(files, key=lambda file: _shared_end(file, address), default=None)
        if nearest is None or nearest.name != address.name:
            raise NotFound(
                f"The manifest {str(manifest)!r} lists {address.name!r}, which is not here.", code="FILE_NOT_FOUND"
            )
        yield nearest


def _shared_end(file: Path, address: PurePosixPath) -> int:
    """Return how many parts at their ends two paths have in common."""
    shared = 0
    for ours, theirs in zip(reversed(file.parts), reversed(address.parts), strict=False):
        if ours.lower() != theirs.lower():
            break
        shared += 1
    return shared
