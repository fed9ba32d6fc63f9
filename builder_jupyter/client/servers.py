"""Jupyter servers of this user, found by the file that each of them writes when it starts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Server:
    """A Jupyter server: its address, base URL included, and the token that opens it (may be empty)."""

    pid: int
    url: str
    token: str = field(repr=False)


def server_of(pid: int) -> Server | None:
    """Return the server that is process ``pid``; None when it says nothing of itself."""
    return _read(_folder() / f"jpserver-{pid}.json")


def server_at(url: str) -> Server | None:
    """Return the server whose address this is; None when it is not one of this user on this machine."""
    wanted = url.rstrip("/")
    found = (_read(path) for path in sorted(_folder().glob("jpserver-*.json")))
    return next((server for server in found if server is not None and _same(server.url, wanted)), None)


def _folder() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def _read(path: Path) -> Server | None:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        return Server(int(about["pid"]), str(about["url"]), str(about.get("token") or ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _same(url: str, wanted: str) -> bool:
    return url.rstrip("/").replace("//localhost", "//127.0.0.1") == wanted.replace("//localhost", "//127.0.0.1")
