"""A person decides: the run waits until somebody answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node, PortType, Profile
from builder_jupyter.graph.templates import as_text
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import AnswerKind, NodeData, NodeType, PortValue, StepContext, StepResult, Wait
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.router import with_label

TIMEOUT_ROUTE = "timeout"


class HumanData(NodeData):
    """``prompt`` is shown; ``options`` are the answers to choose from; ``timeout`` is in seconds.

    ``schema`` is a JSON Schema: a form is made of it, and an answer has to satisfy it.
    """

    model_config = ConfigDict(
        json_schema_extra=forms.also(
            schema={
                "type": "object",
                "title": "Form",
                "description": "A JSON Schema: the person is asked for an answer that satisfies it.",
            }
        )
    )

    prompt: str = Field(
        default="", title="Question", description="What the person is asked.", json_schema_extra=forms.PROMPT
    )
    options: tuple[str, ...] = Field(
        default=(), title="Options", description="The answers to choose from; none for an answer in words."
    )
    timeout: float | None = Field(
        default=None,
        title="Time to answer (seconds)",
        description="Then the edge “timeout” is taken. Empty: the run waits for ever.",
        json_schema_extra=forms.bounded(0),
    )


class Human(NodeType):
    """Suspends its branch at a waitpoint of kind ``human``; the rest of the run goes on.

    The answer is a text, or an object whose ``response`` is; it is appended to the conversation and kept under
    ``results``. An answer that is the label of an edge takes that edge, any other the edges without a label. When the
    time is up, the edge ``timeout`` is taken; without one the step fails. Source: spec langgraph-builder §6.4.
    """

    type = "human"
    profiles = frozenset({Profile.BUILDER})
    title = "Human"
    description = "Waits for a person to answer or to choose an option."
    color = "#ef4444"
    icon = "☺"
    Data = HumanData

    def ways_out(self, node: Node) -> Sequence[str]:
        """Return the options, then the way for when nobody answers in time."""
        options = node.data.get("options", ())
        texts = options if isinstance(options, tuple) else ()
        late = (TIMEOUT_ROUTE,) if node.data.get("timeout") is not None else ()
        return tuple(dict.fromkeys(text for text in (*texts, *late) if isinstance(text, str) and text.strip()))

    def decide(self, context: StepContext) -> StepResult | Wait:
        """Ask; go on with the answer."""
        if context.answer is None:
            return _question(context)
        if context.answer.kind is AnswerKind.EXPIRED:
            return _expired(context)
        return answered(context)


def _question(context: StepContext) -> Wait:
    data = HumanData.model_validate(context.node.data)
    request: dict[str, Any] = {"prompt": data.prompt, "options": list(data.options)}
    if isinstance(context.node.data.get("schema"), Mapping):
        request["schema"] = context.node.data["schema"]
    return Wait(kind="human", request=request, timeout_seconds=data.timeout)


def _expired(context: StepContext) -> StepResult:
    taken = with_label(context.routes, TIMEOUT_ROUTE)
    if not taken:
        raise StepError(
            f"Nobody answered {context.node.id!r} in time.",
            code="human_timeout",
            hint=f"Draw an edge labelled {TIMEOUT_ROUTE!r} to go on without an answer.",
        )
    return StepResult(taken=taken)


def answered(context: StepContext) -> StepResult:
    """Return what an answer leaves behind, and where it leads."""
    value = context.answer.value if context.answer is not None else None
    said = value["response"] if isinstance(value, Mapping) and "response" in value else value
    text = as_text(said)
    taken = None
    if len(set(context.targets)) > 1:
        taken = with_label(context.routes, text) or with_label(context.routes, None)
    return StepResult(
        outputs={"text-out": PortValue(PortType.TEXT, text)},
        messages=(Message("user", text, name=context.node.id),),
        result=value,
        taken=taken,
    )
