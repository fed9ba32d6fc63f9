"""What node types cost: each type's own price, unless the server's settings say otherwise. Source: spec §9.1."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from builder_jupyter.errors import NotConfigured
from builder_jupyter.money import Credits, credits_of

PUBLISHED = "v1"
"""The version of the price list that node types come with; another edition of it gets another name."""

DECIMAL_PLACES = 4
MOST = 10**9
"""Credits of one entry; a balance may be ten thousand times that, which the table's columns hold."""


def price_version(overrides: Mapping[str, Credits]) -> str:
    """Return the name of a price list: that of the published one, marked with what was changed in it.

    It is made from the prices, so that it cannot be forgotten when they change.
    """
    if not overrides:
        return PUBLISHED
    text = json.dumps({name: str(price.normalize()) for name, price in overrides.items()}, sort_keys=True)
    return f"{PUBLISHED}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def read_prices(configured: Mapping[str, Any]) -> dict[str, Credits]:
    """Return prices by node type. Raises `NotConfigured` (``CREDIT_PRICES``) for what is no price."""
    return {name: _price(name, value) for name, value in configured.items()}


def _price(name: str, value: Any) -> Credits:
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal(-1)
    if not is_amount(price) or price < 0:
        raise NotConfigured(
            f"The price of {name!r} in BuilderApp.credit_prices is no number of credits.",
            code="CREDIT_PRICES",
            hint=f"Write 0 or more, with at most {DECIMAL_PLACES} decimal places.",
        )
    return credits_of(price)


def is_amount(value: Decimal) -> bool:
    """Say whether the ledger can hold an amount exactly."""
    return value.is_finite() and abs(value) <= MOST and value == round(value, DECIMAL_PLACES)
