"""Wait for time to pass, for a call from outside, or for the next turn of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import ConfigDict, Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node, Profile
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import AnswerKind, NodeData, NodeType, StepContext, StepResult, Wait
from builder_jupyter.nodes.human import TIMEOUT_ROUTE, answered
from builder_jupyter.nodes.router import with_label


class WaitData(NodeData):
    """``for`` is what is waited for; ``seconds`` how long a timer takes, or the others may take.

    ``prompt`` and ``schema`` (JSON Schema of the answer) are shown to who asks what is waited for.
    """

    model_config = ConfigDict(
        json_schema_extra=forms.also(
            schema={"type": "object", "title": "Form", "description": "The JSON Schema of the answer."}
        )
    )

    for_: Literal["timer", "callback", "user-turn"] = Field(
        default="timer",
        alias="for",
        title="Waits for",
        description="A timer goes on by itself; a callback or a turn when it is answered.",
    )
    seconds: float | None = Field(
        default=None, ge=0, title="Seconds", description="How long the timer takes, or the others may take."
    )
    prompt: str = Field(
        default="",
        title="Question",
        description="Shown to who asks what is waited for.",
        json_schema_extra=forms.PROMPT,
    )


class WaitNode(NodeType):
    """Suspends its branch: a ``timer`` goes on by itself, the others when they are answered.

    A callback or turn that does not come in time takes the edge ``timeout``; without one the step fails.
    """

    type = "wait"
    profiles = frozenset({Profile.BUILDER})
    title = "Wait"
    description = "Waits for some time, for a call from outside, or for the next turn."
    color = "#ef4444"
    icon = "◷"
    Data = WaitData

    def ways_out(self, node: Node) -> Sequence[str]:
        """Return the way for when nothing comes in time."""
        is_asked = node.data.get("for", "timer") != "timer" and node.data.get("seconds") is not None
        return (TIMEOUT_ROUTE,) if is_asked else ()

    def decide(self, context: StepContext) -> StepResult | Wait:
        """Begin to wait; go on when that is over."""
        data = WaitData.model_validate(context.node.data)
        if context.answer is None:
            if data.for_ == "timer" and data.seconds is None:
                raise StepError(f"Node {context.node.id!r} does not say how many seconds to wait.", code="NO_SECONDS")
            request: dict[str, Any] = {"prompt": data.prompt}
            if "schema" in context.node.data:
                request["schema"] = context.node.data["schema"]
            return Wait(kind=data.for_, request=request, timeout_seconds=data.seconds)
        if context.answer.kind is AnswerKind.ANSWERED:
            return answered(context)
        if data.for_ == "timer":
            return StepResult()
        taken = with_label(context.routes, TIMEOUT_ROUTE)
        if not taken:
            raise StepError(f"Nothing came for {context.node.id!r} in time.", code="wait_timeout")
        return StepResult(taken=taken)
