"""What to do next, from the state and the time alone: no clock, no I/O, no randomness.

The engine performs the commands and records what came of them as events, which change the state, which is decided
upon again, until nothing is left to command.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import ExecutionStatus, SkipReason
from builder_jupyter.execution.visit import Visit
from builder_jupyter.nodes.base import AnswerKind
from builder_jupyter.nodes.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Start:
    """Begin an attempt of a visit that is ready, or call it with its answer."""

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
class EndWait:
    """Record that a waitpoint is over without an answer: past its deadline, or time to look again."""

    visit: Visit
    how: AnswerKind


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Move the execution to another status."""

    status: ExecutionStatus
    error: dict[str, Any] | None = None


Command = Start | Abort | Skip | EndWait | SetStatus


def decide(state: ExecutionState, now: int) -> list[Command]:
    """Return the commands that the state calls for at ``now`` (epoch milliseconds), in the order to perform them.

    Deciding twice on the same state gives the same commands; once they are recorded, it gives none.
    """
    if state.status.is_terminal:
        return []
    if state.failed is not None:
        return [*_stop(state, None), SetStatus(ExecutionStatus.ERROR, _first_error(state, state.failed))]
    if state.cancel_requested:
        return [*_stop(state, SkipReason.CANCELLED), SetStatus(ExecutionStatus.CANCELLED)]
    if state.status is ExecutionStatus.PLANNING:
        return [SetStatus(ExecutionStatus.RUNNING)]
    deadline = state.deadline
    if deadline is not None and now >= deadline:
        return [*_stop(state, SkipReason.RUN_TIMEOUT), SetStatus(ExecutionStatus.ERROR, _run_timeout(state))]
    commands: list[Command] = [Skip(step, 1, SkipReason.BRANCH_NOT_TAKEN) for step in state.skippable]
    overdue = state.overdue(now)
    if overdue:
        commands.extend(EndWait(visit, _ending(visit, now)) for visit in overdue if visit.group is state.waiting)
    status = _status(state)
    if status is not state.status:
        commands.append(SetStatus(status))
    if overdue:
        commands.extend(Start(visit) for visit in overdue if visit.group is state.paused)
    commands.extend([Start(visit) for visit in state.ready])
    return commands


def pause_before_retry(policy: RetryPolicy, failures: int, error: dict[str, Any], *, chance: float) -> int | None:
    """Return the milliseconds until the next attempt of a step that failed; None when there is to be none.

    ``failures`` counts this one. Only an error that says it is ``retryable`` is tried again.
    """
    if not error.get("retryable") or failures >= policy.max_attempts:
        return None
    return policy.delay_ms(failures, asked_seconds=error.get("retryAfter"), chance=chance)


def _ending(visit: Visit, now: int) -> AnswerKind:
    deadline = visit.waitpoint.deadline if visit.waitpoint is not None else None
    return AnswerKind.EXPIRED if deadline is not None and deadline <= now else AnswerKind.POLL


def _status(state: ExecutionState) -> ExecutionStatus:
    """Waiting only while nothing runs or could run, and something waits. Source: spec builder-studio §7.4."""
    if state.settled:
        return ExecutionStatus.COMPLETED
    if state.waiting and not (state.ready or state.active or state.paused or state.queued):
        return ExecutionStatus.WAITING
    return ExecutionStatus.RUNNING


def _stop(state: ExecutionState, reason: SkipReason | None) -> Iterator[Command]:
    """Abort what runs and skip all that is unfinished; what is finished keeps its results. Source: seed, §7.5."""
    for visit in [*state.active, *state.waiting]:
        yield Abort(visit)
    for visit in [*state.active, *state.waiting, *state.paused, *state.queued, *state.ready]:
        yield Skip(visit.step, visit.number, reason or _beside_a_failure(state, visit.step))
    for step in state.unvisited():
        yield Skip(step, 1, reason or _beside_a_failure(state, step))


def _beside_a_failure(state: ExecutionState, step: int) -> SkipReason:
    if state.failed is None:
        raise ValueError("nothing has failed")
    same_wave = state.plan.steps[step].wave == state.planned(state.failed).wave
    return SkipReason.SIBLING_FAILED if same_wave else SkipReason.UPSTREAM_FAILED


def _first_error(state: ExecutionState, failed: Visit) -> dict[str, Any]:
    told = {name: value for name, value in (failed.error or {}).items() if name != "display"}  # that stays in the step
    return {**told, "stepId": state.planned(failed).node_id}


def _run_timeout(state: ExecutionState) -> dict[str, Any]:
    return {"message": f"The run took longer than {state.plan.timeout_seconds:g} seconds.", "code": "run_timeout"}
