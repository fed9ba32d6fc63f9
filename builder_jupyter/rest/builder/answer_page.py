"""The HTML of the page behind a link: one small file, no script, nothing fetched, everything from outside escaped."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from builder_jupyter.execution.forms import WHOLE, Field, FieldKind, Form, choice_text

STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{margin:0 auto;max-width:38rem;padding:2rem 1.25rem}
.prompt{white-space:pre-wrap;overflow-wrap:anywhere}
.field{margin:1.25rem 0}
label,legend{font-weight:600;display:block}
.field>p{margin:.1rem 0;font-size:.9rem}
input:not([type=checkbox]),textarea,select{box-sizing:border-box;width:100%;font:inherit;padding:.5rem}
input[type=checkbox]{width:1.2rem;height:1.2rem;vertical-align:-.2rem}
.check label{display:inline}
button{font:inherit;padding:.6rem 1.2rem;margin:0 .5rem .5rem 0;cursor:pointer}
.fault{color:#b3261e}
@media (prefers-color-scheme:dark){.fault{color:#ffb4ab}}
"""
_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def message_page(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return _page(title, f"<p>{escape(text)}</p>")


def form_page(
    form: Form,
    *,
    deadline: int | None = None,
    faults: Iterable[Mapping[str, Any]] = (),
    given: Mapping[str, str] | None = None,
) -> str:
    """Return the page that asks.

    Parameters
    ----------
    deadline : epoch milliseconds.
    faults : ``{"field", "error"}`` of what was sent before; those of nested values count for their field.
    given : what was sent before, by field.
    """
    wrong: dict[str, list[str]] = {}
    names = {field.name for field in form.fields}
    for fault in faults:
        place = str(fault.get("field", ""))
        name = next((one for one in (place, place.partition(".")[0], WHOLE) if one in names), "")
        wrong.setdefault(name, []).append(str(fault.get("error", "")))
    return _page(
        "Your answer is needed",
        f'<p class="prompt">{escape(form.prompt)}</p>' if form.prompt else "",
        _until(deadline) if deadline is not None else "",
        _summary(wrong) if wrong else "",
        # No address: the form goes to where it came from, under whatever name that is known outside.
        '<form method="post" autocomplete="off">',
        *(_field(field, wrong.get(field.name, []), given) for field in form.fields),
        *(_option(option) for option in form.options),
        '<button type="submit">Send</button>' if form.fields else "",
        "</form>",
    )


def _page(title: str, *parts: str) -> str:
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><main><h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n"
    )


def _until(deadline: int) -> str:
    moment = datetime.fromtimestamp(deadline / 1000, UTC)
    shown = moment.strftime("%d %B %Y, %H:%M UTC")
    return f'<p>Please answer before <time datetime="{moment.isoformat(timespec="seconds")}">{shown}</time>.</p>'


def _summary(wrong: Mapping[str, list[str]]) -> str:
    elsewhere = "".join(f"<p>{escape(text)}</p>" for text in wrong.get("", ()))
    return f'<div class="fault" role="alert"><p>Something in your answer needs another look.</p>{elsewhere}</div>'


def _option(option: str) -> str:
    return f'<button type="submit" name="{WHOLE}" value="{escape(option)}">{escape(option)}</button>'


def _field(field: Field, faults: list[str], given: Mapping[str, str] | None) -> str:
    name = f"f-{field.name}"
    about = [(f"{name}-hint", field.hint, "")] if field.hint else []
    about += [(f"{name}-fault", "; ".join(faults), "fault")] if faults else []
    described = " ".join(place for place, _, _ in about)
    more = "".join(
        f'<p id="{escape(place)}"{f" class={css}" if css else ""}>{escape(text)}</p>' for place, text, css in about
    )
    marks = f' aria-describedby="{escape(described)}"' if described else ""
    marks += ' aria-invalid="true"' if faults else ""
    value = _shown(field) if given is None else given.get(field.name, "")
    label = f'<label for="{escape(name)}">{escape(field.label)}</label>'
    head = f'id="{escape(name)}" name="{escape(field.name)}"{marks}'
    if field.kind is FieldKind.BOOLEAN:
        checked = " checked" if value else ""
        return f'<div class="field check"><input type="checkbox" value="true" {head}{checked}> {label}{more}</div>'
    return f'<div class="field">{label}{more}{_control(field, head, value)}</div>'


def _control(field: Field, head: str, value: str) -> str:
    required = " required" if field.is_required and field.kind is not FieldKind.LIST else ""
    match field.kind:
        case FieldKind.CHOICE:
            names = [choice_text(choice) for choice in field.choices]
            nothing = "" if field.is_required and value in names else "<option value=''></option>"
            options = "".join(
                f'<option value="{escape(name)}"{" selected" if name == value else ""}>{escape(name)}</option>'
                for name in names
            )
            return f"<select {head}{required}>{nothing}{options}</select>"
        case FieldKind.INTEGER | FieldKind.NUMBER:
            step = "1" if field.kind is FieldKind.INTEGER else "any"
            return f'<input type="number" step="{step}" {head}{required} value="{escape(value)}">'
        case FieldKind.LIST | FieldKind.JSON:
            hint = ' placeholder="One on each line"' if field.kind is FieldKind.LIST else ""
            return f'<textarea rows="4" {head}{required}{hint}>\n{escape(value)}</textarea>'
        case _:
            return f'<textarea rows="3" {head}{required}>\n{escape(value)}</textarea>'


def _shown(field: Field) -> str:
    """Return a field's default as its control holds it."""
    if field.default is None or field.default is False:
        return ""
    if field.kind is FieldKind.LIST and isinstance(field.default, list):
        return "\n".join(map(str, field.default))
    return choice_text(field.default)
