"""The arguments of tools: JSON Schema made flat for people, and the check that every call passes.

A schema comes from whoever offers the tool. Nothing is fetched for it, and its patterns run on RE2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import thaw
from builder_jupyter.nodes.chat import ToolSpec

TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})
MAX_SCHEMA_BYTES = 64_000
MAX_DESCRIPTION = 2_000
MAX_FAULTS = 20
MAX_LIMIT = 100
MAX_PATTERN_BYTES = 1 << 20


def spec_of(name: str, description: str, schema: Mapping[str, Any]) -> ToolSpec:
    """Return a tool from the JSON Schema of its arguments.

    Raises
    ------
    ValueError : the schema is none, is not of an object, or is larger than 64 kB.
    """
    if len(json.dumps(schema)) > MAX_SCHEMA_BYTES:
        raise ValueError("the schema of its arguments is too large")
    if schema.get("type", "object") != "object" or not isinstance(schema.get("properties", {}), Mapping):
        raise ValueError("its arguments are no object")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"the schema of its arguments is none: {error.message[:MAX_LIMIT]}") from error
    except RecursionError as error:
        raise ValueError("the schema of its arguments is nested too deep") from error
    return ToolSpec(name, description[:MAX_DESCRIPTION], flattened(schema), {"type": "object", **schema})


def flattened(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return ``{argument: {type, required?, default?, description?}}`` for the JSON Schema of an object.

    ``type`` is the only one besides null, through local references and alternatives, else ``any``.
    """
    required = schema.get("required", ())
    flat: dict[str, dict[str, Any]] = {}
    for name, about in schema.get("properties", {}).items():
        found = about if isinstance(about, Mapping) else {}
        kinds = _types(found, schema) - {"null"}
        entry: dict[str, Any] = {"type": kinds.pop() if len(kinds) == 1 else "any"}
        if name in required:
            entry["required"] = True
        if found.get("default") is not None:
            entry["default"] = found["default"]
        if isinstance(found.get("description"), str):
            entry["description"] = found["description"][:MAX_DESCRIPTION]
        flat[name] = entry
    return flat


def _types(about: Mapping[str, Any], root: Mapping[str, Any], depth: int = 8) -> set[str]:
    """Return the types that a schema lets through; more than one word where that cannot be told."""
    unknown = {"any", "other"}
    given = about.get("type")
    if isinstance(given, str):
        return {given} if given in TYPES or given == "null" else unknown
    if isinstance(given, list):
        return set(map(str, given))
    reference = about.get("$ref")
    if depth and isinstance(reference, str) and reference.startswith("#/$defs/"):
        found = (root.get("$defs") or {}).get(reference.removeprefix("#/$defs/"))
        return _types(found, root, depth - 1) if isinstance(found, Mapping) else unknown
    for word in ("anyOf", "oneOf"):
        ways = about.get(word)
        if depth and isinstance(ways, list) and ways:
            return set().union(*(_types(way, root, depth - 1) if isinstance(way, Mapping) else unknown for way in ways))
    if isinstance(about.get("enum"), list) and all(isinstance(choice, str) for choice in about["enum"]):
        return {"string"}
    return unknown


def check_arguments(spec: ToolSpec, arguments: Mapping[str, Any], *, flat: bool = False) -> dict[str, Any]:
    """Return the arguments with defaults filled in, or say everything that is wrong with them.

    None counts as not given unless the schema has a use for it, because models write it for what they leave out;
    ``10.0`` counts as an integer, as in JSON Schema. Values never enter the message. ``flat`` looks at the names and
    types in ``spec.parameters`` only: whoever runs the tool checks the rest.

    Raises
    ------
    StepError : ``code="TOOL_ARGUMENTS"`` with ``details`` a list of ``{field, error}``.
    """
    schema = spec.flat_schema() if flat else spec.json_schema()
    properties: Mapping[str, Any] = spec.json_schema().get("properties", {})
    checked = {
        name: _whole(spec, name, thaw(value))
        for name, value in arguments.items()
        if value is not None or name not in properties or _takes_null(properties[name])
    }
    for name, about in spec.parameters.items():
        if "default" in about:
            checked.setdefault(name, about["default"])
    known = {name: value for name, value in checked.items() if value is not None} if flat else checked
    validator = _Validator(schema, registry=EMPTY_REGISTRY)
    try:
        faults = [fault for error in validator.iter_errors(known) for fault in _faults(error)][:MAX_FAULTS]
    except (Unresolvable, RecursionError) as error:
        raise StepError(
            f"The arguments of the tool {spec.name!r} cannot be checked: its schema refers to what is not in it.",
            code="TOOL_SCHEMA",
        ) from error
    if faults:
        sentence = "; ".join(f"{field[:80]} {fault}" for field, fault in faults)
        raise StepError(
            f"The arguments of the tool {spec.name!r} are wrong: {sentence}.",
            code="TOOL_ARGUMENTS",
            details=[{"field": field[:80], "error": fault} for field, fault in faults],
        )
    return checked


def _whole(spec: ToolSpec, name: str, value: Any) -> Any:
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole and spec.parameters.get(name, {}).get("type") == "integer" else value


def _takes_null(about: Any) -> bool:
    return isinstance(about, Mapping) and "null" in _types(about, {})


def _faults(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield field and fault of one violation. What JSON Schema demands may be told, what was given may not."""
    place = ".".join(map(str, error.absolute_path))
    inside = f"{place}." if place else ""
    demanded: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "required":
            missing = next((name for name in demanded if error.message.startswith(repr(name))), "?")
            yield f"{inside}{missing}", "is required"
        case "additionalProperties":
            known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
            yield from ((f"{inside}{name}", "is not a parameter") for name in given if name not in known)
        case "type":
            kinds = demanded if isinstance(demanded, str) else " or ".join(demanded)
            yield place or "arguments", f"is not of type {kinds}"
        case "enum":
            yield place or "arguments", f"is not one of {_short(demanded)}"
        case "anyOf" | "oneOf" | "allOf" | "not" | "dependentRequired":
            yield place or "arguments", f"does not fit {error.validator!r} of its schema"
        case _:
            yield place or "arguments", f"does not satisfy {error.validator} {_short(demanded)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_LIMIT else f"{text[:MAX_LIMIT]}…"


def _pattern(_validator: Any, pattern: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Check a text on RE2; what RE2 refuses is for the tool to check."""
    compiled = _compiled(pattern) if isinstance(instance, str) else None
    if compiled is not None and compiled.search(instance) is None:
        yield ValidationError("does not match")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import re2  # 20 ms

    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def _additional(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Leave alone what patterns of names would have to be tried for: those run on Python's `re`."""
    if "patternProperties" not in schema:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, wanted, instance, schema)


def _anything(*_about: Any) -> Iterator[ValidationError]:
    yield from ()


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _anything,
        "unevaluatedProperties": _anything,
        "additionalProperties": _additional,
    },
)
