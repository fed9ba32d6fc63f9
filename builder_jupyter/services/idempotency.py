"""Each request begins one execution, however often it is sent.

A request has a key; a second one with that key is the first one again. Keys are reserved in a dict on the runtime's
loop, before anything is awaited, so that of two requests at the same time one begins and the other finds it. The key
is journaled with the admission it led to, which is all that a restart needs. Source: spec builder-studio §4.1.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from typing import Any

from builder_jupyter.clock import Clock, epoch_ms
from builder_jupyter.errors import Conflict, InvalidInput
from builder_jupyter.execution.events import NO_ORIGIN, Origin
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.graph.model import canonical_json
from builder_jupyter.identity.principal import Principal
from builder_jupyter.services.executions import ExecutionService
from builder_jupyter.services.planning import ITS_TRIGGER, Entry
from builder_jupyter.storage.journal import DuckDBJournal

EXPLICIT_SECONDS = 24 * 3600.0
DERIVED_SECONDS = 5 * 60.0
"""Short, so that a schedule that sends the same request every hour gets a run every hour."""

DERIVED = "auto:"
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_EXECUTION_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_PLAN_ID = re.compile(r"pl_[0-9a-f]{32}")  # plans lie in the journal under ids of their own

KEY_SCHEMA: dict[str, Any] = {"type": "string", "pattern": f"^(?!{DERIVED}){_KEY.pattern}$"}
EXECUTION_ID_SCHEMA: dict[str, Any] = {"type": "string", "pattern": f"^(?!{_PLAN_ID.pattern}$){_EXECUTION_ID.pattern}$"}
"""What callers' own keys and execution ids look like, as JSON Schema."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The execution that a request began: now, or when it was sent before."""

    execution_id: str
    is_replay: bool = False


@dataclass(slots=True, eq=False)
class _Claim:
    """What a name stands for: the request, and the execution that it began or is about to begin."""

    mark: Hashable
    begun: asyncio.Future[Begun]


class AdmissionService:
    """Begins executions for requests that may be sent more than once.

    ``check_callback`` lets an address through to which an outcome may be sent, or raises.
    """

    def __init__(
        self,
        executions: ExecutionService,
        journal: DuckDBJournal,
        clock: Clock,
        check_callback: Callable[[str], Awaitable[None]],
    ) -> None:
        self._check_callback = check_callback
        self._executions = executions
        self._journal = journal
        self._clock = clock
        self._claims: dict[Hashable, _Claim] = {}
        self._lapses: list[tuple[float, int, Hashable, _Claim]] = []
        self._kept = 0

    async def open(self) -> None:
        """Remember the requests that came before this process. Call once, before the first `start`."""
        now = epoch_ms(self._clock.now())
        found = await self._journal.requests(since=now - round(EXPLICIT_SECONDS * 1000))
        for execution_id, at, workspace, trigger, key, mark in found:
            left = _lifetime(key) - max(0, now - at) / 1000
            if key and left > 0:
                begun: asyncio.Future[Begun] = asyncio.get_running_loop().create_future()
                begun.set_result(Begun(execution_id))
                self._keep((workspace, trigger, key), _Claim(mark, begun), left)

    async def start(
        self,
        principal: Principal,
        workflow_id: str,
        *,
        entry: Entry = ITS_TRIGGER,
        inputs: Mapping[str, Any] | None = None,
        trigger: TriggerType = TriggerType.API,
        about: Mapping[str, Any],
        key: str | None = None,
        derive: bool = False,
        execution_id: str | None = None,
        worker: str | None = None,
        origin: Origin = NO_ORIGIN,
        toll: Callable[[], object] = lambda: None,
    ) -> Begun:
        """Begin an execution, or find the one that the same request began.

        Parameters
        ----------
        about : what the request says; one that says something else must not come with the same key or id.
        key : the caller's own key, remembered for a day in its workspace and for this kind of trigger.
        derive : without a key make one of what the request says; it is remembered for five minutes.
        execution_id : the caller's own id for the execution.
        worker : as for `ExecutionService.start`.
        origin : what else the request brings; ``about`` must tell of it.
        toll : called when the request is a new one, before anything is looked up; what it raises is the answer.

        Raises
        ------
        InvalidInput : ``INVALID_IDEMPOTENCY_KEY``, ``INVALID_EXECUTION_ID``; as `CallbackService.check`; else as
            `ExecutionService.start`.
        Conflict : ``IDEMPOTENCY_CONFLICT``: the key came with another request; ``EXECUTION_ID_TAKEN``.
        """
        _check(key, execution_id)
        # The keys of a workspace's admins are one another's. Nobody else finds what another began.
        mark = fingerprint(about if principal.is_admin else {"request": about, "user": principal.name})
        if key is None and derive:
            key = DERIVED + mark

        async def admit() -> Begun:
            toll()
            if origin.callback_url is not None:
                await self._check_callback(origin.callback_url)
            run = await self._executions.start(
                principal, workflow_id, entry=entry, inputs=inputs, trigger=trigger, execution_id=execution_id,
                request=None if key is None and execution_id is None else (key or "", mark), worker=worker,
                origin=origin,
            )  # fmt: skip
            return Begun(run.execution_id)

        begin = admit if execution_id is None else partial(self._under, execution_id, principal.workspace, mark, admit)
        if key is None:
            return await begin()
        name = (principal.workspace, str(trigger), key)
        return await self._once(name, mark, begin, _used(key), seconds=_lifetime(key))

    async def _under(
        self, execution_id: str, workspace: str, mark: str, admit: Callable[[], Awaitable[Begun]]
    ) -> Begun:
        """Admit under an id of the caller's choice, unless the same request has it already."""
        # Whose the id is, and what for, is nobody's business but its owner's.
        taken = Conflict(f"The execution id {execution_id!r} is taken.", code="EXECUTION_ID_TAKEN")

        async def begin() -> Begun:
            known = await self._executions.request_of(execution_id)
            if known is None:
                return await admit()
            if known != (workspace, mark):
                raise taken
            return Begun(execution_id, is_replay=True)

        return await self._once(("id", execution_id), (workspace, mark), begin, taken)

    async def _once(
        self,
        name: Hashable,
        mark: Hashable,
        begin: Callable[[], Awaitable[Begun]],
        taken: Conflict,
        *,
        seconds: float | None = None,
    ) -> Begun:
        """Return what ``begin`` returns, or returned for the same name before; without ``seconds`` only meanwhile."""
        while (claim := self._find(name)) is not None:
            await asyncio.wait({claim.begun})
            if not claim.begun.cancelled() and claim.begun.exception() is None:
                if claim.mark != mark:
                    raise taken
                return Begun(claim.begun.result().execution_id, is_replay=True)
        # A task of its own: whoever asked may be gone before the answer, and what was begun must stay known.
        work = asyncio.ensure_future(begin())
        claim = _Claim(mark, work)
        self._keep(name, claim, seconds)
        work.add_done_callback(partial(self._settle, name, claim, is_kept=seconds is not None))
        return await asyncio.shield(work)

    def _find(self, name: Hashable) -> _Claim | None:
        """Return the claim on a name; those that have lapsed are dropped on the way."""
        now = self._clock.monotonic()
        while self._lapses and self._lapses[0][0] <= now:
            _, _, lapsed, claim = heappop(self._lapses)
            self._drop(lapsed, claim)
        return self._claims.get(name)

    def _keep(self, name: Hashable, claim: _Claim, seconds: float | None) -> None:
        self._claims[name] = claim
        if seconds is not None:
            self._kept += 1
            heappush(self._lapses, (self._clock.monotonic() + seconds, self._kept, name, claim))

    def _settle(self, name: Hashable, claim: _Claim, begun: asyncio.Future[Begun], *, is_kept: bool) -> None:
        """Give the name free again when nothing was begun: a refused request does not keep its key."""
        if begun.cancelled() or begun.exception() is not None or not is_kept:
            self._drop(name, claim)

    def _drop(self, name: Hashable, claim: _Claim) -> None:
        if self._claims.get(name) is claim:
            del self._claims[name]


def fingerprint(about: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a request says, in hex."""
    return hashlib.sha256(canonical_json(about).encode()).hexdigest()


def _lifetime(key: str) -> float:
    return DERIVED_SECONDS if key.startswith(DERIVED) else EXPLICIT_SECONDS


def _used(key: str) -> Conflict:
    about = "This request" if key.startswith(DERIVED) else "The idempotency key"
    return Conflict(f"{about} was used for another request.", code="IDEMPOTENCY_CONFLICT", hint="Use a new key.")


def _check(key: str | None, execution_id: str | None) -> None:
    if key is not None and (not _KEY.fullmatch(key) or key.startswith(DERIVED)):
        raise InvalidInput(
            f"An idempotency key has 1 to 255 printable ASCII characters and does not begin with {DERIVED!r}.",
            code="INVALID_IDEMPOTENCY_KEY",
        )
    if execution_id is not None and (not _EXECUTION_ID.fullmatch(execution_id) or _PLAN_ID.fullmatch(execution_id)):
        raise InvalidInput(
            "An executionId has 8 to 64 letters, digits, '_' or '-'.",
            code="INVALID_EXECUTION_ID",
        )
