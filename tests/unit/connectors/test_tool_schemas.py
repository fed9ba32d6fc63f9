from __future__ import annotations

from typing import Any

import pytest

from builder_jupyter.connectors.tool_schemas import check_arguments, flattened, spec_of
from builder_jupyter.errors import StepError


def checked(schema: dict[str, Any], arguments: dict[str, Any], **how: Any) -> dict[str, Any]:
    return check_arguments(spec_of("t", "", schema), arguments, **how)


def faults(schema: dict[str, Any], arguments: dict[str, Any], **how: Any) -> dict[str, str]:
    with pytest.raises(StepError) as caught:
        checked(schema, arguments, **how)
    assert "secret" not in str(caught.value)
    return {fault["field"]: fault["error"] for fault in caught.value.details}


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": ["integer", "string"]}, "any"),
        ({"anyOf": [{"type": "array"}, {"type": "null"}]}, "array"),
        ({"oneOf": [{"type": "array"}, {"type": "object"}]}, "any"),
        ({"$ref": "#/$defs/Deep"}, "boolean"),
        ({"$ref": "#/$defs/Round"}, "any"),
        ({"$ref": "https://elsewhere.example/x"}, "any"),
        ({"enum": ["a", "b"]}, "string"),
        ({"enum": [1, "b"]}, "any"),
        ({}, "any"),
        (True, "any"),
    ],
)
def test_types_are_flattened(about: Any, kind: str) -> None:
    shared = {"Deep": {"$ref": "#/$defs/Flag"}, "Flag": {"type": "boolean"}, "Round": {"$ref": "#/$defs/Round"}}
    assert flattened({"properties": {"x": about}, "$defs": shared}) == {"x": {"type": kind}}


def test_everything_that_is_wrong_is_told_and_no_value() -> None:
    schema = {
        "properties": {
            "n": {"type": "integer", "maximum": 5},
            "kind": {"enum": ["a", "b"]},
            "deep": {"type": "object", "properties": {"k": {"type": "string"}}, "required": ["k"]},
            "code": {"type": "string", "pattern": "^[a-z]+$"},
        },
        "required": ["must"],
        "additionalProperties": False,
    }
    given = {"n": 9, "kind": "secret", "deep": {}, "code": "secret 1", "extra": "secret"}
    assert faults(schema, given) == {
        "must": "is required",
        "n": "does not satisfy maximum 5",
        "kind": 'is not one of ["a", "b"]',
        "deep.k": "is required",
        "code": 'does not satisfy pattern "^[a-z]+$"',
        "extra": "is not a parameter",
    }


def test_null_is_kept_where_the_schema_has_a_use_for_it() -> None:
    schema = {"properties": {"a": {"type": ["string", "null"]}, "b": {"type": "string", "default": "x"}}}
    assert checked(schema, {"a": None, "b": None}) == {"a": None, "b": "x"}


def test_a_catastrophic_pattern_holds_up_nobody() -> None:
    schema = {"properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    assert faults(schema, {"x": "a" * 5_000 + "!"}) == {"x": 'does not satisfy pattern "^(a+)+$"'}
    assert checked({"properties": {"x": {"pattern": "(?=lookahead)"}}}, {"x": "free"}) == {"x": "free"}
    named = {"patternProperties": {"^(a+)+$": {"type": "integer"}}, "additionalProperties": False}
    assert checked(named, {"a" * 40 + "!": "free"})


def test_flat_looks_at_names_and_types_only() -> None:
    schema = {"properties": {"n": {"type": "integer", "maximum": 5}, "o": {"$ref": "#/$defs/none"}}, "required": ["n"]}
    assert checked(schema, {"n": 9, "o": {"any": 1}}, flat=True) == {"n": 9, "o": {"any": 1}}
    assert faults(schema, {"n": "secret", "p": 1}, flat=True) == {
        "n": "is not of type integer", "p": "is not a parameter",
    }  # fmt: skip


@pytest.mark.parametrize("where", ["#/$defs/none", "https://elsewhere.example/schema", "#"])
def test_nothing_is_fetched_and_nothing_goes_round_for_ever(where: str) -> None:
    schema = {"properties": {"x": {"allOf": [{"$ref": where}]}}}
    if where == "#":
        assert checked(schema, {"x": {"x": {}}}) == {"x": {"x": {}}}
        schema = {"$ref": "#", "properties": {"x": {}}}
    with pytest.raises(StepError) as caught:
        checked(schema, {"x": 1})
    assert caught.value.code == "TOOL_SCHEMA"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array"},
        {"properties": []},
        {"properties": {"x": {"type": "no such type"}}},
        {"properties": {"x": {"description": "y" * 70_000}}},
    ],
)
def test_schemas_that_cannot_be_used(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="argument"):
        spec_of("t", "", schema)
