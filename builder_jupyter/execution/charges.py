"""The money that moves with an execution: what is held at its admission, spent by its steps, and given back at its end.

Each is an event of the journal, written in the same batch as what it is for, so neither can be there without the other.
Every one moves an amount from one account of the workspace to another; the accounts of an execution always sum to zero.
Source: design §9; spec builder-studio §9.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from builder_jupyter.costs.book import RUN_KINDS
from builder_jupyter.costs.entry import MOVES, Account
from builder_jupyter.costs.tags import charge_tags
from builder_jupyter.execution.events import (
    CreditsHeld,
    CreditsMoved,
    CreditsReleased,
    CreditsSpent,
    Event,
    StatusChanged,
    StepCompleted,
)
from builder_jupyter.execution.replay import Replay
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.visit import Visit
from builder_jupyter.money import ZERO, Credits, total
from builder_jupyter.nodes.chat import Usage
from builder_jupyter.planning.plan import Plan


def hold_for(plan: Plan, replay: Replay | None) -> Credits:
    """Return what an admission holds: the price of each step's first visit, unless a replay takes it over."""
    if replay is None or not plan.total_credits:
        return plan.total_credits
    return total([step.credits for step in plan.steps if (step.node_id, 1) not in replay.results])


def hold_of(state: ExecutionState, amount: Credits) -> CreditsHeld:
    """Return the event with which an admission holds an amount."""
    return CreditsHeld(str(amount), about=_about(state))


def unforeseen(state: ExecutionState, visit: Visit) -> CreditsHeld | None:
    """Return what a visit must hold before it begins: the price of one that the admission did not hold for.

    Every visit but a step's first is such a one, once, however often it is tried.
    """
    planned = state.planned(visit)
    if visit.number == 1 or visit.is_held or not planned.credits:
        return None
    return CreditsHeld(str(planned.credits), planned.node_id, visit.number, _about(state))


def charges(state: ExecutionState, event: Event) -> Iterator[CreditsMoved]:
    """Yield the movements that belong to an event, to be recorded before it.

    A step is paid for when it completes, once a visit however many attempts it took. What is left when the execution
    ends is given back.
    """
    match event:
        case StepCompleted(reused=False):
            price = state.plan.steps[state.plan.positions[event.step]].credits
            if price:
                missing = state.spent + price - state.held
                if missing > 0:  # an execution that an older version admitted, which held for loops only here
                    yield CreditsHeld(str(missing), about=_about(state))
                about = _about(state, _usage(state, event, price))
                yield CreditsSpent(str(price), event.step, event.visit, about)
        case StatusChanged() if event.status.is_terminal and state.held > state.spent:
            yield CreditsReleased(str(state.held - state.spent), _about(state, {"outcome": str(event.status)}))


def _about(state: ExecutionState, more: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Return what the ledger says of a movement, by the names of `costs.entry.LedgerEntry`."""
    if state.is_billed is False:
        return None
    plan = state.plan
    return {
        "workspace": state.admitted.workspace,
        "workflow_id": plan.workflow_id,
        "workflow_version": plan.workflow_version,
        "workflow_name": plan.workflow_name,
        "trigger_type": state.admitted.trigger,
        **({"tags": charge_tags(plan.tags)} if plan.tags else {}),
        **(more or {}),
    }


def _usage(state: ExecutionState, event: StepCompleted, price: Credits) -> dict[str, Any]:
    """Return what was done for a price: the kind of action, and what was measured."""
    planned = state.plan.steps[state.plan.positions[event.step]]
    found = {"node_type": planned.node_type, "price": str(price), "price_version": state.plan.price_version}
    return found | _measured(event.result.usage)


def _measured(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {"quantity": "1", "unit": "Actions"}
    tokens = usage.input_tokens + usage.output_tokens
    measured = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return {"model": usage.model, **measured, "quantity": str(tokens), "unit": "Tokens"}


def balances(moves: Iterable[CreditsMoved]) -> dict[Account, Decimal]:
    """Return what some movements leave in each account, from nothing. The sum over the accounts is zero."""
    found: dict[Account, Decimal] = dict.fromkeys((Account.AVAILABLE, Account.HELD, Account.SPENT), ZERO)
    for move in moves:
        source, target = MOVES[RUN_KINDS[move.kind]]
        found[source] -= Decimal(move.amount)
        found[target] += Decimal(move.amount)
    return found
