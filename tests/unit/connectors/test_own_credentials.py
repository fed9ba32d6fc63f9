"""A workspace's own key is what its models are asked with, over a real client against a server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from loopback import DONE, end, loopback, sse, status, text
from scenes import flow

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.connectors.models import ModelHub
from builder_jupyter.errors import NotConfigured, ProviderError
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.nodes.chat import ChatModels, ChatRequest, Message
from builder_jupyter.services.runtime import Runtime, Settings

ME = local_principal("alice")
OWN, BUILT_IN = "sk-workspace-own-0001", "sk-built-in-0002"
ASK = ChatRequest([Message("user", "hello")])


class Kept:
    """Credentials by workspace and provider."""

    def __init__(self, **found: Mapping[str, str]) -> None:
        self.found = found

    async def credential(self, workspace: str, provider: str) -> Mapping[str, str] | None:
        return self.found.get(provider) if workspace == "ours" else None


async def answer(models: ChatModels, name: str) -> str:
    model = await models.get(name)
    return "".join([chunk.text async for chunk in model.stream(ASK)])


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_proxy")
def test_each_workspace_asks_with_what_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = sse(text("hi"), end("stop"), DONE)

    async def main() -> None:
        async with loopback(*[reply] * 4) as server:
            monkeypatch.setenv("OPENAI_API_KEY", BUILT_IN)
            monkeypatch.setenv("OPENAI_API_BASE", server.base_url)
            kept = Kept(openai={"apiKey": OWN, "organization": "org-7"})
            hub = ModelHub(credentials=kept)
            for workspace in ("ours", "theirs", "ours"):
                assert await answer(hub.within(workspace), "openai:m") == "hi"
            kept.found = {"openai": {"apiKey": OWN + "-new"}}
            assert await answer(hub.within("ours"), "gpt-m") == "hi"
            sent = [headers["authorization"] for headers in server.headers]
            assert sent == [f"Bearer {key}" for key in (OWN, BUILT_IN, OWN, OWN + "-new")]
            assert [headers.get("openai-organization") for headers in server.headers] == ["org-7", None, "org-7", None]

    asyncio.run(main())


@pytest.mark.usefixtures("no_proxy")
def test_a_generic_provider_is_asked_at_its_address() -> None:
    async def main() -> None:
        async with loopback(sse(text("hi"), end("stop"), DONE), status(401, {"error": {"message": OWN}})) as server:
            hub = ModelHub(credentials=Kept(generic={"apiKey": OWN, "baseUrl": server.base_url}))
            assert await answer(hub.within("ours"), "generic:some/model") == "hi"
            assert server.headers[0]["authorization"] == f"Bearer {OWN}"
            assert server.requests[0]["model"] == "some/model"
            assert hub.limits("generic:some/model") == ("model:generic:some/model", "provider:generic")
            with pytest.raises(ProviderError) as refused:
                await answer(hub.within("ours"), "generic:some/model")
            assert OWN not in f"{refused.value} {refused.value.details} {refused.value.hint}"

    asyncio.run(main())


def test_without_a_connection_a_generic_model_is_not_set_up() -> None:
    hub = ModelHub(credentials=Kept(), fall_back_to_local=False)
    with pytest.raises(NotConfigured, match="needs a connection of the workspace's own"):
        asyncio.run(hub.within("ours").get("generic:m"))


def test_whoever_brings_a_key_is_not_put_off_with_the_local_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    async def local() -> Any:
        return ScriptedModel(["local"])

    hub = ModelHub(credentials=Kept(openai={"apiKey": OWN}), local=local)
    with pytest.raises(NotConfigured, match="needs a package"):
        asyncio.run(hub.within("ours").get("openai:m"))
    assert asyncio.run(hub.within("theirs").get("openai:m")).name == "scripted"
    assert asyncio.run(hub.within("ours").get("local/x")).name == "scripted"


@pytest.mark.usefixtures("no_proxy")
def test_a_run_uses_the_key_of_its_workspace(tmp_path: Path) -> None:
    """From the service that keeps the key to the request that a provider gets, and nowhere else."""

    async def main() -> None:
        async with loopback(sse(text("hi"), end("stop"), DONE)) as server:
            settings = Settings(tmp_path, provider_addresses=[server.base_url])
            runtime = await asyncio.to_thread(Runtime, settings)
            try:
                ask = runtime.portal.ask
                payload = {"apiKey": OWN, "baseUrl": server.base_url}
                about: dict[str, Any] = {"provider": "generic", "display_name": "x", "payload": payload}
                await ask(runtime.integrations.upsert(ME, workspace="default", **about))
                workflow = flow("start>agent>end", agent={"prompt": "Be brief", "model": "generic:m"})
                saved = await ask(runtime.workflows.create(ME, workflow))
                begun = await ask(runtime.executions.start(ME, saved.id, inputs={"message": "hello"}))
                picture = await ask(runtime.executions.wait(ME, begun.execution_id, seconds=60))
                assert picture["status"] == "completed", picture["error"]
                history = await ask(runtime.executions.history(ME, begun.execution_id))
            finally:
                await asyncio.to_thread(runtime.stop)
            assert server.headers[0]["authorization"] == f"Bearer {OWN}"
            assert "workspace-own" not in repr([picture, history])

    asyncio.run(main())
    assert all(b"workspace-own" not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
