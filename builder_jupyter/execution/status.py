"""The two state machines, as tables that the engine, the documentation and the tests share.

Source: seed "Running Workflows" for the words, spec builder-studio §7.4 for the transitions.
"""

from __future__ import annotations

from enum import StrEnum


class ExecutionStatus(StrEnum):
    """Where an execution stands."""

    PLANNING = "planning"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    ERROR = "error"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can follow."""
        return not EXECUTION_TRANSITIONS[self]


class StepStatus(StrEnum):
    """Where one visit of one step stands."""

    PENDING = "pending"
    RUNNING = "running"
    STREAMING = "streaming"
    WAITING = "waiting"
    COMPLETED = "completed"
    ERROR = "error"
    SKIPPED = "skipped"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can follow."""
        return not STEP_TRANSITIONS[self]


class SkipReason(StrEnum):
    """Why a step was not carried out."""

    BRANCH_NOT_TAKEN = "branch_not_taken"
    SIBLING_FAILED = "sibling_failed"
    UPSTREAM_FAILED = "upstream_failed"
    CANCELLED = "cancelled"
    RUN_TIMEOUT = "run_timeout"


class TriggerType(StrEnum):
    """What started an execution. Source: seed "Running Workflows"."""

    MANUAL = "manual"
    API = "api"
    WEBHOOK = "webhook"
    MCP = "mcp"
    USER_MCP = "user-mcp"
    REPLAY = "replay"


_E, _S = ExecutionStatus, StepStatus

EXECUTION_TRANSITIONS: dict[ExecutionStatus, frozenset[ExecutionStatus]] = {
    _E.PLANNING: frozenset({_E.RUNNING, _E.ERROR, _E.CANCELLED}),
    _E.RUNNING: frozenset({_E.WAITING, _E.COMPLETED, _E.ERROR, _E.CANCELLED}),
    _E.WAITING: frozenset({_E.RUNNING, _E.COMPLETED, _E.ERROR, _E.CANCELLED}),
    _E.COMPLETED: frozenset(),
    _E.ERROR: frozenset(),
    _E.CANCELLED: frozenset(),
}

STEP_TRANSITIONS: dict[StepStatus, frozenset[StepStatus]] = {
    _S.PENDING: frozenset({_S.RUNNING, _S.COMPLETED, _S.SKIPPED}),  # at once: pure steps, and what a replay takes over
    _S.RUNNING: frozenset(
        {_S.PENDING, _S.STREAMING, _S.WAITING, _S.COMPLETED, _S.ERROR, _S.SKIPPED}
    ),  # back to pending: to be retried, or the process died and the attempt with it
    _S.STREAMING: frozenset({_S.PENDING, _S.WAITING, _S.COMPLETED, _S.ERROR, _S.SKIPPED}),
    _S.WAITING: frozenset({_S.RUNNING, _S.COMPLETED, _S.ERROR, _S.SKIPPED}),
    _S.COMPLETED: frozenset(),
    _S.ERROR: frozenset(),
    _S.SKIPPED: frozenset(),
}
