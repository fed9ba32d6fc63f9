"""Waitpoints that outlive the memory of their execution, and the secret behind links."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from builder_jupyter.clock import ManualClock
from builder_jupyter.connectors.fakes import ScriptedModel, ScriptedModels
from builder_jupyter.errors import NotFound
from builder_jupyter.graph.dialects.plain import parse_plain
from builder_jupyter.graph.model import Workflow
from builder_jupyter.identity.principal import local_principal
from builder_jupyter.services.runtime import Runtime, Settings
from builder_jupyter.storage.secret import FILE

ME = local_principal("alice")


def chain(*middle: dict[str, Any], name: str = "ask") -> Workflow:
    nodes = [{"id": "start", "type": "start"}, *middle, {"id": "end", "type": "end"}]
    edges = [{"source": a["id"], "target": b["id"]} for a, b in pairwise(nodes)]
    return Workflow.from_dict({"name": name, "nodes": nodes, "edges": edges})


WAYS = """\
start
router way
    when a: a
    when b: b
    default: a
agent a
    prompt: x
agent b
    prompt: x
end

start -> way
way -a-> a
way -b-> b
a, b -> end
"""
HUMAN = {"id": "ask", "type": "human", "data": {"prompt": "Well?"}}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_runtime(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., Runtime]]:
    """Open the database, after closing the runtime of before."""
    opened: list[Runtime] = []

    def open_(data_dir: Path | None = tmp_path / "data") -> Runtime:
        close()
        opened.append(
            Runtime(Settings(data_dir), clock=clock, models=ScriptedModels(ScriptedModel(lambda _request: "x")))
        )
        return opened[-1]

    def close() -> None:
        while opened:
            opened.pop().stop()

    yield open_
    close()


def begin(runtime: Runtime, workflow: Workflow) -> tuple[str, str]:
    """Run a workflow until it waits, and return the ids of the execution and of what it waits for."""
    wait = runtime.portal.wait
    saved = wait(runtime.workflows.create(ME, workflow))
    run = wait(runtime.executions.start(ME, saved.id))
    while not (found := wait(runtime.waitpoints.list(ME, run.execution_id))):
        pass
    return run.execution_id, found[0]["waitpointId"]


def test_a_link_outlives_the_server(open_runtime: Callable[..., Runtime], tmp_path: Path) -> None:
    runtime = open_runtime()
    token = runtime.portal.wait(runtime.waitpoints.link(ME, *begin(runtime, chain(HUMAN)))).token
    runtime = open_runtime()
    place = tmp_path / "data" / FILE
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert runtime.portal.wait(runtime.waitpoints.look(token))["request"] == {"prompt": "Well?", "options": []}
    # With another secret it is a link to nothing.
    place.unlink()
    runtime = open_runtime()
    with pytest.raises(NotFound):
        runtime.portal.wait(runtime.waitpoints.look(token))


def test_a_secret_that_was_cut_short_is_made_anew(open_runtime: Callable[..., Runtime], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE).write_bytes(b"short")
    open_runtime()
    assert len((tmp_path / "data" / FILE).read_bytes()) == 32


def test_two_databases_in_memory_do_not_share_links(open_runtime: Callable[..., Runtime]) -> None:
    secrets = {open_runtime(None).waitpoints._secret for _ in range(2)}
    assert len(secrets) == 2


def test_what_ended_long_ago_is_found_in_the_journal(open_runtime: Callable[..., Runtime]) -> None:
    runtime = open_runtime()
    execution, waitpoint = begin(runtime, chain(HUMAN))
    assert runtime.portal.wait(runtime.waitpoints.complete(ME, waitpoint, "yes"))[1]
    runtime.portal.wait(runtime.executions.wait(ME, execution))
    runtime = open_runtime()
    found = runtime.portal.wait(runtime.waitpoints.get(ME, waitpoint))
    assert (found["state"], found["answer"], found["by"]) == ("resolved", "yes", "alice")
    picture, counted = runtime.portal.wait(runtime.waitpoints.complete(ME, waitpoint, "no"))
    assert (picture["executionId"], counted) == (execution, False)


def test_a_child_waits_in_its_parents_name(open_runtime: Callable[..., Runtime]) -> None:
    runtime = open_runtime()
    child = runtime.portal.wait(runtime.workflows.create(ME, chain(HUMAN, name="child")))
    parent, waitpoint = begin(runtime, chain({"id": "sub", "type": "workflow", "data": {"workflow": child.id}}))
    (listed,) = runtime.portal.wait(runtime.waitpoints.list(ME))
    assert listed["waitpointId"] == waitpoint
    assert listed["executionId"] != parent
    link = runtime.portal.wait(runtime.waitpoints.link(ME, parent, waitpoint))
    runtime.portal.wait(runtime.waitpoints.answer(link.token, "yes"))
    picture = runtime.portal.wait(runtime.executions.wait(ME, parent))
    assert picture["status"] == "completed"
    with pytest.raises(NotFound):
        runtime.portal.wait(runtime.waitpoints.answer(link.token, "again"))


def test_a_second_answer_through_the_parent_changes_nothing(open_runtime: Callable[..., Runtime]) -> None:
    runtime = open_runtime()
    wait = runtime.portal.wait
    child = wait(runtime.workflows.create(ME, chain(HUMAN, name="child")))
    parent, waitpoint = begin(runtime, chain({"id": "sub", "type": "workflow", "data": {"workflow": child.id}}))
    stranger, _ = begin(runtime, chain(HUMAN, name="other"))
    assert wait(runtime.executions.answer(ME, parent, waitpoint, "yes"))[1]
    wait(runtime.executions.wait(ME, parent))
    for _ in range(2):  # in memory, and out of the journal
        picture, counted = wait(runtime.executions.answer(ME, parent, waitpoint, "no"))
        assert (picture["executionId"], picture["status"], counted) == (parent, "completed", False)
        with pytest.raises(NotFound):
            wait(runtime.executions.answer(ME, stranger, waitpoint, "no"))
        runtime = open_runtime()
        wait = runtime.portal.wait


def test_results_are_those_of_the_newest_run_that_reached_a_node(
    open_runtime: Callable[..., Runtime], clock: ManualClock
) -> None:
    runtime = open_runtime()
    wait = runtime.portal.wait
    saved = wait(runtime.workflows.create(ME, parse_plain(WAYS, name="ways")))
    assert wait(runtime.results.results(ME, saved.id)) == {}
    ended = {}
    for message in "ab":
        run = wait(runtime.executions.start(ME, saved.id, inputs={"message": message}))
        wait(runtime.executions.wait(ME, run.execution_id))
        ended[message] = run.execution_id
        clock.advance(1)
    for _ in range(2):  # live, and out of the journal
        results = wait(runtime.results.results(ME, saved.id))
        assert {node: one["executionId"] for node, one in results.items()} == {
            "start": ended["b"], "way": ended["b"], "a": ended["a"], "b": ended["b"], "end": ended["b"]
        }  # fmt: skip
        assert {name: results["a"][name] for name in ("status", "text", "offset", "error", "credits")} == {
            "status": "completed", "text": "x", "offset": 0, "error": None, "credits": 1
        }  # fmt: skip
        assert isinstance(results["a"]["at"], int)
        runtime = open_runtime()
        wait = runtime.portal.wait
    assert wait(runtime.workflows.get(ME, saved.id)).version == 1
    with pytest.raises(NotFound):
        wait(runtime.results.results(local_principal("x"), "wf_000000000000"))
