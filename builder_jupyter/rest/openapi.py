"""The OpenAPI 3.1 document, made from what the handlers declare."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http.client import responses
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from builder_jupyter.identity.grants import MAX_SUBJECT, SUBJECT
from builder_jupyter.nodes.media_types import KNOWN_TYPES
from builder_jupyter.rest.routing import Access, Route, builder_body, routes_of

# Parameters of paths that are more than a text.
PATH_SCHEMAS: dict[str, dict[str, Any]] = {
    "version": {"type": "integer", "minimum": 0},
    "subject": {"type": "string", "pattern": f"^{SUBJECT.pattern}$", "maxLength": MAX_SUBJECT},
}

# Statuses that every route may answer with, and that its row in a table does not repeat.
UNSAID = frozenset({400, 401, 403, 413, 415, 429, 503})

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
        "parameters": [
            *_path_parameters(path),
            *_parameters("query", about.query),
            *_parameters("header", about.headers),
        ],
        "responses": _responses(handler, path, about),
    }
    if about.body is not None:
        schema = {"$ref": REF.format(model=about.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if about.uploads:
        file = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(KNOWN_TYPES, file)}
    if about.access is Access.PUBLIC:
        operation["security"] = []
    else:
        operation["security"] = [{"apiKey": []}, {"jsonWebToken": []}, {"jupyterToken": []}]
        scopes = [str(scope) for scope in about.access] if isinstance(about.access, tuple) else []
        operation["x-scopes"] = scopes
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": PATH_SCHEMAS.get(name, {"type": "string"})}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _parameters(place: str, model: type[BaseModel] | None) -> list[dict[str, Any]]:
    """Return the fields of a model as parameters in the query or the headers. What is left out is not null there."""
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=REF)
    required = schema.get("required", ())
    return [
        {"name": name, "in": place, "required": name in required, "schema": _without_null(field)}
        for name, field in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    bare = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**kinds[0], **bare}


def _responses(handler: type, path: str, about: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": about.summary}
    if about.answer is not None:
        schema: dict[str, Any] = TypeAdapter(about.answer).json_schema(ref_template=REF)
        schema.pop("$defs", None)
        success["content"] = {"application/json": {"schema": schema}}
    if about.stream is not None and "/" in about.stream:
        success.setdefault("content", {})[about.stream] = {"schema": {"type": "string"}}
    is_builder = getattr(handler, "family", None) is builder_body
    error = {"$ref": REF.format(model="BuilderError" if is_builder else "DirectError")}
    content = {"application/json": {"schema": error}}
    failures = {str(status): {"description": responses[status], "content": content} for status in refusals(path, about)}
    successes = {str(status): success for status in (about.status, *about.also)}
    return dict(sorted((failures | successes).items()))


def refusals(path: str, about: Route) -> set[int]:
    """Return the statuses of the errors that a route may answer with.

    Whoever asks: a malformed address (400), the wrong host (403), a runtime that is not running (503). The rest follows
    from what the route declares: who may call it and how often, an id in the path, a body; and what it declares beside.
    """
    statuses = {400, 403, 503, *about.refuses}
    if about.access is not Access.PUBLIC:
        statuses.add(401)
    if "{" in path:
        statuses.add(404)
    if about.bucket is not None:
        statuses.add(429)
    if about.body is not None:
        statuses |= {413, 415}
    if about.uploads:
        statuses.add(413)
    return statuses


def markdown(handlers: Iterable[type]) -> str:
    """Return the table of all routes for ``docs/api.md``: who may call them, and the statuses they answer with."""
    rows = ["| route | who | answers | what |", "|---|---|---|---|"]
    for path, handler in sorted(((vars(one)["path"], one) for one in handlers), key=lambda pair: pair[0]):
        for verb, about in routes_of(handler):
            answers = sorted({about.status, *about.also, *refusals(path, about)} - UNSAID)
            rows.append(
                f"| `{verb.upper()} {path}` | {_who(about)} | {' '.join(map(str, answers))} | {about.summary} |"
            )
    return "\n".join(rows)


def _who(about: Route) -> str:
    if isinstance(about.access, Access):
        return "anybody" if about.access is Access.PUBLIC else about.access.value
    return " or ".join(f"`{scope}`" for scope in about.access)
