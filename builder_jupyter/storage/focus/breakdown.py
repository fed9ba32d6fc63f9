"""Charges added up by what one chooses: the questions behind a panel, where ready-made ones have fixed columns.

`DIMENSIONS` and `MEASURES` are the vocabulary; a tag is the dimension ``tag:KEY``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder_jupyter.errors import InvalidInput

TAG = "tag:"


@dataclass(frozen=True, slots=True)
class Dimension:
    """What charges can be grouped by: how it is called, its SQL over ``charges``, and the columns it reads."""

    title: str
    sql: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is added up. ``is_money`` when it is in BillingCurrency."""

    title: str
    sql: str
    column: str
    is_money: bool


def _plain(title: str, column: str) -> Dimension:
    return Dimension(title, column, (column,))


DIMENSIONS: dict[str, Dimension] = {
    "month": Dimension("Month", "strftime(ChargePeriodStart, '%Y-%m')", ("ChargePeriodStart",)),
    "day": Dimension("Day", "strftime(ChargePeriodStart, '%Y-%m-%d')", ("ChargePeriodStart",)),
    "service": _plain("Service", "ServiceName"),
    "category": _plain("Service category", "ServiceCategory"),
    "provider": _plain("Provider", "ServiceProviderName"),
    "account": Dimension("Sub account", "coalesce(SubAccountName, SubAccountId)", ("SubAccountId",)),
    "region": Dimension("Region", "coalesce(RegionName, RegionId)", ("RegionId",)),
    "workflow": Dimension(
        "Workflow",
        "CASE WHEN ResourceType = 'Workflow' THEN coalesce(ResourceName, ResourceId) END",
        ("x_ExecutionId",),
    ),
    "model": _plain("Model", "x_ModelName"),
    "trigger": _plain("Trigger", "x_TriggerType"),
    "execution": _plain("Execution", "x_ExecutionId"),
    "step": _plain("Step", "x_StepId"),
    "resource": Dimension("Resource", "coalesce(ResourceName, ResourceId)", ("ResourceId",)),
    "sku": _plain("SKU", "SkuId"),
    "charge": _plain("Charge category", "ChargeCategory"),
    "currency": _plain("Currency", "BillingCurrency"),
}
MEASURES: dict[str, Measure] = {
    "credits": Measure(
        "Credits used", "-sum(x_CreditDelta) FILTER (ChargeCategory = 'Usage')", "x_CreditDelta", is_money=False
    ),
    "effective": Measure("Effective cost", "sum(EffectiveCost)", "EffectiveCost", is_money=True),
    "billed": Measure("Billed cost", "sum(BilledCost)", "BilledCost", is_money=True),
    "list": Measure("List cost", "sum(ListCost)", "ListCost", is_money=True),
    "tokens": Measure(
        "Tokens", "sum(coalesce(x_InputTokens, 0) + coalesce(x_OutputTokens, 0))", "x_InputTokens", is_money=False
    ),
}
AMOUNT = "Amount"
CHARGES = "Charges"


def query(by: Sequence[str], measure: str, where: Mapping[str, str | None]) -> tuple[str, dict[str, str | None]]:
    """Return SQL over ``charges`` and the values of its parameters.

    One row for each combination that is there: the dimensions under their titles, `AMOUNT` and `CHARGES`; the most
    first. ``where`` keeps the charges whose dimension has that value, None being none.

    Raises
    ------
    InvalidInput : ``UNKNOWN_DIMENSION``, ``UNKNOWN_MEASURE``.
    """
    if measure not in MEASURES:
        raise InvalidInput(f"There is no measure {measure!r}.", code="UNKNOWN_MEASURE", hint=", ".join(MEASURES))
    given: dict[str, str | None] = {}
    columns = [f"{_expression(name, given)} AS {_quoted(title_of(name))}" for name in by]
    columns += [f"coalesce({MEASURES[measure].sql}, 0) AS {AMOUNT}", f"count(*) AS {CHARGES}"]
    text = f"SELECT {', '.join(columns)} FROM charges WHERE {condition(where, given)}"  # noqa: S608 - ours, or quoted
    if by:
        groups = ", ".join(str(at + 1) for at in range(len(by)))
        text += f" GROUP BY {groups} ORDER BY {len(by) + 1} DESC, {groups}"
    return text, given


def condition(where: Mapping[str, str | None], given: dict[str, str | None]) -> str:
    """Return SQL that keeps charges of these values, which become parameters in ``given``. Raises as `query`."""
    parts = [f"{_expression(name, given)} IS NOT DISTINCT FROM {_bound(value, given)}" for name, value in where.items()]
    return " AND ".join(parts) or "true"


def title_of(name: str) -> str:
    """Return how a dimension is called. Raises `InvalidInput` (``UNKNOWN_DIMENSION``)."""
    if name.startswith(TAG) and name != TAG:
        return f"Tag {name.removeprefix(TAG)}"
    if name not in DIMENSIONS:
        known = f"{', '.join(DIMENSIONS)}, tag:KEY"
        raise InvalidInput(f"Charges cannot be grouped by {name!r}.", code="UNKNOWN_DIMENSION", hint=known)
    return DIMENSIONS[name].title


def _expression(name: str, given: dict[str, str | None]) -> str:
    title_of(name)
    if not name.startswith(TAG):
        return DIMENSIONS[name].sql
    # Keys may hold dots and slashes: the quoted form of a path, with the key bound and not pasted in.
    key = name.removeprefix(TAG).replace('"', '\\"')
    path = f'$."{key}"'
    return f"json_extract_string(Tags, {_bound(path, given)})"


def _bound(value: str | None, given: dict[str, str | None]) -> str:
    name = f"p{len(given)}"
    given[name] = value
    return f"${name}::VARCHAR"


def _quoted(title: str) -> str:
    return '"' + title.replace('"', '""') + '"'
