from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import pytest

from builder_jupyter.connectors import models
from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.connectors.langchain_models import LangChainModel
from builder_jupyter.connectors.models import ModelHub
from builder_jupyter.errors import NotConfigured

KEYS = [key for provider in models.PROVIDERS for key in provider.keys]
LOCAL = ScriptedModel(name="local/scripted")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)


async def local() -> ScriptedModel:
    return LOCAL


def hub(**kwargs: Any) -> ModelHub:
    return ModelHub(local=local, **kwargs)


@pytest.mark.parametrize("name", [None, "", "local/smollm2-135m-instruct", "local/other"])
def test_local_without_notice(name: str | None) -> None:
    said: list[str] = []
    assert asyncio.run(hub(notice=said.append).get(name)) is LOCAL
    assert said == []


@pytest.mark.parametrize("name", ["gpt-5-mini", "gemini-2.5-flash", "claude-sonnet-4-5", "groq:llama"])
def test_newcomer_without_key_gets_the_local_model_and_is_told_once(name: str) -> None:
    said: list[str] = []
    our = hub(notice=said.append)

    async def main() -> None:
        assert await our.get(name) is LOCAL
        assert await our.get(name) is LOCAL

    asyncio.run(main())
    assert len(said) == 1
    assert name in said[0]
    assert "local/scripted" in said[0]


def test_missing_key_names_the_variable() -> None:
    with pytest.raises(NotConfigured, match="OPENAI_API_KEY"):
        asyncio.run(hub(fall_back_to_local=False).get("openai:gpt-5-mini"))


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "langchain_google_genai" else real(name)
    )
    with pytest.raises(NotConfigured, match=r"pip install 'builder_jupyter\[google\]'"):
        asyncio.run(hub(fall_back_to_local=False).get("gemini-2.5-flash"))


def test_package_of_another_provider() -> None:
    with pytest.raises(NotConfigured, match="not installed") as caught:
        asyncio.run(hub(fall_back_to_local=False).get("groq:llama"))
    assert "langchain_groq" in str(caught.value)


@pytest.mark.parametrize("fall_back", [True, False])
@pytest.mark.parametrize("name", ["no-such-model", "nobody:model"])
def test_unknown_names_are_refused(name: str, fall_back: bool) -> None:
    with pytest.raises(NotConfigured) as caught:
        asyncio.run(hub(fall_back_to_local=fall_back).get(name))
    assert caught.value.code == "UNKNOWN_MODEL"


def test_with_a_key_the_model_is_made_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    our = hub(default_model="gpt-5-mini")

    async def main() -> None:
        model = await our.get("gpt-5-mini")
        assert isinstance(model, LangChainModel)
        assert model.name == "openai:gpt-5-mini"
        assert await our.get(None) is model

    asyncio.run(main())


def test_a_key_that_comes_later_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    our = hub()
    assert asyncio.run(our.get("gpt-5-mini")) is LOCAL
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert asyncio.run(our.get("gpt-5-mini")).name == "openai:gpt-5-mini"


def test_clients_do_not_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    made: list[dict[str, Any]] = []
    real = models._build
    monkeypatch.setattr(models, "_build", lambda name, **s: (made.append(s), real(name, **s))[1])
    asyncio.run(hub().get("gpt-5-mini"))
    assert made == [{"max_retries": 0, "stream_usage": True}]


def test_the_gateway_and_what_canvases_call_google(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "gateway:maker/model"
    monkeypatch.delenv(models.GATEWAY_KEY, raising=False)
    with pytest.raises(NotConfigured, match=models.GATEWAY_KEY):
        asyncio.run(hub(fall_back_to_local=False).get(name))
    monkeypatch.setenv(models.GATEWAY_KEY, "topsecret")
    made: Any = asyncio.run(hub().get(name))
    assert (made.name, made.base_url, made.model) == (name, models.GATEWAY_URL, "maker/model")
    assert "topsecret" not in repr(made)
    assert hub().limits(name) == (f"model:{name}", "provider:gateway")
    assert hub().limits("google:gemini-x") == ("model:google_genai:gemini-x", "provider:google_genai")
