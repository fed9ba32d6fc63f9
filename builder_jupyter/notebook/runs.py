"""Which run a magic means, and which question of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from builder_jupyter.client.client import Client
from builder_jupyter.client.execution import Execution
from builder_jupyter.client.waitpoints import ANSWERABLE_HERE, Waitpoint
from builder_jupyter.errors import Conflict, InvalidInput, NotFound
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.model import Workflow
from builder_jupyter.notebook.arguments import value

_EXECUTION_ID = re.compile(r"exec_[0-9a-f]{20}")


def find_run(word: str, variables: Mapping[str, Any], client: Client, *, waiting: bool) -> Execution:
    """Return the run that a word names: a variable, with ``$`` or without, an id, or a workflow and its newest run.

    Of a workflow it is the newest that waits, or else the newest that is over.

    Raises
    ------
    NotFound : ``WORKFLOW_NOT_FOUND``, ``EXECUTION_NOT_FOUND``.
    InvalidInput : ``USAGE`` for a variable that is neither run, workflow nor text; else as `arguments.value`.
    """
    found = variables[word] if isinstance(variables.get(word), Execution) else value(word, variables)
    if isinstance(found, Execution):
        return found
    name = found.name if isinstance(found, Workflow) else found
    if not isinstance(name, str):
        raise InvalidInput(f"{word} is neither a run nor a workflow nor the name of one.", code="USAGE")
    if _EXECUTION_ID.fullmatch(name):
        return client.execution(name)
    rows = client.executions(name)
    fits = [
        execution_id
        for execution_id, status in zip(rows["id"], rows["status"], strict=True)
        if (status == ExecutionStatus.WAITING if waiting else ExecutionStatus(status).is_terminal)
    ]
    if not fits:
        what = "waits for an answer" if waiting else "is over"
        raise NotFound(f"No run of {name!r} {what}.", code="EXECUTION_NOT_FOUND", hint=f"See: %runs {word}")
    return client.execution(fits[0])


def waiting_runs(client: Client) -> list[Execution]:
    """Return the newest runs that wait."""
    rows = client.executions()
    return [client.execution(one) for one in rows["id"][rows["status"] == str(ExecutionStatus.WAITING)]]


def the_question(runs: Sequence[Execution], step: str | None = None) -> tuple[Execution, Waitpoint]:
    """Return the one question that a person is asked in some runs, of one step if given, and its run.

    Raises
    ------
    NotFound : ``WAITPOINT_NOT_FOUND``: there is none.
    Conflict : ``WAITPOINT_AMBIGUOUS``: there are several; the message lists them.
    """
    found = [
        (run, one) for run in runs for one in run.waitpoints if one.kind in ANSWERABLE_HERE and step in (None, one.step)
    ]
    if not found:
        raise NotFound("Nothing waits for an answer.", code="WAITPOINT_NOT_FOUND", hint="See: %runs")
    if len(found) > 1:
        told = "; ".join(f"{run.id} --step {one.step}{_asked(one)}" for run, one in found)
        raise Conflict(
            f"{len(found)} questions are open: {told}.",
            code="WAITPOINT_AMBIGUOUS",
            details=[{"run": run.id, "step": one.step, "request": dict(one.request)} for run, one in found],
            hint="Name the run, and the step if the run asks twice.",
        )
    return found[0]


def first_option(question: Waitpoint) -> str:
    """Return the first of the answers that a question offers. Raises `InvalidInput` (``NO_OPTIONS``)."""
    options = question.request.get("options") or ()
    if not options:
        raise InvalidInput(
            f"Step {question.step!r} offers no options{_asked(question)}.",
            code="NO_OPTIONS",
            hint="Give the answer behind the run.",
        )
    return str(options[0])


def _asked(question: Waitpoint) -> str:
    options = " / ".join(map(str, question.request.get("options") or ()))
    prompt = str(question.request.get("prompt") or "")
    return (f" ({prompt})" if prompt else "") + (f" [{options}]" if options else "")
