"""What workspaces may spend: balances, grants, purchases, refunds and budgets.

The balance is in memory and exact; a run is let in or refused without anything being awaited, so that runs that begin
side by side cannot overdraw it. Where it comes from is the journal, which `LedgerKeeper` turns into the ledger. How
money moves: docs/credits.md. Source: spec builder-studio §9, design §9.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from builder_jupyter.clock import Clock, SteadyTime, epoch_ms, iso_z
from builder_jupyter.costs.book import BUDGET_KIND, POSTED_KIND, subject_of
from builder_jupyter.costs.entry import EntryKind, LedgerEntry
from builder_jupyter.costs.prices import is_amount
from builder_jupyter.costs.purse import Purse, month_of, month_start
from builder_jupyter.errors import InvalidInput
from builder_jupyter.execution.events import CreditsHeld, CreditsMoved, CreditsSpent
from builder_jupyter.execution.ports import Entry
from builder_jupyter.identity.principal import DEFAULT_WORKSPACE, Principal
from builder_jupyter.money import ZERO, as_number
from builder_jupyter.services.ledger import LedgerKeeper
from builder_jupyter.storage.journal import DuckDBJournal
from builder_jupyter.storage.ledger import LedgerStore

STARTING_GRANT = 2_000
"""Credits that a new owner's first workspace begins with. Source: spec builder-studio §9.2."""

MAX_TRANSACTIONS = 200
SUMMARY_TRANSACTIONS = 10
PAGE_ENTRIES = 5_000


class CreditService:
    """The credits of all workspaces. It is the engine's `execution.ports.Ledger`, too.

    Parameters
    ----------
    grant : what the owner's first workspace begins with.
    unlimited : nobody is refused for want of credits: what is missing is granted when it is needed.
    """

    def __init__(
        self, journal: DuckDBJournal, store: LedgerStore, clock: Clock, *, grant: Decimal, unlimited: bool
    ) -> None:
        self._journal = journal
        self._store = store
        self._keeper = LedgerKeeper(store)
        self._clock = clock
        self._now = SteadyTime(clock).now_ms
        self._grant = grant
        self.is_unlimited = unlimited
        self._purses: dict[str, Purse] = {}
        self._written: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Read the balances. Call once, when the journal is open and before the first run goes on."""
        await self._keeper.catch_up()
        self._purses = await self._store.purses(month_start(month_of(self._now())))

    async def stop(self) -> None:
        """Make no more entries of the ledger."""
        await self._keeper.stop()

    # -- what the engine asks ------------------------------------------------------------------------------------

    def check(self, workspace: str, amount: Decimal) -> None:
        """Let an amount pass that can be held. Raises as `execution.ports.Ledger.check`."""
        purse = self._purse(workspace)
        purse.check_budget(amount, self._now())
        missing = purse.lacks(amount)
        if missing and not self.is_unlimited:
            raise purse.refusal(amount, workspace)
        if missing:
            granted = max(missing, self._grant)
            self._post(workspace, EntryKind.GRANT, granted, {"note": "Granted as needed"})

    def moved(self, workspace: str, move: CreditsMoved, at_ms: int) -> None:
        """Take note of what was recorded of an execution."""
        if getattr(move, "about", None) is None:
            return
        purse, amount = self._purse(workspace), Decimal(move.amount)
        match move:
            case CreditsHeld():
                purse.hold(amount)
            case CreditsSpent():
                purse.spend(amount, at_ms)
            case _:
                purse.release(amount)
        purse.updated_at = at_ms
        self._keeper.wake()

    def purse(self, workspace: str) -> Purse:
        """Return a copy of what is known of a workspace's balance now."""
        return self._purse(workspace).copy()

    def _purse(self, workspace: str) -> Purse:
        """Return the purse of a workspace; at its first use the owner's own gets the grant."""
        purse = self._purses.get(workspace)
        if purse is None:
            purse = self._purses[workspace] = Purse(updated_at=self._now())
        if workspace == DEFAULT_WORKSPACE and not purse.seq and self._grant:
            self._post(workspace, EntryKind.GRANT, self._grant, {"note": "Starting grant"})
        return purse

    def _post(self, workspace: str, kind: EntryKind, amount: Decimal, about: Mapping[str, Any]) -> asyncio.Future[None]:
        """Post a workspace's own entry; the future is done when it is on disk."""
        body = {"entry": str(kind), "workspace": workspace, "credits": str(amount), **about}
        written = self._write(workspace, POSTED_KIND, body)
        purse = self._purses[workspace]
        purse.available += -amount if kind is EntryKind.PURCHASE_REFUND else amount
        return written

    def _write(self, workspace: str, kind: str, body: Mapping[str, Any]) -> asyncio.Future[None]:
        purse = self._purses[workspace]
        purse.seq += 1
        purse.updated_at = self._now()
        entry = Entry(subject_of(workspace), purse.seq, purse.updated_at, kind, json.dumps(body))
        written = self._journal.append([entry])
        written.add_done_callback(partial(_look, self._keeper))
        self._written = written
        return written

    async def _settled(self, workspace: str) -> Purse:
        """Return a purse when all that was posted is on disk. Raises `Unavailable` when it never will be."""
        purse = self._purse(workspace)
        if self._written is not None:
            await asyncio.shield(self._written)
        return purse

    # -- what people ask -----------------------------------------------------------------------------------------

    async def balance(self, principal: Principal) -> dict[str, Any]:
        """Return ``{workspaceId, balance, updatedAt}``: what can still be spent, runs under way already deducted."""
        purse = await self._settled(principal.workspace)
        return {
            "workspaceId": principal.workspace,
            "balance": as_number(purse.available),
            "updatedAt": purse.updated_at,
        }

    async def transactions(self, principal: Principal, limit: int = 50) -> list[dict[str, Any]]:
        """Return the workspace's newest transactions, newest first; the amounts of all add up to the balance.

        An execution has one deduction, which shrinks to what it used when it completes, and at most one refund: what it
        did not use when it ended otherwise, and what was given back later. ``breakdown`` says what it did.

        Raises
        ------
        InvalidInput : ``INVALID_LIMIT``.
        """
        if not 1 <= limit <= MAX_TRANSACTIONS:
            raise InvalidInput(f"A limit lies between 1 and {MAX_TRANSACTIONS}.", code="INVALID_LIMIT")
        await self._settled(principal.workspace)
        await self._keeper.catch_up()
        found = await self._store.transactions(principal.workspace, limit)
        return [_transaction(one, principal.workspace) for one in found]

    async def summary(self, principal: Principal) -> dict[str, Any]:
        """Return ``{workspaceId, balance, transactions}`` with the ten newest."""
        newest = await self.transactions(principal, SUMMARY_TRANSACTIONS)
        known = await self.balance(principal)
        return {"workspaceId": principal.workspace, "balance": known["balance"], "transactions": newest}

    async def ledger(
        self, principal: Principal, start: datetime, end: datetime
    ) -> AsyncGenerator[list[LedgerEntry], None]:
        """Yield the entries of the principal's workspace posted in ``[start, end)``, in posting order, page by page.

        Holds and releases are promises and not among them: the credits of all entries add up to the posted balance.
        """
        await self._settled(principal.workspace)
        await self._keeper.catch_up()
        after = (0, -1)
        window = epoch_ms(start), epoch_ms(end)
        while page := await self._store.page(principal.workspace, *window, after, PAGE_ENTRIES):
            after = (page[-1].position, page[-1].part)
            yield page

    # -- budgets -------------------------------------------------------------------------------------------------

    async def budget(self, principal: Principal) -> dict[str, Any]:
        """Return what may be spent in this calendar month (UTC), what was, and when the next one begins.

        ``{workspaceId, creditsPerMonth, used, held, left, month, resetsAt}``; the limit and what is left of it are None
        where there is none. What runs hold counts as used up.
        """
        purse = await self._settled(principal.workspace)
        purse.turn(self._now())
        left = None if purse.budget is None else max(ZERO, purse.budget - purse.used - purse.held)
        return {
            "workspaceId": principal.workspace,
            "creditsPerMonth": None if purse.budget is None else as_number(purse.budget),
            "used": as_number(purse.used),
            "held": as_number(purse.held),
            "left": None if left is None else as_number(left),
            "month": purse.month,
            "resetsAt": iso_z(month_start(purse.month, later=1)),
        }

    async def set_budget(self, principal: Principal, credits_per_month: Decimal | int | None) -> dict[str, Any]:
        """Limit what the workspace may spend in a calendar month, or no longer; return as `budget`.

        Raises `InvalidInput` (``INVALID_CREDITS``).
        """
        limit = None if credits_per_month is None else Decimal(credits_per_month)
        if limit is not None and (not is_amount(limit) or limit < 0):
            raise InvalidInput("A budget is 0 or more credits, with at most 4 decimal places.", code="INVALID_CREDITS")
        purse = self._purse(principal.workspace)
        body = {"workspace": principal.workspace, "limit": None if limit is None else str(limit), "by": principal.name}
        purse.budget = limit
        self._write(principal.workspace, BUDGET_KIND, body)
        return await self.budget(principal)

    # -- what postings need --------------------------------------------------------------------------------------

    def open_purse(self, workspace: str) -> Purse:
        """Return the purse of a workspace as it is, to be looked at before something is posted to it."""
        return self._purse(workspace)

    def post(
        self, principal: Principal, workspace: str, kind: EntryKind, amount: Decimal, about: Mapping[str, Any]
    ) -> asyncio.Future[None]:
        """Post an entry that somebody decided. It counts at once; the future is done when it is on disk."""
        facts = {name: value for name, value in about.items() if value is not None}
        return self._post(workspace, kind, amount, {**facts, "created_by": principal.name})

    async def caught_up(self, workspace: str) -> LedgerStore:
        """Return the ledger with everything in it that a workspace was told of."""
        await self._settled(workspace)
        await self._keeper.catch_up()
        return self._store


def _look(keeper: LedgerKeeper, written: asyncio.Future[None]) -> None:
    """Let the ledger follow; a store that has failed is the business of whoever waits for it."""
    if not written.cancelled() and written.exception() is None:
        keeper.wake()


def _transaction(found: Mapping[str, Any], workspace: str) -> dict[str, Any]:
    """Return a transaction as clients read it. Source: spec builder-studio §9.3."""
    wire: dict[str, Any] = {
        "id": found["id"],
        "workspaceId": workspace,
        "kind": found["kind"],
        "amount": as_number(found["amount"]),
        "balanceAfter": as_number(found["balance"]),
        "createdAt": found["at"],
        "note": found["note"],
    }
    more = {
        "executionId": found["execution_id"],
        "canvasId": found["workflow_id"],
        "triggerType": found["trigger_type"],
        "refundOf": found["undoes"],
        "usdAmount": float(found["usd"]) if found["kind"] in ("purchase", "purchase_refund") else None,
        "breakdown": {
            action: {"count": count, "credits": as_number(cost)} for action, (count, cost) in found["actions"].items()
        }
        or None,
    }
    return wire | {name: value for name, value in more.items() if value is not None}
