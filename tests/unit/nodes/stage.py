"""A stage for one node: everything a step is given, scripted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node, PortType
from builder_jupyter.nodes.base import PortValue, StepContext
from builder_jupyter.nodes.chat import Message, ToolSpec


@dataclass
class State:
    """The `StateView` that a test says there is."""

    messages: Sequence[Message] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)

    @property
    def routed_text(self):
        return self.messages[-1].content if self.messages else ""

    def as_mapping(self):
        messages = [message.to_dict() for message in self.messages]
        return {**self.inputs, "messages": messages, "results": self.results, "output": None}


@dataclass
class Bench:
    """Tools by name; a tool that is an exception is raised."""

    tools: Mapping[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)

    def specs(self):
        return [ToolSpec(name, name, {"x": {"type": "string"}}) for name in self.tools]

    async def call(self, name, arguments):
        self.calls.append((name, arguments))
        if name not in self.tools:
            raise StepError(f"There is no tool {name!r}.", code="UNKNOWN_TOOL")
        value = self.tools[name]
        if isinstance(value, BaseException):
            raise value
        return value(arguments) if callable(value) else value


def context(
    node_type,
    data=None,
    *,
    model=None,
    tools=None,
    messages=(),
    ports=None,
    routes=(),
    inputs=None,
    results=None,
    **more,
):
    said = []
    made = StepContext(
        node=Node("me", node_type, data or {}),
        inputs=inputs or {},
        ports={port: [PortValue(PortType.TEXT, text) for text in texts] for port, texts in (ports or {}).items()},
        state=State(
            tuple(Message("user", m) if isinstance(m, str) else m for m in messages), inputs or {}, results or {}
        ),
        routes=routes,
        models=ScriptedModels(model or ScriptedModel()),
        tools=tools or Bench(),
        emit=said.append,
        **more,
    )
    return made, said
