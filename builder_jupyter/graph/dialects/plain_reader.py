"""Read builder workflows from the text form; `plain` says what that is."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

from builder_jupyter.errors import InvalidInput, TooLarge
from builder_jupyter.graph.dialects import BUILDER, read_text
from builder_jupyter.graph.dialects.faults import MAX_EDGES, Faults
from builder_jupyter.graph.dialects.plain_lines import (
    ENTRY,
    HEADER,
    SELF_NAMED,
    Line,
    Token,
    joined,
    name_of,
    split_lines,
    takes_text,
    tokens,
    value_of,
)
from builder_jupyter.graph.model import Workflow


def parse_plain(text: str, *, name: str, first_line: int = 1) -> Workflow:
    """Read a workflow from the text form, or from JSON when the text begins with ``{``.

    Parameters
    ----------
    name : of the workflow; it wins over the name in a JSON text.
    first_line : the number of the text's first line, for messages.

    Raises
    ------
    InvalidInput : ``INVALID_WORKFLOW``; ``details`` lists every fault as ``{field: "line 7", error}``.
    TooLarge : more than 5,000 nodes or 50,000 edges.
    """
    if text.lstrip().startswith("{"):
        return replace(read_text(text), name=name)
    return _Reader(split_lines(text, first_line)).read(name)


class _Reader:
    """Reads lines into a document of the builder dialect, which then checks it; knows the line of each part."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._at = 0
        self._margin = min((line.indent for line in lines if line.text), default=0)
        self._faults = Faults()
        self._places: dict[str, int] = {}
        self._header: dict[str, Any] = {}
        self._nodes: list[dict[str, Any]] = []
        self._known: set[Any] = set()
        self._edges: list[dict[str, Any]] = []
        self._below: list[dict[str, Any]] = []

    def read(self, name: str) -> Workflow:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if line.text and not line.text.startswith("#"):
                try:
                    self._read_line(line)
                except ValueError as error:
                    self._faults.add(f"line {line.number}", str(error))
        self._raise_if_any()
        self._check_ends()
        self._raise_if_any()
        try:
            return BUILDER.read(self._document(name))
        except InvalidInput as error:
            for fault in error.details:
                self._faults.add(*self._located(fault["field"], fault["error"]))
            self._raise_if_any()
            raise

    def _document(self, name: str) -> dict[str, Any]:
        metadata = self._header.get("metadata", {})
        if "tags" in self._header and isinstance(metadata, dict):
            metadata = {**metadata, "tags": self._header["tags"]}
        description = self._header.get("description", "")
        nodes, edges = self._nodes, self._edges
        return {"name": name, "description": description, "metadata": metadata, "nodes": nodes, "edges": edges}

    def _read_line(self, line: Line) -> None:
        if line.indent > self._margin:
            self._read_entry(line)
        elif header := HEADER.fullmatch(line.text):
            self._read_header(line, header["key"], header["value"])
        else:
            parts = list(tokens(line.text))
            read = self._read_edges if any(token.kind == "arrow" for token in parts) else self._read_node
            read(line, parts)

    def _read_header(self, line: Line, key: str, first: str) -> None:
        text = self._value(line, first)
        if key in self._header:
            raise ValueError(f"must not give {key!r} a second time")
        is_list = key == "tags" and not text.startswith("[")
        tags = [tag.strip() for tag in text.split(",")] if text else []
        self._header[key] = tags if is_list else value_of(text, is_text=key == "description")
        self._places["metadata.tags" if key == "tags" else key] = line.number

    def _read_node(self, line: Line, parts: list[Token]) -> None:
        place = parts.pop() if parts and parts[-1].kind == "place" else None
        if not parts:
            raise ValueError('must be a node, type id "Name" @ x, y')
        type_name, *rest = (token.value or "" for token in parts)
        match [token.kind for token in parts[1:]]:
            case [] if type_name in SELF_NAMED:
                node: dict[str, Any] = {"id": type_name}
            case ["string"] if type_name in SELF_NAMED:
                node = {"id": type_name, "data": {"name": rest[0]}}
            case ["word" | "string"]:
                node = {"id": rest[0]}
            case ["word" | "string", "string"]:
                node = {"id": rest[0], "data": {"name": rest[1]}}
            case []:
                raise ValueError(f'needs an id behind the type, as in: {type_name} my_id "A name"')
            case _:
                raise ValueError('must be a node, type id "Name" @ x, y, or edges, source -> target')
        if node["id"] in self._known:
            raise ValueError(f"must give the node an id of its own: there is a node {node['id']!r} already")
        if place is not None:
            node["position"] = dict(zip("xy", json.loads(place.value or ""), strict=True))
        self._places[f"nodes[{len(self._nodes)}]"] = line.number
        self._nodes.append({**node, "type": type_name})
        self._known.add(node["id"])
        self._below = []

    def _read_entry(self, line: Line) -> None:
        found = ENTRY.fullmatch(line.text)
        text = self._value(line, found["value"] if found else "")
        if not self._nodes:
            raise ValueError("must not be indented: there is no node above it")
        if found is None:
            raise ValueError("must be 'key: value', 'when label: pattern' or 'field key: value'")
        key = name_of(found["key"])
        if self._below:
            self._read_edge_entry(line, found["kind"], key, text)
        elif found["kind"] == "field":
            self._read_field(line, key, text)
        else:
            self._read_data(line, found["kind"], key, text)

    def _read_data(self, line: Line, kind: str | None, key: str, text: str) -> None:
        node = self._nodes[-1]
        data = node.setdefault("data", {})
        if f"nodes[{len(self._nodes) - 1}].field data" in self._places:
            raise ValueError("must not follow 'field data'")
        if kind:
            conditions = data.setdefault("conditions", [])
            if not isinstance(conditions, list):
                raise ValueError("must not follow 'conditions', which is no list")
            conditions.append({"label": key, "pattern": value_of(text, is_text=True)})
            key = f"conditions[{len(conditions) - 1}]"
        elif key in data:
            raise ValueError(f"must not give {key!r} a second time")
        else:
            data[key] = value_of(text, is_text=takes_text(node["type"], key))
        self._places[f"nodes[{len(self._nodes) - 1}].data.{key}"] = line.number

    def _read_field(self, line: Line, key: str, text: str) -> None:
        """Read a field of the node's own beside its data, as it stands in JSON."""
        node = self._nodes[-1]
        if key in node:
            raise ValueError(f"must not give {key!r} a second time")
        node[key] = value_of(text, is_text=False)
        self._places[f"nodes[{len(self._nodes) - 1}].{key}"] = line.number
        self._places[f"nodes[{len(self._nodes) - 1}].field {key}"] = line.number

    def _read_edge_entry(self, line: Line, kind: str | None, key: str, text: str) -> None:
        """Read a field of all the edges of the line above, under its name in JSON."""
        if kind:
            raise ValueError(f"must be 'key: value': {kind!r} is said of a node, and above are edges")
        for i, edge in enumerate(self._below, len(self._edges) - len(self._below)):
            if key in edge:
                raise ValueError(f"must not give {key!r} a second time")
            edge[key] = value_of(text, is_text=False)
            self._places[f"edges[{i}].{key}"] = line.number

    def _read_edges(self, line: Line, parts: list[Token]) -> None:
        groups: list[list[str]] = [[]]
        labels: list[str | None] = []
        for before, token in pairwise([None, *parts, None]):
            needs_name = before is None or before.kind in ("arrow", "comma")
            if needs_name is (token is None or token.kind in ("arrow", "comma")):
                place = f"before {token.text}" if token else "at the end"
                raise ValueError(f"needs {'the id of a node' if needs_name else '->, -label-> or a comma'} {place}")
            if token is not None and token.kind == "arrow":
                labels.append(token.value)
                groups.append([])
            elif token is not None and token.kind != "comma":
                groups[-1].append(token.value or "")
        before_these = len(self._edges)
        for label, (sources, targets) in zip(labels, pairwise(groups), strict=True):
            if len(self._edges) + len(sources) * len(targets) > MAX_EDGES:
                raise TooLarge(f"A workflow has at most {MAX_EDGES:,} edges.")
            for source, target in product(sources, targets):
                self._places[f"edges[{len(self._edges)}]"] = line.number
                labelled = {} if label is None else {"label": label}
                self._edges.append({"source": source, "target": target, **labelled})
        self._below = self._edges[before_these:]

    def _value(self, line: Line, first: str) -> str:
        start = self._at
        while self._at < len(self._lines) and (not (below := self._lines[self._at]).text or below.indent > line.indent):
            self._at += 1
        return joined(first.strip(), self._lines[start : self._at])

    def _check_ends(self) -> None:
        if not self._nodes:
            self._faults.add(f"line {self._lines[0].number}", "must describe a node at least, as in: start")
        for i, edge in enumerate(self._edges):
            for node_id in (edge["source"], edge["target"]):
                fault = {
                    "field": f"line {self._places[f'edges[{i}]']}",
                    "error": f"must name nodes that have a line of their own; {node_id!r} has none",
                }
                if node_id not in self._known and fault not in self._faults.found:
                    self._faults.found.append(fault)

    def _located(self, path: str, error: str) -> tuple[str, str]:
        """Return a fault of the document as a fault of the line from which that part came."""
        for place in (path[:end] for end in range(len(path), 0, -1)):
            if place in self._places:
                own = place.partition("].")[2] or place
                field = path.partition(".data.")[2] or path[len(place) :].lstrip(".") or own
                return f"line {self._places[place]}", f"{field} {error}"
        return path, error

    def _raise_if_any(self) -> None:
        if self._faults.found:
            first = self._faults.found[0]
            raise InvalidInput(
                f"This is no workflow in the text form: {first['field']} {first['error']}.",
                code="INVALID_WORKFLOW",
                details=self._faults.found,
            )
