"""Balances and budgets, over the REST routes or from a runtime in this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.protocol import Wire

if TYPE_CHECKING:
    from builder_jupyter.identity.principal import Principal
    from builder_jupyter.services.runtime import Runtime

NAMES = {"paid_usd": "paidUsd", "workspace": "workspaceId"}
"""What the routes call some arguments."""


class HttpCredits:
    """A `CreditsTransport` over REST. ``ask`` sends a request and returns the object in its answer."""

    def __init__(self, ask: Callable[..., Awaitable[Wire]]) -> None:
        self._ask = ask

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


def _body(about: dict[str, str | None]) -> Wire:
    return {NAMES.get(name, name): value for name, value in about.items() if value is not None}
