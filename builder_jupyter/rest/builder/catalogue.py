"""What there is to build with: node types and templates. Source: spec langgraph-builder §13."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from builder_jupyter.drawing.catalogue import data_schema
from builder_jupyter.graph.model import Profile
from builder_jupyter.identity.scopes import Scope
from builder_jupyter.nodes.base import NodeType
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.routing import route
from builder_jupyter.services.templates import Template, get_template, list_templates


class NodeTypeItem(BaseModel):
    """A kind of node. ``config_schema`` is the JSON Schema of a node's ``data``; ``color`` is ``#rrggbb``."""

    type: str
    name: str
    description: str
    icon: str
    color: str
    config_schema: dict[str, Any]


class NodeTypeList(BaseModel):
    """The kinds of nodes that the Builder API's workflows are made of, in palette order."""

    node_types: list[NodeTypeItem]


class TemplateItem(BaseModel):
    """A template in a list. ``difficulty`` is ``beginner``, ``intermediate`` or ``advanced``."""

    id: str
    name: str
    description: str
    difficulty: str
    node_count: int
    tags: list[str]


class TemplateList(BaseModel):
    """The templates, easiest first."""

    templates: list[TemplateItem]


class FullTemplate(TemplateItem):
    """A template with its graph; it can be sent to ``POST /api/builder/workflows`` as it is."""

    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]
    metadata: dict[str, Any]


class NodeTypesHandler(BuilderFamily):
    """Node types."""

    path = "/api/builder/node-types"

    @route(Scope.READ_CANVASES, answer=NodeTypeList)
    async def get(self) -> None:
        """List the node types with the JSON Schema of their data."""
        self.answer({"node_types": [_item(kind) for kind in self.runtime.registry.of(Profile.BUILDER)]})


class TemplatesHandler(BuilderFamily):
    """Templates."""

    path = "/api/builder/templates"

    @route(Scope.READ_CANVASES, answer=TemplateList)
    async def get(self) -> None:
        """List the templates."""
        self.answer({"templates": [_summary(template) for template in list_templates()]})


class TemplateHandler(BuilderFamily):
    """One template."""

    path = "/api/builder/templates/{template_id}"

    @route(Scope.READ_CANVASES, answer=FullTemplate)
    async def get(self, template_id: str) -> None:
        """Get a template with its graph."""
        template = get_template(template_id)
        document = template.workflow.to_dict()
        graph = {name: document[name] for name in ("nodes", "edges", "metadata")}
        self.answer(_summary(template) | graph)


HANDLERS = (NodeTypesHandler, TemplatesHandler, TemplateHandler)


def _item(kind: NodeType) -> dict[str, Any]:
    return {
        "type": kind.type,
        "name": kind.title,
        "description": kind.description,
        "icon": kind.icon,
        "color": kind.color,
        "config_schema": data_schema(kind),
    }


def _summary(template: Template) -> dict[str, Any]:
    workflow = template.workflow
    return {
        "id": template.id,
        "name": workflow.name,
        "description": workflow.description,
        "difficulty": template.difficulty,
        "node_count": len(workflow.nodes),
        "tags": list(workflow.tags),
    }
