"""Where nodes get their language models from: names resolved to models.

``local/…`` is the model in this process; ``provider:model`` and well-known bare names go through LangChain.
Without a key a newcomer's first workflow shall run all the same: a model whose provider is not set up here is
replaced by the local one, the notice says so, and the usage of the run names the model that really answered.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from builder_jupyter.connectors.langchain_models import LangChainModel
from builder_jupyter.connectors.local_model import LOCAL_MODEL_NAME, local_chat_model
from builder_jupyter.connectors.openai_protocol import OpenAIProtocolModel
from builder_jupyter.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from langchain_core.language_models import BaseChatModel

    from builder_jupyter.nodes.chat import ChatModel, ChatModels


MAX_OWN = 256
"""Models with credentials of workspaces' own that are kept, beside which others are made anew."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What must be there before a provider's models can be used.

    Parameters
    ----------
    name : LangChain's name of it.
    prefixes : of bare model names that are its own.
    package : module to import.
    keys : environment variables of which one holds the API key.
    install : what pip is to install.
    connection : what workspaces call it when they bring a credential of their own.
    """

    name: str
    prefixes: tuple[str, ...]
    package: str
    keys: tuple[str, ...]
    install: str
    connection: str


# LangChain would take a bare gemini name for Vertex AI (with a deprecation warning: that is to change). The
# key that a person can get in a minute is AI Studio's, and our extra installs that package; so gemini means
# google_genai here.
PROVIDERS = (
    Provider(
        "google_genai",
        ("gemini",),
        "langchain_google_genai",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        "'builder_jupyter[google]'",
        "google",
    ),
    Provider(
        "openai",
        ("gpt-", "o1", "o3", "o4", "chatgpt"),
        "langchain_openai",
        ("OPENAI_API_KEY",),
        "'builder_jupyter[openai]'",
        "openai",
    ),
    Provider(
        "anthropic",
        ("claude",),
        "langchain_anthropic",
        ("ANTHROPIC_API_KEY",),
        "langchain langchain-anthropic",
        "anthropic",
    ),
)


ALIASES = {"google": "google_genai"}
"""What canvases call a provider, and what LangChain does."""

GATEWAY = "gateway"
GATEWAY_URL = "https://ai-gateway.vercel.sh/v1"
GATEWAY_KEY = "AI_GATEWAY_API_KEY"
"""Vercel's AI Gateway speaks the OpenAI chat protocol for the models of many providers, ``gateway:maker/model``."""

# Whatever else speaks OpenAI's protocol: there is none but those that workspaces bring.
GENERIC = Provider("generic", (), "langchain_openai", (), "'builder_jupyter[openai]'", "generic")

Credential = Mapping[str, str]
"""A workspace's own credential by field: ``apiKey``, and ``organization`` or ``baseUrl`` where there is one."""


class Credentials(Protocol):
    """Where the credentials of workspaces are; `services.integrations.IntegrationService`."""

    async def credential(self, workspace: str, provider: str) -> Credential | None:
        """Return a workspace's own; None where the server's is to be used. Raises `NotConfigured` when neither is."""
        ...


@runtime_checkable
class WorkspaceModels(Protocol):
    """Models that differ from one workspace to another."""

    def within(self, workspace: str) -> ChatModels:
        """Return the models of a workspace."""
        ...


@dataclass(frozen=True, slots=True)
class _Lack:
    """Why a model cannot be used here, and what to do about it."""

    message: str
    hint: str


class ModelHub:
    """`ChatModels` for real: the local model, and every provider that LangChain knows.

    Parameters
    ----------
    default_model : the name used where a node names none; the local model when this is None.
    fall_back_to_local : use the local model for one whose package or key is missing, instead of refusing it.
    notice : told, once for each such name, in one sentence for people.
    local : returns the local model; tests put another in its place.
    credentials : those of workspaces; without them all use the server's.
    """

    def __init__(
        self,
        *,
        default_model: str | None = None,
        fall_back_to_local: bool = True,
        notice: Callable[[str], None] | None = None,
        local: Callable[[], Awaitable[ChatModel]] = local_chat_model,
        credentials: Credentials | None = None,
    ) -> None:
        self._default = default_model or LOCAL_MODEL_NAME
        self._fall_back_to_local = fall_back_to_local
        self._notice = notice
        self._local = local
        self._credentials = credentials
        self._models: dict[str, ChatModel] = {}
        self._own: dict[tuple[str, str], tuple[Credential, ChatModel]] = {}
        self._noticed: set[str] = set()

    async def get(self, name: str | None) -> ChatModel:
        """Return the model of that name, or the default.

        Any name under ``local/`` is the local model; its ``name`` tells which file that is.

        Raises
        ------
        NotConfigured : ``UNKNOWN_MODEL`` when no provider can be told from the name; without the fall-back
            also when a package or key is missing. The hint says what to install or set.
        """
        name = name or self._default
        if name.startswith("local/"):
            return await self._local()
        if name in self._models:
            return self._models[name]
        found = await asyncio.to_thread(_find, name)  # importing a provider's package takes seconds
        if isinstance(found, _Lack):
            return await self._stand_in(name, found)
        self._models[name] = found
        return found

    def within(self, workspace: str) -> ChatModels:
        """Return the models as a workspace has them: with credentials of its own where it has any."""
        return _Within(self, workspace) if self._credentials is not None else self

    async def own(self, workspace: str, name: str | None) -> ChatModel:
        """Return a model for a workspace. Raises as `get`, and what the workspace's `Credentials` raise."""
        name = name or self._default
        provider = None if name.startswith("local/") else _resolve(name)[0]
        if provider is None or self._credentials is None:
            return await self.get(name)
        credential = await self._credentials.credential(workspace, provider.connection)
        if credential is None:
            return await self.get(name)
        known = self._own.get((workspace, name))
        if known is not None and known[0] == credential:
            return known[1]
        found = await asyncio.to_thread(_find, name, _settings(credential))
        if isinstance(found, _Lack):
            # Whoever brings a key is not put off with another model.
            raise NotConfigured(found.message, hint=found.hint)
        while len(self._own) >= MAX_OWN:
            self._own.pop(next(iter(self._own)))
        self._own[workspace, name] = credential, found
        return found

    def limits(self, name: str | None) -> tuple[str, ...]:
        """Return the limits that count a use of that model."""
        name = name or self._default
        if name.startswith("local/"):
            return f"model:{name}", "provider:local"
        provider, full_name = _resolve(name)
        return f"model:{full_name}", f"provider:{provider.name if provider else full_name.partition(':')[0]}"

    async def _stand_in(self, name: str, lack: _Lack) -> ChatModel:
        """Return the local model in place of another. Not kept: the key may be set in the meantime."""
        if not self._fall_back_to_local:
            raise NotConfigured(lack.message, hint=lack.hint)
        model = await self._local()
        if self._notice is not None and name not in self._noticed:
            self._noticed.add(name)
            self._notice(f"{lack.message} Using the local model {model.name} instead. {lack.hint}")
        return model


class _Within:
    """The models of one workspace."""

    def __init__(self, hub: ModelHub, workspace: str) -> None:
        self._hub = hub
        self._workspace = workspace

    async def get(self, name: str | None) -> ChatModel:
        return await self._hub.own(self._workspace, name)

    def limits(self, name: str | None) -> tuple[str, ...]:
        return self._hub.limits(name)


def _settings(credential: Credential) -> dict[str, Any]:
    """Return a credential as LangChain's constructors take it."""
    names = {"apiKey": "api_key", "organization": "organization", "baseUrl": "base_url"}
    return {names[field]: value for field, value in credential.items()}


def _find(name: str, own: Mapping[str, Any] | None = None) -> LangChainModel | OpenAIProtocolModel | _Lack:
    """Return the model of a name, with a workspace's own credential if there is one; or what it lacks.

    Blocks.
    """
    provider, full_name = _resolve(name)
    if full_name.startswith(f"{GATEWAY}:"):
        return _at_the_gateway(full_name)
    if provider is not None:
        lack = _lack(provider, name, needs_key=own is None)
        if lack is not None:
            return lack
    fixed: dict[str, Any] = {"max_retries": 0, **(own or {})} if provider is not None else {}
    if provider is not None and provider.package == "langchain_openai":
        fixed["stream_usage"] = True  # LangChain leaves it out when another base URL is set
    speaks = f"openai:{full_name.partition(':')[2]}" if provider is GENERIC else full_name
    build = partial(_build, speaks, **fixed)
    lack = _trial(build, name)
    takes_effort = provider is not None and provider.name == "openai"
    return lack or LangChainModel(full_name, build, reports_end=provider is not None, takes_effort=takes_effort)


def _at_the_gateway(name: str) -> OpenAIProtocolModel | _Lack:
    key = os.environ.get(GATEWAY_KEY)
    if not key:
        return _Lack(f"The model {name} needs an API key.", f"Set the environment variable {GATEWAY_KEY}.")
    return OpenAIProtocolModel(name, GATEWAY_URL, key, name.partition(":")[2], takes_effort=True)


def _resolve(name: str) -> tuple[Provider | None, str]:
    """Return the provider, if it is one of ours, and the name as LangChain is to have it."""
    prefix, colon, rest = name.partition(":")
    if colon and prefix in ALIASES:
        prefix = ALIASES[prefix]
        name = f"{prefix}:{rest}"
    for provider in (*PROVIDERS, GENERIC):
        if colon and prefix == provider.name:
            return provider, name
        if not colon and provider.prefixes and name.lower().startswith(provider.prefixes):
            return provider, f"{provider.name}:{name}"
    return None, name


def _lack(provider: Provider, name: str, *, needs_key: bool) -> _Lack | None:
    """Say what is missing for a provider, without importing anything heavy."""
    if any(importlib.util.find_spec(package) is None for package in ("langchain", provider.package)):
        return _Lack(
            f"The model {name} needs a package that is not installed: {provider.package.replace('_', '-')}.",
            f"Run: pip install {provider.install}",
        )
    if needs_key and provider is GENERIC:
        return _Lack(f"The model {name} needs a connection of the workspace's own.", "Connect it in the settings.")
    if needs_key and not any(os.environ.get(key) for key in provider.keys):
        return _Lack(f"The model {name} needs an API key.", f"Set the environment variable {provider.keys[0]}.")
    return None


def _build(full_name: str, **settings: Any) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    model: BaseChatModel = init_chat_model(full_name, **settings)
    return model


def _trial(build: Callable[[], BaseChatModel], name: str) -> _Lack | None:
    """Create the model once, so that what is wrong with it shows now and not in the middle of a run.

    Only providers that are not in `PROVIDERS` get here with something missing: their constructors check the
    settings by pydantic, whose `ValidationError` is a `ValueError`; a plain one means that the name says
    nothing.
    """
    from pydantic import ValidationError

    try:
        build()
    except ImportError as error:
        package = getattr(error.__cause__ or error, "name", None) or "its LangChain package"
        return _Lack(f"The model {name} needs a package that is not installed.", f"Missing: {package}.")
    except ValidationError as error:
        fields = ", ".join(str(fault["loc"][0]) for fault in error.errors(include_input=False) if fault["loc"])
        return _Lack(f"The model {name} is not set up.", f"Missing or wrong: {fields or 'its API key'}.")
    except ValueError as error:
        raise NotConfigured(
            f"No provider is known for the model {name!r}.",
            code="UNKNOWN_MODEL",
            hint="Write it as provider:model, e.g. openai:gpt-5-mini, or use local/smollm2-135m-instruct.",
        ) from error
    return None
