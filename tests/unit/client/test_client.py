from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from builder_jupyter.client.client import Client
from builder_jupyter.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    ProviderError,
    StepError,
    Unavailable,
    Unprocessable,
)
from builder_jupyter.execution.status import ExecutionStatus, StepStatus
from builder_jupyter.graph.model import Workflow, freeze

AGENT = {"id": "agent", "type": "agent", "data": {"name": "Ada", "prompt": "Be kind."}}
HUMAN = {"id": "ask", "type": "human", "data": {"name": "Ask", "prompt": "Well?"}}


def test_status(client: Client, support: Workflow) -> None:
    client.run(support, message="hi", show=False)
    about = client.status()
    assert {name: about[name] for name in ("resumed", "active", "waiting", "failure")} == {
        "resumed": 0,
        "active": 0,
        "waiting": 0,
        "failure": None,
    }
    assert set(about) == {"version", "resumed", "active", "waiting", "failure", "dataDir"}


def test_a_run_comes_back_whole(client: Client, support: Workflow) -> None:
    run = client.run(support, message="my invoice is wrong", show=False)
    assert run.status is ExecutionStatus.COMPLETED
    assert run.is_over
    assert run.text == run.output == "About: About: About: my invoice is wrong"
    assert run.credits == Decimal(4)
    assert run.error is None
    assert run["billing"].text == "About: my invoice is wrong"
    assert run["billing"].outputs == {"text-out": "About: my invoice is wrong"}
    assert run["billing"].usage is not None
    assert run["technical"].status is StepStatus.SKIPPED
    assert repr(run) == f"<Execution {run.id} of 'Customer Support Agent', completed>"


def test_an_unknown_step_is_refused_with_the_steps_there_are(client: Client, chain: Callable[..., Workflow]) -> None:
    run = client.run(chain(), "hello", show=False)
    with pytest.raises(KeyError, match="start, end"):
        run["nobody"]


def test_saving_is_by_name_and_only_when_the_content_differs(client: Client, chain: Callable[..., Workflow]) -> None:
    first = client.save(chain(AGENT))
    assert client.save(chain(AGENT)).id == first.id
    assert client.workflows()["version"].tolist() == [1]
    filled = freeze({"tags": [], "deployed": False})
    assert client.save(replace(first, metadata=filled)).id == first.id
    assert client.workflows()["version"].tolist() == [1]
    changed = client.save(replace(first, description="new"), "why")
    assert changed.id == first.id
    frame = client.workflows()
    assert frame[["name", "version", "description"]].to_numpy().tolist() == [["chain", 2, "new"]]
    assert client.save(chain(AGENT, name="other")).id != first.id
    assert client.workflow("chain") == client.workflow(first.id or "") == changed
    client.delete("other")
    assert client.workflows()["name"].tolist() == ["chain"]


def test_what_is_not_there_is_not_found(client: Client) -> None:
    for wanted in ("nothing", "wf_000000000000"):
        with pytest.raises(NotFound) as caught:
            client.workflow(wanted)
        assert caught.value.code == "WORKFLOW_NOT_FOUND"
    with pytest.raises(NotFound) as caught:
        client.execution("exec_0")
    assert caught.value.code == "EXECUTION_NOT_FOUND"


def test_code_is_imported_with_a_report(client: Client) -> None:
    code = "g = StateGraph(S)\ng.add_node('a', f)\ng.add_edge(START, 'a')\n"
    answer = client.import_code(code, layout="grid")
    assert [node["id"] for node in answer["workflow"]["nodes"]] == ["start", "a", "end"]
    assert answer["workflow"]["nodes"][0]["position"] == {"x": 100, "y": 100}
    assert answer["validation"]["valid"]
    assert answer["report"][0]["line"] == 2
    with pytest.raises(InvalidInput, match="code"):
        client.import_code("def")
    with pytest.raises(InvalidInput, match="layout"):
        client.import_code(code, layout="circle")


def test_an_invalid_workflow_leaves_nothing_behind(client: Client) -> None:
    broken = Workflow.from_dict({"name": "broken", "nodes": [{"id": "a", "type": "agent"}], "edges": []})
    assert not client.validate(broken)["valid"]
    with pytest.raises(Unprocessable):
        client.run(broken, show=False)
    assert client.workflows().empty


def test_inputs_are_a_mapping_or_a_text(client: Client, chain: Callable[..., Workflow]) -> None:
    workflow = chain(AGENT)
    run = client.run(workflow, {"message": "one", "x": 1}, message="two", show=False)
    assert run.snapshot["inputs"] == {"message": "two", "x": 1}
    with pytest.raises(InvalidInput):
        client.run(workflow, ["no"], show=False)  # type: ignore[arg-type]


def test_a_failed_run_is_a_result_whose_output_raises(
    open_client: Callable[..., Client], chain: Callable[..., Workflow]
) -> None:
    client = open_client([ProviderError("The model hung up.", code="HUNG_UP")])
    run = client.run(chain(AGENT), "hello", show=False)
    assert run.status is ExecutionStatus.ERROR
    assert "The model hung up." in repr(run)
    assert run["agent"].error == {"message": "The model hung up.", "code": "HUNG_UP", "retryable": False}
    with pytest.raises(StepError) as caught:
        _ = run.text
    assert caught.value.code == "HUNG_UP"
    assert run.steps.set_index("step").loc["agent", "error"] == "The model hung up."


def test_await_waits_without_holding_the_loop(
    open_client: Callable[..., Client], chain: Callable[..., Workflow]
) -> None:
    gate = asyncio.Event()
    client = open_client(["done"], gate=gate)
    run = client.start(chain(AGENT), "hello")
    assert not run.is_over
    with pytest.raises(Conflict) as caught:
        _ = run.output
    assert caught.value.code == "EXECUTION_NOT_OVER"

    async def waiting() -> object:
        async def open_gate() -> None:
            client.transport.portal.loop.call_soon_threadsafe(gate.set)

        got, _ = await asyncio.gather(_await(run), open_gate())
        return got

    async def _await(execution: object) -> object:
        return await execution  # type: ignore[misc]

    assert asyncio.run(waiting()) is run
    assert run.output is None
    assert run.text == "done"


def test_cancelling(open_client: Callable[..., Client], chain: Callable[..., Workflow]) -> None:
    client = open_client(["never"], gate=asyncio.Event())
    run = client.start(chain(AGENT), "hello")
    assert run.wait(seconds=0).status is not ExecutionStatus.COMPLETED
    assert run.cancel().status is ExecutionStatus.CANCELLED
    with pytest.raises(Conflict) as caught:
        _ = run.output
    assert caught.value.code == "EXECUTION_CANCELLED"
    assert run.cancel() is run


def test_an_interrupt_cancels_the_run(
    open_client: Callable[..., Client], chain: Callable[..., Workflow], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    client = open_client(["never"], gate=asyncio.Event())
    monkeypatch.setattr("builder_jupyter.client.execution.Execution.wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        client.run(chain(AGENT), "hello")
    assert client.executions()["status"].tolist() == ["cancelled"]


def test_a_run_that_waits_for_a_person_comes_back(client: Client, chain: Callable[..., Workflow]) -> None:
    run = client.run(chain(HUMAN), "hello", show=False)
    assert run.status is ExecutionStatus.WAITING
    assert run.snapshot["waitingOn"]["stepId"] == "ask"


def test_frames_have_types_whatever_is_in_them(client: Client, support: Workflow) -> None:
    assert str(client.executions()["created_at"].dtype).startswith("datetime64")
    run = client.run(support, "the login page is broken", show=False)
    steps, events = run.steps, run.events
    assert len(steps) == len(support.nodes)
    assert steps.set_index("step").loc["technical", "status"] == "completed"
    assert steps["credits"].sum() == 4
    assert str(steps["input_tokens"].dtype) == "Int64"
    assert str(steps["started_at"].dt.tz) == "UTC"
    assert events["seq"].is_monotonic_increasing
    assert events["status"].iloc[-1] == "completed"
    assert client.executions("Customer Support Agent")["id"].tolist() == [run.id]


def test_a_display_has_text_and_escaped_html(client: Client, chain: Callable[..., Workflow]) -> None:
    run = client.run(chain(AGENT, name="<b>bold</b>"), "<script>alert(1)</script>\x1b[31m", show=False)
    bundle = run._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "&lt;b&gt;bold" in bundle["text/html"]
    assert "\x1b" not in bundle["text/html"]
    assert "Ada" in bundle["text/plain"]


def test_keys(client: Client) -> None:
    ask, transport = client.transport.portal.wait, client.transport
    made = ask(transport.create_key("ci", ["run:workflows"]))
    assert made["key"].startswith("builder_")
    (listed,) = ask(transport.list_keys())
    assert "key" not in listed
    assert listed["scopes"] == ["run:workflows"]
    ask(transport.revoke_key(made["id"]))
    assert ask(transport.list_keys())[0]["revoked_at"] is not None


def test_a_closed_client_says_so(client: Client) -> None:
    assert repr(client) == "<Client embedded, in memory>"
    client.close()
    client.close()
    with pytest.raises(Unavailable, match="closed"):
        client.workflows()
