"""Who sells the credits and what they are called in an export: settings, and the services by node type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from builder_jupyter.errors import NotConfigured

CURRENCY = re.compile(r"[A-Z]{3}")
DEFAULT_LIST_PRICE = Decimal("0.01")
PRICE_PLACES = 6
"""Digits behind the point that a price may have: times a credit's four they fit into a cost's ten."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """What every row of an export says of the vendor.

    Parameters
    ----------
    name : provider, host, publisher and issuer of the invoices.
    list_price : the public price of a credit, in ``currency``.
    currency : of the invoices, ISO 4217.
    credit_currency : what credits are called as a currency: three capitals that ISO 4217 does not have.
    account_name : of the billing account.

    Raises
    ------
    NotConfigured : ``BILLING_SETTINGS``.
    """

    name: str = "Builder"
    list_price: Decimal = DEFAULT_LIST_PRICE
    currency: str = "USD"
    credit_currency: str = "CRD"
    account_name: str = "This installation"

    def __post_init__(self) -> None:
        if not CURRENCY.fullmatch(self.currency) or not CURRENCY.fullmatch(self.credit_currency):
            raise NotConfigured("A currency of billing is not three capitals.", code="BILLING_SETTINGS")
        if not self.list_price.is_finite() or self.list_price < 0:
            raise NotConfigured("The price of a credit is not a number from 0 on.", code="BILLING_SETTINGS")
        if self.list_price != round(self.list_price, PRICE_PLACES):
            raise NotConfigured(
                f"The price of a credit has more than {PRICE_PLACES} decimal places.", code="BILLING_SETTINGS"
            )
        if not self.name.strip() or not self.account_name.strip():
            raise NotConfigured(
                "The names of the vendor and of the account must not be blank.", code="BILLING_SETTINGS"
            )


def read_vendor(configured: Mapping[str, Any]) -> Vendor:
    """Return the vendor that settings describe by the names of its fields. Raises `NotConfigured`."""
    unknown = sorted(set(configured) - {field.name for field in fields(Vendor)})
    if unknown:
        known = ", ".join(field.name for field in fields(Vendor))
        raise NotConfigured(
            f"BuilderApp.billing has no {', '.join(unknown)}.", code="BILLING_SETTINGS", hint=f"It has: {known}."
        )
    values = {name: str(value) for name, value in configured.items()}
    try:
        price = Decimal(values.pop("list_price", DEFAULT_LIST_PRICE))
    except InvalidOperation:
        price = Decimal("NaN")
    return Vendor(list_price=price, **values)


class Service(NamedTuple):
    """How the steps of a node type are sold. One service has one category, all through an export."""

    node_type: str
    sku: str
    service: str
    category: str
    subcategory: str


AI, INTEGRATION = "AI and Machine Learning", "Integration"
GENERATIVE, ORCHESTRATION = "Generative AI", "Workflow Orchestration"
CREDITS: Final = Service("", "credits", "Workflow Credits", AI, "AI Platforms")
STEPS: Final = Service("", "step", "Workflow Steps", INTEGRATION, ORCHESTRATION)
"""Node types that are not in the table."""

SERVICES: Final[tuple[Service, ...]] = (
    Service("agent", "agent", "Agents", AI, GENERATIVE),
    Service("text-gen", "text-generation", "Text Generation", AI, GENERATIVE),
    Service("generate-image", "image-generation", "Image Generation", AI, GENERATIVE),
    Service("generate-video", "video-generation", "Video Generation", AI, GENERATIVE),
    Service("generate-sfx", "sound-effects", "Sound Effects", AI, GENERATIVE),
    Service("text-to-speech", "text-to-speech", "Text to Speech", AI, GENERATIVE),
    Service("speech-to-speech", "speech-to-speech", "Speech to Speech", AI, GENERATIVE),
)
