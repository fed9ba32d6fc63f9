"""Waitpoints: where a step stands until somebody or something lets it go on, and what may do that."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from builder_jupyter import ids
from builder_jupyter.errors import Conflict, InvalidInput
from builder_jupyter.execution.events import StepWaiting, WaitpointEnded
from builder_jupyter.execution.visit import WAITS_FOR_CHILDREN, Visit
from builder_jupyter.graph.model import thaw
from builder_jupyter.nodes.base import AnswerKind, Wait


class WaitKind(StrEnum):
    """What a step can wait for."""

    HUMAN = "human"
    CALLBACK = "callback"
    USER_TURN = "user-turn"
    TIMER = "timer"
    PROVIDER_POLL = "provider-poll"
    CHILDREN = WAITS_FOR_CHILDREN


ANSWERABLE = {
    WaitKind.HUMAN: True,
    WaitKind.CALLBACK: True,
    WaitKind.USER_TURN: True,
    WaitKind.PROVIDER_POLL: True,
    WaitKind.TIMER: False,
    WaitKind.CHILDREN: False,
}
"""Whether an answer may come from outside. A provider may call back before the next look; time cannot be answered."""


def waiting_event(step: str, visit: Visit, wait: Wait, now: int) -> StepWaiting:
    """Return the event that suspends a visit. A look that ends in waiting again stays at its waitpoint."""
    kind = WaitKind(wait.kind)
    poll_at = None if wait.poll_seconds is None else now + round(wait.poll_seconds * 1000)
    again = visit.waitpoint
    if again is not None and visit.answer is not None and visit.answer.kind is AnswerKind.POLL:
        waitpoint_id, deadline = again.waitpoint_id, again.deadline
    else:
        waitpoint_id = ids.waitpoint_id()
        deadline = None if wait.timeout_seconds is None else now + round(wait.timeout_seconds * 1000)
    request: dict[str, Any] = thaw(wait.request)
    schema = request.get("schema")
    if isinstance(schema, Mapping) and (fault := check_schema(schema)) is not None:
        raise ValueError(f"the schema of its answers cannot be used: {fault}")
    return StepWaiting(step, visit.number, visit.attempt, waitpoint_id, str(kind), request, deadline, poll_at)


def waitpoint_ended(visit: Visit, how: AnswerKind, value: Any = None, by: str | None = None) -> WaitpointEnded:
    """Return the event that ends the waiting of a visit."""
    if visit.waitpoint is None:
        raise TypeError("the visit waits for nothing")
    waiting = visit.waitpoint
    return WaitpointEnded(waiting.step, waiting.visit, waiting.waitpoint_id, how, value, by)


def check_answer(waiting: StepWaiting, answer: Any) -> None:
    """Refuse an answer that the waitpoint cannot take.

    Raises
    ------
    Conflict : ``NOT_ANSWERABLE``: time or child executions end this one, nobody's answer.
    InvalidInput : ``INVALID_ANSWER``: it does not satisfy the schema in the request.
    """
    if not ANSWERABLE[WaitKind(waiting.waits_for)]:
        raise Conflict(
            f"Step {waiting.step!r} waits for {waiting.waits_for}, which no answer can end.", code="NOT_ANSWERABLE"
        )
    schema = waiting.request.get("schema")
    if not isinstance(schema, Mapping):
        return
    # Without a registry of its own, the library would fetch what a schema refers to from the network.
    validator = Draft202012Validator(schema, registry=EMPTY_REGISTRY)
    try:
        faults = sorted(validator.iter_errors(answer), key=lambda fault: list(map(str, fault.path)))
    except Unresolvable as error:
        raise InvalidInput(f"The form refers to a schema that is not in it: {error}.", code="INVALID_ANSWER") from error
    if faults:
        found = [{"field": ".".join(map(str, f.absolute_path)) or "answer", "error": f.message} for f in faults]
        raise InvalidInput("The answer does not fit the form.", code="INVALID_ANSWER", details=found)


def check_schema(schema: Any) -> str | None:
    """Return what is wrong with a form's JSON Schema; None when it can be used."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return str(error.message)
    return None
