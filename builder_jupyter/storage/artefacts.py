"""Results that are too big for the journal, as files named by the hash of their content.

Empty files say who may read one: whoever may follow an execution may read what it refers to, which are the admins of
its workspace and who started it. The file is on disk before anybody is told its name, so the journal never refers to
what is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from builder_jupyter.errors import NotFound, Unavailable

_HASH = re.compile(r"[0-9a-f]{64}")


class ArtefactStore:
    """The folder ``artefacts`` of a data directory; a temporary one, gone with `close`, where there is none.

    Its methods block: call them in a thread.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._temporary = data_dir is None
        self._folder = (
            Path(tempfile.mkdtemp(prefix="builder-artefacts-")) if data_dir is None else data_dir / "artefacts"
        )

    def put(self, workspace: str, content: bytes, *, starter: str = "", suffix: str = "parquet") -> str:
        """Keep a content for a workspace, and for who started the execution that made it; return its hash.

        Raises `Unavailable` (``ARTEFACT_NOT_KEPT``).
        """
        digest = hashlib.sha256(content).hexdigest()
        try:
            path = self._path(digest, suffix)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                _write(path, content)
            for reader in {workspace, *([_person(workspace, starter)] if starter else ())}:
                if not self._reader(digest, reader).exists():
                    _write(self._reader(digest, reader), b"")
        except OSError as error:
            raise Unavailable(f"A result cannot be kept: {error.strerror}.", code="ARTEFACT_NOT_KEPT") from error
        return digest

    def path(self, workspace: str, digest: str, *, starter: str | None = None, suffix: str = "parquet") -> Path:
        """Return where a content lies that an execution of a workspace has made, or one that somebody started there.

        Raises `NotFound` (``ARTEFACT_NOT_FOUND``), also for another workspace's.
        """
        reader = workspace if starter is None else _person(workspace, starter)
        known = _HASH.fullmatch(digest) is not None and self._reader(digest, reader).exists()
        if not known or not self._path(digest, suffix).exists():
            raise NotFound("Artefact not found", code="ARTEFACT_NOT_FOUND")
        return self._path(digest, suffix)

    def read(self, workspace: str, digest: str, *, starter: str | None = None) -> bytes:
        """Return a content. Raises as `path`."""
        return self.path(workspace, digest, starter=starter).read_bytes()

    def remove(self, workspace: str, digest: str, *, suffix: str, shared: bool) -> None:
        """Let a workspace read a content no more; unless another needs it (``shared``), let go of it altogether.

        A file that stays because the disk refuses costs room and nothing else.
        """
        with contextlib.suppress(OSError):
            self._reader(digest, workspace).unlink(missing_ok=True)
            if not shared:
                self._path(digest, suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of a temporary folder."""
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, digest: str, suffix: str) -> Path:
        return self._folder / f"{digest}.{suffix}"

    def _reader(self, digest: str, reader: str) -> Path:
        return self._folder / f"{digest}.{hashlib.sha256(reader.encode()).hexdigest()[:16]}.reader"


def _person(workspace: str, starter: str) -> str:
    return f"{workspace}\0{starter}"


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whenever the power goes."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
