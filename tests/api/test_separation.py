"""Workspaces know nothing of each other: each id of one, on each route that takes one, is unknown to the other.

Made from the table of routes: a route with a parameter that this module does not know fails.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from issuer import hmac_token
from media_peer import PNG
from server import CANVAS, START_AGENT_END, Call
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from builder_jupyter.rest.app import HANDLERS
from builder_jupyter.rest.routing import Access, routes_of
from builder_jupyter.services.runtime import Runtime

Save = Callable[..., Awaitable[str]]
SECRET = "a secret of more than thirty-two bytes, for tests"
HUMAN = {
    "nodes": [START_AGENT_END["nodes"][0], {"id": "agent", "type": "human"}, START_AGENT_END["nodes"][2]],
    "edges": START_AGENT_END["edges"],
}
TOOL = {"name": "ask", "canvasId": "theirs", "triggerNodeId": "start"}
# Parameters that name nothing of a workspace: the server's own templates, and what stands beside an id.
NOBODYS = {
    "template_id": "simple_agent", "version": "1", "subject": "user:bob", "name": "bob", "provider": "fal",
    "tool_name": "list_canvases", "node_id": "start",
}  # fmt: skip
# A body that would be taken, where one is needed for the id to be looked up.
BODIES: dict[str, Any] = {
    "PUT /api/builder/workflows/{workflow_id}": {"name": "theirs"},
    "POST /api/builder/workflows/{workflow_id}/rollback": {"version": 1},
    "POST /api/builder/workflows/{workflow_id}/publish": {"version": 1},
    "PUT /api/builder/workflows/{workflow_id}/grants/{subject}": {"permissions": ["view"]},
    "POST /api/builder/executions/{execution_id}/replay": {},
    "POST /api/builder/waitpoints/{waitpoint_id}/complete": {"answer": "theirs"},
    "PUT /api/builder/mcp-servers/{slug}": {"slug": "ours-tea", "tools": [TOOL]},
    "POST /api/builder/mcp-servers/{slug}/keys": {"name": "theirs"},
}


@pytest.fixture
def ours(call: Call, full_key: str, save: Save, runtime: Runtime) -> Callable[[], Awaitable[dict[str, str]]]:
    """Something of everything that has an id, by the name of its parameter."""

    async def make() -> dict[str, str]:
        canvas = await save(HUMAN, name="Ours", metadata={"tags": ["ours"]})
        await call("POST", f"/api/builder/workflows/{canvas}/publish", key=full_key, body={})
        grant = f"/api/builder/workflows/{canvas}/grants/user:bob"
        await call("PUT", grant, key=full_key, body={"permissions": ["view"]})
        begun = await call("POST", "/api/run", key=full_key, body={"canvasId": canvas, "triggerNodeId": "start"})
        waits: list[Any] = []
        async with asyncio.timeout(30):
            while not waits:
                waits = (await call("GET", "/api/builder/waitpoints", key=full_key)).json["waitpoints"]
        key = await call("POST", "/api/builder/keys", key=full_key, body={"name": "Ours"})
        invite = {"email": "bob@x.org", "role": "viewer"}
        invited = await call("POST", "/api/builder/workspaces/default/invites", key=full_key, body=invite)
        about = {"workspaceId": "default", "provider": "fal", "displayName": "Ours"}
        connection = await call(
            "POST", "/api/integrations/provider-connections", key=full_key,
            body=about | {"credentialPayload": {"apiKey": "ours"}},
        )  # fmt: skip
        picture = await call(
            "POST",
            "/api/builder/assets",
            key=full_key,
            raw=PNG,
            headers={"Content-Type": "image/png"},
            fileName="a.png",
        )  # fmt: skip
        published = {"slug": "ours-tea", "tools": [TOOL | {"canvasId": canvas}]}
        assert (await call("POST", "/api/builder/mcp-servers", key=full_key, body=published)).status == 201
        return {
            "slug": "ours-tea",
            "asset_id": picture.json["id"],
            "workspace_id": "default",
            "invite_id": invited.json["id"],
            "connection_id": connection.json["connectionId"],
            "workflow_id": canvas,
            "execution_id": begun.json["executionId"],
            "waitpoint_id": waits[0]["waitpointId"],
            "key_id": key.json["id"],
            "sha256": runtime.artefacts.put("default", b"ours", starter="alice"),
        }

    return make


async def test_each_id_on_each_route(ours: Any, call: Call, *, full_key: str, foreign_key: str) -> None:
    known = await ours()
    for handler in HANDLERS:
        names = re.findall(r"{(\w+)}", handler.path)
        for verb, about in routes_of(handler):
            if about.access is Access.PUBLIC or not set(names) - set(NOBODYS) or about.stream == "websocket":
                continue
            assert set(names) <= set(NOBODYS | known), f"{handler.path}: how does one make one of these?"
            route = f"{verb.upper()} {handler.path}"
            path = handler.path.format(**NOBODYS | known)
            answer = await call(verb.upper(), path, key=foreign_key, body=BODIES.get(route))
            assert answer.status == 404, (route, answer.text)
            unknown = handler.path.format(**NOBODYS | {name: known[name][:-4] + "0000" for name in known})
            none = await call(verb.upper(), unknown, key=foreign_key, body=BODIES.get(route))
            where = [(path, unknown), *((known[name], known[name][:-4] + "0000") for name in known)]
            said = answer.text
            for theirs, nobodys in where:
                said = said.replace(theirs, nobodys)
            assert (none.status, none.text) == (404, said), route
            if verb == "get":
                assert (await call("GET", path, key=full_key)).status == 200, f"{route}: there is one"
    # Nothing of all that has changed anything.
    mine = await call("GET", f"/api/builder/workflows/{known['workflow_id']}", key=full_key)
    assert (mine.json["name"], mine.headers["Etag"]) == ("Ours", '"1"')
    picture = await call("GET", "/api/executions", key=full_key, executionId=known["execution_id"])
    assert picture.json["status"] == "waiting"


async def test_no_list_names_what_is_ours(ours: Any, call: Call, *, full_key: str, foreign_key: str) -> None:
    known = await ours()
    del known["workspace_id"]  # a word that stands in many texts; test_workspaces_api has lists of workspaces
    listed = set()
    for handler in HANDLERS:
        for verb, about in routes_of(handler):
            if verb == "get" and "{" not in handler.path and about.access is not Access.PUBLIC and not about.stream:
                theirs = await call("GET", handler.path, key=foreign_key)
                assert [name for name, one in known.items() if one in theirs.text] == [], handler.path
                own = await call("GET", handler.path, key=full_key)
                listed |= {name for name, one in known.items() if one in own.text}
    assert listed == set(known) - {"sha256", "invite_id"}, "there was something to be named"


async def test_ids_in_bodies_and_queries(ours: Any, call: Call, *, full_key: str, foreign_key: str) -> None:
    known = await ours()
    canvas, execution = known["workflow_id"], known["execution_id"]
    manual = {"X-Trigger-Type": "manual"}
    asked = [
        await call("POST", "/api/run", key=foreign_key, body={"canvasId": canvas, "triggerNodeId": "start"}),
        await call("POST", "/api/execute/start", key=foreign_key, headers=manual, body={"canvasId": canvas}),
        await call("GET", "/api/executions", key=foreign_key, executionId=execution),
    ]
    assert [answer.status for answer in asked] == [404] * 3
    listed = await call("GET", "/api/builder/executions", key=foreign_key, workflow_id=canvas)
    assert listed.json == {"executions": []}
    # A workflow cannot be made a part of one of theirs, either.
    nodes = [*START_AGENT_END["nodes"]]
    nodes[1] = {"id": "agent", "type": "workflow", "data": {"workflow": canvas}}
    body = {"name": "Theirs", "nodes": nodes, "edges": START_AGENT_END["edges"]}
    theirs = await call("POST", "/api/builder/workflows", key=foreign_key, body=body)
    if theirs.status == 201:
        run = {"canvasId": theirs.json["id"], "triggerNodeId": "start"}
        refused = await call("POST", "/api/run", key=foreign_key, body=run)
        assert refused.status in {400, 404}, refused.text
    else:
        assert theirs.status == 422
    # The execution's id can be nobody's again, and an idempotency key of ours finds nothing there.
    own = (await call("POST", "/api/builder/workflows", key=foreign_key, body={"name": "x", **CANVAS})).json["id"]
    started = {"canvasId": own, "executionId": execution}
    taken = await call("POST", "/api/execute/start", key=foreign_key, headers=manual, body=started)
    assert (taken.status, canvas in taken.text) == (409, False)


async def test_events(ours: Any, server_url: str, *, full_key: str, foreign_key: str) -> None:
    execution = (await ours())["execution_id"]
    url = f"{server_url.replace('http', 'ws', 1)}/api/builder/executions/{execution}/socket"
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(HTTPRequest(url, headers={"Authorization": f"Bearer {foreign_key}"}))
    assert refused.value.code == 404
    mine = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"Bearer {full_key}"}))
    assert await mine.read_message()
    mine.close()


@pytest.mark.parametrize("builder_settings", [{"jwt_secret": SECRET}])
async def test_artefacts_are_for_who_may_follow_a_run_that_has_them(
    call: Call, runtime: Runtime, full_key: str
) -> None:
    digest = runtime.artefacts.put("default", b"bob's", starter="bob")
    people = {
        "bob": ({"sub": "bob"}, 200),
        "carol, of the same workspace": ({"sub": "carol"}, 404),
        "its admin": ({"sub": "dave", "roles": ["admin"]}, 200),
        "bob of another workspace": ({"sub": "bob", "workspace": "elsewhere"}, 404),
        "another workspace's admin": ({"sub": "erin", "roles": ["admin"], "workspace": "elsewhere"}, 404),
    }
    for who, (claims, status) in people.items():
        key = hmac_token(SECRET.encode(), {"exp": 4102444800, **claims})
        assert (await call("GET", f"/api/builder/artefacts/{digest}", key=key)).status == status, who
    assert (await call("GET", f"/api/builder/artefacts/{digest}", key=full_key)).body == b"bob's"
    # Once carol's own run has made the same, it is hers to read as well.
    runtime.artefacts.put("default", b"bob's", starter="carol")
    carol = hmac_token(SECRET.encode(), {"exp": 4102444800, "sub": "carol"})
    assert (await call("GET", f"/api/builder/artefacts/{digest}", key=carol)).status == 200
