"""What a new execution can take over from one that is over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from builder_jupyter.errors import Conflict, InvalidInput, NotFound
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import SkipReason, StepStatus
from builder_jupyter.execution.visit import Context, Visit
from builder_jupyter.graph.model import PortType
from builder_jupyter.money import ZERO, Credits, total
from builder_jupyter.nodes.base import PortValue, StepResult
from builder_jupyter.nodes.chat import Message


@dataclass(frozen=True)
class Replay:
    """A replay, planned.

    Parameters
    ----------
    execution_id : what is replayed.
    begin : (step, visit) from which it is carried out again; None for the whole.
    results : by (step, visit), what is taken over.
    saved : what those cost then and do not cost again.
    """

    execution_id: str
    begin: tuple[str, int] | None = None
    results: Mapping[tuple[str, int], StepResult] = field(default_factory=dict)
    saved: Credits = ZERO


def plan_replay(
    state: ExecutionState,
    *,
    from_step: str | None = None,
    visit: int | None = None,
    edits: Mapping[str, Any] | None = None,
) -> Replay:
    """Say what a replay of a finished execution takes over.

    Everything is carried out again that is the chosen visit, depends on it, or depends on an edited result; all else is
    taken over, and must be complete. Without ``visit`` the step's latest one is chosen.

    Parameters
    ----------
    edits : by step, what its latest visit is to have left instead: a text, or ``{text?, result?, output?}``.

    Raises
    ------
    Conflict : ``EXECUTION_NOT_OVER``, or ``NOT_REPLAYABLE`` when something before the step never completed, or the run
        went another way.
    NotFound : ``STEP_NOT_FOUND``: no such step or visit.
    InvalidInput : ``INVALID_EDIT``.
    """
    if not state.status.is_terminal:
        raise Conflict(
            f"Execution {state.execution_id} is {state.status}; only one that is over can be replayed.",
            code="EXECUTION_NOT_OVER",
            hint="Wait for its end, or cancel it.",
        )
    edited = {_find(state, step, None): change for step, change in (edits or {}).items()}
    if from_step is None and not edited:
        return Replay(state.execution_id)
    chosen = [] if from_step is None else [_reached(state, _find(state, from_step, visit))]
    again = _with_all_after(state, chosen) | (_with_all_after(state, edited) - edited.keys())
    results: dict[tuple[str, int], StepResult] = {}
    for one in state.visits.values():
        if one in again or one.skip_reason is SkipReason.BRANCH_NOT_TAKEN:
            continue
        if one.result is None or one.status is not StepStatus.COMPLETED:
            if _leads_to(state, one, again):
                raise _missing(state, one)
            continue
        name = state.planned(one).node_id
        results[name, one.number] = _edit(one.result, edited[one], name) if one in edited else one.result
    begin = (state.planned(chosen[0]).node_id, chosen[0].number) if chosen else None
    saved = total([state.plan.steps[state.plan.positions[step]].credits for step, _ in results])
    return Replay(state.execution_id, begin, results, saved)


def _find(state: ExecutionState, step: str, number: int | None) -> Visit:
    position = state.plan.positions.get(step)
    found = [v for (s, n), v in state.visits.items() if s == position and number in (None, n)]
    if position is None or not found:
        which = f"step {step!r}" if number is None else f"visit {number} of step {step!r}"
        raise NotFound(f"Execution {state.execution_id} has no {which}.", code="STEP_NOT_FOUND")
    return found[-1]


def _reached(state: ExecutionState, visit: Visit) -> Visit:
    """Refuse a step on a branch that was not taken: nothing led to it that could be taken over."""
    if visit.skip_reason is not SkipReason.BRANCH_NOT_TAKEN:
        return visit
    name = state.planned(visit).node_id
    raise Conflict(
        f"Execution {state.execution_id} went another way than through step {name!r}.",
        code="NOT_REPLAYABLE",
        hint="Replay from the router or the person that chose the way, with an edit of what they chose by.",
    )


def _with_all_after(state: ExecutionState, begin: Iterable[Visit]) -> set[Visit]:
    """Return visits and all that followed from them.

    What comes after an iteration of a loop, the next one or the way out, follows from every visit in it.
    """
    after: dict[Visit, list[Visit]] = {}
    loops: dict[tuple[int, Context], list[Visit]] = {}
    for one in state.visits.values():
        for parent in one.parents:
            after.setdefault(parent, []).append(one)
        for loop in _behind(state, one):
            loops.setdefault(loop, []).append(one)
    found = set(begin)
    work = deque(found)
    while work:
        done = work.popleft()
        ends = (loops.pop(key, ()) for loop in _iterations(state, done) for key in (loop, _all_of(loop)))
        for one in chain(after.get(done, ()), *ends):
            if one not in found:
                found.add(one)
                work.append(one)
    return found


def _iterations(state: ExecutionState, visit: Visit) -> Iterator[tuple[int, Context]]:
    """Yield the iterations of loops that a visit is in, innermost first: the region, and the context up to it."""
    region = state.topology.region_of[visit.step]
    while region and visit.context:
        about = state.topology.regions[region]
        yield region, visit.context[: about.depth]
        region = about.parent


def _all_of(iteration: tuple[int, Context]) -> tuple[int, Context]:
    region, context = iteration
    return region, (*context[:-1], 0)


def _behind(state: ExecutionState, visit: Visit) -> Iterator[tuple[int, Context]]:
    """Yield what a visit comes right after: an iteration before its own, or all of those of a loop that was left."""
    around = set()
    for region, context in _iterations(state, visit):
        around.add(_all_of((region, context)))
        if context[-1] > 1:
            yield region, (*context[:-1], context[-1] - 1)
    left = {_all_of(loop) for parent in visit.parents for loop in _iterations(state, parent)}
    yield from left - around


def _leads_to(state: ExecutionState, unfinished: Visit, again: set[Visit]) -> bool:
    """Say whether an unfinished visit lies before the chosen ones: on a way of the graph that leads to them."""
    reached, work = {unfinished.step}, [unfinished.step]
    while work:
        for index in state.topology.outgoing[work.pop()]:
            target = state.topology.links[index].target
            if target not in reached:
                reached.add(target)
                work.append(target)
    return any(one.step in reached for one in again)


def _missing(state: ExecutionState, visit: Visit) -> Conflict:
    name = state.planned(visit).node_id
    return Conflict(
        f"Step {name!r} of execution {state.execution_id} is {visit.status}: there is no result to take over.",
        code="NOT_REPLAYABLE",
        hint=f"Replay from {name!r} or from a step before it.",
    )


def _edit(result: StepResult, change: Any, step: str) -> StepResult:
    """Return a result with another text, result or output; a text also replaces the last message."""
    wanted = {"text": change} if isinstance(change, str) else change
    if not isinstance(wanted, Mapping) or not wanted or not wanted.keys() <= {"text", "result", "output"}:
        raise InvalidInput(
            f"The edit of step {step!r} is neither a text nor an object with text, result or output.",
            code="INVALID_EDIT",
        )
    edited = result
    if "text" in wanted:
        text = str(wanted["text"])
        last = result.messages[-1] if result.messages else Message("assistant", "", name=step)
        outputs = {
            port: PortValue(PortType.TEXT, text) if value.type is PortType.TEXT else value
            for port, value in result.outputs.items()
        }
        written = replace(last, content=text, tool_calls=())
        edited = replace(edited, outputs=outputs, messages=(*result.messages[:-1], written))
    if "result" in wanted:
        edited = replace(edited, result=wanted["result"])
    if "output" in wanted:
        edited = replace(edited, output=wanted["output"], has_output=True)
    return edited
