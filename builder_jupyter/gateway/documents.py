"""Tools that read and write the text of document nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from builder_jupyter.errors import InvalidInput
from builder_jupyter.gateway.nodes import changed, node_of, rewritten
from builder_jupyter.gateway.shapes import NodeChanged, OnNode
from builder_jupyter.gateway.tool import SET, Call, Result, tool
from builder_jupyter.graph.edits import Change
from builder_jupyter.graph.model import Node, Workflow, thaw
from builder_jupyter.identity.scopes import Scope

FIELDS = {"document": "content", "text": "text", "code": "code"}
"""Where nodes that people read keep their text, by type."""


class Document(Result):
    """The text of a node."""

    canvas_id: str
    node_id: str
    version: int
    content: str


@tool("Read a document", Scope.READ_CANVASES)
async def read_document_node(call: Call, args: OnNode) -> Document:
    """Read the text of a document node; text and code nodes have one too."""
    stored = await call.runtime.canvases.get(call.principal, args.canvas_id)
    node = node_of(stored.workflow, args.node_id)
    content = node.data.get(_field(node), "")
    return Document(canvas_id=stored.id, node_id=node.id, version=stored.version, content=str(content))


class WriteArgs(OnNode):
    """The whole new text."""

    content: Annotated[str, Field(max_length=1_000_000)]


@tool("Write a document", Scope.WRITE_CANVAS, hints=SET)
async def write_document_node(call: Call, args: WriteArgs) -> NodeChanged:
    """Put another text into a document node, or into a text or code node."""

    def change(workflow: Workflow) -> Sequence[Change]:
        node = node_of(workflow, args.node_id)
        return rewritten(workflow, args.node_id, data={**thaw(node.data), _field(node): args.content})

    stored = await call.runtime.canvases.edit(call.principal, args.canvas_id, change, f"Wrote {args.node_id}")
    return changed(stored, args.node_id)


def _field(node: Node) -> str:
    if node.type not in FIELDS:
        raise InvalidInput(
            f"Node {node.id!r} is a {node.type} node, which holds no document.",
            code="NOT_A_DOCUMENT",
            hint=f"Nodes of type {', '.join(FIELDS)} do.",
        )
    return FIELDS[node.type]


TOOLS = (read_document_node, write_document_node)
