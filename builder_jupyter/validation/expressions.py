"""Where nodes hold expressions, and what they read by them. Source: spec langgraph-builder §6.5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder_jupyter.graph.templates import Path, find_invalid, find_paths, parse_output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from builder_jupyter.graph.model import Node

TEMPLATED: Mapping[str, tuple[str, ...]] = {
    "tool": ("arguments",),
    "workflow": ("inputs",),
    "map": ("items", "inputs"),
}
"""The fields in which ``{{state...}}`` is filled in, by node type. An end's ``output`` is one bare expression."""


def invalid_expressions(node: Node) -> Iterator[tuple[str, str]]:
    """Yield (field, text) of what looks like an expression and is kept as plain text."""
    for field in TEMPLATED.get(node.type, ()):
        for text in find_invalid(node.data.get(field)):
            yield field, text
    output = _output(node)
    if output.strip() and parse_output(output) is None:
        yield "output", output


def paths_read(node: Node) -> Iterator[tuple[str, Path]]:
    """Yield (field, path) of every expression in the grammar."""
    for field in TEMPLATED.get(node.type, ()):
        for path in find_paths(node.data.get(field)):
            yield field, path
    output = parse_output(_output(node))
    if output is not None:
        yield "output", output


def _output(node: Node) -> str:
    output = node.data.get("output") if node.type == "end" else None
    return output if isinstance(output, str) else ""
