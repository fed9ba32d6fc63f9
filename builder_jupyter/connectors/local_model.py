"""The local model: llama.cpp inside this process, spoken to over loopback.

`LocalServer` runs the weights in C++ threads of our own process; it listens on 127.0.0.1 with a random key,
since every program and every web page on this machine can reach that address. `LocalChatModel` makes up for
what a model of 135 million parameters cannot do by itself.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import secrets
import threading
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder_jupyter.connectors.model_files import MEMBER, Progress, ensure_model
from builder_jupyter.connectors.openai_protocol import OpenAIProtocolModel
from builder_jupyter.errors import NotConfigured, ProviderError
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest, Message, ToolCall, ToolSpec, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

LOCAL_MODEL_NAME = "local/smollm2-135m-instruct"
N_PARALLEL = 4
N_CONTEXT = 8192  # tokens, shared out evenly: 2048 for each parallel answer
DEFAULTS: dict[str, Any] = {"temperature": 0.4, "repeat_penalty": 1.2, "max_tokens": 96}
# No repeat penalty: an argument is mostly copied from the question.
_CHOICE_DEFAULTS: dict[str, Any] = {"temperature": 0.0, "repeat_penalty": 1.0, "max_tokens": 128}
_PROMPT_CACHE_MIB = 64  # llama.cpp's own default would let old prompts take 8 GB
_MAX_THREADS = 4
_QUIET = -1
_START_SECONDS = 60.0


class LocalServer:
    """One llama.cpp server for one GGUF file, started when first needed. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.api_key = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        self._server: Any = None

    def __repr__(self) -> str:
        return f"LocalServer({self.path.name!r}, running={self._server is not None})"

    def start(self) -> str:
        """Load the weights unless that is done, and return the base URL, ending in ``/v1``.

        Blocks for about a third of a second, and the whole process with it: llama.cpp's binding keeps the
        interpreter's lock while it loads, so not even another thread runs. It happens once; a host that minds
        calls this before it serves.

        Raises
        ------
        NotConfigured : the package xllamacpp is not installed.
        ProviderError : ``MODEL_NOT_LOADED`` when llama.cpp refuses the file.
        """
        with self._lock:
            if self._server is None:
                self._server = self._load()
            return f"{self._server.listening_address}/v1"

    def stop(self) -> None:
        """Free the weights and the port. Answers under way are cut off; `start` starts anew."""
        with self._lock:
            self._server = None  # the destructor joins the threads

    def _load(self) -> Any:
        try:
            import xllamacpp
        except ImportError as error:
            raise NotConfigured(
                "The local model needs the package xllamacpp, which is not installed.",
                hint="Run: pip install 'builder_jupyter[local]'",
            ) from error
        params = xllamacpp.CommonParams()
        params.model.path = str(self.path)
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.api_keys = [self.api_key]
        params.cors_origins = ""
        params.ui = False
        params.n_parallel = N_PARALLEL
        params.n_ctx = N_CONTEXT
        params.cache_ram_mib = _PROMPT_CACHE_MIB
        params.warmup = False  # this and the next halve the time to load
        params.fit_params = False
        # llama.cpp's threads spin while they wait for one another. With a thread on every core, anything else
        # that runs makes an answer 10 to 50 times slower (measured on 2 cores); half of them are as fast when
        # idle.
        threads = max(1, min(_MAX_THREADS, (os.cpu_count() or 1) // 2))
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
        params.verbosity = _QUIET
        try:
            server = xllamacpp.Server(params)
        except (RuntimeError, ValueError) as error:
            raise ProviderError(
                f"The file {self.path.name!r} could not be loaded as a language model.",
                code="MODEL_NOT_LOADED",
            ) from error
        self._wait_until_it_works(server.listening_address)
        return server

    def _wait_until_it_works(self, address: str) -> None:
        """Have one question go through the server's queue.

        A server that is freed between listening and working waits for itself for ever, and holds the
        interpreter's lock meanwhile: seen in 4 of 4 series of 25 starts and stops on a busy machine, and in
        none that asked first. ``/slots`` is answered through the queue, ``/health`` is not.
        """
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=_START_SECONDS)
        with closing(connection):
            connection.request("GET", "/slots", headers={"Authorization": f"Bearer {self.api_key}"})
            connection.getresponse().read()


_servers: dict[tuple[int, Path], LocalServer] = {}
_servers_lock = threading.Lock()


def shared_server(path: Path) -> LocalServer:
    """Return this process's only server for a GGUF file; it may not have been started yet.

    The process id is part of the key: after a fork the child has the object but not the threads.
    """
    with _servers_lock:
        return _servers.setdefault((os.getpid(), path.resolve()), LocalServer(path))


async def local_chat_model(progress: Progress | None = None) -> LocalChatModel:
    """Fetch the weights if need be, start the server if need be, and return the local model.

    ``progress`` is called in another thread. Raises what `ensure_model` and `LocalServer.start` raise.
    """
    path = await asyncio.to_thread(ensure_model, progress)
    server = shared_server(path)
    base_url = await asyncio.to_thread(server.start)
    name = LOCAL_MODEL_NAME if path.name == Path(MEMBER).name else f"local/{path.stem.lower()}"
    return LocalChatModel(OpenAIProtocolModel(name, base_url, server.api_key, path.stem, DEFAULTS))


@dataclass(frozen=True, slots=True)
class LocalChatModel:
    """A `ChatModel` that suits a small model: reshaped conversations, tools by a constrained choice."""

    inner: OpenAIProtocolModel

    @property
    def name(self) -> str:
        """The resolved name, e.g. ``local/smollm2-135m-instruct``."""
        return self.inner.name

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Yield the answer: text as it arrives, then tool calls and usage.

        With tools on offer the model first chooses one of them, or none, in an answer that a grammar keeps to
        the form; only with none does it go on to write text. After a tool's result it always writes text, so
        a model that would choose for ever comes to an end. Raises `ProviderError`.
        """
        messages = adapted(request.messages)
        spent: Usage | None = None
        if request.tools and request.messages[-1].role != "tool":
            call, spent = await self._choose(messages, request.tools)
            if call is not None:
                yield ChatChunk(tool_calls=(call,), usage=spent)
                return
        plain = replace(request, messages=messages, tools=())
        async with aclosing(self.inner.stream(plain)) as chunks:
            async for chunk in chunks:
                yield replace(chunk, usage=chunk.usage.plus(spent)) if chunk.usage else chunk

    async def _choose(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec]
    ) -> tuple[ToolCall | None, Usage | None]:
        """Return the tool the model chooses, or None when it chooses none or its choice was cut off."""
        chooser = replace(self.inner, defaults={**DEFAULTS, **_CHOICE_DEFAULTS, "response_format": _choice(tools)})
        asked = ChatRequest(adapted([Message("system", _choice_prompt(tools)), *_without_system(messages)]))
        text, usage = "", None
        async with aclosing(chooser.stream(asked)) as chunks:
            async for chunk in chunks:
                text += chunk.text
                usage = chunk.usage or usage
        try:
            choice = json.loads(text)
        except ValueError:
            return None, usage
        if choice["tool"] == "none":
            return None, usage
        return ToolCall(f"call_{secrets.token_hex(6)}", choice["tool"], choice["arguments"]), usage


def adapted(messages: Sequence[Message]) -> list[Message]:
    """Return a conversation in the form that the local model answers.

    Results of tools become user messages, as its chat template knows no others. A trailing run of assistant
    messages (other nodes wrote them) becomes a user message: llama.cpp would go on writing it instead of
    answering. Messages of one role in a row become one.
    """
    told = [_told(message) for message in messages if message.content or message.role == "tool"]
    last = len(told)
    while last and told[last - 1].role == "assistant":
        last -= 1
    told[last:] = [replace(message, role="user") for message in told[last:]]
    merged: list[Message] = []
    for message in told:
        if merged and merged[-1].role == message.role:
            merged[-1] = Message(message.role, f"{merged[-1].content}\n\n{message.content}")
        else:
            merged.append(message)
    return merged


def _told(message: Message) -> Message:
    if message.role == "tool":
        tool = f" of {message.name}" if message.name else ""
        return Message("user", f"Result{tool}: {message.content}")
    return Message(message.role, message.content)


def _without_system(messages: Sequence[Message]) -> list[Message]:
    return [message for message in messages if message.role != "system"]


def _choice(tools: Sequence[ToolSpec]) -> dict[str, Any]:
    """Return the response format: ``{"tool": name or "none", "arguments": what that tool accepts}``."""
    variants = [
        {
            "type": "object",
            "properties": {"tool": {"const": spec.name}, "arguments": spec.json_schema()},
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        }
        for spec in (ToolSpec("none", "", {}), *(_required_only(tool) for tool in tools))
    ]
    return {"type": "json_schema", "json_schema": {"name": "choice", "schema": {"anyOf": variants}}}


def _required_only(spec: ToolSpec) -> ToolSpec:
    """Leave out what has a default, and refuse empty texts: the model would write just anything."""
    required = {
        name: {**about, "minLength": 1} if about.get("type") == "string" else about
        for name, about in spec.parameters.items()
        if about.get("required")
    }
    return ToolSpec(spec.name, spec.description, required)


def _choice_prompt(tools: Sequence[ToolSpec]) -> str:
    offered = "\n".join(f"- {spec.name}({', '.join(spec.parameters)}): {spec.description}" for spec in tools)
    return f"Choose the tool that the user's message needs, as JSON.\n{offered}\n- none(): anything else"
