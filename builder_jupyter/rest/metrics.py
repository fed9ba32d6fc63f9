"""Counters for Prometheus, shown by Jupyter Server's own ``/metrics``.

Jupyter shows the process's default registry, so the instruments are made once a process, when the first server starts.
No label comes from a user without a bound: types, statuses and triggers are few, of model names the first
`MAX_MODELS` are told apart. Workflows and executions are no labels at all.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram

from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.execution.status import StepStatus
from builder_jupyter.money import total
from builder_jupyter.services.runtime import Runtime

OTHER: Final = "other"
MAX_TYPES: Final = 100
MAX_MODELS: Final = 50
MAX_NAME: Final = 100
STEP_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
COMMIT_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)


class Names:
    """The first so many names are themselves, all others are ``other``: who invents names cannot fill the registry."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def bounded(self, name: str) -> str:
        """Return the label for a name."""
        if name not in self._known:
            if len(self._known) >= self._most or len(name) > MAX_NAME:
                return OTHER
            self._known.add(name)
        return name


class PrometheusMeter:
    """A `services.meter.Meter`. There is one a process: see `meter`."""

    def __init__(self) -> None:
        prefix = "builder_jupyter"
        self._started = Counter(f"{prefix}_executions_started", "Executions that began, by trigger", ["trigger"])
        self._finished = Counter(f"{prefix}_executions_finished", "Executions that ended, by status", ["status"])
        self._steps = Counter(
            f"{prefix}_steps_finished", "Visits of steps, counted when their execution ends", ["type", "status"]
        )
        self._step_seconds = Histogram(
            f"{prefix}_step_seconds", "How long steps took, people's answers included", ["type"], buckets=STEP_SECONDS
        )
        self._tokens = Counter(f"{prefix}_model_tokens", "Tokens that models read and wrote", ["model", "direction"])
        self._credits = Counter(f"{prefix}_credits_settled", "Credits of completed steps of executions that ended")
        self._waiting = Gauge(f"{prefix}_executions_waiting", "Executions that wait for somebody or something")
        self._running = Gauge(f"{prefix}_executions_running", "Executions under way that do not wait")
        self._queued = Gauge(f"{prefix}_journal_queue_rows", "Rows of the journal that are not on disk yet")
        self._commit_seconds = Histogram(
            f"{prefix}_journal_commit_seconds", "How long a commit of the journal took", buckets=COMMIT_SECONDS
        )
        self._types, self._models = Names(MAX_TYPES), Names(MAX_MODELS)
        # `labels` checks and looks up under a lock each time; the instrument behind it can be kept.
        self._step = lru_cache(1024)(self._labelled_step)

    def watch(self, runtime: Runtime) -> None:
        """Read the gauges off this runtime whenever somebody asks."""
        self._waiting.set_function(lambda: runtime.executions.waiting)
        self._running.set_function(lambda: runtime.executions.running)
        self._queued.set_function(lambda: runtime.database.queued_rows)

    def unwatch(self) -> None:
        """Let go of the runtime: it has stopped."""
        for gauge in (self._waiting, self._running, self._queued):
            gauge.set_function(lambda: 0)

    def started(self, trigger: str) -> None:
        """Count an execution that began."""
        self._started.labels(trigger).inc()

    def committed(self, seconds: float) -> None:
        """Take in a commit."""
        self._commit_seconds.observe(seconds)

    def finished(self, state: ExecutionState) -> None:
        """Count an execution that ended, with its steps."""
        self._finished.labels(str(state.status)).inc()
        charged = []
        for visit in state.visits.values():
            planned = state.planned(visit)
            count, seconds = self._step(planned.node_type, visit.status)
            count.inc()
            if visit.status is StepStatus.COMPLETED:
                charged.append(planned.credits)
            if seconds is not None and visit.started_at is not None and visit.finished_at is not None:
                seconds.observe(max(0, visit.finished_at - visit.started_at) / 1000)  # clocks go back at times
            usage = visit.result.usage if visit.result is not None else None
            if usage is not None:
                model = self._models.bounded(usage.model)
                self._tokens.labels(model, "input").inc(usage.input_tokens)
                self._tokens.labels(model, "output").inc(usage.output_tokens)
        self._credits.inc(float(total(charged)))

    def _labelled_step(self, node_type: str, status: StepStatus) -> tuple[Any, Any]:
        """Return the counter of a type and status and, for steps that were carried out, the histogram of the type."""
        name = self._types.bounded(node_type)
        was_run = status in (StepStatus.COMPLETED, StepStatus.ERROR)
        return self._steps.labels(name, str(status)), self._step_seconds.labels(name) if was_run else None


@cache
def meter() -> PrometheusMeter:
    """Return the process's meter: the registry takes each name once."""
    return PrometheusMeter()
