"""One entry of the ledger, and between which accounts each kind of entry moves credits.

Every entry takes its amount from one account and puts it into another, so the accounts of a workspace always sum to
zero. Source: design §9; spec focus §4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any


class Account(StrEnum):
    """Where credits are: to be spent, promised to a run, gone; or outside, where they come from and go back to."""

    AVAILABLE = "available"
    HELD = "held"
    SPENT = "spent"
    GRANTED = "granted"
    SOLD = "sold"
    ADJUSTED = "adjusted"


class EntryKind(StrEnum):
    """What an entry is about. Holds and releases change what can be spent; all others change the posted balance."""

    HOLD = "hold"
    RELEASE = "release"
    USAGE = "usage"
    REFUND = "refund"
    GRANT = "grant"
    PURCHASE = "purchase"
    PURCHASE_REFUND = "purchase_refund"
    ADJUSTMENT = "adjustment"


MOVES: dict[EntryKind, tuple[Account, Account]] = {
    EntryKind.HOLD: (Account.AVAILABLE, Account.HELD),
    EntryKind.RELEASE: (Account.HELD, Account.AVAILABLE),
    EntryKind.USAGE: (Account.HELD, Account.SPENT),
    EntryKind.REFUND: (Account.SPENT, Account.AVAILABLE),
    EntryKind.GRANT: (Account.GRANTED, Account.AVAILABLE),
    EntryKind.PURCHASE: (Account.SOLD, Account.AVAILABLE),
    EntryKind.PURCHASE_REFUND: (Account.AVAILABLE, Account.SOLD),
    EntryKind.ADJUSTMENT: (Account.ADJUSTED, Account.AVAILABLE),
}
"""From which account to which each kind moves its amount; an adjustment downwards goes the other way."""

UNPOSTED = frozenset({EntryKind.HOLD, EntryKind.RELEASE})
"""Kinds that are promises: they are no part of the posted balance and never of an export."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry, a row of the table ``ledger``; its fields are the table's columns, in order.

    Parameters
    ----------
    position, part : where in the journal it comes from, and the how-manieth entry from there it is: the posting order.
    posted_at : epoch milliseconds, UTC.
    source, target, amount : what is moved; above zero.
    credits : the signed change of the posted balance, 0 for holds and releases; ``balance_after`` is the sum so far.
    price : what the action costs, of which ``credits`` is this lot's share.
    quantity, unit : what was measured; with the first entry where a step's credits span several lots, else 0.
    lot_id, lot_position, rate : the lot that was drawn from, or made, and its paid price in USD per credit.
    undoes : the id of the entry that this one takes back.
    outcome : of a release: how the execution ended.
    tags : those of the workflow, a JSON object; see `costs.tags`.
    """

    position: int
    part: int
    entry_id: str
    posted_at: int
    kind: EntryKind
    workspace: str
    billing_account: str
    source: Account
    target: Account
    amount: Decimal
    credits: Decimal
    balance_after: Decimal
    execution_id: str | None = None
    workflow_id: str | None = None
    workflow_version: int | None = None
    workflow_name: str | None = None
    trigger_type: str | None = None
    step: str | None = None
    visit: int | None = None
    node_type: str | None = None
    price: Decimal | None = None
    price_version: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    lot_id: str | None = None
    lot_position: int | None = None
    rate: Decimal | None = None
    undoes: str | None = None
    outcome: str | None = None
    receipt: str | None = None
    pack: str | None = None
    note: str | None = None
    created_by: str | None = None
    tags: str | None = None

    def row(self) -> tuple[Any, ...]:
        """Return the values in the order of the table's columns."""
        return _values(self)


COLUMNS = tuple(field.name for field in fields(LedgerEntry))
_values: Callable[[LedgerEntry], tuple[Any, ...]] = attrgetter(*COLUMNS)


def entry_of(row: tuple[Any, ...]) -> LedgerEntry:
    """Return the entry that a row of the table holds."""
    facts = dict(zip(COLUMNS, row, strict=True))
    facts["kind"], facts["source"] = EntryKind(facts["kind"]), Account(facts["source"])
    facts["target"] = Account(facts["target"])
    return LedgerEntry(**facts)
