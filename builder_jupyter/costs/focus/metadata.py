"""The metadata that goes with an export: who made it, which dataset it is, how recent, and its columns.

Source: FOCUS 1.3, metadata; `docs/focus.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from builder_jupyter.clock import iso_z
from builder_jupyter.costs.focus.columns import VERSION, Column, DataType
from builder_jupyter.costs.focus.vendor import Vendor

NAMES: Final = UUID("6b1a4a2e-6f0c-5d0e-9c53-0f6f1a7d2c11")
"""The namespace of the ids below: the same installation, workspace and columns give the same ids."""

CREATED = datetime(2026, 11, 22, tzinfo=UTC)
"""When the columns were last changed; to be moved with `columns.tsv`."""

DAYS_BY_DAY = 92
"""Windows of up to so many days are told day by day, longer ones month by month."""

TAG_PREFIX = "builder/"
DECIMAL_DIGITS, DECIMAL_PLACES = 28, 10
MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Sector:
    """A part of the window [start, end): when something in it was last posted, and whether more may come."""

    start: datetime
    end: datetime
    is_complete: bool
    updated: datetime


def sectors(
    start: datetime, end: datetime, posted: Mapping[datetime, datetime], *, now: datetime, open_since: datetime | None
) -> list[Sector]:
    """Return the days or months, UTC, that a window touches.

    Parameters
    ----------
    posted : by the start of a day or month, when something that belongs to it was posted last.
    open_since : when the oldest run began that is not over: what it will cost is still to come.
    """
    found = []
    for begin, stop in _spans(start, end):
        is_open = open_since is not None and open_since < stop
        found.append(Sector(begin, stop, stop <= now and not is_open, posted.get(begin, min(begin, now))))
    return found


def by_month(start: datetime, end: datetime) -> bool:
    """Say whether a window is told month by month."""
    return end - start > timedelta(days=DAYS_BY_DAY)


def _spans(start: datetime, end: datetime) -> Iterable[tuple[datetime, datetime]]:
    begin = start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    months = by_month(start, end)
    begin = begin.replace(day=1) if months else begin
    while begin < end:
        # Four weeks after the 4th lies in the next month, whichever it is.
        stop = (begin + timedelta(days=32)).replace(day=1) if months else begin + timedelta(days=1)
        yield begin, stop
        begin = stop


def metadata(
    vendor: Vendor,
    *,
    generator: str,
    installation: str,
    workspace: str,
    columns: tuple[Column, ...],
    parts: list[Sector],
    now: datetime,
) -> dict[str, Any]:
    """Return the metadata of an export as JSON-like values.

    Parameters
    ----------
    generator : the version of what made it.
    installation : tells this installation from others; not secret.
    """
    instance = str(uuid5(NAMES, f"{installation}/{workspace}/CostAndUsage"))
    updated = max((part.updated for part in parts), default=now)
    return {
        "DataGenerator": {"DataGenerator": "builder_jupyter"},
        "DatasetInstance": [
            {
                "DatasetInstanceId": instance,
                "DatasetInstanceName": f"{vendor.name} credit usage, workspace {workspace}",
                "FocusDatasetId": "CostAndUsage",
            }
        ],
        "Recency": [
            {
                "DatasetInstanceId": instance,
                "RecencyLastUpdated": iso_z(now.replace(microsecond=0)),
                "DatasetInstanceLastUpdated": iso_z(updated.replace(microsecond=0)),
                "TimeSectors": [
                    {
                        "TimeSectorStart": iso_z(part.start),
                        "TimeSectorEnd": iso_z(part.end),
                        "TimeSectorComplete": part.is_complete,
                        "TimeSectorLastUpdated": iso_z(part.updated.replace(microsecond=0)),
                    }
                    for part in parts
                ],
            }
        ],
        "Schema": [
            {
                "SchemaId": str(uuid5(NAMES, ",".join(f"{column.name}:{column.type}" for column in columns))),
                "CreationDate": iso_z(CREATED),
                "FocusVersion": VERSION,
                "DataGeneratorVersion": generator,
                "DatasetInstanceId": instance,
                "ColumnDefinition": [_definition(column) for column in columns],
            }
        ],
    }


def _definition(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {"ColumnName": column.name, "DataType": str(column.type)}
    if column.type is DataType.DECIMAL:
        told |= {"NumericPrecision": DECIMAL_DIGITS, "NumberScale": DECIMAL_PLACES}
    if column.type is DataType.STRING:
        told |= {"StringMaxLength": MOST_CHARACTERS, "StringEncoding": "UTF-8"}
    if column.until:
        told["Deprecated"] = True
    if column.name == "Tags":
        told["ProviderTagPrefixes"] = [TAG_PREFIX]
    return told
