"""Take what happens into the history, and the history to the disk."""

from __future__ import annotations

import json
import logging
from asyncio import Future
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from json import JSONEncoder

from builder_jupyter.clock import SteadyTime
from builder_jupyter.errors import BuilderError, Unavailable
from builder_jupyter.execution.charges import charges
from builder_jupyter.execution.events import CreditsMoved, CreditsReleased, Event
from builder_jupyter.execution.ports import Entry, Journal, Ledger
from builder_jupyter.execution.records import Recorded
from builder_jupyter.execution.run import Run
from builder_jupyter.planning.plan import Plan

log = logging.getLogger(__name__)

PLAN_KIND = "plan"

_encode_json = JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Recorder:
    """Writes the histories of runs.

    Parameters
    ----------
    on_over : called with each run when its terminal status is on disk.
    """

    def __init__(self, journal: Journal, ledger: Ledger, time: SteadyTime, on_over: Callable[[Run], None]) -> None:
        self._journal = journal
        self._ledger = ledger
        self._on_over = on_over
        self.now = time.now_ms

    def begin(self, run: Run, plan: Plan | None) -> None:
        """Line up a run's admission for writing; ``plan`` comes before it where the journal does not have it yet.

        Raises `TypeError`, `ValueError` or `RecursionError` when it cannot be written.
        """
        first = Recorded(run.execution_id, run.state.seq, run.state.created_at, run.state.admitted)
        entry = _entry(first, encode(first.event))
        if plan is not None:
            run.unwritten.append(Entry(plan.plan_id, 1, first.at, PLAN_KIND, json.dumps(plan.to_dict())))
        run.unwritten.append(entry)
        run.enqueue(first)

    def record(self, run: Run, event: Event) -> None:
        """Take an event into the history. It is encoded first: what cannot be written must not have happened."""
        self.write(run, event, encode(event))

    def write(self, run: Run, event: Event, body: str) -> None:
        """Take an encoded event into the history, after the money that moves with it."""
        if run.state.plan.total_credits:
            for move in charges(run.state, event):
                self.move(run, move)
        run.unwritten.append(_entry(run.record(event, self.now()), body))

    def hold(self, run: Run, move: CreditsMoved) -> None:
        """Set credits aside if they are there. Raises `InsufficientCredits`, and nothing has happened then."""
        self._ledger.check(run.state.admitted.workspace, Decimal(move.amount))
        self.move(run, move)

    def move(self, run: Run, move: CreditsMoved) -> None:
        """Take a movement of credits into the history, and tell the ledger."""
        recorded = run.record(move, self.now())
        run.unwritten.append(_entry(recorded, encode(move)))
        self._ledger.moved(run.state.admitted.workspace, move, recorded.at)

    def forget_holds(self, run: Run) -> None:
        """Give back what a run holds that comes to nothing: nothing of it was written, or ever will be."""
        left = run.state.held - run.state.spent - run.state.released
        if left:
            about = {"workspace": run.state.admitted.workspace}
            self._ledger.moved(run.state.admitted.workspace, CreditsReleased(str(left), about), self.now())

    def flush(self, run: Run) -> Future[None] | None:
        """Send what was recorded to the journal. The future is done when all of it is on disk; None: it is already."""
        entries = run.unwritten
        if entries:
            run.unwritten = []
            run.flushed_seq = entries[-1].seq
            run.written = self._journal.append(entries)
            run.written.add_done_callback(partial(self._on_durable, run, run.flushed_seq))
        return run.written

    def _on_durable(self, run: Run, seq: int, future: Future[None]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            was_over = run.is_over
            run.durable_up_to(seq)
            if run.is_over and not was_over:
                self._on_over(run)
        elif run.broken is None:
            log.critical("execution stopped: %s", error, extra={"execution_id": run.execution_id})
            run.fail(error if isinstance(error, BuilderError) else Unavailable(str(error)))


def encode(event: Event) -> str:
    """Return an event as JSON text."""
    return _encode_json(event.body())


def _entry(recorded: Recorded, body: str) -> Entry:
    return Entry(recorded.execution_id, recorded.seq, recorded.at, recorded.event.kind, body)
