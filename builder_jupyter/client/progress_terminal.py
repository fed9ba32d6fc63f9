"""Live status as lines of text, with the streamed text of one step at a time."""

from __future__ import annotations

from typing import Final, TextIO

from builder_jupyter.client.frames import message_of, text_of
from builder_jupyter.client.progress import DONE
from builder_jupyter.client.protocol import Wire
from builder_jupyter.client.tables import MARKS, harmless, headline, hints

Key = tuple[str, int]
INDENT: Final = "    "
_ASCII: Final = {"✓": "+", "✗": "x", "▸": ">", "–": "-", "·": ".", "◦": "o"}


class TerminalProgress:
    """Writes a line where a step begins and where it ends, and streams what it says in between.

    Of steps that speak at the same time the first has the floor; what the others say follows, whole, when it is done.
    """

    seconds = 0.03

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_unicode = (stream.encoding or "").lower().replace("-", "").startswith("utf")
        self._names: dict[str, str] = {}
        self._started: dict[Key, int] = {}
        self._streamed: set[Key] = set()
        self._speaker: Key | None = None
        self._held: dict[Key, list[str]] = {}
        self._ends: dict[Key, str] = {}
        self._heading: Key | None = None

    def begin(self, picture: Wire) -> None:
        """Learn the names of the steps."""
        self._names = {step["stepId"]: harmless(step["name"]) for step in picture["steps"]}

    def update(self, events: list[Wire]) -> None:
        """Write what has happened."""
        ended = {_key(e) for e in events if e["kind"] == "step" and e["status"] in DONE}
        for event in events:
            if event["kind"] == "token":
                self._streamed.add(_key(event))
                self._say(_key(event), harmless(event["text"]))
            elif event["kind"] == "waitpoint":
                how = "was " + event["ended"] if "ended" in event else f"waits for: {event['waitsFor']}"
                self._line(f"{MARKS['waiting']} {self._name(_key(event))}  {how}")
            elif event["kind"] == "step":
                self._step(event, is_short=_key(event) in ended)
        self._stream.flush()

    def end(self, picture: Wire) -> None:
        """Write what is still held back, and how the run stands."""
        self._release()
        self._line(headline(picture))
        for hint in hints(picture):
            self._line(hint)
        self._stream.flush()

    def _step(self, event: Wire, *, is_short: bool) -> None:
        key = _key(event)
        if event["status"] in DONE:
            if event.get("usage") and key not in self._streamed:  # looked at too late: the pieces are not kept
                self._say(key, harmless(text_of({"outputs": event["outputs"], "text": None})))
            self._finish(key, self._closing(key, event))
            return
        self._started[key] = event["at"]
        if self._speaker is None and not is_short:
            self._head(key)

    def _closing(self, key: Key, event: Wire) -> str:
        text = f"{MARKS[event['status']]} {self._name(key)}"
        if event["status"] == "skipped":
            return f"{text}  skipped: {event['skipReason'].replace('_', ' ')}"
        begun = self._started.get(key)
        if begun is not None:
            text += f"  {(event['at'] - begun) / 1000:.2f} s"
        usage = event.get("usage")
        if usage:
            text += f", {usage['inputTokens']} + {usage['outputTokens']} tokens"
        error = message_of(event.get("error"))
        return f"{text}  {harmless(error)}" if error else text

    def _say(self, key: Key, text: str) -> None:
        if self._speaker is None:
            self._speaker = key
            if self._heading != key:
                self._head(key)
            self._write(INDENT)
            text = text.lstrip()
        if self._speaker == key:
            self._write(text.replace("\n", "\n" + INDENT))
        else:
            self._held.setdefault(key, []).append(text)

    def _finish(self, key: Key, line: str) -> None:
        if self._speaker is None:
            self._line(line)
        elif self._speaker != key:
            self._held.setdefault(key, [])
            self._ends[key] = line
        else:
            self._write("\n")
            self._speaker = None
            self._line(line)
            self._next()

    def _next(self) -> None:
        """Give the floor to those who were held back, until one of them is still speaking."""
        while self._held and self._speaker is None:
            key = next(iter(self._held))
            said, line = "".join(self._held.pop(key)), self._ends.pop(key, None)
            if said:
                self._say(key, said)
            if line is not None:
                self._finish(key, line)

    def _release(self) -> None:
        while self._speaker is not None or self._held:
            if self._speaker is not None:
                self._write("\n")
                self._speaker = None
            self._next()

    def _head(self, key: Key) -> None:
        self._line(f"{MARKS['running']} {self._name(key)}")
        self._heading = key

    def _line(self, text: str) -> None:
        self._heading = None
        self._write(text + "\n")

    def _write(self, text: str) -> None:
        if not self._is_unicode:
            text = "".join(_ASCII.get(c, c) for c in text).encode("ascii", "replace").decode()
        self._stream.write(text)

    def _name(self, key: Key) -> str:
        step, visit = key
        return self._names.get(step, harmless(step)) + (f" #{visit}" if visit > 1 else "")


def _key(event: Wire) -> Key:
    return event["stepId"], event["visit"]
