"""An execution from what the journal has of it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from builder_jupyter.execution.events import Admitted
from builder_jupyter.execution.ports import Entry
from builder_jupyter.execution.records import Recorded, event_of
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.planning.plan import Plan


def plan_id_of(entries: Sequence[Entry]) -> str | None:
    """Return the id of the plan that an execution follows; None when these are not the entries of an execution."""
    if not entries or entries[0].kind != Admitted.kind:
        return None
    plan_id: str = json.loads(entries[0].body)["plan_id"]
    return plan_id


def rebuild(entries: Sequence[Entry], plan: Plan) -> Run:
    """Return the execution whose entries these are, all of them and in order."""
    history = [Recorded(e.subject, e.seq, e.at, event_of(e.kind, json.loads(e.body))) for e in entries]
    state = ExecutionState(plan, history[0])
    for recorded in history[1:]:
        state.evolve(recorded)
    run = Run(state)
    run.restore(history)
    return run
