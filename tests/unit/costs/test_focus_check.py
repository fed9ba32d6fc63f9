"""The checker finds each fault in a file that is right otherwise, and names the row."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter.costs.focus.check import check
from builder_jupyter.costs.focus.columns import VERSIONS, all_columns, columns_of, version_of
from builder_jupyter.costs.focus.files import check_file
from builder_jupyter.errors import InvalidInput, NotFound

DATA = Path(__file__).parents[2] / "data"
CSV, LINES = DATA / "focus_credits.csv", DATA / "focus_credits.jsonl"
Row = dict[str, Any]


def example() -> tuple[list[str], list[Row]]:
    rows = list(csv.reader(io.StringIO(CSV.read_text(), newline="")))
    return rows[0], [{n: cell or None for n, cell in zip(rows[0], row, strict=True)} for row in rows[1:]]


def put(**values: str | None) -> Callable[[Row], None]:
    return lambda row: row.update(values)


def of(category: str, charge_class: str | None = None) -> Callable[[Row], bool]:
    return lambda row: row["ChargeCategory"] == category and row["ChargeClass"] == charge_class


USAGE, PURCHASE, CREDIT = of("Usage"), of("Purchase"), of("Credit")

FAULTS: dict[str, tuple[Callable[[Row], bool], Callable[[Row], None], str]] = {
    "a category there is not": (USAGE, put(ChargeCategory="Usages"), "ChargeCategory"),
    "a class there is not": (USAGE, put(ChargeClass="Corrected"), "ChargeClass"),
    "a frequency there is not": (USAGE, put(ChargeFrequency="Usage-based"), "ChargeFrequency"),
    "a pricing category there is not": (USAGE, put(PricingCategory="Normal"), "PricingCategory"),
    "a service category there is not": (CREDIT, put(ServiceCategory="Magic"), "ServiceCategory"),
    "a commitment status there is not": (USAGE, put(CommitmentDiscountStatus="Some"), "CommitmentDiscountStatus"),
    "a capacity status there is not": (USAGE, put(CapacityReservationStatus="Some"), "CapacityReservationStatus"),
    "a subcategory of another category": (USAGE, put(ServiceSubcategory="Bots and more"), "ServiceSubcategory"),
    "a list cost that is no product": (USAGE, put(ListCost="0.0100000001"), "ListCost"),
    "a contracted cost that is no product": (PURCHASE, put(ContractedCost="80.01"), "ContractedCost"),
    "a time with an offset": (USAGE, put(ChargePeriodStart="2026-01-05T11:00:00+00:00"), "ChargePeriodStart"),
    "a time with milliseconds": (USAGE, put(x_PostedAt="2026-01-05T11:00:07.000Z"), "x_PostedAt"),
    "a time with a blank": (USAGE, put(BillingPeriodStart="2026-01-01 00:00:00"), "BillingPeriodStart"),
    "an object in the tags": (USAGE, put(Tags='{"a": {"b": 1}}'), "Tags"),
    "a list in the tags": (USAGE, put(Tags='{"a": [1]}'), "Tags"),
    "a key twice": (USAGE, put(Tags='{"a": 1, "a": 2}'), "Tags"),
    "a cost left out": (USAGE, put(BilledCost=None), "BilledCost"),
    "usage without what was consumed": (USAGE, put(ConsumedQuantity=None, ConsumedUnit=None), "ConsumedQuantity"),
    "consumption on a purchase": (PURCHASE, put(ConsumedQuantity="1.0", ConsumedUnit="Tokens"), "ConsumedQuantity"),
    "a quantity without its unit": (USAGE, put(PricingUnit=None), "PricingUnit"),
    "a price without a price list": (CREDIT, put(ListUnitPrice="0.01"), "ListUnitPrice"),
    "usage without a price": (USAGE, put(ListUnitPrice=None), "ListUnitPrice"),
    "a price below zero": (USAGE, put(PricingCurrencyListUnitPrice="-1.0"), "PricingCurrencyListUnitPrice"),
    "an end before its start": (USAGE, put(ChargePeriodEnd="2020-01-01T00:00:00Z"), "ChargePeriodEnd"),
    "a late charge that is no correction": (of("Usage", "Correction"), put(ChargeClass=None), "ChargeClass"),
    "a correction within its month": (USAGE, put(ChargeClass="Correction"), "ChargeClass"),
    "a service in two categories": (
        USAGE,
        put(ServiceCategory="Integration", ServiceSubcategory="Messaging"),
        "ServiceCategory",
    ),
    "a price of two skus": (USAGE, put(SkuId="other"), "SkuId"),
    "a price with two descriptions": (USAGE, put(SkuPriceDetails='{"x_ModelId": "other"}'), "SkuPriceDetails"),
    "a purchase that costs its use": (PURCHASE, put(EffectiveCost="80.0"), "EffectiveCost"),
    "a gift with a list cost": (CREDIT, put(ListCost="1.0", BilledCost="1.0"), "ContractedCost"),
    "a blank text": (USAGE, put(ChargeDescription=" "), "ChargeDescription"),
    "a word for empty": (USAGE, put(RegionId="NULL", RegionName="NULL"), "RegionId"),
    "a number with a plus": (USAGE, put(BilledCost="+0.0"), "BilledCost"),
    "a number with thousands marks": (PURCHASE, put(PricingQuantity="10,000"), "PricingQuantity"),
    "a currency in words": (USAGE, put(BillingCurrency="Dollar"), "BillingCurrency"),
    "a name that is the id": (USAGE, lambda row: row.update(ResourceName=row["ResourceId"]), "ResourceName"),
    "a sub account without a name": (USAGE, put(SubAccountName=None), "SubAccountName"),
    "an entry twice": (USAGE, put(x_LedgerEntryId="led_000001"), "x_LedgerEntryId"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_where_it_is(name: str) -> None:
    chosen, spoil, column = FAULTS[name]
    names, rows = example()
    fitting = [number for number, row in enumerate(rows, start=1) if chosen(row)]
    number = fitting[len(fitting) // 2] if len(fitting) > 2 else fitting[-1]
    spoil(rows[number - 1])
    found = list(check(names, rows))
    assert (number, column) in {(fault.row, fault.column) for fault in found}
    # What names a row names the one at fault, or says that another row is not like it.
    assert all(fault.row == number or f"row {number}" in fault.message for fault in found if fault.row), found
    assert str(found[0]).startswith(("row ", "file"))


@pytest.mark.parametrize("path", [CSV, LINES], ids=["csv", "jsonl"])
def test_a_right_file_is_left_alone(path: Path, tmp_path: Path) -> None:
    assert list(check_file(path)) == []
    packed = tmp_path / f"{path.name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert list(check_file(packed)) == []


HEADERS: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "a name of one's own without x_": (lambda names: [*names, "Team"], "Team"),
    "a column behind those of one's own": (lambda names: [*names[1:], names[0]], "AllocatedMethodDetails"),
    "a column left out": (lambda names: names[1:], "AllocatedMethodDetails"),
    "a column twice": (lambda names: [*names, "x_StepId"], "x_StepId"),
    "a column of another version": (lambda names: ["InvoiceDetailId", *names], "InvoiceDetailId"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_fault_of_the_header_is_found(name: str) -> None:
    spoil, column = HEADERS[name]
    assert [(fault.row, fault.column) for fault in check(spoil(example()[0]), [])] == [(0, column)]


def test_what_is_no_such_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(check_file(tmp_path / "none.csv"))
    for content in ('{"a": 1}\n{"b": 1}\n', "[]\n", "{\n"):
        (tmp_path / "odd.jsonl").write_text(content)
        with pytest.raises(InvalidInput):
            list(check_file(tmp_path / "odd.jsonl"))
    (tmp_path / "odd.csv").write_text("a,b\n1\n")
    with pytest.raises(InvalidInput):
        list(check_file(tmp_path / "odd.csv"))
    (tmp_path / "marked.csv").write_text("\ufeff" + CSV.read_text())
    assert [fault.message for fault in check_file(tmp_path / "marked.csv")] == [
        "the file begins with a byte order mark"
    ]


def test_the_lines_of_a_file_are_held_to_the_same(tmp_path: Path) -> None:
    lines = LINES.read_text().splitlines()
    row = json.loads(lines[4], parse_float=str)
    row["Tags"] = {"a": {"b": 1}}
    row["ListCost"] = 0.5
    lines[4] = json.dumps(row)
    (tmp_path / "f.jsonl").write_text("\n".join(lines))
    found = {(fault.row, fault.column) for fault in check_file(tmp_path / "f.jsonl")}
    assert {(5, "Tags"), (5, "ListCost")} <= found


def test_each_version_has_its_columns() -> None:
    counted = {v: sum(not c.is_custom for c in columns_of(v)) for v in VERSIONS}
    assert counted == {"1.0": 43, "1.1": 50, "1.2": 57, "1.3": 65, "1.4": 65}
    assert [c.name for c in columns_of()] == example()[0]
    assert all(c.meaning.endswith(".") for c in all_columns())
    assert [version_of([c.name for c in columns_of(v) if not c.is_custom]) for v in VERSIONS] == list(VERSIONS)
    with pytest.raises(ValueError, match=r"2\.0"):
        columns_of("2.0")


def test_amounts_are_exact() -> None:
    names, rows = example()
    number = next(n for n, row in enumerate(rows) if row["ChargeCategory"] == "Usage")
    rows[number].update(ListUnitPrice="0.1", PricingQuantity="3.0", ListCost="0.3", PricingCurrencyEffectiveCost="3.0")
    assert Decimal("0.1") * 3 == Decimal("0.3")
    assert [fault for fault in check(names, rows) if fault.column == "ListCost"] == []
