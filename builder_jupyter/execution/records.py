"""Events with their place in the history of an execution: how they are read back, and how listeners see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from builder_jupyter.execution.events import (
    Admitted,
    CancelRequested,
    CreditsHeld,
    CreditsMoved,
    CreditsReleased,
    CreditsSpent,
    Event,
    Resumed,
    StatusChanged,
    StepCompleted,
    StepEvent,
    StepFailed,
    StepRetrying,
    StepSkipped,
    StepStarted,
    StepWaiting,
    WaitpointEnded,
)
from builder_jupyter.execution.status import ExecutionStatus

DURABLE: dict[str, type[Event]] = {
    event.kind: event
    for event in (
        Admitted,
        StatusChanged,
        StepStarted,
        StepCompleted,
        StepRetrying,
        StepFailed,
        StepSkipped,
        StepWaiting,
        WaitpointEnded,
        CancelRequested,
        Resumed,
        CreditsHeld,
        CreditsSpent,
        CreditsReleased,
    )
}


class Recorded(NamedTuple):
    """An event with its place and time in the history of an execution. ``at`` is epoch milliseconds."""

    execution_id: str
    seq: int
    at: int
    event: Event


def event_of(kind: str, body: Mapping[str, Any]) -> Event:
    """Return the durable event that was journaled as ``kind`` with ``body``."""
    return DURABLE[kind].from_body(body)


def to_wire(recorded: Recorded) -> dict[str, Any]:
    """Return the event as listeners see it: ``{seq, at, kind: status|step|token|waitpoint, …}``.

    Source: spec builder-studio §7.7.
    """
    event = recorded.event
    head: dict[str, Any] = {"seq": recorded.seq, "at": recorded.at}
    match event:
        case Admitted():
            return head | {"kind": "status", "status": str(ExecutionStatus.PLANNING)}
        case StatusChanged():
            return head | {"kind": "status", "status": str(event.status), "error": event.error}
        case CancelRequested():
            return head | {"kind": "cancel", "by": event.by}
        case Resumed():
            return head | {"kind": "resumed"}
        case CreditsMoved():
            return head | event.wire()
        case StepEvent():
            return head | {"stepId": event.step, "visit": event.visit} | event.wire()
    raise TypeError(f"{type(event).__name__} has no wire shape")
