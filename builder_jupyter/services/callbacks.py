"""Send the outcome of an execution to the address that its request named, until it is taken or given up.

What is still to be sent follows from the journal: a process that is killed between an execution's end and the delivery
leaves nothing behind that the next one does not find. So an outcome may arrive twice, each time under the same delivery
id. Nothing that happens here changes an execution. Source: spec builder-studio §6.1.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

from builder_jupyter import ids
from builder_jupyter.clock import Clock, epoch_ms
from builder_jupyter.errors import BuilderError, InvalidInput, ProviderError, StepError, Unavailable
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.snapshot import pending_callback, snapshot
from builder_jupyter.execution.state import ExecutionState
from builder_jupyter.identity.webhooks import SIGNATURE_HEADER, sign
from builder_jupyter.nodes.http import HttpReply, HttpRequest
from builder_jupyter.storage.callbacks import Attempt, CallbackStore

log = logging.getLogger(__name__)

WAITS_SECONDS = (1.0, 5.0, 30.0, 120.0)
"""The pauses after the first attempts; after the attempt that follows the last, it is given up."""

JITTER = 0.2
LONGEST_RETRY_AFTER = 300.0
AT_A_TIME = 16
TRY_AGAIN = frozenset({408, 425, 429})
USER_AGENT = "BuilderStudio-Callback/1"


class CallbackService:
    """Delivers outcomes.

    Parameters
    ----------
    check : lets an address through that may be called, or raises `InvalidInput` or `ProviderError`.
    send : sends a request; see `nodes.http.Http`.
    load : returns an execution by its id.
    secret_of : returns with what an execution's outcome is signed.
    retry_after : reads the header of that name as seconds.
    chance : returns a number from 0 to 1, for the jitter of pauses.
    """

    def __init__(
        self,
        store: CallbackStore,
        clock: Clock,
        *,
        check: Callable[[str], Awaitable[None]],
        send: Callable[[HttpRequest], Awaitable[HttpReply]],
        load: Callable[[str], Awaitable[Run | None]],
        secret_of: Callable[[ExecutionState], Awaitable[str]],
        retry_after: Callable[[str | None], float | None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._check = check
        self._send = send
        self._load = load
        self._secret_of = secret_of
        self._retry_after = retry_after
        self._chance = chance
        self._turns = asyncio.Semaphore(AT_A_TIME)
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Go on with what an earlier process left undelivered. Call once, when executions go on."""
        for execution_id in await self._store.undelivered():
            try:
                run = await self._load(execution_id)
            except (LookupError, TypeError, ValueError):  # one that cannot be read must not keep the others
                log.exception("an execution with a callback cannot be read", extra={"execution_id": execution_id})
                continue
            if run is not None and run.status.is_terminal:
                self.on_over(run)

    async def stop(self) -> None:
        """Break off; the next process goes on."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def check(self, url: str) -> None:
        """Let an address through to which an outcome may be sent. Raises `InvalidInput`, with the field's name."""
        try:
            await self._check(url)
        except (InvalidInput, ProviderError) as error:
            faults = [{"field": "callbackUrl", "error": error.message}]
            raise InvalidInput("The callbackUrl may not be called.", code=error.code, details=faults) from error

    def on_over(self, run: Run) -> None:
        """Begin to deliver the outcome of an execution that has ended, if it asked for that."""
        execution_id = run.execution_id
        if run.state.admitted.callback_url is None or execution_id in self._under_way or run.broken is not None:
            return
        task = asyncio.get_running_loop().create_task(self._deliver(run.state))
        self._under_way[execution_id] = task
        task.add_done_callback(lambda done: self._done(execution_id, done))

    def _done(self, execution_id: str, task: asyncio.Task[None]) -> None:
        del self._under_way[execution_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            about = {"execution_id": execution_id}
            log.error("a callback was broken off and will be tried at the next start", exc_info=error, extra=about)

    async def standing(self, execution_id: str) -> dict[str, Any]:
        """Return ``{state, attempts, lastStatus}`` of an execution that asked for a callback."""
        made = await self._store.attempts(execution_id)
        if not made:
            return pending_callback()
        status = next((attempt.status for attempt in reversed(made) if attempt.status is not None), None)
        return {"state": made[-1].state, "attempts": made[-1].attempt, "lastStatus": status}

    async def _deliver(self, state: ExecutionState) -> None:
        made = await self._store.attempts(state.execution_id)
        last = made[-1] if made else None
        while last is None or last.state == "pending":
            if last is not None and last.retry_at is not None:
                await self._sleep((last.retry_at - epoch_ms(self._clock.now())) / 1000)
            async with self._turns:
                last = await self._attempt(state, 1 if last is None else last.attempt + 1)
                await self._store.add(last)
        log.info("callback %s after %d attempts", last.state, last.attempt, extra={"execution_id": state.execution_id})

    async def _attempt(self, state: ExecutionState, number: int) -> Attempt:
        """Send the outcome once; return the row that says what came of it."""
        began = epoch_ms(self._clock.now())
        status, error, may_retry, pause = None, None, False, None
        try:
            reply = await self._send(await self._request(state, number, began))
        except (InvalidInput, StepError, Unavailable) as fault:
            error, may_retry = _told(fault), getattr(fault, "retryable", False)
        else:
            status = reply.status
            may_retry = status in TRY_AGAIN or status >= 500
            pause = self._retry_after(reply.headers.get("retry-after"))
        ended = epoch_ms(self._clock.now())
        is_delivered = status is not None and 200 <= status < 300
        goes_on = may_retry and number <= len(WAITS_SECONDS)
        return Attempt(
            state.execution_id, ids.delivery_id(state.execution_id), number,
            "delivered" if is_delivered else "pending" if goes_on else "failed",
            began, ended - began, status, error,
            ended + self._pause_ms(number, pause) if goes_on and not is_delivered else None,
        )  # fmt: skip

    async def _request(self, state: ExecutionState, number: int, now_ms: int) -> HttpRequest:
        event, delivery = f"execution.{state.status}", ids.delivery_id(state.execution_id)
        body = json.dumps(
            {"event": event, "deliveryId": delivery, "attempt": number, "sentAt": now_ms, "execution": snapshot(state)},
            ensure_ascii=False,
        ).encode()
        seconds = now_ms // 1000
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": USER_AGENT,
            "X-BuilderStudio-Event": event,
            "X-BuilderStudio-Delivery": delivery,
            "X-BuilderStudio-Timestamp": str(seconds),
            SIGNATURE_HEADER: sign(await self._secret_of(state), body, seconds),
        }
        return HttpRequest("POST", state.admitted.callback_url or "", headers, body, wants_body=False)

    def _pause_ms(self, number: int, asked_seconds: float | None) -> int:
        jittered = WAITS_SECONDS[number - 1] * (1 + JITTER * (2 * self._chance() - 1))
        return round(1000 * max(jittered, min(asked_seconds or 0.0, LONGEST_RETRY_AFTER)))

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        over = asyncio.Event()
        timer = self._clock.call_later(seconds, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()


def _told(fault: BuilderError) -> str:
    """Return what an attempt's row says of an error: its code, and the sentence that goes with it."""
    return f"{fault.code}: {fault.message}"
