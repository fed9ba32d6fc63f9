"""Balances and budgets, over the REST routes or from a runtime in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.downloads import create
from builder_jupyter.client.protocol import Wire

if TYPE_CHECKING:
    from builder_jupyter.identity.principal import Principal
    from builder_jupyter.services.runtime import Runtime

NAMES = {"paid_usd": "paidUsd", "workspace": "workspaceId"}
QUERY = {"fmt": "format", "focus_version": "version"}
"""What the routes call some arguments."""


class HttpCredits:
    """A `CreditsTransport` over REST. ``ask`` returns the object that a route answers, ``fetch`` makes it a file."""

    def __init__(self, ask: Callable[..., Awaitable[Wire]], fetch: Callable[..., Awaitable[None]]) -> None:
        self._ask = ask
        self._fetch = fetch

    async def balance(self) -> Wire:
        """Return what can be spent."""
        return await self._ask("GET", "api/mcp/credits/balance")

    async def transactions(self, limit: int = 50) -> list[Wire]:
        """Return the newest transactions."""
        answer = await self._ask("GET", "api/mcp/credits/transactions", params={"limit": limit})
        found: list[Wire] = answer["transactions"]
        return found

    async def budget(self) -> Wire:
        """Return what may be spent in this month."""
        return await self._ask("GET", "api/builder/budget")

    async def set_budget(self, credits_per_month: int | None) -> Wire:
        """Limit what may be spent in a month."""
        return await self._ask("PUT", "api/builder/budget", json={"creditsPerMonth": credits_per_month})

    async def add(self, amount: int, **about: str | None) -> Wire:
        """Add credits."""
        return await self._ask("POST", "api/builder/credits", json={"credits": amount, **_body(about)})

    async def refund(self, entry_or_execution: str, **about: str | None) -> Wire:
        """Take back a purchase or usage."""
        return await self._ask("POST", "api/builder/credits/refund", json={"id": entry_or_execution, **_body(about)})

    async def export(self, target: Path, start: str, end: str, **options: Any) -> None:
        """Write charges into a file."""
        whose = (await self.balance())["workspaceId"]  # a signed-in session must say it
        asked = {"from": start, "to": end, "workspaceId": whose} | _query(options)
        await self._fetch("GET", "api/billing/focus-export", target, params=asked)


class EmbeddedCredits:
    """A `CreditsTransport` to a runtime of this process."""

    def __init__(self, runtime: Runtime, me: Principal) -> None:
        self._runtime = runtime
        self._me = me

    async def balance(self) -> Wire:
        """Return what can be spent."""
        return await self._runtime.credits.balance(self._me)

    async def transactions(self, limit: int = 50) -> list[Wire]:
        """Return the newest transactions."""
        return await self._runtime.credits.transactions(self._me, limit)

    async def budget(self) -> Wire:
        """Return what may be spent in this month."""
        return await self._runtime.credits.budget(self._me)

    async def set_budget(self, credits_per_month: int | None) -> Wire:
        """Limit what may be spent in a month."""
        return await self._runtime.credits.set_budget(self._me, credits_per_month)

    async def add(self, amount: int, **about: Any) -> Wire:
        """Add credits."""
        given = {name: value for name, value in about.items() if value is not None}
        return await self._runtime.postings.add(self._me, amount, **given)

    async def refund(self, entry_or_execution: str, **about: Any) -> Wire:
        """Take back a purchase or usage."""
        return await self._runtime.postings.refund(self._me, entry_or_execution, **about)

    async def export(self, target: Path, start: str, end: str, **options: Any) -> None:
        """Write charges into a file."""
        mine = self._me.workspace
        export = await self._runtime.billing.export(self._me, start, end, workspace=mine, **options)
        with await asyncio.to_thread(create, target) as file:
            async for piece in export.content:
                await asyncio.to_thread(file.write, piece)


def _query(options: dict[str, Any]) -> dict[str, Any]:
    given = {QUERY.get(name, name): value for name, value in options.items() if value}
    return {name: ",".join(value) if name == "columns" else value for name, value in given.items()}


def _body(about: dict[str, str | None]) -> Wire:
    return {NAMES.get(name, name): value for name, value in about.items() if value is not None}
