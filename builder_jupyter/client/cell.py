"""One step's code, run in a namespace like a notebook's cell.

The same for all kernels: in a thread of the notebook's, in the process of a script, in a fresh kernel.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import linecache
import traceback
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from builder_jupyter.client.capture import rich
from builder_jupyter.client.function_tools import TOOLS, plain_result
from builder_jupyter.client.values import pack, unpack
from builder_jupyter.errors import BuilderError
from builder_jupyter.nodes.code import Job, Outcome
from builder_jupyter.nodes.display import Display, clean

MAX_MESSAGE = 2_000
MAX_TRACEBACK = 100_000
_MISSING = object()


def run_job(job: Job, namespace: dict[str, Any], output: Display, load: Callable[[str], bytes]) -> Outcome:
    """Run a job; whatever the code raises is an outcome too.

    Parameters
    ----------
    output : takes a traceback, and how a notebook would show a result that is more than JSON.
    load : returns an artefact that the state refers to.
    """
    name = f"<node {job.node}>"
    linecache.cache[name] = (len(job.code), None, job.code.splitlines(keepends=True), name)
    try:
        packed = pack(_shown(_evaluate(job, namespace, name, load), output))
    except BuilderError as error:
        return Outcome(error={"message": str(error), "code": error.code})
    except BaseException as error:  # noqa: BLE001 - the code's own: SystemExit and an interrupt end it, not the kernel
        output.show({"text/plain": _traceback(error, name)})
        return Outcome(error={"message": _message(error, name), "code": "PYTHON_ERROR"})
    return Outcome(packed.value, packed.notes, frames=packed.frames)


def run_tool(job: Job, output: Display, load: Callable[[str], bytes]) -> Outcome:
    """Call the function that a job names; whatever it raises is an outcome too.

    What it prints goes where the process prints; ``output`` takes a traceback alone.
    """
    tool = TOOLS.get(job.tool or "")
    if tool is None:
        return Outcome(error={"message": f"This notebook has no tool {job.tool!r}.", "code": "UNKNOWN_TOOL"})
    try:
        value = tool.call(unpack(job.state, load))
        packed = pack(plain_result(_awaited(_finished(value)) if inspect.isawaitable(value) else value))
    except BuilderError as error:
        return Outcome(error={"message": str(error), "code": error.code})
    except BaseException as error:  # noqa: BLE001 - the function's own: SystemExit and an interrupt end it alone
        output.show({"text/plain": _traceback(error, tool.file)})
        last = clean(traceback.format_exception_only(error)[-1].strip())[:MAX_MESSAGE]
        return Outcome(error={"message": f"The tool {tool.name!r} failed: {last}", "code": "TOOL_FAILED"})
    return Outcome(packed.value, packed.notes, frames=packed.frames)


async def _finished(work: Awaitable[Any]) -> Any:
    return await work


class _Names(MutableMapping[str, Any]):
    """The namespace, and which names the code has set: functions it defines see the namespace itself."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self.set: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        return self._namespace[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.set.add(name)
        self._namespace[name] = value

    def __delitem__(self, name: str) -> None:
        self.set.discard(name)
        del self._namespace[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._namespace)

    def __len__(self) -> int:
        return len(self._namespace)


def _evaluate(job: Job, namespace: dict[str, Any], name: str, load: Callable[[str], bytes]) -> Any:
    """Run the code and return its result. ``state`` is lent to the namespace: what had its name is put back."""
    tree = ast.parse(job.code, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    names = _Names(namespace)
    before = namespace.get("state", _MISSING)
    namespace["state"] = unpack(job.state, load)
    try:
        _execute(tree, name, "exec", namespace, names)
        if isinstance(last, ast.Expr):
            return _execute(ast.Expression(last.value), name, "eval", namespace, names)
        return namespace.get("result") if "result" in names.set else None
    finally:
        if before is _MISSING:
            namespace.pop("state", None)
        else:
            namespace["state"] = before


def _execute(tree: ast.Module | ast.Expression, name: str, mode: str, namespace: dict[str, Any], names: _Names) -> Any:
    code = compile(tree, name, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    value = eval(code, namespace, names)  # noqa: S307 - what a python node is for; never in a server
    return _awaited(value) if code.co_flags & inspect.CO_COROUTINE else value


def _awaited(work: Any) -> Any:
    """Run a coroutine to its end; beside this thread's loop where it has one, as in a fresh kernel."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(copy_context().run, asyncio.run, work).result()


def _shown(value: Any, output: Display) -> Any:
    """Show a result that is more than JSON as a notebook would, and hand it on."""
    if value is not None and not isinstance(value, str | int | float | list | tuple | dict):
        output.show(rich(value))
    return value


def _message(error: BaseException, name: str) -> str:
    said = traceback.format_exception_only(error)
    told = clean((said[-1] if isinstance(error, SyntaxError) else said[0]).strip())
    if isinstance(error, SyntaxError):
        line: int | None = error.lineno
    else:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == name), None)
    return f"{told[:MAX_MESSAGE]}{f' (line {line})' if line else ''}"


def _traceback(error: BaseException, name: str) -> str:
    """Return the traceback from the code of a file on: how it came to be run is nobody's business."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != name:
        trace = trace.tb_next
    return clean("".join(traceback.format_exception(type(error), error, trace)))[-MAX_TRACEBACK:]
