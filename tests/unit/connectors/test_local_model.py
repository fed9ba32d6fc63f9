"""The real local model: what it writes is not looked at, how it behaves is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from builder_jupyter.connectors import local_model
from builder_jupyter.connectors.local_model import LocalChatModel, LocalServer, adapted, local_chat_model
from builder_jupyter.connectors.tools import Toolbox, built_in_tools
from builder_jupyter.errors import NotConfigured, ProviderError
from builder_jupyter.nodes.chat import ChatChunk, ChatRequest, Message, ToolCall

if TYPE_CHECKING:
    from pathlib import Path

U, A, S = (lambda text, role=role: Message(role, text) for role in ("user", "assistant", "system"))
TOOLS = Toolbox(built_in_tools()).specs()


async def collect(model: LocalChatModel, request: ChatRequest) -> list[ChatChunk]:
    async with aclosing(model.stream(request)) as chunks:
        return [chunk async for chunk in chunks]


def ask(request: ChatRequest) -> list[ChatChunk]:
    async def main() -> list[ChatChunk]:
        return await collect(await local_chat_model(), request)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([S("s"), U("q")], [S("s"), U("q")]),
        ([U("q"), A("a"), U("r")], [U("q"), A("a"), U("r")]),
        ([U("q"), A("a"), A("b")], [U("q\n\na\n\nb")]),
        ([S("s"), A("a")], [S("s"), U("a")]),
        ([S("s"), S("t"), U("q"), U("r")], [S("s\n\nt"), U("q\n\nr")]),
        (
            [
                U("q"),
                Message("assistant", "", tool_calls=(ToolCall("1", "t", {}),)),
                Message("tool", "42", name="calculator", tool_call_id="1"),
            ],
            [U("q\n\nResult of calculator: 42")],
        ),
        ([], []),
    ],
)
def test_conversations_are_adapted(given: list[Message], sent: list[Message]) -> None:
    assert adapted(given) == sent


def test_answers_in_pieces_with_counts() -> None:
    chunks = ask(ChatRequest([U("Say hello.")], max_tokens=12))
    assert sum(bool(c.text) for c in chunks) > 1
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.model == "local/smollm2-135m-instruct"
    assert usage.input_tokens > 0
    assert 0 < usage.output_tokens <= 12


def test_answers_after_another_node_and_after_a_tool() -> None:
    for last in (A("Paris is a city."), Message("tool", "42", name="calculator", tool_call_id="1")):
        chunks = ask(
            ChatRequest([S("Be brief."), U("Go on."), last], max_tokens=8, tools=TOOLS if last.role == "tool" else ())
        )
        assert "".join(c.text for c in chunks).strip()
        assert chunks[-1].tool_calls == ()


def test_a_choice_of_tools_fits_the_specification() -> None:
    chunks = ask(ChatRequest([U("What is 12*7?")], tools=TOOLS, max_tokens=8))
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.output_tokens > 0
    for call in chunks[-1].tool_calls:
        spec = next(spec for spec in TOOLS if spec.name == call.name)
        assert {name for name, about in spec.parameters.items() if about.get("required")} <= set(call.arguments)


def test_four_at_once_share_one_server() -> None:
    async def main() -> None:
        models = await asyncio.gather(*(local_chat_model() for _ in range(4)))
        assert len({model.inner.base_url for model in models}) == 1
        answers = await asyncio.gather(*(collect(m, ChatRequest([U("Count.")], max_tokens=8)) for m in models))
        assert all(answer[-1].usage for answer in answers)

    asyncio.run(main())


def test_requests_without_the_key_are_refused() -> None:
    async def main() -> None:
        model = await local_chat_model()
        body = {"messages": [{"role": "user", "content": "hi"}]}
        origin = {"Origin": "http://evil.example"}
        async with httpx.AsyncClient(trust_env=False, base_url=model.inner.base_url, headers=origin) as client:
            for headers in ({}, {"Authorization": "Bearer wrong"}):
                answer = await client.post("chat/completions", json=body, headers=headers)
                assert answer.status_code == 401
                assert answer.headers.get("access-control-allow-origin", "") != "http://evil.example"
                assert (await client.get("../slots", headers=headers)).status_code == 401

    asyncio.run(main())


def test_closing_stops_the_generation() -> None:
    async def main() -> None:
        model = await local_chat_model()
        endless = local_model.replace(model.inner, defaults={"ignore_eos": True, "max_tokens": 1500})
        chunks = endless.stream(ChatRequest([U("Tell a very long story.")]))
        await anext(chunks)
        async with Slots(model) as busy:
            assert await busy() == 1
            await chunks.aclose()
            async with asyncio.timeout(8):  # 1500 tokens would take twice as long, on any machine that tests this
                while await busy():
                    pass

    asyncio.run(main())


def test_a_prompt_over_the_context_is_refused_and_not_retried() -> None:
    with pytest.raises(ProviderError) as caught:
        ask(ChatRequest([U("word " * 3000)]))
    assert caught.value.details["reason"] == "exceed_context_size_error"
    assert not caught.value.retryable


def test_quiet_start_stop_and_exit() -> None:
    script = (
        "import asyncio\n"
        "from builder_jupyter.connectors.local_model import *\n"
        "from builder_jupyter.connectors.model_files import ensure_model\n"
        "server = LocalServer(ensure_model())\n"
        "first = server.start(); assert server.start() == first\n"
        "for _ in range(5): server.stop(); server.start()\n"
        "async def main():\n"
        "    model = await local_chat_model()\n"
        "    return [c async for c in model.stream(ChatRequest([Message('user', 'hi')], max_tokens=4))]\n"
        "assert asyncio.run(main())[-1].usage.output_tokens\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"nonsense")
    with pytest.raises(ProviderError, match=r"broken\.gguf") as caught:
        LocalServer(path).start()
    assert caught.value.code == "MODEL_NOT_LOADED"


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(NotConfigured, match=r"pip install 'builder_jupyter\[local\]'"):
        LocalServer(tmp_path / "x.gguf").start()


def test_the_key_is_not_shown(tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "x.gguf")
    assert server.api_key not in repr(server)


class Slots:
    """Counts the answers under way, as llama.cpp reports them."""

    def __init__(self, model: LocalChatModel) -> None:
        headers = {"Authorization": f"Bearer {model.inner.api_key}"}
        self._client = httpx.AsyncClient(
            trust_env=False, base_url=model.inner.base_url.removesuffix("/v1"), headers=headers
        )

    async def __aenter__(self) -> Any:
        async def busy() -> int:
            return sum(slot["is_processing"] for slot in (await self._client.get("slots")).json())

        return busy

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
