"""Python code in a Jupyter kernel: the notebook's own where there is one, else a fresh one."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import Field

from builder_jupyter.errors import StepError
from builder_jupyter.graph.model import Node, PortType, Profile
from builder_jupyter.graph.templates import as_text
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import (
    Effect,
    NodeData,
    NodeType,
    Place,
    PortValue,
    StepContext,
    StepResult,
)
from builder_jupyter.nodes.chat import Message
from builder_jupyter.nodes.code import Outcome, is_frame

MAX_TEXT = 20_000
"""Characters of a result that go into the conversation: a model would be given all of it."""


class PythonData(NodeData):
    """``code`` is Python, no IPython magics; ``timeout`` is in seconds."""

    code: str = Field(
        default="",
        title="Code",
        description="Python. It sees the state as `state`; its last expression is the result.",
        json_schema_extra=forms.CODE,
    )
    timeout: float | None = Field(
        default=None,
        gt=0,
        le=604_800,
        allow_inf_nan=False,
        title="Time limit (seconds)",
        description="Empty: no limit but the server's.",
    )


class Python(NodeType):
    """Runs code that sees ``state`` and, in an attached kernel, the notebook's variables.

    The result is the value of the last expression, else of the variable ``result`` if the code has set one. It is kept
    raw under ``results``, a dataframe as a reference to an artefact; its text is appended to the conversation. Code is
    never tried again by itself: nobody knows what it has done by the time it fails.
    """

    type = "python"
    profiles = frozenset({Profile.BUILDER})
    title = "Python"
    description = "Runs Python code in the notebook's kernel, or in a fresh one where there is no notebook."
    color = "#eab308"
    icon = "λ"
    Data = PythonData
    effect = Effect.WORLD
    timeout_seconds = 600.0
    place = Place.KERNEL

    def timeout_of(self, node: Node) -> float:
        """Return the node's own limit, else ten minutes; waiting for a busy kernel counts."""
        return PythonData.model_validate(node.data).timeout or self.timeout_seconds

    async def run(self, context: StepContext) -> StepResult:
        """Run the code in the kernel that was chosen."""
        code = PythonData.model_validate(context.node.data).code
        if not code.strip():
            raise StepError(f"Node {context.node.id!r} has no code.", code="EMPTY_CODE")
        if context.kernel is None:
            raise StepError("There is no kernel to run Python code in.", code="NO_KERNEL")
        done = await context.kernel.run(code, context.state.as_mapping())
        text = text_of(done.value)
        return StepResult(
            outputs={"text-out": PortValue(PortType.TEXT, text)},
            messages=(Message("assistant", text, name=context.node.id),) if text else (),
            result=done.value,
            display=(*done.display, *_notes(done)),
        )


@lru_cache(maxsize=256)
def fault_of(code: str) -> str | None:
    """Return why a text is no Python code, as a sentence with the line; None when it is. Nothing is evaluated."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a dubious escape is a matter for whoever runs it
            ast.parse(code)
    except SyntaxError as error:
        place = f" (line {error.lineno})" if error.lineno else ""
        return f"{error.msg}{place}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or "it is nested too deep"
    return None


def text_of(value: Any) -> str:
    """Return a result as the conversation has it: a dataframe as its shape and first rows, long texts cut short."""
    text = _frame_text(value) if is_frame(value) else as_text(value)
    left = len(text) - MAX_TEXT
    return text if left <= 0 else f"{text[:MAX_TEXT]}… ({left:,} more characters in the result)"


def _frame_text(reference: Mapping[str, Any]) -> str:
    rows, columns, preview = reference["rows"], reference["columns"], reference["preview"]
    lines = [f"{rows:,} {'row' if rows == 1 else 'rows'}: {', '.join(map(str, columns))}"]
    lines += [as_text(row) for row in preview]
    return "\n".join([*lines, *(["…"] if rows > len(preview) else [])])


def _notes(done: Outcome) -> tuple[Mapping[str, Any], ...]:
    return ({"text/plain": "\n".join(done.notes)},) if done.notes else ()
