"""One visit of one step, and one passage through a loop: the parts of an execution's state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from builder_jupyter.execution.events import StepWaiting
from builder_jupyter.execution.status import SkipReason, StepStatus
from builder_jupyter.nodes.base import Answer, StepResult

Context = tuple[int, ...]

WAITS_FOR_CHILDREN = "execution"
"""The kind of waitpoint at which a step stands while its child executions wait; its attempt goes on."""


@dataclass(slots=True, eq=False)
class Visit:
    """One visit of one step: the unit that runs.

    ``number`` counts the step's visits from 1 and is 0 until the visit is ready. ``parents`` are the visits whose
    edges were satisfied, with the position of each edge in ``arrived``. ``depth`` is the longest chain of visits
    before it: the causal order of messages. ``text`` is what the running attempt has streamed so far: pieces are not
    journaled, so nothing may depend on them once it is over. ``group`` is the one of the state's groups that it is in,
    and ``due`` the time, epoch milliseconds, at which something is to happen to it by itself. ``failures`` counts the
    attempts that failed; an attempt that ended with its process is none. ``is_held``: its price was set aside for it
    alone. ``calls`` are what attempts that failed had
    asked of models and tools; what the one that completed asked is in its result.
    """

    step: int
    context: Context
    open: int
    number: int = 0
    depth: int = 0
    parents: list[Visit] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    result: StepResult | None = None
    error: dict[str, Any] | None = None
    skip_reason: SkipReason | None = None
    waitpoint: StepWaiting | None = None
    answer: Answer | None = None
    failures: int = 0
    due: int | None = None
    reused: bool = False
    is_held: bool = False
    group: dict[Visit, None] | None = None
    started_at: int | None = None
    finished_at: int | None = None
    text: str = ""
    calls: tuple[dict[str, Any], ...] = ()

    @property
    def next_attempt(self) -> int:
        """The number of the attempt that begins next; a step that waited goes on with the one it had."""
        return self.attempt + (self.status is not StepStatus.WAITING)

    def note_calls(self, attempt: int, calls: list[dict[str, Any]] | None) -> None:
        """Keep what an attempt that failed had asked of models and tools."""
        self.calls += tuple({"attempt": attempt, **call} for call in calls or ())

    @property
    def all_calls(self) -> list[dict[str, Any]]:
        """What all attempts asked of models and tools; nothing where an earlier execution did the work."""
        last = self.result.calls if self.result is not None and not self.reused else ()
        return [*self.calls, *({"attempt": self.attempt, **call} for call in last)]


@dataclass(slots=True)
class Activation:
    """A loop that is being gone through: its iteration, how many members are settled in it, the edges taken."""

    iteration: int = 1
    settled: int = 0
    back: dict[int, Visit] = field(default_factory=dict)
    exits: dict[int, Visit] = field(default_factory=dict)
