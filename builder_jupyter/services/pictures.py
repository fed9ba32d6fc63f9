"""The picture of an execution as it is answered: what `execution.snapshot` says, and what lies in others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from builder_jupyter.execution.run import Run
from builder_jupyter.execution.snapshot import snapshot, waitpoint

Standing = Callable[[str], Awaitable[dict[str, Any]]]
"""Returns how the callback of an execution stands; see `CallbackService.standing`."""


async def picture_of(run: Run, standing: Standing) -> dict[str, Any]:
    """Return the picture of an execution once all that it shows is on disk."""
    picture = snapshot(run.state)
    picture["waitpoints"] = waitpoints_of(run)
    picture["waitingOn"] = next(iter(picture["waitpoints"]), None)
    await run.on_disk()
    if picture["callback"] is not None and run.status.is_terminal:
        picture["callback"] = await standing(run.execution_id)
    return picture


def holder_of(run: Run, waitpoint_id: str) -> Run | None:
    """Return the run that has a waitpoint: this one or one of its children."""
    if waitpoint_id in run.state.waitpoints:
        return run
    children = (child for group in run.children.values() for child in group)
    return next((found for child in children if (found := holder_of(child, waitpoint_id)) is not None), None)


def waitpoints_of(run: Run) -> list[dict[str, Any]]:
    """Return the open waitpoints of an execution, with those of its children in place of the step that runs them."""
    found = []
    for visit in run.state.waiting:
        children = run.children.get(visit)
        if children is None:
            found.append(waitpoint(run.state, visit))
        else:
            found.extend(one for child in children for one in waitpoints_of(child))
    return found
