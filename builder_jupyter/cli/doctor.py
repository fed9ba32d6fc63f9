"""``doctor``: what is installed, which model and database are used, and whether a server answers."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from builder_jupyter.cli.options import Commands, Places, data_dir_of

if TYPE_CHECKING:
    from builder_jupyter.connectors.models import Provider

PACKAGES = {
    "duckdb": "",
    "jupyter-server": "",
    "jupyterlab": "pip install 'builder_jupyter[lab]'",
    "langchain": "pip install 'builder_jupyter[openai]'",
    "xllamacpp": "pip install 'builder_jupyter[local]'",
}
HEALTH_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the examination. ``is_well`` is None for what is merely good to know."""

    name: str
    says: str
    is_well: bool | None = None


def add_doctor(commands: Commands, places: Places) -> None:
    """Add the command ``doctor``."""
    parser = commands.add_parser(
        "doctor",
        parents=[places],
        help="see what is installed, which model and database are used, and whether a server answers",
        description="Examine this installation, changing nothing. Exit code 1 when something needed is missing.",
    )
    parser.set_defaults(action=doctor)


def doctor(options: argparse.Namespace) -> int:
    """Print the examination; 1 when something needed is missing."""
    checks = list(examine(data_dir_of(options)))
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = {True: "ok  ", False: "FAIL", None: "    "}[check.is_well]
        print(f"{mark}  {check.name.ljust(width)}  {check.says}")
    return 1 if any(check.is_well is False for check in checks) else 0


def examine(data_dir: Path) -> Iterator[Check]:
    """Yield the checks, cheapest first."""
    yield Check("python", platform.python_version(), sys.version_info >= (3, 11))
    yield from map(_package, PACKAGES)
    yield from _models()
    yield from _database(data_dir)


def _package(name: str) -> Check:
    try:
        return Check(name, metadata.version(name), is_well=True)
    except metadata.PackageNotFoundError:
        how = PACKAGES[name]
        return Check(name, f"not installed ({how})" if how else "not installed", None if how else False)


def _models() -> Iterator[Check]:
    from builder_jupyter.connectors.local_model import LOCAL_MODEL_NAME
    from builder_jupyter.connectors.model_files import MEMBER, MODEL_BYTES, cache_folder
    from builder_jupyter.connectors.models import PROVIDERS

    has_engine = importlib.util.find_spec("xllamacpp") is not None
    has_others = any(map(_is_ready, PROVIDERS))
    is_well = True if has_engine else None if has_others else False
    yield Check("default model", LOCAL_MODEL_NAME + ("" if has_engine else " (needs xllamacpp)"), is_well)
    own = os.environ.get("BUILDER_LOCAL_MODEL")
    path = Path(own).expanduser() if own else cache_folder() / Path(MEMBER).name
    is_there = path.is_file() and (own is not None or path.stat().st_size == MODEL_BYTES)
    if is_there:
        yield Check("model file", str(path), is_well=True)
    elif own:
        yield Check("model file", f"BUILDER_LOCAL_MODEL names no file: {path}", is_well=False)
    else:
        yield Check("model file", f"not fetched yet; the first run fetches {MODEL_BYTES / 1e6:.0f} MB to {path.parent}")
    for provider in PROVIDERS:
        is_ready = _is_ready(provider)
        needs = f"needs: pip install {provider.install}, and {provider.keys[0]} set"
        yield Check(f"{provider.name} models", "ready" if is_ready else needs, True if is_ready else None)


def _is_ready(provider: Provider) -> bool:
    is_installed = all(importlib.util.find_spec(name) for name in ("langchain", provider.package))
    return is_installed and any(os.environ.get(key) for key in provider.keys)


def _database(data_dir: Path) -> Iterator[Check]:
    from builder_jupyter.storage.lock import read_owner

    path = data_dir / "builder.duckdb"
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    if path.is_file():
        yield Check("database", str(path), os.access(path, os.R_OK | os.W_OK))
    else:
        is_writable = existing.is_dir() and os.access(existing, os.W_OK)
        yield Check("database", f"{path} (not made yet)" if is_writable else f"cannot write to {existing}", is_writable)
    owner = read_owner(data_dir)
    pid, url = owner.get("pid"), owner.get("url")
    if not isinstance(pid, int) or not _is_alive(pid):
        yield Check("in use by", "nobody")
        url = None
    else:
        yield Check("in use by", f"process {pid}" + (f", the server at {url}" if isinstance(url, str) else ""))
    url = url if isinstance(url, str) else os.environ.get("BUILDER_JUPYTER_URL")
    if url:
        yield _health(url)
    else:
        yield Check("server", "none for this folder (start one: builder-jupyter serve)")


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _health(url: str) -> Check:
    import httpx

    from builder_jupyter.client.address import split_token

    place, _ = split_token(url)
    try:
        answer = httpx.get(f"{place}api/builder/health", timeout=HEALTH_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return Check("server", f"{place} does not answer ({type(error).__name__})", is_well=False)
    if answer.status_code == 200:
        return Check("server", f"{place} is healthy", is_well=True)
    return Check("server", f"{place} answers {answer.status_code}; is builder_jupyter enabled?", is_well=False)
