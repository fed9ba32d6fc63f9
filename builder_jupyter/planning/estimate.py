"""What a run of a plan may cost, before it begins."""

from __future__ import annotations

from typing import Any

from builder_jupyter.money import Credits, as_number, total
from builder_jupyter.planning.plan import Plan, PlannedStep


def estimate(plan: Plan) -> dict[str, Any]:
    """Return ``{credits, mayRepeat, steps}``: what is set aside for a run of the plan, and what for each step of it.

    Steps that a router passes by cost nothing in the end, so a run may cost less. It costs more where a step says
    ``mayRepeat``: one in a loop, and one that runs another workflow, which may do so several times and has loops of its
    own; that workflow's price is in here once.
    """
    steps = [_step(plan, at, step) for at, step in enumerate(plan.steps)]
    return {
        "credits": as_number(_whole(plan)),
        "mayRepeat": any(step["mayRepeat"] for step in steps),
        "steps": steps,
    }


def _whole(plan: Plan) -> Credits:
    return total([_price(step) for step in plan.steps])


def _price(step: PlannedStep) -> Credits:
    return step.credits if step.child is None else total([step.credits, _whole(step.child)])


def _step(plan: Plan, at: int, step: PlannedStep) -> dict[str, Any]:
    shape = plan.topology
    is_in_loop = shape.regions[shape.region_of[at]].depth > 0
    return {
        "stepId": step.node_id,
        "nodeType": step.node_type,
        "name": step.node.label,
        "credits": as_number(_price(step)),
        "mayRepeat": is_in_loop or step.child is not None,
    }
