"""The calls of models and tools that an attempt makes, from the engine to the journal and back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from engine_kit import engine_of

from builder_jupyter.clock import SystemClock
from builder_jupyter.connectors.fakes import ScriptedModel
from builder_jupyter.errors import ProviderError, StepError
from builder_jupyter.execution.calls import MAX_CALLS, MAX_TEXT, Calls
from builder_jupyter.execution.events import StepCompleted, StepFailed, StepRetrying
from builder_jupyter.execution.records import event_of
from builder_jupyter.execution.run import Run
from builder_jupyter.execution.snapshot import snapshot
from builder_jupyter.execution.status import TriggerType
from builder_jupyter.graph.model import Workflow
from builder_jupyter.nodes.chat import ChatReply, ToolCall, ToolSpec
from builder_jupyter.nodes.registry import default_registry
from builder_jupyter.planning.planner import plan_trigger
from builder_jupyter.storage.memory import MemoryJournal


class Bench:
    def specs(self) -> Sequence[ToolSpec]:
        return (ToolSpec("echo", "", {"x": {"type": "any"}}),)

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if arguments.get("x") == "bad":
            raise StepError("It is bad.", code="BAD", retryable=True)
        return arguments["x"]


def run_node(node: dict[str, Any], model: Any = "done", journal: MemoryJournal | None = None, clock: Any = None) -> Run:
    """Run a graph of one node to its end."""
    workflow = Workflow.from_dict({
        "id": "wf_000000000001", "name": "one",
        "nodes": [{"id": "s", "type": "start"}, {"id": "n", **node}, {"id": "e", "type": "end"}],
        "edges": [{"source": "s", "target": "n"}, {"source": "n", "target": "e"}],
    })  # fmt: skip

    async def execute() -> Run:
        registry = default_registry()
        engine = engine_of(registry, journal=journal, model=ScriptedModel(model), tools=Bench(), clock=clock)
        made = plan_trigger(workflow, "s", registry=registry)
        run = await engine.admit(made, workspace="w", principal="me", trigger=TriggerType.API, inputs={"q": "hi"})
        async with asyncio.timeout(20):
            await run.wait()
        await engine.stop()
        return run

    return asyncio.run(execute())


def calls_of(run: Run) -> list[dict[str, Any]]:
    (step,) = [step for step in snapshot(run.state)["steps"] if step["stepId"] == "n"]
    return list(step["calls"])


def tool(x: Any, **data: Any) -> dict[str, Any]:
    return {"type": "tool", "data": {"tool_name": "echo", "arguments": {"x": x}, **data}}


def test_a_tool_node_leaves_one_row() -> None:
    (call,) = calls_of(run_node(tool("{{state.q}}")))
    assert call.pop("startedAt") > 0
    assert call == {
        "attempt": 1, "kind": "tool", "name": "echo", "arguments": {"x": "hi"}, "result": "hi", "ms": 0,
    }  # fmt: skip


def test_each_round_of_an_agent_leaves_its_rows() -> None:
    replies = [ChatReply("", (ToolCall("c", "echo", {"x": "bad"}),)), "sorry"]
    run = run_node({"type": "agent", "data": {"prompt": "p", "tools": ["echo"], "temperature": 0.5}}, replies)
    first, called, last = calls_of(run)
    assert first["arguments"] == {"temperature": 0.5, "messages": 2, "tools": ["echo"]}
    assert (first["result"], last["result"]) == (None, "sorry")
    assert called["error"] == {"message": "It is bad.", "code": "BAD"}
    assert last["usage"]["outputTokens"] == 1
    assert last["arguments"]["messages"] == 4


def test_attempts_that_fail_leave_theirs() -> None:
    node = tool("bad", retry={"maxAttempts": 2, "initialDelayMs": 1, "jitter": False})
    run = run_node(node, clock=SystemClock())
    assert [(call["attempt"], call["error"]["code"]) for call in calls_of(run)] == [(1, "BAD"), (2, "BAD")]
    model = run_node({"type": "agent", "data": {"prompt": "p"}}, [ProviderError("It refused.", code="NO")])
    (call,) = calls_of(model)
    assert (call["kind"], call["error"]) == ("model", {"message": "It refused.", "code": "NO"})


def test_they_are_read_back_from_the_journal() -> None:
    journal = MemoryJournal()
    run = run_node(
        tool("bad", retry={"maxAttempts": 2, "initialDelayMs": 1, "jitter": False}),
        journal=journal,
        clock=SystemClock(),
    )
    kinds = {type(recorded.event): recorded.event for recorded in run.published()}
    assert {StepRetrying, StepFailed} <= kinds.keys()
    for event in (kinds[StepRetrying], kinds[StepFailed]):
        assert event_of(event.kind, event.body()) == event
        assert event.body()["calls"][0]["name"] == "echo"
    done = next(
        r.event for r in run_node(tool(1)).published() if isinstance(r.event, StepCompleted) and r.event.step == "n"
    )
    assert event_of(done.kind, done.body()) == done


def test_journals_from_before_there_were_calls_are_readable_and_pure_steps_have_none() -> None:
    old = {"step": "n", "visit": 1, "attempt": 1, "outputs": {}}
    event = event_of("step_completed", old)
    assert isinstance(event, StepCompleted)
    assert event.result.calls == ()
    assert "calls" not in event.body()
    failed = event_of("step_failed", {"step": "n", "visit": 1, "attempt": 1, "error": {"message": "m", "code": "C"}})
    assert "calls" not in failed.body()
    run = run_node(tool(1))
    pure = [r.event for r in run.published() if isinstance(r.event, StepCompleted) and r.event.step in "se"]
    assert len(pure) == 2
    assert not any("calls" in event.body() for event in pure)


def test_long_texts_and_many_calls_are_cut() -> None:
    (call,) = calls_of(run_node(tool("x" * 5_000)))
    assert call["result"] == "x" * MAX_TEXT + "…"
    assert isinstance(call["arguments"], str)
    assert len(call["arguments"]) == MAX_TEXT + 1
    calls = Calls(lambda: 0)
    for _ in range(2 * MAX_CALLS):
        calls.note("tool", "t", 0, {})
    assert len(calls.made) == MAX_CALLS
