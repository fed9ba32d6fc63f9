"""What of a canvas generated code says, and the literal ``CANVAS`` for what is left (docs/codegen.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from builder_jupyter.codegen.patterns import from_python, to_python
from builder_jupyter.codegen.shape import plan_edges
from builder_jupyter.graph.dialects.builder import BUILDER
from builder_jupyter.graph.model import Edge, FrozenDict, Node, Workflow, canonical_json, thaw
from builder_jupyter.graph.names import is_graph_node
from builder_jupyter.graph.templates import parse_output, path_text, split_text
from builder_jupyter.nodes.patterns import read_conditions
from builder_jupyter.nodes.router import FALLBACKS

MAX_LINE = 100


def harmless(text: str) -> str:
    """Return a text as it may stand in a docstring: one line, printable, no quotes or backslashes, at most 100 long.

    Source: spec langgraph-builder §6.6.
    """
    line = " ".join(text[: 20 * MAX_LINE].split())
    return "".join(letter for letter in line if letter.isprintable() and letter not in "\"'\\")[:MAX_LINE].strip()


def said_name(node: Node) -> str | None:
    """Return the name of a node if a docstring can say it exactly."""
    name = node.data.get("name")
    return name if isinstance(name, str) and name and harmless(name) == name else None


def said_data(node: Node) -> dict[str, Any]:
    """Return the part of a node's data that its code says, spelled as a reader of the code would spell it."""
    said = _SAID.get(node.type)
    return {} if said is None or not is_graph_node(node) else said(node.data)


def canvas_of(workflow: Workflow, *, edges: Sequence[Edge], docstrings: bool) -> dict[str, Any]:
    """Return the content of ``CANVAS``: nothing that the code says.

    Parameters
    ----------
    edges : those that a reader would find in the code, in that order.
    docstrings : whether the code's docstrings say the names of nodes.
    """
    left: dict[str, Any] = {}
    for field in ("name", "description"):
        text = getattr(workflow, field)
        if harmless(text) != text:
            left[field] = text
    if workflow.metadata:
        left["metadata"] = thaw(workflow.metadata)
    leading = {edge.source for edge in plan_edges(workflow)}
    nodes = [_left(node, docstrings=docstrings, leads=node.id in leading) for node in workflow.nodes]
    if nodes != _plain_nodes(workflow, edges):
        left["nodes"] = nodes
    drawn = [BUILDER.write_edge(edge) for edge in workflow.edges]
    # Code knows one end: with several, only the canvas says which of them an edge leads to.
    ends = [node.id for node in workflow.nodes if node.type == "end" and not is_graph_node(node)]
    found = (replace(edge, target=ends[0]) if edge.target in ends else edge for edge in edges)
    if drawn != [BUILDER.write_edge(edge) for edge in found]:
        left["edges"] = drawn
    return left


def table_edges(rows: Iterable[Edge], routed: Iterable[Edge], is_end: Callable[[str], bool]) -> Iterator[Edge]:
    """Yield the edges that the rows of `EDGES` stand for, with the labels of the routes, then routes without a row.

    In the table all ends are one: a second row from a node to the end says nothing unless a route is left for it.
    """

    def key(edge: Edge) -> tuple[str, str | None]:
        return edge.source, None if is_end(edge.target) else edge.target

    left: dict[tuple[str, str | None], list[Edge]] = {}
    for edge in routed:
        left.setdefault(key(edge), []).append(edge)
    seen = set()
    for row in rows:
        if found := left.get(key(row)):
            yield found.pop(0)
        elif not is_end(row.target) or key(row) not in seen:
            yield Edge(row.source, row.target)
        seen.add(key(row))
    for edges in left.values():
        yield from edges


def _plain_nodes(workflow: Workflow, edges: Sequence[Edge]) -> list[dict[str, Any]]:
    """Return what a reader would make up: a start, the nodes of `NODE_IDS`, and an end if anything leads there."""
    found = [{"id": node.id, "type": node.type} for node in workflow.nodes if is_graph_node(node)]
    known = {node["id"] for node in found}
    ends = [{"id": "end", "type": "end"}] if any(edge.target not in known for edge in edges) else []
    return [{"id": "start", "type": "start"}, *found, *ends]


def _left(node: Node, *, docstrings: bool, leads: bool) -> dict[str, Any]:
    said = said_data(node) if leads or node.type != "router" else {}  # without edges it has no routing function
    name = said_name(node)
    if docstrings and name is not None and is_graph_node(node):
        said["name"] = name
    wire = BUILDER.write_node(node)
    if node.data:
        left = {key: value for key, value in wire.pop("data").items() if not _equal(said.get(key, _NOTHING), value)}
        if left:
            wire["data"] = left
    return wire


_NOTHING = object()


def _equal(said: Any, value: Any) -> bool:
    """Compare as JSON: 1 is not 1.0, and true is neither."""
    return said is not _NOTHING and canonical_json(said) == canonical_json(value)


def _agent(data: FrozenDict) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if isinstance(data.get("prompt"), str) and data["prompt"].strip():
        said["prompt"] = data["prompt"]
    if isinstance(data.get("model"), str) and data["model"]:
        said["model"] = data["model"]
    for name in ("temperature", "max_tokens"):
        if is_number(data.get(name)):
            said[name] = data[name]
    if tools := texts(data.get("tools")):
        said["tools"] = list(dict.fromkeys(tools))
    return said


def _router(data: FrozenDict) -> dict[str, Any]:
    conditions = [{"label": one.label, "pattern": from_python(to_python(one.pattern))} for one in read_conditions(data)]
    said: dict[str, Any] = {"conditions": conditions} if conditions else {}
    if isinstance(data.get("default"), str):
        said["default"] = data["default"]
    return said


def _tool(data: FrozenDict) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if isinstance(data.get("tool_name"), str) and data["tool_name"]:
        said["tool_name"] = data["tool_name"]
    if isinstance(data.get("arguments"), Mapping) and data["arguments"]:
        said["arguments"] = _respelled(data["arguments"])
    return said


def _human(data: FrozenDict) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if isinstance(data.get("prompt"), str) and data["prompt"]:
        said["prompt"] = data["prompt"]
    if options := texts(data.get("options")):
        said["options"] = options
    if is_number(data.get("timeout")):
        said["timeout"] = data["timeout"]
    if isinstance(data.get("schema"), Mapping):
        said["schema"] = thaw(data["schema"])
    return said


def _end(data: FrozenDict) -> dict[str, Any]:
    path = parse_output(data["output"])
    return {"output": data["output"].strip() if path is None else path_text(path)}


_SAID: dict[str, Callable[[FrozenDict], dict[str, Any]]] = {
    "agent": _agent,
    "router": _router,
    "tool": _tool,
    "human": _human,
    "end": _end,
}


def _respelled(value: Any) -> Any:
    if isinstance(value, str):
        parts = split_text(value)
        return "".join(part if isinstance(part, str) else f"{{{{{path_text(part)}}}}}" for part in parts)
    if isinstance(value, Mapping):
        return {key: _respelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_respelled(item) for item in value]
    return value


def is_number(value: Any) -> bool:
    """Say whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def texts(value: Any) -> list[str]:
    """Return the texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def repeats(routes: Mapping[Any, Sequence[str]], otherwise: Sequence[str]) -> bool:
    """Say whether what a router takes when nothing matches may be edges that have a label, all or the fallbacks.

    A reader cannot tell those from others without a label, so that the edges of such a router stand in the canvas.
    """
    everything = {target for targets in routes.values() for target in targets}
    fallbacks = {target for label in FALLBACKS for target in routes.get(label, ())}
    return set(otherwise) in (everything, fallbacks)
