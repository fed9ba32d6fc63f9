"""Child executions on behalf of one step: a workflow inside a workflow, once or once for each item of a list.

They are executions like any other, with a history of their own: what works in one (waiting, retries, recovery) works in
a child. Their ids follow from the step that runs them, so that after a crash they are found and not begun again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from builder_jupyter import ids
from builder_jupyter.errors import BuilderError, StepError
from builder_jupyter.execution.events import StepStarted, StepWaiting
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.execution.view import final_output
from builder_jupyter.execution.visit import WAITS_FOR_CHILDREN
from builder_jupyter.nodes.base import OnFailure

if TYPE_CHECKING:
    from builder_jupyter.execution.engine import Engine
    from builder_jupyter.execution.run import Run
    from builder_jupyter.execution.visit import Visit


class ChildRuns:
    """`nodes.base.Children` of one attempt."""

    def __init__(self, engine: Engine, run: Run, visit: Visit) -> None:
        self._engine = engine
        self._run = run
        self._visit = visit
        self._live: dict[str, Run] = {}

    async def run(self, jobs: Sequence[Mapping[str, Any]], *, concurrency: int, on_failure: OnFailure) -> list[Any]:
        """Run the node's workflow once for each of ``jobs``; see `nodes.base.Children`."""
        outcomes: dict[int, Any] = {}
        left = iter(enumerate(jobs))

        async def work() -> None:
            for index, inputs in left:
                child = await self._until_over(index, inputs)
                if child.status is ExecutionStatus.COMPLETED:
                    outcomes[index] = final_output(child.state)
                elif on_failure is OnFailure.FAIL:
                    raise _failure(child, index, len(jobs))
                elif on_failure is OnFailure.COLLECT:
                    outcomes[index] = {
                        "error": child.state.error or {"message": str(child.status), "code": "CANCELLED"}
                    }

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(concurrency, len(jobs))):
                    group.create_task(work())
        except* BuilderError as failed:
            self._go_on()
            raise failed.exceptions[0] from None
        return [outcomes[index] for index in sorted(outcomes)]

    async def _until_over(self, index: int, inputs: Mapping[str, Any]) -> Run:
        child = await self._engine.child(self._run, self._visit, index, inputs)
        self._live[child.execution_id] = child
        try:
            while not child.is_over:
                self._show()
                await child.changed()
            if child.broken is not None:
                raise child.broken
        finally:
            del self._live[child.execution_id]
        self._show()
        return child

    def _show(self) -> None:
        """Let the step wait while all that is left of its children waits, so that the execution is seen to wait."""
        state, visit = self._run.state, self._visit
        step = state.planned(visit).node_id
        all_wait = bool(self._live) and all(c.status is ExecutionStatus.WAITING for c in self._live.values())
        if all_wait and visit.group is state.active:
            request = {"executions": sorted(self._live)}
            waits = StepWaiting(step, visit.number, visit.attempt, ids.waitpoint_id(), WAITS_FOR_CHILDREN, request)
            self._engine.note(self._run, waits)
        elif not all_wait:
            self._go_on()

    def _go_on(self) -> None:
        """Let the step run again if it waits: a result is taken from a step that runs, and from no other."""
        state, visit = self._run.state, self._visit
        if visit.group is state.waiting:
            step = state.planned(visit).node_id
            self._engine.note(self._run, StepStarted(step, visit.number, visit.attempt))


def _failure(child: Run, index: int, of: int) -> StepError:
    error = child.state.error or {}
    which = f"item {index + 1} of {of}, " if of > 1 else ""
    reason = error.get("message") or f"it was {child.status}"
    return StepError(
        f"The workflow of this step failed ({which}execution {child.execution_id}): {reason}",
        code="CHILD_FAILED",
        details={"executionId": child.execution_id, "error": error},
    )
