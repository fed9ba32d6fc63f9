"""A provider of media on loopback, over real HTTP: it answers as a test says and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from builder_jupyter.connectors.local_media import _gif, _png, _tone

PNG = _png(bytes(range(32)))
GIF = _gif(bytes(range(32)))
WAV = _tone(bytes(range(32)), 0.5)
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(64)
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(64)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; names of headers in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Said:
    """An answer. ``gate``, if there is one, is waited for first."""

    content: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None


Answer = Said | Callable[[Asked], Said]


@dataclass
class MediaPeer:
    """Answers by method and path: one answer for ever, or a list of which the last stays."""

    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def of(self, line: str) -> list[Asked]:
        """The requests with this method and path."""
        return [one for one in self.asked if f"{one.method} {one.path.partition('?')[0]}" == line]

    def until(self, line: str, times: int = 1) -> None:
        """Wait until so many of these have arrived."""
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.of(line)) >= times, timeout=30), [a.path for a in self.asked]

    def answer(self, asked: Asked) -> Said:
        found = self.answers.get(f"{asked.method} {asked.path.partition('?')[0]}", Said({"error": "?"}, 404))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return found if isinstance(found, Said) else found(asked)


@contextmanager
def media_peer(**answers: Any) -> Iterator[MediaPeer]:
    """Serve while the block runs."""
    peer = MediaPeer(dict(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            with peer.heard:
                peer.asked.append(asked)
                said = peer.answer(asked)
                peer.heard.notify_all()
            if said.gate is not None:
                said.gate.wait(30)
            raw = said.content if isinstance(said.content, bytes) else json.dumps(said.content).encode()
            kind = "application/octet-stream" if isinstance(said.content, bytes) else "application/json"
            try:
                self.send_response(said.status)
                for name, value in ({"Content-Type": kind, "Content-Length": str(len(raw))} | said.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)
            except OSError:
                self.close_connection = True  # the client hung up, which some tests are about

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def queue(peer: MediaPeer, model: str = "maker/film", *, result: Any = None, looks: int = 1) -> str:
    """Make a peer a queue of one model that is done at the given look; return the path of the work."""
    place = f"/{'/'.join(model.split('/')[:2])}/requests/job-1"
    peer.answers[f"POST /{model}"] = Said({"request_id": "job-1", "status": "IN_QUEUE"})
    waits: list[Answer] = [Said({"status": "IN_QUEUE"}), Said({"status": "IN_PROGRESS"})]
    peer.answers[f"GET {place}/status"] = [*(waits[i % 2] for i in range(looks - 1)), Said({"status": "COMPLETED"})]
    peer.answers[f"GET {place}"] = Said(result or {"video": {"url": f"{peer.url}/file", "content_type": "video/mp4"}})
    peer.answers["GET /file"] = Said(MP4, headers={"Content-Type": "video/mp4"})
    peer.answers[f"PUT {place}/cancel"] = Said({"status": "CANCELLATION_REQUESTED"}, 202)
    return place
