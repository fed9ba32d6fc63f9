"""A real Jupyter server with the extension, under a base URL that has a prefix and an escape."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httputil import url_concat

from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.rest.app import BuilderApp
from builder_jupyter.services.runtime import Runtime

Call = Callable[..., Awaitable["Answer"]]


class Answer:
    """A response, read."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.code
        self.headers = response.headers
        self.text = response.body.decode() if response.body else ""

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@pytest.fixture
def scripted() -> ScriptedModel:
    return ScriptedModel(lambda request: f"About: {request.messages[-1].content}")


@pytest.fixture(params=["/", "/a%40b/pre fix/"], ids=["root", "prefix"])
def jp_base_url(request: pytest.FixtureRequest) -> str:
    return request.param.replace(" ", "%20")


@pytest.fixture
def jp_server_config(tmp_path: Any, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr("builder_jupyter.services.runtime.ModelHub", lambda **_: ScriptedModels(scripted))
    return {
        "ServerApp": {"jpserver_extensions": {"builder_jupyter": True}},
        "BuilderApp": {"data_dir": str(tmp_path / "data")},
    }


@pytest.fixture
def extension(jp_serverapp: Any) -> BuilderApp:
    return jp_serverapp.extension_manager.extension_points["builder_jupyter"].app


@pytest.fixture
def runtime(extension: BuilderApp) -> Runtime:
    return extension.require_runtime()


@pytest.fixture
def make_key(runtime: Runtime) -> Callable[..., str]:
    def make(*scopes: str) -> str:
        work = runtime.keys.create(local_principal("alice"), "test", scopes or None)
        return runtime.portal.wait(work)[1]

    return make


@pytest.fixture
def full_key(make_key: Callable[..., str]) -> str:
    from builder_jupyter.identity.scopes import Scope

    return make_key(*Scope)


@pytest.fixture
def call(jp_serverapp: Any, http_server: Any, http_server_port: Any) -> Call:
    """Send a request exactly as given: no credential is added."""

    async def send(
        method: str, path: str, *, key: str | None = None, body: Any = None, raw: bytes | None = None,
        headers: dict[str, str] | None = None, **query: Any,
    ) -> Answer:  # fmt: skip
        url = f"http://127.0.0.1:{http_server_port[1]}{jp_serverapp.base_url.rstrip('/')}{path}"
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        response = await AsyncHTTPClient().fetch(
            url_concat(url, query), method=method, headers=sent, body=data, raise_error=False,
            allow_nonstandard_methods=True, request_timeout=30, follow_redirects=False,
        )  # fmt: skip
        return Answer(response)

    return send
