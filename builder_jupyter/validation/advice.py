"""Rules beyond the documented ones, to spare people surprises. Source: spec langgraph-builder §4.3."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from builder_jupyter.nodes.patterns import CATCH_ALL, Condition, pattern_fault
from builder_jupyter.nodes.python import fault_of
from builder_jupyter.nodes.router import FALLBACKS
from builder_jupyter.validation import repair_data, repair_shape
from builder_jupyter.validation.assignment import unassigned
from builder_jupyter.validation.expressions import TEMPLATED, invalid_expressions
from builder_jupyter.validation.finding import Finding, Report, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builder_jupyter.graph.model import Edge, Node
    from builder_jupyter.validation.facts import Facts

DEFAULT_LABELS = frozenset(FALLBACKS)
"""Edge labels that a router falls back to. Source: spec langgraph-builder §6.4."""


@rule("INVALID_PATTERN", Severity.ERROR)
def invalid_pattern(facts: Facts, report: Report) -> Iterator[Finding]:
    """A router's pattern does not compile."""
    for node in facts.of_type("router"):
        for label, pattern in facts.conditions(node):
            fault = pattern_fault(pattern)
            if fault is not None:
                yield report(
                    f"Router {node.id!r} has an invalid pattern in condition {label!r}: {fault}",
                    node_id=node.id,
                    repair=partial(repair_data.quote_pattern, facts, node, label, pattern),
                )


@rule("DEAD_END", Severity.WARNING)
def dead_end(facts: Facts, report: Report) -> Iterator[Finding]:
    """A reached node other than an end has no usable outgoing edge; it runs and its branch stops."""
    for node_id in facts.select(lambda node: node.type != "end" and not facts.outgoing[node.id]):
        yield report(
            f"Node {node_id!r} has no outgoing edge, so its branch stops there",
            node_id=node_id,
            repair=partial(repair_shape.end_branch, facts, node_id),
        )


@rule("ROUTER_NO_DEFAULT", Severity.WARNING)
def router_no_default(facts: Facts, report: Report) -> Iterator[Finding]:
    """A router has no default, unlabelled edge, edge labelled default or else, or catch-all pattern."""
    for node in _standing(facts, "router"):
        labels = {edge.route_label for edge in facts.outgoing[node.id]}
        has_default = (
            bool(_texts(node, "default"))
            or None in labels
            or not labels.isdisjoint(DEFAULT_LABELS)
            or any(condition.pattern in CATCH_ALL for condition in facts.conditions(node))
        )
        if not has_default:
            yield report(
                f"Router {node.id!r} has no way out when nothing matches",
                node_id=node.id,
                repair=partial(repair_data.take_default, facts, node),
            )


@rule("UNMATCHED_LABEL", Severity.WARNING)
def unmatched_label(facts: Facts, report: Report) -> Iterator[Finding]:
    """An edge label is no condition or option of its router or human, or a condition has no edge."""
    for node in _standing(facts, "router", "human"):
        edges = facts.outgoing[node.id]
        known = _known_labels(facts, node)
        if node.type == "router":
            for label in _conditions_without_edge(facts.conditions(node), edges):
                yield report(
                    f"Router {node.id!r} has no edge for its condition {label!r}",
                    node_id=node.id,
                    repair=partial(repair_data.draw_condition, facts, node, label, known),
                )
        for edge in edges:
            if edge.route_label is not None and edge.route_label not in known:
                yield report(
                    f"Edge from {node.id!r} to {edge.target!r} has the label {edge.route_label!r},"
                    f" which {node.id!r} never chooses",
                    node_id=node.id,
                    edge_id=edge.id,
                    source=edge.source,
                    target=edge.target,
                    repair=partial(repair_data.relabel_edge, facts, edge, known),
                )


@rule("UNKNOWN_TOOL", Severity.WARNING)
def unknown_tool(facts: Facts, report: Report) -> Iterator[Finding]:
    """A tool node or an agent names a tool that is not available."""
    if facts.tool_names is None:
        return
    for node in facts.of_type("agent", "tool"):
        names = _texts(node, "tools") if node.type == "agent" else _texts(node, "tool_name")
        for name in names:
            if name not in facts.tool_names:
                yield report(
                    f"{node.type.title()} {node.id!r} names the unknown tool {name!r}",
                    node_id=node.id,
                    repair=partial(repair_data.know_tool, facts, node, name),
                )


@rule("MISSING_TOOL_NAME", Severity.WARNING)
def missing_tool_name(facts: Facts, report: Report) -> Iterator[Finding]:
    """A tool node does not say which tool it calls."""
    for node in facts.of_type("tool"):
        if not _texts(node, "tool_name"):
            yield report(
                f"Tool {node.id!r} has no tool name",
                node_id=node.id,
                repair=partial(repair_data.find_tool_name, facts, node),
            )


@rule("EMPTY_CODE", Severity.ERROR)
def empty_code(facts: Facts, report: Report) -> Iterator[Finding]:
    """A python node has no code."""
    for node in facts.of_type("python"):
        if not _texts(node, "code"):
            yield report(f"Python node {node.id!r} has no code", node_id=node.id)


@rule("INVALID_CODE", Severity.ERROR)
def invalid_code(facts: Facts, report: Report) -> Iterator[Finding]:
    """A python node's code is no Python. It is parsed, never run."""
    for node in facts.of_type("python"):
        for code in _texts(node, "code")[:1]:
            fault = fault_of(code)
            if fault is not None:
                yield report(f"Python node {node.id!r} has code that cannot run: {fault}", node_id=node.id)


@rule("INVALID_EXPRESSION", Severity.WARNING)
def invalid_expression(facts: Facts, report: Report) -> Iterator[Finding]:
    """A template or an end's output is outside the grammar and is kept as plain text."""
    for node in facts.of_type(*TEMPLATED, "end"):
        for field, text in invalid_expressions(node):
            shown = text if len(text) <= 100 else f"{text[:100]}..."
            yield report(
                f"{node.type.title()} {node.id!r} keeps {shown!r} as plain text",
                node_id=node.id,
                repair=partial(repair_data.write_expression, facts, node, field, text),
            )


@rule("UNASSIGNED_STATE", Severity.WARNING)
def unassigned_state(facts: Facts, report: Report) -> Iterator[Finding]:
    """An expression reads what nothing has set on some way from the start; it would be empty there."""
    for node, field, path, reason, meant in unassigned(facts):
        yield report(
            f"{node.type.title()} {node.id!r} reads {path}, {reason}",
            node_id=node.id,
            repair=partial(repair_data.read_instead, facts, node, field, path, meant),
        )


def _standing(facts: Facts, *types: str) -> list[Node]:
    """Return the nodes of these types that edges speak of: the first of each id."""
    return [node for node in facts.nodes.values() if node.type in types]


def _texts(node: Node, name: str) -> list[str]:
    """Return the different non-blank texts of a field that holds a text or a list of texts."""
    value = node.data.get(name)
    items = value if isinstance(value, tuple) else (value,)
    return list(dict.fromkeys(item for item in items if isinstance(item, str) and item.strip()))


def _known_labels(facts: Facts, node: Node) -> set[str]:
    if node.type == "human":
        return set(_texts(node, "options"))
    labels = {condition.label for condition in facts.conditions(node)}
    return labels | set(_texts(node, "default")) | DEFAULT_LABELS


def _conditions_without_edge(conditions: list[Condition], edges: list[Edge]) -> list[str]:
    used = {edge.route_label for edge in edges}
    if used == {None} and len(edges) == len(conditions):
        return []  # without any label the i-th condition belongs to the i-th edge (spec §6.4)
    return [label for label in dict.fromkeys(condition.label for condition in conditions) if label not in used]
