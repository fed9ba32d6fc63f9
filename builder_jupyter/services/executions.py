"""Run workflows and look at what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from builder_jupyter import ids
from builder_jupyter.errors import NotFound, Unavailable
from builder_jupyter.execution.engine import Engine
from builder_jupyter.execution.events import NO_ORIGIN, Delta, Origin
from builder_jupyter.execution.rebuild import plan_id_of, rebuild
from builder_jupyter.execution.records import to_wire
from builder_jupyter.execution.replay import Replay, plan_replay
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.status import ExecutionStatus, TriggerType
from builder_jupyter.execution.waitpoints import WaitKind
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import Principal
from builder_jupyter.money import Credits
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.planning.estimate import estimate
from builder_jupyter.planning.plan import Plan
from builder_jupyter.services.access import may_follow
from builder_jupyter.services.pictures import Standing, holder_of, picture_of
from builder_jupyter.services.planning import ITS_TRIGGER, Entry, PlanService
from builder_jupyter.services.projection import matches, rows, short, short_row
from builder_jupyter.services.workflows import WorkflowService
from builder_jupyter.storage.journal import DuckDBJournal

log = logging.getLogger(__name__)

KEPT_IN_MEMORY = 200
# A listener that is a little behind still gets the last pieces of text one by one.
KEPT_WITH_PIECES = 20
EVENTS_PER_FRAME = 100
# Kinds of waiting that end when a person comes back, whom nobody needs to keep a server up for.
PEOPLE = frozenset({WaitKind.HUMAN, WaitKind.USER_TURN})


class ExecutionService:
    """What can be done with executions.

    Parameters
    ----------
    on_start : told the id of each execution before it begins, who starts it, and the token of the worker that asks.
    on_admitted : told the trigger of each execution once its admission is on disk.
    standing : tells how the callback of an execution stands that is over.
    """

    def __init__(
        self,
        engine: Engine,
        journal: DuckDBJournal,
        workflows: WorkflowService,
        registry: Registry,
        *,
        standing: Standing,
        on_start: Callable[[str, Principal, str | None], None] = lambda _id, _principal, _worker: None,
        on_admitted: Callable[[str], None] = lambda _trigger: None,
    ) -> None:
        self._on_admitted = on_admitted
        self._standing = standing
        self._on_start = on_start
        self._engine = engine
        self._journal = journal
        self.plans = PlanService(workflows, registry)
        self._over: OrderedDict[str, None] = OrderedDict()
        self._projecting: set[asyncio.Task[None]] = set()

    async def recover(self) -> int:
        """Go on with what an earlier process left unfinished; return how many executions that is."""
        runs = await self._unsettled()
        # Projections come first: what is resumed may end meanwhile, and is then projected like any other.
        with contextlib.suppress(Unavailable):  # a disk that is still full: what there is can be read all the same
            await asyncio.gather(*(self._project(run) for run in runs if run.is_over))
        resumed = [run for run in runs if not run.is_over]
        for run in resumed:
            self._engine.resume(run)
        for run in resumed:
            await self._cancel_orphan(run)
        if resumed:
            log.info("resumed %d executions", len(resumed))
        return len(resumed)

    async def _cancel_orphan(self, run: Run) -> None:
        """Cancel a child execution whose parent ended before it could say so."""
        if run.state.admitted.parent is not None:
            parent = await self._engine.load(run.state.admitted.parent[0])
            if parent is not None and parent.state.status.is_terminal:
                self._engine.cancel(run, by=f"execution {parent.execution_id}")

    async def _unsettled(self) -> list[Run]:
        """Return the executions that are not over or not projected, read in one go; each plan is made once."""
        histories = await self._journal.unsettled()
        bodies = await self._journal.plans({plan_id for entries in histories if (plan_id := plan_id_of(entries))})
        plans: dict[str, Plan] = {}
        runs = []
        for entries in histories:
            try:
                plan_id = plan_id_of(entries) or ""
                if plan_id not in plans:
                    plans[plan_id] = Plan.from_dict(json.loads(bodies[plan_id]))
                runs.append(rebuild(entries, plans[plan_id]))
            except (LookupError, TypeError, ValueError):  # one that cannot be read must not keep the others
                about = {"execution_id": entries[0].subject}
                log.exception("execution %s cannot be read back and is left alone", entries[0].subject, extra=about)
        return runs

    async def start(
        self,
        principal: Principal,
        workflow_id: str,
        *,
        entry: Entry = ITS_TRIGGER,
        inputs: Mapping[str, Any] | None = None,
        trigger: TriggerType = TriggerType.API,
        execution_id: str | None = None,
        request: tuple[str, str] | None = None,
        worker: str | None = None,
        origin: Origin = NO_ORIGIN,
    ) -> Run:
        """Begin an execution of a stored workflow; return once it is on disk. Raises as `PlanService.plan`.

        By hand one starts the current version; every other trigger runs the published one, if there is one.

        ``execution_id`` must be new; ``request`` is as in `events.Admitted`. `AdmissionService` sees to both.
        ``worker`` is the token of the worker whose own client this is, ``origin`` what else the request brings.
        """
        by_hand = trigger is TriggerType.MANUAL
        plan = await self.plans.plan(principal, workflow_id, entry, published=not by_hand)
        return await self._admit(
            principal, plan, trigger, inputs or {}, execution_id=execution_id, request=request, worker=worker,
            origin=origin,
        )  # fmt: skip

    async def estimate(self, principal: Principal, workflow: Workflow, *, entry: Entry = ITS_TRIGGER) -> dict[str, Any]:
        """Return what a run of a workflow, stored or not, would cost (`planning.estimate`); raises as `start`."""
        return estimate(await self.plans.preview(principal, workflow, entry))

    async def _admit(
        self,
        principal: Principal,
        plan: Plan,
        trigger: TriggerType,
        inputs: Mapping[str, Any],
        *,
        execution_id: str | None = None,
        request: tuple[str, str] | None = None,
        worker: str | None = None,
        replay: Replay | None = None,
        origin: Origin = NO_ORIGIN,
    ) -> Run:
        execution_id = execution_id or ids.execution_id()
        self._on_start(execution_id, principal, worker)  # first: a step may run before the admission is answered
        run = await self._engine.admit(
            plan,
            execution_id=execution_id,
            workspace=principal.workspace,
            principal=principal.name,
            trigger=trigger,
            inputs=inputs,
            request=request,
            replay=replay,
            origin=origin,
        )
        self._on_admitted(str(trigger))
        return run

    async def request_of(self, execution_id: str) -> tuple[str, str | None] | None:
        """Return the workspace and the fingerprint of the request that began an execution; None if there is none."""
        run = await self._engine.load(execution_id)
        if run is None:
            return None
        await run.on_disk()
        admitted = run.state.admitted
        return admitted.workspace, admitted.request[1] if admitted.request else None

    async def replay(
        self,
        principal: Principal,
        execution_id: str,
        *,
        from_step: str | None = None,
        visit: int | None = None,
        inputs: Mapping[str, Any] | None = None,
        edits: Mapping[str, Any] | None = None,
        worker: str | None = None,
    ) -> tuple[Run, Credits]:
        """Run a finished execution's plan again: the whole, or from a step on, with what was before it taken over.

        ``inputs`` and ``edits`` make it a fork: see `execution.replay.plan_replay`, which also says what it raises.
        The credits are those that need not be spent again.
        """
        state = (await self.find(principal, execution_id)).state
        replay = plan_replay(state, from_step=from_step, visit=visit, edits=edits)
        again = state.admitted.inputs if inputs is None else inputs
        event = state.admitted.event
        origin = Origin(event if event is None or inputs is None else {**event, "body": inputs})
        run = await self._admit(
            principal, state.plan, TriggerType.REPLAY, again, worker=worker, replay=replay, origin=origin
        )
        return run, replay.saved

    async def answer(
        self, principal: Principal, execution_id: str, waitpoint_id: str, value: Any
    ) -> tuple[dict[str, Any], bool]:
        """Answer a waitpoint of an execution or of its child executions.

        Return the picture of the execution once the answer is on disk, and whether this answer was the one that
        counted: a waitpoint that has ended keeps its answer, and nothing happens. Raises as `Engine.answer`.
        """
        run = await self.find(principal, execution_id)
        holder = holder_of(run, waitpoint_id) or await self._past_holder(run, waitpoint_id) or run
        counted = self._engine.answer(holder, waitpoint_id, value, by=principal.name)
        await holder.on_disk()
        return await picture_of(run, self._standing), counted

    async def _past_holder(self, run: Run, waitpoint_id: str) -> Run | None:
        """Return the child execution, no longer under way, that had a waitpoint: a second answer finds it ended."""
        execution_id = await self._journal.waiting(waitpoint_id)
        holder = child = None if execution_id is None else await self._engine.load(execution_id)
        while child is not None and child.state.admitted.parent is not None:
            if child.state.admitted.parent[0] == run.execution_id:
                return holder
            child = await self._engine.load(child.state.admitted.parent[0])
        return None

    async def find(self, principal: Principal, execution_id: str) -> Run:
        """Return an execution that the principal `may_follow`. Raises `NotFound` (``EXECUTION_NOT_FOUND``)."""
        run = await self._engine.load(execution_id)
        if run is None or not may_follow(principal, run.state.admitted.workspace, run.state.admitted.principal):
            raise NotFound("Execution not found", code="EXECUTION_NOT_FOUND")
        return run

    async def snapshot(self, principal: Principal, execution_id: str) -> dict[str, Any]:
        """Return the picture of an execution."""
        return await picture_of(await self.find(principal, execution_id), self._standing)

    async def wait(self, principal: Principal, execution_id: str, *, seconds: float | None = None) -> dict[str, Any]:
        """Wait for an execution to end, at most so many seconds; return its picture, ended or not."""
        run = await self.find(principal, execution_id)
        try:
            async with asyncio.timeout(seconds):
                await run.wait()
        except TimeoutError:
            log.debug("still running after %s s", seconds, extra={"execution_id": execution_id})
        return await picture_of(run, self._standing)

    async def cancel(self, principal: Principal, execution_id: str) -> dict[str, Any]:
        """Stop an execution and return its picture once that is on disk; a finished one stays as it is."""
        run = await self.find(principal, execution_id)
        self._engine.cancel(run, by=principal.name)
        await run.wait()
        return await picture_of(run, self._standing)

    async def events(
        self, principal: Principal, execution_id: str, *, after: int = 0
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        """Yield the events with ``seq > after`` in batches until the execution is over.

        Pieces of text come to those who follow while they are written; afterwards their sum is in the step.
        """
        run = await self.find(principal, execution_id)
        if run.status.is_terminal:
            finished = _wire(run, after)
            for begin in range(0, len(finished), EVENTS_PER_FRAME):
                yield finished[begin : begin + EVENTS_PER_FRAME]
            return
        async for batch in run.follow(after):
            for begin in range(0, len(batch), EVENTS_PER_FRAME):
                yield [to_wire(recorded) for recorded in batch[begin : begin + EVENTS_PER_FRAME]]

    async def history(self, principal: Principal, execution_id: str, *, after: int = 0) -> list[dict[str, Any]]:
        """Return the events so far with ``seq > after``; without pieces of text once the execution is over."""
        return _wire((await self.find(principal, execution_id)), after)

    async def list(
        self,
        principal: Principal,
        *,
        workflow_id: str | None = None,
        status: ExecutionStatus | None = None,
        text: str = "",
        limit: int = 50,
    ) -> list[dict[str, Any]]:
        """Return the newest executions that the principal `may_follow` in short, live ones included, no children.

        ``text``, in whatever case, is part of the workflow's name, of the execution's id or of its error.
        """
        starter = None if principal.is_admin else principal.name
        finished = await self._journal.finished(
            principal.workspace, workflow_id, limit, starter=starter, status=status, text=text
        )
        found = {row["execution_id"]: short_row(row) for row in finished}
        for run in list(self._engine.runs.values()):
            state = run.state
            mine = may_follow(principal, state.admitted.workspace, state.admitted.principal)
            if mine and state.admitted.parent is None and matches(state, workflow_id, status, text):
                found[run.execution_id] = short(state)
                await run.on_disk()
        newest = sorted(found.values(), key=lambda row: (-row["createdAt"], row["executionId"]))
        return newest[:limit]

    @property
    def active(self) -> int:
        """How many executions are not over."""
        return len(self._live())

    @property
    def waiting(self) -> int:
        """How many executions wait, and nothing of them runs or could run."""
        return sum(map(_waits, self._live()))

    @property
    def running(self) -> int:
        """How many executions are not over and do not wait."""
        return sum(not _waits(run) for run in self._live())

    def counts(self, workspace: str) -> dict[str, int]:
        """Return how many executions of a workspace are ``active`` (not over) and how many of those are ``waiting``."""
        return {"active": len(active := self._active(workspace)), "waiting": sum(map(_waits, active))}

    def under_way(self, workspace: str) -> int:
        """Return how many executions of a workspace need this process; children are a part of their parents."""
        return sum(r.state.admitted.parent is None and not _waits_for_people(r) for r in self._active(workspace))

    def open_since(self, workspace: str) -> datetime | None:
        """Return when the oldest execution of a workspace was admitted that is not over; None when all are."""
        begun = min((run.state.created_at for run in self._active(workspace)), default=0)
        return datetime.fromtimestamp(begun / 1000, UTC) if begun else None

    def _live(self) -> Sequence[Run]:
        """Return what is not over. Other threads ask: the copy is made in one go, while the loop may add runs."""
        return [run for run in list(self._engine.runs.values()) if not run.is_over]

    def _active(self, workspace: str) -> Sequence[Run]:
        return [run for run in self._live() if run.state.admitted.workspace == workspace]

    @property
    def busy(self) -> int:
        """How many executions need this process: not those that are over, nor those that only people can move on."""
        return sum(not _waits_for_people(run) for run in self._live())

    # -- after the end -----------------------------------------------------------------------------------------

    def on_over(self, run: Run) -> None:
        """Project an execution that has ended, and let go of the oldest ones in memory."""
        task = asyncio.get_running_loop().create_task(self._project(run))
        self._projecting.add(task)
        task.add_done_callback(self._projected)
        self._over[run.execution_id] = None
        if len(self._over) > KEPT_WITH_PIECES:
            faded = self._engine.runs.get(list(self._over)[-KEPT_WITH_PIECES - 1])
            if faded is not None:
                faded.compact()
        while len(self._over) > KEPT_IN_MEMORY:
            oldest, _ = self._over.popitem(last=False)
            self._engine.runs.pop(oldest, None)

    def forget(self, execution_ids: Iterable[str]) -> None:
        """Let go of executions that are over: they are no longer in the journal."""
        for execution_id in execution_ids:
            if execution_id in self._over:
                del self._over[execution_id]
                self._engine.runs.pop(execution_id, None)

    async def _project(self, run: Run) -> None:
        await self._journal.project(*rows(run.state))

    def _projected(self, task: asyncio.Task[None]) -> None:
        self._projecting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a projection failed and will be made at the next start: %s", error)

    async def settle(self) -> None:
        """Wait for projections under way."""
        await asyncio.gather(*self._projecting, return_exceptions=True)


def _waits(run: Run) -> bool:
    return run.state.status is ExecutionStatus.WAITING


def _waits_for_people(run: Run) -> bool:
    waitpoints = [visit.waitpoint for visit in list(run.state.waiting)]
    return _waits(run) and all(point is not None and point.waits_for in PEOPLE for point in waitpoints)


def _wire(run: Run, after: int) -> list[dict[str, Any]]:
    """Return what has been published of a run; of one that is over what the journal has, wherever it is read from."""
    events = run.published(after)
    return [to_wire(event) for event in events if not (run.status.is_terminal and isinstance(event.event, Delta))]
