"""Everything that can happen to an execution, as values.

Durable events are journaled and rebuild the state (`execution.state`); `Delta` is transient: the final text is in the
step's completion. Every event has a ``seq`` that rises within its execution and never repeats, so that a listener who
knows the last one it saw can ask for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, ClassVar, cast

from builder_jupyter.execution.status import ExecutionStatus, SkipReason, StepStatus
from builder_jupyter.nodes.base import AnswerKind, PortValue, StepResult
from builder_jupyter.nodes.chat import Message, Usage


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, f.default) for f in fields(kind))


@dataclass(frozen=True, slots=True)
class Event:
    """Base of what can happen. ``kind`` names it in the journal and never changes its meaning."""

    kind: ClassVar[str]

    def body(self) -> dict[str, Any]:
        """Return the event's fields as JSON-like values, without those at their default."""
        return {
            name: value
            for name, default in _fields(cast(Any, type(self)))
            if (value := getattr(self, name)) is not None and (default is MISSING or value != default)
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Event:
        """Read back what `body` wrote."""
        return cls(**body)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a request brings beside the inputs of a run.

    Parameters
    ----------
    event : what a webhook received: ``{nodeId, method, url, headers, query, body, receivedAt}``, without secrets.
    callback_url : where the outcome is to be sent; checked by whoever admits.
    """

    event: Mapping[str, Any] | None = None
    callback_url: str | None = None


NO_ORIGIN = Origin()


@dataclass(frozen=True, slots=True)
class Admitted(Event):
    """A plan was accepted for execution. ``plan_id`` refers to the stored plan.

    ``request`` is ``[idempotency key, fingerprint of the request]``; ``parent`` is ``[execution, step, visit]`` of a
    child execution; ``replay_of`` and ``replay_from`` (``[step, visit]``) say what a replay repeats.
    ``event`` and ``callback_url`` are those of its `Origin`.
    """

    kind: ClassVar[str] = "admitted"
    plan_id: str
    workspace: str
    principal: str
    trigger: str
    inputs: dict[str, Any]
    request: list[str] | None = None
    parent: list[Any] | None = None
    replay_of: str | None = None
    replay_from: list[Any] | None = None
    event: dict[str, Any] | None = None
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class StatusChanged(Event):
    """The execution moved to another status. ``error`` is ``{message, code, stepId?}`` for `error`."""

    kind: ClassVar[str] = "status"
    status: ExecutionStatus
    error: dict[str, Any] | None = None

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Event:
        """Read back what `body` wrote."""
        return cls(ExecutionStatus(body["status"]), body.get("error"))


@dataclass(frozen=True, slots=True)
class StepEvent(Event):
    """Base of what happens to one visit of one step."""

    step: str
    visit: int

    def wire(self) -> dict[str, Any]:
        """Return what listeners see of it beside its place: ``{kind, status, …}``."""
        raise TypeError(f"{type(self).__name__} has no wire shape")


@dataclass(frozen=True, slots=True)
class StepStarted(StepEvent):
    """An attempt begins. A result is accepted only from the latest attempt (fencing)."""

    kind: ClassVar[str] = "step_started"
    attempt: int = 1

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        return {"kind": "step", "status": str(StepStatus.RUNNING), "attempt": self.attempt}


@dataclass(frozen=True, slots=True)
class StepCompleted(StepEvent):
    """A step is done; ``result`` is what it leaves behind. ``reused``: an earlier execution did the work."""

    kind: ClassVar[str] = "step_completed"
    attempt: int
    result: StepResult
    reused: bool = False

    def body(self) -> dict[str, Any]:
        """Return the event as JSON-like values."""
        r = self.result
        body: dict[str, Any] = {"step": self.step, "visit": self.visit, "attempt": self.attempt}
        if r.outputs:
            body["outputs"] = {port: value.to_dict() for port, value in r.outputs.items()}
        if r.messages:
            body["messages"] = [message.to_dict() for message in r.messages]
        if r.result is not None:
            body["result"] = r.result
        if r.has_output:
            body["output"] = r.output
        if r.taken is not None:
            body["taken"] = list(r.taken)
        if r.usage is not None:
            body["usage"] = [r.usage.model, r.usage.input_tokens, r.usage.output_tokens]
        if r.display:
            body["display"] = [dict(bundle) for bundle in r.display]
        if r.calls and not self.reused:
            body["calls"] = [dict(call) for call in r.calls]
        if self.reused:
            body["reused"] = True
        return body

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Event:
        """Read back what `body` wrote."""
        result = StepResult(
            outputs={port: PortValue.from_dict(value) for port, value in body.get("outputs", {}).items()},
            messages=tuple(Message.from_dict(message) for message in body.get("messages", ())),
            result=body.get("result"),
            output=body.get("output"),
            has_output="output" in body,
            taken=tuple(body["taken"]) if "taken" in body else None,
            usage=Usage(*body["usage"]) if "usage" in body else None,
            display=tuple(body.get("display", ())),
            calls=tuple(body.get("calls", ())),
        )
        return cls(body["step"], body["visit"], body["attempt"], result, body.get("reused", False))

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        return {
            "kind": "step",
            "status": str(StepStatus.COMPLETED),
            "outputs": {port: value.to_dict() for port, value in self.result.outputs.items()},
            "usage": usage_wire(self.result.usage),
            "reused": self.reused,
        }


@dataclass(frozen=True, slots=True)
class StepRetrying(StepEvent):
    """An attempt failed and the next is due at ``due``, epoch milliseconds. ``error`` is ``{message, code}``.

    ``calls`` is what it had asked of models and tools (`execution.calls`), here and when it failed for good.
    """

    kind: ClassVar[str] = "step_retrying"
    attempt: int
    error: dict[str, Any]
    due: int
    calls: list[dict[str, Any]] | None = None

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        about = {"attempt": self.attempt, "error": self.error, "retryAt": self.due}
        return {"kind": "step", "status": str(StepStatus.PENDING)} | about


@dataclass(frozen=True, slots=True)
class StepFailed(StepEvent):
    """A step failed for good, after its retries. ``error`` is ``{message, code}``."""

    kind: ClassVar[str] = "step_failed"
    attempt: int
    error: dict[str, Any]
    calls: list[dict[str, Any]] | None = None

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        error = {name: value for name, value in self.error.items() if name != "display"}  # too large for a feed
        return {"kind": "step", "status": str(StepStatus.ERROR), "error": error}


@dataclass(frozen=True, slots=True)
class StepSkipped(StepEvent):
    """A step will not be carried out."""

    kind: ClassVar[str] = "step_skipped"
    reason: SkipReason

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Event:
        """Read back what `body` wrote."""
        return cls(body["step"], body["visit"], SkipReason(body["reason"]))

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        return {"kind": "step", "status": str(StepStatus.SKIPPED), "skipReason": str(self.reason)}


@dataclass(frozen=True, slots=True)
class StepWaiting(StepEvent):
    """A step suspends at a waitpoint. ``deadline`` and ``poll_at`` are epoch milliseconds or None.

    A step that looks again and goes on waiting stays at its waitpoint: same id, same deadline.
    """

    kind: ClassVar[str] = "step_waiting"
    attempt: int
    waitpoint_id: str
    waits_for: str
    request: dict[str, Any]
    deadline: int | None = None
    poll_at: int | None = None

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        return {
            "kind": "waitpoint",
            "status": str(StepStatus.WAITING),
            "waitpointId": self.waitpoint_id,
            "waitsFor": self.waits_for,
            "request": self.request,
            "deadlineAt": self.deadline,
        }


@dataclass(frozen=True, slots=True)
class WaitpointEnded(StepEvent):
    """A waitpoint was answered, ran past its deadline, or is looked at again. The step is called with the `Answer`."""

    kind: ClassVar[str] = "waitpoint_ended"
    waitpoint_id: str
    how: AnswerKind
    answer: Any = None
    by: str | None = None

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Event:
        """Read back what `body` wrote."""
        how = AnswerKind(body["how"])
        return cls(body["step"], body["visit"], body["waitpoint_id"], how, body.get("answer"), body.get("by"))

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        ended = {"waitpointId": self.waitpoint_id, "ended": str(self.how), "answer": self.answer, "by": self.by}
        return {"kind": "waitpoint", "status": str(StepStatus.WAITING)} | ended


@dataclass(frozen=True, slots=True)
class CancelRequested(Event):
    """Somebody wants the execution to stop."""

    kind: ClassVar[str] = "cancel_requested"
    by: str


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """Another process goes on: attempts that were under way are lost, and the time in between does not count."""

    kind: ClassVar[str] = "resumed"


@dataclass(frozen=True, slots=True)
class CreditsMoved(Event):
    """Base of what happens to credits. ``amount`` is an exact decimal as text, above zero; see `execution.charges`.

    ``about`` is what the ledger says of it, the workspace first of all: what is about money stays when an execution is
    purged. Events of older versions have none, and are not in the ledger.
    """

    amount: str

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        body = self.body()
        body.pop("about", None)
        return {"kind": "credits", "moved": self.kind.removeprefix("credits_"), **body}


@dataclass(frozen=True, slots=True)
class CreditsHeld(CreditsMoved):
    """Credits of the workspace are set aside: for the execution, or for a visit that its admission did not foresee."""

    kind: ClassVar[str] = "credits_held"
    step: str | None = None
    visit: int | None = None
    about: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CreditsSpent(CreditsMoved):
    """A visit of a step has used up what was held for it."""

    kind: ClassVar[str] = "credits_spent"
    step: str
    visit: int
    about: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CreditsReleased(CreditsMoved):
    """What the execution did not use is given back."""

    kind: ClassVar[str] = "credits_released"
    about: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Delta(StepEvent):
    """A piece of streamed text, ``offset`` characters into the text of the visit. Transient."""

    kind: ClassVar[str] = "delta"
    offset: int
    text: str

    def wire(self) -> dict[str, Any]:
        """Return what listeners see."""
        text = {"offset": self.offset, "text": self.text}
        return {"kind": "token", "status": str(StepStatus.STREAMING)} | text


def usage_wire(usage: Usage | None) -> dict[str, Any] | None:
    """Return tokens as ``{model, inputTokens, outputTokens}``."""
    if usage is None:
        return None
    return {"model": usage.model, "inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens}
