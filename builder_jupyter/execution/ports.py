"""What the engine needs of a store, as protocols. `storage` fulfils them; `storage.conformance` tests that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from builder_jupyter.execution.events import CreditsMoved


class Entry(NamedTuple):
    """One row of the journal. ``subject`` is an execution id, or a plan id for ``kind="plan"``; body is JSON text."""

    subject: str
    seq: int
    at: int
    kind: str
    body: str


class Journal(Protocol):
    """An append-only log. Entries appended together become durable together or not at all."""

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        """Queue entries and return a future that is done when they are on disk.

        Futures are done in the order of the calls. The future raises `Unavailable` when the store has failed; from
        then on every call does.
        """
        ...

    async def room(self) -> None:
        """Wait while too much is queued. Producers call this between steps (back-pressure)."""
        ...

    async def read(self, subject: str, *, after: int = 0) -> list[Entry]:
        """Return the durable entries of a subject with ``seq > after``, in order; [] for an unknown one."""
        ...

    async def unfinished(self) -> list[str]:
        """Return the ids of executions that were admitted and have no terminal status, oldest first."""
        ...


class Ledger(Protocol):
    """Who says whether a workspace can pay. Both methods are called on the engine's loop and await nothing."""

    def check(self, workspace: str, amount: Decimal) -> None:
        """Let an amount pass that can be held. Whoever asks holds it before anything else can happen.

        Raises
        ------
        InsufficientCredits : the balance is short.
        BudgetExceeded : this month's budget is.
        """
        ...

    def moved(self, workspace: str, move: CreditsMoved, at_ms: int) -> None:
        """Take note of what was recorded."""
        ...


class NoLedger:
    """A `Ledger` that lets everything pass, for engines without one."""

    def check(self, workspace: str, amount: Decimal) -> None:
        """Do nothing."""

    def moved(self, workspace: str, move: CreditsMoved, at_ms: int) -> None:
        """Do nothing."""
