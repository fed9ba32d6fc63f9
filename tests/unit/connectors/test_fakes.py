from __future__ import annotations

import asyncio

import pytest

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import NotConfigured, ProviderError
from builder_jupyter.nodes.chat import ChatChunk, ChatReply, ChatRequest, Message, ToolCall, Usage

ASK = ChatRequest([Message("user", "one two")])


async def collect(model: ScriptedModel) -> list[ChatChunk]:
    return [chunk async for chunk in model.stream(ASK)]


def test_answers_in_order_in_chunks_with_usage() -> None:
    calls = (ToolCall("c", "t", {}),)
    model = ScriptedModel(["hello world", ChatReply("", calls, Usage("x", 9, 9))])
    first, second = asyncio.run(collect(model)), asyncio.run(collect(model))
    assert [c.text for c in first] == ["hello", " worl", "d", ""]
    assert first[-1].usage == Usage("scripted", 2, 2)
    assert second == [ChatChunk(tool_calls=calls, usage=Usage("x", 9, 9))]
    assert model.requests == [ASK, ASK]
    assert model.finished == 2
    with pytest.raises(AssertionError, match="one call more"):
        asyncio.run(collect(model))


def test_function_and_failure() -> None:
    echo = ScriptedModel(lambda request: request.messages[-1].content, chunk_size=99)
    assert asyncio.run(collect(echo))[0].text == "one two"
    broken = ScriptedModel([ProviderError("no", retryable=True)])
    with pytest.raises(ProviderError, match="no"):
        asyncio.run(collect(broken))
    assert (broken.finished, broken.closed_early) == (0, 0)


def test_gates_and_early_closing() -> None:
    async def main() -> None:
        model = ScriptedModel(["hello world"] * 3, gate=asyncio.Event(), middle_gate=asyncio.Event())
        waiting = asyncio.create_task(collect(model))
        await model.started.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert model.closed_early == 1
        assert model.gate is not None
        model.gate.set()
        chunks = model.stream(ASK)
        assert (await anext(chunks)).text == "hello"
        await chunks.aclose()
        assert model.closed_early == 2

    asyncio.run(main())


def test_models_by_name() -> None:
    named, default = ScriptedModel(name="n"), ScriptedModel(name="d")
    models = ScriptedModels(default, {"n": named})
    assert asyncio.run(models.get("n")) is named
    assert asyncio.run(models.get("other")) is default
    assert asyncio.run(models.get(None)) is default
    assert models.asked == ["n", "other", None]
    with pytest.raises(NotConfigured):
        asyncio.run(ScriptedModels().get("n"))
