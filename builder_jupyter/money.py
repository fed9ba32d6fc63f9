"""Credits: the unit in which steps are priced. Exact decimals, never floats."""

from __future__ import annotations

from decimal import Decimal
from typing import NewType

Credits = NewType("Credits", Decimal)

ZERO = Credits(Decimal(0))


def credits_of(value: int | str | Decimal) -> Credits:
    """Return ``value`` as credits. A float is refused by its type: it could not be exact."""
    return Credits(Decimal(value))


def total(amounts: list[Credits] | tuple[Credits, ...]) -> Credits:
    """Return the exact sum."""
    return Credits(sum(amounts, Decimal(0)))


def as_number(amount: Decimal) -> int | float:
    """Return the JSON number for an amount: an integer where it is one."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)
