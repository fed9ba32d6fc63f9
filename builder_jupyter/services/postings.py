"""What the owner of a server posts to ledgers: purchases, grants, adjustments and refunds. No key may do that."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation
from typing import Any

from builder_jupyter.costs.entry import EntryKind, LedgerEntry
from builder_jupyter.costs.focus.vendor import PRICE_PLACES
from builder_jupyter.costs.prices import MOST, is_amount
from builder_jupyter.errors import Conflict, InvalidInput, NotFound
from builder_jupyter.identity.principal import Principal
from builder_jupyter.money import ZERO, as_number
from builder_jupyter.services.credits import CreditService

KINDS = (EntryKind.PURCHASE, EntryKind.GRANT, EntryKind.ADJUSTMENT)
RATE = Decimal(1).scaleb(-PRICE_PLACES)
MAX_TEXT = 500


class PostingService:
    """Adds credits to workspaces and takes entries back. Whoever may call it decides (`rest.builder.credits`)."""

    def __init__(self, service: CreditService) -> None:
        self._credits = service
        self._turn = asyncio.Lock()  # what is left to be refunded is looked up, and then written

    async def add(
        self,
        principal: Principal,
        amount: Decimal | int,
        *,
        kind: str = EntryKind.PURCHASE,
        paid_usd: str | None = None,
        workspace: str | None = None,
        receipt: str | None = None,
        pack: str | None = None,
        note: str | None = None,
    ) -> dict[str, Any]:
        """Add credits to a workspace (the principal's own by default) and return its balance.

        Parameters
        ----------
        amount : how many credits; below zero for an adjustment downwards.
        kind : ``purchase``, ``grant`` or ``adjustment``.
        paid_usd : what a purchase cost, exact; its price per credit must have at most 6 decimal places.
        receipt : the id of the payment, which can be posted once.
        pack : the offer in the price list, e.g. ``pack-10000``.

        Raises
        ------
        InvalidInput : ``INVALID_CREDITS``, ``INVALID_PRICE``, ``UNKNOWN_ENTRY_KIND``, ``TEXT_TOO_LONG``.
        Conflict : ``RECEIPT_POSTED``.
        InsufficientCredits : an adjustment would take more than there is.
        """
        posted = _kind(kind)
        amount = _amount(amount, is_signed=posted is EntryKind.ADJUSTMENT)
        for text in (receipt, pack, note):
            if text is not None and len(text) > MAX_TEXT:
                raise InvalidInput(f"A text has at most {MAX_TEXT} characters.", code="TEXT_TOO_LONG")
        rate = _rate(amount, paid_usd, posted)
        where = workspace or principal.workspace
        async with self._turn:
            if receipt is not None and await (await self._credits.caught_up(where)).has_receipt(receipt):
                raise Conflict(f"The receipt {receipt!r} has been posted.", code="RECEIPT_POSTED")
            purse = self._credits.open_purse(where)
            if purse.available + purse.held + amount > 10_000 * MOST:
                raise InvalidInput("The balance would be more than the ledger can hold.", code="INVALID_CREDITS")
            if purse.lacks(-amount):
                raise purse.refusal(-amount, where)
            about = {"rate": rate, "receipt": receipt, "pack": pack, "note": note}
            await self._credits.post(principal, where, posted, amount, about)
        return {"workspaceId": where, "balance": as_number(purse.available), "added": as_number(amount)}

    async def refund(
        self, principal: Principal, entry_or_execution: str, *, workspace: str | None = None, note: str | None = None
    ) -> dict[str, Any]:
        """Take back what is left of a purchase, an entry of usage, or all usage of an execution; return the balance.

        Raises
        ------
        NotFound : ``LEDGER_ENTRY_NOT_FOUND``.
        Conflict : ``NOTHING_TO_REFUND``: it has been refunded, or a purchase is used up.
        """
        where = workspace or principal.workspace
        async with self._turn:
            store = await self._credits.caught_up(where)
            bought = await store.purchase(where, entry_or_execution)
            used = [] if bought else await store.usages(where, entry_or_execution)
            if bought is None and not used:
                raise NotFound("There is no such purchase, usage or execution.", code="LEDGER_ENTRY_NOT_FOUND")
            purse = self._credits.open_purse(where)
            if bought is not None:
                entry, left = bought
                changes = [(EntryKind.PURCHASE_REFUND, min(left, purse.available), _undoing_purchase(entry))]
            else:
                changes = [(EntryKind.REFUND, entry.amount - back, _undoing_usage(entry)) for entry, back in used]
            changes = [change for change in changes if change[1] > 0]
            if not changes:
                raise Conflict("There is nothing left to refund.", code="NOTHING_TO_REFUND")
            posts = [
                self._credits.post(principal, where, kind, amount, {**about, "note": note})
                for kind, amount, about in changes
            ]
            await asyncio.gather(*posts)
        refunded = sum((amount for _, amount, _ in changes), ZERO)
        return {"workspaceId": where, "balance": as_number(purse.available), "refunded": as_number(refunded)}


def _kind(kind: str) -> EntryKind:
    if kind not in KINDS:
        raise InvalidInput(f"{kind!r} cannot be posted.", code="UNKNOWN_ENTRY_KIND", hint=f"Known: {', '.join(KINDS)}.")
    return EntryKind(kind)


def _amount(given: Decimal | int, *, is_signed: bool) -> Decimal:
    amount = Decimal(given)
    if not is_amount(amount) or not amount or (amount < 0 and not is_signed):
        raise InvalidInput(
            "This is no number of credits that can be added.",
            code="INVALID_CREDITS",
            hint="Write one above 0 with at most 4 decimal places; an adjustment may be below 0.",
        )
    return amount


def _rate(amount: Decimal, paid_usd: str | None, kind: EntryKind) -> str | None:
    """Return the price of one credit. It must be exact: what was paid is made from it again."""
    if kind is not EntryKind.PURCHASE:
        if paid_usd is not None:
            raise InvalidInput("Only a purchase is paid for.", code="INVALID_PRICE")
        return None
    try:
        paid = Decimal("NaN") if paid_usd is None else Decimal(paid_usd)
    except InvalidOperation:
        paid = Decimal("NaN")
    if not is_amount(paid) or paid < 0:
        raise InvalidInput("A purchase needs what was paid, in USD.", code="INVALID_PRICE")
    rate = (paid / amount).quantize(RATE)
    if rate * amount != paid:
        raise InvalidInput(
            f"{paid} USD for {amount} credits is no price per credit that can be written exactly.",
            code="INVALID_PRICE",
            hint=f"Its price per credit must have at most {PRICE_PLACES} decimal places.",
        )
    return str(rate)


def _undoing_purchase(entry: LedgerEntry) -> dict[str, Any]:
    return {
        "undoes": entry.entry_id, "lot_id": entry.entry_id, "lot_position": entry.position, "rate": str(entry.rate),
        "receipt": None, "pack": entry.pack,
    }  # fmt: skip


_KEPT = (
    "execution_id", "workflow_id", "workflow_version", "workflow_name", "trigger_type", "step", "visit", "node_type",
    "price_version", "model", "lot_id", "lot_position", "tags",
)  # fmt: skip


def _undoing_usage(entry: LedgerEntry) -> dict[str, Any]:
    """Return what a refund says: all that the usage said, and whose it is; measured is what it takes back."""
    kept: dict[str, Any] = {name: getattr(entry, name) for name in _KEPT}
    measured = {"input_tokens": entry.input_tokens, "output_tokens": entry.output_tokens, "unit": entry.unit}
    texts = {name: None if value is None else str(value) for name, value in (
        ("price", entry.price), ("rate", entry.rate), ("quantity", entry.quantity),
    )}  # fmt: skip
    return {**kept, **measured, **texts, "undoes": entry.entry_id}
