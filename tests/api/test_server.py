"""The extension as a guest of its server: two servers on one folder, what kernels inherit, and the OpenAPI document."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from media_peer import PNG
from openapi_spec_validator import OpenAPIV31SpecValidator
from server import CANVAS, START_AGENT_END, Answer, Call
from tornado.httpclient import AsyncHTTPClient

from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.rest.app import HANDLERS, BuilderApp
from builder_jupyter.rest.routing import routes_of
from builder_jupyter.services.runtime import Runtime, Settings

ENVIRONMENT = ("BUILDER_JUPYTER_URL", "BUILDER_JUPYTER_KEY")


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Runtime]:
    """Another server's runtime, first on the folder that ours is to use."""
    with Runtime(Settings(tmp_path / "data")) as runtime:
        yield runtime


async def test_the_second_server_on_a_folder(
    owner: Runtime, call: Call, extension: BuilderApp, *, jp_auth_header: dict[str, str], tmp_path: Path
) -> None:
    assert extension.runtime is None
    health = await call("GET", "/api/builder/health")
    assert (health.status, health.json) == (503, {"status": "unhealthy", "version": "1.0.0"})

    builder = await call("GET", "/api/builder/workflows", headers=jp_auth_header)
    assert builder.status == 503
    assert (builder.json["error"], builder.json["code"]) == ("unavailable", "STORE_LOCKED")
    assert str(os.getpid()) in builder.json["message"], "who holds it"
    assert "data_dir" in builder.json["message"], "what to do about it"
    direct = await call("GET", "/api/canvases", headers=jp_auth_header)
    assert (direct.status, direct.json["code"]) == (503, "store_locked")
    assert str(tmp_path / "data") in direct.json["error"]

    # Nobody can check a key now; whoever sent it learns no more than that.
    keyed = await call("GET", "/api/builder/workflows", key="builder_whatever")
    assert (keyed.status, keyed.json["code"]) == (503, "STORE_LOCKED")
    assert str(tmp_path) not in keyed.text
    assert (await call("GET", "/api/builder/workflows")).status == 401

    # Jupyter itself is fine, and so is the document, which needs no database.
    assert (await call("GET", "/api/status", headers=jp_auth_header)).status == 200
    assert (await call("GET", "/api/builder/openapi.json")).status == 200


async def test_a_store_that_takes_no_more(call: Call, runtime: Runtime, full_key: str) -> None:
    runtime.database.failure = "the disk is full"
    health = await call("GET", "/api/builder/health")
    assert (health.status, health.json["status"]) == (503, "unhealthy")
    saved = await call("POST", "/api/builder/workflows", key=full_key, body={"name": "x", **START_AGENT_END})
    assert (saved.status, saved.json["code"]) == (503, "STORE_FAILED")


async def test_status(
    call: Call,
    runtime: Runtime,
    save: Callable[..., Awaitable[str]],
    full_key: str,
    foreign_key: str,
    *,
    jp_auth_header: dict[str, str],
    tmp_path: Path,
) -> None:
    human = [*START_AGENT_END["nodes"][:1], {"id": "agent", "type": "human"}, *START_AGENT_END["nodes"][2:]]
    run = {"canvasId": await save(nodes=human), "triggerNodeId": "start"}
    assert (await call("POST", "/api/run", key=full_key, body=run)).status == 202
    async with asyncio.timeout(30):
        while runtime.executions.waiting != 1:
            await asyncio.sleep(0)
    path = "/api/builder/status"
    owner = (await call("GET", path, headers=jp_auth_header)).json
    assert owner == {
        "version": version("builder_jupyter"),
        "resumed": 0,
        "active": 1,
        "waiting": 1,
        "failure": None,
        "dataDir": str(tmp_path / "data"),
    }
    assert (await call("GET", path, key=full_key)).json == owner | {"dataDir": None}
    assert (await call("GET", path, key=foreign_key)).json == owner | {"dataDir": None, "active": 0, "waiting": 0}
    runtime.database.failure = f"no room left in {tmp_path}"
    assert str(tmp_path) in (await call("GET", path, headers=jp_auth_header)).json["failure"]
    hidden = await call("GET", path, key=full_key)
    assert hidden.json["failure"]
    assert str(tmp_path) not in hidden.text


async def test_kernels_inherit_a_way_in(
    jp_serverapp: Any, extension: BuilderApp, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    # A real server calls this once it listens; the test's server listens elsewhere than it believes.
    port = int(server_url.split(":")[2].split("/", maxsplit=1)[0])
    jp_serverapp.port, jp_serverapp.ip = port, "127.0.0.1"
    await extension._start_jupyter_server_extension(jp_serverapp)
    url, key = (os.environ[name] for name in ENVIRONMENT)
    assert url == server_url.rstrip("/") + "/"
    headers = {"Authorization": f"Bearer {key}"}
    for path in ("api/builder/workflows", "api/canvases", "api/verify-key"):
        response = await AsyncHTTPClient().fetch(f"{url}{path}", headers=headers)
        assert response.code == 200
    # It is in no list and in no table: it ends with the process.
    listed = await AsyncHTTPClient().fetch(f"{url}api/builder/keys", headers=headers)
    assert json.loads(listed.body) == {"keys": []}
    lock = json.loads((Path(extension.data_dir) / "lock").read_text())
    assert lock == {"pid": os.getpid(), "url": url}
    await extension.stop_extension()
    assert [os.environ.get(name) for name in ENVIRONMENT] == [None, None]
    assert key not in (Path(extension.data_dir) / "lock").read_text()


async def test_stopping_leaves_the_key_of_another_server(
    jp_serverapp: Any, extension: BuilderApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, "")
    await extension._start_jupyter_server_extension(jp_serverapp)
    monkeypatch.setenv(ENVIRONMENT[0], "http://elsewhere/")
    await extension.stop_extension()
    assert os.environ[ENVIRONMENT[0]] == "http://elsewhere/"
    assert ENVIRONMENT[1] not in os.environ


async def test_activity(
    call: Call,
    full_key: str,
    extension: BuilderApp,
    jp_serverapp: Any,
    *,
    save: Callable[..., Awaitable[str]],
    scripted: ScriptedModel,
    runtime: Runtime,
) -> None:
    """An idle culler sees calls with keys, which Jupyter does not count, and runs that need the server."""
    times = jp_serverapp.web_app.settings["last_activity_times"]

    async def begin(**graph: Any) -> str:
        run = {"canvasId": await save(**graph), "triggerNodeId": "start"}
        return (await call("POST", "/api/run", key=full_key, body=run)).json["executionId"]

    assert extension.current_activity() is None
    human = [*START_AGENT_END["nodes"][:1], {"id": "agent", "type": "human"}, *START_AGENT_END["nodes"][2:]]
    waiting = await begin(nodes=human)
    assert "builder_jupyter" in times, "a call with a key"
    async with asyncio.timeout(30):
        while runtime.executions.waiting != 1:
            await asyncio.sleep(0)
    assert extension.current_activity() is None, "whoever is to answer may be on holiday"
    times.clear()
    extension._note_executions()
    assert times == {}

    scripted.gate = asyncio.Event()
    running = await begin()
    assert extension.current_activity() == {"executions": 1}
    times.clear()
    extension._note_executions()
    assert "builder_jupyter" in times
    runtime.portal.loop.call_soon_threadsafe(scripted.gate.set)
    for execution_id in (running, waiting):
        path = f"/api/builder/executions/{execution_id}/cancel"
        assert (await call("POST", path, key=full_key)).status == 200
    assert extension.current_activity() is None


# -- the document ---------------------------------------------------------------------------------------------------


@pytest.fixture
def fetch_document(call: Call) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def fetch() -> dict[str, Any]:
        return (await call("GET", "/api/builder/openapi.json")).json

    return fetch


async def test_document(fetch_document: Callable[[], Awaitable[dict[str, Any]]], extension: BuilderApp) -> None:
    document = await fetch_document()
    OpenAPIV31SpecValidator(document).validate()
    assert document["servers"] == [{"url": "/"}]
    declared = {(handler.path, verb) for handler in HANDLERS for verb, _ in routes_of(handler)}
    described = {(path, verb) for path, operations in document["paths"].items() for verb in operations}
    assert described == declared
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)
    assert all(operation["summary"] for path in document["paths"].values() for operation in path.values())


def check(document: dict[str, Any], method: str, path: str, answer: Answer) -> None:
    """Hold an answer to what the document says of its status."""
    responses = document["paths"][path][method.lower()]["responses"]
    response = responses[str(answer.status)]
    schema = {**response["content"]["application/json"]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json)


async def test_answers_are_as_described(
    fetch_document: Callable[[], Awaitable[dict[str, Any]]], call: Call, full_key: str, jp_auth_header: dict[str, str]
) -> None:
    document = await fetch_document()
    seen: set[tuple[str, str]] = set()

    async def ask(method: str, path: str, *, status: int, body: Any = None, **parts: Any) -> Any:
        query = {name: value for name, value in parts.items() if f"{{{name}}}" not in path}
        headers = {"X-Trigger-Type": "manual"}
        answer = await call(method, path.format(**parts), key=full_key, body=body, headers=headers, **query)
        assert answer.status == status, answer.text
        check(document, method, path, answer)
        seen.add((method, path))
        return answer.json

    one = "/api/builder/workflows/{workflow_id}"
    await ask("GET", "/api/builder/health", status=200)
    await ask("GET", "/api/builder/status", status=200)
    await ask("GET", "/api/builder/callback-secret", status=200)
    await ask("POST", "/api/builder/callback-secret", status=200)
    saved = await ask("POST", "/api/builder/workflows", status=201, body={"name": "x", **CANVAS})
    canvas = saved["id"]
    await ask("POST", "/api/builder/workflows", status=400, body=[])
    await ask("POST", "/api/builder/workflows", status=422, body={"name": "x", **START_AGENT_END, "edges": []})
    await ask("GET", "/api/builder/workflows", status=200)
    await ask("GET", one, status=200, workflow_id=canvas)
    await ask("GET", one, status=404, workflow_id="wf_0")
    await ask("PUT", one, status=200, workflow_id=canvas, body={"name": "y"})
    await ask("GET", one + "/versions", status=200, workflow_id=canvas)
    await ask("GET", one + "/versions/{version}", status=200, workflow_id=canvas, version=1)
    await ask("GET", one + "/versions/{version}", status=404, workflow_id=canvas, version=9)
    difference = one + "/versions/{version}/diff"
    await ask("GET", difference, status=200, workflow_id=canvas, version=2)
    await ask("GET", difference, status=404, workflow_id=canvas, version=9)
    await ask("POST", one + "/rollback", status=200, workflow_id=canvas, body={"version": 1})
    await ask("POST", one + "/publish", status=200, workflow_id=canvas, body={})
    await ask("DELETE", one + "/publish", status=200, workflow_id=canvas)
    await ask("GET", "/api/builder", status=200)
    made = await call(
        "POST", "/api/builder/assets", key=full_key, raw=PNG, headers={"Content-Type": "image/png"}, fileName="a"
    )
    check(document, "POST", "/api/builder/assets", made)
    seen.add(("POST", "/api/builder/assets"))
    await ask("GET", "/api/builder/assets", status=200)
    await ask("DELETE", "/api/builder/assets/{asset_id}", status=200, asset_id=made.json["id"])
    await ask("DELETE", "/api/builder/assets/{asset_id}", status=404, asset_id=made.json["id"])
    await ask("GET", "/api/builder/node-types", status=200)
    await ask("GET", "/api/builder/templates", status=200)
    await ask("GET", "/api/builder/templates/{template_id}", status=200, template_id="simple_agent")
    await ask("GET", "/api/builder/templates/{template_id}", status=404, template_id="no_such")
    await ask("POST", "/api/builder/validate", status=200, body=START_AGENT_END | {"edges": []})
    await ask("POST", "/api/builder/estimate", status=200, body=START_AGENT_END)
    await ask("POST", "/api/builder/estimate", status=400, body=START_AGENT_END | {"nodes": []})
    await ask("POST", "/api/builder/generate", status=200, body=START_AGENT_END)
    await ask("POST", "/api/builder/generate", status=422, body=START_AGENT_END | {"edges": []})
    await ask("POST", "/api/builder/import", status=200, body={"code": "x = 1"})
    await ask("POST", "/api/builder/import", status=400, body={"code": "x ="})
    await ask("POST", "/api/builder/edits", status=200, body={"workflow": START_AGENT_END})
    await ask("POST", "/api/builder/edits", status=400, body={"workflow": START_AGENT_END, "changes": [{}]})
    await ask("GET", "/api/builder/catalogue", status=200)
    run = {"canvasId": canvas, "triggerNodeId": "topic", "inputs": {"topic": "x"}}
    await ask("POST", "/api/run", status=202, body=run)
    execution_id = (await ask("POST", "/api/run", status=200, body=run | {"sync": True}))["executionId"]
    await ask("POST", "/api/run", status=400, body=run | {"sync": 1})
    await ask("GET", "/api/executions", status=200, executionId=execution_id)
    await ask("GET", "/api/executions", status=404, executionId="exec_0")
    await ask("GET", "/api/canvases", status=200)
    await ask("GET", "/api/verify-key", status=200)
    await ask("GET", "/api/builder/executions", status=200)
    for path in ("", "/events"):
        await ask("GET", "/api/builder/executions/{execution_id}" + path, status=200, execution_id=execution_id)
    cancel = "/api/builder/executions/{execution_id}/cancel"
    await ask("POST", cancel, status=200, execution_id=execution_id)
    await ask("GET", "/api/builder/workflows/{workflow_id}/results", status=200, workflow_id=canvas)
    for name in ("credits/balance", "credits/transactions", "billing/summary"):
        await ask("GET", f"/api/mcp/{name}", status=200)
    await ask("GET", "/api/mcp/credits/transactions", status=400, limit=0)
    january = {"from": "2026-01-01", "to": "2026-02-01"}
    await ask("GET", "/api/billing/focus-metadata", status=200, **january)
    for path in ("/api/billing/focus-export", "/api/billing/focus-metadata"):
        await ask("GET", path, status=400, **january | {"to": "2028-01-01"})
        await ask("GET", path, status=403, **january, workspaceId="elsewhere")
    await ask("GET", "/api/builder/budget", status=200)
    await ask("PUT", "/api/builder/budget", status=200, body={"creditsPerMonth": 0})
    await ask("POST", "/api/run", status=402, body=run | {"idempotencyKey": "another"})
    await ask("PUT", "/api/builder/budget", status=200, body={"creditsPerMonth": None})
    await ask("PUT", "/api/builder/budget", status=400, body={})
    bob = {"workflow_id": canvas, "subject": "user:bob"}
    await ask("PUT", one + "/grants/{subject}", status=200, body={"permissions": ["view"]}, **bob)
    await ask("PUT", one + "/grants/{subject}", status=400, body={"permissions": []}, **bob)
    await ask("GET", one + "/grants", status=200, workflow_id=canvas)
    await ask("DELETE", one + "/grants/{subject}", status=200, **bob)
    replay = "/api/builder/executions/{execution_id}/replay"
    await ask("POST", replay, status=202, execution_id=execution_id, body={"fromStepId": "writer"})
    await ask("POST", replay, status=404, execution_id=execution_id, body={"fromStepId": "nobody"})
    event = {"clientId": "event", "type": "webhook-trigger"}
    events = await ask(
        "POST",
        "/api/builder/workflows",
        status=201,
        body={"name": "e", "dialect": "direct", "nodes": [event], "edges": []},
    )
    endpoint = {"canvasId": events["id"], "triggerNodeId": "event"}
    made = await ask("POST", "/api/mcp/webhooks/register", status=200, body=endpoint)
    await ask("POST", "/api/mcp/webhooks/register", status=404, body=endpoint | {"triggerNodeId": "nobody"})
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        secret = {"X-Webhook-Secret": made["webhookSecret"]}
        arrived = await call(method, "/webhook/trigger", headers=secret)
        assert arrived.status == 202, arrived.text
        check(document, method, "/webhook/trigger", arrived)
        await ask(method, "/webhook/trigger", status=404)
    await ask("GET", "/api/builder/webhooks", status=200)
    place = {"workflow_id": events["id"], "node_id": "event"}
    await ask("DELETE", "/api/builder/workflows/{workflow_id}/webhooks/{node_id}", status=200, **place)
    await ask("DELETE", "/api/builder/workflows/{workflow_id}/webhooks/{node_id}", status=404, **place)
    human = {"nodes": [{"id": "s", "type": "start"}, {"id": "h", "type": "human"}, {"id": "e", "type": "end"}]}
    human |= {"edges": [{"source": "s", "target": "h"}, {"source": "h", "target": "e"}]}
    asking = await ask("POST", "/api/builder/workflows", status=201, body={"name": "ask", **human})
    started = await ask("POST", "/api/execute/start", status=202, body={"canvasId": asking["id"]})
    waits = {"execution_id": started["executionId"]}
    await ask("GET", "/api/builder/executions/{execution_id}/waitpoints", status=200, **waits)
    waitpoints = (await ask("GET", "/api/builder/waitpoints", status=200))["waitpoints"]
    waits["waitpoint_id"] = waitpoints[0]["waitpointId"]
    link = await ask(
        "POST", "/api/builder/executions/{execution_id}/waitpoints/{waitpoint_id}/link", status=200, **waits
    )
    one = "/api/builder/waitpoints/{waitpoint_id}"
    await ask("GET", one, status=200, waitpoint_id=waits["waitpoint_id"])
    await ask("POST", "/api/builder/answer/{token}", status=200, token=link["token"], body={"answer": "yes"})
    await ask("GET", one, status=200, waitpoint_id=waits["waitpoint_id"])
    await ask("POST", one + "/complete", status=200, waitpoint_id=waits["waitpoint_id"], body={"answer": "no"})
    await ask("POST", one + "/complete", status=404, waitpoint_id="wp_0", body={"answer": "no"})
    await ask("POST", "/api/execute/worker", status=403)
    call_tool = "/api/mcp/tools/{tool_name}"
    await ask("POST", call_tool, status=200, tool_name="list_canvases", body={})
    await ask("POST", call_tool, status=404, tool_name="no_such", body={})
    await ask("POST", call_tool, status=400, tool_name="list_canvases", body={"nonsense": 1})
    await ask("GET", "/.well-known/oauth-protected-resource", status=200)
    await ask("GET", "/.well-known/oauth-protected-resource/api/mcp", status=200)
    servers = "/api/builder/mcp-servers"
    tea = {"slug": "tea", "tools": [{"name": "write", "canvasId": canvas, "triggerNodeId": "topic"}]}
    await ask("POST", servers, status=201, body=tea)
    await ask("POST", servers, status=409, body=tea)
    await ask("POST", servers, status=400, body=tea | {"slug": "No"})
    await ask("GET", servers, status=200)
    await ask("GET", servers + "/{slug}", status=200, slug="tea")
    await ask("PUT", servers + "/{slug}", status=200, slug="tea", body=tea | {"auth": "public"})
    opener = await ask("POST", servers + "/{slug}/keys", status=201, slug="tea", body={"name": "x"})
    await ask("GET", servers + "/{slug}/keys", status=200, slug="tea")
    await ask("DELETE", servers + "/{slug}/keys/{key_id}", status=200, slug="tea", key_id=opener["id"])
    await ask("DELETE", servers + "/{slug}", status=200, slug="tea")
    await ask("GET", servers + "/{slug}", status=404, slug="tea")
    key = await ask("POST", "/api/builder/keys", status=201, body={"name": "x"})
    await ask("GET", "/api/builder/keys", status=200)
    await ask("GET", "/api/builder/tools", status=200)
    await ask("GET", "/api/builder/workspaces", status=200)
    await ask("POST", "/api/builder/workspaces", status=403, body={"name": "a key belongs to one"})
    here, home = "/api/builder/workspaces/{workspace_id}", {"workspace_id": "default"}
    await ask("GET", here, status=200, **home)
    await ask("GET", here, status=404, workspace_id="ws_0")
    await ask("PUT", here, status=200, body={"name": "Home"}, **home)
    await ask("DELETE", here, status=403, **home)
    await ask("PUT", here + "/members/{name}", status=200, body={"role": "editor"}, name="bob", **home)
    await ask("GET", here + "/members", status=200, **home)
    await ask("DELETE", here + "/members/{name}", status=200, name="bob", **home)
    await ask("DELETE", here + "/members/{name}", status=404, name="bob", **home)
    sent = await ask("POST", here + "/invites", status=201, body={"email": "bob@x.org", "role": "viewer"}, **home)
    await ask("GET", here + "/invites", status=200, **home)
    await ask("DELETE", here + "/invites/{invite_id}", status=200, invite_id=sent["id"], **home)
    await ask("GET", "/api/builder/invites", status=200)
    await ask("POST", "/api/builder/invites/{invite_id}/accept", status=404, invite_id=sent["id"])
    connections = "/api/integrations/provider-connections"
    about = {"workspaceId": "default", "provider": "fal", "displayName": "f", "credentialPayload": {"apiKey": "k"}}
    made = await ask("POST", connections, status=200, body=about)
    await ask("POST", connections, status=400, body=about | {"credentialPayload": {}})
    await ask("GET", connections, status=200)
    await ask("DELETE", connections + "/{connection_id}", status=200, connection_id=made["connectionId"])
    await ask("DELETE", connections + "/{connection_id}", status=404, connection_id="conn_0")
    await ask("GET", "/api/integrations/providers", status=200)
    await ask("PUT", "/api/integrations/providers/{provider}", status=200, body={"mode": "byo-only"}, provider="fal")
    await ask("PUT", "/api/integrations/providers/{provider}", status=404, body={"mode": "auto"}, provider="nobody")
    await ask("GET", "/api/builder/resources", status=200)
    await ask("DELETE", "/api/builder/keys/{key_id}", status=200, key_id=key["id"])
    await ask("DELETE", "/api/builder/workflows/{workflow_id}", status=200, workflow_id=canvas)
    routes = {(verb.upper(), handler.path) for handler in HANDLERS for verb, _ in routes_of(handler)}
    sent = {"olderThanSeconds": 0, "dryRun": True}
    purged = await call("POST", "/api/builder/purge", headers=jp_auth_header, body=sent)
    assert purged.status == 200, purged.text
    check(document, "POST", "/api/builder/purge", purged)
    posted = {
        "/api/builder/credits": ({"credits": 5, "kind": "grant"}, 201),
        "/api/builder/credits/refund": ({"id": execution_id}, 200),
    }
    for path, (body, status) in posted.items():
        answer = await call("POST", path, headers=jp_auth_header, body=body)
        assert answer.status == status, answer.text
        check(document, "POST", path, answer)
    assert routes - seen == {
        ("POST", "/api/builder/purge"),
        *(("POST", path) for path in posted),
        ("POST", "/api/builder/backup"),  # no JSON to look at, here and below
        ("GET", "/builder"),
        ("GET", "/api/builder/openapi.json"),
        ("GET", "/api/builder/executions/{execution_id}/socket"),
        ("GET", "/api/builder/worker"),
        ("GET", "/api/builder/artefacts/{sha256}"),
        ("GET", "/api/builder/assets/{asset_id}"),
        ("GET", "/api/builder/answer/{token}"),
    }


async def test_ill_health_is_described_too(
    fetch_document: Callable[[], Awaitable[dict[str, Any]]], call: Call, runtime: Runtime
) -> None:
    runtime.database.failure = "the disk is full"
    answer = await call("GET", "/api/builder/health")
    assert answer.status == 503
    check(await fetch_document(), "GET", "/api/builder/health", answer)


@pytest.mark.parametrize("builder_settings", [{"limits": {"provider": 2, "model:x": 1}}])
def test_limits_are_set_by_name_beside_the_usual_ones(runtime: Runtime) -> None:
    assert runtime.settings.limits == {"workspace": 256, "provider": 2, "model:x": 1}
