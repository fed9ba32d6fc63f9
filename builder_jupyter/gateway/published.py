"""Calls of published tools: the workflow runs, and what its last step left behind is the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from builder_jupyter.errors import NotFound, StepError
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.gateway.runs import wait_for

if TYPE_CHECKING:
    from builder_jupyter.gateway.tool import Call
    from builder_jupyter.identity.published import PublishedServer, PublishedTool

WAIT_SECONDS = 55.0
"""How long a call waits for its run. Source: spec builder-studio §11.4."""


def tool_of(server: PublishedServer, name: str) -> PublishedTool:
    """Return a tool of a published server. Raises `NotFound` (``UNKNOWN_TOOL``)."""
    found = next((tool for tool in server.tools if tool.name == name), None)
    if found is None:
        raise NotFound(f"There is no tool {name[:80]!r}.", code="UNKNOWN_TOOL")
    return found


async def call_published(
    call: Call, tool: PublishedTool, arguments: Mapping[str, Any], *, seconds: float = WAIT_SECONDS
) -> dict[str, Any]:
    """Run a tool's workflow; return ``{executionId, status, pending, text, value}``.

    After so many seconds the run goes on without the call, and the text says so.

    Raises
    ------
    StepError : ``RUN_FAILED``: the run ended in an error or was cancelled; else as `PublishedService.start`.
    """
    execution_id = await call.runtime.published.start(call.principal, tool, arguments)
    picture = await wait_for(call, execution_id, seconds)
    status = ExecutionStatus(picture["status"])
    answer = {"executionId": execution_id, "status": str(status), "pending": not status.is_terminal}
    if not status.is_terminal:
        return answer | {"text": f"Execution {execution_id} is still {status}.", "value": None}
    if status is not ExecutionStatus.COMPLETED:
        why = picture["error"]["message"] if picture["error"] else "it was cancelled"
        raise StepError(f"Execution {execution_id} did not complete: {why}", code="RUN_FAILED", details=answer)
    value = value_of(picture, tool)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return answer | {"text": text, "value": value}


def value_of(picture: Mapping[str, Any], tool: PublishedTool) -> Any:
    """Return what a finished run answers: of the step and port that the tool names, else what the run itself ends with.

    A run without an output of its own answers with the first port of its only last step, or with all of them by step.
    """
    if tool.output_step_id is None and picture["output"] is not None:
        return picture["output"]
    steps = {step["stepId"]: step for step in picture["steps"]}
    if tool.output_step_id is not None:
        step = steps.get(tool.output_step_id)
        if step is None:
            return None
        return _of_port(step["outputs"], tool.output_port, step.get("text") or step.get("result"))
    outputs = picture["outputs"]
    if len(outputs) == 1:
        (ports,) = outputs.values()
        return _of_port(ports, tool.output_port, None)
    return {step: {port: value["value"] for port, value in ports.items()} for step, ports in outputs.items()}


def _of_port(ports: Mapping[str, Any], port: str | None, otherwise: Any) -> Any:
    chosen = ports.get(port) if port is not None else next(iter(ports.values()), None)
    return otherwise if chosen is None else chosen["value"]
