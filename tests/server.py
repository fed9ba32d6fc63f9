"""A real Jupyter server with the extension, and what tests need to talk to it. A pytest plugin.

The server lies at ``/``. Modules that care about base URLs replace the fixture `jp_base_url` by one with `BASE_URLS`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tornado.httpclient import HTTPResponse

    from builder_jupyter.connectors.fakes import ScriptedModel
    from builder_jupyter.nodes.chat import ChatModels
    from builder_jupyter.rest.app import BuilderApp
    from builder_jupyter.services.runtime import Runtime

Call = Callable[..., Awaitable["Answer"]]

# A hub's prefix may hold escapes, and they must survive in patterns and links.
BASE_URLS = {"root": "/", "prefix": "/a%40b/pre%20fix/"}

START_AGENT_END: dict[str, Any] = {
    "nodes": [
        {"id": "start", "type": "start", "position": {"x": 100, "y": 100}},
        {
            "id": "agent",
            "type": "agent",
            "position": {"x": 300, "y": 100},
            "data": {"name": "Support", "prompt": "You are helpful"},
        },
        {"id": "end", "type": "end", "position": {"x": 500, "y": 100}},
    ],
    "edges": [
        {"id": "e1", "source": "start", "target": "agent"},
        {"id": "e2", "source": "agent", "target": "end"},
    ],
}

CANVAS: dict[str, Any] = {
    "dialect": "direct",
    "nodes": [
        {"clientId": "topic", "type": "prompt-trigger", "data": {"inputKey": "topic"}},
        {"clientId": "writer", "type": "text-gen", "data": {}},
    ],
    "edges": [{"source": "topic", "target": "writer", "sourcePort": "text-out", "targetPort": "prompt-in"}],
}


class Answer:
    """A response, read."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.code
        self.headers = response.headers
        self.body: bytes = response.body or b""
        self.text = self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def cookies(self) -> dict[str, str]:
        """What the answer asks a browser to keep."""
        pairs = (line.partition(";")[0].partition("=") for line in self.headers.get_list("Set-Cookie"))
        return {name: value for name, _, value in pairs if value}


@pytest.fixture
def scripted() -> ScriptedModel:
    """The model behind every name."""
    from builder_jupyter.connectors.fakes import ScriptedModel

    return ScriptedModel(lambda request: f"About: {request.messages[-1].content}")


@pytest.fixture
def models(scripted: ScriptedModel) -> ChatModels | None:
    """What the server's runtime asks for models; None leaves it the real ones."""
    from builder_jupyter.connectors.fakes import ScriptedModels

    return ScriptedModels(scripted)


@pytest.fixture
def jp_base_url() -> str:
    return "/"


@pytest.fixture
def server_settings() -> dict[str, Any]:
    """More traits of the server."""
    return {}


@pytest.fixture
def builder_settings() -> dict[str, Any]:
    """More traits of our extension."""
    return {}


@pytest.fixture
def jp_server_config(
    tmp_path: Any,
    models: ChatModels | None,
    server_settings: dict[str, Any],
    builder_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    if models is not None:
        monkeypatch.setattr("builder_jupyter.services.runtime.ModelHub", lambda **_: models)
    return {
        "ServerApp": {"jpserver_extensions": {"builder_jupyter": True}, **server_settings},
        # Tests ask more often than callers of a shared server may; those of the limits say so.
        "BuilderApp": {"data_dir": str(tmp_path / "data"), "rate_limits": "off", **builder_settings},
    }


@pytest.fixture
def builder_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What the package logs; with a server about it goes into the server's log and no further."""
    logger = logging.getLogger("builder_jupyter")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


@pytest.fixture
def extension(jp_serverapp: Any) -> BuilderApp:
    return jp_serverapp.extension_manager.extension_points["builder_jupyter"].app


@pytest.fixture
def runtime(extension: BuilderApp) -> Runtime:
    return extension.require_runtime()


@pytest.fixture
def make_key(runtime: Runtime) -> Callable[..., str]:
    """Make a key of alice's; without scopes it has the default ones."""
    from builder_jupyter.identity.principal import local_principal

    def make(*scopes: str) -> str:
        work = runtime.keys.create(local_principal("alice"), "test", scopes or None)
        return runtime.portal.wait(work)[1]

    return make


@pytest.fixture
def full_key(make_key: Callable[..., str]) -> str:
    from builder_jupyter.identity.scopes import Scope

    return make_key(*Scope)


@pytest.fixture
def foreign_key(runtime: Runtime) -> str:
    """A key that may do everything, in another workspace."""
    from dataclasses import replace

    from builder_jupyter.identity.principal import local_principal
    from builder_jupyter.identity.scopes import Scope

    mallory = replace(local_principal("mallory"), workspace="elsewhere")
    return runtime.portal.wait(runtime.keys.create(mallory, "test", Scope))[1]


@pytest.fixture
def server_url(jp_serverapp: Any, http_server: Any, http_server_port: Any) -> str:
    """Where the server is, without a slash at the end."""
    return f"http://127.0.0.1:{http_server_port[1]}{jp_serverapp.base_url.rstrip('/')}"


@pytest.fixture
def call(server_url: str) -> Call:
    """Send a request exactly as given: no credential is added."""
    from tornado.httpclient import AsyncHTTPClient
    from tornado.httputil import url_concat

    async def send(
        method: str, path: str, *, key: str | None = None, body: Any = None, raw: bytes | None = None,
        headers: dict[str, str] | None = None, **query: Any,
    ) -> Answer:  # fmt: skip
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        response = await AsyncHTTPClient().fetch(
            url_concat(server_url + path, query), method=method, headers=sent, body=data, raise_error=False,
            allow_nonstandard_methods=True, request_timeout=30, follow_redirects=False,
        )  # fmt: skip
        return Answer(response)

    return send


@pytest.fixture
def save(call: Call, full_key: str) -> Callable[..., Awaitable[str]]:
    """Save a workflow and return its id."""

    async def create(graph: dict[str, Any] = START_AGENT_END, **fields: Any) -> str:
        answer = await call("POST", "/api/builder/workflows", key=full_key, body={"name": "Test", **graph, **fields})
        assert answer.status == 201, answer.text
        return answer.json["id"]

    return create
