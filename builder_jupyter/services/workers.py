"""Which kernel runs a step: the one that started the run, one that takes everything, this process, or a fresh one."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from builder_jupyter.connectors.tool_schemas import spec_of
from builder_jupyter.errors import Forbidden, InvalidInput, OutputInvalid, StepError
from builder_jupyter.identity.principal import Principal
from builder_jupyter.nodes.base import NodeType, StepContext, StepResult, Wait
from builder_jupyter.nodes.chat import TOOL_NAME, ToolSpec
from builder_jupyter.nodes.code import Job, Outcome, references
from builder_jupyter.storage.artefacts import ArtefactStore

log = logging.getLogger(__name__)

Emit = Callable[[str], None]
Send = Callable[[Mapping[str, Any], Sequence[bytes]], None]
TOKEN_LENGTH = 32
MAX_TOOLS = 200
WORKER_HEADER = "Builder-Worker"
"""Where a worker's token stands: when it attaches, and in the requests of those whom it lets start runs in it."""


class Worker(Protocol):
    """Something that runs jobs, and has functions that it offers as tools. Cancelling `run` stops the code."""

    @property
    def tools(self) -> Mapping[str, ToolSpec]:
        """What it offers, by name."""
        ...

    async def run(self, job: Job, emit: Emit) -> Outcome:
        """Run a job to its end. Raises `StepError` (``WORKER_LOST``) when the worker goes away meanwhile."""
        ...


class FreshKernels(Protocol):
    """Kernels that are started for executions."""

    async def run(self, execution_id: str, job: Job, emit: Emit) -> Outcome:
        """Run a job in the execution's kernel. Raises as `Worker.run`."""
        ...

    def over(self, execution_id: str) -> None:
        """Shut the execution's kernel down."""
        ...

    async def stop(self) -> None:
        """Shut all kernels down."""
        ...


@dataclass(eq=False)
class Attached:
    """A worker at the other end of a socket. Everything here happens on the runtime's loop.

    Parameters
    ----------
    token : known to the worker and to those whom it lets start runs in it.
    send : takes a parcel for the worker, from any thread; never waits.
    tools : the functions that the worker offers, by name.
    """

    token: str
    workspace: str
    everything: bool
    send: Send
    tools: Mapping[str, ToolSpec] = field(default_factory=dict)
    _jobs: dict[str, tuple[asyncio.Future[tuple[Mapping[str, Any], list[bytes]]], Emit]] = field(default_factory=dict)
    _gone: bool = False

    async def run(self, job: Job, emit: Emit) -> Outcome:
        """Send a job and wait for what comes of it."""
        job_id = secrets.token_hex(8)
        done: asyncio.Future[tuple[Mapping[str, Any], list[bytes]]] = asyncio.get_running_loop().create_future()
        body = await asyncio.to_thread(lambda: replace(job, paths={}).to_json().encode())
        if self._gone:
            raise _lost(" before it began")
        self._jobs[job_id] = (done, emit)
        self.send({"do": "run", "job": job_id}, [body])
        try:
            message, attached = await done
        except asyncio.CancelledError:
            self.send({"do": "cancel", "job": job_id}, [])
            raise
        finally:
            del self._jobs[job_id]
        try:
            frames = dict(zip(message["frames"], attached[1:], strict=True))
            return await asyncio.to_thread(Outcome.from_json, attached[0], frames)
        except (ValueError, TypeError, LookupError) as error:
            raise OutputInvalid("The kernel's answer cannot be read.") from error

    def receive(self, message: Mapping[str, Any], attached: list[bytes]) -> None:
        """Take a parcel from the worker; what belongs to no job under way comes too late and is dropped."""
        if message.get("do") == "tools":
            self.tools = _specs_of(attached)
            self.send({"do": "tools", "job": message.get("job")}, [])
            return
        done, emit = self._jobs.get(str(message.get("job")), (None, None))
        if done is None or emit is None or done.done():
            log.info("a late message of a worker was refused")
        elif message.get("do") == "text":
            emit(str(message.get("text", "")))
        elif message.get("do") == "done":
            done.set_result((message, attached))

    def lost(self) -> None:
        """Fail what is under way: the connection is gone."""
        self._gone = True
        for done, _ in self._jobs.values():
            if not done.done():
                done.set_exception(_lost("; what the step had done by then is not known"))


class Workers:
    """The executor of the place `Place.KERNEL`, and the workers it chooses from.

    Parameters
    ----------
    own : this process as a worker, where there is no server; it runs everything.
    """

    def __init__(self, artefacts: ArtefactStore, fresh: FreshKernels, own: Worker | None = None) -> None:
        self._artefacts = artefacts
        self._fresh = fresh
        self._own = own
        self._attached: dict[tuple[str, str], Attached] = {}
        self._started_by: dict[str, tuple[str, str]] = {}

    # -- workers -----------------------------------------------------------------------------------------------

    async def attach(self, principal: Principal, token: str, send: Send, *, everything: bool = False) -> Attached:
        """Take in a worker of the principal's workspace; one that comes back takes its own place again.

        Raises
        ------
        InvalidInput : ``INVALID_WORKER``: others could guess the token.
        Forbidden : it would take the steps of others, and the principal is no admin.
        """
        if everything and not principal.is_admin:
            raise Forbidden("Only an admin's worker may take the steps of others.")
        if len(token) < TOKEN_LENGTH:
            raise InvalidInput(f"A worker needs a token of {TOKEN_LENGTH} characters.", code="INVALID_WORKER")
        worker = Attached(token, principal.workspace, everything, send)
        before = self._attached.pop((worker.workspace, token), None)
        if before is not None:
            before.lost()
        self._attached[worker.workspace, token] = worker
        return worker

    async def detach(self, worker: Attached) -> None:
        """Let a worker go. Steps that it was running fail."""
        if self._attached.get((worker.workspace, worker.token)) is worker:
            del self._attached[worker.workspace, worker.token]
        worker.lost()

    def started(self, execution_id: str, principal: Principal, token: str | None) -> None:
        """Note that a worker's own client starts an execution: its steps go there. Unknown tokens mean nothing."""
        if token and (principal.workspace, token) in self._attached:
            self._started_by[execution_id] = (principal.workspace, token)

    def over(self, execution_id: str) -> None:
        """Forget an execution that has ended."""
        self._started_by.pop(execution_id, None)
        self._fresh.over(execution_id)

    async def stop(self) -> None:
        """Shut fresh kernels down."""
        await self._fresh.stop()

    # -- steps -------------------------------------------------------------------------------------------------

    async def run(self, node_type: NodeType, context: StepContext) -> StepResult | Wait:
        """Run one attempt with a kernel at hand."""
        return await node_type.run(replace(context, kernel=_Session(self, context)))

    # -- tools -------------------------------------------------------------------------------------------------

    def offered(self, workspace: str | None, execution_id: str | None) -> Sequence[ToolSpec]:
        """Return the tools of a workspace's workers (None: of all), of one name that of the newest.

        With an execution, those that its steps may call: of the worker that started it, and of those that take
        everything.
        """
        workers: Iterable[Worker]
        if self._own is not None:
            workers = [self._own]
        elif execution_id is not None and workspace is not None:
            workers = self._candidates(execution_id, workspace)
        else:
            workers = [w for w in reversed(self._attached.values()) if workspace in (None, w.workspace)]
        found: dict[str, ToolSpec] = {}
        for worker in workers:
            found = dict(worker.tools) | found
        return list(found.values())

    async def call(self, context: StepContext, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run a worker's function and return its JSON-like value; dataframes among it are kept as artefacts.

        Raises
        ------
        StepError : ``TOOL_FAILED`` with the function's last words; ``WORKER_LOST``.
        OutputInvalid : the result is larger than may be kept.
        """
        own = [self._own] if self._own is not None else []
        willing = own or self._candidates(context.execution_id, context.workspace)
        worker = next((w for w in willing if name in w.tools), None)
        if worker is None:
            raise _lost(" before it began")
        paths = await asyncio.to_thread(self.paths, context.workspace, arguments)
        # What a tool prints is no part of the answer that the step streams.
        outcome = await worker.run(Job(context.node.id, "", arguments, paths, name), lambda _text: None)
        if outcome.error is not None:
            raise _error(outcome)
        await asyncio.to_thread(self.keep, context, outcome.frames)
        return outcome.value

    async def perform(self, context: StepContext, job: Job) -> Outcome:
        """Run a job in the kernel that is right for its execution."""
        worker = self._own or self._choose(context)
        if worker is None:
            return await self._fresh.run(context.execution_id, job, context.emit)
        return await worker.run(job, context.emit)

    def _choose(self, context: StepContext) -> Attached | None:
        return next(iter(self._candidates(context.execution_id, context.workspace)), None)

    def _candidates(self, execution_id: str, workspace: str) -> list[Attached]:
        """Return the workers that may run an execution's steps, best first."""
        starter = self._attached.get(self._started_by.get(execution_id, ("", "")))
        first = [starter] if starter is not None and starter.workspace == workspace else []
        willing = (w for w in reversed(self._attached.values()) if w.everything and w.workspace == workspace)
        return first + [w for w in willing if w is not starter]

    def paths(self, workspace: str, state: Mapping[str, Any]) -> dict[str, str]:
        """Return where the artefacts of a state lie. Raises `NotFound` for what is not the workspace's.

        A state may hold what somebody else's run has made, as replays do: who names it has seen such a run.
        """
        return {digest: str(self._artefacts.path(workspace, digest)) for digest in references(state)}

    def keep(self, context: StepContext, frames: Mapping[str, bytes]) -> None:
        """Keep the dataframes of an outcome. Raises `OutputInvalid` when one is not what it is called."""
        for digest, content in frames.items():
            if self._artefacts.put(context.workspace, content, starter=context.starter) != digest:
                raise OutputInvalid("A dataframe arrived damaged.")


class _Session:
    """The kernel as one step sees it."""

    def __init__(self, workers: Workers, context: StepContext) -> None:
        self._workers = workers
        self._context = context

    async def run(self, code: str, state: Mapping[str, Any]) -> Outcome:
        """Run code in the kernel, and keep the dataframes it returns."""
        context, workers = self._context, self._workers
        paths = await asyncio.to_thread(workers.paths, context.workspace, state)
        outcome = await workers.perform(context, Job(context.node.id, code, state, paths))
        if outcome.error is not None:
            raise _error(outcome)
        await asyncio.to_thread(workers.keep, context, outcome.frames)
        return outcome


def _lost(when: str) -> StepError:
    return StepError(f"The kernel that ran this step went away{when}.", code="WORKER_LOST", retryable=True)


def _specs_of(attached: Sequence[bytes]) -> dict[str, ToolSpec]:
    """Read the tools that a worker offers; none of them if one is not as it should be."""
    try:
        wanted = [_spec_of(one) for one in json.loads(attached[0])[:MAX_TOOLS]]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        log.warning("a worker's tools cannot be read: %s", type(error).__name__)
        return {}
    return {spec.name: spec for spec in wanted}


def _spec_of(given: Mapping[str, Any]) -> ToolSpec:
    if not TOOL_NAME.fullmatch(given["name"]):
        raise ValueError("a tool's name is letters, digits, _ and -")
    return spec_of(given["name"], str(given["description"]), given["schema"])


def _error(outcome: Outcome) -> StepError:
    message, code = "The code failed.", "PYTHON_ERROR"
    with suppress(LookupError, TypeError):
        message, code = str(outcome.error["message"]), str(outcome.error["code"])  # type: ignore[index]
    kind = OutputInvalid if code == OutputInvalid.default_code else StepError
    return kind(message, code=code, display=tuple(outcome.display))
