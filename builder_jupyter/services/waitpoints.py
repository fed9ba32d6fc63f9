"""Find what executions wait for, answer it, and let others answer by a link.

A link's token is ``<execution>.<waitpoint>.<mac>``. Nothing of it is stored: the code is made of both ids with a
secret, and it opens the waitpoint while that is open, so that it counts once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any

from builder_jupyter.errors import Conflict, NotFound
from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.events import StepWaiting, WaitpointEnded
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.snapshot import waitpoint
from builder_jupyter.execution.waitpoints import ANSWERABLE, WaitKind
from builder_jupyter.identity.principal import Principal
from builder_jupyter.nodes.base import AnswerKind
from builder_jupyter.services.access import may_follow
from builder_jupyter.services.executions import ExecutionService
from builder_jupyter.services.pictures import holder_of, waitpoints_of
from builder_jupyter.storage.journal import DuckDBJournal

BY_LINK = "link"
_WAITPOINT_ID = re.compile(r"wp_[0-9a-f]{16}")
_ENDS = {AnswerKind.ANSWERED: "resolved", AnswerKind.EXPIRED: "expired"}


@dataclass(frozen=True, slots=True)
class Link:
    """What lets somebody without an account answer one waitpoint. ``expires_at``: epoch milliseconds or None."""

    token: str
    expires_at: int | None


class WaitpointService:
    """What can be done with waitpoints. Unknown ids and those of other workspaces look the same."""

    def __init__(self, engine: Engine, journal: DuckDBJournal, executions: ExecutionService, secret: bytes) -> None:
        self._engine = engine
        self._journal = journal
        self._executions = executions
        self._secret = secret

    async def list(self, principal: Principal, execution_id: str | None = None) -> list[dict[str, Any]]:
        """Return the open waitpoints of an execution, or of the workspace, those of child executions included."""
        if execution_id is not None:
            runs = [await self._executions.find(principal, execution_id)]
        else:
            runs = [
                run
                for run in self._engine.runs.values()
                if run.state.waiting
                and run.state.admitted.parent is None
                and may_follow(principal, run.state.admitted.workspace, run.state.admitted.principal)
            ]
        found = [self._named(run, one) for run in runs for one in waitpoints_of(run)]
        for run in runs:
            await run.on_disk()
        return found

    async def get(self, principal: Principal, waitpoint_id: str) -> dict[str, Any]:
        """Return a waitpoint: ``state`` is open, resolved, expired or cancelled. Raises `NotFound`."""
        run = await self._holder(principal, waitpoint_id)
        await run.on_disk()
        visit = run.state.waitpoints[waitpoint_id]
        if visit in run.state.waiting and visit.waitpoint and visit.waitpoint.waitpoint_id == waitpoint_id:
            return self._named(run, waitpoint(run.state, visit))
        return _ended(run, waitpoint_id)

    async def complete(self, principal: Principal, waitpoint_id: str, value: Any) -> tuple[dict[str, Any], bool]:
        """Answer a waitpoint; return its execution's picture and whether it counted. See `ExecutionService.answer`."""
        run = await self._holder(principal, waitpoint_id)
        return await self._executions.answer(principal, run.execution_id, waitpoint_id, value)

    async def link(self, principal: Principal, execution_id: str, waitpoint_id: str) -> Link:
        """Return a link to an open waitpoint of an execution or its child executions.

        Raises
        ------
        NotFound : ``EXECUTION_NOT_FOUND``, ``WAITPOINT_NOT_FOUND``.
        Conflict : ``WAITPOINT_ENDED``, ``NOT_ANSWERABLE``.
        """
        run = holder_of(await self._executions.find(principal, execution_id), waitpoint_id)
        if run is None:
            raise _unknown()
        waiting = open_waitpoint(run, waitpoint_id)
        if waiting is None:
            raise Conflict("This waitpoint has ended; there is nothing left to answer.", code="WAITPOINT_ENDED")
        if not ANSWERABLE[WaitKind(waiting.waits_for)]:
            raise Conflict(f"No answer can end a waitpoint of kind {waiting.waits_for}.", code="NOT_ANSWERABLE")
        await run.on_disk()
        ids = f"{run.execution_id}.{waitpoint_id}"
        return Link(f"{ids}.{self._mac(ids)}", waiting.deadline)

    async def look(self, token: str) -> dict[str, Any]:
        """Return the open waitpoint behind a link. Raises `NotFound` for every token that opens nothing (now)."""
        run, waiting = await self._opened(token)
        await run.on_disk()
        return waitpoint(run.state, run.state.waitpoints[waiting.waitpoint_id])

    async def answer(self, token: str, value: Any) -> None:
        """Answer the waitpoint behind a link; return once that is on disk.

        Raises
        ------
        NotFound : the token opens nothing, or nothing any more.
        InvalidInput : ``INVALID_ANSWER``; the link stays good.
        """
        run, waiting = await self._opened(token)
        if not self._engine.answer(run, waiting.waitpoint_id, value, by=BY_LINK):
            raise _unknown()
        await run.on_disk()

    async def _opened(self, token: str) -> tuple[Run, StepWaiting]:
        ids, _, mac = token.rpartition(".")
        if not hmac.compare_digest(mac.encode(errors="replace"), self._mac(ids).encode()):
            raise _unknown()
        execution_id, _, waitpoint_id = ids.partition(".")
        run = await self._engine.load(execution_id)
        waiting = None if run is None else open_waitpoint(run, waitpoint_id)
        if run is None or waiting is None:
            raise _unknown()
        return run, waiting

    def _mac(self, ids: str) -> str:
        return hmac.new(self._secret, ids.encode(errors="replace"), hashlib.sha256).hexdigest()

    async def _holder(self, principal: Principal, waitpoint_id: str) -> Run:
        if not _WAITPOINT_ID.fullmatch(waitpoint_id):
            raise _unknown()
        run = next((run for run in self._engine.runs.values() if waitpoint_id in run.state.waitpoints), None)
        if run is None:  # over, and no longer in memory
            execution_id = await self._journal.waiting(waitpoint_id)
            run = None if execution_id is None else await self._engine.load(execution_id)
        if run is None or not may_follow(principal, run.state.admitted.workspace, run.state.admitted.principal):
            raise _unknown()
        return run

    def _named(self, run: Run, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "state": "open", "workflowName": run.state.plan.workflow_name}


def open_waitpoint(run: Run, waitpoint_id: str) -> StepWaiting | None:
    """Return a waitpoint of an execution while it is open."""
    visit = run.state.waitpoints.get(waitpoint_id)
    if visit is None or visit not in run.state.waiting or visit.waitpoint is None:
        return None
    return visit.waitpoint if visit.waitpoint.waitpoint_id == waitpoint_id else None


def _ended(run: Run, waitpoint_id: str) -> dict[str, Any]:
    """Return a waitpoint that has ended, from the history of its execution."""
    events = [recorded.event for recorded in run.published()]
    asked = next(e for e in events if isinstance(e, StepWaiting) and e.waitpoint_id == waitpoint_id)
    ends = [e for e in events if isinstance(e, WaitpointEnded) and e.waitpoint_id == waitpoint_id and e.how in _ENDS]
    return {
        "waitpointId": waitpoint_id,
        "executionId": run.execution_id,
        "stepId": asked.step,
        "visit": asked.visit,
        "kind": asked.waits_for,
        "request": asked.request,
        "deadlineAt": asked.deadline,
        "pollAt": None,
        "state": _ENDS[ends[0].how] if ends else "cancelled",
        "answer": ends[0].answer if ends else None,
        "by": ends[0].by if ends else None,
        "workflowName": run.state.plan.workflow_name,
    }


def _unknown() -> NotFound:
    return NotFound("Waitpoint not found", code="WAITPOINT_NOT_FOUND")
