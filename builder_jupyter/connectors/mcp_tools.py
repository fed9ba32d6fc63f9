"""What an MCP server says, as values: its tools and resources, and what a call came to. Nothing here talks to one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder_jupyter.connectors.tool_schemas import spec_of
from builder_jupyter.errors import OutputInvalid, StepError
from builder_jupyter.nodes.chat import ToolSpec
from builder_jupyter.nodes.display import clean

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock, Resource, Tool

MAX_TOOLS = 500
MAX_RESOURCES = 1_000
MAX_RESULT_BYTES = 10_000_000
MAX_MESSAGE = 2_000
MAX_URI = 2_000
_NAME = re.compile(r"[A-Za-z0-9_.\-/]{1,128}")


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """A resource that an MCP server offers, as ``GET /api/builder/resources`` lists it."""

    uri: str
    name: str
    mime_type: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the published shape. Source: seed "Builder API", MCP integration."""
        return {"uri": self.uri, "name": self.name, "mimeType": self.mime_type}


def specs_of(tools: Sequence[Tool]) -> tuple[dict[str, ToolSpec], list[str]]:
    """Return the tools of a listing by name, and a sentence for each that cannot be used."""
    found: dict[str, ToolSpec] = {}
    faults = []
    for tool in tools[:MAX_TOOLS]:
        try:
            if not _NAME.fullmatch(tool.name):
                raise ValueError("its name is none")
            spec = spec_of(tool.name, clean(tool.description or tool.title or ""), tool.input_schema)
        except (ValueError, TypeError) as error:
            faults.append(f"tool {clean(tool.name)[:80]!r}: {error}")
        else:
            found.setdefault(tool.name, spec)
    return found, faults


def resources_of(resources: Iterable[Resource]) -> tuple[ResourceInfo, ...]:
    """Return the resources of a listing, each address once."""
    found: dict[str, ResourceInfo] = {}
    for resource in resources:
        uri = str(resource.uri)
        if len(uri) <= MAX_URI and len(found) < MAX_RESOURCES:
            found.setdefault(uri, ResourceInfo(clean(uri), clean(resource.name)[:MAX_URI], resource.mime_type))
    return tuple(found.values())


def value_of(result: CallToolResult, tool: str) -> Any:
    """Return what a call came to as a JSON-like value: its structured content, else its texts.

    A picture, a sound or a file is told by its type and size.

    Raises
    ------
    StepError : ``TOOL_FAILED`` with the tool's own words when it says that it failed.
    OutputInvalid : more than 10 MB.
    """
    text = "\n".join(_text(block) for block in result.content)
    if result.is_error:
        reason = clean(text)[:MAX_MESSAGE] or "it did not say why"
        raise StepError(f"The tool {tool!r} failed: {reason}", code="TOOL_FAILED")
    value = text if result.structured_content is None else result.structured_content
    if len(text) > MAX_RESULT_BYTES or len(json.dumps(value)) > MAX_RESULT_BYTES:
        raise OutputInvalid(f"The tool {tool!r} returned more than {MAX_RESULT_BYTES // 1_000_000} MB.")
    return clean_value(value)


def clean_value(value: Any) -> Any:
    """Return a JSON value without what no store takes: lone surrogates in texts."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): clean_value(item) for name, item in value.items()}
    return [clean_value(item) for item in value] if isinstance(value, list) else value


def _text(block: ContentBlock) -> str:
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return f"[{block.type} {block.mime_type}, {len(block.data) * 3 // 4:,} bytes]"
        case "resource_link":
            return f"[resource {block.uri}]"
        case "resource":
            resource = block.resource
            blob = getattr(resource, "blob", None)
            if blob is None:
                return str(getattr(resource, "text", ""))
            return f"[resource {resource.uri}, {len(blob) * 3 // 4:,} bytes]"
