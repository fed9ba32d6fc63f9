"""Whatever a ledger holds, its export says it: no more, no less, and exact to the last digit.

Ledgers are made by the real `Book` and lie in a real table. What each column must say is written here a second time, in
plain Python after the table in docs/focus.md, and compared with what the database makes, cell by cell.
``BUILDER_FOCUS_LEDGERS=10000`` makes so many.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from builder_jupyter.clock import epoch_ms
from builder_jupyter.costs.book import POSTED_KIND, Book, JournalRow, subject_of
from builder_jupyter.costs.entry import EntryKind, LedgerEntry
from builder_jupyter.costs.focus.check import STAND_INS, check, read_json
from builder_jupyter.costs.focus.columns import DataType, columns_of
from builder_jupyter.costs.focus.vendor import Vendor
from builder_jupyter.storage.database import Database
from builder_jupyter.storage.focus import export as exporting
from builder_jupyter.storage.focus.export import FocusStore, Format, Wanted

LEDGERS = int(os.environ.get("BUILDER_FOCUS_LEDGERS", "60"))
SOME = max(10, LEDGERS // 100)
VENDOR = Vendor("Maker, Inc.", Decimal("0.012345"), "EUR", "CRD", 'The "account"')
BEGIN = datetime(2025, 12, 30, 22, 59, 58, tzinfo=UTC)
WORKSPACE = "w"
COLUMNS = columns_of()
TYPES = {column.name: column.type for column in COLUMNS}
EXPORTED = set(EntryKind) - {EntryKind.HOLD, EntryKind.RELEASE}
TEXT = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\x00"), max_size=9),
    st.sampled_from(
        [
            'a "b", c',
            "two\nlines\r\n",
            "=1+1",
            " ",
            "\u3000",
            "\xa0n ",
            "NULL",
            "None",
            "ünï",
            "'; --",
            "\\",
            "{}",
            "w1",
        ]
    ),
)
Row = dict[str, Any]


@dataclass
class Shop:
    """Makes the journal of a workspace, as services do, and the ledger from it. ``paid`` is money in less money out."""

    book: Book = field(default_factory=Book)
    entries: list[LedgerEntry] = field(default_factory=list)
    at: datetime = BEGIN
    position: int = 0
    paid: Decimal = Decimal(0)
    undone: set[str] = field(default_factory=set)

    @property
    def balance(self) -> Decimal:
        known = self.book.workspaces.get(WORKSPACE)
        return known.posted if known else Decimal(0)

    def journal(self, subject: str, kind: str, body: dict[str, Any]) -> None:
        self.position += 1
        row = JournalRow(self.position, subject, self.position, epoch_ms(self.at), kind, json.dumps(body))
        self.entries += self.book.post(row)

    def post(self, kind: EntryKind, amount: Decimal, **about: Any) -> None:
        body = {"entry": kind, "workspace": WORKSPACE, "credits": str(amount), **about}
        self.journal(subject_of(WORKSPACE), POSTED_KIND, body)

    def buy(self, amount: Decimal, rate: Decimal, text: str | None) -> None:
        self.post(EntryKind.PURCHASE, amount, rate=str(rate), receipt=text, pack=text, note=text)
        self.paid += amount * rate

    def use(self, amount: Decimal, number: int, text: str | None) -> None:
        """One step of a run: which node, model and measure comes from the number."""
        amount = min(amount, self.balance)
        if amount <= 0:
            return
        execution = f"exec_{number % 5}"
        about = {
            "workspace": WORKSPACE, "workflow_id": f"w{number % 3}", "workflow_version": 1, "workflow_name": text,
            "trigger_type": ("manual", "api", 'a "trigger"')[number % 3], "price": str(amount), "price_version": "v1",
            "node_type": ("agent", "text-gen", "my-own", "tool")[number % 4],
            "model": (None, "gpt", "openai:gpt", "meta/llama")[number // 4 % 4],
        }  # fmt: skip
        held = {
            name: value for name, value in about.items() if name not in {"node_type", "price", "price_version", "model"}
        }
        self.journal(execution, "credits_held", {"amount": str(amount + 1), "about": held})
        spent: dict[str, Any] = {**about}
        if number % 5 == 0:
            spent["tags"] = {"team": text or True, 'a "key", ü': True}
        if number % 2:
            spent |= {"input_tokens": number, "output_tokens": 3, "quantity": str(number + 3), "unit": "Tokens"}
        step = {"step": f"step-{number % 7}", "visit": 1}
        self.journal(execution, "credits_spent", {"amount": str(amount), "about": spent, **step})
        self.journal(execution, "credits_released", {"amount": "1", "about": held})

    def undo(self, number: int, text: str | None) -> None:
        """Refund an entry of usage, with all that the service says of it."""
        used = [one for one in self.entries if one.kind is EntryKind.USAGE and one.entry_id not in self.undone]
        if not used:
            return
        one = used[number % len(used)]
        self.undone.add(one.entry_id)
        kept = {
            name: getattr(one, name)
            for name in (
                "execution_id", "workflow_id", "workflow_version", "workflow_name", "trigger_type", "step", "visit",
                "node_type", "price_version", "model", "lot_id", "lot_position", "input_tokens", "output_tokens",
                "unit", "tags",
            )
        }  # fmt: skip
        exact = {name: getattr(one, name) for name in ("price", "rate", "quantity")}
        texts = {name: None if value is None else str(value) for name, value in exact.items()}
        given = {name: value for name, value in (kept | texts).items() if value is not None}
        self.post(EntryKind.REFUND, one.amount, undoes=one.entry_id, note=text, **given)

    def give_back(self, number: int, text: str | None) -> None:
        """Refund what is left of a purchase."""
        bought = [one for one in self.entries if one.kind is EntryKind.PURCHASE]
        if not bought:
            return
        one = bought[number % len(bought)]
        left = next((lot.left for lot in self.book.workspaces[WORKSPACE].lots if lot.lot_id == one.entry_id), 0)
        if left:
            about = {"lot_id": one.entry_id, "lot_position": one.position, "rate": str(one.rate)}
            self.post(EntryKind.PURCHASE_REFUND, left, undoes=one.entry_id, pack=one.pack, note=text, **about)
            self.paid -= left * (one.rate or 0)

    def adjust(self, amount: Decimal, number: int, text: str | None) -> None:
        change = amount if number % 2 else -min(amount, self.balance)
        if change:
            self.post(EntryKind.ADJUSTMENT, change, note=text)


AMOUNTS = st.one_of(st.integers(1, 400_000), st.integers(1, 10**13)).map(lambda n: Decimal(n).scaleb(-4))
RATES = st.one_of(st.just(0), st.integers(1, 20_000), st.integers(1, 10**9)).map(lambda n: Decimal(n).scaleb(-6))
GAPS = st.one_of(st.integers(0, 5), st.integers(0, 40 * 86_400)).map(lambda seconds: timedelta(seconds=seconds))
KINDS = ("grant", "buy", "use", "use", "use", "use", "undo", "undo", "give back", "adjust")
STEPS = st.tuples(st.sampled_from(KINDS), AMOUNTS, RATES, st.integers(0, 999), TEXT, GAPS)


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    shop = Shop()
    for kind, amount, rate, number, text, gap in draw(st.lists(STEPS, max_size=14)):
        match kind:
            case "grant":
                shop.post(EntryKind.GRANT, amount, note=text)
            case "buy":
                shop.buy(amount, rate, text)
            case "use":
                shop.use(amount, number, text)
            case "undo":
                shop.undo(number, text)
            case "give back":
                shop.give_back(number, text)
            case _:
                shop.adjust(amount, number, text)
        shop.at += gap
    return shop


# -- the table of docs/focus.md in Python -----------------------------------------------------------------------------

SOLD = {
    "agent": ("agent", "Agents", "AI and Machine Learning", "Generative AI"),
    "text-gen": ("text-generation", "Text Generation", "AI and Machine Learning", "Generative AI"),
}


SPACES = "".join(character for character in map(chr, range(0x3001)) if unicodedata.category(character) == "Zs")


def said(text: str | None) -> str | None:
    """A text, unless it is blank or a word for nothing. Invisible characters are blank as well."""
    is_blank = not text or all(unicodedata.category(character)[0] in "ZC" for character in text)
    return None if is_blank or text in STAND_INS else text


def hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def month(at: datetime) -> datetime:
    return hour(at).replace(day=1, hour=0)


def charge_of(entry: LedgerEntry, undone: LedgerEntry | None) -> Row:
    """What a row must say, as values; columns that are not named are empty."""
    posted = datetime.fromtimestamp(entry.posted_at / 1000, UTC)
    charged = posted if undone is None else datetime.fromtimestamp(undone.posted_at / 1000, UTC)
    sign, credit, rate, list_price = (
        1 if undone is None else -1,
        entry.amount,
        entry.rate or Decimal(0),
        VENDOR.list_price,
    )
    following = (month(posted) + timedelta(days=32)).replace(day=1)
    row: Row = {
        "ServiceProviderName": VENDOR.name, "HostProviderName": VENDOR.name, "InvoiceIssuerName": VENDOR.name,
        "ProviderName": VENDOR.name, "PublisherName": VENDOR.name,
        "BillingAccountId": entry.billing_account, "BillingAccountName": VENDOR.account_name,
        "BillingAccountType": "Account", "BillingCurrency": "EUR", "SubAccountId": WORKSPACE,
        "SubAccountName": f"Workspace {WORKSPACE}", "SubAccountType": "Workspace",
        "BillingPeriodStart": month(posted), "BillingPeriodEnd": following, "ChargePeriodStart": hour(charged),
        "ChargePeriodEnd": hour(charged) + timedelta(hours=1),
        "InvoiceId": f"INV-{entry.billing_account}-{posted:%Y-%m}",
        "ChargeClass": "Correction" if undone is not None and month(charged) < month(posted) else None,
        "x_LedgerEntryId": entry.entry_id, "x_PostedAt": posted.replace(microsecond=0), "x_CreditDelta": entry.credits,
        "x_CreditBalanceAfter": entry.balance_after, "x_RefundOf": entry.undoes, "x_CreditLotId": entry.lot_id,
        "x_ReceiptId": said(entry.receipt), "BilledCost": 0, "EffectiveCost": 0, "ListCost": 0, "ContractedCost": 0,
        "PricingCurrencyEffectiveCost": 0,
    }  # fmt: skip
    if entry.kind in {EntryKind.USAGE, EntryKind.REFUND}:
        return row | usage(entry, undone, sign)
    row |= {
        "ResourceId": entry.lot_id, "ResourceName": f"Credit lot {entry.lot_id}", "ResourceType": "Credit Lot",
        "ServiceName": "Workflow Credits", "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "AI Platforms", "ChargeFrequency": "One-Time", "PricingCurrency": "EUR",
    }  # fmt: skip
    amount = f"{float(credit):.14g} credits"
    if entry.kind in {EntryKind.PURCHASE, EntryKind.PURCHASE_REFUND}:
        words = "Purchase of" if sign > 0 else "Refund of a purchase of"
        return row | {
            "ChargeCategory": "Purchase", "ChargeDescription": f"{words} {amount}", "PricingQuantity": sign * credit,
            "PricingUnit": "Credits", "PricingCategory": "Standard", "SkuId": "credits", "SkuMeter": "Credits",
            "SkuPriceId": f"credits/{said(entry.pack) or 'any'}", "ListUnitPrice": list_price,
            "ContractedUnitPrice": rate, "PricingCurrencyListUnitPrice": list_price,
            "PricingCurrencyContractedUnitPrice": rate, "BilledCost": sign * credit * rate,
            "ContractedCost": sign * credit * rate, "ListCost": sign * credit * list_price,
        }  # fmt: skip
    note = (said(entry.note) or "").strip(SPACES)
    if entry.kind is EntryKind.GRANT:
        return row | {"ChargeCategory": "Credit", "ChargeDescription": note or f"Grant of {amount}"}
    words = f"Adjustment by {float(entry.credits):.14g} credits"
    return row | {"ChargeCategory": "Adjustment", "ChargeDescription": note or words}


def usage(entry: LedgerEntry, undone: LedgerEntry | None, sign: int) -> Row:
    """What is only said of usage and its refunds."""
    credit, rate = entry.amount, entry.rate or Decimal(0)
    steps = (entry.node_type, "Workflow Steps", "Integration", "Workflow Orchestration")
    sku, service, category, narrower = SOLD.get(entry.node_type or "", steps)
    is_first = (undone or entry).part == 0
    measured = entry.quantity if entry.quantity is not None else Decimal(is_first)
    action = f"{service}, 1 action at {float(credit):.14g} credits"
    provider = next((entry.model.split(mark)[0] for mark in ":/" if entry.model and mark in entry.model), None)
    name = said(entry.workflow_name)
    return {
        "ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based", "PricingCurrency": "CRD",
        "ChargeDescription": action if undone is None else f"Refund: {action}", "PricingCategory": "Standard",
        "PricingQuantity": sign, "PricingUnit": "Actions", "ConsumedQuantity": sign * measured,
        "ConsumedUnit": "Actions" if entry.quantity is None else "Tokens",
        "PricingCurrencyListUnitPrice": credit, "PricingCurrencyContractedUnitPrice": credit,
        "PricingCurrencyEffectiveCost": sign * credit, "ListUnitPrice": VENDOR.list_price * credit,
        "ContractedUnitPrice": rate * credit, "ListCost": sign * VENDOR.list_price * credit,
        "ContractedCost": sign * rate * credit, "EffectiveCost": sign * rate * credit,
        "SkuId": sku, "SkuMeter": f"{service} Actions", "ServiceName": service, "ServiceCategory": category,
        "ServiceSubcategory": narrower, "SkuPriceId": f"{sku}/{entry.model or 'any'}/{entry.price_version}",
        "SkuPriceDetails": {"x_ModelId": entry.model} if entry.model else None,
        "ResourceId": entry.workflow_id, "ResourceType": "Workflow",
        "ResourceName": name if name and name != entry.workflow_id else f"Workflow {entry.workflow_id}",
        "Tags": {
            "builder/node-type": entry.node_type, "builder/trigger": entry.trigger_type,
            **json.loads(entry.tags or "{}"),
        },
        "x_ExecutionId": entry.execution_id, "x_StepId": entry.step, "x_TriggerType": entry.trigger_type,
        "x_ModelName": entry.model, "x_ModelProvider": provider,
        "x_InputTokens": None if entry.input_tokens is None else sign * entry.input_tokens,
        "x_OutputTokens": None if entry.output_tokens is None else sign * entry.output_tokens,
    }  # fmt: skip


def written(name: str, value: Any) -> str | None:
    """A value as a cell of CSV has it; objects are compared as values."""
    if value is None or TYPES[name] is DataType.STRING:
        return value
    if TYPES[name] is DataType.DATETIME:
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    text = f"{Decimal(value) + 0:.10f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


# -- the export -------------------------------------------------------------------------------------------------------


class Store:
    """A database whose table ``ledger`` holds one example's entries."""

    def __init__(self) -> None:
        self.database = Database(None)
        self.store = FocusStore(self.database, VENDOR)
        self.loop = asyncio.Runner()

    def fill(self, entries: list[LedgerEntry]) -> None:
        def work(connection: Any) -> None:
            connection.execute("DELETE FROM ledger")
            if entries:
                appender = connection.appender("ledger")
                appender.append_rows([entry.row() for entry in entries])
                appender.flush()

        self.loop.run(self.database.write(work))

    def export(self, fmt: Format, start: datetime, end: datetime, *, safe: bool = False) -> bytes:
        async def collect() -> bytes:
            wanted = Wanted(WORKSPACE, epoch_ms(start), epoch_ms(end), COLUMNS, safe)
            return b"".join([piece async for piece in self.store.lines(wanted, fmt)])

        return self.loop.run(collect())

    def close(self) -> None:
        self.loop.close()
        self.database.close()


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.close()


def read_csv(data: bytes) -> list[Row]:
    names, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
    assert names == list(TYPES)
    return [{name: cell or None for name, cell in zip(names, row, strict=True)} for row in rows]


def read_lines(data: bytes) -> list[Row]:
    return [read_json(line) for line in data.decode().split("\n") if line]


def as_values(row: Row) -> Row:
    """A row of CSV or JSON Lines with exact numbers and read objects."""
    read = {
        DataType.DECIMAL: lambda value: Decimal(str(value)),
        DataType.JSON: lambda value: json.loads(value) if isinstance(value, str) else value,
    }
    return {n: v if v is None or TYPES[n] not in read else read[TYPES[n]](v) for n, v in row.items()}


@settings(max_examples=LEDGERS, deadline=None, suppress_health_check=list(HealthCheck))
@given(shop=shops(), cut=st.floats(0, 1))
def test_an_export_is_its_ledger(store: Store, shop: Shop, cut: float) -> None:
    store.fill(shop.entries)
    start, end = BEGIN, shop.at + timedelta(seconds=1)
    data = store.export(Format.CSV, start, end)
    rows = read_csv(data)
    posted = [entry for entry in shop.entries if entry.kind in EXPORTED]
    by_id = {entry.entry_id: entry for entry in shop.entries}

    assert [str(fault) for fault in check(list(TYPES), rows)] == []
    assert len(rows) == len(posted)
    for row, entry in zip(rows, posted, strict=True):
        told = charge_of(entry, by_id[entry.undoes] if entry.undoes else None)
        for name, kind in TYPES.items():
            if kind is DataType.JSON:
                assert (json.loads(row[name]) if row[name] else None) == told.get(name), name
            else:
                assert row[name] == written(name, told.get(name)), name

    lines = read_lines(store.export(Format.JSON_LINES, start, end))
    between = start + timedelta(milliseconds=int((end - start) / timedelta(milliseconds=1) * cut))
    parts = read_csv(store.export(Format.CSV, start, between)) + read_csv(store.export(Format.CSV, between, end))
    assert [as_values(row) for row in lines] == [as_values(row) for row in rows]
    assert all(list(line) == list(TYPES) for line in lines)
    assert parts == rows, "adjoining windows have each entry once"
    check_sums(shop, [as_values(row) for row in rows])


def check_sums(shop: Shop, rows: list[Row]) -> None:
    """The invariants, from the rows alone."""
    balance = Decimal(0)
    for row in rows:
        balance += row["x_CreditDelta"]
        assert row["x_CreditBalanceAfter"] == balance
    assert balance == shop.balance
    used = [row for row in rows if row["ChargeCategory"] == "Usage"]
    assert total(used, "PricingCurrencyEffectiveCost") == -total(used, "x_CreditDelta")
    assert total(rows, "BilledCost") == shop.paid
    assert total(rows, "BilledCost") == total([r for r in rows if r["ChargeCategory"] == "Purchase"], "ContractedCost")
    by_invoice, by_month = defaultdict(Decimal), defaultdict(Decimal)
    for row in rows:
        by_invoice[row["InvoiceId"]] += row["BilledCost"]
    for entry in shop.entries:
        if entry.kind in {EntryKind.PURCHASE, EntryKind.PURCHASE_REFUND}:
            when = datetime.fromtimestamp(entry.posted_at / 1000, UTC)
            by_month[f"INV-installation-{when:%Y-%m}"] += entry.credits * (entry.rate or 0)
    assert {name: cost for name, cost in by_invoice.items() if cost} == {n: c for n, c in by_month.items() if c}
    check_lots(rows)
    undone = {row["x_RefundOf"] for row in rows if row["x_RefundOf"]}
    for execution in {row["x_ExecutionId"] for row in used}:
        mine = [row for row in used if row["x_ExecutionId"] == execution]
        if {row["x_LedgerEntryId"] for row in mine if not row["x_RefundOf"]} <= undone:
            for name in NETTING:
                assert total(mine, name) == 0, name


NETTING = (
    "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity", "ConsumedQuantity",
    "PricingCurrencyEffectiveCost", "x_CreditDelta", "x_InputTokens", "x_OutputTokens",
)  # fmt: skip


def check_lots(rows: list[Row]) -> None:
    """What was paid for a lot is what its use costs once it is used up, with what was given away of it."""
    for lot in {row["x_CreditLotId"] for row in rows}:
        mine = [row for row in rows if row["x_CreditLotId"] == lot]
        bought = [row for row in mine if row["ChargeCategory"] == "Purchase"]
        if not bought or total(mine, "x_CreditDelta") != 0:
            continue
        rate = bought[0]["ContractedUnitPrice"]
        given_away = -rate * total([row for row in mine if row["ChargeCategory"] == "Adjustment"], "x_CreditDelta")
        assert total(mine, "EffectiveCost") + given_away == total(mine, "BilledCost")


def total(rows: list[Row], name: str) -> Decimal:
    return sum((row[name] for row in rows if row[name] is not None), Decimal(0))


@settings(max_examples=SOME, deadline=None, suppress_health_check=list(HealthCheck))
@given(shop=shops(), rows_at_a_time=st.integers(1, 6))
def test_the_same_request_gives_the_same_bytes(store: Store, shop: Shop, rows_at_a_time: int) -> None:
    """In however many pieces it is read."""
    store.fill(shop.entries)
    window = BEGIN, shop.at + timedelta(seconds=1)
    before = [store.export(fmt, *window) for fmt in (Format.CSV, Format.JSON_LINES)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "ROWS_AT_A_TIME", rows_at_a_time)
        assert [store.export(fmt, *window) for fmt in (Format.CSV, Format.JSON_LINES)] == before


@settings(max_examples=SOME, deadline=None, suppress_health_check=list(HealthCheck))
@given(shop=shops())
def test_a_safe_export_differs_in_texts_that_are_formulas_alone(store: Store, shop: Shop) -> None:
    store.fill(shop.entries)
    window = BEGIN, shop.at + timedelta(seconds=1)
    plain, safe = (read_csv(store.export(Format.CSV, *window, safe=flag)) for flag in (False, True))
    for before, after in zip(plain, safe, strict=True):
        for name, kind in TYPES.items():
            is_formula = kind is DataType.STRING and before[name] is not None and before[name][0] in "=+-@\t\r"
            assert after[name] == (f"'{before[name]}" if is_formula else before[name])


def test_the_ledgers_have_every_kind_of_entry() -> None:
    """What the properties hold is worth as much as what they are held on."""
    found: set[str] = set()

    @settings(max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(shops())
    def look(shop: Shop) -> None:
        found.update(entry.kind for entry in shop.entries)
        found.update("split" for entry in shop.entries if entry.part)
        found.update("undone split" for entry in shop.entries if entry.part and entry.entry_id in shop.undone)
        months = {datetime.fromtimestamp(entry.posted_at / 1000, UTC).month for entry in shop.entries}
        found.update("months" for _ in pairwise(months))

    look()
    assert found == {*EntryKind, "split", "undone split", "months"}
