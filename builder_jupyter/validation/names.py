"""Rules of every profile, about names that must lead somewhere: node ids, types, ends of edges."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from builder_jupyter.validation import repair_data, repair_shape
from builder_jupyter.validation.finding import Finding, Report, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from builder_jupyter.validation.facts import Facts


@rule("DUPLICATE_NODE_ID", Severity.ERROR)
def duplicate_node_id(facts: Facts, report: Report) -> Iterator[Finding]:
    """Several nodes have the same id."""
    for node_id, count in Counter(node.id for node in facts.workflow.nodes).items():
        if count > 1:
            yield report(
                f"Node id {node_id!r} is used by {count} nodes",
                node_id=node_id,
                repair=partial(repair_shape.tell_apart, facts, node_id),
            )


@rule("UNUSED_EDGE", Severity.WARNING)
def unused_edge(facts: Facts, report: Report) -> Iterator[Finding]:
    """An edge names a missing node, enters a start node, leaves an end node or joins a node without ports."""
    for edge, reason in facts.defects:
        yield report(
            f"Edge from {edge.source!r} to {edge.target!r} {reason}",
            edge_id=edge.id,
            source=edge.source,
            target=edge.target,
            repair=partial(repair_shape.mend_edge, facts, edge),
        )


@rule("UNKNOWN_NODE_TYPE", Severity.ERROR)
def unknown_node_type(facts: Facts, report: Report) -> Iterator[Finding]:
    """A node's type is not registered for the profile; types are compared exactly."""
    profile = facts.workflow.profile
    for node in facts.workflow.nodes:
        if facts.registry.find(profile, node.type) is None:
            yield report(
                f"Node {node.id!r} has the unknown type {node.type!r}",
                node_id=node.id,
                repair=partial(repair_data.know_type, facts, node),
            )
