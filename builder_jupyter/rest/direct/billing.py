"""``/api/mcp/credits/*`` and ``/api/mcp/billing/summary``: what a workspace can spend, and what became of it.

Source: spec builder-studio §3.4, §9.3.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.handler import BuilderHandler
from builder_jupyter.rest.routing import route
from builder_jupyter.services.credits import MAX_TRANSACTIONS
from builder_jupyter.services.rates import Bucket


class CreditBalance(BaseModel):
    """What can still be spent. ``updatedAt`` is epoch milliseconds."""

    workspaceId: str  # noqa: N815 - the wire's names, here and below
    balance: float
    updatedAt: int  # noqa: N815


class TransactionList(BaseModel):
    """What changed the balance, newest first. Amounts are credits, negative for deductions."""

    workspaceId: str  # noqa: N815
    transactions: list[dict[str, Any]]


class BillingSummary(TransactionList):
    """The balance and the newest transactions."""

    balance: float


class TransactionsQuery(BaseModel):
    """How many."""

    limit: int = Field(default=50, ge=1, le=MAX_TRANSACTIONS)


class BalanceHandler(BuilderHandler):
    """Balance."""

    path = "/api/mcp/credits/balance"

    @route(Scope.READ_BILLING, answer=CreditBalance, bucket=Bucket.MCP)
    async def get(self) -> None:
        """Read the workspace's balance; runs under way are deducted already."""
        self.answer(await self.call(self.runtime.credits.balance(self.caller)))


class TransactionsHandler(BuilderHandler):
    """Transactions."""

    path = "/api/mcp/credits/transactions"

    @route(Scope.READ_BILLING, query=TransactionsQuery, answer=TransactionList, bucket=Bucket.MCP)
    async def get(self) -> None:
        """List the workspace's newest transactions."""
        wanted = self.query(TransactionsQuery)
        found = await self.call(self.runtime.credits.transactions(self.caller, wanted.limit))
        self.answer({"workspaceId": self.caller.workspace, "transactions": found})


class SummaryHandler(BuilderHandler):
    """Summary."""

    path = "/api/mcp/billing/summary"

    @route(Scope.READ_BILLING, answer=BillingSummary, bucket=Bucket.MCP)
    async def get(self) -> None:
        """Read the balance with the ten newest transactions."""
        self.answer(await self.call(self.runtime.credits.summary(self.caller)))


HANDLERS = (BalanceHandler, TransactionsHandler, SummaryHandler)
