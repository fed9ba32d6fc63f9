"""How log records are written: with the ids of what they are about, as text or as one JSON object a line.

A record says which execution and step it is about with ``extra={"execution_id": …, "step_id": …}``. Only the names in
`FIELDS` are ever written: what else a caller attaches, inputs and prompts above all, stays out of the log.
"""

from __future__ import annotations

import json
import logging
from copy import copy
from datetime import UTC, datetime
from typing import Any

LOGGER = "builder_jupyter"
FIELDS = ("execution_id", "step_id")


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """Return the ids that a record carries, in the order of `FIELDS`."""
    found = {name: getattr(record, name, None) for name in FIELDS}
    return {name: str(value) for name, value in found.items() if value is not None}


class NamedFields:
    """Mixin, first base of a formatter: appends ``execution_id=… step_id=…`` to the message of records that have them.

    It works on a copy: other handlers of the same record see it as it was.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, its ids behind the message."""
        about = fields_of(record)
        if about:
            message = record.getMessage()
            record = copy(record)
            # Step ids come from workflows: quoted where they could be taken for something else.
            record.msg = " ".join([message, *(f"{name}={_quoted(value)}" for name, value in about.items())])
            record.args = None
        text: str = super().format(record)  # type: ignore[misc]
        return text


class FieldsFormatter(NamedFields, logging.Formatter):
    """The formatter of the command line."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (UTC), ``level``, ``logger``, ``message``, the ids, and ``exception`` if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object of a record."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _quoted(value: str) -> str:
    return value if value.replace("-", "").replace("_", "").isalnum() else json.dumps(value, ensure_ascii=False)
