"""The node types as a palette and a form see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from builder_jupyter.money import as_number
from builder_jupyter.nodes.ports import fed_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from builder_jupyter.graph.model import Port, Profile
    from builder_jupyter.nodes.base import NodeType
    from builder_jupyter.nodes.registry import Registry


class _DataSchema(GenerateJsonSchema):
    ignored_warning_kinds = frozenset({"skipped-choice", "non-serializable-default"})  # type: ignore[assignment]


def catalogue(registry: Registry, profile: Profile) -> list[dict[str, Any]]:
    """Return the node types of a profile in palette order.

    Each is ``{"type", "title", "description", "icon", "color", "credits", "is_trigger", "inputs", "outputs",
    "schema"}``; ports are ``{"name", "type", "required", "multiple"}``, those of outputs with
    ``feeds``, the types of the inputs that they may enter; the schema is that of the node's data.
    """
    return [
        {
            "type": kind.type,
            "title": kind.title,
            "description": kind.description,
            "icon": kind.icon,
            "color": kind.color,
            "credits": as_number(kind.credits),
            "is_trigger": kind.is_trigger,
            "inputs": _ports(kind.inputs),
            "outputs": [
                {**port, "feeds": feeds}
                for port, feeds in zip(_ports(kind.outputs), map(fed_by, kind.outputs), strict=True)
            ],
            "schema": data_schema(kind),
        }
        for kind in registry.of(profile)
        if kind.placeable
    ]


def data_schema(kind: NodeType) -> dict[str, Any]:
    """Return the JSON Schema of a node's data; every type has a ``name``."""
    schema = kind.Data.model_json_schema(schema_generator=_DataSchema)
    schema["properties"] = {"name": {"type": "string", "title": "Name"}} | schema["properties"]
    del schema["title"], schema["description"]  # those of a class, which says them to programmers
    return schema


def _ports(ports: Iterable[Port]) -> list[dict[str, Any]]:
    return [
        {"name": port.name, "type": str(port.type), "required": port.required, "multiple": port.multiple}
        for port in ports
    ]
