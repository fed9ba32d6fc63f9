"""How the nodes of one execution stand, folded from its picture and its events. Plain data, no widget, no thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder_jupyter.client.progress import DONE, grown
from builder_jupyter.client.protocol import Wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TAIL = 600
"""Characters at the end of a growing text that each message carries: what a lost message said is in the next one."""

_OVER = ("completed", "error", "cancelled")


class Progress:
    """One execution, growing. `statuses` and `header` are what the canvas is told."""

    def __init__(self, picture: Wire) -> None:
        self._texts: dict[str, str] = {}
        self._nodes: dict[str, dict[str, Any]] = {}
        self.seq = 0
        self._header: dict[str, Any] = {}
        self.replace(picture)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen."""
        return self._header["status"] in _OVER

    def replace(self, picture: Wire) -> None:
        """Take a whole picture in, such as the one at the end, which knows credits."""
        self._header = {
            "id": picture["executionId"],
            "status": picture["status"],
            "createdAt": picture["createdAt"],
            "startedAt": picture["startedAt"],
            "finishedAt": picture["finishedAt"],
            "credits": picture["credits"]["charged"] - picture["credits"]["refunded"],
            "error": picture["error"],
            "inputs": picture["inputs"],
            "steps": len({step["stepId"] for step in picture["steps"]}),
        }
        for step in picture["steps"]:
            self._take_row(step)

    def update(self, events: Iterable[Wire]) -> None:
        """Take events in, in their order; old ones change nothing."""
        for event in events:
            if event["seq"] <= self.seq:
                continue
            self.seq = event["seq"]
            if event["kind"] == "status":
                self._take_status(event)
            elif "stepId" in event:
                self._take_step(event)

    @property
    def header(self) -> dict[str, Any]:
        """The execution as a whole."""
        return {**self._header, "seq": self.seq}

    @property
    def statuses(self) -> dict[str, dict[str, Any]]:
        """By node id; nodes that have not begun are left out. Of a text that grows the end, with its ``offset``."""
        return {node_id: self._told(node_id, node) for node_id, node in self._nodes.items()}

    @property
    def texts(self) -> dict[str, str]:
        """What the nodes that are done have said, whole."""
        return {
            node_id: self._texts[node_id]
            for node_id, node in self._nodes.items()
            if node["status"] in DONE and self._texts.get(node_id)
        }

    def _told(self, node_id: str, node: dict[str, Any]) -> dict[str, Any]:
        text = self._texts.get(node_id)
        if not text or node["status"] in DONE:
            return dict(node)
        offset = max(0, len(text) - TAIL)
        return {**node, "text": text[offset:], "offset": offset}

    def _take_row(self, step: Wire) -> None:
        node_id, known = step["stepId"], self._nodes.get(step["stepId"])
        if step["status"] == "pending" or (known is not None and known["visit"] > step["visit"]):
            return
        if known is not None and known["status"] in DONE and step["status"] not in DONE:
            return
        self._nodes[node_id] = _without_nothing(
            {
                "status": step["status"],
                "seq": max(self.seq, known["seq"] if known else 0) + (0.5 if step["status"] in DONE else 0),
                "visit": step["visit"],
                "startedAt": step["startedAt"],
                "finishedAt": step["finishedAt"],
                "error": step["error"],
                "usage": step["usage"],
                "credits": step["credits"] or None,
                "skipReason": step["skipReason"],
                "outputs": _beside_text(step["outputs"]) or None,
            }
        )
        text = step["text"] or _text_of(step["outputs"])
        if len(text) >= len(self._texts.get(node_id, "")):
            self._texts[node_id] = text

    def _take_status(self, event: Wire) -> None:
        self._header["status"] = event["status"]
        if event["status"] == "running" and self._header["startedAt"] is None:
            self._header["startedAt"] = event["at"]
        if event["status"] in _OVER:
            self._header |= {"finishedAt": event["at"], "error": event.get("error")}

    def _take_step(self, event: Wire) -> None:
        node_id, visit = event["stepId"], event["visit"]
        node = self._nodes.get(node_id)
        if node is not None and (node["visit"], node["status"] in DONE) > (visit, event["status"] in DONE):
            return  # a picture is ahead of its events
        if node is None or node["visit"] < visit:
            node = self._nodes[node_id] = {"visit": visit}
            self._texts.pop(node_id, None)
        node |= {"status": event["status"], "seq": event["seq"]}
        if event["kind"] == "token":
            self._texts[node_id] = grown(self._texts.get(node_id, ""), event["offset"], event["text"])
        elif event["status"] == "running":
            node["startedAt"] = event["at"]
            if event.get("attempt", 1) > 1:
                self._texts.pop(node_id, None)
        elif event["status"] in DONE:
            ended = {name: event.get(name) for name in ("error", "usage", "skipReason")}
            node |= _without_nothing({"finishedAt": event["at"], **ended})
            outputs = event.get("outputs") or {}
            node |= _without_nothing({"outputs": _beside_text(outputs) or None})
            self._texts[node_id] = _text_of(outputs) or self._texts.get(node_id, "")


def shown_results(results: Mapping[str, Wire]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the last results of a workflow's nodes as the canvas is told them: statuses, and texts.

    ``seq`` is 0: whatever a run says of a node is newer.
    """
    statuses, texts = {}, {}
    for node_id, result in results.items():
        known = {name: result[name] for name in ("status", "visit", "startedAt", "error", "usage")}
        ended = {"finishedAt": result["at"], "credits": result["credits"] or None, "executionId": result["executionId"]}
        made = {"outputs": result.get("outputs") or None}
        statuses[node_id] = _without_nothing({"seq": 0, **known, **ended, **made})
        if result["text"]:
            texts[node_id] = ("…" if result["offset"] else "") + result["text"]
    return statuses, texts


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _beside_text(outputs: Wire) -> Wire:
    return {port: output for port, output in outputs.items() if output["type"] != "text"}


def _text_of(outputs: Wire) -> str:
    for output in outputs.values():
        if output["type"] == "text" and isinstance(output["value"], str):
            return str(output["value"])
    return ""
