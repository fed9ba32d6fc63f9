"""Live status as one output of a notebook cell, updated in place."""

from __future__ import annotations

import copy
from html import escape
from typing import Any

from builder_jupyter.client.progress import DONE, grown
from builder_jupyter.client.protocol import Wire
from builder_jupyter.client.tables import headline, hints, steps_html, steps_text


class NotebookProgress:
    """Shows the table of steps while the run goes on, and one line once it is over.

    The line replaces the table, since the value of the cell usually is the `Execution`, which shows it again.
    """

    seconds = 0.1

    def __init__(self) -> None:
        self._picture: Wire = {}
        self._rows: dict[tuple[str, int], Wire] = {}
        self._output: Any = None

    def begin(self, picture: Wire) -> None:
        """Make the output."""
        from IPython.display import display

        self._picture = copy.deepcopy(picture)
        self._rows = {(step["stepId"], step["visit"]): step for step in self._picture["steps"]}
        self._output = display(self._bundle(), raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def update(self, events: list[Wire]) -> None:
        """Take the events in and show what has become of it."""
        for event in events:
            if event["kind"] == "status":
                self._picture["status"] = event["status"]
            elif "stepId" in event:
                self._take(event)
        self._output.update(self._bundle(), raw=True)

    def end(self, picture: Wire) -> None:
        """Replace the table by one line."""
        lines = [headline(picture), *hints(picture)]
        html = "".join(f"<div>{escape(line)}</div>" for line in lines)
        self._output.update({"text/plain": "\n".join(lines), "text/html": html}, raw=True)

    def _bundle(self) -> dict[str, str]:
        text = f"{headline(self._picture)}\n{steps_text(self._picture)}"
        return {"text/plain": text, "text/html": steps_html(self._picture)}

    def _take(self, event: Wire) -> None:
        row = self._row(event["stepId"], event["visit"])
        if row["status"] in DONE and event["status"] not in DONE:
            return  # the picture is ahead of its events
        row["status"] = event["status"]
        if event["kind"] == "token":
            row["text"] = grown(row["text"] or "", event["offset"], event["text"])
        elif event["status"] == "running":
            row["startedAt"] = event["at"]
            if event.get("attempt", 1) > 1:
                row["text"] = None
        elif event["status"] in ("completed", "error"):
            row["finishedAt"] = event["at"]
            row["usage"], row["error"] = event.get("usage"), event.get("error")

    def _row(self, step: str, visit: int) -> Wire:
        """Return the row of a visit; a later visit gets one of its own, behind the others of its step."""
        if (step, visit) not in self._rows:
            steps = self._picture["steps"]
            last = max(index for index, row in enumerate(steps) if row["stepId"] == step)
            fresh = {**steps[last], "visit": visit, "status": "pending", "startedAt": None, "finishedAt": None}
            fresh |= {"text": None, "usage": None, "error": None, "outputs": {}, "credits": 0}
            steps.insert(last + 1, fresh)
            self._rows[step, visit] = fresh
        return self._rows[step, visit]
