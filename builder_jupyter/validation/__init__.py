"""Workflow -> findings. One function per rule; `RULES` lists them by profile.

Shape (types of fields, limits) is checked before, by `graph.dialects`; here every workflow that can be read
is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder_jupyter.validation.facts import Facts
from builder_jupyter.validation.finding import Finding, Rule, Severity, result
from builder_jupyter.validation.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Collection

    from builder_jupyter.graph.model import Workflow
    from builder_jupyter.nodes.registry import Registry

__all__ = ["RULES", "Facts", "Finding", "Rule", "Severity", "result", "validate"]


def validate(
    workflow: Workflow, *, registry: Registry, tool_names: Collection[str] | None = None
) -> tuple[Finding, ...]:
    """Return all findings about a workflow: in the order of `RULES`, then in request order.

    Parameters
    ----------
    registry : the node types that count as known.
    tool_names : the tools on offer; None when they are not known, which silences ``UNKNOWN_TOOL``.

    Returns
    -------
    The same findings for equal workflows. Time is linear in nodes and edges.

    Source: seed "Builder API", validation rules; spec langgraph-builder §4.
    """
    facts = Facts(workflow, registry=registry, tool_names=tool_names)
    return tuple(finding for rule in RULES[workflow.profile] for finding in rule.findings(facts))
