from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from loopback import DONE, Loopback, call, end, loopback, sse, status, text, usage

from builder_jupyter.connectors.langchain_models import LangChainModel
from builder_jupyter.errors import ProviderError
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest, Message, ToolCall, ToolSpec, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

ASK = ChatRequest([Message("user", "secret prompt")])


def with_server(replies: tuple[Any, ...], use: Callable[[LangChainModel, Loopback], Any]) -> Any:
    """Run against a fresh client: LangChain shares its own between event loops, where it does not work."""
    import httpx2
    from langchain.chat_models import init_chat_model

    async def main() -> Any:
        async with loopback(*replies) as server:
            with httpx2.Client(trust_env=False) as plain:
                async with httpx2.AsyncClient(trust_env=False) as client:

                    def build(**settings: Any) -> Any:
                        return init_chat_model(
                            "openai:m",
                            base_url=server.base_url,
                            api_key="sk-topsecret1",
                            max_retries=0,
                            stream_usage=True,
                            http_client=plain,
                            http_async_client=client,
                            **settings,
                        )

                    return await use(LangChainModel("openai:m", build, reports_end=True), server)

    return asyncio.run(main())


async def collect(model: LangChainModel, request: ChatRequest) -> list[ChatChunk]:
    return [chunk async for chunk in model.stream(request)]


def ask(*replies: Any, request: ChatRequest = ASK) -> list[ChatChunk]:
    async def use(model: LangChainModel, _server: Loopback) -> list[ChatChunk]:
        return await collect(model, request)

    found: list[ChatChunk] = with_server(replies, use)
    return found


def refused(*replies: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(*replies)
    assert "secret" not in f"{caught.value} {caught.value.details}"
    return caught.value


def test_text_and_usage() -> None:
    chunks = ask(sse(text("a"), text("b"), end(), usage(3, 2), DONE))
    assert "".join(c.text for c in chunks) == "ab"
    assert chunks[-1].usage == Usage("openai:m", 3, 2)


def test_messages_tools_and_settings_are_sent() -> None:
    request = ChatRequest(
        [
            Message("system", "s"),
            Message("user", "u"),
            Message("assistant", "", tool_calls=(ToolCall("c1", "t", {"x": 1}),)),
            Message("tool", "r", tool_call_id="c1"),
        ],
        temperature=0.3,
        max_tokens=7,
        tools=[ToolSpec("t", "d", {"x": {"type": "integer", "required": True}})],
    )

    async def use(model: LangChainModel, server: Loopback) -> dict[str, Any]:
        await collect(model, request)
        return server.requests[0]

    body = with_server((sse(text("a"), end(), DONE),), use)
    assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant", "tool"]
    assert body["messages"][3]["tool_call_id"] == "c1"
    assert body["tools"][0]["function"]["name"] == "t"
    assert body["temperature"] == 0.3
    assert body.get("max_completion_tokens", body.get("max_tokens")) == 7


def test_tool_calls() -> None:
    chunks = ask(
        sse(
            call(0, id="a", name="t", arguments='{"x"'),
            call(0, arguments=": 1}"),
            end("tool_calls"),
            usage(1, 1),
            DONE,
        )
    )
    assert chunks[-1].tool_calls == (ToolCall("a", "t", {"x": 1}),)


def test_broken_tool_call() -> None:
    assert refused(sse(call(0, id="a", name="t", arguments="nonsense"), end(), DONE)).code == "PROVIDER_BAD_ANSWER"


@pytest.mark.parametrize(
    ("code", "name", "retryable"),
    [
        (400, "PROVIDER_ERROR", False),
        (401, "PROVIDER_AUTH", False),
        (429, "PROVIDER_RATE_LIMITED", True),
        (500, "PROVIDER_ERROR", True),
    ],
)
def test_statuses_are_tried_once(code: int, name: str, retryable: bool) -> None:
    body = {"error": {"message": "secret prompt, sk-topsecret1", "code": "some_reason"}}
    error = refused(status(code, body, ["Retry-After: 2"]))  # a second request would find no reply
    assert (error.code, error.retryable) == (name, retryable)
    assert error.details["retry_after"] == 2
    assert error.details["reason"] == "some_reason"


def test_cut_stream() -> None:
    error = refused(sse(text("a")))
    assert (error.code, error.retryable) == ("PROVIDER_STREAM_CUT", True)


def test_nobody_listens() -> None:
    async def use(model: LangChainModel, server: Loopback) -> None:
        server.port = 9
        await collect(model, ASK)

    with pytest.raises(ProviderError) as caught:
        with_server((), use)
    assert (caught.value.code, caught.value.retryable) == ("PROVIDER_UNREACHABLE", True)


def test_closing_the_generator_hangs_up() -> None:
    async def use(model: LangChainModel, server: Loopback) -> None:
        chunks = model.stream(ASK)
        assert (await anext(chunks)).text == "a"
        await chunks.aclose()
        await asyncio.wait_for(server.hung_up.wait(), 5)

    with_server((sse(text("a"), forever=True),), use)
