"""What to do next, from the state alone: no clock, no I/O, no randomness.

The engine performs the commands and records what came of them as events, which change the state, which is decided
upon again, until nothing is left to command.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from builder_jupyter.execution.state import ExecutionState, Visit
from builder_jupyter.execution.status import ExecutionStatus, SkipReason


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an attempt of a visit that is ready."""

    visit: Visit


@dataclass(frozen=True, slots=True)
class Abort:
    """Stop the running attempt of a visit; a result that still comes is refused."""

    visit: Visit


@dataclass(frozen=True, slots=True)
class Skip:
    """Record that a step is not carried out."""

    step: int
    number: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Move the execution to another status."""

    status: ExecutionStatus
    error: dict[str, Any] | None = None


Command = Start | Abort | Skip | SetStatus


def decide(state: ExecutionState) -> list[Command]:
    """Return the commands that the state calls for, in the order in which they are to be performed.

    Deciding twice on the same state gives the same commands; once they are recorded, it gives none.
    """
    if state.status.is_terminal:
        return []
    if state.failed is not None:
        return [*_stop(state), SetStatus(ExecutionStatus.ERROR, _first_error(state, state.failed))]
    if state.cancel_requested:
        return [*_stop(state), SetStatus(ExecutionStatus.CANCELLED)]
    if state.status is ExecutionStatus.PLANNING:
        return [SetStatus(ExecutionStatus.RUNNING)]
    commands: list[Command] = [Skip(step, 1, SkipReason.BRANCH_NOT_TAKEN) for step in state.skippable]
    status = _status(state)
    if status is not state.status:
        commands.append(SetStatus(status))
    commands.extend(Start(visit) for visit in state.ready)
    return commands


def _status(state: ExecutionState) -> ExecutionStatus:
    """Waiting only while nothing runs or could run, and something waits. Source: spec builder-studio §7.4."""
    if state.settled:
        return ExecutionStatus.COMPLETED
    if state.waiting and not state.ready and not state.active:
        return ExecutionStatus.WAITING
    return ExecutionStatus.RUNNING


def _stop(state: ExecutionState) -> Iterator[Command]:
    """Abort what runs and skip all that is unfinished; what is finished keeps its results. Source: seed, §7.5."""
    for visit in state.active:
        yield Abort(visit)
    for visit in [*state.active, *state.waiting, *state.ready]:
        yield Skip(visit.step, visit.number, _reason(state, visit.step))
    for step in state.unvisited():
        yield Skip(step, 1, _reason(state, step))


def _reason(state: ExecutionState, step: int) -> SkipReason:
    if state.failed is None:
        return SkipReason.CANCELLED
    same_wave = state.plan.steps[step].wave == state.planned(state.failed).wave
    return SkipReason.SIBLING_FAILED if same_wave else SkipReason.UPSTREAM_FAILED


def _first_error(state: ExecutionState, failed: Visit) -> dict[str, Any]:
    told = {name: value for name, value in (failed.error or {}).items() if name != "display"}  # that stays in the step
    return {**told, "stepId": state.planned(failed).node_id}
