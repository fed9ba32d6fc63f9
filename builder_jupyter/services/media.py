"""What steps that make or take media are given: providers on one side, the workspace's assets on the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol

from builder_jupyter.errors import BuilderError, OutputInvalid, StepError
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.status import StepStatus
from builder_jupyter.execution.waitpoints import WaitKind
from builder_jupyter.nodes.media import Action, Done, Job, MediaFile, MediaModel, MediaRequest, Pending, Wanted
from builder_jupyter.nodes.media_types import MAX_BYTES, canonical, check, guess, kind_of
from builder_jupyter.nodes.stored_media import asset_url
from builder_jupyter.services.assets import AssetService, port_value

log = logging.getLogger(__name__)

CANCEL_SECONDS = 30.0
MAKES: Mapping[Action, str] = {
    Action.IMAGE: "image",
    Action.VIDEO: "video",
    Action.SPEECH: "audio",
    Action.VOICE: "audio",
    Action.SFX: "audio",
}
"""The kind of file that each action makes."""

_ASSETS = asset_url("")


class Providers(Protocol):
    """Finds models; `connectors.media_hub.MediaHub`."""

    async def get(self, wanted: Wanted, workspace: str) -> tuple[Wanted, MediaModel]:
        """Return the model, and what was wanted with the names that were chosen."""
        ...


class MediaService:
    """`nodes.media.Media` for real.

    Parameters
    ----------
    fetch : returns what lies at a public address, of at most so many bytes, and its Content-Type.
    read_data_url : returns the content and the type of a ``data:`` address.
    """

    def __init__(
        self,
        providers: Providers,
        assets: AssetService,
        fetch: Callable[[str, int], Awaitable[tuple[bytes, str]]],
        read_data_url: Callable[[str], tuple[bytes, str]],
    ) -> None:
        self._providers = providers
        self._assets = assets
        self._fetch = fetch
        self._read_data_url = read_data_url
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    async def submit(self, wanted: Wanted, request: MediaRequest, *, workspace: str) -> Done | Job:
        """Have it made, or begun. One that is cancelled meanwhile tells the provider, as soon as it has an id."""
        chosen, model = await self._providers.get(wanted, workspace)
        task = self._spawn(model.submit(request))
        try:
            outcome = await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: self._begun_in_vain(model, done))
            raise
        return _job(chosen, outcome)

    async def poll(self, job: Job, *, workspace: str) -> Done | Job:
        """Look whether it is done."""
        chosen, model = await self._of(job, workspace)
        return _job(chosen, await model.poll(job.external_id))

    async def keep(
        self, file: MediaFile, action: Action, *, workspace: str, canvas_id: str, key: str
    ) -> dict[str, Any]:
        """Keep what was made as an asset."""
        try:
            _require(check(file.content, file.mime_type), MAKES[action])
            about = await self._assets.keep(
                workspace, file.content, file.mime_type, stem=str(action), canvas_id=canvas_id, key=key
            )
        except BuilderError as error:
            raise OutputInvalid(
                f"What was made cannot be kept: {error.message}", code="OUTPUT_NOT_MEDIA", retryable=True
            ) from error
        return port_value(about)

    async def load(self, value: Mapping[str, Any], kind: str, *, workspace: str) -> MediaFile:
        """Return the file behind the value of a port."""
        url = value.get("url")
        asset_id = value.get("assetId") or _asset_of(url)
        declared = str(value.get("mimeType") or "")
        try:
            if isinstance(asset_id, str):
                asset, content = await self._assets.load(workspace, asset_id)
                declared = asset.mime_type
            elif isinstance(url, str) and url.startswith("data:"):
                content, told = self._read_data_url(url)
                declared = declared or told
            elif isinstance(url, str) and url.startswith("https://"):
                content, told = await self._fetch(url, MAX_BYTES[kind])
                declared = told
            else:
                raise StepError(f"Where the {kind} is, is not said.", code="MEDIA_UNREADABLE")
            found = guess(content) or canonical(declared)
            _require(check(content, found), kind)
        except StepError:
            raise
        except (BuilderError, ValueError) as error:
            message = error.message if isinstance(error, BuilderError) else f"{error}."
            raise StepError(f"The {kind} cannot be read: {message}", code="MEDIA_UNREADABLE") from error
        return MediaFile(content, found)

    def over(self, run: Run) -> None:
        """Tell providers of the work that nobody waits for any more, now that a run is over."""
        for visit in run.state.visits.values():
            waiting = visit.waitpoint
            if waiting is None or visit.status not in {StepStatus.SKIPPED, StepStatus.ERROR}:
                continue
            if waiting.waits_for == WaitKind.PROVIDER_POLL and "externalId" in waiting.request:
                self._spawn(self._let_go(Job.from_dict(waiting.request), run.state.admitted.workspace))

    async def close(self) -> None:
        """Stop what is under way. Work that a step waits for goes on at the provider, for the next start."""
        self._is_closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _of(self, job: Job, workspace: str) -> tuple[Wanted, MediaModel]:
        return await self._providers.get(Wanted(job.action, job.provider, job.model), workspace)

    def _begun_in_vain(self, model: MediaModel, done: asyncio.Task[Done | Pending]) -> None:
        if done.cancelled() or done.exception() is not None or self._is_closed:
            return
        outcome = done.result()
        if isinstance(outcome, Pending):
            log.info("work was begun that nobody waits for; the provider is told")
            self._spawn(_stopped(model, outcome.external_id))

    async def _let_go(self, job: Job, workspace: str) -> None:
        try:
            _, model = await self._of(job, workspace)
        except BuilderError as error:
            log.warning("%s cannot be told that its work is not wanted any more: %s", job.provider, error.code)
        else:
            await _stopped(model, job.external_id)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _stopped(model: MediaModel, external_id: str) -> None:
    try:
        async with asyncio.timeout(CANCEL_SECONDS):
            await model.cancel(external_id)
    except (BuilderError, TimeoutError) as error:
        log.warning("%s could not be told that its work is not wanted any more (%s)", model.name, type(error).__name__)


def _job(chosen: Wanted, outcome: Done | Pending) -> Done | Job:
    if isinstance(outcome, Done):
        return outcome
    return Job(chosen.action, chosen.provider or "", chosen.model or "", outcome.external_id)


def _asset_of(url: Any) -> str | None:
    return url.removeprefix(_ASSETS) if isinstance(url, str) and url.startswith(_ASSETS) else None


def _require(mime_type: str, kind: str) -> None:
    """Let a file of a kind through; a picture that moves is a film, too."""
    if kind_of(mime_type) != kind and (kind, mime_type) != ("video", "image/gif"):
        raise StepError(f"A file of the type {mime_type} is no {kind}.", code="MEDIA_UNREADABLE")
