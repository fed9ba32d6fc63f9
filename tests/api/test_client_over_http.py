"""The client's door to a real server: what waits, links, replays, targets.

Blocking calls run beside the server's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tornado.httpclient import AsyncHTTPClient

from builder_jupyter.client.client import Client
from builder_jupyter.client.diff import diff
from builder_jupyter.client.http import HttpTransport
from builder_jupyter.errors import Conflict, InvalidInput, NotFound
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.dialects.plain import parse_plain

FLOW = parse_plain(
    "start\nagent agent\n    prompt: x\nhuman ask\n    prompt: Well?\nend\n\nstart -> agent -> ask -> end\n",
    name="flow",
)


@pytest.fixture
def connect(server_url: str, make_key: Callable[..., str]) -> Iterator[Callable[[], Client]]:
    made: list[Client] = []

    def connect() -> Client:
        made.append(Client(HttpTransport(server_url, make_key("read:canvases", "write:canvas", "run:workflows"))))
        return made[-1]

    yield connect
    for client in made:
        client.close()


async def test_wait_answer_link_and_replay(connect: Callable[[], Client]) -> None:
    def work() -> str:
        client = connect()
        first = client.run(FLOW, "hello", show=False)
        assert first.status is ExecutionStatus.WAITING
        assert first.snapshot["triggerType"] == "manual"
        assert client.executions()["waits_for"].tolist() == ["ask"]
        with pytest.raises(Conflict):
            first.replay()
        (waitpoint,) = first.waitpoints
        assert waitpoint.link() == waitpoint.link()
        assert waitpoint.answer("yes") is True
        assert waitpoint.answer("no") is False
        assert first.wait(show=False).status is ExecutionStatus.COMPLETED
        with pytest.raises(NotFound):
            first.answer("again")

        second = first.replay("ask").wait(show=False)
        assert (second.saved, second.credits) == (1, 0)
        assert diff(first, second).set_index("step").loc["agent", "change"] == "same"
        # The same request twice by hand is two runs.
        assert client.start(FLOW, "hello").id != client.start(FLOW, "hello").id
        assert client.run(FLOW, "x", target="agent", show=False).steps["step"].tolist() == ["start", "agent"]
        assert client.run(FLOW, "x", whole=True, show=False).status is ExecutionStatus.WAITING
        with pytest.raises(NotFound):
            client.start(FLOW, "x", target="nobody")
        with pytest.raises(InvalidInput):
            client.start(FLOW, "x", target="agent", whole=True)
        assert client.import_code("x = 1")["validation"]["valid"] is False
        with pytest.raises(InvalidInput, match="code"):
            client.import_code("def")
        results = client.transport.portal.wait(client.transport.results(client.workflow("flow").id or ""))
        assert (results["agent"]["status"], results["ask"]["executionId"]) == ("completed", first.id)
        return second.waitpoints[0].link()

    link = await asyncio.to_thread(work)
    page = await AsyncHTTPClient().fetch(link)
    assert "Well?" in page.body.decode()


async def test_versions_and_publishing(connect: Callable[[], Client]) -> None:
    def work() -> None:
        client = connect()
        first = client.save(FLOW)
        second = client.save(replace(FLOW, description="new"), "Why")
        assert second.versions()[["version", "message"]].to_numpy().tolist() == [[2, "Why"], [1, "Initial version"]]
        assert second.diff(1).lines == ('~ description: "" -> "new"',)
        assert second.diff().is_empty
        assert second.publish(1) == 1
        assert second.versions()["published"].tolist() == [False, True]
        assert client.save(client.workflow("flow")).versions()["version"].tolist() == [2, 1]
        assert client.save(replace(FLOW, description="new")).versions()["version"].tolist() == [2, 1]
        second.unpublish()
        assert first.rollback(1) == client.workflow("flow", 1)
        assert client.versions("flow")["version"].tolist() == [3, 2, 1]
        with pytest.raises(NotFound) as refused:
            second.rollback(9)
        assert refused.value.code == "VERSION_NOT_FOUND"

    await asyncio.to_thread(work)
