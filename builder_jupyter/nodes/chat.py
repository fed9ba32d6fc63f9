"""What a node says to a language model and hears from it: messages, requests, chunks, and the model as a protocol.

The shapes follow the chat protocol that every provider speaks, reduced to what a workflow needs. Adapters live in
`connectors`.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What every provider takes as the name of a tool."""

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have a tool run. ``arguments`` is the parsed JSON object."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. ``name`` says which node wrote it; None for what came in from outside."""

    role: Role
    content: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape in which messages are journaled and shown."""
        wire: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.name is not None:
            wire["name"] = self.name
        if self.tool_calls:
            wire["tool_calls"] = [{"id": c.id, "name": c.name, "arguments": dict(c.arguments)} for c in self.tool_calls]
        if self.tool_call_id is not None:
            wire["tool_call_id"] = self.tool_call_id
        return wire

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> Message:
        """Read back what `to_dict` wrote."""
        return cls(
            role=wire["role"],
            content=wire["content"],
            name=wire.get("name"),
            tool_calls=tuple(ToolCall(c["id"], c["name"], c["arguments"]) for c in wire.get("tool_calls", ())),
            tool_call_id=wire.get("tool_call_id"),
        )


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as it is offered to a model and listed by ``GET /api/builder/tools``.

    ``parameters`` maps an argument's name to ``{type, required?, default?, description?}``; ``type`` is ``any`` where
    JSON Schema has no single word for it. ``schema`` is the JSON Schema that they were flattened from, if there is one:
    a model is shown all of it. Source: seed "Builder API".
    """

    name: str
    description: str
    parameters: Mapping[str, Mapping[str, Any]]
    schema: Mapping[str, Any] | None = None

    def json_schema(self) -> dict[str, Any]:
        """Return the arguments as a JSON Schema object."""
        return dict(self.schema) if self.schema is not None else self.flat_schema()

    def flat_schema(self) -> dict[str, Any]:
        """Return what ``parameters`` say as a JSON Schema object."""
        properties = {
            name: {key: value for key, value in about.items() if key != "required" and (key, value) != ("type", "any")}
            for name, about in self.parameters.items()
        }
        required = [name for name, about in self.parameters.items() if about.get("required")]
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return ``{name, description, parameters}``, the published shape of a tool."""
        parameters = {name: dict(about) for name, about in self.parameters.items()}
        return {"name": self.name, "description": self.description, "parameters": parameters}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more model calls, as the provider counted them."""

    model: str
    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, other: Usage | None) -> Usage:
        """Return the sum; the model named is this one's."""
        if other is None:
            return self
        return Usage(self.model, self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call of a model. ``None`` leaves a setting to the model's default.

    ``reasoning_effort`` (``minimal`` to ``high``) and ``verbosity`` (``low`` to ``high``) are for models that can be
    told; to others they are not sent.
    """

    messages: Sequence[Message]
    temperature: float | None = None
    max_tokens: int | None = None
    tools: Sequence[ToolSpec] = ()
    reasoning_effort: str | None = None
    verbosity: str | None = None


@dataclass(frozen=True, slots=True)
class ChatChunk:
    """A piece of an answer: text as it arrives, then (last) whole tool calls and the usage."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A whole answer."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=lambda: Usage("unknown"))


class ChatModel(Protocol):
    """A language model, ready to be called. Closing the generator stops the generation at the provider.

    ``stream`` raises `ProviderError`; ``retryable`` says whether trying again can help.
    """

    @property
    def name(self) -> str:
        """The resolved name, e.g. ``local/smollm2-135m-instruct`` or ``openai:gpt-5-mini``."""
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield the answer in pieces."""
        ...


class ChatModels(Protocol):
    """Where nodes get their models from."""

    async def get(self, name: str | None) -> ChatModel:
        """Return the model of that name, or the default; loads it if need be.

        Raises
        ------
        NotConfigured : no such provider is set up here; the hint says what to do.
        """
        ...

    def limits(self, name: str | None) -> tuple[str, ...]:
        """Return the names of the limits that count a use of that model: ``model:…`` and ``provider:…``."""
        ...


_ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "tool": "tool",
}


def conversation_of(inputs: Mapping[str, Any]) -> list[Message]:
    """Return the messages that a run begins with.

    ``inputs.messages``, else ``inputs.message``, else the only text among the inputs, else the inputs as JSON; none
    for no inputs. Generated code does the same. Source: design §2.
    """
    if not inputs:
        return []
    given = inputs.get("messages")
    if isinstance(given, list):
        return [_incoming(item) for item in given]
    if isinstance(inputs.get("message"), str):
        return [Message("user", inputs["message"])]
    texts = [value for value in inputs.values() if isinstance(value, str)]
    return [Message("user", texts[0] if len(texts) == 1 else json.dumps(inputs, ensure_ascii=False))]


def _incoming(item: Any) -> Message:
    """Read a message from outside leniently: a text, or an object with role and content."""
    if isinstance(item, Mapping):
        role = _ROLES.get(str(item.get("role", item.get("type", "user"))), "user")
        content = item.get("content", "")
        return Message(role, content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
    return Message("user", item if isinstance(item, str) else json.dumps(item, ensure_ascii=False))
