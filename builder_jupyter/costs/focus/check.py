"""Check a file of FOCUS charges row by row: what the official validator lets through, by name and row number.

A rule is a function from a charge to what is wrong with it; `ROW_RULES` is the list. What needs more than one row is in
`FileRules`. Amounts are compared as exact decimals. The rules are those of files that we write: vendors' own files
round, and are not to be held to the products.
Source: FOCUS 1.3, Cost and Usage; which rule is about which fault is in `docs/focus.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from builder_jupyter.costs.focus.columns import VERSION, Column, DataType, all_columns, columns_of
from builder_jupyter.costs.focus.values import SUBCATEGORIES, WORDS, is_under

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE]-?\d+)?")
MOMENT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
CURRENCY = re.compile(r"[A-Z]{3}")
CUSTOM_NAME = re.compile(r"x_[A-Za-z0-9_]+")
STAND_INS = frozenset({"NULL", "null", "N/A", "n/a", "None", "NaN"})
WITHOUT_A_PRICE = (
    "PricingQuantity", "PricingUnit", "PricingCategory", "ConsumedQuantity", "ListUnitPrice", "ContractedUnitPrice",
    "PricingCurrencyListUnitPrice", "PricingCurrencyContractedUnitPrice",
)  # fmt: skip
UNIT_PRICES = (
    "ListUnitPrice",
    "ContractedUnitPrice",
    "PricingCurrencyListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
)
PAIRS = (
    ("ConsumedUnit", "ConsumedQuantity"),
    ("PricingUnit", "PricingQuantity"),
    ("ResourceType", "ResourceId"),
    ("RegionName", "RegionId"),
    ("SubAccountName", "SubAccountId"),
    ("SubAccountType", "SubAccountId"),
    ("CommitmentDiscountUnit", "CommitmentDiscountQuantity"),
    ("CommitmentDiscountCategory", "CommitmentDiscountId"),
)
"""Columns that are empty exactly when the other one is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: ``row`` counts from 1 and is 0 for the header and the file as a whole."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        place = f"row {self.row}" if self.row else "file"
        return f"{place}, {self.column}: {self.message}"


class Charge:
    """One row as it was read: texts from CSV, or the values of JSON. What cannot be read counts as empty."""

    def __init__(self, values: Mapping[str, Any], header: Mapping[str, Column]) -> None:
        self.values = values
        self.unreadable: list[tuple[str, str]] = []
        self._read: dict[str, Any] = {}
        for name, value in values.items():
            column = header.get(name)
            if column is not None and value is not None:
                self._take(column, value)

    def __getitem__(self, name: str) -> Any:
        return self._read.get(name)

    def _take(self, column: Column, value: Any) -> None:
        read, wrong = _READERS[column.type](value)
        if wrong:
            self.unreadable.append((column.name, wrong))
        else:
            self._read[column.name] = read


def _read_text(value: Any) -> tuple[Any, str]:
    if not isinstance(value, str):
        return None, f"{value!r} is no text"
    if not value.strip():
        return None, "is blank; leave it empty"
    return (None, f"{value!r} stands in for empty; leave it empty") if value in STAND_INS else (value, "")


def _read_number(value: Any) -> tuple[Any, str]:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None, f"{value!r} is no exact number"
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        return None, f"{value!r} is not written as a number"
    return Decimal(value), ""


def _read_moment(value: Any) -> tuple[Any, str]:
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return value, ""  # texts of this form compare as the times do
    return None, f"{value!r} is not written as YYYY-MM-DDTHH:MM:SSZ"


def _read_object(value: Any) -> tuple[Any, str]:
    if isinstance(value, str):
        try:
            value = read_json(value)
        except ValueError:
            return None, "is not JSON"
    if not isinstance(value, dict):
        return None, "is no JSON object"
    if isinstance(value, Doubled):
        return None, f"has the key {value.twice!r} twice"
    return value, ""


class Doubled(dict[str, Any]):
    """A JSON object that has a key twice, which a plain dict could not tell."""

    twice = ""


def read_json(text: str) -> Any:
    """Return a JSON value with exact numbers, and objects that say when a key came twice. Raises `ValueError`."""
    return json.loads(text, object_pairs_hook=_object, parse_float=Decimal)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    doubled = Doubled(found)
    doubled.twice = next(name for name in names if names.count(name) > 1)
    return doubled


_READERS: Final[dict[DataType, Callable[[Any], tuple[Any, str]]]] = {
    DataType.STRING: _read_text,
    DataType.DECIMAL: _read_number,
    DataType.DATETIME: _read_moment,
    DataType.JSON: _read_object,
}

Told = Iterator[tuple[str, str]]


def _readable(charge: Charge) -> Told:
    yield from charge.unreadable


def _present(charge: Charge) -> Told:
    for column in columns_of(VERSION):
        if not column.nullable and charge.values.get(column.name) is None and column.name in charge.values:
            yield column.name, "must not be empty"


def _words(charge: Charge) -> Told:
    for name, words in WORDS.items():
        if charge[name] is not None and charge[name] not in words:
            yield name, f"{charge[name]!r} is not one of {', '.join(sorted(words))}"


def _services(charge: Charge) -> Told:
    category, narrower = charge["ServiceCategory"], charge["ServiceSubcategory"]
    if category is not None and category not in SUBCATEGORIES:
        yield "ServiceCategory", f"{category!r} is none of the 19 categories"
    elif category is not None and narrower is not None and not is_under(narrower, category):
        yield "ServiceSubcategory", f"{narrower!r} does not belong to {category!r}"


def _currencies(charge: Charge) -> Told:
    for name in ("BillingCurrency", "PricingCurrency"):
        if charge[name] is not None and not CURRENCY.fullmatch(charge[name]):
            yield name, f"{charge[name]!r} is not three capitals"


def _products(charge: Charge) -> Told:
    for cost, price in (("ListCost", "ListUnitPrice"), ("ContractedCost", "ContractedUnitPrice")):
        if charge[cost] is None:
            continue
        if charge[price] is None:
            if charge[cost] != charge["BilledCost"]:
                yield cost, f"{charge[cost]} is not BilledCost, and there is no {price}"
        elif charge["PricingQuantity"] is not None and charge[cost] != charge[price] * charge["PricingQuantity"]:
            yield cost, f"{charge[cost]} is not {charge[price]} x {charge['PricingQuantity']}"


def _prices(charge: Charge) -> Told:
    for name in UNIT_PRICES:
        if charge[name] is not None and charge[name] < 0:
            yield name, f"{charge[name]} is below zero"
    if charge["SkuPriceId"] is None:
        for name in WITHOUT_A_PRICE:
            if charge[name] is not None:
                yield name, "must be empty where SkuPriceId is"
    elif charge["ListUnitPrice"] is None:
        yield "ListUnitPrice", "must not be empty where SkuPriceId is set"


def _quantities(charge: Charge) -> Told:
    for name, other in PAIRS:
        if (charge[name] is None) != (charge[other] is None):
            yield name, f"must be empty exactly when {other} is"
    if charge["ResourceName"] is not None and charge["ResourceId"] is None:
        yield "ResourceName", "must be empty where ResourceId is"
    if charge["ResourceName"] is not None and charge["ResourceName"] == charge["ResourceId"]:
        yield "ResourceName", "must not repeat ResourceId"


NEEDED = ("SkuId", "SkuPriceId", "PricingQuantity", "PricingCategory", "ContractedUnitPrice")


def _usage(charge: Charge) -> Told:
    category = charge["ChargeCategory"]
    if category in {"Usage", "Purchase"}:
        for name in NEEDED:
            if charge[name] is None:
                yield name, f"must not be empty on {category}"
    if category == "Usage" and charge["ConsumedQuantity"] is None and charge["ChargeClass"] is None:
        yield "ConsumedQuantity", "must not be empty on Usage"
    if category not in {"Usage", None} and charge["ConsumedQuantity"] is not None:
        yield "ConsumedQuantity", f"must be empty on {category}"


def _prepaid(charge: Charge) -> Told:
    if charge["ChargeCategory"] == "Purchase":
        for name in ("EffectiveCost", "PricingCurrencyEffectiveCost"):
            if charge[name]:
                yield name, "must be 0 on a Purchase that pays for later use"
        if charge["ChargeFrequency"] == "Usage-Based":
            yield "ChargeFrequency", "must not be Usage-Based on a Purchase"
    if charge["ChargeCategory"] == "Credit":
        for name in ("ListCost", "ContractedCost"):
            if charge[name] != charge["BilledCost"]:
                yield name, "must equal BilledCost on a Credit"


def _periods(charge: Charge) -> Told:
    for kind in ("Charge", "Billing"):
        start, end = charge[f"{kind}PeriodStart"], charge[f"{kind}PeriodEnd"]
        if start is not None and end is not None and end <= start:
            yield f"{kind}PeriodEnd", f"{end} does not come after {start}"
    start, month, category = charge["ChargePeriodStart"], charge["BillingPeriodStart"], charge["ChargeCategory"]
    if start is None or month is None or category not in {"Usage", "Purchase"}:
        return
    if start < month and charge["ChargeClass"] != "Correction":
        yield "ChargeClass", "must be Correction for a charge of an earlier billing period"
    if start >= month and charge["ChargeClass"] == "Correction":
        yield "ChargeClass", "must be empty within the billing period of the charge"


def _objects(charge: Charge) -> Told:
    for name in ("Tags", "AllocatedTags", "SkuPriceDetails"):
        for key, value in (charge[name] or {}).items():
            if isinstance(value, (dict, list)):
                yield name, f"the value of {key!r} must be a text, a number, true, false or null"
    for name in ("ContractApplied", "AllocatedMethodDetails"):
        value = charge[name]
        if value is not None and not isinstance(value.get("Elements"), list):
            yield name, "must have a list of Elements"


ROW_RULES: Final[tuple[Callable[[Charge], Told], ...]] = (
    _readable,
    _present,
    _words,
    _services,
    _currencies,
    _products,
    _prices,
    _quantities,
    _usage,
    _prepaid,
    _periods,
    _objects,
)
"""What is asked of each row by itself."""

ONE_EACH = (
    ("ServiceName", "ServiceCategory"),
    ("SkuPriceId", "SkuId"),
    ("SkuPriceId", "SkuPriceDetails"),
)
"""Columns of which each value of the first has one of the second, all through the file."""


class FileRules:
    """What is asked of the rows together."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[Any, tuple[Any, int]]] = {pair: {} for pair in ONE_EACH}
        self._entries: dict[str, int] = {}

    def look(self, row: int, charge: Charge) -> Told:
        """Yield what a row is in conflict with the rows before it."""
        for (name, other), known in self._known.items():
            if charge[name] is None:
                continue
            value = _comparable(charge[other])
            first, where = known.setdefault(charge[name], (value, row))
            if value != first:
                yield other, f"{name} {charge[name]!r} has another {other} in row {where}"
        entry = charge["x_LedgerEntryId"]
        if entry is not None and self._entries.setdefault(entry, row) != row:
            yield "x_LedgerEntryId", f"{entry!r} is in row {self._entries[entry]} as well"


def _comparable(value: Any) -> Any:
    return json.dumps(value, sort_keys=True, default=str) if isinstance(value, dict) else value


def check_header(names: Sequence[str], version: str = VERSION) -> Iterator[Fault]:
    """Yield what is wrong with the names of the columns, in their order."""
    known = {column.name for column in columns_of(version) if not column.is_custom}
    for name in sorted(known.difference(names)):
        yield Fault(0, name, f"is missing; FOCUS {version} files of ours have every column")
    seen: set[str] = set()
    custom = ""
    for name in names:
        if name in seen:
            yield Fault(0, name, "is there twice")
        seen.add(name)
        if name in known:
            if custom:
                yield Fault(0, name, f"is a column of FOCUS and must come before {custom}")
        elif CUSTOM_NAME.fullmatch(name):
            custom = custom or name
        else:
            yield Fault(0, name, f"is no column of FOCUS {version}; columns of one's own begin with x_")


def check(names: Sequence[str], rows: Iterable[Mapping[str, Any]], version: str = VERSION) -> Iterator[Fault]:
    """Yield what is wrong with a file, header first, then row by row. The rows are held one at a time.

    Parameters
    ----------
    names : the columns, in the order of the file.
    rows : values by column: texts as CSV has them, or what JSON gives with ``parse_float=Decimal``; None for empty.
    """
    yield from check_header(names, version)
    header = {column.name: column for column in all_columns()}
    together = FileRules()
    for number, values in enumerate(rows, start=1):
        charge = Charge(values, header)
        for rule in ROW_RULES:
            for name, message in rule(charge):
                yield Fault(number, name, message)
        for name, message in together.look(number, charge):
            yield Fault(number, name, message)
