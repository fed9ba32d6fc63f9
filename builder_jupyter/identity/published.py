"""MCP servers that people publish: workflows as tools at an address of their own, and the keys that open it.

A key begins with ``umcp_`` and opens this one server. It is kept as API keys are: its hash and its first characters.
Source: spec builder-studio §2.1, §11.4.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from builder_jupyter.identity.api_keys import hash_key

PREFIX = "umcp_"
SLUG = r"[a-z0-9][a-z0-9-]{0,62}"
TOOL_NAME = r"[A-Za-z0-9_-]{1,64}"


class Door(StrEnum):
    """Who may call a published server: anybody, or who bears one of its keys."""

    PUBLIC = "public"
    BEARER = "bearer"


@dataclass(frozen=True, slots=True)
class PublishedTool:
    """A workflow as a tool.

    Parameters
    ----------
    input_schema : JSON Schema of the arguments, which become the run's inputs.
    output_step_id, output_port : whose output is the answer; the run's own output when None.
    """

    name: str
    description: str
    canvas_id: str
    trigger_node_id: str
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    output_step_id: str | None = None
    output_port: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the stored shape, which is also the wire's."""
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": dict(self.input_schema),
            "canvasId": self.canvas_id,
            "triggerNodeId": self.trigger_node_id,
            "outputStepId": self.output_step_id,
            "outputPort": self.output_port,
        }

    @classmethod
    def from_dict(cls, wire: Mapping[str, Any]) -> PublishedTool:
        """Read back what `to_dict` wrote."""
        return cls(
            wire["name"],
            wire["description"],
            wire["canvasId"],
            wire["triggerNodeId"],
            wire["inputSchema"],
            wire["outputStepId"],
            wire["outputPort"],
        )


@dataclass(frozen=True, slots=True)
class PublishedServer:
    """A server: an address in its workspace, who may call it, and its tools. Its runs are its owner's."""

    server_id: str
    workspace: str
    slug: str
    title: str
    door: Door
    tools: tuple[PublishedTool, ...]
    owner: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ServerKey:
    """What is kept of a key to a published server. ``prefix`` is its first characters, for people."""

    key_id: str
    server_id: str
    name: str
    prefix: str
    sha256: str = field(repr=False)
    created_by: str
    created_at: datetime
    revoked_at: datetime | None = None

    def matches(self, secret: str) -> bool:
        """Say whether this is the key, and it opens anything; compared in constant time."""
        return hmac.compare_digest(self.sha256, hash_key(secret)) and self.revoked_at is None
