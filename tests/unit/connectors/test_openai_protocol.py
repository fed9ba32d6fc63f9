from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from loopback import DONE, call, end, loopback, sse, status, text, usage

from builder_jupyter.connectors.openai_protocol import OpenAIProtocolModel
from builder_jupyter.errors import ProviderError
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest, Message, ToolCall, ToolSpec, Usage

KEY = "sk-topsecret1"
PROMPT = "the prompt nobody may see"
ASK = ChatRequest([Message("user", PROMPT)])


def model(base_url: str, **kwargs: Any) -> OpenAIProtocolModel:
    return OpenAIProtocolModel("test/m", base_url, KEY, "m", **kwargs)


async def collect(base_url: str, request: ChatRequest = ASK, **kwargs: Any) -> list[ChatChunk]:
    async with aclosing(model(base_url, **kwargs).stream(request)) as chunks:
        return [chunk async for chunk in chunks]


def ask(*replies: Any, request: ChatRequest = ASK, **kwargs: Any) -> list[ChatChunk]:
    async def main() -> list[ChatChunk]:
        async with loopback(*replies) as server:
            return await collect(server.base_url, request, **kwargs)

    return asyncio.run(main())


def refused(*replies: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(*replies)
    error = caught.value
    assert KEY not in f"{error} {error.details}"
    assert PROMPT not in f"{error} {error.details}"
    assert "test/m" in error.message
    return error


def test_text_arrives_in_pieces_then_usage() -> None:
    line_separator = "b\u2028c"
    chunks = ask(sse(b": ping\n\n", text("a"), text(line_separator), end(), usage(3, 2), DONE))
    assert [c.text for c in chunks] == ["a", line_separator, ""]
    assert chunks[-1].usage == Usage("test/m", 3, 2)


def test_request_as_sent() -> None:
    request = ChatRequest(
        [
            Message("system", "s"),
            Message("user", "u", name="start"),
            Message("assistant", "", tool_calls=(ToolCall("c1", "t", {"x": 1}),)),
            Message("tool", "r", tool_call_id="c1"),
        ],
        max_tokens=7,
        tools=[ToolSpec("t", "d", {"x": {"type": "integer", "required": True}})],
    )

    async def main() -> tuple[dict[str, Any], dict[str, str]]:
        async with loopback(sse(text("a"), end(), DONE)) as server:
            await collect(server.base_url, request, defaults={"temperature": 0.4, "max_tokens": 96})
            return server.requests[0], server.headers[0]

    body, headers = asyncio.run(main())
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body["temperature"] == 0.4
    assert body["max_tokens"] == 7
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert body["messages"][1] == {"role": "user", "content": "u"}
    assert body["messages"][2]["tool_calls"][0]["function"] == {"name": "t", "arguments": '{"x": 1}'}
    assert body["messages"][3]["tool_call_id"] == "c1"
    assert body["tools"][0]["function"]["parameters"]["required"] == ["x"]


def test_tool_calls_are_put_together() -> None:
    chunks = ask(
        sse(
            call(0, id="a", name="calculator", arguments='{"expr'),
            call(1, id="b", name="web_search"),
            call(0, arguments='ession": "1+1"}'),
            call(1, arguments="{}"),
            end("tool_calls"),
            usage(1, 1),
            DONE,
        )
    )
    assert chunks[-1].tool_calls == (
        ToolCall("a", "calculator", {"expression": "1+1"}),
        ToolCall("b", "web_search", {}),
    )


@pytest.mark.parametrize(
    ("code", "name", "retryable"),
    [
        (400, "PROVIDER_ERROR", False),
        (401, "PROVIDER_AUTH", False),
        (403, "PROVIDER_AUTH", False),
        (404, "PROVIDER_ERROR", False),
        (408, "PROVIDER_ERROR", True),
        (425, "PROVIDER_ERROR", True),
        (429, "PROVIDER_RATE_LIMITED", True),
        (500, "PROVIDER_ERROR", True),
        (503, "PROVIDER_ERROR", True),
    ],
)
def test_statuses(code: int, name: str, retryable: bool) -> None:
    body = {"error": {"message": f"{KEY} {PROMPT}", "type": "some_reason", "code": code}}
    error = refused(status(code, body))
    assert (error.code, error.retryable) == (name, retryable)
    assert error.details == {"model": "test/m", "status": code, "reason": "some_reason"}


def test_retry_after_in_seconds_and_as_a_date() -> None:
    assert refused(status(429, {}, ["Retry-After: 2.5"])).details["retry_after"] == 2.5
    past = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"
    assert refused(status(503, {}, [past])).details["retry_after"] == 0
    assert "retry_after" not in refused(status(429, {}, ["Retry-After: soon"])).details


def test_key_in_an_identifier_is_not_quoted() -> None:
    assert "reason" not in refused(status(400, {"error": {"code": KEY, "type": PROMPT}})).details


@pytest.mark.parametrize("events", [(text("a"),), (), (text("a"), usage(1, 1))])
def test_cut_stream(events: tuple[Any, ...]) -> None:
    error = refused(sse(*events))
    assert (error.code, error.retryable) == ("PROVIDER_STREAM_CUT", True)


@pytest.mark.parametrize("closing", [(end(),), (DONE,)])
def test_either_mark_ends_a_stream(closing: tuple[Any, ...]) -> None:
    assert ask(sse(text("a"), *closing))[-1].usage == Usage("test/m")


def test_error_in_the_middle_of_a_stream() -> None:
    error = refused(sse(text("a"), {"error": {"code": 429, "message": PROMPT, "type": "busy_now"}}))
    assert (error.code, error.details["reason"]) == ("PROVIDER_RATE_LIMITED", "busy_now")


@pytest.mark.parametrize(
    "events",
    [
        (b"data: {broken\n\n",),
        (b"data: 7\n\n",),
        (call(0, id="a", name="t", arguments="{broken"), end("tool_calls")),
        (call(0, id="a", name="t", arguments="[]"), end("tool_calls")),
    ],
)
def test_unreadable_answers(events: tuple[Any, ...]) -> None:
    assert refused(sse(*events)).code == "PROVIDER_BAD_ANSWER"


def test_nobody_listens() -> None:
    async def main() -> None:
        async with loopback() as server:
            base_url = server.base_url
        await collect(base_url)

    with pytest.raises(ProviderError) as caught:
        asyncio.run(main())
    assert (caught.value.code, caught.value.retryable) == ("PROVIDER_UNREACHABLE", True)


def test_silence_in_the_middle_is_a_cut_stream() -> None:
    with pytest.raises(ProviderError) as caught:
        ask(sse(text("a"), forever=True), idle_seconds=0.05)
    assert caught.value.code == "PROVIDER_STREAM_CUT"


def test_closing_the_generator_hangs_up() -> None:
    async def main() -> None:
        async with loopback(sse(text("a"), forever=True)) as server:
            chunks = model(server.base_url).stream(ASK)
            assert (await anext(chunks)).text == "a"
            await chunks.aclose()
            await asyncio.wait_for(server.hung_up.wait(), 5)

    asyncio.run(main())


def test_cancelling_the_task_hangs_up() -> None:
    async def main() -> None:
        async with loopback(sse(text("a"), forever=True)) as server:
            task = asyncio.create_task(collect(server.base_url))
            await asyncio.wait_for(server.asked.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(server.hung_up.wait(), 5)

    asyncio.run(main())


def test_proxies_of_the_environment_are_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert ask(sse(text("a"), end()))[0].text == "a"


def test_repr_hides_the_key() -> None:
    assert KEY not in repr(model("http://127.0.0.1:1/v1"))


@pytest.mark.parametrize("takes_effort", [True, False])
def test_effort_is_told_to_those_who_can_be_told(*, takes_effort: bool) -> None:
    request = ChatRequest([Message("user", "u")], reasoning_effort="low", verbosity="high")

    async def main() -> dict[str, Any]:
        async with loopback(sse(end(), DONE)) as server:
            await collect(server.base_url, request, takes_effort=takes_effort)
            return server.requests[0]

    sent = asyncio.run(main())
    told = {name: sent[name] for name in ("reasoning_effort", "verbosity") if name in sent}
    assert told == ({"reasoning_effort": "low", "verbosity": "high"} if takes_effort else {})
