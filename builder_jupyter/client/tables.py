"""An execution as a small table: plain text, and HTML that takes its colours from wherever it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from builder_jupyter.client.frames import message_of, seconds_of, text_of
from builder_jupyter.client.protocol import Wire

MARKS: Final = {
    "pending": "·",
    "planning": "·",
    "running": "▸",
    "streaming": "▸",
    "waiting": "◦",
    "completed": "✓",
    "error": "✗",
    "cancelled": "✗",
    "skipped": "–",
}
SHOWN_CHARACTERS = 160
_COLUMNS = ("step", "status", "seconds", "tokens", "credits")
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)]) | {13: "\n"}


def harmless(text: str) -> str:
    """Return text without control characters: what a model writes shall not steer a terminal."""
    return text.replace("\r\n", "\n").translate(_CONTROLS)


def headline(picture: Wire) -> str:
    """Return where an execution stands, in one line of text."""
    parts = [f"{MARKS.get(picture['status'], '·')} {harmless(picture['workflowName'])}: {picture['status']}"]
    seconds = seconds_of(picture)
    if seconds is not None:
        parts.append(f"{seconds:.1f} s")
    credits_ = picture["credits"]["charged"]
    parts.append(f"{credits_:g} credit" if credits_ == 1 else f"{credits_:g} credits")
    if saved := saved_text(picture):
        parts.append(saved)
    error = message_of(picture["error"])
    if error:
        parts.append(harmless(error))
    if picture["waitingOn"]:
        parts.append(f"step {picture['waitingOn']['stepId']!r} waits for: {picture['waitingOn']['kind']}")
    return ", ".join(parts)


def saved_text(picture: Wire) -> str:
    """Return what a replay saved, ``""`` for nothing."""
    saved = picture["credits"].get("saved", 0)
    return f"{saved:g} credit{'' if saved == 1 else 's'} saved" if saved else ""


def hints(picture: Wire) -> list[str]:
    """Return a line for each answer that the run waits for: what is asked, and how to answer."""
    asked = [one for one in picture.get("waitpoints", ()) if one["kind"] in ("human", "user-turn", "callback")]
    lines = []
    for one in asked:
        request, step = one["request"], "" if len(asked) == 1 else f", step={one['stepId']!r}"
        prompt = harmless(str(request.get("prompt") or f"Step {one['stepId']!r} asks."))
        value = repr(str(request["options"][0])) if request.get("options") else "…"
        choices = " / ".join(harmless(str(option)) for option in request.get("options") or ())
        lines.append(f"{MARKS['waiting']} {prompt}{choices and f' [{choices}]'}  Answer: run.answer({value}{step})")
    return lines


def steps_text(picture: Wire) -> str:
    """Return the steps as aligned columns: step, status, seconds, tokens in and out, credits."""
    rows = [_COLUMNS, *(_cells(step) for step in picture["steps"])]
    rows.append(_totals(picture))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [_aligned(row, widths) for row in rows]
    rule = "-" * sum(widths, 2 * (len(widths) - 1))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def steps_html(picture: Wire, *, hinted: bool = True) -> str:
    """Return the headline, the steps and `hints` as HTML; everything that came from outside is escaped."""
    asked = "".join(f"<div>{escape(line)}</div>" for line in hints(picture)) if hinted else ""
    head = "".join(f"<th style='text-align:left'>{name}</th>" for name in (*_COLUMNS, "text"))
    body = "".join(_row(step) for step in picture["steps"])
    return (
        f"<div><div>{escape(headline(picture))}</div>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{asked}</div>"
    )


def _row(step: Wire) -> str:
    text = harmless(message_of(step["error"]) or text_of(step))
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    cells = "".join(f"<td style='text-align:left;white-space:nowrap'>{escape(cell)}</td>" for cell in _cells(step))
    cells += f"<td style='text-align:left'>{escape(text)}</td>"
    faded = " style='opacity:.55'" if step["status"] in ("skipped", "pending") else ""
    return f"<tr{faded}>{cells}</tr>"


def _cells(step: Wire) -> tuple[str, ...]:
    seconds, usage = seconds_of(step), step["usage"]
    return (
        harmless(step["name"]) + (f" #{step['visit']}" if step["visit"] > 1 else ""),
        f"{MARKS.get(step['status'], '·')} {step['status']}",
        "" if seconds is None else f"{seconds:.2f}",
        f"{usage['inputTokens']} + {usage['outputTokens']}" if usage else "",
        f"{step['credits']:g}" if step["credits"] else "",
    )


def _totals(picture: Wire) -> tuple[str, ...]:
    seconds = seconds_of(picture)
    used = [step["usage"] for step in picture["steps"] if step["usage"]]
    return (
        "total",
        picture["status"],
        "" if seconds is None else f"{seconds:.2f}",
        f"{sum(u['inputTokens'] for u in used)} + {sum(u['outputTokens'] for u in used)}",
        f"{picture['credits']['charged']:g}",
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join(left + right).rstrip()
