"""The state as one step sees it: what the visits before it left, in causal order.

Two branches that run side by side do not see one another, whichever is faster; a join sees both. So what a step sees
depends on the graph and the routes taken, never on timing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.visit import Visit
from builder_jupyter.nodes.base import PortValue
from builder_jupyter.nodes.chat import Message, conversation_of


class VisibleState:
    """The `StateView` of one visit; worked out when it is read, since most steps read little of it."""

    def __init__(self, state: ExecutionState, visit: Visit) -> None:
        self._state = state
        self._visit = visit

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The run's inputs."""
        return self._state.admitted.inputs

    @cached_property
    def messages(self) -> Sequence[Message]:
        """The conversation so far: what came in, then what the visits before this one wrote."""
        return [
            *conversation_of(self.inputs),
            *(message for visit in self._before for message in _messages(visit)),
        ]

    @property
    def routed_text(self) -> str:
        """The newest message of a predecessor, looking through routers; else the last message; else ``""``."""
        writers = []
        stack, seen = list(self._visit.parents), set[Visit]()
        while stack:
            visit = stack.pop()
            if visit in seen:
                continue
            seen.add(visit)
            if _messages(visit):
                writers.append(visit)
            elif visit.result is not None and visit.result.taken is not None:
                stack.extend(visit.parents)
        if writers:
            return _messages(max(writers, key=_causal(self._state)))[-1].content
        return self.messages[-1].content if self.messages else ""

    def as_mapping(self) -> Mapping[str, Any]:
        """Return what templates see: the inputs, ``messages``, ``results`` by graph name and node id, ``output``."""
        keys = self._state.plan.result_keys
        by_name: dict[str, Any] = {}
        by_id: dict[str, Any] = {}
        output = None
        for visit in self._before:
            result = visit.result
            if result is not None and keys[visit.step]:  # also if it left nothing: what an earlier visit left is past
                name, *node_id = keys[visit.step]
                by_name[name] = result.result
                by_id.update(dict.fromkeys(node_id, result.result))
            if result is not None and result.has_output:
                output = result.output
        return {
            **self.inputs,
            "messages": [message.to_dict() for message in self.messages],
            "results": {key: value for key, value in {**by_id, **by_name}.items() if value is not None},
            "output": output,
        }

    @cached_property
    def _before(self) -> list[Visit]:
        """All visits that lead to this one, in causal order."""
        found: set[Visit] = set()
        stack = list(self._visit.parents)
        while stack:
            visit = stack.pop()
            if visit not in found:
                found.add(visit)
                stack.extend(visit.parents)
        return sorted(found, key=_causal(self._state))


def port_values(state: ExecutionState, visit: Visit) -> dict[str, list[PortValue]]:
    """Return what arrived at each input port of a visit, in the order of the edges in the workflow."""
    arrived: dict[str, list[PortValue]] = {}
    if not state.plan.has_ports:
        return arrived
    for index, source in sorted(zip(visit.arrived, visit.parents, strict=True), key=lambda pair: pair[0]):
        edge = state.plan.edges[index]
        if edge.source_port and edge.target_port and source.result is not None:
            value = source.result.outputs.get(edge.source_port)
            if value is not None:
                arrived.setdefault(edge.target_port, []).append(value)
    return arrived


def final_output(state: ExecutionState) -> Any:
    """Return the output of an execution: the last one that was set, in causal order; None when none was."""
    output = None
    for visit in sorted(state.visits.values(), key=_causal(state)):
        if visit.result is not None and visit.result.has_output:
            output = visit.result.output
    return output


def _messages(visit: Visit) -> tuple[Message, ...]:
    return visit.result.messages if visit.result is not None else ()


def _causal(state: ExecutionState) -> Callable[[Visit], tuple[int, int, int]]:
    """Return the key of causal order: depth, graph name, and number, since nested loops can repeat the first two."""
    ranks = state.plan.ranks
    return lambda visit: (visit.depth, ranks[visit.step], visit.number)
