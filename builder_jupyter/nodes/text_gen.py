"""Generate text from a prompt: the canvas's plain call of a language model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node, Port, PortType, Profile
from builder_jupyter.money import credits_of
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.agent import ask
from builder_jupyter.nodes.base import Effect, NodeData, NodeType, PortValue, StepContext, StepResult
from builder_jupyter.nodes.chat import ChatModels, ChatRequest, Message
from builder_jupyter.nodes.retry import RetryPolicy


class TextGenData(NodeData):
    """``prompt`` is used when nothing is wired in; a blank ``temperature`` is the provider's default."""

    prompt: str = Field(
        default="", title="Prompt", description="Used when nothing is wired in.", json_schema_extra=forms.PROMPT
    )
    provider: str | None = Field(
        default=None,
        title="Provider",
        description="google, gateway or another; empty for that of the model. Without a model, the server's answers.",
    )
    model: str | None = Field(
        default=None, title="Model", description="Empty for the default model.", json_schema_extra=forms.MODEL
    )
    temperature: float | None = Field(
        default=None, ge=0, le=2, title="Temperature", description="Higher is more varied; empty for the model's own."
    )
    maxTokens: int | None = Field(  # noqa: N815 - the wire's name
        default=None, ge=1, title="Most tokens", description="How long the answer may be."
    )
    reasoningEffort: Literal["minimal", "low", "medium", "high"] | None = Field(  # noqa: N815 - the wire's name
        default=None, title="Reasoning", description="How long the model thinks, where it can be told."
    )
    textVerbosity: Literal["low", "medium", "high"] | None = Field(  # noqa: N815 - the wire's name
        default=None, title="Verbosity", description="How much the model writes, where it can be told."
    )

    @property
    def model_name(self) -> str | None:
        """The model's name with its provider before it, where the node names both; None for the server's default."""
        if not self.model or not self.provider or ":" in self.model or self.model.startswith("local/"):
            return self.model or None
        return f"{self.provider}:{self.model}"


class TextGen(NodeType):
    """Streams the answer of a model to the texts at its input. Source: spec builder-studio §8.4."""

    type = "text-gen"
    profiles = frozenset({Profile.DIRECT})
    title = "Text Generation"
    description = "A language model answers the prompt."
    color = "#8b5cf6"
    icon = "✦"
    Data = TextGenData
    effect = Effect.WORLD
    credits = credits_of(1)
    timeout_seconds = 120.0
    idle_seconds = 60.0
    retry = RetryPolicy()
    inputs = (Port("prompt-in", PortType.TEXT, required=True, multiple=True),)
    outputs = (Port("text-out", PortType.TEXT),)

    def own_input(self, node: Node, port: str) -> bool:
        """Say whether ``data.prompt`` stands in for the wire."""
        return port == "prompt-in" and bool(str(node.data.get("prompt", "")).strip())

    def limited_by(self, node: Node, models: ChatModels) -> tuple[str, ...]:
        """Count the node with its model and that model's provider."""
        return models.limits(TextGenData.model_validate(node.data).model_name)

    async def run(self, context: StepContext) -> StepResult:
        """Ask the model once."""
        data = TextGenData.model_validate(context.node.data)
        prompt = context.text_in("prompt-in").strip() or data.prompt
        if not prompt.strip():
            raise StepError(f"Node {context.node.id!r} has no prompt.", code="EMPTY_PROMPT")
        model = await context.models.get(data.model_name)
        request = ChatRequest(
            [Message("user", prompt)], temperature=data.temperature, max_tokens=data.maxTokens,
            reasoning_effort=data.reasoningEffort, verbosity=data.textVerbosity,
        )  # fmt: skip
        reply = await ask(model, request, context)
        return StepResult(outputs={"text-out": PortValue(PortType.TEXT, reply.text)}, usage=reply.usage)
