"""A language model behind the OpenAI chat protocol: ``POST {base_url}/chat/completions``, streamed.

One connection per call. Keeping connections would save a handshake, and cost the property that matters here:
closing the generator closes the connection, which is what makes a server stop generating.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from builder_jupyter.connectors import provider_errors
from builder_jupyter.connectors.peers import is_loopback, tls
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest, Message, ToolCall, ToolSpec, Usage

if TYPE_CHECKING:
    import httpx

MAX_LINE_BYTES = 4 * 2**20
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class OpenAIProtocolModel:
    """A `ChatModel` that speaks the OpenAI chat protocol.

    Parameters
    ----------
    name : what usage and messages call it.
    base_url : up to and including ``/v1``.
    api_key : sent as a bearer token; never shown.
    model : what the server calls it.
    defaults : fields of the request body; a request's own temperature and max_tokens go before them.
    idle_seconds : longest wait for the next piece.
    takes_effort : whether ``reasoning_effort`` and ``verbosity`` may be sent.
    """

    name: str
    base_url: str
    api_key: str = field(repr=False)
    model: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    idle_seconds: float = 120.0
    takes_effort: bool = False

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield the answer: text as it arrives, then one chunk with whole tool calls and the usage.

        Raises
        ------
        ProviderError : ``PROVIDER_AUTH``, ``PROVIDER_RATE_LIMITED``, ``PROVIDER_ERROR`` by status;
            ``PROVIDER_UNREACHABLE``; ``PROVIDER_STREAM_CUT``; ``PROVIDER_BAD_ANSWER``.
        """
        client = await asyncio.to_thread(self._client)  # the first call imports httpx for 0.2 s
        import httpx

        answer = _Answer(self.name)
        async with client:
            try:
                async with client.stream("POST", "chat/completions", json=self._body(request)) as response:
                    if response.status_code != httpx.codes.OK:
                        raise await self._refusal(response)
                    async for event in _events(self.name, response.aiter_bytes()):
                        text = answer.take(event)
                        if text:
                            yield ChatChunk(text)
            except httpx.HTTPError as error:
                if answer.begun:
                    raise provider_errors.stream_cut(self.name) from error
                raise provider_errors.unreachable(self.name, error) from error
        yield answer.last_chunk()

    def _client(self) -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(
            base_url=self.base_url,
            headers={"Authorization": f"Bearer {self.api_key}"},
            timeout=httpx.Timeout(self.idle_seconds, connect=_CONNECT_SECONDS),
            verify=tls(trusting=urlsplit(self.base_url).scheme == "https"),
            trust_env=not is_loopback(self.base_url),  # a proxy cannot reach our loopback, and must not see its key
        )

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {**self.defaults}
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if request.max_tokens is not None:
            body["max_tokens"] = request.max_tokens
        if self.takes_effort:
            told = {"reasoning_effort": request.reasoning_effort, "verbosity": request.verbosity}
            body |= {name: value for name, value in told.items() if value is not None}
        if request.tools:
            body["tools"] = [tool_to_wire(spec) for spec in request.tools]
        body["model"] = self.model
        body["messages"] = [message_to_wire(message) for message in request.messages]
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
        return body

    async def _refusal(self, response: httpx.Response) -> Exception:
        try:
            body = json.loads(await response.aread())
        except ValueError:
            body = None
        return provider_errors.status_error(self.name, response.status_code, headers=response.headers, body=body)


@dataclass(slots=True)
class _Answer:
    """What has arrived so far of one answer."""

    name: str
    begun: bool = False
    complete: bool = False
    usage: Usage | None = None
    calls: dict[int, dict[str, str]] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any] | None) -> str:
        """Take one event in (None is ``[DONE]``) and return the text it carries."""
        self.begun = True
        if event is None:
            self.complete = True
            return ""
        if event.get("error"):
            raise self._error(event)
        counted = event.get("usage")
        if counted:
            self.usage = Usage(
                self.name, int(counted.get("prompt_tokens") or 0), int(counted.get("completion_tokens") or 0)
            )
        text = ""
        for choice in event.get("choices") or ():
            delta = choice.get("delta") or {}
            text += delta.get("content") or ""
            for part in delta.get("tool_calls") or ():
                self._take_call(part)
            self.complete = self.complete or bool(choice.get("finish_reason"))
        return text

    def last_chunk(self) -> ChatChunk:
        """Return whole tool calls and the usage, zero where the server did not count."""
        if not self.complete:
            raise provider_errors.stream_cut(self.name)
        calls = tuple(self._whole(index, call) for index, call in sorted(self.calls.items()))
        return ChatChunk(tool_calls=calls, usage=self.usage or Usage(self.name))

    def _take_call(self, part: Mapping[str, Any]) -> None:
        """Put a piece of a tool call to its fellows. ``index`` says which call it belongs to."""
        call = self.calls.setdefault(part.get("index", 0), {"id": "", "name": "", "arguments": ""})
        function = part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""

    def _whole(self, index: int, call: Mapping[str, str]) -> ToolCall:
        try:
            arguments = json.loads(call["arguments"] or "{}")
        except ValueError as error:
            raise provider_errors.bad_answer(self.name, "arguments of a tool call") from error
        if not isinstance(arguments, dict) or not call["name"]:
            raise provider_errors.bad_answer(self.name, "a tool call")
        return ToolCall(call["id"] or f"call_{index}", call["name"], arguments)

    def _error(self, event: Mapping[str, Any]) -> Exception:
        """Translate an error that came in the middle of a stream, where the status was 200 long ago."""
        error = event["error"]
        status = error.get("code") if isinstance(error, Mapping) else None
        status = status if isinstance(status, int) and 400 <= status < 600 else 500
        return provider_errors.status_error(self.name, status, body=event)


async def _events(name: str, pieces: AsyncIterator[bytes]) -> AsyncGenerator[Mapping[str, Any] | None, None]:
    """Yield the events of a server-sent stream; None for ``[DONE]``.

    Lines are split on bytes: httpx's ``aiter_lines`` also splits at U+2028, which servers leave raw inside
    JSON.
    """
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        *lines, rest = buffer.split(b"\n")
        buffer = bytearray(rest)
        if len(buffer) > MAX_LINE_BYTES:
            raise provider_errors.bad_answer(name, "a line")
        for line in lines:
            if not line.startswith(b"data:"):
                continue  # comments keep the connection alive; this protocol names no events
            content = line[5:].strip()
            if content == b"[DONE]":
                yield None
                return
            try:
                event = json.loads(content)
            except ValueError as error:
                raise provider_errors.bad_answer(name, "an event") from error
            if not isinstance(event, dict):
                raise provider_errors.bad_answer(name, "an event")
            yield event


def message_to_wire(message: Message) -> dict[str, Any]:
    """Return a message in the shape of the OpenAI protocol.

    The node that wrote it is left out: ``name`` has rules of its own there, and servers differ in using it.
    """
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": json.dumps(dict(call.arguments), ensure_ascii=False),
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def tool_to_wire(spec: ToolSpec) -> dict[str, Any]:
    """Return a tool in the shape of the OpenAI protocol."""
    return {
        "type": "function",
        "function": {"name": spec.name, "description": spec.description, "parameters": spec.json_schema()},
    }
