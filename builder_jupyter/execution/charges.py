"""The money that moves with an execution: what is held at its admission, spent by its steps, and given back at its end.

Each is an event of the journal, written in the same batch as what it is for, so neither can be there without the other.
Every one moves an amount from one account of the workspace to another; the accounts of an execution always sum to zero.
Source: design §9; spec builder-studio §9.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import StrEnum

from builder_jupyter.execution.events import (
    CreditsHeld,
    CreditsMoved,
    CreditsReleased,
    CreditsSpent,
    Event,
    StatusChanged,
    StepCompleted,
)
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.money import ZERO, Credits
from builder_jupyter.planning.plan import Plan


class Account(StrEnum):
    """Where credits are: to be spent, promised to a run, or gone."""

    AVAILABLE = "available"
    HELD = "held"
    SPENT = "spent"


MOVES: dict[type[CreditsMoved], tuple[Account, Account]] = {
    CreditsHeld: (Account.AVAILABLE, Account.HELD),
    CreditsSpent: (Account.HELD, Account.SPENT),
    CreditsReleased: (Account.HELD, Account.AVAILABLE),
}
"""From which account to which each event moves its amount."""


def hold_for(plan: Plan, saved: Credits) -> Iterator[Event]:
    """Yield what an admission holds: the price of every step, once, without what a replay takes over."""
    if plan.total_credits > saved:
        yield CreditsHeld(str(plan.total_credits - saved))


def charges(state: ExecutionState, event: Event) -> Iterator[Event]:
    """Yield the movements that belong to an event, to be recorded before it.

    A step is paid for when it completes, once a visit however many attempts it took. A visit beyond what is held (a
    loop's second) holds its price first. What is left when the execution ends is given back.
    """
    match event:
        case StepCompleted(reused=False):
            price = state.plan.steps[state.plan.positions[event.step]].credits
            if price:
                missing = state.spent + price - state.held
                if missing > 0:
                    yield CreditsHeld(str(missing))
                yield CreditsSpent(str(price), event.step, event.visit)
        case StatusChanged() if event.status.is_terminal and state.held > state.spent:
            yield CreditsReleased(str(state.held - state.spent))


def balances(moves: Iterable[CreditsMoved]) -> dict[Account, Decimal]:
    """Return what some movements leave in each account, from nothing. The sum over the accounts is zero."""
    found: dict[Account, Decimal] = dict.fromkeys(Account, ZERO)
    for move in moves:
        source, target = MOVES[type(move)]
        found[source] -= Decimal(move.amount)
        found[target] += Decimal(move.amount)
    return found
