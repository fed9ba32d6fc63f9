"""Workflows as files: JSON text that is the same for the same workflow and diffs well.

Keys are sorted and positions stand apart, in a top-level ``layout`` of one line a node, so that moving a node
changes one line and never touches what the node does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from builder_jupyter.errors import InvalidInput
from builder_jupyter.graph.dialects.faults import Faults
from builder_jupyter.graph.dialects.wire import Dialect, point

if TYPE_CHECKING:
    from builder_jupyter.graph.model import Node, Position, Workflow


def write_text(workflow: Workflow, dialect: Dialect) -> str:
    """Return the text of a workflow; nodes that share an id keep their position inside."""
    movable = _movable(workflow.nodes)
    layout = {id_: place for id_, node in movable.items() if (place := node.position) is not None}
    bare = (replace(node, position=None) if node.id in layout else node for node in workflow.nodes)
    document: dict[str, Any] = dialect.write(workflow.with_nodes(bare))
    blocks = {name: _indented(value) for name, value in document.items()}
    if layout:
        blocks["layout"] = _layout_block(layout)
    return "{\n" + ",\n".join(f'  "{name}": {blocks[name]}' for name in sorted(blocks)) + "\n}\n"


def parse_text(text: str) -> Any:
    """Parse JSON text.

    Raises
    ------
    InvalidInput : ``code="INVALID_WORKFLOW"``, field ``body``; names line and column. ``NaN`` is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _not_json(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise _not_json("nested too deeply") from error
    except ValueError as error:
        raise _not_json(str(error)) from error


def apply_layout(workflow: Workflow, layout: Any) -> Workflow:
    """Return the workflow with the positions of a ``layout`` object ``{node id: [x, y]}``.

    A node's own position wins; an entry for a node that is not there is ignored.

    Raises
    ------
    InvalidInput : ``code="INVALID_WORKFLOW"``, field ``layout`` or ``layout.<id>``.
    """
    places = _read_layout(layout)
    movable = _movable(workflow.nodes)

    def placed(node: Node) -> Node:
        own = node.position is not None or "position" in node.extra
        return node if own or node.id not in movable else replace(node, position=places.get(node.id))

    return workflow.with_nodes(map(placed, workflow.nodes))


def _movable(nodes: tuple[Node, ...]) -> dict[str, Node]:
    counts = Counter(node.id for node in nodes)
    return {node.id: node for node in nodes if counts[node.id] == 1}


def _indented(value: Any) -> str:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return text.replace("\n", "\n  ")  # JSON texts hold no raw line break, so this touches indentation only


def _layout_block(layout: dict[str, Position]) -> str:
    lines = (
        f"    {json.dumps(id_, ensure_ascii=False)}: {json.dumps([place.x, place.y])}"
        for id_, place in sorted(layout.items())
    )
    return "{\n" + ",\n".join(lines) + "\n  }"


def _read_layout(layout: Any) -> dict[str, Position]:
    faults = Faults()
    places: dict[str, Position] = {}
    if not isinstance(layout, Mapping):
        faults.add("layout", "must be an object")
        layout = {}
    for id_, pair in layout.items():
        place = point(*pair) if isinstance(pair, list | tuple) and len(pair) == 2 else None
        if place is None:
            faults.add(f"layout.{id_}", "must be a list of two numbers")
        elif faults.check_json(pair, f"layout.{id_}"):
            places[id_] = place
    faults.raise_if_any()
    return places


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _not_json(reason: str) -> InvalidInput:
    return InvalidInput(
        f"This is not a JSON document: {reason}.",
        code="INVALID_WORKFLOW",
        details=[{"field": "body", "error": f"must be JSON: {reason}"}],
    )
