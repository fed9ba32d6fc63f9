"""Months and budgets, and prices as somebody may have configured them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from builder_jupyter.clock import epoch_ms
from builder_jupyter.costs.prices import PUBLISHED, price_version, read_prices
from builder_jupyter.costs.purse import Purse, month_of, month_start
from builder_jupyter.errors import BudgetExceeded, NotConfigured
from builder_jupyter.nodes.registry import default_registry

JANUARY = epoch_ms(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
FEBRUARY = JANUARY + 1_000


def test_a_month_is_a_calendar_month_in_utc():
    assert (month_of(JANUARY), month_of(FEBRUARY)) == ("2026-01", "2026-02")
    assert month_start("2026-12", later=1) == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_budget_counts_what_is_held_and_begins_anew_each_month():
    purse = Purse(available=Decimal(100), budget=Decimal(10))
    purse.hold(Decimal(4))
    purse.spend(Decimal(4), JANUARY)
    purse.hold(Decimal(5))
    purse.check_budget(Decimal(1), JANUARY)
    with pytest.raises(BudgetExceeded) as caught:
        purse.check_budget(Decimal(2), JANUARY)
    assert caught.value.details == {"required": 2, "balance": 91, "budget": 10, "left": 1}
    purse.check_budget(Decimal(5), FEBRUARY)  # what is still held counts, what was spent in January does not
    with pytest.raises(BudgetExceeded):
        purse.check_budget(Decimal(6), FEBRUARY)


@pytest.mark.parametrize("price", ["many", -1, float("nan"), "0.00001", 10**10, None])
def test_what_is_no_price_is_refused_by_name(price):
    with pytest.raises(NotConfigured, match="agent") as caught:
        read_prices({"agent": price})
    assert caught.value.code == "CREDIT_PRICES"


def test_prices_that_differ_have_a_version_of_their_own():
    registry = default_registry()
    other = registry.priced(read_prices({"agent": "2.5"}))
    assert registry.price_version == PUBLISHED
    assert other.price_version == price_version(read_prices({"agent": 2.50})) != PUBLISHED
    assert other.price_version != price_version(read_prices({"agent": 3}))
    assert (other.get("builder", "agent").credits, registry.get("builder", "agent").credits) == (Decimal("2.5"), 1)
    assert other.get("direct", "text-gen").credits == 1
    assert registry.priced({}) is registry
