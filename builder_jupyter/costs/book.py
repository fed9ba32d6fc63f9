"""The ledger's entries, made from the journal alone and in its order, so that making them again gives the same.

Every grant and purchase is a **lot** with the price that was paid for it. Usage draws the lots first in, first out;
what spans two of them becomes two entries. Source: spec focus §4.
"""

from __future__ import annotations

import json
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from builder_jupyter import ids
from builder_jupyter.costs.entry import MOVES, UNPOSTED, EntryKind, LedgerEntry
from builder_jupyter.money import ZERO

POSTED_KIND = "credits_posted"
"""The journal's kind of what is posted to a workspace by hand or as a grant; its subject is `subject_of`."""

BUDGET_KIND = "credits_budget"

RUN_KINDS: dict[str, EntryKind] = {
    "credits_held": EntryKind.HOLD,
    "credits_spent": EntryKind.USAGE,
    "credits_released": EntryKind.RELEASE,
}
"""The journal's kinds of what executions do."""

INSTALLATION = "installation"
"""The billing account: who runs the server pays."""


def subject_of(workspace: str) -> str:
    """Return the journal's subject of a workspace's own entries; no execution or plan has a slash in its id."""
    return f"credits/{workspace}"


class JournalRow(NamedTuple):
    """An entry of the journal with its position."""

    position: int
    subject: str
    seq: int
    at_ms: int
    kind: str
    body: str


@dataclass(order=True, slots=True)
class Lot:
    """Credits that came in together. Lots are drawn in the order of their positions in the journal."""

    position: int
    lot_id: str = field(compare=False)
    rate: Decimal = field(compare=False)
    left: Decimal = field(compare=False)


class Share(NamedTuple):
    """What of an amount comes from one lot; None where no lot had any left."""

    amount: Decimal
    lot: Lot | None


class WorkspaceBook:
    """The lots of a workspace and its posted balance."""

    def __init__(self, lots: Iterable[Lot] = (), posted: Decimal = ZERO) -> None:
        self.lots = sorted(lots)
        self.posted = posted

    def add(self, lot: Lot) -> None:
        """Put credits into a lot: a new one, or back into one that was there."""
        for known in self.lots:
            if known.position == lot.position:
                known.left += lot.left
                return
        insort(self.lots, lot)

    def draw(self, amount: Decimal, *, first: str | None = None) -> list[Share]:
        """Take an amount out of the lots, the oldest first, or one with an id before all others."""
        lots = sorted(self.lots, key=lambda lot: lot.lot_id != first) if first else self.lots
        shares = []
        for lot in lots:
            if amount <= 0:
                break
            part = min(amount, lot.left)
            lot.left -= part
            amount -= part
            shares.append(Share(part, lot))
        if amount > 0:
            shares.append(Share(amount, None))
        self.lots = [lot for lot in self.lots if lot.left > 0]
        return shares


class Book:
    """Turns rows of the journal into entries of the ledger. Give it every row about money, in order, once.

    Parameters
    ----------
    workspaces : what earlier entries have left, by workspace.
    account_of : the billing account of a workspace.
    """

    def __init__(
        self,
        workspaces: Mapping[str, WorkspaceBook] | None = None,
        account_of: Callable[[str], str] = lambda _workspace: INSTALLATION,
    ) -> None:
        self.workspaces = dict(workspaces or {})
        self._account_of = account_of

    def post(self, row: JournalRow) -> list[LedgerEntry]:
        """Return the entries of one row of the journal."""
        body = json.loads(row.body)
        if row.kind in RUN_KINDS:
            about = {**body.get("about", {}), "execution_id": row.subject}
            about |= {name: body[name] for name in ("step", "visit") if name in body}
            return self._entries(row, RUN_KINDS[row.kind], Decimal(body["amount"]), about)
        kind = EntryKind(body.pop("entry"))
        return self._entries(row, kind, Decimal(body.pop("credits")), body)

    def _entries(self, row: JournalRow, kind: EntryKind, amount: Decimal, about: dict[str, Any]) -> list[LedgerEntry]:
        """Return the entries of an amount, signed where it is an adjustment's."""
        workspace = about.pop("workspace")
        book = self.workspaces.setdefault(workspace, WorkspaceBook())
        source, target = MOVES[kind]
        is_out = kind in (EntryKind.USAGE, EntryKind.PURCHASE_REFUND) or amount < 0
        if amount < 0:
            source, target = target, source
        known = _facts(about)
        entries = []
        for part, share in enumerate(self._shares(book, row, kind, amount, known)):
            change = ZERO if kind in UNPOSTED else -share.amount if is_out else share.amount
            book.posted += change
            lot = share.lot
            facts = known if part == 0 else {**known, **{name: 0 for name in _MEASURED if known.get(name) is not None}}
            entries.append(
                LedgerEntry(
                    row.position, part, ids.ledger_entry_id(row.subject, row.seq, part), row.at_ms, kind, workspace,
                    self._account_of(workspace), source, target, share.amount, Decimal(change), Decimal(book.posted),
                    **{
                        **facts,
                        "lot_id": lot.lot_id if lot else None,
                        "lot_position": lot.position if lot else None,
                        "rate": lot.rate if lot else None,
                    },
                )
            )  # fmt: skip
        return entries

    def _shares(
        self, book: WorkspaceBook, row: JournalRow, kind: EntryKind, amount: Decimal, facts: dict[str, Any]
    ) -> list[Share]:
        if kind in UNPOSTED:
            return [Share(amount, None)]
        if kind is EntryKind.USAGE or amount < 0:
            return book.draw(abs(amount))
        if kind is EntryKind.PURCHASE_REFUND:
            return book.draw(amount, first=facts["lot_id"])
        rate = facts.get("rate") or ZERO
        if kind is EntryKind.REFUND and facts.get("lot_id"):
            lot = Lot(facts["lot_position"], facts["lot_id"], rate, amount)
        else:
            lot = Lot(row.position, ids.ledger_entry_id(row.subject, row.seq, 0), rate, amount)
        book.add(lot)
        return [Share(amount, lot)]


_DECIMALS = ("price", "rate", "quantity")
_MEASURED = ("quantity", "input_tokens", "output_tokens")


def _facts(about: dict[str, Any]) -> dict[str, Any]:
    """Return what a journal row says of an entry, in the types of its fields."""
    known = {name: Decimal(value) if name in _DECIMALS else value for name, value in about.items()}
    if isinstance(known.get("tags"), dict):
        known["tags"] = json.dumps(known["tags"], ensure_ascii=False) if known["tags"] else None
    return known


def sums(entries: Iterable[LedgerEntry]) -> Iterator[tuple[tuple[str, str], Decimal]]:
    """Yield what some entries leave in each account of each workspace. The sum over all of them is zero."""
    found: dict[tuple[str, str], Decimal] = {}
    for entry in entries:
        for account, change in ((entry.source, -entry.amount), (entry.target, entry.amount)):
            key = (entry.workspace, str(account))
            found[key] = found.get(key, Decimal(0)) + change
    yield from found.items()
