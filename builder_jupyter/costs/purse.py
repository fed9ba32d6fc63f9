"""What a workspace can still spend, in memory and exact: the one place that says no to a run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from builder_jupyter.errors import BudgetExceeded, InsufficientCredits
from builder_jupyter.money import ZERO, as_number


def month_of(at_ms: int) -> str:
    """Return the calendar month of a time, UTC, as ``2026-01``."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m}"


def month_start(month: str, *, later: int = 0) -> datetime:
    """Return when a month began, or the one so many after it."""
    year, number = map(int, month.split("-"))
    years, index = divmod(number - 1 + later, 12)
    return datetime(year + years, index + 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Purse:
    """The balance of one workspace.

    ``available`` can be spent, ``held`` is promised to runs. ``used`` was spent in ``month``. ``budget`` is how much
    may be spent in a month, None for any amount. ``updated_at`` is when something last moved, epoch milliseconds.
    ``seq`` is the last number among the workspace's own entries in the journal.
    """

    available: Decimal = ZERO
    held: Decimal = ZERO
    used: Decimal = ZERO
    month: str = ""
    budget: Decimal | None = None
    updated_at: int = 0
    seq: int = 0

    def copy(self) -> Purse:
        """Return one that does not change with this one."""
        return replace(self)

    def hold(self, amount: Decimal) -> None:
        """Promise credits to a run."""
        self.available -= amount
        self.held += amount

    def spend(self, amount: Decimal, at_ms: int) -> None:
        """Use up what was promised."""
        self.turn(at_ms)
        self.held -= amount
        self.used += amount

    def release(self, amount: Decimal) -> None:
        """Take a promise back."""
        self.held -= amount
        self.available += amount

    def turn(self, at_ms: int) -> None:
        """Begin a new month when it is one."""
        month = month_of(at_ms)
        if month != self.month:
            self.month, self.used = month, ZERO

    def lacks(self, amount: Decimal) -> Decimal:
        """Return how much is missing to hold an amount; 0 for nothing."""
        return max(ZERO, amount - self.available)

    def check_budget(self, amount: Decimal, at_ms: int) -> None:
        """Let an amount pass that the month's budget covers. Raises `BudgetExceeded`; nothing has changed then."""
        if self.budget is None:
            return
        self.turn(at_ms)
        left = max(ZERO, self.budget - self.used - self.held)
        if amount > left:
            raise BudgetExceeded(
                f"This may cost {_credits(amount)}; of this month's budget of {_credits(self.budget)}, "
                f"{as_number(left)} can still be spent.",
                details={
                    "required": as_number(amount), "balance": as_number(self.available),
                    "budget": as_number(self.budget), "left": as_number(left),
                },
                hint="Raise the budget with: builder-jupyter credits budget CREDITS",
            )  # fmt: skip

    def refusal(self, amount: Decimal, workspace: str) -> InsufficientCredits:
        """Return the error for an amount that the balance does not cover."""
        missing = -(-self.lacks(amount) // 1)  # whole credits are what is added
        return InsufficientCredits(
            f"This may cost {_credits(amount)}; the balance of workspace {workspace!r} is {as_number(self.available)}.",
            details={"required": as_number(amount), "balance": as_number(self.available)},
            hint="The server's owner adds some with: "
            f"builder-jupyter credits add {missing} --grant --workspace {shlex.quote(workspace)}",
        )


def _credits(amount: Decimal) -> str:
    return f"{as_number(amount)} credit{'' if amount == 1 else 's'}"
