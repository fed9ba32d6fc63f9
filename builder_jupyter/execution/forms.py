"""What a waitpoint asks for, as a form: the same one in a notebook's cell and on the page behind a link.

A schema of a kind that has no field of its own is asked for as JSON. What a form reads is checked against the schema
where it is answered, not here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from builder_jupyter.errors import InvalidInput

WHOLE = "answer"
"""The name of the one field whose value is the answer itself."""


class FieldKind(StrEnum):
    """How a value is entered."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    LIST = "list"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Field:
    """One value to enter.

    Parameters
    ----------
    choices : the values of a ``CHOICE``.
    default : what is entered at first; None for nothing.
    """

    name: str
    label: str
    kind: FieldKind = FieldKind.TEXT
    hint: str = ""
    is_required: bool = True
    default: Any = None
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """What to ask. Without fields one of the options is the answer.

    ``is_whole``: the one field's value is the answer, instead of an object with the values of all.
    """

    prompt: str = ""
    options: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    is_whole: bool = True

    def answer(self, values: Mapping[str, Any]) -> Any:
        """Return the answer that values by field make; what is None is left out."""
        if self.is_whole:
            return values.get(WHOLE)
        return {field.name: values[field.name] for field in self.fields if values.get(field.name) is not None}

    def read(self, texts: Mapping[str, Sequence[str]]) -> Any:
        """Return the answer that texts by field stand for, as a browser sends them: no text for an empty box.

        Raises
        ------
        InvalidInput : ``INVALID_ANSWER``, naming each field at fault.
        """
        if not self.fields:
            chosen = [text for text in texts.get(WHOLE, ()) if text in self.options]
            if not chosen:
                raise _invalid([{"field": WHOLE, "error": f"must be one of {', '.join(self.options)}"}])
            return chosen[0]
        values, faults = {}, []
        for field in self.fields:
            try:
                values[field.name] = _read(field, texts.get(field.name, ()))
            except ValueError as error:
                faults.append({"field": field.name, "error": str(error)})
        if faults:
            raise _invalid(faults)
        return self.answer(values)


def form_of(request: Mapping[str, Any]) -> Form:
    """Return the form for the ``request`` of a waitpoint: ``{"prompt", "options", "schema"}``, each optional."""
    prompt, schema = str(request.get("prompt") or ""), request.get("schema")
    options = tuple(map(str, request.get("options") or ()))
    if isinstance(schema, Mapping) and schema:
        return _form(prompt, schema)
    if options:
        return Form(prompt, options)
    return Form(prompt, (), (Field(WHOLE, "Answer"),))


def _form(prompt: str, schema: Mapping[str, Any]) -> Form:
    properties = schema.get("properties")
    if _type(schema) == "object" and isinstance(properties, Mapping) and properties:
        required = [name for name in schema.get("required", ()) if name in properties]
        # Stored objects are sorted by name; lists keep the order that somebody gave them.
        names = dict.fromkeys([*required, *properties])
        fields = tuple(_field(name, properties[name], is_required=name in required) for name in names)
        return Form(prompt, (), fields, is_whole=False)
    return Form(prompt, (), (_field(WHOLE, schema, is_required=True),))


def _field(name: str, schema: Any, *, is_required: bool) -> Field:
    about = schema if isinstance(schema, Mapping) else {}
    words = name.replace("_", " ")
    return Field(
        name,
        str(about.get("title") or words[:1].upper() + words[1:]),
        _kind(about),
        str(about.get("description") or ""),
        is_required,
        about.get("default"),
        tuple(about.get("enum", ())),
    )


def _kind(schema: Mapping[str, Any]) -> FieldKind:
    if schema.get("enum"):
        return FieldKind.CHOICE
    found = _type(schema)
    if found == "array":
        items = schema.get("items")
        return FieldKind.LIST if isinstance(items, Mapping) and _type(items) == "string" else FieldKind.JSON
    plain = {"string": FieldKind.TEXT, "number": FieldKind.NUMBER, "integer": FieldKind.INTEGER}
    return plain.get(found, FieldKind.BOOLEAN if found == "boolean" else FieldKind.JSON)


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a schema; of several the first that is not null."""
    found = schema.get("type", "object" if "properties" in schema else "")
    if isinstance(found, str):
        return found
    return next((str(one) for one in found if one != "null"), "") if isinstance(found, Sequence) else ""


def _read(field: Field, texts: Sequence[str]) -> Any:
    """Return a field's value, None for nothing. Raises `ValueError` with what is wrong."""
    text = texts[-1] if texts else ""
    if field.kind is FieldKind.BOOLEAN:
        return bool(text)
    if field.kind is FieldKind.LIST:
        lines = [line.strip() for given in texts for line in given.splitlines()]
        return [line for line in lines if line] or ([] if field.is_required else None)
    if not text.strip():
        if field.is_required and field.kind is not FieldKind.TEXT:
            raise ValueError("is required")
        return text if field.is_required else None
    return _parsed(field, text)


def _parsed(field: Field, text: str) -> Any:
    match field.kind:
        case FieldKind.INTEGER:
            return _number(int, text, "must be a whole number")
        case FieldKind.NUMBER:
            number = _number(float, text, "must be a number")
            if not math.isfinite(number):
                raise ValueError("must be a number")
            return number
        case FieldKind.CHOICE:
            found = [choice for choice in field.choices if choice_text(choice) == text]
            if not found:
                raise ValueError("must be one of the choices")
            return found[0]
        case FieldKind.JSON:
            try:
                return json.loads(text, parse_constant=_refuse_constant)
            except (ValueError, RecursionError):
                raise ValueError("must be JSON") from None
        case _:
            return text.replace("\r\n", "\n")


def choice_text(choice: Any) -> str:
    """Return what a choice is called: itself when it is a text, else its JSON."""
    return choice if isinstance(choice, str) else json.dumps(choice, ensure_ascii=False)


def _number(kind: type[int | float], text: str, fault: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(fault) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _invalid(faults: list[dict[str, str]]) -> InvalidInput:
    return InvalidInput("The answer does not fit the form.", code="INVALID_ANSWER", details=faults)
