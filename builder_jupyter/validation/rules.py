"""The rules that the Builder API documents, and `RULES`, the list of all rules by profile.

Source: seed "Builder API", validation rules; spec langgraph-builder §4.2, §4.4, §4.5. The rules we add are in
`advice` (Builder API), `wiring` and `calls` (canvases) and `names` (both).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from builder_jupyter.graph.model import Profile
from builder_jupyter.validation import advice, calls, names, repair_data, repair_shape, wiring
from builder_jupyter.validation.endless import endless_loops
from builder_jupyter.validation.finding import Finding, Report, Rule, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from builder_jupyter.validation.facts import Facts


@rule("MISSING_START_NODE", Severity.ERROR)
def missing_start_node(facts: Facts, report: Report) -> Iterator[Finding]:
    """No node is of type start."""
    if not facts.has_start:
        yield report("Workflow must have a Start node", repair=partial(repair_shape.add_start, facts))


@rule("MULTIPLE_START_NODES", Severity.ERROR)
def multiple_start_nodes(facts: Facts, report: Report) -> Iterator[Finding]:
    """More than one node is of type start."""
    starts = tuple(node.id for node in facts.of_type("start"))
    if len(starts) > 1:
        yield report(
            f"Workflow must have exactly one Start node, but has {len(starts)}",
            node_ids=starts,
            repair=partial(repair_shape.merge_starts, facts),
        )


@rule("MISSING_END_NODE", Severity.ERROR)
def missing_end_node(facts: Facts, report: Report) -> Iterator[Finding]:
    """No node is of type end."""
    if next(facts.of_type("end"), None) is None:
        yield report("Workflow must have at least one End node", repair=partial(repair_shape.add_end, facts))


@rule("ORPHAN_NODE", Severity.ERROR)
def orphan_node(facts: Facts, report: Report) -> Iterator[Finding]:
    """A node other than start and end is not reached from a start or, without one, has no usable edge."""
    joined = facts.reached if facts.has_start else facts.connected
    for node_id, node in facts.nodes.items():
        if node.type not in {"start", "end"} and node_id not in joined:
            yield report(
                f"Node {node_id!r} is not connected to the workflow",
                node_id=node_id,
                repair=partial(repair_shape.join_orphan, facts, node_id),
            )


@rule("UNREACHABLE_END", Severity.ERROR)
def unreachable_end(facts: Facts, report: Report) -> Iterator[Finding]:
    """An end node is not reached from a start."""
    if facts.has_start:
        for node_id in facts.ids_of_type("end"):
            if node_id not in facts.reached:
                yield report(
                    f"End node {node_id!r} cannot be reached from Start",
                    node_id=node_id,
                    repair=partial(repair_shape.reach_end, facts, node_id),
                )


@rule("CYCLE_DETECTED", Severity.ERROR)
def cycle_detected(facts: Facts, report: Report) -> Iterator[Finding]:
    """A loop cannot be left: no end beyond it, no decision in it, or nothing but routers in it."""
    place = {node_id: i for i, node_id in enumerate(facts.nodes)}
    for group, reason in sorted(endless_loops(facts, facts.reached), key=lambda found: place[found[0][0]]):
        yield report(
            f"{_named(group)} a loop {reason}",
            node_id=group[0],
            node_ids=tuple(group),
            repair=partial(repair_shape.open_loop, facts, group),
        )


@rule("EMPTY_PROMPT", Severity.WARNING)
def empty_prompt(facts: Facts, report: Report) -> Iterator[Finding]:
    """An agent's prompt is missing or blank."""
    for node in facts.of_type("agent"):
        prompt = node.data.get("prompt")
        if not (isinstance(prompt, str) and prompt.strip()):
            yield report(
                f"Agent {node.id!r} has no system prompt configured",
                node_id=node.id,
                repair=partial(repair_data.find_prompt, facts, node),
            )


def _named(group: list[str]) -> str:
    if len(group) == 1:
        return f"Node {group[0]!r} forms"
    more = f" and {len(group) - 5} more" if len(group) > 5 else ""
    return f"Nodes {', '.join(map(repr, group[:5]))}{more} form"


RULES: Mapping[Profile, tuple[Rule, ...]] = {
    Profile.BUILDER: (
        missing_start_node,
        multiple_start_nodes,
        missing_end_node,
        orphan_node,
        unreachable_end,
        cycle_detected,
        names.duplicate_node_id,
        empty_prompt,
        names.unused_edge,
        names.unknown_node_type,
        advice.invalid_pattern,
        advice.dead_end,
        advice.router_no_default,
        advice.unmatched_label,
        advice.unknown_tool,
        advice.missing_tool_name,
        advice.empty_code,
        advice.invalid_code,
        advice.invalid_expression,
        advice.unassigned_state,
    ),
    Profile.DIRECT: (
        names.unknown_node_type,
        names.duplicate_node_id,
        wiring.cycle_detected,
        names.unused_edge,
        *wiring.PORT_RULES,
        *calls.CALL_RULES,
        wiring.invalid_node_data,
        wiring.not_placeable,
    ),
}
"""The rules of each profile, in the order of their findings."""
