"""What an attempt asks of models and tools, call by call: the rows of a trace.

A record is ``{kind, name, arguments, result, startedAt, ms, usage?, error?}``: ``kind`` is ``model`` or ``tool``,
``startedAt`` epoch milliseconds, ``usage`` tokens, ``error`` ``{message, code}``. Long arguments and results are cut:
the step's messages and result have them whole. Only steps with effects are watched.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from builder_jupyter.errors import BuilderError
from builder_jupyter.graph.model import thaw
from builder_jupyter.graph.templates import as_text
from builder_jupyter.nodes.base import StepContext, Tools
from builder_jupyter.nodes.chat import ChatChunk, ChatModel, ChatModels, ChatRequest, ToolSpec, Usage

MAX_CALLS = 200
MAX_TEXT = 1_000


class Calls:
    """The calls of one attempt, in the order in which they ended.

    Parameters
    ----------
    now : returns epoch milliseconds.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self.made: list[dict[str, Any]] = []
        self.now = now

    def watch(self, context: StepContext) -> None:
        """Have what the step is given note the calls made of it."""
        context.models = _WatchedModels(context.models, self)
        context.tools = _WatchedTools(context.tools, self)

    def note(
        self, kind: str, name: str, began: int, arguments: Any, *, result: str = "", usage: Usage | None = None,
        error: BaseException | None = None,
    ) -> None:  # fmt: skip
        """Take down a call that has ended. What nobody foresaw is told by its type alone."""
        if len(self.made) >= MAX_CALLS:
            return
        record: dict[str, Any] = {
            "kind": kind,
            "name": name,
            "arguments": arguments,
            "result": _short(result) or None,
            "startedAt": began,
            "ms": self.now() - began,
        }
        if usage is not None:
            record["usage"] = {"inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens}
        if isinstance(error, BuilderError):
            record["error"] = {"message": _short(str(error)), "code": error.code}
        elif error is not None:
            record["error"] = {"message": type(error).__name__, "code": "INTERNAL"}
        self.made.append(record)


class _WatchedTools:
    """Tools whose calls are noted."""

    def __init__(self, tools: Tools, calls: Calls) -> None:
        self._tools = tools
        self._calls = calls

    def specs(self) -> Sequence[ToolSpec]:
        return self._tools.specs()

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        began, told = self._calls.now(), _short_value(arguments)
        try:
            value = await self._tools.call(name, arguments)
        except Exception as error:
            self._calls.note("tool", name, began, told, error=error)
            raise
        self._calls.note("tool", name, began, told, result=as_text(value))
        return value


class _WatchedModels:
    """Models whose calls are noted."""

    def __init__(self, models: ChatModels, calls: Calls) -> None:
        self._models = models
        self._calls = calls

    async def get(self, name: str | None) -> ChatModel:
        return _WatchedModel(await self._models.get(name), self._calls)

    def limits(self, name: str | None) -> tuple[str, ...]:
        return self._models.limits(name)


class _WatchedModel:
    """A model whose calls are noted; one that is broken off is not."""

    def __init__(self, model: ChatModel, calls: Calls) -> None:
        self._model = model
        self._calls = calls

    @property
    def name(self) -> str:
        return self._model.name

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        began, text, usage = self._calls.now(), "", None
        settings = {"temperature": request.temperature, "maxTokens": request.max_tokens}
        told: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
        told["messages"] = len(request.messages)
        if request.tools:
            told["tools"] = [spec.name for spec in request.tools]
        try:
            async with aclosing(self._model.stream(request)) as chunks:
                async for chunk in chunks:
                    if len(text) <= MAX_TEXT:
                        text += chunk.text
                    usage = chunk.usage.plus(usage) if chunk.usage else usage
                    yield chunk
        except Exception as error:
            self._calls.note("model", self.name, began, told, result=text, usage=usage, error=error)
            raise
        self._calls.note("model", self.name, began, told, result=text, usage=usage)


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _short_value(value: Any) -> Any:
    """Return a JSON-like value as it is if it is short, else the beginning of its text."""
    plain = thaw(value)
    try:
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):  # a model may have written anything
        return None
    return plain if len(text) <= MAX_TEXT else _short(text)
