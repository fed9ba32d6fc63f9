"""Executions and listings as pandas dataframes. pandas is imported when the first one is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.protocol import Wire

if TYPE_CHECKING:
    import pandas as pd

STEP_COLUMNS = (
    "step", "name", "type", "visit", "status", "wave", "attempt", "started_at", "finished_at", "seconds", "credits",
    "model", "input_tokens", "output_tokens", "text", "error", "skip_reason",
)  # fmt: skip
EVENT_COLUMNS = (
    "seq", "at", "kind", "step", "visit", "status", "text", "offset", "attempt", "error", "skip_reason",
)  # fmt: skip
COST_COLUMNS = (
    "step", "visit", "status", "credits", "saved", "model", "input_tokens", "output_tokens", "calls",
    "failed_attempts", "failed_calls", "failed_input_tokens", "failed_output_tokens",
)  # fmt: skip
TRACE_COLUMNS = (
    "step", "visit", "attempt", "kind", "name", "arguments", "result", "started_at", "seconds", "input_tokens",
    "output_tokens", "error",
)  # fmt: skip
WORKFLOW_COLUMNS = ("id", "name", "description", "version", "node_count", "tags", "created_at", "updated_at")
VERSION_COLUMNS = ("version", "created_at", "created_by", "message", "published")
EXECUTION_COLUMNS = (
    "id", "workflow", "workflow_id", "version", "status", "trigger", "created_at", "started_at", "finished_at",
    "seconds", "credits", "waits_for", "error",
)  # fmt: skip
TRANSACTION_COLUMNS = (
    "created_at", "kind", "amount", "balance", "execution_id", "workflow_id", "trigger", "note", "id",
)  # fmt: skip
ESTIMATE_COLUMNS = ("step", "name", "type", "credits", "may_repeat")
FINDING_COLUMNS = ("severity", "type", "node", "edge", "message", "fix")

_COUNTS = (
    "visit", "wave", "attempt", "input_tokens", "output_tokens", "seq", "offset", "version", "node_count", "calls",
    "failed_attempts", "failed_calls", "failed_input_tokens", "failed_output_tokens",
)  # fmt: skip
_TEXTS = (
    "step",
    "name",
    "type",
    "status",
    "model",
    "text",
    "result",
    "error",
    "skip_reason",
    "kind",
    "description",
    "workflow",
    "waits_for",
    *FINDING_COLUMNS,
)
_MILLISECONDS = ("started_at", "finished_at", "at", "created_at")


def steps_frame(picture: Wire) -> pd.DataFrame:
    """Return one row a visit of a step, in the order of the plan.

    Times are UTC timestamps, ``seconds`` and ``credits`` floats, counts nullable integers; ``error`` is text.
    """
    return _frame(STEP_COLUMNS, map(_step, picture["steps"]))


def events_frame(events: Sequence[Wire]) -> pd.DataFrame:
    """Return one row an event, in the order of ``seq``. The pieces of streamed text are not kept after the end."""
    return _frame(EVENT_COLUMNS, map(_event, events))


def trace_frame(picture: Wire) -> pd.DataFrame:
    """Return one row a call of a model or a tool, in the order of the plan, and within a step in that of the calls.

    Long arguments and results are cut; a step that an earlier run did has none.
    """
    return _frame(TRACE_COLUMNS, (_call(step, call) for step in picture["steps"] for call in step.get("calls", ())))


def cost_frame(picture: Wire) -> pd.DataFrame:
    """Return one row a visit of a step that ran, in the order of the plan: what it cost.

    ``credits`` are charged once a visit however many attempts it took, and for completed visits alone; ``saved`` are
    those of a visit that a replay took over. ``input_tokens``, ``output_tokens`` and ``calls`` are of the attempt that
    completed, those that begin with ``failed_`` of the attempts before it, or of all where none did: tokens that a
    provider bills and for which no credits were paid. Calls that were broken off are not counted.
    """
    steps = (step for step in picture["steps"] if step["status"] not in ("pending", "skipped"))
    return _frame(COST_COLUMNS, map(_cost, steps))


def workflows_frame(summaries: Sequence[Wire]) -> pd.DataFrame:
    """Return one row a workflow, newest change first."""
    return _dated(_frame(WORKFLOW_COLUMNS, summaries, times=()), "created_at", "updated_at")


def versions_frame(entries: Sequence[Wire]) -> pd.DataFrame:
    """Return one row a version, newest first; ``published`` is bool."""
    frame = _dated(_frame(VERSION_COLUMNS, entries, times=()), "created_at")
    return frame.astype({"published": "bool", "created_by": "string", "message": "string"})


def _dated(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return a dataframe with the texts of these columns as UTC timestamps."""
    import pandas as pd

    for column in columns:
        frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
    return frame


def executions_frame(rows: Sequence[Wire]) -> pd.DataFrame:
    """Return one row an execution, newest first."""
    return _frame(EXECUTION_COLUMNS, map(_execution, rows))


def transactions_frame(rows: Sequence[Wire]) -> pd.DataFrame:
    """Return one row a transaction, newest first; amounts and balances are floats."""
    return _frame(TRANSACTION_COLUMNS, map(_movement, rows))


def estimate_frame(estimate: Wire) -> pd.DataFrame:
    """Return one row a step of a plan: what a visit of it costs, and whether it may be visited again."""
    return _frame(ESTIMATE_COLUMNS, map(_expected, estimate["steps"])).astype({"may_repeat": "bool"})


def findings_frame(verdict: Wire) -> pd.DataFrame:
    """Return one row a finding, errors first; ``fix`` is the title of the best fix, where there is one."""
    return _frame(FINDING_COLUMNS, map(_finding, (*verdict["errors"], *verdict["warnings"])))


def text_of(step: Wire) -> str:
    """Return the text a step wrote: its text output, else what it has streamed so far."""
    values = [port["value"] for port in step["outputs"].values() if isinstance(port["value"], str)]
    return values[0] if values else step["text"] or ""


def seconds_of(row: Wire) -> float | None:
    """Return how long a step or an execution took, None when it has not ended."""
    if row["startedAt"] is None or row["finishedAt"] is None:
        return None
    return float(row["finishedAt"] - row["startedAt"]) / 1000


def _movement(row: Wire) -> Wire:
    named = {"balance": "balanceAfter", "execution_id": "executionId", "workflow_id": "canvasId"}
    named |= {"trigger": "triggerType", "created_at": "createdAt"}
    return {column: row.get(named.get(column, column)) for column in TRANSACTION_COLUMNS}


def _step(step: Wire) -> Wire:
    usage = step["usage"] or {}
    return {
        "step": step["stepId"],
        "name": step["name"],
        "type": step["nodeType"],
        "visit": step["visit"],
        "status": step["status"],
        "wave": step["group"],
        "attempt": step["attempt"],
        "started_at": step["startedAt"],
        "finished_at": step["finishedAt"],
        "seconds": seconds_of(step),
        "credits": float(step["credits"]),
        "model": usage.get("model"),
        "input_tokens": usage.get("inputTokens"),
        "output_tokens": usage.get("outputTokens"),
        "text": text_of(step) or None,
        "error": message_of(step["error"]),
        "skip_reason": step["skipReason"],
    }


def _cost(step: Wire) -> Wire:
    usage = step["usage"] or {}
    is_done = step["status"] == "completed"
    has_failed = step["status"] == "error"
    calls = step.get("calls", ())
    failed = [call for call in calls if has_failed or call["attempt"] < step["attempt"]]
    spent = [call.get("usage") or {} for call in failed]
    return {
        "step": step["stepId"],
        "visit": step["visit"],
        "status": step["status"],
        "credits": float(step["credits"]),
        "saved": float(step.get("saved", 0)),
        "model": usage.get("model"),
        "input_tokens": usage.get("inputTokens", 0),
        "output_tokens": usage.get("outputTokens", 0),
        "calls": len(calls) - len(failed) if is_done else 0,
        "failed_attempts": 0 if step.get("reused") else max(0, step["attempt"] - (0 if has_failed else 1)),
        "failed_calls": len(failed),
        "failed_input_tokens": sum(one.get("inputTokens", 0) for one in spent),
        "failed_output_tokens": sum(one.get("outputTokens", 0) for one in spent),
    }


def _call(step: Wire, call: Wire) -> Wire:
    usage = call.get("usage") or {}
    return {
        "step": step["stepId"],
        "visit": step["visit"],
        "attempt": call["attempt"],
        "kind": call["kind"],
        "name": call["name"],
        "arguments": call["arguments"],
        "result": call["result"],
        "started_at": call["startedAt"],
        "seconds": call["ms"] / 1000,
        "input_tokens": usage.get("inputTokens"),
        "output_tokens": usage.get("outputTokens"),
        "error": message_of(call.get("error")),
    }


def _event(event: Wire) -> Wire:
    return {
        **event,
        "step": event.get("stepId"),
        "error": message_of(event.get("error")),
        "skip_reason": event.get("skipReason"),
    }


def _execution(row: Wire) -> Wire:
    return {
        "id": row["executionId"],
        "workflow": row["workflowName"],
        "workflow_id": row["canvasId"],
        "version": row["workflowVersion"],
        "status": row["status"],
        "trigger": row["triggerType"],
        "created_at": row["createdAt"],
        "started_at": row["startedAt"],
        "finished_at": row["finishedAt"],
        "seconds": seconds_of(row),
        "credits": float(row["credits"]),
        "waits_for": (row.get("waitingOn") or {}).get("stepId"),
        "error": message_of(row["error"]),
    }


def _expected(step: Wire) -> Wire:
    named = {"step": "stepId", "type": "nodeType", "may_repeat": "mayRepeat"}
    return {column: step[named.get(column, column)] for column in ESTIMATE_COLUMNS}


def _finding(finding: Wire) -> Wire:
    fixes = finding.get("fixes") or [{"title": None}]
    return {
        **{name: finding[name] for name in ("severity", "type", "message")},
        "node": finding.get("node_id") or ", ".join(finding.get("node_ids", ())) or None,
        "edge": f"{finding['source']} -> {finding['target']}" if "source" in finding else None,
        "fix": fixes[0]["title"],
    }


def message_of(error: Any) -> str | None:
    """Return the sentence of an error as the wire writes it."""
    return error.get("message") if isinstance(error, dict) else None


def _frame(columns: Sequence[str], rows: Iterable[Wire], *, times: Sequence[str] = _MILLISECONDS) -> pd.DataFrame:
    """Return rows as a dataframe whose types do not depend on what happens to be in it: an empty one has them too."""
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(columns))
    for column in columns:
        if column in times:
            frame[column] = pd.to_datetime(pd.to_numeric(frame[column]), unit="ms", utc=True)
        elif column in _COUNTS:
            frame[column] = frame[column].astype("Int64")
        elif column in ("seconds", "credits", "saved"):
            frame[column] = frame[column].astype("float64")
        elif column in _TEXTS:
            frame[column] = frame[column].astype("string")
    return frame
