"""What several commands share: how their options are read."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from builder_jupyter.errors import InvalidInput
from builder_jupyter.places import default_data_dir

if TYPE_CHECKING:
    from builder_jupyter.client.client import Client
    from builder_jupyter.graph.model import Workflow

Commands: TypeAlias = "argparse._SubParsersAction[Any]"  # noqa: SLF001 - it has no public name
Places: TypeAlias = argparse.ArgumentParser

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def data_dir_of(options: argparse.Namespace) -> Path:
    """Return the folder of the database that is meant."""
    given: Path | None = options.data_dir
    return given.expanduser() if given is not None else default_data_dir(root_dir_of(options))


def root_dir_of(options: argparse.Namespace) -> Path:
    """Return the root folder that is meant."""
    return (options.root_dir or Path.cwd()).expanduser()


def client_of(options: argparse.Namespace) -> Client:
    """Open the database that is meant, or connect to the server that has it open."""
    from builder_jupyter.client.connect import open_or_connect

    return open_or_connect(data_dir_of(options))


def seconds_of(age: str) -> int:
    """Return the seconds of an age like ``30d``. Raises `InvalidInput` (``INVALID_DURATION``)."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*([smhdw])\s*", age, re.ASCII)
    if found is None:
        raise InvalidInput(
            f"{age!r} is no age.", code="INVALID_DURATION", hint="Write a number and one of s m h d w, e.g. 30d."
        )
    return int(found[1]) * SECONDS[found[2]]


def read_text(path: Path) -> str:
    """Return the text of a file. Raises `InvalidInput` (``FILE_NOT_READABLE``)."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The file {path} is not UTF-8 text.", code="FILE_NOT_READABLE") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInput(f"The file {path} cannot be read: {reason}.", code="FILE_NOT_READABLE") from error


def read_workflow(path: Path) -> Workflow:
    """Return the workflow in a file. Raises `InvalidInput`, which names the first fault."""
    from builder_jupyter.graph.dialects import read_text as parse

    text = read_text(path)
    try:
        return parse(text)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.message}", code=error.code, details=error.details) from error
