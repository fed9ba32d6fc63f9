"""Models that say what they are told to: for tests, and for the pytest plugin that ships with the package."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from builder_jupyter.errors import NotConfigured
from builder_jupyter.nodes.chat import ChatChunk, ChatReply, ChatRequest, Usage

Answer = str | ChatReply | BaseException
Script = Sequence[Answer] | Callable[[ChatRequest], Answer]


@dataclass(slots=True)
class ScriptedModel:
    """A `ChatModel` whose answers are written down beforehand.

    Parameters
    ----------
    script : answers in the order of the calls, or a function of the request. An exception is raised instead
        of an answer; a `ChatReply` also has tool calls and usage. When the list is used up, `AssertionError`.
    chunk_size : characters in a piece of text.
    usage : counted for each answer that brings none of its own; by default one token for each word.
    gate : waited for before the first piece; ``started`` is set just before.
    middle_gate : waited for after the first piece.

    Attributes
    ----------
    requests : what was asked, in order.
    started : set when a call has begun.
    finished, closed_early : numbers of answers that were read to the end, and that were closed or cancelled
        before.
    """

    script: Script = ()
    name: str = "scripted"
    chunk_size: int = 5
    usage: Usage | None = None
    gate: asyncio.Event | None = None
    middle_gate: asyncio.Event | None = None
    requests: list[ChatRequest] = field(default_factory=list, init=False)
    started: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    finished: int = field(default=0, init=False)
    closed_early: int = field(default=0, init=False)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield the next answer in pieces, then its tool calls and usage."""
        answer = self._next(request)
        self.started.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
            if isinstance(answer, BaseException):
                raise answer
            reply = answer if isinstance(answer, ChatReply) else ChatReply(answer, usage=self._count(request, answer))
            for start in range(0, len(reply.text), self.chunk_size):
                yield ChatChunk(reply.text[start : start + self.chunk_size])
                if start == 0 and self.middle_gate is not None:
                    await self.middle_gate.wait()
            yield ChatChunk(tool_calls=reply.tool_calls, usage=reply.usage)
        except (GeneratorExit, asyncio.CancelledError):
            self.closed_early += 1
            raise
        self.finished += 1

    def _next(self, request: ChatRequest) -> Answer:
        self.requests.append(request)
        if callable(self.script):
            return self.script(request)
        if len(self.requests) > len(self.script):
            raise AssertionError(f"the script of {self.name!r} has {len(self.script)} answers; this is one call more")
        return self.script[len(self.requests) - 1]

    def _count(self, request: ChatRequest, answer: str) -> Usage:
        if self.usage is not None:
            return self.usage
        asked = sum(len(message.content.split()) for message in request.messages)
        return Usage(self.name, asked, len(answer.split()))


@dataclass(slots=True)
class ScriptedModels:
    """`ChatModels` that gives out scripted models.

    Parameters
    ----------
    default : the model of every name that ``named`` lacks; None refuses such names with `NotConfigured`.
    named : models by name.

    Attributes
    ----------
    asked : the names asked for, in order.
    """

    default: ScriptedModel | None = None
    named: Mapping[str, ScriptedModel] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list, init=False)

    async def get(self, name: str | None) -> ScriptedModel:
        """Return the model of that name, or the default."""
        self.asked.append(name)
        found = self.named.get(name, self.default) if name is not None else self.default
        if found is None:
            raise NotConfigured(f"No scripted model is named {name!r}.")
        return found

    def limits(self, name: str | None) -> tuple[str, ...]:
        """Return the limits of a model by its name, all of one provider."""
        return f"model:{name or 'default'}", "provider:scripted"
