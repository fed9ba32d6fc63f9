"""The OpenAPI 3.1 document, made from what the handlers declare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from builder_jupyter.rest.routing import Access, Route, builder_body, routes_of

REF = "#/components/schemas/{model}"

_DIRECT_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
}
_BUILDER_ERROR = {
    "type": "object",
    "required": ["error", "message", "code"],
    "properties": {
        "error": {"type": "string"},
        "message": {"type": "string"},
        "code": {"type": "string"},
        "details": {},
    },
}


def document(handlers: Iterable[type], *, version: str, server_url: str) -> dict[str, Any]:
    """Return the document of all routes. ``server_url`` is the path under which they lie."""
    handlers = list(handlers)
    declarations = [(handler, verb, about) for handler in handlers for verb, about in routes_of(handler)]
    paths: dict[str, dict[str, Any]] = {}
    for handler, verb, about in declarations:
        path = vars(handler)["path"]
        paths.setdefault(path, {})[verb] = _operation(handler, verb, path, about)
    return {
        "openapi": "3.1.0",
        "info": {"title": "builder_jupyter", "version": version},
        "servers": [{"url": server_url}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {
                **_schemas(about for _, _, about in declarations),
                "BuilderError": _BUILDER_ERROR,
                "DirectError": _DIRECT_ERROR,
            },
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "builder_…"},
                "jsonWebToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "jupyterToken": {"type": "apiKey", "in": "header", "name": "Authorization"},
            },
        },
    }


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    models: dict[type[BaseModel], None] = {}
    for about in routes:
        for model in (about.body, about.query, about.answer):
            models.update(dict.fromkeys(_models(model)))
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    return dict(sorted(definitions.get("$defs", {}).items()))


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for part in getattr(annotation, "__args__", ()):
            yield from _models(part)


def _operation(handler: type, verb: str, path: str, about: Route) -> dict[str, Any]:
    name = re.sub(r"\W+", "_", path.removeprefix("/api/").replace("{", "").replace("}", ""))
    operation: dict[str, Any] = {
        "operationId": f"{verb}_{name}",
        "summary": about.summary,
        "parameters": [*_path_parameters(path), *_query_parameters(about)],
        "responses": _responses(handler, about),
    }
    if about.body is not None:
        schema = {"$ref": REF.format(model=about.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if about.access is Access.PUBLIC:
        operation["security"] = []
    else:
        operation["security"] = [{"apiKey": []}, {"jsonWebToken": []}, {"jupyterToken": []}]
        scopes = [str(scope) for scope in about.access] if isinstance(about.access, tuple) else []
        operation["x-scopes"] = scopes
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(about: Route) -> list[dict[str, Any]]:
    if about.query is None:
        return []
    schema = about.query.model_json_schema(ref_template=REF)
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": about_field}
        for name, about_field in schema["properties"].items()
    ]


def _responses(handler: type, about: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": about.summary}
    if about.answer is not None:
        schema = TypeAdapter(about.answer).json_schema(ref_template=REF)
        schema.pop("$defs", None)
        success["content"] = {"application/json": {"schema": schema}}
    if about.stream is not None and "/" in about.stream:
        success.setdefault("content", {})[about.stream] = {"schema": {"type": "string"}}
    is_builder = getattr(handler, "family", None) is builder_body
    error = {"$ref": REF.format(model="BuilderError" if is_builder else "DirectError")}
    failure = {"description": "An error", "content": {"application/json": {"schema": error}}}
    return {str(status): success for status in sorted({about.status, *about.also})} | {"default": failure}
