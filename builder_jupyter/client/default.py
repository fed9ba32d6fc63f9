"""The client of this process, for those who do not want to think about one: ``bj.run(workflow)``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import EllipsisType
from typing import Any

from builder_jupyter.client.client import Client
from builder_jupyter.client.code import Code
from builder_jupyter.client.connect import connect as open_client
from builder_jupyter.client.estimate import Estimate
from builder_jupyter.client.execution import Execution
from builder_jupyter.client.protocol import Wire
from builder_jupyter.client.saved import SavedWorkflow
from builder_jupyter.graph.model import Workflow

_clients: dict[int, Client] = {}
_lock = Lock()


def default_client() -> Client:
    """Return the client that was connected last, or one made now."""
    pid = os.getpid()  # after a fork the child has the object, but not the thread behind it
    with _lock:
        client = _clients.get(pid)
        if client is None or not client.transport.portal.is_open:
            client = _clients[pid] = open_client()
        return client


def connect(target: str | None = None, *, key: str | None = None, data_dir: str | Path | None = None) -> Client:
    """Connect as `connect.connect` does, and make that the default: `run` and the magics go there from now on."""
    client = open_client(target, key=key, data_dir=data_dir)
    with _lock:
        _clients[os.getpid()] = client
    return client


def run(
    workflow: Workflow | str,
    inputs: Mapping[str, Any] | str | None = None,
    /,
    *,
    trigger: str | None = None,
    target: str | None = None,
    whole: bool = False,
    show: bool | None = None,
    **values: Any,
) -> Execution:
    """Run a workflow to its end with the default client; see `Client.run`.

    Examples
    --------
    >>> import builder_jupyter as bj
    >>> hello = bj.Workflow.from_dict({"name": "hello", "nodes": [{"id": "start", "type": "start"},
    ...     {"id": "end", "type": "end"}], "edges": [{"source": "start", "target": "end"}]})
    >>> bj.run(hello, message="good morning").status
    <ExecutionStatus.COMPLETED: 'completed'>
    """
    return default_client().run(workflow, inputs, trigger=trigger, target=target, whole=whole, show=show, **values)


def start(
    workflow: Workflow | str,
    inputs: Mapping[str, Any] | str | None = None,
    /,
    *,
    trigger: str | None = None,
    target: str | None = None,
    whole: bool = False,
    **values: Any,
) -> Execution:
    """Begin a run with the default client and return at once; see `Client.start`."""
    return default_client().start(workflow, inputs, trigger=trigger, target=target, whole=whole, **values)


def save(workflow: Workflow, message: str | None = None) -> SavedWorkflow:
    """Save a workflow with the default client; see `Client.save`. What it returns knows its versions."""
    return default_client().save(workflow, message)


def budget(credits_per_month: int | EllipsisType | None = ...) -> Wire:
    """Return what may be spent in this month; with a number set that limit, with None lift it; see `Client.budget`.

    A run that might go beyond it is refused before it spends anything: `BudgetExceeded`.
    """
    return default_client().budget(credits_per_month)


def estimate(workflow: Workflow | str, *, trigger: str | None = None, target: str | None = None) -> Estimate:
    """Return what a run would cost, step by step, with the default client; see `Client.estimate`."""
    return default_client().estimate(workflow, trigger=trigger, target=target)


def validate(workflow: Workflow) -> Wire:
    """Judge a workflow with the default client; see `Client.validate`."""
    return default_client().validate(workflow)


def to_langgraph(workflow: Workflow, **options: bool) -> Code:
    """Write a workflow as a LangGraph module with the default client; see `Client.to_langgraph`."""
    return default_client().to_langgraph(workflow, **options)
