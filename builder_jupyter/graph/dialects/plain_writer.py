"""Write builder workflows in the text form that `plain` describes.

A text is written bare where reading it gives the same text, else as a JSON string: the reader decides what is
ambiguous, so there is no second list of rules here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.dialects import BUILDER
from builder_jupyter.graph.dialects.plain_lines import SELF_NAMED, WORD, joined, split_lines, takes_text, value_of
from builder_jupyter.graph.model import Edge, Node, Profile, Workflow, thaw

INDENT = " " * 4
WIDTH = 100
"""Chains of edges are broken beyond this many characters."""


def write_plain(workflow: Workflow) -> str:
    """Return the text form of a workflow, all of it but its name.

    ``parse_plain(write_plain(workflow), name=workflow.name)`` is the workflow.

    Raises
    ------
    InvalidInput : ``NOT_PLAIN``, saying what the form has no words for: nodes that share an id, edges to nowhere,
        workflows of another profile, and what no document of the dialect could say.
    """
    _check(workflow)
    blocks = ("\n".join(lines) for lines in (_header(workflow), _nodes(workflow), _edges(workflow)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _check(workflow: Workflow) -> None:
    known = {node.id for node in workflow.nodes}
    if workflow.profile is not Profile.BUILDER:
        _refuse(f"it is a workflow of the profile {str(workflow.profile)!r}")
    if not workflow.nodes:
        _refuse("it has no node")
    if len(known) < len(workflow.nodes):
        _refuse("it has nodes that share an id")
    for node in workflow.nodes:
        if not node.id or not node.type:
            _refuse("a node has an empty id or type")
    for edge in workflow.edges:
        place = f"the edge from {edge.source!r} to {edge.target!r}"
        if not {edge.source, edge.target} <= known:
            _refuse(f"{place} has an end that is no node")


def _header(workflow: Workflow) -> Iterator[str]:
    more = dict(workflow.metadata)
    if workflow.description:
        yield _entry("description", workflow.description, is_text=True)
    if "tags" in more:
        tags = more.pop("tags")
        bare = ", ".join(tags) if isinstance(tags, tuple) and all(isinstance(tag, str) for tag in tags) else ""
        is_bare = bare and all(tags) and [WORD.sub("", tag).strip() for tag in tags] == [""] * len(tags)
        plain = is_bare and [tag.strip() for tag in bare.split(",")] == list(tags)
        yield f"tags: {bare if plain else _json(tags)}"
    if more:
        yield f"metadata: {_json(more)}"


def _nodes(workflow: Workflow) -> Iterator[str]:
    for node in workflow.nodes:
        yield _node_line(node)
        for key, value in node.data.items():
            if key == "name" and isinstance(value, str):
                continue
            if key == "conditions" and _are_plain(value):
                for condition in value:
                    entry = _entry(f"when {_name(condition['label'])}", condition["pattern"], is_text=True)
                    yield _indented(entry)
            else:
                is_text = takes_text(node.type, key)
                if is_text and not isinstance(value, str):
                    _refuse(f"{key!r} of node {node.id!r} is no text")
                yield _indented(_entry(_name(key), value, is_text=is_text))
        for key, value in node.extra.items():
            yield _indented(_entry(f"field {_name(key)}", value, is_text=False))


def _node_line(node: Node) -> str:
    name = node.data.get("name")
    words = [_name(node.type), _name(node.id)]
    if isinstance(name, str):
        words.append(_json(name))
    elif node.type in SELF_NAMED and words[1].startswith('"'):
        _refuse(f"node {node.id!r} has no name, and its id is more than a word")
    if node.type in SELF_NAMED and node.id == node.type:
        del words[1]
    if node.position is not None:
        words.append(f"@ {_json(node.position.x)}, {_json(node.position.y)}")
    return " ".join(words)


def _are_plain(conditions: Any) -> bool:
    return bool(conditions) and all(
        isinstance(condition, Mapping)
        and condition.keys() == {"label", "pattern"}
        and all(isinstance(text, str) for text in condition.values())
        for condition in (conditions if isinstance(conditions, tuple) else (None,))
    )


def _edges(workflow: Workflow) -> Iterator[str]:
    """Yield lines of chains whose edges, read in order, are the workflow's edges in order."""
    line, chainable = "", False
    ends: tuple[str, ...] = ()
    for sources, label, targets, more in _blocks(workflow.edges):
        arrow = "->" if label is None else f"-{_name(label)}->"
        link = f" {arrow} {', '.join(map(_name, targets))}"
        if line and chainable and label is None and not more and sources == ends and len(line) + len(link) <= WIDTH:
            line += link
        else:
            if line:
                yield line
            line = ", ".join(map(_name, sources)) + link
        line = "\n".join([line, *(_indented(_entry(_name(key), value, is_text=False)) for key, value in more.items())])
        ends, chainable = targets, label is None and not more
    if line:
        yield line


Block = tuple[tuple[str, ...], str | None, tuple[str, ...], Mapping[str, Any]]


def _blocks(edges: tuple[Edge, ...]) -> Iterator[Block]:
    """Yield the edges as (sources, label, targets, more), every source to every target, as large as can be.

    ``more`` are other fields, by their names in JSON; an edge that has any stands alone.
    """
    at = 0
    while at < len(edges):
        source, label = edges[at].source, edges[at].label
        if more := _more(edges[at]):
            yield (source,), label, (edges[at].target,), more
            at += 1
            continue
        end = at
        while end < len(edges) and (edges[end].source, edges[end].label) == (source, label) and not _more(edges[end]):
            end += 1
        targets = tuple(edge.target for edge in edges[at:end])
        sources, size = [source], len(targets)
        while end < len(edges) and _is_fan(edges[end : end + size], label, targets):
            sources.append(edges[end].source)
            end += size
        yield tuple(sources), label, targets, {}
        at = end


def _more(edge: Edge) -> dict[str, Any]:
    """Return the fields of an edge for which arrows have no words."""
    if edge.id is edge.source_port is edge.target_port is edge.condition is None and not edge.extra:
        return {}
    return {
        key: value
        for key, value in BUILDER.write_edge(edge).items()
        if key not in ("source", "target", "label") or key in edge.extra
    }


def _is_fan(edges: tuple[Edge, ...], label: str | None, targets: tuple[str, ...]) -> bool:
    """Say whether edges go from one node to exactly these targets, all with this label."""
    source = edges[0].source
    return [(e.source, e.label, e.target) for e in edges if not _more(e)] == [(source, label, t) for t in targets]


def _entry(key: str, value: Any, *, is_text: bool) -> str:
    """Return ``key: value`` over one line or more."""
    if isinstance(value, str):
        block = value if "\n" not in value else "\n" + _indented(value)
        first, *below = split_lines(f"- {block}" if "\n" not in value else f"-{block}")
        if value and value_of(joined(first.text[1:].strip(), below), is_text=is_text) == value:
            return f"{key}: {block}" if "\n" not in value else f"{key}:{block}"
    return f"{key}: {_json(value)}"


def _indented(text: str) -> str:
    return "\n".join(INDENT + line if line else "" for line in text.split("\n"))


def _name(text: str) -> str:
    return text if WORD.fullmatch(text) else _json(text)


def _json(value: Any) -> str:
    try:
        return json.dumps(thaw(value), ensure_ascii=False, allow_nan=False)
    except ValueError:
        _refuse("it has a number that is not finite")


def _refuse(reason: str) -> NoReturn:
    raise InvalidInput(
        f"The text form cannot say this workflow: {reason}.",
        code="NOT_PLAIN",
        hint="Write it as JSON: workflow.save(path).",
    )
