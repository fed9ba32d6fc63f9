"""The names that expressions can read: what a form suggests behind ``{{``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder_jupyter.drawing.inputs import inputs_read
from builder_jupyter.graph.model import Profile
from builder_jupyter.graph.names import graph_names
from builder_jupyter.validation.assignment import declared_inputs, leaves_nothing

if TYPE_CHECKING:
    from builder_jupyter.graph.model import Workflow


def state_names(workflow: Workflow) -> dict[str, Any]:
    """Return ``{"inputs", "results"}``: the inputs of a run, and for each node that leaves a result, the name of it.

    A node can read the results of those that lead to it. Which these are, the edges say: one list for each node would
    be quadratic. The inputs are those that the start declares, else those that some node reads. Time is linear.
    """
    if workflow.profile is not Profile.BUILDER:
        return {"inputs": [], "results": {}}
    nodes = workflow.nodes_by_id
    starts = [node for node in nodes.values() if node.type == "start"]
    declared = declared_inputs(starts)
    names = inputs_read(workflow) if declared is None else sorted(declared)
    results = {
        node_id: name
        for node_id, name in graph_names(workflow).items()
        if node_id in nodes and not leaves_nothing(nodes[node_id])
    }
    return {"inputs": names, "results": results}
