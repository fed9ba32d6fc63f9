"""A language model with a system prompt, which sees the conversation and may call tools."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node, PortType, Profile
from builder_jupyter.money import credits_of
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import Effect, NodeData, NodeType, PortValue, StepContext, StepResult
from builder_jupyter.nodes.chat import ChatModel, ChatModels, ChatReply, ChatRequest, Message, ToolCall, ToolSpec, Usage
from builder_jupyter.nodes.python import text_of
from builder_jupyter.nodes.retry import RetryPolicy

MAX_TOOL_ROUNDS = 10
MAX_NAME = 64
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")


class AgentData(NodeData):
    """``prompt`` is the system prompt, sent as it is; ``tools`` are names; ``model`` None is the default model."""

    name: str = Field(default="", title="Name")
    prompt: str = Field(
        default="",
        title="System prompt",
        description="What the model is told before the conversation. It is sent as it is.",
        json_schema_extra=forms.PROMPT,
    )
    model: str | None = Field(
        default=None, title="Model", description="Empty for the default model.", json_schema_extra=forms.MODEL
    )
    tools: tuple[str, ...] = Field(
        default=(), title="Tools", description="What the model may call.", json_schema_extra=forms.TOOL
    )
    temperature: float | None = Field(
        default=None,
        title="Temperature",
        description="Higher is more varied; empty for the model's own.",
        json_schema_extra=forms.bounded(0, 2),
    )
    max_tokens: int | None = Field(
        default=None,
        title="Most tokens",
        description="How long one answer may be; empty for the model's own limit.",
        json_schema_extra=forms.bounded(1),
    )


class Agent(NodeType):
    """Answers the conversation. With tools it may call them, at most `MAX_TOOL_ROUNDS` rounds."""

    type = "agent"
    profiles = frozenset({Profile.BUILDER})
    title = "Agent"
    description = "A language model with a system prompt, and tools if you give it some."
    color = "#8b5cf6"
    icon = "✦"
    Data = AgentData
    effect = Effect.WORLD
    credits = credits_of(1)
    timeout_seconds = 120.0
    idle_seconds = 60.0
    retry = RetryPolicy()

    def limited_by(self, node: Node, models: ChatModels) -> tuple[str, ...]:
        """Count the node with its model and that model's provider."""
        return models.limits(node.data.get("model"))

    def tools_of(self, node: Node) -> tuple[str, ...]:
        """Return the node's own list."""
        return AgentData.model_validate(node.data).tools

    async def run(self, context: StepContext) -> StepResult:
        """Ask the model, run the tools it asks for, and ask again until it answers."""
        data = AgentData.model_validate(context.node.data)
        model = await context.models.get(data.model)
        offered = offer(spec for spec in context.tools.specs() if spec.name in data.tools) if data.tools else {}
        shown = [replace(spec, name=name) for name, spec in offered.items()]
        system = [Message("system", data.prompt)] if data.prompt.strip() else []
        history = [*system, *context.state.messages]
        written: list[Message] = []
        usage: Usage | None = None
        for round_number in range(MAX_TOOL_ROUNDS + 1):
            request = ChatRequest(
                [*history, *written], temperature=data.temperature, max_tokens=data.max_tokens,
                tools=shown if round_number < MAX_TOOL_ROUNDS else (),
            )  # fmt: skip
            reply = await ask(model, request, context)
            usage = reply.usage.plus(usage)
            # After the last round no tool is run, and a call that nobody answers would break the next agent's request.
            calls = reply.tool_calls if round_number < MAX_TOOL_ROUNDS else ()
            written.append(Message("assistant", reply.text, name=context.node.id, tool_calls=calls))
            if not calls:
                break
            written.extend([await _call(context, call, offered) for call in calls])
        return StepResult(
            outputs={"text-out": PortValue(PortType.TEXT, written[-1].content)},
            messages=tuple(written),
            usage=usage,
        )


async def ask(model: ChatModel, request: ChatRequest, context: StepContext) -> ChatReply:
    """Stream one answer of a model into the step and return it whole.

    The stream is closed whatever happens: that is what stops the generation when the step is cancelled.
    """
    text: list[str] = []
    calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    async with aclosing(model.stream(request)) as chunks:
        async for chunk in chunks:
            if chunk.text:
                text.append(chunk.text)
                context.emit(chunk.text)
            calls += chunk.tool_calls
            usage = chunk.usage.plus(usage) if chunk.usage else usage
    return ChatReply("".join(text), calls, usage or Usage(model.name))


def offer(specs: Iterable[ToolSpec]) -> dict[str, ToolSpec]:
    """Return tools under names that every provider takes: letters, digits, ``_`` and ``-``, at most 64.

    A name that another tool has already gets a number behind it.
    """
    offered: dict[str, ToolSpec] = {}
    for spec in specs:
        name = plain = _NOT_IN_A_NAME.sub("_", spec.name)[:MAX_NAME]
        again = 2
        while name in offered:
            name, again = f"{plain[: MAX_NAME - 4]}_{again}", again + 1
        offered[name] = spec
    return offered


async def _call(context: StepContext, call: ToolCall, offered: Mapping[str, ToolSpec]) -> Message:
    """Run a tool for a model. A tool that fails tells the model so: it may try something else.

    A name that was not offered is refused: what an agent may do is for its node to say, and no text it reads.
    """
    try:
        if call.name not in offered:
            raise StepError(f"There is no tool {call.name!r}.", code="UNKNOWN_TOOL")
        content = text_of(await context.tools.call(offered[call.name].name, call.arguments))
    except StepError as error:
        content = f"Error: {error}"
    return Message("tool", content, name=call.name, tool_call_id=call.id)
