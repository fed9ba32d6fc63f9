"""Steps in this process: one after another, each in a thread, in the namespace of the notebook.

Calls of functions that are tools take no turns: one may come from a workflow that a step's own code runs.

Not on the kernel's own channels: a cell that waits for the run holds those.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from builder_jupyter.client.capture import captured
from builder_jupyter.client.cell import run_job, run_tool
from builder_jupyter.client.function_tools import TOOLS, specs_of
from builder_jupyter.nodes.chat import ToolSpec
from builder_jupyter.nodes.code import Job, Outcome
from builder_jupyter.nodes.display import Display

GRACE_SECONDS = 5.0
AGAIN_SECONDS = 1.0
EMIT_SECONDS = 0.05

Load = Callable[[str], bytes]
INTERRUPTED = Outcome(error={"message": "The step was interrupted.", "code": "PYTHON_ERROR"})


class Steps:
    """Runs jobs on behalf of a loop.

    Parameters
    ----------
    load : returns an artefact that no path is given for; called in the thread of the step.
    namespace : that of the notebook when None, looked up for each job.
    """

    def __init__(self, load: Load | None = None, namespace: dict[str, Any] | None = None) -> None:
        self._load = load
        self._namespace = namespace
        self._turn = asyncio.Lock()
        self._endings: set[asyncio.Task[None]] = set()

    @property
    def tools(self) -> Mapping[str, ToolSpec]:
        """The functions of this process that are tools, by name."""
        return specs_of(TOOLS)

    async def run(self, job: Job, emit: Callable[[str], None]) -> Outcome:
        """Run a job when those before it are done. Cancelling interrupts the code; what it returns then is dropped."""
        turn = self._turn if job.tool is None else asyncio.Lock()
        await turn.acquire()
        step = _Step(job, self._loader(job), _user_namespace() if self._namespace is None else self._namespace, emit)
        step.start()
        ended = asyncio.wrap_future(step.done)
        try:
            return await asyncio.shield(ended)
        finally:
            ending = asyncio.create_task(self._end(step, ended, turn))
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    async def _end(self, step: _Step, ended: asyncio.Future[Outcome], turn: asyncio.Lock) -> None:
        """Give the turn to the next job once the code has stopped; code that cannot be stopped is left behind."""
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                while not ended.done():
                    step.interrupt()  # again and again: the code may catch one
                    await asyncio.wait([ended], timeout=AGAIN_SECONDS)
        except TimeoutError:
            step.abandon()
        finally:
            turn.release()

    def _loader(self, job: Job) -> Load:
        def load(digest: str) -> bytes:
            if digest in job.paths:
                return Path(job.paths[digest]).read_bytes()
            if self._load is None:
                raise FileNotFoundError(digest)
            return self._load(digest)

        return load


class _Step:
    """One job in its thread."""

    def __init__(self, job: Job, load: Load, namespace: dict[str, Any], emit: Callable[[str], None]) -> None:
        from concurrent.futures import Future

        self.done: Future[Outcome] = Future()
        self._job, self._load, self._namespace = job, load, namespace
        self._emitter = _Emitter(emit)
        self._gate = threading.Lock()
        self._open = False
        self._sent = False
        self._thread = threading.Thread(target=self._run, name=f"builder-step-{job.node}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the code, as soon as it comes back from whatever it waits for."""
        with self._gate:
            if self._open:
                self._sent = True
                _raise_in(self._thread, KeyboardInterrupt)

    def abandon(self) -> None:
        self._emitter.close()

    def _run(self) -> None:
        output = Display(self._emitter.take)
        try:
            with captured(output) if self._job.tool is None else nullcontext():
                outcome = self._guarded(output)
        except KeyboardInterrupt:  # it came just as the code ended
            outcome = INTERRUPTED
        self._emitter.flush()
        outcome.display = output.bundles()
        self.done.set_result(outcome)

    def _guarded(self, output: Display) -> Outcome:
        """Run the code; interrupts are let in while it runs and at no other time: they would hit our own work."""
        try:
            with self._gate:
                self._open = True
            if self._job.tool is not None:
                return run_tool(self._job, output, self._load)
            return run_job(self._job, self._namespace, output, self._load)
        finally:
            with self._gate:
                self._open = False
            if self._sent:
                self._take_in()

    def _take_in(self) -> None:
        """Wait for an interrupt that may still be on its way, so that it hits nothing else."""
        # Taken back, it would leave CPython 3.11's flag for it up for good: whoever traces (a debugger) hangs then.
        with suppress(_Taken):
            _raise_in(self._thread, _Taken)  # in its place
            while True:
                time.sleep(0)


class _Emitter:
    """Brings pieces of text from the step's thread to the loop, many small ones as one."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit: Callable[[str], None] | None = emit
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._due = False

    def take(self, text: str) -> None:
        with self._lock:
            self._waiting.append(text)
            due, self._due = self._due, True
        if not due:
            self._call(lambda: self._loop.call_later(EMIT_SECONDS, self._send))

    def flush(self) -> None:
        self._call(self._send)

    def close(self) -> None:
        self._emit = None

    def _call(self, work: Callable[[], Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(work)

    def _send(self) -> None:
        with self._lock:
            text, self._waiting, self._due = "".join(self._waiting), [], False
        if text and self._emit is not None:
            self._emit(text)


class _Taken(BaseException):
    """Takes the place of an interrupt that comes too late."""


def _raise_in(thread: threading.Thread, error: type[BaseException]) -> None:
    """Have an exception raised in a thread, instead of one that is on its way there."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error))


def _user_namespace() -> dict[str, Any]:
    """Return the variables of the notebook, of an IPython session, or of the script that runs."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    found: dict[str, Any] = vars(sys.modules["__main__"]) if shell is None else shell.user_ns
    return found


def in_kernel() -> bool:
    """Say whether this process is a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
