"""Budgets, and what the server's owner posts to ledgers: no key opens the latter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from builder_jupyter.costs.prices import MOST
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import WHOLE, Loose, Whole
from builder_jupyter.rest.routing import Access, route
from builder_jupyter.services.postings import MAX_TEXT

TEXT: Any = Field(default=None, min_length=1, max_length=MAX_TEXT)


class BudgetBody(Loose):
    """Credits that the workspace may spend in a calendar month (UTC); null for any number."""

    creditsPerMonth: Annotated[int, Field(ge=0, le=MOST), WHOLE] | None  # noqa: N815 - the wire's names, here and below


class MonthlyBudget(BaseModel):
    """What may be spent in this month and what was; what runs hold counts as used up."""

    workspaceId: str  # noqa: N815
    creditsPerMonth: float | None  # noqa: N815
    used: float
    held: float
    left: float | None
    month: str
    resetsAt: str  # noqa: N815


class BudgetHandler(BuilderFamily):
    """Budget."""

    path = "/api/builder/budget"

    @route(Scope.READ_BILLING, answer=MonthlyBudget)
    async def get(self) -> None:
        """Read the workspace's budget of this month."""
        self.answer(await self.call(self.runtime.credits.budget(self.caller)))

    @route(Scope.MANAGE_INTEGRATIONS, body=BudgetBody, answer=MonthlyBudget)
    async def put(self) -> None:
        """Limit what the workspace may spend in a month, or no longer."""
        wanted = await self.model(BudgetBody)
        self.answer(await self.call(self.runtime.credits.set_budget(self.caller, wanted.creditsPerMonth)))


class CreditsBody(Loose):
    """Credits to be added. ``paidUsd`` is what a purchase cost, as an exact text; ``workspaceId`` whose they are."""

    credits: Whole = Field(ge=-MOST, le=MOST)
    kind: Literal["purchase", "grant", "adjustment"] = "purchase"
    paidUsd: str | None = Field(default=None, pattern=r"^[0-9]{1,9}(\.[0-9]{1,4})?$")  # noqa: N815
    workspaceId: str | None = TEXT  # noqa: N815
    receipt: str | None = TEXT
    pack: str | None = TEXT
    note: str | None = TEXT


class CreditsAdded(BaseModel):
    """The balance after it."""

    workspaceId: str  # noqa: N815
    balance: float
    added: float


class CreditsHandler(BuilderFamily):
    """Credits."""

    path = "/api/builder/credits"

    @route(access=Access.JUPYTER, body=CreditsBody, answer=CreditsAdded, status=201, refuses=(402, 409))
    async def post(self) -> None:
        """Add credits to a workspace: a purchase, a grant or an adjustment."""
        wanted = await self.model(CreditsBody)
        work = self.runtime.postings.add(
            self.caller,
            wanted.credits,
            kind=wanted.kind,
            paid_usd=wanted.paidUsd,
            workspace=wanted.workspaceId,
            receipt=wanted.receipt,
            pack=wanted.pack,
            note=wanted.note,
        )
        self.answer(await self.call(work))


class RefundBody(Loose):
    """What to take back: a purchase, an entry of usage, or all usage of an execution."""

    id: str = Field(min_length=1, max_length=MAX_TEXT)
    workspaceId: str | None = TEXT  # noqa: N815
    note: str | None = TEXT


class Refunded(BaseModel):
    """The balance after it."""

    workspaceId: str  # noqa: N815
    balance: float
    refunded: float


class RefundHandler(BuilderFamily):
    """Refunds."""

    path = "/api/builder/credits/refund"

    @route(access=Access.JUPYTER, body=RefundBody, answer=Refunded, refuses=(404, 409))
    async def post(self) -> None:
        """Give the credits of usage back, or take those of a purchase away."""
        wanted = await self.model(RefundBody)
        work = self.runtime.postings.refund(self.caller, wanted.id, workspace=wanted.workspaceId, note=wanted.note)
        self.answer(await self.call(work))


HANDLERS = (BudgetHandler, CreditsHandler, RefundHandler)
