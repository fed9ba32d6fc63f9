"""Charges of a workspace in FOCUS: the export, and the metadata that goes with it.

Source: seed "REST API"; spec builder-studio §10; `docs/focus.md`.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from builder_jupyter.clock import Clock, epoch_ms
from builder_jupyter.costs.focus.columns import VERSION
from builder_jupyter.costs.focus.metadata import by_month, metadata, sectors
from builder_jupyter.costs.focus.vendor import Vendor
from builder_jupyter.errors import Forbidden, InvalidInput
from builder_jupyter.identity.principal import CredentialKind, Principal
from builder_jupyter.services.credits import CreditService
from builder_jupyter.services.executions import ExecutionService
from builder_jupyter.storage.focus.export import FocusStore, Format, Wanted, columns_for

LONGEST = timedelta(days=365)
FIRST_YEAR, LAST_YEAR = 1970, 9997
"""A window lies between them: of what is outside, the months before and after cannot always be told."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
PIECE_BYTES = 1 << 20

MEDIA_TYPES = {
    Format.JSON_LINES: "application/jsonl",
    Format.CSV: "text/csv",
    Format.PARQUET: "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class Window:
    """Posting times from ``start``, and before ``end``."""

    start: datetime
    end: datetime


def window(start: str, end: str) -> Window:
    """Return a window: each end a day, ``2026-01-31`` (its first moment, UTC), or an ISO 8601 time with its offset.

    Raises
    ------
    InvalidInput : ``INVALID_WINDOW``: no such day or time, an end that does not come after the start, over 365 days.
    """
    first, last = _moment("from", start), _moment("to", end)
    if first >= last:
        raise InvalidInput("'to' must come after 'from'.", code="INVALID_WINDOW")
    if last - first > LONGEST:
        raise InvalidInput(f"A window has at most {LONGEST.days} days.", code="INVALID_WINDOW", hint="Ask in parts.")
    return Window(first, last)


def _moment(name: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is not None and _DAY.fullmatch(text):
        found = found.replace(tzinfo=UTC)
    if found is None or found.tzinfo is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise InvalidInput(
            f"'{name}' is no time: {text!r}.", code="INVALID_WINDOW", hint="Write 2026-01-31 or 2026-01-31T12:00:00Z."
        )
    return found.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Export:
    """A file on its way out."""

    name: str
    media_type: str
    content: AsyncGenerator[bytes, None]


class BillingService:
    """What workspaces can take away of their billing data. ``secret`` tells this installation from others."""

    def __init__(
        self, credits_: CreditService, executions: ExecutionService, store: FocusStore, vendor: Vendor, clock: Clock
    ) -> None:
        self._credits = credits_
        self._executions = executions
        self._store = store
        self._vendor = vendor
        self._clock = clock
        self.installation = ""

    def identify(self, secret: bytes) -> None:
        """Take an id of this installation from its secret; the one does not tell the other."""
        self.installation = hashlib.sha256(b"installation" + secret).hexdigest()[:32]

    async def export(
        self,
        principal: Principal,
        start: str,
        end: str,
        *,
        workspace: str | None = None,
        fmt: str = Format.JSON_LINES,
        focus_version: str | None = None,
        columns: Sequence[str] = (),
        safe: bool = False,
    ) -> Export:
        """Return the charges that were posted in a window as a file; what is posted meanwhile is not in it.

        Parameters
        ----------
        start, end : see `window`.
        workspace : whose; keys and tokens know it by themselves, a signed-in session must say it.
        fmt : ``jsonl``, ``csv`` or ``parquet``.
        focus_version : ``1.3``, ``1.2``, or ``1.4``, which demands that ``columns`` are chosen.
        safe : keep spreadsheets from taking texts for formulas; it changes the data.

        Raises
        ------
        InvalidInput : ``INVALID_WINDOW``, ``INVALID_FORMAT``, ``INVALID_VERSION``, ``UNKNOWN_COLUMN``,
            ``CHOOSE_COLUMNS``, ``MISSING_WORKSPACE``.
        Forbidden : ``WORKSPACE``: another workspace than the credential's.
        """
        whose = _workspace(principal, workspace)
        span = window(start, end)
        if fmt not in set(Format):
            raise InvalidInput(f"There is no format {fmt!r}.", code="INVALID_FORMAT", hint="Use jsonl, csv or parquet.")
        if focus_version == "1.4" and not columns:
            raise InvalidInput("FOCUS 1.4 asks you to choose columns.", code="CHOOSE_COLUMNS", hint="columns=…,…")
        chosen = columns_for(focus_version or VERSION, columns)
        await self._credits.caught_up(whose)
        wanted = Wanted(whose, epoch_ms(span.start), epoch_ms(span.end), chosen, safe)
        written = Format(fmt)
        content = self._parquet(wanted) if written is Format.PARQUET else self._store.lines(wanted, written)
        return Export(f"focus-export.{written}", MEDIA_TYPES[written], content)

    async def _parquet(self, wanted: Wanted) -> AsyncGenerator[bytes, None]:
        with tempfile.TemporaryDirectory(prefix="builder-") as folder:
            place = Path(folder) / "focus.parquet"
            await self._store.write_parquet(wanted, place)
            with place.open("rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece

    async def metadata(
        self, principal: Principal, start: str, end: str, *, workspace: str | None = None
    ) -> dict[str, Any]:
        """Return the metadata of a window's export. Raises as `export`."""
        whose = _workspace(principal, workspace)
        span = window(start, end)
        await self._credits.caught_up(whose)
        open_since = self._executions.open_since(whose)
        posted = await self._store.last_posted(
            whose, epoch_ms(span.start), epoch_ms(span.end), by_month=by_month(span.start, span.end)
        )
        now = self._clock.now()
        return metadata(
            self._vendor,
            generator=version("builder_jupyter"),
            installation=self.installation,
            workspace=whose,
            columns=columns_for(),
            parts=sectors(span.start, span.end, posted, now=now, open_since=open_since),
            now=now,
        )


def _workspace(principal: Principal, asked: str | None) -> str:
    """Return whose charges are meant. Source: spec builder-studio §10.2."""
    if asked is None and principal.credential is CredentialKind.JUPYTER:
        raise InvalidInput(
            "Say which workspace.", code="MISSING_WORKSPACE", hint=f"Add workspaceId={principal.workspace}."
        )
    if asked not in (None, principal.workspace):
        raise Forbidden("This credential belongs to another workspace.", code="WORKSPACE")
    return principal.workspace
