"""Rules of canvases: edges join typed ports and never form a loop. Source: spec builder-studio §7.3, §8.1."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from builder_jupyter.graph.algorithms import loops
from builder_jupyter.validation import repair_shape
from builder_jupyter.validation.finding import Finding, Report, Rule, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builder_jupyter.validation.facts import Facts


@rule("CYCLE_DETECTED", Severity.ERROR)
def cycle_detected(facts: Facts, report: Report) -> Iterator[Finding]:
    """The nodes of a canvas form a loop."""
    for group in loops(facts.successors):
        shown = ", ".join(map(repr, group[:5])) + (f" and {len(group) - 5} more" if len(group) > 5 else "")
        yield report(f"A canvas must not loop: {shown}", node_id=group[0], node_ids=tuple(group))


@rule("UNKNOWN_PORT", Severity.ERROR)
def unknown_port(facts: Facts, report: Report) -> Iterator[Finding]:
    """An edge names a port that the node's type does not have."""
    return _refused(facts, report, "UNKNOWN_PORT")


@rule("WRONG_DIRECTION", Severity.ERROR)
def wrong_direction(facts: Facts, report: Report) -> Iterator[Finding]:
    """An edge leaves an input or enters an output."""
    return _refused(facts, report, "WRONG_DIRECTION")


@rule("INCOMPATIBLE_TYPES", Severity.ERROR)
def incompatible_types(facts: Facts, report: Report) -> Iterator[Finding]:
    """What an edge's output carries cannot enter its input."""
    return _refused(facts, report, "INCOMPATIBLE_TYPES")


@rule("DUPLICATE_EDGE", Severity.WARNING)
def duplicate_edge(facts: Facts, report: Report) -> Iterator[Finding]:
    """Two edges join the same output and input; what flows there flows once."""
    return _refused(facts, report, "DUPLICATE_EDGE")


@rule("INPUT_OCCUPIED", Severity.ERROR)
def input_occupied(facts: Facts, report: Report) -> Iterator[Finding]:
    """Several edges enter an input that takes one."""
    return _refused(facts, report, "INPUT_OCCUPIED")


@rule("INVALID_NODE_DATA", Severity.ERROR)
def invalid_node_data(facts: Facts, report: Report) -> Iterator[Finding]:
    """What a node holds is not what its type takes, e.g. a prompt beyond 1,000 characters."""
    for node in facts.workflow.nodes:
        kind = facts.registry.find(facts.workflow.profile, node.type)
        if kind is None or not kind.executes:
            continue
        try:
            kind.Data.model_validate(node.data)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(map(str, first["loc"])) or "data"
            yield report(f"Node {node.id!r} cannot run: {field}: {first['msg']}", node_id=node.id)


@rule("NOT_PLACEABLE", Severity.ERROR)
def not_placeable(facts: Facts, report: Report) -> Iterator[Finding]:
    """A node is of a type that is announced and not there yet."""
    for node in facts.workflow.nodes:
        kind = facts.registry.find(facts.workflow.profile, node.type)
        if kind is not None and not kind.placeable:
            yield report(f"Node {node.id!r} is of the type {node.type!r}, which is not available yet", node_id=node.id)


PORT_RULES: tuple[Rule, ...] = (unknown_port, wrong_direction, incompatible_types, duplicate_edge, input_occupied)
"""The rules about ports."""


def _refused(facts: Facts, report: Report, code: str) -> Iterator[Finding]:
    for edge, refusal in facts.refused:
        if refusal.code == code:
            yield report(
                f"Edge from {edge.source!r} to {edge.target!r} is refused: {refusal.reason}",
                edge_id=edge.id,
                source=edge.source,
                target=edge.target,
                repair=partial(repair_shape.remove_edge, facts, edge),
            )
