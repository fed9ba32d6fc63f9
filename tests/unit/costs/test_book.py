"""Lots are drawn first in, first out; what spans two is two entries; the same journal makes the same ledger."""

import json
from decimal import Decimal

from builder_jupyter.costs.book import Book, JournalRow, Lot, WorkspaceBook, subject_of, sums
from builder_jupyter.costs.entry import COLUMNS, EntryKind, LedgerEntry, entry_of

ABOUT = {"workspace": "w", "workflow_id": "wf_1", "workflow_version": 3, "workflow_name": "Wf", "trigger_type": "api"}


class Story:
    """A journal about money, told line by line."""

    def __init__(self):
        self.rows = []

    def _row(self, subject, kind, body):
        self.rows.append(JournalRow(len(self.rows) + 1, subject, len(self.rows) + 1, 1_000, kind, json.dumps(body)))
        return self

    def posted(self, entry, amount, **about):
        return self._row(
            subject_of("w"), "credits_posted", {"entry": entry, "workspace": "w", "credits": amount, **about}
        )

    def held(self, execution, amount):
        return self._row(execution, "credits_held", {"amount": amount, "about": ABOUT})

    def spent(self, execution, amount, step="a", **about):
        body = {"amount": amount, "step": step, "visit": 1, "about": {**ABOUT, "price": amount, **about}}
        return self._row(execution, "credits_spent", body)

    def released(self, execution, amount, outcome="error"):
        return self._row(execution, "credits_released", {"amount": amount, "about": {**ABOUT, "outcome": outcome}})

    def ledger(self):
        book = Book()
        return [entry for row in self.rows for entry in book.post(row)]


def drawn(entries):
    """What was drawn from which lot, by the position of the entry that made the lot."""
    return [(int(e.amount), e.lot_position, str(e.rate)) for e in entries if e.kind is EntryKind.USAGE]


def test_the_oldest_lot_is_drawn_first_and_a_step_across_two_lots_is_two_entries():
    story = Story().posted("grant", "5").posted("purchase", "10", rate="0.008").held("e1", "7")
    usage = {"node_type": "text-gen", "model": "m", "input_tokens": 3, "output_tokens": 4, "quantity": "7"}
    entries = story.spent("e1", "7", **usage).ledger()
    assert drawn(entries) == [(5, 1, "0"), (2, 2, "0.008")]
    first, second = entries[-2:]
    assert first.entry_id != second.entry_id
    assert (first.part, second.part) == (0, 1)
    assert (first.quantity, first.input_tokens, first.output_tokens) == (7, 3, 4)
    assert (second.quantity, second.input_tokens, second.output_tokens) == (0, 0, 0), "measured once"
    assert (first.price, second.price) == (7, 7)
    assert [int(e.balance_after) for e in entries] == [5, 15, 15, 10, 8], "a hold changes no posted balance"
    assert [int(e.credits) for e in entries] == [5, 10, 0, -5, -2]


def test_an_entry_says_whose_and_what_for():
    entries = Story().posted("grant", "5").held("e1", "1").spent("e1", "1", node_type="agent").ledger()
    usage = entries[-1]
    assert (usage.execution_id, usage.step, usage.visit, usage.node_type) == ("e1", "a", 1, "agent")
    assert (usage.workflow_id, usage.workflow_version, usage.workflow_name) == ("wf_1", 3, "Wf")
    assert (usage.workspace, usage.billing_account, usage.trigger_type) == ("w", "installation", "api")
    assert entry_of(usage.row()) == usage
    assert len(usage.row()) == len(COLUMNS)


def test_a_refund_goes_back_into_the_lot_it_came_from():
    story = Story().posted("purchase", "2", rate="0.01").posted("purchase", "2", rate="0.02").held("e1", "3")
    usage = next(e for e in story.spent("e1", "3").ledger() if e.kind is EntryKind.USAGE)
    about = {"undoes": usage.entry_id, "lot_id": usage.lot_id, "lot_position": 1, "rate": "0.01"}
    story.posted("refund", "2", **about).held("e2", "3").spent("e2", "3")
    entries = story.ledger()
    assert drawn(entries) == [(2, 1, "0.01"), (1, 2, "0.02"), (2, 1, "0.01"), (1, 2, "0.02")]
    assert entries[-1].balance_after == 0


def test_a_purchase_that_is_refunded_leaves_the_other_lots():
    story = Story().posted("grant", "4").posted("purchase", "10", rate="0.01")
    bought = story.ledger()[-1]
    story.posted("purchase_refund", "10", undoes=bought.entry_id, lot_id=bought.entry_id).held("e1", "4")
    entries = story.spent("e1", "4").ledger()
    refund = next(e for e in entries if e.kind is EntryKind.PURCHASE_REFUND)
    assert (refund.lot_id, refund.credits, refund.rate) == (bought.entry_id, -10, Decimal("0.01"))
    assert drawn(entries) == [(4, 1, "0")]


def test_an_adjustment_downwards_draws_like_usage():
    entries = Story().posted("grant", "1").posted("purchase", "3", rate="0.01").posted("adjustment", "-2").ledger()
    assert [(int(e.credits), e.lot_position) for e in entries[-2:]] == [(-1, 1), (-1, 2)]
    assert entries[-1].balance_after == 2


def test_the_accounts_sum_to_zero_and_a_run_leaves_nothing_held():
    story = Story().posted("grant", "50").held("e1", "22").spent("e1", "1").released("e1", "21").held("e2", "2")
    story.spent("e2", "2", "x").posted("adjustment", "-3").posted("purchase", "5", rate="1")
    accounts = {account: int(amount) for (_, account), amount in sums(story.ledger())}
    assert sum(accounts.values()) == 0
    assert accounts == {
        "available": 49, "held": 0, "spent": 3, "granted": -50, "sold": -5, "adjusted": 3,
    }  # fmt: skip


def test_going_on_from_what_was_left_gives_the_same_as_going_through_it_all():
    story = Story().posted("grant", "5").posted("purchase", "10", rate="0.008")
    for number in range(6):
        story.held(f"e{number}", "2").spent(f"e{number}", "2")
    whole = story.ledger()
    for cut in range(1, len(story.rows)):
        book = Book()
        before = [entry for row in story.rows[:cut] for entry in book.post(row)]
        left = book.workspaces["w"]
        lots = [Lot(lot.position, lot.lot_id, lot.rate, lot.left) for lot in left.lots]
        again = Book({"w": WorkspaceBook(reversed(lots), left.posted)})
        after: list[LedgerEntry] = [entry for row in story.rows[cut:] for entry in again.post(row)]
        assert before + after == whole
    assert len({entry.entry_id for entry in whole}) == len(whole)
