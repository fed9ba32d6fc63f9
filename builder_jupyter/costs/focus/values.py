"""The words that columns of FOCUS may hold, where the specification lists them."""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, frozenset[str]]] = {
    "ChargeCategory": frozenset({"Usage", "Purchase", "Tax", "Credit", "Adjustment"}),
    "ChargeClass": frozenset({"Correction"}),
    "ChargeFrequency": frozenset({"One-Time", "Recurring", "Usage-Based"}),
    "PricingCategory": frozenset({"Standard", "Dynamic", "Committed", "Other"}),
    "CommitmentDiscountCategory": frozenset({"Spend", "Usage"}),
    "CommitmentDiscountStatus": frozenset({"Used", "Unused"}),
    "CapacityReservationStatus": frozenset({"Used", "Unused"}),
}
"""Column to the words that it may hold; it may be empty as well where the column is nullable."""

SUBCATEGORIES: Final[dict[str, frozenset[str] | None]] = {
    "AI and Machine Learning": frozenset(
        {"AI Platforms", "Bots", "Generative AI", "Machine Learning", "Natural Language Processing"}
    ),
    "Integration": frozenset({"API Management", "Messaging", "Workflow Orchestration"}),
    "Developer Tools": frozenset(
        {
            "Developer Platforms",
            "Continuous Integration and Deployment",
            "Development Environments",
            "Source Code Management",
            "Quality Assurance",
        }
    ),
    "Media": frozenset({"Content Creation", "Gaming", "Media Streaming", "Mixed Reality"}),
    **dict.fromkeys(
        (
            "Analytics", "Business Applications", "Compute", "Databases", "Identity", "Internet of Things",
            "Management and Governance", "Migration", "Mobile", "Multicloud", "Networking", "Security", "Storage",
            "Web", "Other",
        )
    ),
}  # fmt: skip
"""ServiceCategory to the subcategories below it; None where any is taken. `Other (X)` is always one."""


def is_under(subcategory: str, category: str) -> bool:
    """Say whether a ServiceSubcategory belongs to a ServiceCategory, as far as the table knows."""
    known = SUBCATEGORIES.get(category)
    return known is None or subcategory in known or subcategory == f"Other ({category})"
