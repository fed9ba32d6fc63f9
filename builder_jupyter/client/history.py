"""SQL over the runs that the caller may see: ``executions``, ``steps`` and ``events`` as tables in this process.

The rows come by the same calls as `Client.executions` and `Execution.events`, so that nobody sees more than there; the
query runs here, in a database that has only them (`storage.scratch`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from builder_jupyter.client.client import Client
from builder_jupyter.client.frames import events_frame, executions_frame, steps_frame
from builder_jupyter.client.protocol import Transport, Wire

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("pandas", "polars", "arrow")
"""What an answer may be."""

AT_A_TIME = 8
"""How many runs are asked for side by side."""


def ask_history(client: Client, sql: str, *, workflow: str | None = None, limit: int = 50, to: str = "pandas") -> Any:
    """Return what a query over the newest runs gives.

    ``executions`` has the columns of `Client.executions`; ``steps`` and ``events`` those of `Execution.steps` and
    `Execution.events`, and ``execution_id``. A table that the query does not speak of is not fetched.

    Parameters
    ----------
    workflow : the id or name of the workflow whose runs are meant; all if None.
    limit : how many runs at most, the newest.
    to : ``pandas``, ``polars`` or ``arrow``.

    Raises
    ------
    InvalidInput : ``INVALID_SQL``, ``NOT_A_QUERY``.
    NotFound : ``WORKFLOW_NOT_FOUND``.
    """
    from builder_jupyter.storage.scratch import question

    transport = client.transport
    workflow_id = None if workflow is None else client.workflow(workflow).id
    rows = transport.portal.wait(transport.executions(workflow_id, limit=limit))
    ids = [str(row["executionId"]) for row in rows]
    frames = {"executions": executions_frame(rows)}
    for name, fetch in _TABLES.items():
        wanted = ids if re.search(rf"\b{name}\b", sql, re.IGNORECASE) else []
        frames[name] = _joined(fetch, transport, wanted)
    return question(sql, frames, to=to)


async def _steps(transport: Transport, execution_id: str) -> pd.DataFrame:
    return steps_frame(await transport.snapshot(execution_id))


async def _events(transport: Transport, execution_id: str) -> pd.DataFrame:
    return events_frame(await transport.history(execution_id))


Fetch = Callable[[Transport, str], Any]
_TABLES: dict[str, Fetch] = {"steps": _steps, "events": _events}
_EMPTY: Wire = {"steps": []}


def _joined(fetch: Fetch, transport: Transport, ids: Sequence[str]) -> pd.DataFrame:
    """Return the rows of all runs, with the id of the run in front."""
    import pandas as pd

    frames = transport.portal.wait(_all(fetch, transport, ids))
    if not frames:
        frames, ids = [steps_frame(_EMPTY) if fetch is _steps else events_frame([])], [""]
    told = [frame.assign(execution_id=one) for frame, one in zip(frames, ids, strict=True)]
    whole = pd.concat(told, ignore_index=True)
    return whole[["execution_id", *(name for name in whole.columns if name != "execution_id")]]


async def _all(fetch: Fetch, transport: Transport, ids: Sequence[str]) -> list[pd.DataFrame]:
    gate = asyncio.Semaphore(AT_A_TIME)

    async def one(execution_id: str) -> pd.DataFrame:
        async with gate:
            frame: pd.DataFrame = await fetch(transport, execution_id)
            return frame

    return list(await asyncio.gather(*map(one, ids)))
