"""The services of a running server, over its REST routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from builder_jupyter.client.address import LOOPBACK, authorization, path_of, split_token, unreachable
from builder_jupyter.client.answers import NOT_OURS, error_of, event_batches, json_of, list_of, object_of
from builder_jupyter.client.credits import HttpCredits
from builder_jupyter.client.downloads import CONNECT_SECONDS, download
from builder_jupyter.client.protocol import MAX_PAGE, Wire
from builder_jupyter.client.team import TeamThere
from builder_jupyter.clock import iso_z
from builder_jupyter.errors import Unavailable
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.model import Workflow
from builder_jupyter.portal import Portal

if TYPE_CHECKING:
    from datetime import datetime

    import httpx

    from builder_jupyter.client.team import Team
    from builder_jupyter.client.worker import Worker

ANSWER_SECONDS = 60.0
SILENCE_SECONDS = 60.0  # the server sends a comment long before that
MAX_RECONNECTS = 6  # in a row, with nothing new in between
FIRST_PAUSE_SECONDS = 0.1  # doubled each time: all six take about six seconds
HEADER = "Builder-Worker"


class HttpTransport:
    """A `Transport` to the server at a URL.

    Parameters
    ----------
    url : of the Jupyter server, base URL included; a ``?token=…`` in it is taken as the credential.
    credential : an API key (``builder_…``), a JWT, or else the server's Jupyter token.
    transport : another way for the bytes, for tests.

    Raises
    ------
    InvalidInput : ``INVALID_URL``.
    """

    def __init__(
        self, url: str, credential: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        import httpx

        self._url, token = split_token(url)
        credential = credential or token
        self._http = httpx.AsyncClient(
            base_url=self._url,
            headers=authorization(credential) if credential else {},
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=urlsplit(self._url).hostname not in LOOPBACK,  # a proxy cannot reach our own machine
            transport=transport,
        )
        self._portal = Portal("builder-client")
        self._worker: Worker | None = None
        self._attaching = asyncio.Lock()

    @property
    def portal(self) -> Portal:
        """The loop of the connection."""
        return self._portal

    @property
    def where(self) -> str:
        """The server's address."""
        return self._url

    async def create_workflow(self, workflow: Workflow, message: str | None = None) -> Workflow:
        """Save a new workflow and return it with its id."""
        saved = await self._object("POST", "api/builder/workflows", json=_body(workflow, message))
        return replace(workflow, id=saved["id"])

    async def update_workflow(self, workflow_id: str, workflow: Workflow, message: str | None = None) -> Workflow:
        """Save the next version of a workflow and return it."""
        await self._object("PUT", path_of("api/builder/workflows", workflow_id), json=_body(workflow, message))
        return replace(workflow, id=workflow_id)

    async def list_workflows(self, name: str | None = None, *, limit: int = MAX_PAGE, offset: int = 0) -> list[Wire]:
        """Return summaries, newest change first."""
        params: dict[str, str | int] = {"limit": limit, "offset": offset} | ({} if name is None else {"name": name})
        return list_of(await self._text("GET", "api/builder/workflows", params=params))

    async def get_workflow(self, workflow_id: str, version: int | None = None) -> Workflow:
        """Return the current or a given version."""
        place = () if version is None else ("versions", str(version))
        found = await self._object("GET", path_of("api/builder/workflows", workflow_id, *place))
        return replace(Workflow.from_dict(found), id=workflow_id)

    async def delete_workflow(self, workflow_id: str) -> None:
        """Delete a workflow with all its versions."""
        await self._text("DELETE", path_of("api/builder/workflows", workflow_id))

    async def versions(self, workflow_id: str) -> list[Wire]:
        """Return the history of a workflow, newest version first."""
        return list_of(await self._text("GET", path_of("api/builder/workflows", workflow_id, "versions")))

    async def roll_back(self, workflow_id: str, version: int) -> None:
        """Save a new version with the content of an earlier one."""
        await self._object("POST", path_of("api/builder/workflows", workflow_id, "rollback"), json={"version": version})

    async def publish(self, workflow_id: str, version: int | None = None) -> int:
        """Let the triggers run a version; return which."""
        body = {} if version is None else {"version": version}
        found = await self._object("POST", path_of("api/builder/workflows", workflow_id, "publish"), json=body)
        return int(found["version"])

    async def unpublish(self, workflow_id: str) -> None:
        """Let the triggers run the current version again."""
        await self._object("DELETE", path_of("api/builder/workflows", workflow_id, "publish"))

    async def validate(self, workflow: Workflow) -> Wire:
        """Return ``{"valid", "errors", "warnings"}``, each finding with its ``fixes``."""
        return await self._object("POST", "api/builder/validate", params={"fixes": "true"}, json=workflow.to_dict())

    async def estimate(self, workflow: Workflow, trigger: str | None = None, target: str | None = None) -> Wire:
        """Return what a run would cost."""
        entry = {name: value for name, value in (("trigger", trigger), ("target", target)) if value is not None}
        return await self._object("POST", "api/builder/estimate", params=entry, json=workflow.to_dict())

    async def import_code(self, code: str, layout: str = "hierarchical") -> Wire:
        """Return the workflow of LangGraph code, what is wrong with it, and what was not understood."""
        return await self._object("POST", "api/builder/import", json={"code": code, "layout": layout})

    async def generate(self, workflow: Workflow, options: Mapping[str, bool]) -> Wire:
        """Return the workflow as a LangGraph module."""
        return await self._object("POST", "api/builder/generate", json={**workflow.to_dict(), "options": dict(options)})

    async def start(
        self,
        workflow_id: str,
        inputs: Mapping[str, Any],
        trigger_node: str | None = None,
        *,
        target: str | None = None,
        whole: bool = False,
    ) -> str:
        """Begin an execution and return its id. Without a trigger node, it is looked up in the workflow."""
        if trigger_node is None and target is None and not whole:
            from builder_jupyter.nodes.registry import default_registry
            from builder_jupyter.planning.planner import find_trigger

            trigger_node = find_trigger(await self.get_workflow(workflow_id), registry=default_registry())
        body: Wire = {"canvasId": workflow_id, "inputs": dict(inputs)}
        if not whole:
            body |= {"targetNodeId": target} if target else {"triggerNodeId": trigger_node}
        # By hand: what says the same to api/run within five minutes is the same run.
        headers = {"X-Trigger-Type": "manual", **self._as_worker()}
        started = await self._object("POST", "api/execute/start", json=body, headers=headers)
        return str(started["executionId"])

    async def snapshot(self, execution_id: str) -> Wire:
        """Return the picture of an execution."""
        return await self._object("GET", path_of("api/builder/executions", execution_id))

    async def wait(self, execution_id: str, seconds: float | None = None) -> Wire:
        """Wait for the end of an execution, at most so long: follow its events, ask for nothing in between."""
        picture = await self.snapshot(execution_id)
        if not ExecutionStatus(picture["status"]).is_terminal:
            try:
                async with asyncio.timeout(seconds), aclosing(self.events(execution_id)) as batches:
                    async for _ in batches:
                        continue
            except TimeoutError:
                return await self.snapshot(execution_id)
            picture = await self.snapshot(execution_id)
        return picture

    async def cancel(self, execution_id: str) -> Wire:
        """Stop an execution."""
        return await self._object("POST", path_of("api/builder/executions", execution_id, "cancel"))

    async def complete(self, waitpoint_id: str, answer: Any) -> Wire:
        """Answer a waitpoint."""
        path = path_of("api/builder/waitpoints", waitpoint_id, "complete")
        return await self._object("POST", path, json={"answer": answer})

    async def link(self, execution_id: str, waitpoint_id: str) -> Wire:
        """Return a way for somebody else to answer."""
        path = path_of("api/builder/executions", execution_id, "waitpoints", waitpoint_id, "link")
        return await self._object("POST", path)

    async def replay(
        self,
        execution_id: str,
        *,
        from_step: str | None = None,
        visit: int | None = None,
        inputs: Mapping[str, Any] | None = None,
        edits: Mapping[str, Any] | None = None,
    ) -> str:
        """Run a finished execution again, and return the id of the new one."""
        given = {"fromStepId": from_step, "visit": visit, "inputs": inputs, "edits": edits}
        body = {name: value for name, value in given.items() if value is not None}
        path = path_of("api/builder/executions", execution_id, "replay")
        return str((await self._object("POST", path, json=body, headers=self._as_worker()))["executionId"])

    async def results(self, workflow_id: str) -> dict[str, Wire]:
        """Return by node id how each node of a workflow ended last."""
        answer = await self._object("GET", path_of("api/builder/workflows", workflow_id, "results"))
        found: dict[str, Wire] = answer["results"]
        return found

    async def events(self, execution_id: str, after: int = 0) -> AsyncGenerator[list[Wire], None]:
        """Yield the events with ``seq > after`` until the execution is over; a lost connection is made anew.

        Raises
        ------
        Unavailable : ``CONNECTION_LOST`` when it stays lost.
        """
        import httpx

        failures, is_over = 0, False
        while failures <= MAX_RECONNECTS:
            if failures:
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2 ** (failures - 1))
            failures += 1
            try:
                async with aclosing(self._stream(execution_id, after)) as batches:
                    async for batch in batches:
                        failures = 0
                        after = batch[-1]["seq"]
                        yield batch
                        is_over = is_over or any(
                            e["kind"] == "status" and ExecutionStatus(e["status"]).is_terminal for e in batch
                        )
                if is_over or ExecutionStatus((await self.snapshot(execution_id))["status"]).is_terminal:
                    return
            except (httpx.TransportError, Unavailable):
                if is_over:
                    return
        raise Unavailable(
            f"The connection to {self._url} was lost.",
            code="CONNECTION_LOST",
            hint="The execution goes on there; ask for it again by its id.",
        )

    async def _stream(self, execution_id: str, after: int) -> AsyncGenerator[list[Wire], None]:
        import httpx

        async with self._http.stream(
            "GET",
            path_of("api/builder/executions", execution_id, "events"),
            params={"after": after},
            headers={"Accept": "text/event-stream"},
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        ) as response:
            if not response.is_success:
                body = (await response.aread()).decode(errors="replace")
                raise error_of(response.status_code, body, response.headers)
            async with aclosing(event_batches(response.aiter_lines())) as batches:
                async for batch in batches:
                    if batch:
                        yield batch

    async def history(self, execution_id: str, after: int = 0) -> list[Wire]:
        """Return the events so far."""
        path = path_of("api/builder/executions", execution_id, "events")
        found: list[Wire] = (await self._object("GET", path, params={"after": after}))["events"]
        return found

    async def executions(self, workflow_id: str | None = None, *, limit: int = 50) -> list[Wire]:
        """Return the newest executions in short."""
        params: dict[str, str | int] = {"limit": limit} | ({} if workflow_id is None else {"workflow_id": workflow_id})
        found: list[Wire] = (await self._object("GET", "api/builder/executions", params=params))["executions"]
        return found

    async def list_tools(self) -> list[Wire]:
        """Return the tools that workflows may name."""
        return list_of(await self._text("GET", "api/builder/tools"))

    async def list_resources(self) -> list[Wire]:
        """Return the resources of MCP servers."""
        return list_of(await self._text("GET", "api/builder/resources"))

    async def artefact(self, sha256: str) -> bytes:
        """Return the content of an artefact."""
        return (await self._answer("GET", path_of("api/builder/artefacts", sha256))).content

    async def asset(self, asset_id: str) -> bytes:
        """Return the content of an asset."""
        return (await self._answer("GET", path_of("api/builder/assets", asset_id))).content

    async def attach(self, *, everything: bool = False) -> str:
        """Let this process run the python steps of what it starts."""
        from builder_jupyter.client.worker import Worker

        async with self._attaching:
            worker = self._worker
            # One that takes everything takes what this client starts too: a notebook's own attaching changes nothing.
            if worker is None or not worker.is_attached or (everything and not worker.everything):
                await self.detach()
                url = self._url.replace("http", "ws", 1) + "api/builder/worker"
                credential = {name: value for name, value in self._http.headers.items() if name == "authorization"}
                worker = Worker(url, credential, everything=everything, load=self._load)
                await worker.start()
                self._worker = worker
            await worker.announce()
            return worker.token

    def _load(self, digest: str) -> bytes:
        return self._portal.wait(self.artefact(digest))

    async def detach(self) -> None:
        """Run no more steps here."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()

    @property
    def team(self) -> Team:
        """What can be done with workspaces, members and invites."""
        return TeamThere(lambda method, path, body: self._object(method, path, json=body))

    async def create_key(
        self, name: str, scopes: Sequence[str] | None = None, *, expires_at: datetime | None = None
    ) -> Wire:
        """Make an API key."""
        body: Wire = {"name": name} | ({} if scopes is None else {"scopes": list(scopes)})
        body |= {} if expires_at is None else {"expires_at": iso_z(expires_at)}
        return await self._object("POST", "api/builder/keys", json=body)

    async def list_keys(self) -> list[Wire]:
        """Return the keys without their secrets."""
        found = json_of(await self._text("GET", "api/builder/keys"))
        keys: list[Wire] = found["keys"] if isinstance(found, dict) else found
        return keys

    async def revoke_key(self, key_id: str) -> None:
        """Make a key open nothing."""
        await self._text("DELETE", path_of("api/builder/keys", key_id))

    async def status(self) -> Wire:
        """Return how the server does."""
        return await self._object("GET", "api/builder/status")

    @property
    def credits(self) -> HttpCredits:
        """The way to balances and budgets."""
        return HttpCredits(self._object, partial(download, self._http))

    async def purge(self, *, older_than_seconds: int, dry_run: bool = False) -> Wire:
        """Remove executions that ended so long ago."""
        body = {"olderThanSeconds": older_than_seconds, "dryRun": dry_run}
        return await self._object("POST", "api/builder/purge", json=body, timeout=None)

    async def back_up(self, target: Path) -> None:
        """Fetch a backup of the whole database into a file, which is there only once it is whole."""
        await download(self._http, "POST", "api/builder/backup", target)

    def close(self) -> None:
        """Close the connections."""
        if self._portal.is_open:
            self._portal.wait(self.detach())
            self._portal.wait(self._http.aclose())
            self._portal.close()

    def _as_worker(self) -> dict[str, str]:
        """Return the header that lets what is begun run its code in this process, if it is attached."""
        worker = self._worker
        return {HEADER: worker.token} if worker is not None and worker.is_attached else {}

    async def _object(self, method: str, path: str, **request: Any) -> Wire:
        return object_of(await self._text(method, path, **request))

    async def _text(self, method: str, path: str, **request: Any) -> str:
        return (await self._answer(method, path, **request)).text

    async def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        import httpx

        try:
            response = await self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error
        if response.is_redirect:
            raise Unavailable(f"The server at {self._url} sends us elsewhere.", code="UNEXPECTED_ANSWER", hint=NOT_OURS)
        if not response.is_success:
            raise error_of(response.status_code, response.text, response.headers)
        return response


def _body(workflow: Workflow, message: str | None) -> Wire:
    return workflow.to_dict() | ({} if message is None else {"message": message})
