"""The two state machines as tables."""

from pathlib import Path

import pytest
from engine_kit import Walk, check_history, plan_of

from builder_jupyter.execution.events import StatusChanged, StepCompleted, StepStarted
from builder_jupyter.execution.status import EXECUTION_TRANSITIONS, STEP_TRANSITIONS, ExecutionStatus, StepStatus


@pytest.mark.parametrize(
    ("statuses", "table", "ends"),
    [
        (ExecutionStatus, EXECUTION_TRANSITIONS, {"completed", "error", "cancelled"}),
        (StepStatus, STEP_TRANSITIONS, {"completed", "error", "skipped"}),
    ],
)
def test_a_status_is_terminal_when_nothing_follows(statuses, table, ends):
    assert set(table) == set(statuses)
    assert {str(status) for status in statuses if status.is_terminal} == ends
    assert {str(status) for status in statuses if not table[status]} == ends


@pytest.mark.parametrize(
    ("table", "first"), [(EXECUTION_TRANSITIONS, ExecutionStatus.PLANNING), (STEP_TRANSITIONS, StepStatus.PENDING)]
)
def test_every_status_can_be_reached_and_left_for_an_end(table, first):
    reached, new = set(), {first}
    while new:
        reached |= new
        new = {after for status in new for after in table[status]} - reached
    assert reached == set(table)
    ending = {status for status in table if status.is_terminal}
    while more := {status for status in table if table[status] & ending} - ending:
        ending |= more
    assert ending == set(table)


def test_a_step_that_streams_may_come_to_wait():
    # It says something and then asks: the seed's human and user turns do.
    assert StepStatus.WAITING in STEP_TRANSITIONS[StepStatus.STREAMING]


def finished():
    walk = Walk(plan_of("a>b")).run()
    return walk.history, walk.plan


def test_the_checker_of_histories_accepts_a_run_and_refuses_what_it_should():
    history, plan = finished()
    check_history(history, plan)
    kinds = [type(recorded.event) for recorded in history]
    broken = {
        "no end": history[:-1],
        "an end too early": [*history[:2], history[-1], *history[2:-1]],
        "a completion twice": [*history[:-1], history[kinds.index(StepCompleted)], history[-1]],
        "a completion without a start": [r for r in history if not isinstance(r.event, StepStarted)],
        "completed out of planning": [history[0], *(r for r in history[-1:] if isinstance(r.event, StatusChanged))],
    }
    for fault, wrong in broken.items():
        assert not accepted(wrong, plan), fault


def accepted(history, plan):
    try:
        check_history(history, plan)
    except (AssertionError, KeyError):
        return False
    return True


@pytest.mark.parametrize("table", [EXECUTION_TRANSITIONS, STEP_TRANSITIONS])
def test_the_documentation_has_the_tables(table):
    page = (Path(__file__).parents[3] / "docs" / "engine.md").read_text()
    for status, following in table.items():
        ordered = sorted(following, key=list(type(status)).index)
        assert f"| `{status}` | {', '.join(f'`{after}`' for after in ordered) or 'terminal'} |" in page
