"""The columns of FOCUS Cost and Usage, by version of the specification. The table itself is `columns.tsv`."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4")
VERSION = "1.3"
"""What an export is written in unless somebody asks for another."""

NEWEST_FIRST = (("1.3", "HostProviderName"), ("1.2", "InvoiceId"), ("1.1", "SkuMeter"))
"""Columns by which a file shows its version, beside `ProviderName`, which 1.4 has dropped."""


class DataType(StrEnum):
    """What a column holds. DECIMAL is exact; DATETIME is UTC; JSON is an object."""

    STRING = "STRING"
    DECIMAL = "DECIMAL"
    DATETIME = "DATETIME"
    JSON = "JSON"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``level`` is ``mandatory``, ``conditional``, ``recommended``, or ``custom`` for ours.

    ``since`` is the first version that has it, ``until`` the first that has it no more, ``""`` for none.
    """

    name: str
    type: DataType
    level: str
    nullable: bool
    since: str
    until: str
    meaning: str

    @property
    def is_custom(self) -> bool:
        """Whether it is a vendor's own."""
        return self.name.startswith("x_")

    def belongs_to(self, version: str) -> bool:
        """Say whether a version of FOCUS has the column."""
        return self.since <= version and (not self.until or version < self.until)


@cache
def all_columns() -> tuple[Column, ...]:
    """Return every column that some version has, by name, and ours behind them."""
    text = (resources.files(__package__) / "columns.tsv").read_text(encoding="utf-8")
    return tuple(
        Column(
            row["name"],
            DataType(row["type"]),
            row["level"],
            row["nullable"] == "yes",
            row["since"],
            row["until"],
            row["meaning"],
        )
        for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    )


@cache
def columns_of(version: str = VERSION) -> tuple[Column, ...]:
    """Return the columns of a file of ours: those of FOCUS in alphabetical order, then our own.

    Raises `ValueError` for a version that is not in `VERSIONS`.
    """
    if version not in VERSIONS:
        raise ValueError(f"there is no FOCUS version {version!r}")
    return tuple(column for column in all_columns() if column.belongs_to(version))


def version_of(names: Iterable[str]) -> str:
    """Return the version that a header shows. Source: `docs/focus.md`, "Reading other vendors' files"."""
    found = set(names)
    if "ServiceProviderName" in found and "ProviderName" not in found:
        return "1.4"
    return next((version for version, name in NEWEST_FIRST if name in found), "1.0")
