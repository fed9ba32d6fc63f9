"""What the nodes that make media have in common: gather what came in, submit, wait for the provider, keep the result.

Every provider may take its time, so every such node can wait: at a waitpoint ``provider-poll``, which looks by itself
and outlives the process. Source: spec builder-studio §7.6, §8.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from builder_jupyter.errors import NotConfigured, ProviderError, StepError
from builder_jupyter.graph.model import Node, PortType, Profile
from builder_jupyter.money import Credits, credits_of
from builder_jupyter.nodes import forms
from builder_jupyter.nodes.base import (
    Answer,
    AnswerKind,
    Effect,
    NodeData,
    NodeType,
    PortValue,
    StepContext,
    StepResult,
    Wait,
)
from builder_jupyter.nodes.chat import ChatModels
from builder_jupyter.nodes.media import Action, Done, Job, Media, MediaFile, MediaRequest, Wanted
from builder_jupyter.nodes.retry import RetryPolicy

PRICES: Mapping[Action, Credits] = {
    Action.IMAGE: credits_of(21),
    Action.VIDEO: credits_of(621),
    Action.SPEECH: credits_of(21),
    Action.VOICE: credits_of(21),
    Action.SFX: credits_of(21),
}
"""Credits by action, whatever the model, the resolution or the length. Source: spec builder-studio §9.1."""

FIRST_LOOK_SECONDS = 5.0
LOOKS_SLOWER_BY = 1.5
LONGEST_PAUSE_SECONDS = 30.0
DEADLINE_SECONDS = 15 * 60.0


def clamped(least: float, most: float) -> Any:
    """Return what makes a number beyond two bounds the nearer of them: such settings are clamped, not refused."""

    def clamp(value: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return min(max(value, least), most) if is_number else value

    return BeforeValidator(clamp)


Part = Annotated[float, clamped(0, 1)]
"""A number from 0 to 1."""


class GenerationData(NodeData):
    """What all of them have. A provider or model that is not named is the server's choice."""

    provider: str | None = Field(
        default=None, title="Provider", description="Who makes it; empty for the one the server is set up with."
    )


class PromptedData(GenerationData):
    """``prompt`` is used when nothing is wired in."""

    prompt: str = Field(
        default="", title="Prompt", description="Used when nothing is wired in.", json_schema_extra=forms.PROMPT
    )


class Generates(NodeType):
    """A node whose step has one file made. Subclasses say what, and from what.

    ``roles`` are the input ports that carry files, each with the role of its files in the request and their kind.
    """

    profiles = frozenset({Profile.DIRECT})
    effect = Effect.WORLD
    retry = RetryPolicy()
    Data: ClassVar[type[GenerationData]] = PromptedData
    action: ClassVar[Action]
    roles: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def own_input(self, node: Node, port: str) -> bool:
        """Say whether ``data.prompt`` stands in for the wire."""
        return port == "prompt-in" and bool(str(node.data.get("prompt") or "").strip())

    def limited_by(self, node: Node, models: ChatModels) -> tuple[str, ...]:
        """Count the node with its provider, or with its kind where the server chooses."""
        del models
        return (f"provider:{node.data.get('provider') or self.action}",)

    async def run(self, context: StepContext) -> StepResult | Wait:
        """Have it made: one attempt to submit, or one look at what a provider has begun."""
        media = context.media
        if media is None:
            raise NotConfigured("Media cannot be made here: this runtime has no providers for them.")
        outcome: Done | Job
        if context.answer is None:
            outcome, polls, asked = await self._submit(context, media), 0, 0.0
        else:
            outcome, polls, asked = await _look(context.answer, media, context.workspace)
        if isinstance(outcome, Job):
            pause = min(FIRST_LOOK_SECONDS * LOOKS_SLOWER_BY**polls, LONGEST_PAUSE_SECONDS)
            return Wait(
                "provider-poll", {**outcome.to_dict(), "polls": polls}, timeout_seconds=DEADLINE_SECONDS,
                poll_seconds=max(pause, asked),
            )  # fmt: skip
        value = await media.keep(
            outcome.file, self.action, workspace=context.workspace, canvas_id=context.workflow_id, key=context.key
        )
        port = self.outputs[0]
        return StepResult(outputs={port.name: PortValue(port.type, value)})

    async def _submit(self, context: StepContext, media: Media) -> Done | Job:
        data = self.Data.model_validate(context.node.data)
        files = {
            role: [await _loaded(media, value, kind, context.workspace) for value in context.ports.get(port, ())]
            for port, (role, kind) in self.roles.items()
        }
        request = MediaRequest(
            self.action,
            prompt=self.prompt_of(data, context),
            files={role: found for role, found in files.items() if found},
            settings=self.settings_of(data),
            key=context.key,
        )
        wanted = Wanted(self.action, data.provider or None, getattr(data, "model", None) or None)
        return await media.submit(wanted, request, workspace=context.workspace)

    def prompt_of(self, data: Any, context: StepContext) -> str:
        """Return what is wired in, else the node's own text. Raises `StepError` (``EMPTY_PROMPT``)."""
        prompt = (context.text_in("prompt-in").strip() or data.prompt).strip()
        if not prompt:
            raise StepError(f"Node {context.node.id!r} has no prompt.", code="EMPTY_PROMPT")
        return str(prompt)

    def settings_of(self, data: Any) -> dict[str, Any]:
        """Return what the node says about how it is to be made, without what it leaves open."""
        known = self.Data.model_fields.keys() - {"prompt", "text", "provider", "model", "audioUrl", "audioBase64"}
        return {name: value for name in sorted(known) if (value := getattr(data, name)) is not None}


async def _look(answer: Answer, media: Media, workspace: str) -> tuple[Done | Job, int, float]:
    """Ask how the work stands; return that, how often it was asked, and the seconds the provider wants to be left.

    Whatever an answer from outside says, the provider itself is asked: whoever can answer could say anything. A look
    that fails for now is no failure of the work.
    """
    job = Job.from_dict(answer.request)
    if answer.kind is AnswerKind.EXPIRED:
        raise StepError(
            f"{job.provider} did not finish in {DEADLINE_SECONDS / 60:.0f} minutes.", code="provider_timeout"
        )
    polls = int(answer.request.get("polls", 0)) + 1
    try:
        return await media.poll(job, workspace=workspace), polls, 0.0
    except ProviderError as error:
        if not error.retryable:
            raise
        asked = error.details.get("retry_after") if isinstance(error.details, Mapping) else None
        return job, polls, float(asked) if isinstance(asked, int | float) else 0.0


async def _loaded(media: Media, value: PortValue, kind: str, workspace: str) -> MediaFile:
    if not isinstance(value.value, Mapping):
        raise StepError(f"What came in is no {kind}.", code="MEDIA_UNREADABLE")
    return await media.load(value.value, kind, workspace=workspace)


MEDIA_KINDS: Mapping[PortType, str] = {PortType.IMAGE: "image", PortType.VIDEO: "video", PortType.AUDIO: "audio"}
"""The kind of file that a port of each type carries."""
