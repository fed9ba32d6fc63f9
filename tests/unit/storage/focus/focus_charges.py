"""A dozen charges with round numbers, so that each answer to a use case can be worked out by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from builder_jupyter.costs.focus.columns import columns_of

CLOUD: dict[str, Any] = {
    "ServiceProviderName": "Cloud", "HostProviderName": "Cloud", "ProviderName": "Cloud", "PublisherName": "Cloud",
    "InvoiceIssuerName": "Cloud Inc.", "ServiceName": "Machines", "ServiceCategory": "Compute",
    "ServiceSubcategory": "Virtual Machines", "PricingCurrency": "USD", "BillingAccountId": "b1",
    "BillingAccountName": "Whole", "SubAccountType": "Project",
}  # fmt: skip
BUILDER: dict[str, Any] = {
    "ServiceProviderName": "Builder", "HostProviderName": "Builder", "ProviderName": "Builder",
    "PublisherName": "Builder", "InvoiceIssuerName": "Builder", "ServiceCategory": "AI and Machine Learning",
    "ServiceSubcategory": "Generative AI", "PricingCurrency": "CRD", "BillingAccountId": "b2",
    "BillingAccountName": "Credits", "SubAccountId": "default", "SubAccountName": "Workspace default",
    "SubAccountType": "Workspace",
}  # fmt: skip
ONE, TWO = {"SubAccountId": "s1", "SubAccountName": "One"}, {"SubAccountId": "s2", "SubAccountName": "Two"}
EU, US = {"RegionId": "eu", "RegionName": "Europe"}, {"RegionId": "us", "RegionName": "America"}
VM1 = {"ResourceId": "vm1", "ResourceName": "First", "ResourceType": "Machine", **ONE, **EU}
VM2 = {"ResourceId": "vm2", "ResourceName": "Second", "ResourceType": "Machine", **TWO, **US}
FLOW = {"ResourceId": "w1", "ResourceName": "Support", "ResourceType": "Workflow", "ServiceName": "Agents"}
LOT = {"ServiceName": "Workflow Credits", "ServiceSubcategory": "AI Platforms", "PricingCurrency": "USD"}
HOURS = {"SkuId": "hour", "SkuMeter": "Hours", "SkuPriceId": "hour/1", "PricingUnit": "Hours", "ConsumedUnit": "Hours"}
ACTION = {
    "SkuId": "agent", "SkuMeter": "Agents Actions", "SkuPriceId": "agent/gpt/v1", "PricingUnit": "Actions",
    "ConsumedUnit": "Tokens", "x_ModelName": "gpt", "x_ModelProvider": "openai", "x_CreditLotId": "l9",
}  # fmt: skip
RED, BLUE = {"team": "red"}, {"team": "blue", "env": "prod"}
COMMITTED = {
    "CommitmentDiscountId": "cd1", "CommitmentDiscountName": "A year", "CommitmentDiscountType": "Plan",
    "CommitmentDiscountCategory": "Spend",
}  # fmt: skip


def charge(
    day: str, category: str, costs: tuple[float, float, float, float], *parts: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """``costs`` are list, contracted, effective and billed; the billing month is the day's unless ``billed_in``."""
    month = more.pop("billed_in", day[:7])
    following = {"2026-01": "2026-02", "2026-02": "2026-03"}[month]
    row: dict[str, Any] = {
        "ChargePeriodStart": f"{day}T10:00:00Z", "ChargePeriodEnd": f"{day}T11:00:00Z", "BillingCurrency": "USD",
        "BillingPeriodStart": f"{month}-01T00:00:00Z", "BillingPeriodEnd": f"{following}-01T00:00:00Z",
        "ChargeCategory": category, "ChargeDescription": category, "BillingAccountType": "Account",
        "ChargeFrequency": "Usage-Based" if category == "Usage" else "One-Time",
        "PricingCategory": "Standard" if category in {"Usage", "Purchase"} else None,
        **dict(zip(("ListCost", "ContractedCost", "EffectiveCost", "BilledCost"), costs, strict=True)),
    }  # fmt: skip
    for part in (*parts, more):
        row.update(part)
    row["InvoiceId"] = f"{row['BillingAccountId']}-{month}"
    return row


def credits_of(entry: str, day: str, delta: int, after: int, **more: Any) -> dict[str, Any]:
    return {
        "x_LedgerEntryId": entry, "x_PostedAt": f"{day}T10:30:00Z", "x_CreditDelta": delta,
        "x_CreditBalanceAfter": after, **more,
    }  # fmt: skip


def used(n: int, price: int, tokens: tuple[int, int]) -> dict[str, Any]:
    return {
        "PricingQuantity": n, "ConsumedQuantity": n * sum(tokens), "PricingCurrencyEffectiveCost": n * price,
        "PricingCurrencyListUnitPrice": price, "PricingCurrencyContractedUnitPrice": price,
        "x_InputTokens": n * tokens[0], "x_OutputTokens": n * tokens[1],
    }  # fmt: skip


CHARGES = (
    # Machines: 10 hours, 20 hours under a commitment, 30 hours in February, and 2 of January's taken back then.
    charge("2026-01-05", "Usage", (10, 8, 8, 8), CLOUD, VM1, HOURS, PricingQuantity=10, ConsumedQuantity=10, Tags=RED),
    charge("2026-01-06", "Usage", (20, 16, 12, 0), CLOUD, VM2, HOURS, COMMITTED, CommitmentDiscountStatus="Used",
           PricingQuantity=20, ConsumedQuantity=20, Tags=BLUE),
    charge("2026-02-05", "Usage", (30, 24, 24, 24), CLOUD, VM1, HOURS, PricingQuantity=30, ConsumedQuantity=30,
           Tags=RED),
    charge("2026-01-01", "Purchase", (40, 40, 0, 40), CLOUD, TWO, COMMITTED, SkuId="plan", SkuPriceId="plan/1",
           PricingQuantity=1, PricingUnit="Plans"),
    charge("2026-02-06", "Usage", (5, 5, 5, 0), CLOUD, TWO, US, COMMITTED, CommitmentDiscountStatus="Unused",
           SkuId="hour", SkuPriceId="hour/1", PricingQuantity=5, PricingUnit="Hours"),
    charge("2026-01-05", "Usage", (-2, -1, -1, -1), CLOUD, VM1, HOURS, billed_in="2026-02", ChargeClass="Correction",
           PricingQuantity=-2, ConsumedQuantity=-2, Tags=RED),
    charge("2026-01-31", "Tax", (3, 3, 3, 3), CLOUD, ONE),
    charge("2026-01-07", "Usage", (4, 4, 4, 4), CLOUD, VM1, AllocatedResourceId="app", AllocatedResourceName="App",
           AllocatedMethodId="even", CapacityReservationId="cr1", CapacityReservationStatus="Used",
           PublisherName="Shop", SkuId="disk", SkuPriceId="disk/1", PricingQuantity=4, PricingUnit="Gigabytes"),
    # Credits: 100 granted, 1000 bought for 8, a run of 20, a run of 10 that was given back.
    charge("2026-01-02", "Credit", (0, 0, 0, 0), BUILDER, LOT, credits_of("l8", "2026-01-02", 100, 100)),
    charge("2026-01-03", "Purchase", (10, 8, 0, 8), BUILDER, LOT, credits_of("l9", "2026-01-03", 1000, 1100),
           PricingUnit="Credits", PricingQuantity=1000, SkuId="credits", SkuPriceId="credits/any"),
    charge("2026-01-10", "Usage", (0.2, 0.16, 0.16, 0), BUILDER, FLOW, ACTION, used(1, 20, (100, 50)),
           credits_of("l10", "2026-01-10", -20, 1080, x_ExecutionId="e1", x_StepId="ask", x_TriggerType="api")),
    charge("2026-02-11", "Usage", (0.1, 0.08, 0.08, 0), BUILDER, FLOW, ACTION, used(1, 10, (40, 10)),
           credits_of("l11", "2026-02-11", -10, 1070, x_ExecutionId="e2", x_StepId="ask", x_TriggerType="manual")),
    charge("2026-02-11", "Usage", (-0.1, -0.08, -0.08, 0), BUILDER, FLOW, ACTION, used(-1, 10, (40, 10)),
           credits_of("l12", "2026-02-12", 10, 1080, x_ExecutionId="e2", x_StepId="ask", x_TriggerType="manual",
                      x_RefundOf="l11")),
)  # fmt: skip


def write(place: Path) -> Path:
    """Write the charges as CSV."""
    names = [column.name for column in columns_of()]
    with place.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for row in CHARGES:
            writer.writerow({k: json.dumps(v) if isinstance(v, dict) else v for k, v in row.items()})
    return place
