"""Tools that read what the workspace has and has spent."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Literal

from pydantic import Field

from builder_jupyter.errors import TooLarge
from builder_jupyter.gateway.keys import NoArgs
from builder_jupyter.gateway.shapes import Whole, part
from builder_jupyter.gateway.tool import Args, Call, Result, tool
from builder_jupyter.identity.scopes import Scope

MAX_EXPORT_BYTES = 4 * 1024 * 1024


class Balance(Result):
    """What can still be spent, in credits; what runs under way may cost is deducted already."""

    workspace_id: str
    balance: float
    updated_at: int


@tool("Read the credit balance", Scope.READ_BILLING)
async def get_credit_balance(call: Call, args: NoArgs) -> Balance:
    """Read how many credits the workspace can still spend."""
    del args
    return part(Balance, await call.runtime.credits.balance(call.principal))


class TransactionArgs(Args):
    """How many."""

    limit: Annotated[Whole, Field(ge=1, le=200)] = 50


class Transactions(Result):
    """Transactions, newest first: ``{id, kind, amount, balanceAfter, createdAt, …}``."""

    transactions: list[dict[str, Any]]


@tool("List credit transactions", Scope.READ_BILLING)
async def list_credit_transactions(call: Call, args: TransactionArgs) -> Transactions:
    """List the newest grants, purchases, deductions and refunds of the workspace."""
    return Transactions(transactions=await call.runtime.credits.transactions(call.principal, args.limit))


class Summary(Transactions):
    """The balance with the newest transactions."""

    workspace_id: str
    balance: float


@tool("Summarise billing", Scope.READ_BILLING)
async def get_billing_summary(call: Call, args: NoArgs) -> Summary:
    """Read the balance with the newest transactions."""
    del args
    return part(Summary, await call.runtime.credits.summary(call.principal))


class ExportArgs(Args):
    """From when to when (days, or times with an offset; ``to`` is left out), and as what."""

    from_: Annotated[str, Field(alias="from", min_length=1, max_length=64)]
    to: Annotated[str, Field(min_length=1, max_length=64)]
    format: Literal["jsonl", "csv"] = "jsonl"


class FocusExport(Result):
    """A file of FOCUS rows, as text."""

    file_name: str
    media_type: str
    content: str


@tool("Export usage as FOCUS", Scope.READ_BILLING)
async def export_focus_usage(call: Call, args: ExportArgs) -> FocusExport:
    """Export the workspace's charges of a window as FOCUS rows. What is larger than 4 MiB is for the REST route."""
    export = await call.runtime.billing.export(call.principal, args.from_, args.to, fmt=args.format)
    pieces: list[bytes] = []
    async with contextlib.aclosing(export.content) as content:
        async for piece in content:
            pieces.append(piece)
            if sum(map(len, pieces)) > MAX_EXPORT_BYTES:
                raise TooLarge(
                    f"The export has more than {MAX_EXPORT_BYTES} bytes.",
                    hint="Ask for less, or GET /api/billing/focus-export.",
                )
    return FocusExport(file_name=export.name, media_type=export.media_type, content=b"".join(pieces).decode())


TOOLS = (get_credit_balance, list_credit_transactions, get_billing_summary, export_focus_usage)
