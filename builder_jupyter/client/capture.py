"""What one thread prints and displays, taken out of the stream of all others.

A step runs beside the notebook's own cells, and both write to ``sys.stdout``. While a step runs there is a stand-in
that looks at the thread: a step's output goes to the step, everybody else's where it always went.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from builder_jupyter.client.values import pack
from builder_jupyter.nodes.display import STDERR, STDOUT, Display, clean

_patching = threading.Lock()
_standing_in: dict[str, _Split] = {}
"""The last stand-ins, kept: ``print`` only borrows ``sys.stdout``, and one under way would write to freed memory."""


class _Split:
    """Stands in for a stream: the writes of some threads go to their outputs, all else to the stream."""

    def __init__(self, stream: Any, mime: str) -> None:
        self.stream = stream
        self.mime = mime
        self.outputs: dict[int, Display] = {}

    def write(self, text: str) -> int:
        output = self.outputs.get(threading.get_ident())
        if output is None:
            return int(self.stream.write(text) or 0)
        output.write(self.mime, str(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if threading.get_ident() not in self.outputs:
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def captured(output: Display) -> Iterator[None]:
    """Send what this thread prints and displays to ``output``."""
    me = threading.get_ident()
    with _patching:
        streams = [_split("stdout", STDOUT), _split("stderr", STDERR)]
        for stream in streams:
            stream.outputs[me] = output
    publisher = _publisher()
    if publisher is not None:
        publisher.register_hook(take := _taker(output))
    try:
        yield
    finally:
        if publisher is not None:
            publisher.unregister_hook(take)
        with _patching:
            for name, stream in zip(("stdout", "stderr"), streams, strict=True):
                stream.outputs.pop(me, None)
                if not stream.outputs and getattr(sys, name) is stream:
                    setattr(sys, name, stream.stream)


def rich(value: Any) -> dict[str, Any]:
    """Return how a notebook would show a value; its ``repr`` alone where there is no IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        with suppress(Exception):  # somebody else's way to show itself may raise anything
            return _bundle(shell.display_formatter.format(value)[0])
    return {"text/plain": clean(repr(value))}


def _split(name: str, mime: str) -> _Split:
    stream = getattr(sys, name)
    if isinstance(stream, _Split):
        return stream
    split = _standing_in.get(name)
    if split is None or split.stream is not stream:
        split = _standing_in[name] = _Split(stream, mime)
    setattr(sys, name, split)
    return split


def _publisher() -> Any:
    """Return what sends a kernel's displays, if it can be asked to hand over those of one thread."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    publisher = getattr(shell, "display_pub", None)
    return publisher if hasattr(publisher, "register_hook") else None


def _taker(output: Display) -> Callable[[Any], Any]:
    def take(message: Any) -> Any:
        if message["header"]["msg_type"] == "display_data":
            output.show(_bundle(message["content"]["data"]))
        return None

    return take


def _bundle(data: Any) -> dict[str, Any]:
    return {str(mime): _jsonable(content) for mime, content in data.items()}


def _jsonable(content: Any) -> Any:
    if isinstance(content, bytes):
        from base64 import b64encode

        return b64encode(content).decode()
    if isinstance(content, str):
        return clean(content)
    return pack(content).value
