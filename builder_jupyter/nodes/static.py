"""What lies on a canvas and never runs: notes, shapes, documents, code, and what the editor or a roadmap has put there.

Nothing here is executed or billed, and edges that touch it carry nothing. Source: spec builder-studio §7.2, §8.4.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from builder_jupyter.graph.model import Profile
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import NodeData, NodeType


class StaticNode(NodeType):
    """A node without an executor."""

    profiles = frozenset({Profile.DIRECT})
    executes = False


class TextData(NodeData):
    """A note."""

    text: str = Field(default="", title="Text", description="What stands there.", json_schema_extra=forms.PROMPT)


class TextNode(StaticNode):
    """A note. It emits nothing: a prompt node does."""

    type = "text"
    title = "Text"
    description = "A note on the canvas."
    color = "#a3a3a3"
    icon = "T"
    Data = TextData


class ShapeData(NodeData):
    """A figure and its colours."""

    shape: str = Field(default="rectangle", title="Shape", description="Which figure.")
    fill: str | None = Field(default=None, title="Fill", description="A colour, e.g. #ffcc00.")
    stroke: str | None = Field(default=None, title="Stroke", description="The colour of its outline.")


class ShapeNode(StaticNode):
    """A figure."""

    type = "shape"
    title = "Shape"
    description = "A figure on the canvas."
    color = "#94a3b8"
    icon = "◇"
    Data = ShapeData


class DocumentData(NodeData):
    """A longer text."""

    content: Any = Field(default="", title="Content", description="The document.", json_schema_extra=forms.PROMPT)


class DocumentNode(StaticNode):
    """A longer text."""

    type = "document"
    title = "Document"
    description = "A document on the canvas."
    color = "#64748b"
    icon = "≡"
    Data = DocumentData


class CodeData(NodeData):
    """Source code, to be read."""

    language: str = Field(default="python", title="Language", description="What it is written in.")
    code: str = Field(default="", title="Code", description="It is shown, never run.", json_schema_extra=forms.CODE)


class CodeNode(StaticNode):
    """Source code, to be read and never run."""

    type = "code"
    title = "Code"
    description = "Code on the canvas; it is not run."
    color = "#475569"
    icon = "‹›"
    Data = CodeData


class EasyConnect(StaticNode):
    """A help of the editor's: it makes way for a prompt and the node that the prompt feeds."""

    type = "easy-connect"
    title = "Easy Connect"
    description = "Puts a prompt and what it feeds on the canvas."
    color = "#38bdf8"
    icon = "⌁"


class McpTool(StaticNode):
    """A tool of a published MCP server: announced, not to be placed yet."""

    type = "mcp-tool"
    title = "MCP Tool"
    description = "Not available yet."
    icon = "⚙"
    placeable = False


class McpOutput(StaticNode):
    """What a published MCP server answers with: announced, not to be placed yet."""

    type = "mcp-output"
    title = "MCP Output"
    description = "Not available yet."
    icon = "⚙"
    placeable = False


class McpCredential(StaticNode):
    """What a published MCP server signs in with: announced, not to be placed yet."""

    type = "mcp-credential"
    title = "MCP Credential"
    description = "Not available yet."
    icon = "⚙"
    placeable = False
