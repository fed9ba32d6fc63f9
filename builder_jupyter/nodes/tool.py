"""Call one tool with arguments from the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import FrozenDict, Node, PortType, Profile
from builder_jupyter.graph.templates import fill
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import Effect, NodeData, NodeType, PortValue, StepContext, StepResult
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.python import text_of


class ToolData(NodeData):
    """``tool_name``, and ``arguments`` whose texts may hold ``{{state.…}}``."""

    tool_name: str = Field(default="", title="Tool", description="Which tool to call.", json_schema_extra=forms.TOOL)
    arguments: Mapping[str, Any] = Field(
        default=FrozenDict(),
        title="Arguments",
        description="{{state.…}} in them is filled in when the step runs.",
        json_schema_extra=forms.ARGUMENTS,
    )


class Tool(NodeType):
    """Runs a tool; its value is appended to the conversation as text and kept raw under ``results``."""

    type = "tool"
    profiles = frozenset({Profile.BUILDER})
    title = "Tool"
    description = "Calls a tool with arguments filled in from the state."
    color = "#3b82f6"
    icon = "⚒"
    Data = ToolData
    effect = Effect.WORLD
    timeout_seconds = 60.0

    def tools_of(self, node: Node) -> tuple[str, ...]:
        """Return the one tool."""
        return (ToolData.model_validate(node.data).tool_name,)

    async def run(self, context: StepContext) -> StepResult:
        """Fill in the arguments and call the tool."""
        data = ToolData.model_validate(context.node.data)
        if not data.tool_name:
            raise StepError(f"Node {context.node.id!r} names no tool.", code="MISSING_TOOL_NAME")
        value = await context.tools.call(data.tool_name, fill(data.arguments, context.state.as_mapping()))
        text = text_of(value)
        return StepResult(
            outputs={"text-out": PortValue(PortType.TEXT, text)},
            messages=(Message("assistant", text, name=context.node.id),),
            result=value,
        )
