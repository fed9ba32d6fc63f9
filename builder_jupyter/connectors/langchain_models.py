"""Language models of other providers, through LangChain: the same call that generated code makes.

LangChain's clients try again by themselves; that is switched off here, because retries belong to the engine,
which counts, journals and prices each attempt.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from builder_jupyter.connectors import provider_errors
from builder_jupyter.connectors.openai_protocol import tool_to_wire
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest, Message, ToolCall, Usage

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk, BaseMessage

    from builder_jupyter.errors import ProviderError

_FINISH_KEYS = ("finish_reason", "stop_reason", "status")
# Roots of the error trees of provider clients. One whose module is not loaded cannot have been raised.
_ERROR_ROOTS = (
    ("langchain_core.exceptions", "ModelError"),
    ("openai", "OpenAIError"),
    ("anthropic", "AnthropicError"),
    ("google.genai.errors", "APIError"),
    ("httpx", "HTTPError"),
    ("httpx2", "HTTPError"),
)


class LangChainModel:
    """A `ChatModel` over a LangChain chat model.

    Parameters
    ----------
    name : what usage and messages call it, e.g. ``openai:gpt-5-mini``.
    build : returns the LangChain model for settings ``temperature`` and ``max_tokens``, each left out when
        not asked for. They are settings of the constructor, because only there do they have one name for all
        providers.
    reports_end : the provider says why an answer ended. An answer without that was cut off; clients do not
        notice.
    takes_effort : whether ``reasoning_effort`` and ``verbosity`` are settings of the constructor, too.
    """

    def __init__(
        self, name: str, build: Callable[..., BaseChatModel], *, reports_end: bool = False, takes_effort: bool = False
    ) -> None:
        self._name = name
        self._build = lru_cache(maxsize=16)(build)
        self._reports_end = reports_end
        self._takes_effort = takes_effort

    @property
    def name(self) -> str:
        """The resolved name, e.g. ``openai:gpt-5-mini``."""
        return self._name

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield the answer: text as it arrives, then one chunk with tool calls and usage.

        Raises `ProviderError` for what can be recognised; any other exception of a client passes through.
        """
        settings: dict[str, Any] = {"temperature": request.temperature, "max_tokens": request.max_tokens}
        if self._takes_effort:
            settings |= {"reasoning_effort": request.reasoning_effort, "verbosity": request.verbosity}
        given = {key: value for key, value in settings.items() if value is not None}
        model: Any = await asyncio.to_thread(self._build, **given)  # may read certificates
        if request.tools:
            model = model.bind_tools([tool_to_wire(spec) for spec in request.tools])
        answer = _Answer(self.name)
        try:
            async with aclosing(model.astream([to_langchain(message) for message in request.messages])) as chunks:
                async for chunk in chunks:
                    text = answer.take(chunk)
                    if text:
                        yield ChatChunk(text)
        except recognised_errors() as error:
            raise translated(self.name, error, begun=answer.begun) from error
        if self._reports_end and not answer.ended:
            raise provider_errors.stream_cut(self.name)
        yield answer.last_chunk()


class _Answer:
    """What has arrived so far of one answer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun = False
        self.ended = False
        self._input_tokens = 0
        self._output_tokens = 0
        self._calls: AIMessageChunk | None = None

    def take(self, chunk: AIMessageChunk) -> str:
        """Take one chunk in and return the text it carries. Counts come in parts that add up."""
        self.begun = True
        self.ended = self.ended or any(chunk.response_metadata.get(key) for key in _FINISH_KEYS)
        if chunk.usage_metadata:
            self._input_tokens += chunk.usage_metadata["input_tokens"]
            self._output_tokens += chunk.usage_metadata["output_tokens"]
        if chunk.tool_call_chunks:
            self._calls = chunk if self._calls is None else self._calls + chunk
        return str(chunk.text)

    def last_chunk(self) -> ChatChunk:
        """Return whole tool calls and the usage."""
        usage = Usage(self.name, self._input_tokens, self._output_tokens)
        if self._calls is None:
            return ChatChunk(usage=usage)
        if self._calls.invalid_tool_calls:
            raise provider_errors.bad_answer(self.name, "arguments of a tool call")
        calls = tuple(
            ToolCall(call["id"] or f"call_{index}", call["name"], call["args"])
            for index, call in enumerate(self._calls.tool_calls)
        )
        return ChatChunk(tool_calls=calls, usage=usage)


def to_langchain(message: Message) -> BaseMessage:
    """Return a message as LangChain's. The node that wrote it is left out: providers restrict names."""
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    if message.role == "system":
        return SystemMessage(message.content)
    if message.role == "tool":
        return ToolMessage(message.content, tool_call_id=message.tool_call_id or "")
    if message.role == "user":
        return HumanMessage(message.content)
    calls = [{"id": c.id, "name": c.name, "args": dict(c.arguments)} for c in message.tool_calls]
    return AIMessage(message.content, tool_calls=calls)


def recognised_errors() -> tuple[type[Exception], ...]:
    """Return the exception classes that `translated` understands, of the client libraries loaded by now."""
    loaded = ((sys.modules.get(module), name) for module, name in _ERROR_ROOTS)
    return tuple(getattr(module, name) for module, name in loaded if hasattr(module, name))


def translated(model: str, error: Exception, *, begun: bool) -> ProviderError:
    """Return a client's exception in our vocabulary: by its HTTP status, or else as a failure of the network.

    ``begun`` says whether a part of the answer had arrived.
    """
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None) or getattr(error, "code", 0)
    if isinstance(status, int) and status >= 400:
        headers = getattr(response, "headers", None)
        body = getattr(error, "body", None)
        return provider_errors.status_error(
            model, status, headers=headers if isinstance(headers, Mapping) else None, body=body
        )
    if begun:
        return provider_errors.stream_cut(model)
    return provider_errors.unreachable(model, error)
