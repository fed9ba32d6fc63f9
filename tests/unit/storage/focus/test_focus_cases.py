"""Every ready-made question, answered on charges with round numbers; the answers were worked out by hand."""

from __future__ import annotations

import datetime as dt
import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from focus_charges import write

from builder_jupyter.client.focus import FocusData, focus
from builder_jupyter.costs.focus.columns import all_columns
from builder_jupyter.errors import InvalidInput, NotFound
from builder_jupyter.storage.focus.cases import cases

ANSWERS: dict[str, tuple[dict[str, Any], str, list[tuple[Any, ...]]]] = {
    "costs-by-allocated-resource": (
        {},
        "AllocatedResourceId AllocatedResourceName AllocatedMethodId EffectiveCost",
        [
            ("app", "App", "even", 4),
        ],
    ),
    "costs-by-tag": (
        {"key": "team"},
        "Value EffectiveCost BilledCost Charges",
        [
            ("red", 31, 31, 3),
            (None, 12.16, 55, 9),
            ("blue", 12, 0, 1),
        ],
    ),
    "costs-by-tag-month-over-month": (
        {"key": "team"},
        "Month Value EffectiveCost Change",
        [
            ("2026-01-01", "blue", 12, None),
            ("2026-01-01", None, 7.16, None),
            ("2026-01-01", "red", 7, None),
            ("2026-02-01", "red", 24, 17),
            ("2026-02-01", None, 5, -2.16),
        ],
    ),
    "costs-without-a-tag": (
        {"key": "team"},
        "SubAccountName ServiceName ResourceId EffectiveCost",
        [
            ("Two", "Machines", None, 5),
            ("One", "Machines", "vm1", 4),
            ("One", "Machines", None, 3),
            ("Workspace default", "Agents", "w1", 0.16),
            ("Workspace default", "Workflow Credits", None, 0),
        ],
    ),
    "multi-currency-charges": (
        {"key": "team"},
        "Value BillingCurrency EffectiveCost BilledCost",
        [
            ("blue", "USD", 12, 0),
            ("red", "USD", 31, 31),
            (None, "USD", 12.16, 55),
        ],
    ),
    "resources-with-shared-costs": (
        {},
        "ResourceId Parts EffectiveCost",
        [
            ("vm1", 1, 4),
        ],
    ),
    "tag-coverage": (
        {},
        "TagKey Charges EffectiveCost ShareOfCost ShareOfCharges",
        [
            ("team", 4, 43, 0.7796, 0.3077),
            ("env", 1, 12, 0.2175, 0.0769),
        ],
    ),
    "daily-spend-by-region": (
        {},
        "Day SubAccountId RegionId EffectiveCost AboveAverage",
        [
            ("2026-01-01", "s2", None, 0, None),
            ("2026-01-02", "default", None, 0, None),
            ("2026-01-03", "default", None, 0, 0),
            ("2026-01-05", "s1", "eu", 7, None),
            ("2026-01-06", "s2", "us", 12, None),
            ("2026-01-07", "s1", "eu", 4, -3),
            ("2026-01-10", "default", None, 0.16, 0.16),
            ("2026-01-31", "s1", None, 3, None),
            ("2026-02-05", "s1", "eu", 24, 18.5),
            ("2026-02-06", "s2", "us", 5, -7),
            ("2026-02-11", "default", None, 0, -0.0533),
        ],
    ),
    "daily-spend-by-service": (
        {},
        "Day SubAccountId RegionId ServiceName EffectiveCost AboveAverage",
        [
            ("2026-01-01", "s2", None, "Machines", 0, None),
            ("2026-01-02", "default", None, "Workflow Credits", 0, None),
            ("2026-01-03", "default", None, "Workflow Credits", 0, 0),
            ("2026-01-05", "s1", "eu", "Machines", 7, None),
            ("2026-01-06", "s2", "us", "Machines", 12, None),
            ("2026-01-07", "s1", "eu", "Machines", 4, -3),
            ("2026-01-10", "default", None, "Agents", 0.16, None),
            ("2026-01-31", "s1", None, "Machines", 3, None),
            ("2026-02-05", "s1", "eu", "Machines", 24, 18.5),
            ("2026-02-06", "s2", "us", "Machines", 5, -7),
            ("2026-02-11", "default", None, "Agents", 0, -0.16),
        ],
    ),
    "daily-spend-by-sub-account": (
        {},
        "Day SubAccountId SubAccountName EffectiveCost AboveAverage",
        [
            ("2026-01-01", "s2", "Two", 0, None),
            ("2026-01-02", "default", "Workspace default", 0, None),
            ("2026-01-03", "default", "Workspace default", 0, 0),
            ("2026-01-05", "s1", "One", 7, None),
            ("2026-01-06", "s2", "Two", 12, 12),
            ("2026-01-07", "s1", "One", 4, -3),
            ("2026-01-10", "default", "Workspace default", 0.16, 0.16),
            ("2026-01-31", "s1", "One", 3, -2.5),
            ("2026-02-05", "s1", "One", 24, 19.3333),
            ("2026-02-06", "s2", "Two", 5, -1),
            ("2026-02-11", "default", "Workspace default", 0, -0.0533),
        ],
    ),
    "unusual-days": (
        {"score": 1, "days": 2},
        "Day ServiceName EffectiveCost Usual Score",
        [
            ("2026-02-05", "Machines", 24, 5, 6.4077),
            ("2026-01-06", "Machines", 12, 5, 2.3607),
        ],
    ),
    "capacity-reservations": (
        {},
        "CapacityReservationId CapacityReservationStatus EffectiveCost",
        [
            ("cr1", "Used", 4),
        ],
    ),
    "commitment-coverage": (
        {},
        "ServiceProviderName ServiceName ListCost Covered Coverage",
        [
            ("Cloud", "Machines", 62, 20, 0.3226),
            ("Builder", "Agents", 0.2, 0, 0),
        ],
    ),
    "commitment-purchases": (
        {},
        "Month CommitmentDiscountId CommitmentDiscountName CommitmentDiscountType BilledCost",
        [
            ("2026-01-01", "cd1", "A year", "Plan", 40),
        ],
    ),
    "commitment-use": (
        {},
        "CommitmentDiscountId CommitmentDiscountName CommitmentDiscountType Used Unused Utilisation",
        [
            ("cd1", "A year", "Plan", 12, 5, 0.7059),
        ],
    ),
    "burn-down": (
        {},
        "Day Added Used Balance",
        [
            ("2026-01-02", 100, 0, 100),
            ("2026-01-03", 1000, 0, 1100),
            ("2026-01-10", 0, 20, 1080),
            ("2026-02-11", 0, 10, 1070),
            ("2026-02-12", 0, -10, 1080),
        ],
    ),
    "credits-by-model": (
        {},
        "x_ModelProvider x_ModelName Credits EffectiveCost Runs",
        [
            ("openai", "gpt", 20, 0.16, 2),
        ],
    ),
    "credits-by-run": (
        {"limit": 1},
        "x_ExecutionId ResourceName PostedAt Credits EffectiveCost Runs",
        [
            ("e1", "Support", "2026-01-10", 20, 0.16, 1),
        ],
    ),
    "credits-by-step": (
        {},
        "ResourceId x_StepId ServiceName Credits EffectiveCost Runs",
        [
            ("w1", "ask", "Agents", 20, 0.16, 2),
        ],
    ),
    "credits-by-trigger": (
        {},
        "x_TriggerType Credits EffectiveCost Runs",
        [
            ("api", 20, 0.16, 1),
            ("manual", 0, 0, 1),
        ],
    ),
    "credits-by-workflow": (
        {},
        "ResourceId ResourceName Credits EffectiveCost Runs",
        [
            ("w1", "Support", 20, 0.16, 2),
        ],
    ),
    "credits-left": (
        {},
        "LastPosted Balance PerDay DaysLeft",
        [
            ("2026-02-12", 1080, 0, None),
        ],
    ),
    "refunded-runs": (
        {},
        "x_ExecutionId ResourceName Charged Refunded Kept",
        [
            ("e2", "Support", 10, 10, 0),
        ],
    ),
    "tokens-by-model": (
        {},
        "x_ModelProvider x_ModelName InputTokens OutputTokens EffectiveCost CostPerMillion",
        [
            ("openai", "gpt", 100, 50, 0.16, 1066.6667),
        ],
    ),
    "billed-against-budget": (
        {"budget": 16},
        "Month SubAccountId SubAccountName BilledCost Budget Used",
        [
            ("2026-01-01", "s2", "Two", 40, 16, 2.5),
            ("2026-01-01", "s1", "One", 15, 16, 0.9375),
            ("2026-01-01", "default", "Workspace default", 8, 16, 0.5),
            ("2026-02-01", "s1", "One", 23, 16, 1.4375),
            ("2026-02-01", "default", "Workspace default", 0, 16, 0),
            ("2026-02-01", "s2", "Two", 0, 16, 0),
        ],
    ),
    "forecast-billed": (
        {"months": 1},
        "Month IsForecast BilledCost",
        [
            ("2026-01-01", False, 63),
            ("2026-02-01", False, 23),
            ("2026-03-01", True, 0),
        ],
    ),
    "forecast-effective": (
        {"months": 1},
        "Month IsForecast EffectiveCost",
        [
            ("2026-01-01", False, 26.16),
            ("2026-02-01", False, 29),
            ("2026-03-01", True, 31.84),
        ],
    ),
    "tag-against-budget": (
        {"key": "team", "budget": 20},
        "Month Value EffectiveCost Budget Used",
        [
            ("2026-01-01", "blue", 12, 20, 0.6),
            ("2026-01-01", None, 7.16, 20, 0.358),
            ("2026-01-01", "red", 7, 20, 0.35),
            ("2026-02-01", "red", 24, 20, 1.2),
            ("2026-02-01", None, 5, 20, 0.25),
        ],
    ),
    "usage-and-rates": (
        {},
        "Month ServiceName SkuId PricingUnit PricingQuantity EffectiveCost Rate",
        [
            ("2026-01-01", "Machines", "hour", "Hours", 28, 19, 0.6786),
            ("2026-01-01", "Machines", "disk", "Gigabytes", 4, 4, 1),
            ("2026-01-01", "Agents", "agent", "Actions", 1, 0.16, 0.16),
            ("2026-02-01", "Machines", "hour", "Hours", 35, 29, 0.8286),
            ("2026-02-01", "Agents", "agent", "Actions", 0, 0, None),
        ],
    ),
    "billed-by-issuer": (
        {},
        "BillingPeriodStart InvoiceIssuerName BillingAccountId BilledCost",
        [
            ("2026-01-01", "Cloud Inc.", "b1", 55),
            ("2026-01-01", "Builder", "b2", 8),
            ("2026-02-01", "Cloud Inc.", "b1", 23),
            ("2026-02-01", "Builder", "b2", 0),
        ],
    ),
    "cash-against-accrual": (
        {},
        "BillingPeriodStart Cash Accrual PaidAhead",
        [
            ("2026-01-01", 63, 27.16, 35.84),
            ("2026-02-01", 23, 28, 30.84),
        ],
    ),
    "corrections": (
        {},
        "BillingPeriodStart CorrectedMonth ChargeCategory ServiceName BilledCost EffectiveCost Charges",
        [
            ("2026-02-01", "2026-01-01", "Usage", "Machines", -1, -1, 1),
        ],
    ),
    "corrections-by-sub-account": (
        {},
        "BillingPeriodStart SubAccountId SubAccountName BilledCost EffectiveCost Charges",
        [
            ("2026-02-01", "s1", "One", -1, -1, 1),
        ],
    ),
    "credit-memos": (
        {},
        "BillingPeriodStart ChargeCategory ChargeClass ChargeDescription BilledCost EffectiveCost",
        [
            ("2026-01-01", "Credit", None, "Credit", 0, 0),
            ("2026-02-01", "Usage", "Correction", "Usage", -1, -1),
        ],
    ),
    "invoice-reconciliation": (
        {},
        "InvoiceId ChargeCategory ServiceName BilledCost Charges",
        [
            ("b1-2026-01", "Purchase", "Machines", 40, 1),
            ("b1-2026-01", "Usage", "Machines", 12, 3),
            ("b1-2026-01", "Tax", "Machines", 3, 1),
            ("b1-2026-02", "Usage", "Machines", 23, 3),
            ("b2-2026-01", "Purchase", "Workflow Credits", 8, 1),
        ],
    ),
    "invoice-totals": (
        {},
        "InvoiceIssuerName InvoiceId BillingPeriodStart BillingCurrency BilledCost Charges",
        [
            ("Builder", "b2-2026-01", "2026-01-01", "USD", 8, 3),
            ("Cloud Inc.", "b1-2026-01", "2026-01-01", "USD", 55, 5),
            ("Builder", "b2-2026-02", "2026-02-01", "USD", 0, 2),
            ("Cloud Inc.", "b1-2026-02", "2026-02-01", "USD", 23, 3),
        ],
    ),
    "without-corrections": (
        {},
        "BillingPeriodStart BilledCost EffectiveCost",
        [
            ("2026-01-01", 63, 27.16),
            ("2026-02-01", 24, 29),
        ],
    ),
    "accounts": (
        {},
        "BillingAccountId BillingAccountName SubAccountId SubAccountName EffectiveCost",
        [
            ("b1", "Whole", "s1", "One", 38),
            ("b1", "Whole", "s2", "Two", 17),
            ("b2", "Credits", "default", "Workspace default", 0.16),
        ],
    ),
    "marketplace": (
        {},
        "ServiceProviderName PublisherName InvoiceIssuerName ServiceName BilledCost",
        [
            ("Cloud", "Shop", "Cloud Inc.", "Machines", 4),
        ],
    ),
    "participating-entities": (
        {},
        "ServiceProviderName HostProviderName InvoiceIssuerName EffectiveCost Charges",
        [
            ("Cloud", "Cloud", "Cloud Inc.", 55, 8),
            ("Builder", "Builder", "Builder", 0.16, 5),
        ],
    ),
    "discount-effectiveness": (
        {},
        "ServiceName ListCost Negotiated Committed EffectiveCost",
        [
            ("Machines", 67, 11, 4, 52),
            ("Agents", 0.2, 0.04, 0, 0.16),
        ],
    ),
    "effective-savings-rate": (
        {},
        "Month ListCost EffectiveCost SavingsRate",
        [
            ("2026-01-01", 32.2, 23.16, 0.2807),
            ("2026-02-01", 35, 29, 0.1714),
        ],
    ),
    "effective-savings-rate-by-service": (
        {},
        "ServiceProviderName ServiceName ListCost EffectiveCost SavingsRate",
        [
            ("Cloud", "Machines", 67, 52, 0.2239),
            ("Builder", "Agents", 0.2, 0.16, 0.2),
        ],
    ),
    "components-of-a-resource": (
        {"resource": "vm1"},
        "ServiceName SkuId ChargeDescription EffectiveCost ConsumedQuantity ConsumedUnit",
        [
            ("Machines", "hour", "Usage", 31, 38, "Hours"),
            ("Machines", "disk", "Usage", 4, None, None),
        ],
    ),
    "costs-by-charge-category": (
        {},
        "ChargeCategory ChargeClass EffectiveCost BilledCost",
        [
            ("Usage", None, 53.16, 36),
            ("Tax", None, 3, 3),
            ("Credit", None, 0, 0),
            ("Purchase", None, 0, 48),
            ("Usage", "Correction", -1, -1),
        ],
    ),
    "costs-by-month": (
        {},
        "Month EffectiveCost BilledCost ListCost",
        [
            ("2026-01-01", 26.16, 62, 85.2),
            ("2026-02-01", 29, 24, 35),
        ],
    ),
    "costs-by-provider": (
        {},
        "ServiceProviderName EffectiveCost BilledCost",
        [
            ("Cloud", 55, 78),
            ("Builder", 0.16, 8),
        ],
    ),
    "costs-by-region": (
        {},
        "ServiceProviderName RegionId RegionName EffectiveCost BilledCost",
        [
            ("Cloud", "eu", "Europe", 35, 35),
            ("Cloud", "us", "America", 17, 0),
            ("Cloud", None, None, 3, 43),
            ("Builder", None, None, 0.16, 8),
        ],
    ),
    "costs-by-resource-type": (
        {},
        "ServiceProviderName ResourceType EffectiveCost BilledCost",
        [
            ("Cloud", "Machine", 47, 35),
            ("Cloud", None, 8, 43),
            ("Builder", "Workflow", 0.16, 0),
            ("Builder", None, 0, 8),
        ],
    ),
    "costs-by-service": (
        {},
        "ServiceProviderName ServiceName EffectiveCost BilledCost",
        [
            ("Cloud", "Machines", 55, 78),
            ("Builder", "Agents", 0.16, 0),
            ("Builder", "Workflow Credits", 0, 8),
        ],
    ),
    "costs-by-service-category": (
        {},
        "ServiceCategory EffectiveCost BilledCost",
        [
            ("Compute", 55, 78),
            ("AI and Machine Learning", 0.16, 8),
        ],
    ),
    "costs-by-service-subcategory": (
        {},
        "ServiceCategory ServiceSubcategory EffectiveCost BilledCost",
        [
            ("Compute", "Virtual Machines", 55, 78),
            ("AI and Machine Learning", "Generative AI", 0.16, 0),
            ("AI and Machine Learning", "AI Platforms", 0, 8),
        ],
    ),
    "costs-by-sub-account": (
        {},
        "SubAccountId SubAccountName EffectiveCost BilledCost",
        [
            ("s1", "One", 38, 38),
            ("s2", "Two", 17, 40),
            ("default", "Workspace default", 0.16, 8),
        ],
    ),
    "dearest-resources": (
        {"limit": 2},
        "ResourceId ResourceName ResourceType ServiceName EffectiveCost",
        [
            ("vm1", "First", "Machine", "Machines", 35),
            ("vm2", "Second", "Machine", "Machines", 12),
        ],
    ),
    "service-costs-month-over-month": (
        {},
        "Month ServiceProviderName ServiceName EffectiveCost Change",
        [
            ("2026-01-01", "Cloud", "Machines", 26, None),
            ("2026-01-01", "Builder", "Agents", 0.16, None),
            ("2026-01-01", "Builder", "Workflow Credits", 0, None),
            ("2026-02-01", "Cloud", "Machines", 29, 3),
            ("2026-02-01", "Builder", "Agents", 0, -0.16),
        ],
    ),
    "top-skus": (
        {"limit": 2},
        "ServiceName SkuId SkuMeter EffectiveCost PricingQuantity PricingUnit",
        [
            ("Machines", "hour", "Hours", 48, 63, "Hours"),
            ("Machines", "disk", None, 4, 4, "Gigabytes"),
        ],
    ),
    "average-rates": (
        {},
        "SkuId SkuPriceId PricingUnit PricingQuantity ListRate EffectiveRate",
        [
            ("agent", "agent/gpt/v1", "Actions", 1, 0.2, 0.16),
            ("disk", "disk/1", "Gigabytes", 4, 1, 1),
            ("hour", "hour/1", "Hours", 63, 1, 0.7619),
        ],
    ),
    "cost-per-consumed-unit": (
        {},
        "ServiceName ConsumedUnit ConsumedQuantity EffectiveCost CostPerUnit",
        [
            ("Machines", "Hours", 58, 43, 0.7414),
            ("Agents", "Tokens", 150, 0.16, 0.0011),
        ],
    ),
    "usage-month-over-month": (
        {},
        "Month ServiceName ConsumedUnit ConsumedQuantity Change",
        [
            ("2026-01-01", "Agents", "Tokens", 150, None),
            ("2026-01-01", "Machines", "Hours", 28, None),
            ("2026-02-01", "Agents", "Tokens", 0, -150),
            ("2026-02-01", "Machines", "Hours", 30, 2),
        ],
    ),
    "contracted-savings-in-pricing-currency": (
        {},
        "PricingCurrency ServiceName Saved",
        [
            ("CRD", "Agents", 0),
        ],
    ),
    "effective-cost-by-pricing-currency": (
        {},
        "PricingCurrency BillingCurrency PricingCurrencyEffectiveCost EffectiveCost",
        [
            ("USD", "USD", None, 55),
            ("CRD", "USD", 20, 0.16),
        ],
    ),
    "virtual-currency-consumption": (
        {},
        "BillingPeriodStart PricingCurrency PricingCurrencyEffectiveCost EffectiveCost",
        [
            ("2026-01-01", "CRD", 20, 0.16),
            ("2026-02-01", "CRD", 0, 0),
        ],
    ),
    "virtual-currency-purchases": (
        {},
        "Month PricingUnit PricingQuantity BilledCost PaidPerUnit",
        [
            ("2026-01-01", "Credits", 1000, 8, 0.008),
        ],
    ),
    "virtual-currency-spent-on": (
        {},
        "ServiceName SkuId PricingCurrency PricingCurrencyEffectiveCost EffectiveCost",
        [
            ("Agents", "agent", "CRD", 20, 0.16),
        ],
    ),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> FocusData:
    return focus(write(tmp_path_factory.mktemp("focus") / "charges.csv"))


def plain(value: Any) -> Any:
    """Return a cell as it is written above: days as texts, numbers to four places."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (pd.Timestamp, dt.datetime)):
        return f"{value:%Y-%m-%d}"
    value = value.item() if hasattr(value, "item") else value
    return round(value, 4) if isinstance(value, float) else value


@pytest.mark.parametrize("name", cases())
def test_a_question_has_its_answer(data: FocusData, name: str) -> None:
    parameters, columns, rows = ANSWERS[name]
    found = data.use_case(name, **parameters)
    assert " ".join(found.columns) == columns
    assert [tuple(map(plain, row)) for row in found.itertuples(index=False)] == rows


def test_a_question_says_what_it_is() -> None:
    known = {column.name for column in all_columns()}
    for case in cases().values():
        assert case.title
        assert case.question.endswith("?")
        assert case.source
        assert set(case.columns) <= known, case.name
        assert set(case.columns) <= set(re.findall(r"\w+", case.sql)), case.name
        assert all(p.meaning and f"${p.name}" in case.sql for p in case.parameters), case.name
    assert len(cases()) >= 40


def test_a_window_has_its_first_moment_and_not_its_last(data: FocusData) -> None:
    assert len(data.by_month(start="2026-02-01")) == 1
    assert len(data.by_month(end="2026-02-01")) == 1
    whole = data.sql("SELECT count(*) AS n FROM focus")["n"][0]
    parts = [
        ("2025-01-01", "2026-01-05T10:00:00Z"),
        ("2026-01-05T10:00:00Z", "2026-02-01"),
        ("2026-02-01", "2027-01-01"),
    ]
    assert sum(data.use_case("costs-by-tag", key="team", start=a, end=b)["Charges"].sum() for a, b in parts) == whole
    january = data.between("2026-01-01", "2026-02-01")
    assert january.invoices()["Charges"].sum() == 8  # the whole last month of the window is in it
    assert "2026-01-01" in repr(january)


def test_the_methods_are_use_cases(data: FocusData) -> None:
    for method in (
        "by_service", "by_month", "by_workflow", "by_model", "credits_used", "credits_left", "burn_down", "invoices",
        "anomalies", "savings", "forecast",
    ):  # fmt: skip
        assert list(getattr(data, method)().columns), method
    assert data.by_tag("team")["Value"].tolist()[0] == "red"
    assert data.by_tag('odd"key.with/all').shape == (1, 4)


def test_answers_come_as_what_is_asked_for(data: FocusData) -> None:
    import polars as pl

    assert isinstance(data.by_service(to="polars"), pl.DataFrame)
    budgets = pd.DataFrame({"SubAccountId": ["s1"], "Budget": [30]})
    joined = data.sql(
        "SELECT Budget - sum(EffectiveCost) AS Left FROM focus JOIN budgets USING (SubAccountId) GROUP BY Budget",
        budgets=budgets,
    )
    assert joined["Left"].tolist() == [-8]
    assert data.sql("SELECT $x + 1 AS y", {"x": 2})["y"].tolist() == [3]
    with pytest.raises(InvalidInput):
        data.sql("SELECT * FROM budgets")


def test_what_cannot_be_asked_is_said(data: FocusData) -> None:
    with pytest.raises(NotFound, match="costs-by-tag"):
        data.use_case("cost-by-tags")
    with pytest.raises(InvalidInput, match="case-sensitive") as missing:
        data.use_case("costs-by-tag")
    assert missing.value.code == "MISSING_PARAMETER"
    with pytest.raises(InvalidInput) as unknown:
        data.by_month(limit=3)
    assert unknown.value.code == "UNKNOWN_PARAMETER"
    with pytest.raises(InvalidInput) as wrong:
        data.sql("SELECT nothing FROM focus")
    assert wrong.value.code == "INVALID_SQL"
    for changing in ("DROP VIEW focus", "SELECT 1; SELECT 2", "COPY focus TO 'x.csv'"):
        with pytest.raises(InvalidInput) as refused:
            data.sql(changing)
        assert refused.value.code == "NOT_A_QUERY"


def test_use_cases_and_columns_say_what_fits(data: FocusData) -> None:
    listed = data.use_cases()
    assert listed["fits"].all()
    columns = data.columns()
    assert columns.loc["BilledCost", "rows"] == 13
    assert columns.loc["AvailabilityZone", "rows"] == 0
    assert columns.loc["x_CreditDelta", "level"] == "custom"


def test_faults_of_vendors_are_not_hidden(tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("BilledCost,ChargePeriodStart,Tags\n1.5,2024-09-01 00:00:00,NULL\nmuch,yesterday,x\n")
    data = focus(broken)
    assert data.sql("SELECT sum(BilledCost) AS s FROM focus")["s"].tolist() == [1.5]
    assert data.unread().values.tolist() == [
        ["BilledCost", 1, "much"], ["ChargePeriodStart", 1, "yesterday"], ["Tags", 1, "x"],
    ]  # fmt: skip
