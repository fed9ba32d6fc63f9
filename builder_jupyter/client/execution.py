"""A run as an object in a program: its state, its outputs, its history."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Generator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from builder_jupyter.client.feed import Feed
from builder_jupyter.client.frames import cost_frame, events_frame, message_of, steps_frame, text_of, trace_frame
from builder_jupyter.client.progress import Progress, choose
from builder_jupyter.client.protocol import Transport, Wire
from builder_jupyter.client.step_view import StepView, view_of
from builder_jupyter.client.tables import headline, hints, saved_text, steps_html, steps_text
from builder_jupyter.client.waitpoints import PEOPLE, Waitpoint
from builder_jupyter.errors import Conflict, NotFound, StepError
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.money import Credits

if TYPE_CHECKING:
    import pandas as pd

    from builder_jupyter.portal import Portal

T = TypeVar("T")


class Ask(Protocol):
    """Gets work done on the portal's loop: `Portal.ask`, or its blocking counterpart."""

    async def __call__(self, work: Coroutine[Any, Any, T], /) -> T:
        """Return what the work returns."""
        ...


class Execution:
    """A run of a workflow, wherever it runs.

    Everything is read afresh until the run is over, then kept. ``await`` it, or `wait`; ``execution["agent"]`` is one
    step. A run that failed is a result too: nothing raises until its `output` is asked for.
    """

    def __init__(self, transport: Transport, picture: Wire) -> None:
        self._transport = transport
        self._picture = picture

    def __repr__(self) -> str:
        """Say what is known without asking."""
        error = message_of(self._picture["error"])
        status = self._picture["status"] + (f": {error}" if error else "")
        saved = saved_text(self._picture)
        return f"<Execution {self.id} of {self._picture['workflowName']!r}, {status}{saved and ', ' + saved}>"

    def _repr_mimebundle_(self, **_selection: object) -> dict[str, str]:
        picture = self.snapshot
        return {
            "text/plain": "\n".join([repr(self), headline(picture), steps_text(picture), *hints(picture)]),
            "text/html": steps_html(picture),
        }

    @property
    def transport(self) -> Transport:
        """The way to where it runs."""
        return self._transport

    @property
    def id(self) -> str:
        """The id of the execution."""
        return str(self._picture["executionId"])

    @property
    def snapshot(self) -> Wire:
        """The whole picture as the wire has it."""
        if not self._is_known_over:
            self._picture = self._transport.portal.wait(self._transport.snapshot(self.id))
        return self._picture

    @property
    def status(self) -> ExecutionStatus:
        """Where it stands."""
        return ExecutionStatus(self.snapshot["status"])

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen."""
        return self.status.is_terminal

    @property
    def _is_known_over(self) -> bool:
        return ExecutionStatus(self._picture["status"]).is_terminal

    @property
    def inputs(self) -> Mapping[str, Any]:
        """What it was given."""
        given: Mapping[str, Any] = self._picture["inputs"]
        return given

    @property
    def output(self) -> Any:
        """What the run produced: text, or a JSON-like value.

        Raises
        ------
        StepError : the step's message and code, when the run failed.
        Conflict : ``EXECUTION_CANCELLED``, ``EXECUTION_NOT_OVER``.
        """
        picture = self.snapshot
        match ExecutionStatus(picture["status"]):
            case ExecutionStatus.COMPLETED:
                return picture["output"]
            case ExecutionStatus.ERROR:
                error = picture["error"] or {}
                raise StepError(
                    error.get("message") or "The run failed.",
                    code=error.get("code"),
                    details={"executionId": self.id, "stepId": error.get("stepId")},
                )
            case ExecutionStatus.CANCELLED:
                raise Conflict("The run was cancelled, so it has no output.", code="EXECUTION_CANCELLED")
            case status:
                raise Conflict(
                    f"The run is {status}, so it has no output yet.",
                    code="EXECUTION_NOT_OVER",
                    hint="Wait for it: execution.wait(), or await execution.",
                )

    @property
    def text(self) -> str:
        """The output as text, JSON when it is none; where the workflow sets no output, what its last step wrote.

        Raises as `output`.
        """
        output = self.output
        if isinstance(output, str):
            return output
        if output is None:
            return next(filter(None, map(text_of, reversed(self.snapshot["steps"]))), "")
        return json.dumps(output, ensure_ascii=False)

    @property
    def error(self) -> Mapping[str, Any] | None:
        """Why the run failed, ``{"message", "code", "stepId"?}``; None when it has not."""
        error: Mapping[str, Any] | None = self.snapshot["error"]
        return error

    @property
    def credits(self) -> Credits:
        """What the run has cost so far, refunds taken off."""
        counted = self.snapshot["credits"]
        return Credits(Decimal(str(counted["charged"])) - Decimal(str(counted["refunded"])))

    @property
    def saved(self) -> Credits:
        """What a replay did not have to spend again."""
        return Credits(Decimal(str(self.snapshot["credits"].get("saved", 0))))

    @property
    def cost(self) -> pd.DataFrame:
        """What each step cost, what its failed attempts took, and what a replay saved; see `frames.cost_frame`."""
        return cost_frame(self.snapshot)

    @property
    def waitpoints(self) -> list[Waitpoint]:
        """What the run waits for now, child executions included."""
        return [Waitpoint(self, self._transport, one) for one in self.snapshot["waitpoints"]]

    def answer(self, value: Any, step: str | None = None) -> Self:
        """Answer what the run waits for, or what one step waits for; return the run, which goes on.

        Raises
        ------
        NotFound : ``WAITPOINT_NOT_FOUND``: nothing, or not this step, waits for an answer.
        Conflict : ``WAITPOINT_AMBIGUOUS``: several do. ``NOT_ANSWERABLE``: no answer can end it.
        InvalidInput : ``INVALID_ANSWER``: the answer does not fit the schema.
        """
        open_ones = [one for one in self.waitpoints if step in (None, one.step)]
        if not open_ones:
            which = "The run" if step is None else f"Step {step!r} of the run"
            raise NotFound(f"{which} does not wait for an answer; it is {self.status}.", code="WAITPOINT_NOT_FOUND")
        if len(open_ones) > 1:
            steps = ", ".join(one.step for one in open_ones)
            raise Conflict(
                f"The run waits for {len(open_ones)} answers: {steps}.",
                code="WAITPOINT_AMBIGUOUS",
                hint="Name the step, or answer one of run.waitpoints.",
            )
        open_ones[0].answer(value)
        return self

    def replay(
        self,
        from_step: str | None = None,
        *,
        visit: int | None = None,
        inputs: Mapping[str, Any] | None = None,
        edits: Mapping[str, Any] | None = None,
    ) -> Execution:
        """Run the same plan again and return the new run at once; the plan is the one of then, not of now.

        Parameters
        ----------
        from_step : take over what was before this step; the whole runs again when None.
        visit : of the step, the latest when None.
        inputs : other inputs, for what runs again.
        edits : by step, what it is to have left instead: a text, or ``{"text", "result", "output"}``.

        Raises
        ------
        Conflict : ``EXECUTION_NOT_OVER``, ``NOT_REPLAYABLE``.
        NotFound : ``STEP_NOT_FOUND``.
        InvalidInput : ``INVALID_EDIT``, ``INVALID_INPUTS``.
        """
        transport = self._transport
        made = transport.portal.wait(
            transport.replay(self.id, from_step=from_step, visit=visit, inputs=inputs, edits=edits)
        )
        return Execution(transport, transport.portal.wait(transport.snapshot(made)))

    def __getitem__(self, step: str) -> StepView:
        """Return the last visit of a step. Raises `KeyError`, which lists the steps there are."""
        visits = [row for row in self.snapshot["steps"] if row["stepId"] == step]
        if not visits:
            raise KeyError(f"no step {step!r}; there are: {', '.join(self._step_ids())}")
        return view_of(visits[-1], self._artefact, self._asset)

    def _artefact(self, sha256: str) -> bytes:
        return self._transport.portal.wait(self._transport.artefact(sha256))

    def _asset(self, asset_id: str) -> bytes:
        return self._transport.portal.wait(self._transport.asset(asset_id))

    def _step_ids(self) -> list[str]:
        return list(dict.fromkeys(row["stepId"] for row in self._picture["steps"]))

    @property
    def steps(self) -> pd.DataFrame:
        """One row a visit of a step, in the order of the plan; see `frames.steps_frame`."""
        return steps_frame(self.snapshot)

    @property
    def trace(self) -> pd.DataFrame:
        """One row a call of a model or a tool; see `frames.trace_frame`."""
        return trace_frame(self.snapshot)

    @property
    def events(self) -> pd.DataFrame:
        """One row an event, in the order in which they happened."""
        return events_frame(self._transport.portal.wait(self._transport.history(self.id)))

    def cancel(self) -> Self:
        """Stop the run. One that is over stays as it is."""
        self._picture = self._transport.portal.wait(self._transport.cancel(self.id))
        return self

    def wait(self, *, seconds: float | None = None, show: bool | None = None, progress: Progress | None = None) -> Self:
        """Block until the run is over or can only go on when a person answers; return the execution.

        Parameters
        ----------
        seconds : the longest to wait; then the run goes on unwatched. Nothing is shown with a limit.
        show : see `progress.choose`; True also shows a run that is over already.
        progress : who shows it, instead.
        """
        portal = self._transport.portal
        if seconds is not None:
            self._picture = portal.wait(self._transport.wait(self.id, seconds))
            return self
        if show or progress or not self._is_known_over:
            _run_now(self._watch(_blocking(portal), progress or choose(show)))
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait as `wait` does, without blocking the caller's loop."""
        return self._wait().__await__()

    async def _wait(self) -> Self:
        if not self._is_known_over:
            await self._watch(self._transport.portal.ask, choose())
        return self

    async def _watch(self, ask: Ask, progress: Progress) -> None:
        """Follow the events until the end. ``ask`` gets work done on the portal's loop, blocking or not."""
        transport = self._transport
        feed = Feed(transport.events(self.id), seconds=progress.seconds)
        progress.begin(self._picture)
        try:
            while events := await ask(feed.take()):
                progress.update(events)
                if _may_be_stuck(events) and _is_stuck(await ask(transport.snapshot(self.id))):
                    break
            self._picture = await ask(transport.snapshot(self.id))
        finally:
            await ask(feed.close())
            progress.end(self._picture)


def _blocking(portal: Portal) -> Ask:
    async def ask(work: Coroutine[Any, Any, T], /) -> T:
        return portal.wait(work)

    return ask


def _run_now(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never suspends, since all it awaits is blocking."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise RuntimeError("a coroutine meant to block has suspended")


def _may_be_stuck(events: list[Wire]) -> bool:
    return any(event["kind"] == "status" and event["status"] == ExecutionStatus.WAITING for event in events)


def _is_stuck(picture: Wire) -> bool:
    """Say whether the run waits for a person, who cannot answer from a cell while it holds the kernel."""
    return picture["status"] == ExecutionStatus.WAITING and any(one["kind"] in PEOPLE for one in picture["waitpoints"])
