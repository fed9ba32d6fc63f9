"""Read a file of FOCUS charges as it is written, text by text, to check it."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from builder_jupyter.costs.focus.check import Fault, check, read_json
from builder_jupyter.errors import InvalidInput, NotFound

JSON_LINES = (".jsonl", ".ndjson", ".json")


def check_file(path: str | Path) -> Iterator[Fault]:
    """Yield what is wrong with a CSV or JSON Lines file, gzipped or not.

    Raises
    ------
    NotFound : ``FILE_NOT_FOUND``.
    InvalidInput : ``INVALID_FOCUS_FILE``: neither CSV nor JSON Lines.
    """
    place = Path(path)
    if not place.is_file():
        raise NotFound(f"There is no file {str(path)!r}.", code="FILE_NOT_FOUND")
    try:
        with _opened(place) as file:
            if place.name.removesuffix(".gz").endswith(JSON_LINES):
                yield from _check_lines(file)
            else:
                yield from _check_csv(file)
    except (csv.Error, ValueError, OSError) as error:
        raise InvalidInput(f"{str(path)!r} cannot be read: {error}.", code="INVALID_FOCUS_FILE") from error


@contextmanager
def _opened(place: Path) -> Iterator[IO[str]]:
    with place.open("rb") as plain, ExitStack() as stack:
        raw = stack.enter_context(gzip.GzipFile(fileobj=plain)) if place.suffix == ".gz" else plain
        yield stack.enter_context(io.TextIOWrapper(raw, encoding="utf-8", newline=""))


def _check_csv(file: IO[str]) -> Iterator[Fault]:
    rows = csv.reader(file)
    names = next(rows, [])
    if names and names[0].startswith("\ufeff"):
        yield Fault(0, names[0][1:], "the file begins with a byte order mark")
        names[0] = names[0][1:]
    yield from check(names, (_of_csv(names, row) for row in rows))


def _of_csv(names: list[str], row: list[str]) -> dict[str, str | None]:
    if len(row) != len(names):
        raise ValueError(f"a row has {len(row)} cells and the header {len(names)}")
    return {name: cell or None for name, cell in zip(names, row, strict=True)}


def _check_lines(file: IO[str]) -> Iterator[Fault]:
    first = file.readline()
    if not first.strip():
        return
    names = list(_of_line(first, 1))
    yield from check(names, _of_lines(file, first, set(names)))


def _of_lines(file: IO[str], first: str, names: set[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate([first], start=1):
        yield _of_line(line, number)
    for number, line in enumerate(file, start=2):
        row = _of_line(line, number)
        if set(row) != names:
            odd = ", ".join(sorted(set(row) ^ names))
            raise ValueError(f"line {number} has other columns than line 1: {odd}")
        yield row


def _of_line(line: str, number: int) -> dict[str, Any]:
    try:
        row = read_json(line)
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON") from error
    if not isinstance(row, dict):
        raise csv.Error(f"line {number} is no JSON object")
    return row
