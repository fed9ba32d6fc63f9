"""Which run a magic means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from builder_jupyter.client.client import Client
from builder_jupyter.client.execution import Execution
from builder_jupyter.errors import InvalidInput, NotFound
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
