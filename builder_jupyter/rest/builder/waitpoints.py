"""Waitpoints: list, read, answer, and make links that others answer by (`rest.builder.answers`)."""

from __future__ import annotations

from typing import Any

from jupyter_server.utils import url_path_join
from pydantic import BaseModel

from builder_jupyter.identity.scopes import Scope
from builder_jupyter.rest.builder.answers import AnswerHandler
from builder_jupyter.rest.handler import BuilderFamily
from builder_jupyter.rest.models import Loose, Snapshot
from builder_jupyter.rest.routing import route


class Waitpoint(BaseModel):
    """What a step waits for. ``request`` is what to ask; times are epoch milliseconds."""

    waitpointId: str  # noqa: N815 - the wire's names, here and below
    executionId: str  # noqa: N815
    workflowName: str  # noqa: N815
    stepId: str  # noqa: N815
    visit: int
    kind: str
    state: str
    request: dict[str, Any]
    deadlineAt: int | None  # noqa: N815
    pollAt: int | None  # noqa: N815


class WaitpointList(BaseModel):
    """Open waitpoints."""

    waitpoints: list[Waitpoint]


class CompleteBody(Loose):
    """The answer: any JSON value, ``null`` too."""

    answer: Any


class Completed(Snapshot):
    """The execution that waited. ``counted`` is false when the waitpoint had ended before."""

    counted: bool


class LinkMade(BaseModel):
    """A link that opens one waitpoint while that is open."""

    url: str
    token: str
    expiresAt: int | None  # noqa: N815


class WaitpointsHandler(BuilderFamily):
    """Open waitpoints of the workspace."""

    path = "/api/builder/waitpoints"

    @route(Scope.RUN_WORKFLOWS, answer=WaitpointList)
    async def get(self) -> None:
        """List what the workspace's executions wait for."""
        self.answer({"waitpoints": await self.call(self.runtime.waitpoints.list(self.caller))})


class ExecutionWaitpointsHandler(BuilderFamily):
    """Open waitpoints of one execution."""

    path = "/api/builder/executions/{execution_id}/waitpoints"

    @route(Scope.RUN_WORKFLOWS, answer=WaitpointList)
    async def get(self, execution_id: str) -> None:
        """List what an execution and its child executions wait for."""
        self.answer({"waitpoints": await self.call(self.runtime.waitpoints.list(self.caller, execution_id))})


class WaitpointHandler(BuilderFamily):
    """One waitpoint."""

    path = "/api/builder/waitpoints/{waitpoint_id}"

    @route(Scope.RUN_WORKFLOWS, answer=Waitpoint)
    async def get(self, waitpoint_id: str) -> None:
        """Read a waitpoint, open or ended."""
        self.answer(await self.call(self.runtime.waitpoints.get(self.caller, waitpoint_id)))


class CompleteHandler(BuilderFamily):
    """Answers."""

    path = "/api/builder/waitpoints/{waitpoint_id}/complete"

    @route(Scope.RUN_WORKFLOWS, body=CompleteBody, answer=Completed)
    async def post(self, waitpoint_id: str) -> None:
        """Answer a waitpoint; one that has ended keeps the answer that it got."""
        wanted = await self.model(CompleteBody)
        picture, counted = await self.call(self.runtime.waitpoints.complete(self.caller, waitpoint_id, wanted.answer))
        self.answer(picture | {"counted": counted})


class LinkHandler(BuilderFamily):
    """Links."""

    path = "/api/builder/executions/{execution_id}/waitpoints/{waitpoint_id}/link"

    @route(Scope.RUN_WORKFLOWS, answer=LinkMade)
    async def post(self, execution_id: str, waitpoint_id: str) -> None:
        """Make a link by which somebody without an account answers a waitpoint, once."""
        link = await self.call(self.runtime.waitpoints.link(self.caller, execution_id, waitpoint_id))
        # Under the address by which we were asked: it is the one that is known to lead here.
        here = f"{self.request.protocol}://{self.request.host}"
        path = url_path_join(self.settings["base_url"], AnswerHandler.path.format(token=link.token))
        self.answer({"url": here + path, "token": link.token, "expiresAt": link.expires_at})


HANDLERS = (WaitpointsHandler, ExecutionWaitpointsHandler, WaitpointHandler, CompleteHandler, LinkHandler)
